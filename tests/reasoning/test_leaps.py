"""Leaps, through a real OpenAI-compatible server: quoted word for word, asked for once, kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from llmc_lib.models.resolve import ServedModel
from llmc_lib.params import EngineParams, JudgeParams
from llmc_lib.reasoning.leaps import Reading, find_leaps, read_leaps
from tests.engines.chat_server import ChatServer, completion

TRACE = "The numbers are {1} and 2. Clearly the sum of all primes is even. So it is 4."


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """The judge is asked in a process of its own."""


async def reply(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
    """A judge with one good quote, one that it made up, and one empty."""
    prompt = body["messages"][-1]["content"]
    if "mumble" in prompt:
        return completion("I see no leap.")
    leaps = [
        {"quote": "Clearly the sum of all primes is even.", "why": "Nothing <b>shows</b> it."},
        {"quote": "Clearly every prime is odd.", "why": "2 is even."},
        {"quote": " ", "why": ""},
    ]
    return completion(f"Here: {json.dumps({'leaps': leaps})}")


@pytest.mark.slow
def test_quotes_are_verbatim_and_no_trace_is_read_twice(tmp_path: Path) -> None:
    with ChatServer(reply) as server:
        params = JudgeParams(
            served_as="small", engine=EngineParams(kind="openai", endpoints=(server.address,))
        )
        judge = ServedModel("small", "small", "small")
        traces = {"a": ("What is {1} + 1?", TRACE), "b": ("?", "mumble")}

        def read() -> dict[str, Reading]:
            return find_leaps(traces, judge, params, tmp_path, dtype="auto", seed=0)

        found = read()
        (leap,) = found["a"].leaps
        assert TRACE[leap.start : leap.end] == "Clearly the sum of all primes is even."
        assert (leap.why, found["a"].dropped, found["a"].answered) == (
            "Nothing <b>shows</b> it.",
            2,
            True,
        )
        assert found["b"] == Reading((), 0, answered=False)
        assert len(server.asked) == 2
        assert (
            "[reasoning]: The numbers are {1} and 2."
            in server.asked[0]["messages"][-1]["content"]
            + (server.asked[1]["messages"][-1]["content"])
        )
        assert read() == found == read_leaps(tmp_path)
        assert len(server.asked) == 2
