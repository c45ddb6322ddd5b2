"""Texts compared with texts: words, runs of words, and signatures, in compiled loops."""
