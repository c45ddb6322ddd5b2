"""Execute a notebook headless, in a kernel that Ctrl-C reaches."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

#: The kernel that `make install` has made, by its name.
KERNEL = "llmc"
#: In the checkout, ignored by git: what the Jupyter of `make lab` would else keep in the user's home.
JUPYTER = ".jupyter"
#: Seconds: a kernel on a busy machine may take this long to start.
_START_SECONDS = 300
#: Seconds between two interrupts of a kernel, which ignores them between two cells, and until it is killed.
_AGAIN_SECONDS, _PATIENCE_SECONDS = 5.0, 20.0

#: A Unix socket's path has 107 bytes at most; "/kernel-1" is added.
_LONGEST_FOLDER = 97


class KernelError(Exception):
    """There is no kernel: it did not start, or it died; the message says what is known."""


def execute(
    source: Path, executed: Path, parameters: dict[str, Any], kernel: str, cwd: Path
) -> None:
    """Run the notebook `source` with `parameters` and keep it, with its outputs, as `executed`.

    Raises `KernelError`, papermill's `PapermillExecutionError` for an error of a cell, and `KeyboardInterrupt`
    once an interrupt has been passed on to the kernel and has ended its work.
    """
    import papermill

    kernels: list[Any] = []
    ready = threading.Event()
    # It would tell of a kernel's end before we do.
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    sockets = tempfile.TemporaryDirectory(prefix="llmc-", ignore_cleanup_errors=True)
    outcome: Future[None] = Future()

    def work() -> None:
        try:
            papermill.execute_notebook(
                *(str(path).replace("{", "{{").replace("}", "}}") for path in (source, executed)),
                parameters=parameters,
                kernel_name=kernel,
                engine_name=_engine(),
                kernel_manager_class=_manager(kernels, sockets.name),
                on_notebook_start=lambda **_: ready.set(),
                start_timeout=_START_SECONDS,
                cwd=cwd,
                progress_bar=False,
            )
            outcome.set_result(None)
        except BaseException as error:
            outcome.set_exception(error)

    # In the main thread Ctrl-C would end nbclient's event loop in the middle of what it does, and zmq would
    # say at the end what it thinks of that; the kernel's own work would be cut off without a word.
    with sockets:
        threading.Thread(target=work, daemon=True).start()
        try:
            outcome.result()
            _sign(executed, None)  # for the user's own Jupyter
            _sign(executed, cwd / JUPYTER / "data")  # for that of `make lab`
        except KeyboardInterrupt:
            _interrupt(kernels, ready, outcome)
            raise
        except (OSError, UnicodeError):  # of files
            raise
        except Exception as error:
            if type(error).__module__.startswith(("nbclient", "zmq", "jupyter_client", "builtins")):
                said = " ".join(str(error).split()) or type(error).__name__
                raise KernelError(said) from None
            raise


def _engine() -> str:
    """papermill's engine, which writes the notebook when a cell of code begins, while it runs, and at the end. By itself it
    writes before and after each cell, texts as well: a report with all its figures over a hundred times."""
    from papermill.engines import NBClientEngine, papermill_engines

    class Engine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **settings: Any) -> Any:
            write = nb_man.save

            def save() -> None:
                if any(
                    cell.cell_type == "code" and cell.metadata.papermill.status == nb_man.RUNNING
                    for cell in nb_man.nb.cells
                ):
                    write()

            nb_man.save = save
            try:
                return super().execute_managed_notebook(nb_man, kernel_name, **settings)
            finally:
                nb_man.save = write

    papermill_engines.register("llmc", Engine)
    return "llmc"


def _manager(kernels: list[Any], sockets: str) -> Any:
    """A class of kernels' managers that lists each one in `kernels`.

    Their sockets are in the directory `sockets`, where its path is not too long for that: a machine that has no port free
    runs a notebook too, and nobody else's process can reach its kernel. jupyter_client's own choice is the working
    directory, where two kernels that start at the same time take the same.
    """
    from jupyter_client.manager import AsyncKernelManager

    class Manager(AsyncKernelManager):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings)
            if len(sockets) <= _LONGEST_FOLDER:
                self.transport, self.ip = "ipc", f"{sockets}/kernel"
            kernels.append(self)

    return Manager


def _sign(executed: Path, data: Path | None) -> None:
    """Have Jupyter trust what was executed here, as it does what is executed in it.

    The signature is in its `data` folder, None: the user's (JUPYTER_DATA_DIR). Where that cannot be written, the notebook
    is one that nobody trusts, and shows the same.
    """
    import nbformat
    from nbformat.sign import NotebookNotary

    with suppress(Exception):
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
        with NotebookNotary(**({} if data is None else {"data_dir": str(data)})) as notary:
            notary.sign(nbformat.read(executed, as_version=4))


def add_error(executed: Path, name: str, message: str) -> None:
    """Show an error in the last cell of an executed notebook that was begun: a kernel that has died could not."""
    import nbformat

    try:
        notebook = nbformat.read(executed, as_version=4)
    except (OSError, ValueError):  # it did not get that far
        return
    begun = [
        cell
        for cell in notebook.cells
        if cell.get("metadata", {}).get("papermill", {}).get("start_time")
    ]
    if begun:
        lines = message.splitlines()
        begun[-1].outputs.append(
            nbformat.v4.new_output("error", ename=name, evalue=message, traceback=lines)
        )
        nbformat.write(notebook, executed)


def _interrupt(kernels: list[Any], ready: threading.Event, outcome: Future[None]) -> None:
    """Interrupt the kernel until the notebook has ended. One that takes too long is killed, and so is one that
    still starts: it has done nothing yet, and would tell of its interrupted imports in a traceback."""
    start = time.monotonic()
    while not outcome.done():
        works = ready.is_set()
        patient = works and time.monotonic() - start < _PATIENCE_SECONDS
        for kernel in kernels:
            if pid := getattr(kernel.provisioner, "pid", None):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT if patient else signal.SIGKILL)
        with suppress(TimeoutError):
            outcome.exception(_AGAIN_SECONDS if works else 0.2)
