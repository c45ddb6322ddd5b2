"""Arguments that a params file passes on to a library: which, of what kind, and why others are not.

A library takes more than settings: names of classes that it imports, files of code, pickles, addresses that
it writes to. A params file travels with its report; whoever runs one must not run what it names. So each
argument that may be given is listed with its kind, and no kind can name a module, a file or a host.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from llmc_lib.errors import instead, shown

#: A name out of a library's own list: no dot, slash or colon, with which a module or file is named.
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]*$", max_length=60)]
Words = Annotated[list[Word], Field(max_length=100)]
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Wholes = Annotated[list[Whole], Field(max_length=1000)]
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Share = Annotated[float, Field(gt=0, le=1)]
Switch = bool
Token = Annotated[str, Field(max_length=100)]  # of a tokenizer: "<|im_end|>"
#: A setting of a model's or a library's whose kind depends on its name.
Plain = bool | int | Number | Word | None
PlainGroup = Annotated[
    dict[Word, Plain | Annotated[list[Plain], Field(max_length=1000)]], Field(max_length=50)
]

#: What an argument would do that no params file can ask for.
CODE = "it names code to be loaded, and a params file runs none"
FILE = "it names a file or folder to read or write"
NETWORK = "it names a host or an account to be connected to"
LOCAL = "it is set by this package, which relies on it"


def check(
    key: str,
    given: Mapping[str, Any],
    known: Mapping[str, Any],
    ours: Mapping[str, str],
    never: Mapping[str, str],
    library: str,
    why: Mapping[str, str] | None = None,
) -> None:
    """Check arguments of the section `key` against their kinds. Raises `ValueError(keys, message)`.

    `known`: argument → type; `ours`: argument → the setting that sets it; `never`: argument → reason;
    `why`: argument → why it may not be anything else. None is the library's default, and always taken.
    """
    for name, value in given.items():
        if name in ours:
            raise ValueError((key, name), f"is set by {ours[name]}; give it there")
        if name in never:
            raise ValueError((key, name), f"is not for a params file: {never[name]}")
        if name not in known:
            hint = instead(name, known, f"known: {', '.join(sorted(known))}")
            raise ValueError(
                (key, name),
                f"is not one of the arguments of {library} that a params file may set; {hint}",
            )
        if value is not None:
            _check_kind((key, name), value, known[name], (why or {}).get(name, ""))


def _check_kind(keys: tuple[str, ...], value: Any, kind: Any, why: str) -> None:
    try:
        _adapter(kind).validate_python(value)
    except ValidationError as error:
        problems = error.errors()  # of several kinds, what a text lacks to be a word says most
        left_out = (p for p in problems if p["type"] == "extra_forbidden")
        said_of = (p for p in problems if p["type"] in _SAID)
        problem = next(left_out, None) or next(said_of, problems[0])
        inner = [part for part in problem["loc"] if isinstance(part, int) or part in _keys(value)]
        said = problem["msg"].removeprefix("Input should be ").removeprefix("a valid ")
        said = _SAID.get(problem["type"], said)
        if problem["type"] == "extra_forbidden":
            said = f"left out: {'.'.join(map(str, inner))} is not for a params file"
        reason = f": {why}" if why else ""
        raise ValueError(
            (*keys, *inner), f"must be {said}, not {shown(problem['input'])}{reason}"
        ) from None


def _keys(value: Any) -> set[str]:
    """All keys of a tree; pydantic's places have names of types among them."""
    if isinstance(value, dict):
        return {str(key) for key in value}.union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


_SAID = {
    "string_pattern_mismatch": "a plain word, which names no module, file or host",
    "string_too_long": "shorter",
    "too_long": "shorter",
}


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    if isinstance(kind, type) and hasattr(kind, "model_fields"):
        return TypeAdapter(kind)
    return TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False))


def one_of(*names: str) -> Any:
    """The kind of an argument that is one of these words."""
    return Literal[names]  # type: ignore[valid-type]
