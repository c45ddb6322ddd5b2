"""What a completion is worth: by hand, for hostile completions, from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.errors import UserError
from llmc_lib.params import RewardParams
from llmc_lib.rewards import LOGGED, reward_functions
from llmc_lib.rewards.apart import Apart, Lost

QUESTION = "What is 2 + 2?"


def _params(**given: Any) -> RewardParams:
    return RewardParams.model_validate(given)


def _rewards(
    completions: list[str],
    reference: str = "4",
    prompt: str = "Q",
    finished: bool = True,
    tokens: int = 10,
    question: str = QUESTION,
    answer_type: str = "exactMatch",
    **params: Any,
) -> dict[str, list[float | None]]:
    n = len(completions)
    return {
        function.__name__: function(
            prompts=[prompt] * n,
            completions=completions,
            completion_ids=[[1] * tokens] * n,
            question=[question] * n,
            answer=[reference] * n,
            answer_type=[answer_type] * n,
            finished=[finished] * n,
            trainer_state=None,
        )
        for function in reward_functions(_params(**params))
    }


# ---- verified answers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("completion", "reward"),
    [
        ("2 + 2 = 4.\n\nAnswer: 4", 1.0),  # TRL's own accuracy reward gives 0, as there is no LaTeX
        ("\\boxed{4}", 1.0),
        ("Answer: 8/2", 1.0),
        ("Answer: 4.0", 1.0),
        ("<think>\n2 + 2\n</think>\n\nAnswer: 4", 1.0),
        ("Answer: 5", 0.0),
        ("Answer: 4\nAnswer: 5", 0.0),
        ("Answer: 5\nAnswer: 4", 0.0),
        ("The answer is 5.\n\nAnswer: 4", 0.0),
        ("Answer: 4. Or 5.", 0.0),
        ("Answer: 4 or 5", 0.0),
        ("Answer: 4 (maybe 5)", 0.0),
        ("\\boxed{5}\n\nAnswer: 4", 0.0),
        ("Answer: 5. Wait, no: 4", 0.0),
        ("Answer: 2 + 2", 0.0),  # nothing has been worked out
        ("<think>\n2 + 2 = 4. Answer: 4", 0.0),  # reasoned, and not answered
        ("It is even.", 0.0),
        ("", 0.0),
    ],
)
def test_a_verified_answer_is_worth_1_and_anything_else_0(completion: str, reward: float) -> None:
    assert _rewards([completion]) == {"answer": [reward]}


@pytest.mark.parametrize(
    ("completion", "answer", "question", "reward"),
    [
        ("Answer: 4 or 5", "4 or 5", "Solve x.", 1.0),
        ("$x = \\boxed{2}$ and $x = \\boxed{8}$", "2, 8", "Solve x.", 1.0),
        ("Answer: (x-1)(x+1)", "x^2-1", "Factor x^2-1.", 1.0),
        ("Answer: A", "A", "Which?\n\nAnswer Choices:\nA. one\nB. two", 1.0),
        ("The answer is (A).\nAnswer: A", "A", "Which?\n\nAnswer Choices:\nA. one\nB. two", 1.0),
        ("Answer: A\nAnswer: B", "B", "Which?\n\nAnswer Choices:\nA. one\nB. two", 0.0),
    ],
)
def test_answers_of_other_kinds(completion: str, answer: str, question: str, reward: float) -> None:
    assert _rewards([completion], answer, question=question) == {"answer": [reward]}


def test_a_truncated_completion_is_wrong_whatever_it_says() -> None:
    assert _rewards(["Answer: 4"], finished=False) == {"answer": [0.0]}


def test_what_cannot_be_decided_is_left_out_by_all_rewards_and_counted() -> None:
    logged: dict[str, float] = {}
    functions = reward_functions(_params(answer=1, claims=1, form=1, length=1))
    given = {
        "prompts": ["Q"] * 3,
        "completions": ["Answer: 4", "Answer: 5", "Answer: 4"],
        "completion_ids": [[1, 2]] * 3,
        "answer": ["\\foo{x}{", "", "4"],
        "log_metric": logged.__setitem__,
    }
    for function in functions:
        assert function(**given)[:2] == [None, None]
        assert function(**given)[2] is not None
    assert set(logged) == set(LOGGED)
    assert logged["answers/undecided"] == pytest.approx(2 / 3)


def test_an_answer_that_outgrows_the_limits_is_wrong_and_not_left_out() -> None:
    assert _rewards(["Answer: 9^{9^{9^{9}}}"]) == {"answer": [0.0]}


def test_completions_as_turns() -> None:
    (function,) = reward_functions(_params())
    turns = [[{"role": "assistant", "content": "Answer: 4"}]]
    assert function(
        prompts=[[{"role": "user", "content": "Q"}]], completions=turns, answer=["4"]
    ) == [1.0]


# ---- claims ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "how", "penalty"),
    [
        ("2 + 2 = 4. Answer: 4", {}, 0.0),
        ("2 + 2 = 5. Answer: 5", {}, -1 / 3),
        ("2 + 2 = 5, 3 + 3 = 7, 4 + 4 = 9, 5 + 5 = 11. Answer: 5", {}, -1.0),
        ("2 + 2 = 5 and 3 + 3 = 6. Answer: 5", {"by": "share"}, -0.5),
        ("It is four. Answer: 4", {}, 0.0),
        ("It is four. Answer: 4", {"at_least": 2}, -1.0),
        ("2 + 2 = 4. Answer: 4", {"at_least": 2}, -0.5),
        ("2 + 2 = 4 and 3 + 3 = 6. Answer: 4", {"at_least": 2}, 0.0),
        ("2 + 2 = 5. Answer: 5", {"most": 1}, -1.0),
        ("<think>\n2 + 2 = 5\n</think>\n\nAnswer: 5", {"most": 1}, -1.0),
    ],
)
def test_the_penalty_for_false_claims(text: str, how: dict[str, Any], penalty: float) -> None:
    (found,) = _rewards([text], answer=0, claims=1.0, claims_penalty=how)["claims"]
    assert found == pytest.approx(penalty)


# ---- form and length -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prompt", "finished", "penalty"),
    [
        ("Answer: 4", "Q", True, 0.0),
        ("Answer: 4", "Q", False, -1 / 3),
        ("<think>\nfour\n</think>\n\nAnswer: 4", "Q", True, 0.0),
        ("four\n</think>\n\nAnswer: 4", "Q <think>\n", True, 0.0),
        ("<think>\nfour", "Q", True, -1 / 3),
        ("four", "Q <think>\n", False, -2 / 3),
        ("<think>\nfour\n</think>", "Q", True, -1 / 3),
        ("one two three four five six seven eight " * 2, "Q", True, -1 / 9 / 3),
    ],
)
def test_the_penalty_for_form(text: str, prompt: str, finished: bool, penalty: float) -> None:
    (found,) = _rewards([text], prompt=prompt, finished=finished, answer=0, form=1.0)["form"]
    assert found == pytest.approx(penalty)


@pytest.mark.parametrize(("tokens", "penalty"), [(100, 0.0), (150, -0.5), (200, -1.0), (999, -1.0)])
def test_the_penalty_for_length(tokens: int, penalty: float) -> None:
    how = {"free": 100, "limit": 200}
    found = _rewards(["Answer: 4"], tokens=tokens, length=1.0, length_penalty=how)["length"]
    assert found == [pytest.approx(penalty)]


def test_the_functions_are_those_with_a_weight_in_their_order() -> None:
    params = _params(claims=0.5, form=0.1)
    assert [f.__name__ for f in reward_functions(params)] == ["answer", "claims", "form"]
    assert params.weights == {"answer": 1.0, "claims": 0.5, "form": 0.1}


# ---- threads, limits, hostile completions ----------------------------------------------------

SYMBOLIC = [
    "Answer: (x-1)(x+1)",
    "Answer: x^2 - 1",
    "Answer: -(1-x^2)",
    "Answer: x^2+1",
    "Answer: 4",
]


def test_rewards_do_not_depend_on_the_thread() -> None:
    expected = [1.0, 1.0, 1.0, 0.0, 0.0]
    (function,) = reward_functions(_params())
    given = {"prompts": [""] * 5, "completions": SYMBOLIC, "answer": ["x^2-1"] * 5}
    found: list[list[float | None]] = []
    threads = [threading.Thread(target=lambda: found.append(function(**given))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [*found, function(**given)] == [expected] * 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "hostile",
    [
        "Answer: " + "(" * 50_000,
        "Answer: " + "9^" * 5_000 + "9",
        "\\boxed{" * 20_000,
        "$" * 100_000,
        "1 + 1 = " * 20_000,
        "Answer: \ud800",
        "\x00" * 1_000,
        "Answer: 4" + "\u202e" * 10_000 + " or ",
        "<think>" * 20_000,
        "3 = " + "2 * " * 10_000 + "1",
    ],
    ids=range(10),
)
def test_a_hostile_completion_costs_its_own_reward_and_nothing_else(hostile: str) -> None:
    begun = time.monotonic()
    found = _rewards(["Answer: 4", hostile, "Answer: 4"], claims=0.5, form=0.1)
    assert time.monotonic() - begun < 20
    right = found["answer"]
    assert (right[0], right[2]) == (1.0, 1.0)
    assert right[1] in (0.0, 1.0)
    assert all(-1 <= value <= 0 for value in found["claims"] + found["form"] if value is not None)


@pytest.mark.slow
def test_what_takes_too_long_or_kills_the_process_is_lost_and_the_next_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(
        "import os, time\n"
        "def f(completions, **_):\n"
        "    print('not an answer')\n"
        "    if completions == ['sleep']: time.sleep(60)\n"
        "    if completions == ['die']: os._exit(3)\n"
        "    if completions == ['raise']: raise KeyError('x')\n"
        "    return [float(len(completions[0]))]\n"
    )
    monkeypatch.chdir(tmp_path)
    process = Apart(1.0, "mine.f")

    def call(text: str) -> Any:
        return process.call("own", given={"completions": [text]})

    assert call("four") == 4.0
    assert call("sleep") == Lost("time limit")
    assert call("die") == Lost("crashed")
    assert call("raise").said == "KeyError: 'x'"
    assert call("five!") == 5.0
    assert call("x" * 1_000_000) == 1e6  # more than a pipe holds
    process.close()


# ---- the user's own --------------------------------------------------------------------------


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    monkeypatch.chdir(tmp_path)

    def write(body: str, allowed: str = "own_rewards.brief") -> dict[str, Any]:
        (tmp_path / "own_rewards.py").write_text(
            f"def brief(completions, answer, **_):\n    {body}\n"
        )
        monkeypatch.setenv("LLMC_OWN_REWARD", allowed)
        return {"own": {"function": "own_rewards.brief", "weight": 0.5}}

    return write


@pytest.mark.slow
def test_a_function_of_the_users_own_runs_where_it_is_allowed(mine: Callable[[str], Any]) -> None:
    found = _rewards(
        ["Answer: 4", "Four.\nAnswer: 4"], **mine("return [-float(len(completions[0]))]")
    )
    assert found == {"answer": [1.0, 1.0], "own": [-9.0, -15.0]}


@pytest.mark.slow
def test_a_completion_that_the_users_function_fails_on_gets_the_least(
    mine: Callable[[str], Any],
) -> None:
    body = "return [float('nan')] if 'Four' in completions[0] else [-2.0]"
    assert _rewards(["Answer: 4", "Four"], **mine(body))["own"] == [-2.0, -2.0]


@pytest.mark.slow
def test_a_users_function_that_always_fails_ends_the_training(mine: Callable[[str], Any]) -> None:
    with pytest.raises(UserError, match=r"own_rewards.brief failed on all 2 .* ZeroDivisionError"):
        _rewards(["Answer: 4", "Answer: 5"], **mine("return [1 / 0]"))


def test_a_users_function_that_is_not_allowed_does_not_run(mine: Any, tmp_path: Path) -> None:
    given = mine("return [1.0]", "")
    (tmp_path / "own_rewards.py").write_text("open('ran', 'w')\n")
    with pytest.raises(UserError, match="LLMC_OWN_REWARD=own_rewards"):
        reward_functions(_params(**given))
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_a_users_function_that_is_not_there(mine: Any) -> None:
    given = mine("return [1.0]", "own_rewards.other")
    given["own"]["function"] = "own_rewards.other"
    with pytest.raises(RuntimeError, match="other: cannot be imported"):
        _rewards(["Answer: 4"], **given)
