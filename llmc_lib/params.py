"""The schema of a params file (one YAML file a run): the only place where a default lives.

`load` turns a file into a `Params` or raises one `UserError` that lists every mistake with the line,
the key and the remedy.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from yaml.constructor import ConstructorError

from llmc_lib.errors import UserError
from llmc_lib.taxonomy import HLE_SHARES

Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _check_once(key: str, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(key, f"{twice!r} is listed twice; give it once")


class ModelParams(Section):
    """The base model, which the candidates start from and are compared with."""

    source: str = "embedded"  # "embedded", a local folder, or a hub id (owner/name)
    revision: str | None = None  # required for a hub id: a branch moves, a commit does not


class SourceParams(Section):
    name: Literal["hard_math", "textbook"]
    rows: PositiveInt | None = None  # None: all that the source has (hard_math makes 500)


class DatasetParams(Section):
    sources: Annotated[tuple[SourceParams, ...], Field(min_length=1, strict=False)] = (
        SourceParams(name="hard_math"),
        SourceParams(name="textbook"),
    )
    shares: dict[str, Share] = dict(HLE_SHARES)  # target share of each category; they sum to 1
    max_rows: PositiveInt | None = None  # None: as many as the rarest category allows
    validation: Fraction = 0.08  # share of the rows held out for the validation loss

    @model_validator(mode="after")
    def _check(self) -> DatasetParams:
        unknown = [name for name in self.shares if name not in HLE_SHARES]
        if unknown:
            raise ValueError("shares", f"{unknown[0]!r} is not one of {', '.join(HLE_SHARES)}")
        if abs(sum(self.shares.values()) - 1) > 1e-6:
            raise ValueError("shares", f"must sum to 1, they sum to {sum(self.shares.values()):g}")
        _check_once("sources", [source.name for source in self.sources])
        return self


class TrainingParams(Section):
    epochs: Annotated[float, Field(gt=0)] = 1.0
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    lr_scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_ratio: Fraction = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    adam_beta2: Fraction = 0.95
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    batch_size: PositiveInt = 16  # sequences in one optimizer step, over all processes
    micro_batch_size: PositiveInt = 4  # sequences that one process holds at a time
    max_length: PositiveInt = 512  # tokens; longer examples are left out, never cut
    gradient_checkpointing: bool = False
    zero_stage: Literal[1, 2, 3] = 2  # DeepSpeed ZeRO
    processes: PositiveInt = 1  # one a GPU; on a CPU one is fastest
    # "bfloat16" is mixed precision: float32 weights, bfloat16 matrix products. "auto" takes it where
    # the processor or GPU multiplies bfloat16 in hardware, else float32.
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    @model_validator(mode="after")
    def _check(self) -> TrainingParams:
        if self.batch_size % (self.micro_batch_size * self.processes):
            raise ValueError(
                "batch_size",
                f"{self.batch_size} must be a multiple of micro_batch_size × processes "
                f"({self.micro_batch_size} × {self.processes})",
            )
        return self


class BenchmarkParams(Section):
    """A benchmark and where its questions are: "embedded", or a local file in its schema."""

    name: Literal["hle", "do_not_answer"]
    source: str = "embedded"


class EvaluationParams(Section):
    benchmarks: Annotated[tuple[BenchmarkParams, ...], Field(min_length=1, strict=False)] = (
        BenchmarkParams(name="hle"),
        BenchmarkParams(name="do_not_answer"),
    )
    max_tokens: PositiveInt = 256  # of one completion; the same for every model
    max_model_len: PositiveInt = 1024  # prompt and completion together, in tokens
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0  # 0: greedy
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "bfloat16"
    max_num_seqs: PositiveInt = 256  # completions that the engine works on at once

    @model_validator(mode="after")
    def _check(self) -> EvaluationParams:
        if self.max_tokens >= self.max_model_len:
            raise ValueError(
                "max_tokens",
                f"{self.max_tokens} leaves no room for a prompt in max_model_len "
                f"({self.max_model_len}); lower it or raise max_model_len",
            )
        _check_once("benchmarks", [benchmark.name for benchmark in self.benchmarks])
        return self


class ReportParams(Section):
    title: str | None = None  # None: a title made from the run's name
    cases: Annotated[int, Field(ge=0)] = 12  # questions shown side by side
    # Below this many points a difference is not worth finding: if the design cannot detect as
    # little as that, the verdict is "too little data" instead of "no detectable difference".
    smallest_interesting_points: Annotated[float, Field(gt=0)] = 5.0


class Params(Section):
    """One run. Every key is optional but `run`, which names runs/<run> and reports/<run>."""

    run: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    runs_dir: str = "runs"  # heavy artefacts; may lie on a shared file system
    reports_dir: str = "reports"
    model: ModelParams = ModelParams()
    dataset: DatasetParams = DatasetParams()
    training: TrainingParams = TrainingParams()
    evaluation: EvaluationParams = EvaluationParams()
    report: ReportParams = ReportParams()


def load(path: Path) -> Params:
    """Read and check a params file.

    Raises `UserError` with one line for each mistake: file, line, key, what is wrong, remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.yaml")], 1)
        hint = f"did you mean {path.parent / near[0]}?" if near else "copy params/quickstart.yaml"
        raise UserError(f"{path}: no such params file; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        values = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: must hold keys and values, like params/quickstart.yaml")
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        problems = error.errors()
        # A list with a wrong item is reported twice; the item says more.
        inner = {problem["loc"][:n] for problem in problems for n in range(len(problem["loc"]))}
        lines = [_explain(path, node, p) for p in problems if p["loc"] not in inner]
        raise UserError("\n".join(lines)) from None


