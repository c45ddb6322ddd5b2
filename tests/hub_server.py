"""A server that answers like the hub to whoever creates a repository and uploads to it."""

from __future__ import annotations

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_thisIsASecret"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Answers what huggingface_hub asks to create a repository and to commit files to it.

    Owners: "me" may write, "other" refuses the token (403). The repository me/open is there and public.
    """

    server: HubServer

    def do_GET(self) -> None:
        self.answer({"id": "x/y", "private": "/me/open" not in self.path, "sha": COMMIT})

    def do_PUT(self) -> None:
        self.server.uploads[self.path.rsplit("/", 1)[1]] = self.body()
        self.answer({})

    def do_POST(self) -> None:
        body, path, hub = self.body(), self.path, self.server
        hub.asked.append((path, self.headers.get("Authorization", "")))
        if hub.status != 200 or self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer({"error": "no"}, hub.status if hub.status != 200 else 401)
        elif path == "/api/repos/create":
            made = json.loads(body)
            hub.created.append(made)
            url = f"{hub.url}/{_place(made['type'])}{made['organization']}/{made['name']}"
            refused = 403 if made["organization"] == "other" else 200
            self.answer({"url": url}, 409 if made["name"] == "open" else refused)
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            files = json.loads(body)["files"]
            modes = [
                {"path": f["path"], "uploadMode": _mode(f), "shouldIgnore": False} for f in files
            ]
            self.answer({"files": modes}, 403 if "/other/" in path else 200)
        elif path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            for thing in objects:
                thing["actions"] = {"upload": {"href": f"{hub.url}/store/{thing['oid']}"}}
            self.answer({"transfer": "basic", "objects": objects})
        elif "/commit/" in path:
            hub.commits.append([json.loads(line) for line in body.splitlines()])
            repo = path.removeprefix("/api/").removeprefix("models/").partition("/commit/")[0]
            address = f"{hub.url}/{repo}/commit/{COMMIT}"
            self.answer({"commitUrl": address, "commitOid": COMMIT})
        else:
            self.answer({}, 404)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, body: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def _mode(file: dict[str, Any]) -> str:
    return "lfs" if file["path"].endswith((".parquet", ".safetensors")) else "regular"


def _place(kind: str) -> str:
    return "datasets/" if kind == "dataset" else ""


class HubServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hub)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.status = 200
        self.asked: list[tuple[str, str]] = []
        self.created: list[dict[str, Any]] = []
        self.uploads: dict[str, bytes] = {}
        self.commits: list[list[dict[str, Any]]] = []

    def received(self) -> dict[str, bytes]:
        """The files of the last commit, as they arrived."""
        files = {}
        for line in self.commits[-1]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.uploads[value["oid"]]
        return files
