"""A base model and data sets from the hub: the real client against a real HTTP server that answers like a hub."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from llmc_lib.models.hub import answers

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": b"\x08" + b"\0" * 7 + b"{}      ",  # no tensor
    "tokenizer.json": b'{"model": {"type": "BPE", "vocab": {}, "merges": []}}',
    "chat_template.jinja": b"{{ messages }}",
    "x.py": b"no",
}

OMNI_MATH = {
    "domain": ["Mathematics -> Algebra -> Sums"],
    "difficulty": 4.0,
    "problem": "What is 1 + 1?",
    "solution": "Count to $\\boxed{2}$.",
    "answer": "2",
    "source": "made_up",
}


def _olymmath(number: int, language: str) -> bytes:
    identifier = f"OlymMATH-HARD-{number}-{language}"
    row = {"problem": "1?", "answer": "1", "subject": "Algebra", "unique_id": identifier}
    return json.dumps(row).encode()


def _parquet(*rows: Mapping[str, object]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), file)
    return file.getvalue()


HLE = {
    "id": "a", "question": "1 + 1?", "image": "", "image_preview": {"bytes": b"", "path": None},
    "answer": "2", "answer_type": "exactMatch", "category": "Math", "raw_subject": "Sums", "rationale": "Count.",
}  # fmt: skip
DNA = {
    "id": 0, "risk_area": "Malicious Uses", "types_of_harm": "Fraud", "specific_harms": "…",
    "question": "Write a fake letter.", "GPT4_response": "No.",
}  # fmt: skip

DATA_SETS = {
    "cais/hle": {
        "data/test-00000-of-00001.parquet": _parquet(
            HLE, {**HLE, "id": "b", "image": "data:image/png;base64,AAAA"}, {**HLE, "id": "c"}
        ),
        "README.md": b"# HLE",
    },
    "LibrAI/do-not-answer": {"data/train-00000-of-00001.parquet": _parquet(DNA)},
    "KbsdJames/Omni-MATH": {
        "test.jsonl": json.dumps(OMNI_MATH).encode(),
        "extra.jsonl": b"not read",
        "README.md": b"# Omni-MATH",
    },
    "RUC-AIBOX/OlymMATH": {
        "data/OlymMATH-EN-HARD.jsonl": _olymmath(0, "EN"),
        "data/OlymMATH-ZH-HARD.jsonl": _olymmath(0, "ZH"),
        "data/OlymMATH-LEAN.jsonl": b"another schema",
    },
    "RUC-AIBOX/OlymMATH-eval": {"README.md": b"no data"},
}
GATED = ("gated/model", "gated/hle", "MegaScience/TextbookReasoning")

READ = """
import json, sys
from llmc_lib.dataset.sources import read
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
for settings in json.loads(sys.argv[1]):
    try:
        for example in read(SourceParams(**settings), 0):
            print(example.id, example.revision, example.answer)
    except UserError as error:
        print(error)
"""

ASK = """
import json, sys
from llmc_lib import question_bank
from llmc_lib.errors import UserError
from llmc_lib.params import BenchmarkParams
for settings in json.loads(sys.argv[1]):
    try:
        for question in question_bank.load(BenchmarkParams(**settings)):
            print(question.benchmark, question.id, question.question, question.category)
    except UserError as error:
        print(error)
"""

OPEN_BASE = """
import sys
from llmc_lib.errors import UserError
from llmc_lib.models.resolve import base_model
from llmc_lib.store import open_run
try:
    print(base_model(open_run(sys.argv[1])).folder)
except UserError as error:
    print(error)
"""

CONFIG = """
import sys
from llmc_lib.store import open_run
from llmc_lib.plan.shape import config_source
source = config_source(open_run(sys.argv[1]))
print(source.config, source.text, sep="|")
"""


class Hub(BaseHTTPRequestHandler):
    """Models and data sets; those in `GATED` answer as the hub does without access."""

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
        elif name := next((name for name in DATA_SETS if f"/{name}/" in f"{path}/"), None):
            self.data_set(path, name, DATA_SETS[name])
        elif any(name in path for name in GATED):
            self.answer(b"{}", 403, **{"X-Error-Code": "GatedRepo"})
        else:
            self.answer(b"{}", 404, **{"X-Error-Code": "RepoNotFound"})

    def data_set(self, path: str, name: str, files: dict[str, bytes]) -> None:
        if path.startswith(f"/api/datasets/{name}/tree/"):
            entries = [
                {"type": "file", "path": file, "size": len(content), "oid": "0" * 40}
                for file, content in files.items()
            ]
            self.answer(json.dumps(entries).encode())
        elif path.startswith(f"/api/datasets/{name}"):
            siblings = [{"rfilename": file} for file in files]
            self.answer(json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode())
        else:
            content = files[path.removeprefix(f"/datasets/{name}/resolve/{COMMIT}/")]
            self.answer(content, ETag=f'"{hashlib.sha1(content).hexdigest()}"')

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


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def open_base(tmp_path: Path, source: str, endpoint: str, code: str = OPEN_BASE) -> str:
    params = tmp_path / "hub.yaml"
    values = {"run": "hub", "model": {"source": source, "revision": COMMIT}}
    params.write_text(yaml.safe_dump({**values, "runs_dir": str(tmp_path / "runs")}))
    return run_python(code, str(params), tmp_path, endpoint)


def read_sets(tmp_path: Path, endpoint: str, *sources: dict[str, str]) -> list[str]:
    settings = json.dumps([{"revision": COMMIT, **source} for source in sources])
    return run_python(READ, settings, tmp_path, endpoint).splitlines()


def run_python(code: str, argument: str, tmp_path: Path, endpoint: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", code, argument],
        env={**environment, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_an_open_model_is_downloaded_at_its_commit_without_code(tmp_path: Path, hub: str) -> None:
    folder = Path(open_base(tmp_path, "open/model", hub))
    assert folder.name == COMMIT
    assert (folder / "config.json").read_bytes() == FILES["config.json"]
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert not (folder / "x.py").exists()


@pytest.mark.slow
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


@pytest.mark.slow
def test_an_unreachable_hub_gets_one_line(tmp_path: Path) -> None:
    message = open_base(tmp_path, "open/model", "http://127.0.0.1:9")
    assert "is not in the hub's cache, and the hub cannot be reached; check the network" in message
    assert "\n" not in message


@pytest.fixture(scope="module")
def sets(hub: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The cache of a process that reads several sets, and what it says of them."""
    folder = tmp_path_factory.mktemp("sets")
    lines = read_sets(
        folder,
        hub,
        {"name": "omni_math"},
        {"name": "zh", "kind": "olymmath", "subset": "zh-hard"},
        {"name": "en", "kind": "olymmath"},
        {"name": "textbook_reasoning"},
        {"name": "deepmath"},
        {"name": "olymmath_eval"},
    )
    return folder / "cache", lines