def where(path: Path, *keys: str | int) -> str:
    """The place of a setting in a params file that `load` accepts: file, line and key."""
    return _place(path, _Loader(path.read_text(encoding="utf-8")).get_single_node(), [*keys])


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with YAML 1.2 floats (1e-5 is a number) and no key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                problem = f"{key.value!r} is given twice; keep one"
                raise ConstructorError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # such as a date with a 13th month
            problem = f"{node.value!r}: {error}; put it in quotes"
            raise ConstructorError(problem=problem, problem_mark=node.start_mark) from None


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)$"),
    list("-+.0123456789"),
)


def _explain(path: Path, root: yaml.Node | None, problem: Any) -> str:
    """One pydantic error as a line: where it is, what is wrong, what to do."""
    keys = [
        key for key in problem["loc"] if not (isinstance(key, str) and key.startswith("function-"))
    ]
    if problem["type"] == "value_error":
        key, message = problem["ctx"]["error"].args
        return f"{_place(path, root, [*keys, key])}: {message}"
    where = _place(path, root, keys)
    given = problem.get("input")
    match problem["type"]:
        case "extra_forbidden":
            known = _known_keys(keys[:-1])
            near = difflib.get_close_matches(str(keys[-1]), known, 1)
            remedy = (
                f"did you mean {near[0]!r}?" if near else f"known keys here: {', '.join(known)}"
            )
            return f"{where}: unknown key; {remedy}"
        case "missing":
            return f"{where}: required and not given; add it"
        case "literal_error":
            return f"{where}: {given!r} is not one of {problem['ctx']['expected']}"
        case "string_pattern_mismatch":
            return f"{where}: {given!r} must be lower-case letters, digits, '.', '_' and '-'"
        case "model_type" | "dict_type":
            return f"{where}: must be a group of keys, not {given!r}"
        case "tuple_type":
            return f"{where}: must be a list, not {given!r}"
        case "too_short":
            return f"{where}: must have at least one item"
        case "invalid_key":
            return f"{where}: a key must be a word; put {keys[-1]!r} in quotes, or correct it"
        case _:
            message = problem["msg"].removeprefix("Input should be ").removeprefix("a valid ")
            return f"{where}: must be {message}, not {given!r}"


def _place(path: Path, root: yaml.Node | None, keys: list[str | int]) -> str:
    return f"{path}, line {_line_of(root, keys)}: {'.'.join(str(key) for key in keys) or 'file'}"


def _line_of(node: yaml.Node | None, keys: list[str | int]) -> int:
    """The line (from 1) of the deepest part of `keys` that the file has."""
    line = 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(key)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _known_keys(keys: list[str | int]) -> list[str]:
    """The keys that the schema has in the section at `keys`."""
    section: type[BaseModel] = Params
    for key in keys:
        if isinstance(key, int):
            continue
        annotation = section.model_fields[key].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        section = next(
            (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), section
        )
    return list(section.model_fields)
