"""The offline vLLM engine as a worker (see `worker`): all requests in one batch.

python -m llmc_lib.engines.vllm SPEC.json
"""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path
from typing import Any

from llmc_lib.engines import harness
from llmc_lib.engines.arguments import engine_arguments, unknown
from llmc_lib.engines.formats import ReasoningFormat, format_of
from llmc_lib.engines.worker import Answer, Answers, answer, run
from llmc_lib.errors import UserError
from llmc_lib.models.thinking import opens
from llmc_lib.params import EngineParams
from llmc_lib.processes.workers import emit


def _name() -> str:
    from vllm import __version__

    return f"vllm {__version__}"


def environment(*, on_cpu: bool) -> dict[str, str]:
    """What vLLM needs in its environment, offline or as a server."""
    variables = {
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",  # every model is a local folder by now
        "TOKENIZERS_PARALLELISM": "false",
    }
    if on_cpu:
        variables |= {
            # Else one core is kept idle, which halves a laptop's speed.
            "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
            "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        }
    return variables


def offline_environment(*, on_cpu: bool) -> dict[str, str]:
    """`environment`, and what the worker needs beside it."""
    variables = {**environment(on_cpu=on_cpu), "VLLM_LOGGING_LEVEL": "WARNING"}
    if on_cpu:
        # The worker is a process of its own already. On a GPU the engine in one more process does the
        # next step while this one turns tokens into text.
        variables["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    return variables


def main(spec: dict[str, Any]) -> object:
    """Answer the requests of a spec; returns what need not be taken down at the end. Raises `UserError` for arguments that
    vLLM does not know, and for a predictions file that another process writes to."""
    if spec["engine"]["nodes"] > 1:
        raise UserError(
            f"{spec['section']}.nodes: the offline engine has one machine; start a server with `make serve` "
            "and give kind: openai and its address as endpoints"
        )
    with Answers(spec["requests"]) as answers:
        if found := unknown(spec["engine"]["vllm"]):
            raise UserError(f"{spec['section']}.vllm.{found}")
        return _generate(spec, answers)


def _generate(spec: dict[str, Any], answers: Answers) -> object:
    import torch
    from vllm import LLM

    on_cpu = not torch.cuda.is_available()
    params = EngineParams.model_validate(spec["engine"])
    arguments = engine_arguments(spec["model"], spec, params, on_cpu=on_cpu)
    form = format_of(Path(arguments.get("tokenizer", spec["model"])))
    if spec.get("json_schema"):
        # The reply must have the form, and not the reasoning before it.
        arguments["reasoning_parser"] = form.parser or ""
    engine = LLM(**arguments, disable_log_stats=True)
    made_by = answers.made_by(harness.of_vllm(engine.llm_engine.vllm_config, _name()))
    emit("ready")
    start = time.monotonic()
    pending = _add_requests(engine, spec, form, answers)
    while engine.llm_engine.has_unfinished_requests():
        ended = []
        for output in engine.llm_engine.step():
            if not output.finished:
                continue
            choice = output.outputs[0]
            request, sample, opened = pending.pop(output.request_id)
            reasoning, response = form.split(choice.text, opened=opened)
            ended.append(
                answer(
                    request,
                    sample,
                    choice.finish_reason or "stop",
                    engine=_name(),
                    harness=made_by,
                    reasoning=reasoning,
                    response=response,
                    prompt_tokens=len(output.prompt_token_ids or ()),
                    completion_tokens=len(choice.token_ids),
                    seconds=time.monotonic() - start,
                )
            )
        if ended:
            answers.add(ended)
    # On GPUs it has processes and shared memory of its own.
    return engine if on_cpu else None


def _add_requests(
    engine: Any, spec: dict[str, Any], form: ReasoningFormat, answers: Answers
) -> dict[str, tuple[dict[str, Any], int, bool]]:
    """Queue every completion of a spec; a prompt that leaves too little room is answered as failed.

    Returns name → (request, sample number, does the prompt open the reasoning?).
    """
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    schema = spec.get("json_schema")
    tokenizer = engine.get_tokenizer()
    pending = {}
    for number, request in enumerate(spec["requests"]):
        turns = [{"role": "user", "content": request["prompt"]}]
        if request["system"]:
            turns.insert(0, {"role": "system", "content": request["system"]})
        own = request["sampling"]
        text = tokenizer.apply_chat_template(
            turns,
            add_generation_prompt=True,
            tokenize=False,
            **own.get("chat_template_kwargs", {}),
        )
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        room = spec["max_model_len"] - len(ids)
        limit = room if own["max_tokens"] == "max" else own["max_tokens"]
        if limit < 1 or limit > room:
            answers.add(_too_long(spec, request, len(ids)))
            continue
        for sample in request["samples"]:
            name = f"{number}-{sample}"
            sampling = SamplingParams(
                temperature=own["temperature"],
                top_p=own["top_p"],
                top_k=own.get("top_k", 0),
                min_p=own.get("min_p", 0.0),
                presence_penalty=own.get("presence_penalty", 0.0),
                max_tokens=limit,
                seed=request["seed"] + sample,
                skip_special_tokens=not form.special,
                structured_outputs=StructuredOutputsParams(json=schema) if schema else None,
            )
            engine.llm_engine.add_request(name, {"prompt_token_ids": ids}, sampling)
            pending[name] = request, sample, opens(text)
    return pending


def _too_long(spec: dict[str, Any], request: dict[str, Any], tokens: int) -> list[Answer]:
    # Cutting the limit for one question would treat questions differently.
    room = max(spec["max_model_len"] - tokens, 0)
    error = (
        f"the prompt has {tokens} tokens and leaves {room} of max_model_len "
        f"({spec['max_model_len']}), fewer than max_tokens ({request['sampling']['max_tokens']})"
    )
    return [
        answer(request, sample, "failed", engine=_name(), prompt_tokens=tokens, error=error)
        for sample in request["samples"]
    ]


if __name__ == "__main__":
    # By default Python looks for garbage after 700 new objects: an eighth of the time in which vLLM is imported.
    gc.set_threshold(100_000)
    run(main)
