"""A base model from the hub: the real client against a real HTTP server that answers like a hub."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b'{"model_type": "llama"}', "model.safetensors": b"weights", "x.py": b"no"}

OPEN_BASE = """
import sys
from llmc_lib.errors import UserError
from llmc_lib.models import base_model
from llmc_lib.store import open_run
try:
    print(base_model(open_run(sys.argv[1])).folder)
except UserError as error:
    print(error)
"""


class Hub(BaseHTTPRequestHandler):
    """Two models: open/model, and gated/model, which answers as the hub does without access."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith(f"/api/models/open/model/tree/{COMMIT}"):
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                for name, content in FILES.items()
            ]
            self.answer(json.dumps(entries).encode())
        elif path.startswith("/api/models/open/model"):
            files = [{"rfilename": name} for name in FILES]
            self.answer(json.dumps({"id": "open/model", "sha": COMMIT, "siblings": files}).encode())
        elif path.startswith(f"/open/model/resolve/{COMMIT}/"):
            content = FILES[path.rsplit("/", 1)[1]]
            self.answer(content, ETag=f'"{hashlib.sha1(content).hexdigest()}"')
        elif "gated/model" in path:
            self.answer(b"{}", 403, **{"X-Error-Code": "GatedRepo"})
        else:
            self.answer(b"{}", 404, **{"X-Error-Code": "RepoNotFound"})

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def open_base(tmp_path: Path, source: str, endpoint: str) -> str:
    params = tmp_path / "hub.yaml"
    values = {"run": "hub", "model": {"source": source, "revision": COMMIT}}
    params.write_text(yaml.safe_dump({**values, "runs_dir": str(tmp_path / "runs")}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", OPEN_BASE, str(params)],
        env={**environment, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_open_model_is_downloaded_at_its_commit_without_code(tmp_path: Path, hub: str) -> None:
    folder = Path(open_base(tmp_path, "open/model", hub))
    assert folder.name == COMMIT
    assert (folder / "config.json").read_bytes() == FILES["config.json"]
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert not (folder / "x.py").exists()


@pytest.mark.parametrize(
    ("source", "remedy"),
    [("gated/model", "set HF_TOKEN"), ("no/model", "check the name")],
)
def test_a_model_that_cannot_be_had_gets_one_line(
    tmp_path: Path, hub: str, source: str, remedy: str
) -> None:
    message = open_base(tmp_path, source, hub)
    assert message.startswith("hub.yaml: model.source: " + source)
    assert remedy in message
    assert "\n" not in message


@pytest.mark.slow  # the client retries for half a minute
def test_an_unreachable_hub_gets_one_line(tmp_path: Path) -> None:
    message = open_base(tmp_path, "open/model", "http://127.0.0.1:9")
    assert "cannot be reached" in message
    assert "\n" not in message
