"""`make lab`: JupyterLab on the notebooks, with settings of the checkout's own, and the page that it opens on."""

from llmc_lib.lab.server import open_lab
from llmc_lib.lab.start import write_start

__all__ = ["open_lab", "write_start"]
