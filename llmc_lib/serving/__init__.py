"""`make serve`: vLLM servers for the models of a run, on this machine or as a Slurm script for several."""

from llmc_lib.serving.launch import serve

__all__ = ["serve"]
