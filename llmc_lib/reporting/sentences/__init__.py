"""What the analysis found, in sentences: the analysis returns numbers and codes, this package has their words.

Each function takes figures as metrics.json has them; `tell` puts the sentences into metrics.json. They are English, or in the
language of a catalogue (`llmc_lib.language`).
"""
