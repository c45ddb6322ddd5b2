"""The reward functions, and what they have in common: each completion is looked at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from llmc_lib.errors import UserError
from llmc_lib.models.thinking import opens, split_reasoning, unclosed
from llmc_lib.rewards.apart import Apart, Lost

if TYPE_CHECKING:
    # For the process apart it would be half of its start.
    from llmc_lib.params import RewardParams

RewardFunction = Callable[..., list[float | None]]

_NO_ANSWER = ("no final answer", "no choice named", "empty", "no response")
#: Further numbers of the log, each a mean over the completions of a step: name → that of a completion.
_MEANS: dict[str, Callable[[Facts], float]] = {
    # Share whose reference could not be compared with anything: no reward.
    "answers/undecided": lambda f: f.right is None,
    "answers/missing": lambda f: f.rule in _NO_ANSWER,
    # Share with a right answer and another one: counted as wrong.
    "answers/two": lambda f: f.rule == "two answers",
    "claims/false": lambda f: f.false,
    # Share whose reasoning block was not closed, or is followed by nothing.
    "form/open": lambda f: f.open,
    "form/repeated": lambda f: f.repeated,
    "rewards/lost": lambda f: f.lost,  # took too long, or crashed the process
}
#: And the claims of arithmetic that could be decided, by the tokens.
_CLAIMS = "claims/per_thousand_tokens"
LOGGED = (*_MEANS, _CLAIMS)
#: What whoever starts a run sets to allow a function of the user's.
ALLOW = "LLMC_OWN_REWARD"

# A run of so many words that comes again is repetition. Lists of numbers and steps of one form have shorter ones.
_RUN = 8


@dataclass(frozen=True)
class Facts:
    """What the rewards are made of, of one completion."""

    right: bool | None  # None: cannot be decided
    rule: str
    checked: int
    false: int
    claims_lost: bool
    open: bool
    finished: bool
    repeated: float
    tokens: int
    lost: bool


def reward_functions(params: RewardParams) -> list[RewardFunction]:
    """The functions that have a weight, in the order of `params.weights`. They share what they find out of a
    completion, and one process in which that is computed; they may be called from any thread.

    Where the verified answer cannot be decided, all of them return None, so that the completion is left out of its
    group. Raises `UserError` where a function of the user's is named and not allowed.
    """
    if (refused := not_allowed(params)) is not None:
        raise UserError(f"rewards.own.function: {refused}")
    rewards = _Rewards(params)
    return [_named(name, rewards) for name in params.weights]


def not_allowed(params: RewardParams) -> str | None:
    """Why the user's function may not run: whoever starts the run has not allowed it. None where it may, or none is named."""
    if "own" not in params.weights or params.own is None:
        return None
    if os.environ.get(ALLOW) == params.own.function:
        return None
    return (
        f"{params.own.function} is code that would run with all that you may read and write; if you trust it, start "
        f"the run with {ALLOW}={params.own.function}"
    )


def not_usable(params: RewardParams) -> str | None:
    """Why the user's function, which is allowed, cannot be called; None where it can. It is imported in a process apart."""
    if "own" not in params.weights or params.own is None:
        return None
    try:
        Apart(params.seconds, params.own.function).check()
    except RuntimeError as error:
        return f"{error}; correct the path, or the module (it is looked for from {os.getcwd()} too)"
    return None


@cache
def _process(seconds: float) -> Apart:
    """One for all trainings and probes of this process."""
    return Apart(seconds)


