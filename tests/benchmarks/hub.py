"""A data set on a server that answers like the hub, read by the real client in a process of its own."""

from __future__ import annotations

import json
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.models import test_hub


def asked(folder: Path, name: str, source: str, files: dict[str, bytes]) -> list[str]:
    """What is loaded of a benchmark whose `source` on the hub has these files: a line a question, or the error."""
    test_hub.DATA_SETS[source] = files
    server = ThreadingHTTPServer(("127.0.0.1", 0), test_hub.Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        settings = [{"name": name, "source": source, "revision": test_hub.COMMIT}]
        address = f"http://127.0.0.1:{server.server_port}"
        return test_hub.run_python(test_hub.ASK, json.dumps(settings), folder, address).splitlines()
    finally:
        server.shutdown()
        server.server_close()
        del test_hub.DATA_SETS[source]
