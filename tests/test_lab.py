"""JupyterLab as `make lab` starts it: headless, over HTTP, with the project's kernel."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "a-token-for-this-test"


def request(port: int, path: str, body: object = None, method: str | None = None) -> Any:
    call = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(call, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text[:1] in (b"{", b"[") else text.decode()


@pytest.mark.slow
def test_lab_opens_notebook_1_with_the_projects_kernel(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "lab.log"
    with open(log, "wb") as output:
        options = (
            f"--no-browser --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 "
            f"--IdentityProvider.token={TOKEN}"
        )
        server = subprocess.Popen(
            ["make", "lab", f"LAB_OPTIONS={options}"],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                request(port, "/api/status")
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.3)
        assert "JupyterLab" in request(port, "/lab/tree/notebooks/1_dataset.ipynb")
        notebook = request(port, "/api/contents/notebooks/1_dataset.ipynb")
        kernel = notebook["content"]["metadata"]["kernelspec"]["name"]
        assert kernel in request(port, "/api/kernelspecs")["kernelspecs"]
        session = request(
            port,
            "/api/sessions",
            {
                "path": "notebooks/1_dataset.ipynb",
                "name": "1_dataset",
                "type": "notebook",
                "kernel": {"name": kernel},
            },
        )
        assert session["kernel"]["name"] == "llmc"
        assert any(k["id"] == session["kernel"]["id"] for k in request(port, "/api/kernels"))
        request(port, "/api/shutdown", {}, "POST")
        assert server.wait(60) == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
