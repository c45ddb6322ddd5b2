"""Finished predictions of other evaluators, one module a format.

`read` yields what the files of one import hold, one answer at a time; `import_all` puts all imports of a
run into its store. A new format is a module with `read(path)`, a line in `READERS`, and its
name in `params.ImportParams`.
"""

from llmc_lib.evaluation.importers.files import READERS, detect, find, read
from llmc_lib.evaluation.importers.into_store import import_all, imported
from llmc_lib.evaluation.importers.records import IMPORTED, Imported

__all__ = ["IMPORTED", "READERS", "Imported", "detect", "find", "import_all", "imported", "read"]