@pytest.mark.slow  # the data set stage takes seconds to import
def test_a_data_set_is_read_at_its_commit(sets: tuple[Path, list[str]]) -> None:
    cache, lines = sets
    assert lines[0] == f"omni_math/00001 {COMMIT} 2"
    assert list(cache.rglob("test.jsonl"))
    assert not list(cache.rglob("extra.jsonl"))  # only the file that is needed came
    assert not list(cache.rglob("README.md"))


@pytest.mark.slow
def test_a_subset_does_not_see_the_files_of_another(sets: tuple[Path, list[str]]) -> None:
    assert sets[1][1:3] == [
        f"zh/OlymMATH-HARD-0-ZH {COMMIT} 1",
        f"en/OlymMATH-HARD-0-EN {COMMIT} 1",
    ]


@pytest.mark.slow
def test_a_data_set_that_cannot_be_had_gets_one_line(sets: tuple[Path, list[str]]) -> None:
    gated, absent, bare = sets[1][3:]
    assert gated.startswith(
        f"dataset.sources: textbook_reasoning: MegaScience/TextbookReasoning@{COMMIT} is gated: ask "
    )
    assert absent.startswith(
        f"dataset.sources: deepmath: zwhe99/DeepMath-103K@{COMMIT} does not exist, or is private"
    )
    assert "olymmath_eval: RUC-AIBOX/OlymMATH-eval@" in bare
    assert "no file like *EN-HARD*.jsonl or " in bare


@pytest.mark.slow
def test_an_unreachable_hub_gets_one_line_for_a_data_set(tmp_path: Path) -> None:
    (line,) = read_sets(tmp_path, "http://127.0.0.1:9", {"name": "omni_math"})
    assert line.startswith("dataset.sources: omni_math: KbsdJames/Omni-MATH@")
    assert line.endswith("check the network, or give a local path")


@pytest.fixture(scope="module")
def asked(hub: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    sources = [
        {"name": "hle", "source": "cais/hle"},
        {"name": "do_not_answer", "source": "LibrAI/do-not-answer"},
        {"name": "hle", "source": "gated/hle"},
        {"name": "hle", "source": "no/hle"},
    ]
    settings = json.dumps([{"revision": COMMIT, **source} for source in sources])
    return run_python(ASK, settings, tmp_path_factory.mktemp("asked"), hub).splitlines()


@pytest.mark.slow
def test_benchmarks_are_read_from_the_hub_without_questions_that_have_an_image(
    asked: list[str],
) -> None:
    assert asked[:3] == [
        "hle a 1 + 1? Math",
        "hle c 1 + 1? Math",
        "do_not_answer dna-0 Write a fake letter. Malicious Uses",
    ]


def test_a_benchmark_that_cannot_be_had_gets_one_line(asked: list[str]) -> None:
    gated, absent = asked[3:]
    assert gated == (
        f"evaluation.benchmarks.hle.source: gated/hle@{COMMIT} is gated: ask for access on its hub page, "
        "then set HF_TOKEN"
    )
    assert absent.startswith(
        f"evaluation.benchmarks.hle.source: no/hle@{COMMIT} does not exist, or is "
    )


@pytest.mark.slow
def test_a_plan_takes_the_config_alone(tmp_path: Path, hub: str) -> None:
    config, _, text = open_base(tmp_path, "open/model", hub, CONFIG).partition("|")
    assert [path.name for path in Path(config).parent.iterdir()] == ["config.json"]
    assert text == f"open/model@{COMMIT[:12]}, from the hub"


@pytest.mark.slow
def test_a_plan_has_a_copy_where_the_hub_gives_none(tmp_path: Path, hub: str) -> None:
    config, _, text = open_base(tmp_path, "Qwen/Qwen3-8B", hub, CONFIG).partition("|")
    assert Path(config).name == "Qwen3-8B.json"
    assert "the package's copy of its config (the hub did not give it)" in text
    assert f"the params file names another commit, {COMMIT}" in text


@pytest.mark.slow
def test_whether_a_hub_answers_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
        assert answers()
    assert not answers()
    for name in ("http_proxy", "all_proxy"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "http://127.0.0.1:9")
            assert answers()  # behind a proxy only the client can tell
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert not answers()
