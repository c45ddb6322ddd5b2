"""Responses that prompts of a data set must not get: the other half of preference pairs.

No such text is made up here. A file of answers is read, mostly a model's to the data set's own prompts; the row whose prompt
one of them answers gets it as the response that its own is preferred to.
"""

from __future__ import annotations

from typing import Any

from llmc_lib.dataset.sources._common import local_data, text
from llmc_lib.errors import UserError, shown
from llmc_lib.store.data_files import Row, listing, rows

#: What a file may call the prompt and the response; the first one found is taken.
_PROMPT = ("prompt", "question", "instruction")
_RESPONSE = ("rejected", "response", "completion", "output", "answer")
_GRADE = "harmful"
_VERDICTS: dict[Any, bool] = {
    **dict.fromkeys((True, 1, 1.0, "true", "1", "yes"), True),
    **dict.fromkeys((False, 0, 0.0, None, "", "false", "0", "no", "null", "nan"), False),
}


def rejected_responses(path: str) -> dict[str, str]:
    """Prompt (without white space around it) → a response to it that is to be avoided, of the files at `path`.

    A row has the prompt, the response, and `harmful` where somebody graded it: then only what is harmful is taken. Of several
    responses to a prompt the first is. Raises `UserError` for a row without them, and where nothing is left.
    """
    found: dict[str, str] = {}
    read = 0
    for file in local_data(path, "rejected"):
        for row in rows(file):
            read += 1
            prompt, response = _named(row, _PROMPT), _named(row, _RESPONSE)
            if prompt and response and _is_harmful(row):
                found.setdefault(prompt, response)
    if not found:
        raise UserError(
            f"rejected: none of the {read:,} rows of {path} has a prompt and a harmful response; give answers of which some "
            "are harmful, or leave it out"
        )
    return found


def _named(row: Row, names: tuple[str, ...]) -> str:
    name = next((name for name in names if name in row.record), None)
    if name is None:
        raise UserError(
            f"rejected: {row.where} has no field {' or '.join(names)}; it has: {listing(row.record)}"
        )
    return text(row.record[name]).strip()


def _is_harmful(row: Row) -> bool:
    if _GRADE not in row.record:
        return True
    value = row.record[_GRADE]
    key = value.strip().lower() if isinstance(value, str) else value
    try:
        return _VERDICTS[key] if key == key else False  # NaN: nobody decided
    except (KeyError, TypeError):
        raise UserError(
            f"rejected: {row.where}: {_GRADE!r} must be true or false, not {shown(value)}"
        ) from None
