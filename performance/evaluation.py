"""Completions per second of an evaluation: ours, the usual asyncio loop, and vLLM's own benchmark.

    .venv/bin/python performance/evaluation.py [--prompts 64] [--tokens 48] [--passes 2]
    .venv/bin/python performance/evaluation.py --clients 2000

Served: one vLLM server of the embedded model on the CPU; ours (kind: openai), HLE's official loop
(openai.AsyncOpenAI, a semaphore, gather; its answers are written at the end), and `vllm bench serve`, which
writes none. Offline: ours (kind: vllm) and a bare call of `LLM.chat`. The same prompts, in the same order,
the same max_tokens, temperature 0, a process of its own for each, one after the other, and once more in the
other order. What it takes to start a process is not counted: clocks run from the first request to the last
answer, for ours to the moment when it is on disk. Prefix caching is off: a later contender would gain by it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
AT_ONCE, LENGTH = 32, 1024
WAYS = {
    "loop": "HLE's loop (openai.AsyncOpenAI, semaphore, gather)",
    "bench": "`vllm bench serve`",
    "ours": "ours, kind: openai",
    "bare": "bare `LLM.chat`",
    "offline": "ours, kind: vllm",
}
#: (ours, another, at least)
CLAIMS = [("ours", "loop", 1.0), ("ours", "bench", 0.97), ("offline", "bare", 0.97)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--clients", type=int, metavar="REQUESTS")
    parser.add_argument("--only", nargs=2, metavar=("WAY", "FOLDER"))
    options = parser.parse_args()
    if options.only:
        way, folder = options.only
        print(json.dumps(globals()[f"_{way}"](Path(folder), options)))
        return
    if options.clients:
        _clients(options)
        return
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ExitStack() as stack:
            _prepare(folder, options, stack)
            _take_turns(["loop", "bench", "ours"], folder, options, found)
        _take_turns(["bare", "offline"], folder, options, found)
    _show(found, options)


def _take_turns(
    ways: list[str],
    folder: Path,
    options: argparse.Namespace,
    found: dict[str, list[dict[str, float]]],
) -> None:
    for number in range(options.passes):
        for way in ways if number % 2 == 0 else ways[::-1]:
            found[way].append(_run(way, folder, options))
            print(f"  {way}: {found[way][-1]}", file=sys.stderr, flush=True)


def _prepare(folder: Path, options: argparse.Namespace, stack: ExitStack) -> None:
    """The prompts, the base model, and a server of it, as `make serve` starts it."""
    from llmc_lib.dataset.sources import read
    from llmc_lib.models.resolve import base_model
    from llmc_lib.params import SourceParams
    from llmc_lib.serving import launch, servers
    from llmc_lib.store import open_run, write_jsonl

    runs = ROOT / "runs" if (ROOT / "runs" / "_base").is_dir() else folder
    values = {
        "run": "benchmark",
        "runs_dir": str(runs),
        "evaluation": {
            "max_model_len": LENGTH,
            "dtype": "float32",
            "engine": {"max_num_seqs": AT_ONCE, "vllm": {"enable_prefix_caching": False}},
        },
    }
    path = folder / "benchmark.yaml"
    path.write_text(yaml.safe_dump(values))
    run = open_run(path)
    (folder / "model").symlink_to(base_model(run).folder)
    rows = islice(read(SourceParams(name="textbook"), 0), options.prompts)
    prompts = [f"{row.question}\n\nReason briefly, then answer." for row in rows]
    write_jsonl(folder / "prompts.jsonl", ({"prompt": prompt} for prompt in prompts))
    (planned,) = servers.planned(run, servers.chosen(run, None), "127.0.0.1", options.port)
    started = stack.enter_context(launch.Processes())
    if not launch.start_all([planned], started):
        sys.exit("the server did not start")


def _run(way: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    from llmc_lib.engines.vllm import offline_environment

    command = [sys.executable, __file__, "--only", way, str(folder)]
    for name in ("prompts", "tokens", "port"):
        command += [f"--{name}", str(getattr(options, name))]
    env = {
        **os.environ,
        **offline_environment(on_cpu=True),
        "PYTHONPATH": str(ROOT),
        "OPENAI_API_KEY": "none",
    }
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, env=env
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _show(found: dict[str, list[dict[str, float]]], options: argparse.Namespace) -> None:
    rates = {way: [options.prompts / run["seconds"] for run in runs] for way, runs in found.items()}
    middle = {way: statistics.median(values) for way, values in rates.items()}
    print("| | completions/s (median) | least to most | tokens | client's CPU, s |")
    print("|---|---:|---:|---:|---:|")
    for way, words in WAYS.items():
        tokens = statistics.median(run["tokens"] for run in found[way])
        cpu = [run["cpu"] for run in found[way] if run.get("cpu")]
        print(
            f"| {words} | {middle[way]:.2f} | {min(rates[way]):.2f} to {max(rates[way]):.2f} | {tokens:.0f} | "
            f"{f'{statistics.median(cpu):.1f}' if cpu else ''} |"
        )
    for ours, other, least in CLAIMS:
        print(f"\n{ours} / {other}: {middle[ours] / middle[other]:.3f} (claim: at least {least})")


def _prompts(folder: Path) -> list[str]:
    return [json.loads(line)["prompt"] for line in (folder / "prompts.jsonl").open()]


def _cpu() -> float:
    """Processor time of this process so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# ---- served ----------------------------------------------------------------------------------