def _named(name: str, rewards: _Rewards) -> RewardFunction:
    compute = getattr(rewards, name)

    def function(
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        ids = completion_ids if completion_ids is not None else [()] * len(completions)
        batch = _Batch(list(map(_text, prompts)), list(map(_text, completions)), ids, columns)
        found: list[float | None] = compute(batch)
        return found

    function.__name__ = name
    return function


class _Item(NamedTuple):
    """What is looked at of one completion."""

    prompt: str
    text: str
    tokens: int
    question: str
    reference: str
    answer_type: str
    finished: bool


@dataclass(frozen=True)
class _Batch:
    prompts: list[str]
    completions: list[str]
    ids: Sequence[Sequence[int]]
    columns: Mapping[str, Any]

    def items(self) -> list[_Item]:
        """The completions, each with what its reward depends on."""
        columns = (
            self._column("question", ""),
            self._column("answer", ""),
            self._column("answer_type", "exactMatch"),
            self._column("finished", True),
        )
        lengths = map(len, self.ids)
        return [
            _Item(*one)
            for one in zip(self.prompts, self.completions, lengths, *columns, strict=True)
        ]

    def _column(self, name: str, default: Any) -> list[Any]:
        given = self.columns.get(name) or [default] * len(self.completions)
        return [default if value is None else value for value in given]


class _Rewards:
    """Each method is a reward, by its name in `RewardParams.weights`."""

    def __init__(self, params: RewardParams) -> None:
        self.params = params
        self._apart = _process(params.seconds)
        self._own = Apart(params.seconds, params.own.function) if params.own else None
        self._least = 0.0  # that the user's function has returned
        self._last: tuple[Any, list[Facts]] | None = None

    def answer(self, batch: _Batch) -> list[float | None]:
        """1 for a verified answer, 0 for a wrong one, for two, for none, and for a truncated completion."""
        return [_or_none(f, 1.0 if f.right else 0.0) for f in self._facts(batch)]

    def claims(self, batch: _Batch) -> list[float | None]:
        """0 to -1 for refuted arithmetic, and for fewer claims than the floor."""
        return [_or_none(f, self._claims(f)) for f in self._facts(batch)]

    def _claims(self, facts: Facts) -> float:
        how = self.params.claims_penalty
        if facts.claims_lost:
            return -1.0
        of = how.most if how.by == "number" else max(1, facts.checked)
        false = min(1.0, facts.false / of)
        silent = max(0.0, 1 - facts.checked / how.at_least) if how.at_least else 0.0
        return -max(false, silent)

    def form(self, batch: _Batch) -> list[float | None]:
        """0 to -1: a third each for an open reasoning block, no end before the limit, and repetition."""
        return [
            _or_none(f, -(f.open + (not f.finished) + f.repeated) / 3) for f in self._facts(batch)
        ]

    def length(self, batch: _Batch) -> list[float | None]:
        """0 up to `free` tokens, then falling to -1 at `limit`: the soft overlong punishment of DAPO (Yu et al. 2025,
        https://arxiv.org/abs/2503.14476, equation 13)."""
        free, limit = self.params.length_penalty.free, self.params.length_penalty.limit
        return [
            _or_none(f, -min(1.0, max(0.0, (f.tokens - free) / (limit - free))))
            for f in self._facts(batch)
        ]

    def own(self, batch: _Batch) -> list[float | None]:
        """What the user's function says, which is called with lists of one item. A completion that it fails on gets
        the least that it has returned so far (0 at most). Raises `UserError` where it fails on all."""
        assert self._own is not None
        assert self.params.own is not None
        n = len(batch.completions)
        columns = {
            name: list(values)
            for name, values in batch.columns.items()
            if isinstance(values, list | tuple) and len(values) == n and all(map(_plain, values))
        }
        found: list[float | Lost | None] = []
        for at, (prompt, completion, ids) in enumerate(
            zip(batch.prompts, batch.completions, batch.ids, strict=True)
        ):
            one = {name: [values[at]] for name, values in columns.items()}
            one |= {"prompts": [prompt], "completions": [completion], "completion_ids": [list(ids)]}
            found.append(self._own.call("own", given=one))
        failed = [value for value in found if isinstance(value, Lost)]
        if n and len(failed) == n:
            raise UserError(
                f"rewards.own.function: {self.params.own.function} failed on all {n} completions of a step; the "
                f"first: {failed[0].said or failed[0].reason}"
            )
        given = [value for value in found if isinstance(value, float | int)]
        self._least = min([self._least, *given])
        return [
            None if facts.right is None else self._least if isinstance(v, Lost) else v
            for v, facts in zip(found, self._facts(batch), strict=True)
        ]

    def _facts(self, batch: _Batch) -> list[Facts]:
        """Of each completion; what all functions of a step share is computed by the first that is called."""
        if self._last is None or self._last[0] != batch.items():
            found = [self._look(one) for one in batch.items()]
            self._last = batch.items(), found
            if (log := batch.columns.get("log_metric")) is not None and found:
                for name, value in _logged(found).items():
                    log(name, value)
        return self._last[1]

    def _look(self, one: _Item) -> Facts:
        opened = opens(one.prompt)
        reasoning, response = split_reasoning(one.text, opened=opened)
        right, rule, lost = self._judged(one, response)
        claims = self._apart.call("claimed", text=f"{reasoning}\n\n{response}")
        gone = isinstance(claims, Lost)
        return Facts(
            # Where answers have no weight, nobody need know them.
            right=False if right is None and not self.params.answer else right,
            rule=rule,
            checked=0 if isinstance(claims, Lost) else claims["checked"],
            false=0 if isinstance(claims, Lost) else claims["false"],
            claims_lost=gone,
            open=bool((reasoning or opened) and not response) or unclosed(one.text),
            finished=one.finished,
            repeated=repeated(one.text),
            tokens=one.tokens,
            lost=lost or gone,
        )

    def _judged(self, one: _Item, response: str) -> tuple[bool | None, str, bool]:
        """Is the answer right, the rule that says so, and was the process lost over it?"""
        if not one.reference.strip():
            return None, "no reference", False
        if not one.finished:
            return False, "truncated", False
        if not response.strip():
            return False, "no response", False
        found = self._apart.call(
            "judged",
            response=response,
            question=one.question,
            reference=one.reference,
            multiple_choice=one.answer_type == "multipleChoice",
        )
        if isinstance(found, Lost):
            return False, found.reason, True
        return found["right"], found["rule"], False


def repeated(text: str) -> float:
    """The share of runs of eight words that have been there before."""
    words = text.split()
    runs = [tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _logged(found: Sequence[Facts]) -> dict[str, float]:
    """The numbers of `LOGGED`."""
    means = {name: sum(map(of, found)) / len(found) for name, of in _MEANS.items()}
    tokens = sum(f.tokens for f in found)
    return {**means, _CLAIMS: 1000 * sum(f.checked for f in found) / tokens if tokens else 0.0}


def _or_none(facts: Facts, value: float) -> float | None:
    return None if facts.right is None else value


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _text(given: Any) -> str:
    """A prompt or completion as text: turns are joined."""
    if isinstance(given, str):
        return given
    return "\n\n".join(str(turn["content"]) for turn in given)
