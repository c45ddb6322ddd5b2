"""Start JupyterLab on the checkout, and leave the user's own Jupyter alone.

Its configuration, workspaces, signatures and history are in the checkout's `.jupyter`: what a person chooses there (a
theme, say) stays for the next time, what they have chosen for other work neither helps nor harms, and nothing is
written into their home.
"""

from __future__ import annotations

import getpass
import ipaddress
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.lab.start import write_start
from llmc_lib.processes.notebooks import JUPYTER, KERNEL

_SETTINGS = Path(__file__).parent / "settings"
#: Variables by which a person points their own Jupyter to their own files.
_THEIRS = (
    "JUPYTER_CONFIG_PATH", "JUPYTER_PATH", "JUPYTER_NO_CONFIG", "JUPYTERLAB_DIR", "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)  # fmt: skip


def open_lab(
    root: Path, host: str = "127.0.0.1", port: int | None = None, options: Sequence[str] = ()
) -> int:
    """Run JupyterLab on the checkout `root` until it is shut down; returns the exit status.

    `options` are JupyterLab's own and come last. Raises `UserError` where other machines could use the server
    without a token or password.
    """
    start = write_start(root)
    variables = environment(os.environ, root / JUPYTER)
    os.environ.clear()
    os.environ.update(variables)
    # Not before: where its files are is decided at the import.
    from jupyterlab.labapp import LabApp

    server = LabApp.initialize_server(argv=[*arguments(root, start, host, port), *options])
    _refuse_strangers(server)
    address = told(server.ip, server.port, server.identity_provider.token)
    # Told when the server listens, for which there is an earlier callback.
    server.io_loop.add_callback(print, address, flush=True)
    server.identity_provider.token_generated = False  # we have told it
    server.start()
    return 0


def environment(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of the server and its kernels, in which all that Jupyter and IPython keep is in `folder`."""
    kept = {name: value for name, value in given.items() if name not in _THEIRS}
    return {
        **kept,
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }


def arguments(root: Path, start: Path, host: str, port: int | None) -> list[str]:
    """The options of JupyterLab: the start page, the one kernel that can run our notebooks, and neither news nor
    updates, as each would ask the network."""
    chosen = [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"] if port else []
    return [
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.ip={host}",
        *chosen,
        "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR",
        f"--LabApp.default_url=/lab/tree/{start}",
        f"--LabApp.app_settings_dir={_SETTINGS}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--LanguageServerManager.autodetect=False",  # it would ask npm, which keeps a log in the home
        f"--MultiKernelManager.default_kernel_name={KERNEL}",
        f"--KernelSpecManager.allowed_kernelspecs={KERNEL}",
        "--KernelSpecManager.ensure_native_kernel=False",
        *([] if _has_screen() else ["--no-browser"]),
        *(["--allow-root"] if os.getuid() == 0 else []),
    ]


def told(host: str, port: int, token: str) -> str:
    """Where JupyterLab is, for the person at this machine and for one at another."""
    query = f"/?token={token}" if token else "/"
    here = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - compared, not listened on
    shown = f"[{here}]" if ":" in here else here
    name, user = socket.gethostname(), getpass.getuser()
    lines = [f"JupyterLab: http://{shown}:{port}{query}"]
    if not is_loopback(host):
        lines.append(f"From other machines: http://{name if here != host else shown}:{port}{query}")
    lines += [
        f"Through ssh: ssh -L {port}:{shown}:{port} {user}@{name}, then http://127.0.0.1:{port}{query}",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def is_loopback(host: str) -> bool:
    """Can this machine alone reach a server that listens on `host`?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_strangers(server: Any) -> None:
    if server.sock or is_loopback(server.ip) or server.identity_provider.auth_enabled:
        return
    raise UserError(
        f"HOST={server.ip or '*'}: without a token anybody who reaches this machine could run programs on it as you; "
        "leave the token on, or listen on 127.0.0.1 and use ssh -L"
    )


def _has_screen() -> bool:
    """Is there a desktop on which a browser can open? Over ssh it would open a text browser in the terminal."""
    if sys.platform != "linux":
        return True
    there = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return there and not os.environ.get("SSH_CONNECTION")