def _loop(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """After HLE's hle_eval/run_model_predictions.py, with our prompts for its messages."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(
        base_url=f"http://127.0.0.1:{options.port}/v1", timeout=600.0, max_retries=1
    )

    async def attempt_question(prompt: str) -> tuple[str, dict[str, Any]] | None:
        try:
            response = await client.chat.completions.create(
                model="base",
                messages=[{"role": "user", "content": prompt}],
                max_completion_tokens=options.tokens,
                temperature=0.0,
                stream=False,
            )
            content = response.choices[0].message.content
            tokens = json.loads(response.usage.json()) if response.usage else {}
        except Exception as error:
            print("Error:", error, file=sys.stderr)
            return None
        return (content, tokens) if content is not None else None

    async def attempt_all(prompts: list[str]) -> list[tuple[str, dict[str, Any]] | None]:
        semaphore = asyncio.Semaphore(AT_ONCE)

        async def bound_func(prompt: str) -> tuple[str, dict[str, Any]] | None:
            async with semaphore:
                return await attempt_question(prompt)

        return await asyncio.gather(*[bound_func(prompt) for prompt in prompts])

    prompts = _prompts(folder)
    start, cpu = time.monotonic(), _cpu()
    results = asyncio.run(attempt_all(prompts))
    (folder / "loop.json").write_text(json.dumps(results, indent=4))
    seconds, cpu = time.monotonic() - start, _cpu() - cpu
    answers = [result for result in results if result is not None]
    assert len(answers) == len(prompts)
    return {
        "seconds": seconds,
        "tokens": sum(tokens["completion_tokens"] for _, tokens in answers),
        "cpu": cpu,
    }


def _bench(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    command = [
        sys.executable, "-m", "llmc_lib.serving.vllm", "bench", "serve",
        "--backend", "openai-chat", "--endpoint", "/v1/chat/completions",
        "--port", str(options.port), "--model", "base", "--tokenizer", str(folder / "model"),
        "--dataset-name", "custom", "--dataset-path", str(folder / "prompts.jsonl"),
        "--skip-chat-template", "--disable-shuffle", "--custom-output-len", str(options.tokens),
        "--num-prompts", str(options.prompts), "--max-concurrency", str(AT_ONCE),
        "--temperature", "0", "--disable-tqdm",
        "--save-result", "--result-dir", str(folder), "--result-filename", "bench.json",
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=sys.stderr, cwd=ROOT)
    told = json.loads((folder / "bench.json").read_text())
    assert told["completed"] == options.prompts
    return {"seconds": told["duration"], "tokens": told["total_output_tokens"]}


def _ours(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """The worker, in this process: what its parent does is to draw a bar."""
    from llmc_lib.engines import openai
    from llmc_lib.params import EngineParams

    engine = EngineParams(
        kind="openai", endpoints=(f"http://127.0.0.1:{options.port}/v1",), concurrency=AT_ONCE
    )
    return _work(folder, options, openai.main, engine, openai)


def _work(
    folder: Path,
    options: argparse.Namespace,
    worker: Callable[[dict[str, Any]], object],
    engine: Any,
    module: Any,
) -> dict[str, float]:
    from llmc_lib.store import read_jsonl

    shared: Any = import_module("llmc_lib.engines.worker")
    file = folder / "answers.jsonl"
    file.unlink(missing_ok=True)
    times: dict[str, tuple[float, float]] = {}
    emit = shared.emit

    def clock(kind: str, **facts: Any) -> None:
        emit(kind, **facts)
        times[kind] = time.monotonic(), _cpu()  # "done": the last answer is on disk

    module.emit = shared.emit = clock
    worker(
        {
            "model": str(folder / "model"),
            "name": "base",
            "section": "evaluation.engine",
            "engine": engine.model_dump(mode="json"),
            "requests": [
                {
                    "file": str(file), "question_id": str(number), "samples": [0], "seed": 0,
                    "system": "", "prompt": prompt, "prompt_sha256": "",
                    "sampling": {"max_tokens": options.tokens, "temperature": 0.0, "top_p": 1.0},
                }
                for number, prompt in enumerate(_prompts(folder))
            ],
            "max_tokens": options.tokens,
            "max_model_len": LENGTH,
            "temperature": 0.0,
            "dtype": "float32",
            "seed": 0,
        }
    )  # fmt: skip
    seconds, cpu = (end - start for start, end in zip(times["ready"], times["done"], strict=True))
    rows = read_jsonl(file)
    assert [row["finish_reason"] for row in rows].count("failed") == 0
    assert len(rows) == options.prompts
    return {
        "seconds": seconds,
        "tokens": sum(row["completion_tokens"] for row in rows),
        "cpu": cpu,
    }


def _clients(options: argparse.Namespace) -> None:
    options.prompts = options.clients
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model").mkdir()
        lines = [
            json.dumps({"prompt": f"Question {n}: {'word ' * 100}"}) for n in range(options.clients)
        ]
        (folder / "prompts.jsonl").write_text("\n".join(lines))
        command = [sys.executable, __file__, "--only", "instant", name, "--port", str(options.port)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            server.stdout.readline()
            found = [(way, _run(way, folder, options)) for way in ("loop", "ours", "ours", "loop")]
        finally:
            server.terminate()
    for way, run in found:
        print(
            f"{WAYS[way]}: {1e3 * run['cpu'] / options.clients:.2f} ms of processor time a request"
        )


def _instant(folder: Path, options: argparse.Namespace) -> None:
    """A server that answers at once."""
    from aiohttp import web

    message = {"role": "assistant", "content": "word " * 100}
    reply = {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200},
    }

    async def chat(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(reply)

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "base"}]})

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat), web.get("/v1/models", models)])
    web.run_app(app, host="127.0.0.1", port=options.port, print=lambda *_: print("up", flush=True))


# ---- offline ---------------------------------------------------------------------------------


def _offline(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    from llmc_lib.engines import vllm
    from llmc_lib.params import EngineParams

    engine = EngineParams(max_num_seqs=AT_ONCE, vllm={"enable_prefix_caching": False})
    return {**_work(folder, options, vllm.main, engine, vllm), "cpu": 0.0}


def _bare(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    from vllm import LLM, SamplingParams

    llm = LLM(
        model=str(folder / "model"),
        dtype="float32",
        max_model_len=LENGTH,
        max_num_seqs=AT_ONCE,
        enforce_eager=True,
        block_size=32,
        kv_cache_memory_bytes=2 * 2**30,
        enable_prefix_caching=False,
        seed=0,
    )
    turns = [[{"role": "user", "content": prompt}] for prompt in _prompts(folder)]
    sampling = SamplingParams(temperature=0.0, max_tokens=options.tokens)
    start = time.monotonic()
    outputs = llm.chat(turns, sampling, use_tqdm=False)
    seconds = time.monotonic() - start
    return {
        "seconds": seconds,
        "tokens": sum(len(output.outputs[0].token_ids) for output in outputs),
    }


if __name__ == "__main__":
    main()
