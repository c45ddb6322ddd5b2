"""What turns prompts into completions, and what grades them: the sections `evaluation.engine`, `.judge` and `.repeat`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator

from llmc_lib.errors import instead, shown
from llmc_lib.params.common import (
    Length,
    ModelParams,
    Name,
    PositiveInt,
    Processes,
    Section,
)
from llmc_lib.params.vllm_arguments import check_vllm

#: What servers call a model. It becomes an argument of a command: never an option.
ServedName = Annotated[str, Field(pattern=r"^[\w./][\w./:@+-]*$", max_length=300)]
#: What an engine computes in. "auto": bfloat16 where the processor or GPU multiplies it in hardware, else float32.
Dtype = Literal["auto", "float32", "bfloat16", "float16"]


def _is_address(address: str) -> bool:
    """Is this the address of a server? A key may hide behind "@", "?" and "#"."""
    try:
        parts = urlsplit(address)
        return bool(
            re.fullmatch(r"https?://[^\s@?#]+", address)
            and address.isprintable()
            and len(address) <= 1000
            and re.fullmatch(r"[\w.:%-]+", parts.hostname or "")
            and parts.port != 0
        )
    except ValueError:  # a port of six digits, half a bracket
        return False


class EngineParams(Section):
    """What turns prompts into completions: vLLM in a process of its own, or served models."""

    # "vllm": the offline engine on this machine. "openai": OpenAI-compatible servers, such as those of
    # `make serve`.
    kind: Literal["vllm", "openai"] = "vllm"
    # Completions that a vLLM engine works on at once.
    max_num_seqs: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    # A replica has tensor_parallel × pipeline_parallel GPUs. "vllm" has one replica; `make serve` starts
    # data_parallel of them, each a server with a port of its own.
    tensor_parallel: Processes = 1
    pipeline_parallel: Processes = 1
    data_parallel: Processes = 1
    # Machines that a replica spans; above 1 `make serve` writes a Slurm script
    nodes: Processes = 1
    # Further arguments of vLLM's engine, by their names in its EngineArgs: rope scaling in
    # hf_overrides, gpu_memory_utilization, quantization, …
    vllm: dict[str, Any] = {}
    # Of `make serve`, which takes the reasoning out of the content. None: by the model's chat template;
    # "": none.
    reasoning_parser: Annotated[str, Field(pattern=r"^([a-z0-9]\w*)?$", max_length=60)] | None = (
        None
    )
    # Of kind "openai": addresses up to /v1. A model is asked of those that serve it.
    endpoints: Annotated[tuple[str, ...], Field(max_length=1000, strict=False)] = ()
    # Our name of a model → the servers'; a model not named: the same.
    served_as: dict[str, ServedName] = {}
    api_key: str = "OPENAI_API_KEY"  # the environment variable that has it, never the key itself
    # Requests that an endpoint has at once.
    concurrency: Annotated[int, Field(ge=1, le=100_000)] = 256
    timeout_minutes: Annotated[float, Field(ge=0.001, le=1e5)] = 240.0  # of one completion
    # Of one request, before it counts as failed; and looks at dead servers, before all are given up.
    retries: Annotated[int, Field(ge=0, le=10_000)] = 5

    @model_validator(mode="after")
    def _check(self) -> EngineParams:
        check_vllm(self.vllm)
        gpus = self.tensor_parallel * self.pipeline_parallel
        if gpus % self.nodes:
            raise ValueError(
                "nodes",
                f"{self.nodes} machines cannot share {gpus} GPUs evenly (tensor_parallel × pipeline_parallel)",
            )
        if self.kind == "openai" and not self.endpoints:
            raise ValueError("endpoints", "required: addresses such as http://127.0.0.1:8000/v1")
        for address in self.endpoints:
            if not _is_address(address):
                raise ValueError(
                    "endpoints",
                    f"{shown(address)} must be an address such as http://127.0.0.1:8000/v1",
                )
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.api_key):
            raise ValueError(
                "api_key", "must be the name of an environment variable, never the key itself"
            )
        return self


class JudgeParams(Section):
    """A model that grades in addition to the rules, with the rubric that each benchmark declares."""

    model: ModelParams | None = None  # with engine "vllm": the judge's weights
    served_as: ServedName | None = None  # with engine "openai": what the servers call it
    engine: EngineParams = EngineParams()
    # True: its grades are the main figures. False: the rules' grades are, and the judge's are shown next to them.
    decides: bool = True
    max_tokens: PositiveInt = 4096
    max_model_len: Length = 32768
    retries: Annotated[int, Field(ge=0, le=100)] = 2  # of a reply that is not in the required form

    @model_validator(mode="after")
    def _check(self) -> JudgeParams:
        if self.engine.kind == "vllm" and self.model is None:
            raise ValueError("model", "required: the judge, as `model` of a run is given")
        if self.engine.kind == "openai" and self.served_as is None:
            raise ValueError("served_as", "required: what the endpoints call the judge")
        if self.max_tokens >= self.max_model_len:
            raise ValueError(
                "max_tokens", f"must be less than max_model_len ({self.max_model_len})"
            )
        return self


class RepeatParams(Section):
    """A model of the evaluation that answers all questions a second time, to measure what the harness alone changes
    (docs/harness.md). It is not a candidate."""

    model: Name = "base"  # or one of evaluation.models, or a trained one ("step-18")
    # Keys of `evaluation.engine` that differ, and `dtype`: {max_num_seqs: 1, dtype: float32}. {}: the same engine again.
    engine: dict[str, Any] = {}

    def engine_of(self, engine: EngineParams) -> EngineParams:
        """The engine of the second time. Raises pydantic's `ValidationError`."""
        given = {key: value for key, value in self.engine.items() if key != "dtype"}
        vllm = given.get("vllm")
        if isinstance(vllm, Mapping):
            given["vllm"] = {**engine.vllm, **vllm}
        return EngineParams.model_validate({**engine.model_dump(), **given})

    def check(self, engine: EngineParams) -> None:
        """Can `engine` be changed so? Raises `ValueError(keys, message)`."""
        known = (*EngineParams.model_fields, "dtype")
        for key in self.engine:
            if key not in known:
                hint = instead(str(key), known, f"known: {', '.join(known)}")
                raise ValueError(("engine", key), f"is not a key of evaluation.engine; {hint}")
        dtype = self.engine.get("dtype", "auto")
        if dtype not in get_args(Dtype):
            raise ValueError(
                ("engine", "dtype"), f"{shown(dtype)} is not one of {', '.join(get_args(Dtype))}"
            )
        try:
            self.engine_of(engine)
        except ValidationError as error:
            problem = error.errors()[0]
            keys = ("engine", *problem["loc"])
            if problem["type"] != "value_error":
                what = problem["msg"].removeprefix("Input should be ").removeprefix("a valid ")
                raise ValueError(keys, f"must be {what}, not {shown(problem['input'])}") from None
            *key, message = problem["ctx"]["error"].args
            inside = key[0] if key and isinstance(key[0], tuple) else key
            raise ValueError((*keys, *inside), message) from None
