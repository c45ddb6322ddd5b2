"""`make leaps` as a user calls it: a served judge reads the traces that are shown, and the page has its opinion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from llmc_lib.store import ROOT, Run, read_jsonl
from tests.engines.chat_server import ChatServer, completion
from tests.reporting.conftest import copied

pytestmark = pytest.mark.slow


async def reply(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
    """The first sentence of the reasoning is a leap, whatever it says."""
    prompt = body["messages"][-1]["content"]
    trace = prompt.partition("[reasoning]: ")[2].partition("\n\n[end of the reasoning]")[0]
    quote = re.split(r"(?<=[.!?])\s", trace, maxsplit=1)[0]
    return completion(json.dumps({"leaps": [{"quote": quote, "why": "Nothing <b>shows</b> it."}]}))


def _run(command: str, params: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "llmc_lib", command, str(params)],
        cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


@pytest.mark.usefixtures("warm_python")
def test_a_judges_opinion_goes_into_the_page(
    compare_run: Run, compare_page: Path, tmp_path: Path
) -> None:
    params, judged = copied(compare_run, tmp_path).params_file, tmp_path / "judged.yaml"
    values = yaml.safe_load(params.read_text())
    assert "leap-note" not in compare_page.read_text("utf-8").partition("<body>")[2]

    refused = _run("leaps", params)
    assert refused.returncode != 0
    assert "evaluation.judge: required" in refused.stderr
    assert "Traceback" not in refused.stderr

    with ChatServer(reply) as server:
        judge = {
            "served_as": "small",
            "engine": {"kind": "openai", "endpoints": [server.address]},
        }
        values["evaluation"]["judge"] = judge
        judged.write_text(yaml.safe_dump(values))
        done = _run("leaps", judged)
        assert done.returncode == 0, done.stderr
        asked = len(server.asked)
        assert 12 < asked <= 24  # twelve questions, both models; equal traces are read once
        assert _run("leaps", judged).returncode == 0
        assert len(server.asked) == asked  # nothing is read twice
    found = read_jsonl(tmp_path / "runs" / "compare" / "reasoning" / "leaps.jsonl")
    assert sum(len(row["leaps"]) for row in found) == len(found) == asked

    assert _run("report", params).returncode == 0
    page = tmp_path / "reports" / "compare" / "index.html"
    body = page.read_text("utf-8").partition("<body>")[2]
    assert body.count("the judge’s opinion: Nothing &lt;b&gt;shows&lt;/b&gt; it.") >= asked
    assert '<span class="leap">' in body
