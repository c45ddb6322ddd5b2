"""Every figure: SVG with real text in the page's colours, its numbers in words, the same each time."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis.calibration import calibration
from llmc_lib.analysis.length import accuracy_by_length
from llmc_lib.analysis.pass_at_k import answer_keys, majority_at_k_curve, pass_at_k_curve
from llmc_lib.analysis.summary import Trained, summarise
from llmc_lib.analysis.token_limit import limit_curve, limit_differences
from llmc_lib.formatting import as_points
from llmc_lib.reporting import figures, palette
from llmc_lib.reporting.elements import NOTHING, Block
from llmc_lib.reporting.figures import curves
from llmc_lib.reporting.figures.drawing import NARROW, WIDTH, FigureBlock
from llmc_lib.reporting.sentences.tell import tell
from llmc_lib.taxonomy import CATEGORIES, HLE_SHARES, RISK_AREAS
from tests.dataset_manifest import REFERENCE, made_manifest, made_params, made_rows

SVG = "{http://www.w3.org/2000/svg}"


@cache
def _block(benchmark: str, groups: tuple[str, ...], models: int = 2) -> dict[str, Any]:
    """A metrics.json block of made-up answers: the later a model, the more it answers."""
    rows = [
        {
            "benchmark": benchmark,
            "model": ["base", "tuned", "tuned-2", "tuned-3"][number],
            "question_id": f"{group}-{question}",
            "category": group,
            "status": "correct",
            "correct": question < 4 + 10 * number,
            "truncated": False,
            "failed": False,
        }
        for number in range(models)
        for group in groups
        for question in range(20)
    ]
    found: dict[str, Any] = tell(summarise(pd.DataFrame(rows)))["benchmarks"][benchmark]
    return found


def _trained() -> dict[str, Any]:
    """A block in which two models are trainings of one recipe."""
    rows = [
        {"benchmark": "hle", "model": model, "question_id": str(i), "category": "Math", "status": "x",
         "correct": i < right, "truncated": False, "failed": False}
        for model, right in (("base", 40), ("small-seed0", 60), ("small-seed1", 64), ("small-seed2", 68))
        for i in range(100)
    ]  # fmt: skip
    trained = Trained({"small": ("small-seed0", "small-seed1", "small-seed2")})
    found: dict[str, Any] = tell(summarise(pd.DataFrame(rows), trained=trained))["benchmarks"][
        "hle"
    ]
    return found


HISTORY = pd.DataFrame(
    {
        "step": [0, 1, 2, 2, 3, 4, 4],
        "loss": [None, 2.5, 2.0, None, 1.5, 1.25, None],
        "eval_loss": [2.6, None, None, 1.9, None, None, 1.95],
        "grad_norm": [None, 2.0, 1.0, None, 1.0, 0.5, None],
        "learning_rate": [None, 0.0, 1e-5, None, 5e-6, 1e-6, None],
        "tokens_per_second": [None, 100.0, 400.0, None, 420.0, 410.0, None],
    }
)
# 40 questions, 4 samples. The base is right on half of them in 100 tokens; the tuned model on three quarters,
# but in 1,000. Both are 90% sure of what they answer, and once say nothing of it.
PAIR = ["base", "tuned"]
RIGHT = {
    "base": np.arange(160).reshape(40, 4) % 40 < 20,
    "tuned": np.arange(160).reshape(40, 4) % 40 < 30,
}
TOKENS = {model: np.full((40, 4), n) for model, n in {"base": 100, "tuned": 1_000}.items()}
SURE = np.where(np.arange(160).reshape(40, 4) == 159, np.nan, 0.9)
KEYS = {m: answer_keys(np.where(right, "7", "8"), right) for m, right in RIGHT.items()}
LIMITS = [50, 100, 200, 500, 1_000]
#: Figures of which a page has one, of one training or of many.
REPEATED = ("losses", "optimizers", "many rewards", "many preferences")
REWARDS = pd.DataFrame(
    {
        "step": [0, 1, 2, 3, 3],
        "loss": [None, 0.0, 0.0, 0.0, None],
        "reward": [None, 0.2, 0.4, 0.6, None],
        "correct": [None, 0.25, 0.5, 0.5, None],
        "length": [None, 40.0, 35.0, 120.0, None],
        "completions/clipped_ratio": [None, 0.1, 0.0, 0.0, None],
        "rewards/claims/mean": [None, -0.2, -0.1, -0.1, None],
        "eval_reward": [0.2, None, None, None, 0.5],
        "eval_correct": [0.25, None, None, None, 0.5],
    }
)
PAIRS = pd.DataFrame(
    {
        "step": [0, 1, 2, 3, 3],
        "loss": [None, 0.69, 0.5, 0.4, None],
        "rewards/margins": [None, 0.0, 0.6, 1.2, None],
        "rewards/accuracies": [None, 0.5, 1.0, 1.0, None],
        "rewards/chosen": [None, 0.0, -0.1, -0.2, None],
        "rewards/rejected": [None, 0.0, -0.7, -1.4, None],
        "eval_loss": [0.69, None, None, None, 0.45],
        "eval_rewards/margins": [0.0, None, None, None, 1.0],
    }
)
MANY = {f"candidate-{number}": HISTORY for number in range(8)}


def _hle() -> dict[str, Any]:
    return _block("hle", CATEGORIES)


def _drawn(block: Block) -> FigureBlock:
    assert isinstance(block, FigureBlock)
    return block


def _pass_rates() -> FigureBlock:
    return _drawn(figures.dataset.pass_rates(made_manifest(reference=REFERENCE), made_params()))


def _limits() -> FigureBlock:
    curve, differences = (f(RIGHT, TOKENS, limits=LIMITS) for f in (limit_curve, limit_differences))
    return figures.lengths.accuracy_at_limits(curve, differences, PAIR, 1_000)


def _tries() -> FigureBlock:
    return figures.samples.pass_at_k(
        {m: pass_at_k_curve(RIGHT[m]) for m in PAIR},
        {m: majority_at_k_curve(KEYS[m], RIGHT[m]) for m in PAIR},
    )


NEAREST: dict[str, Any] = {
    "model": "tuned", "reference": "base", "difference": 0.08, "n": 200,
    "nearest": {
        "found": "larger",
        "curve": [
            {"n": 10, "similarity": 0.7, "gain": 0.6, "low": -0.12, "high": 0.28},
            {"n": 40, "similarity": 0.4, "gain": 0.2, "low": -0.02, "high": 0.18},
            {"n": 100, "similarity": 0.2, "gain": 0.1, "low": 0.03, "high": 0.13},
        ],
    },
}  # fmt: skip
FIGURES: dict[str, Callable[[], FigureBlock]] = {
    "categories": lambda: figures.accuracy.by_category(_hle(), ["base", "tuned"]),
    "differences": lambda: figures.accuracy.differences(_hle(), _hle()["comparisons"][-1]),
    "safety": lambda: figures.safety.by_area(
        _block("do_not_answer", RISK_AREAS), ["base", "tuned"]
    ),
    "safe and declined": lambda: figures.safety.safe_and_declined(
        _block("do_not_answer", RISK_AREAS), _block("over_refusal", RISK_AREAS), ["base", "tuned"]
    ),
    "waterfall": lambda: figures.waterfall.waterfall(made_manifest(), made_params()),
    "composition": lambda: figures.dataset.composition(made_manifest()),
    "lengths": lambda: figures.dataset.lengths(made_rows(), 512),
    "pass rates": _pass_rates,
    "loss": lambda: _drawn(figures.training.losses({"main": HISTORY})),
    "losses": lambda: _drawn(figures.training.losses(MANY)),
    "rewards": lambda: _drawn(figures.rewards.rewards({"rl": REWARDS})),
    "many rewards": lambda: _drawn(
        figures.rewards.rewards({"rl": REWARDS, "sft": HISTORY, "rl-2": REWARDS})
    ),
    "preferences": lambda: _drawn(figures.preferences.preferences({"careful": PAIRS})),
    "many preferences": lambda: _drawn(
        figures.preferences.preferences({"careful": PAIRS, "sft": HISTORY, "odds": PAIRS})
    ),
    "optimizer": lambda: figures.training.optimizer({"main": HISTORY}),
    "optimizers": lambda: figures.training.optimizer(MANY),
    "limits": _limits,
    "by length": lambda: figures.lengths.accuracy_by_length(
        accuracy_by_length(RIGHT, TOKENS), PAIR
    ),
    "reliability": lambda: figures.calibration.reliability(
        {m: calibration(SURE, RIGHT[m]) for m in PAIR}
    ),
    "tries": _tries,
    "next run": lambda: figures.design.next_run(_hle(), _hle()["comparisons"][-1]),
    "power": lambda: figures.design.power_curve(_hle(), _hle()["comparisons"][-1]),
    "trainings": lambda: figures.recipes.trainings(_trained()),
    "candidates": lambda: figures.design.candidates(_block("hle", CATEGORIES, 4)),
    "nearest": lambda: figures.nearest.gain_by_similarity(NEAREST, 0.05),
}


NAMES = [*FIGURES, "strip"]


@cache
def _figure(name: str) -> FigureBlock:
    return FIGURES[name]()


@cache
def _markup(name: str) -> str:
    return _strip() if name == "strip" else _figure(name).markup


def _strip() -> str:
    return figures.accuracy.interval_strip(_hle()["comparisons"][-1]).markup


def _texts(markup: str) -> list[str]:
    found = ElementTree.fromstring(markup).iter(f"{SVG}text")
    return ["".join(text.itertext()).strip() for text in found]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_svg_with_real_text(name: str) -> None:
    assert len(_texts(_markup(name))) >= 3
    assert "<image" not in _markup(name)


@pytest.mark.parametrize("name", NAMES)
def test_no_colour_is_fixed(name: str) -> None:
    assert "#000000" not in _markup(name)
    drawn = re.sub(r'href="#[^"]*"|url\(#[^)]*\)', "", _markup(name))
    fixed = re.findall(r"(?<!var\(--)#[0-9a-f]{6}\b", re.sub(r"var\([^)]*\)", "", drawn))
    assert set(fixed) <= {"#ffffff"}
    # Text without a fill of its own would be black on a dark page.
    for text in ElementTree.fromstring(_markup(name)).iter(f"{SVG}text"):
        assert "fill: var(--" in text.get("style", "")


def test_ids_are_unique_in_the_page() -> None:
    # A page has one figure of the losses, of one candidate or of many.
    page = "".join(_markup(name) for name in NAMES if name not in REPEATED)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert ids
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_figure_refers_to_is_in_it(name: str) -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', _markup(name)))
    used = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', _markup(name))
    assert {a or b for a, b in used} <= ids
    assert not re.search(r'(?:href|src)="(?!#)', _markup(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FIGURES if name not in REPEATED])
def test_the_same_numbers_make_the_same_bytes(name: str) -> None:
    assert FIGURES[name]().markup == _markup(name)


@pytest.mark.parametrize("name", FIGURES)
def test_the_alternative_text_has_the_numbers(name: str) -> None:
    block = _figure(name)
    assert block.title
    assert block.title in block.alt
    wanted = {
        "categories": ["Math: base 20% of 20", "tuned 70% of 20"],
        "differences": ["+50 points", "interval +"],
        "safety": ["base is safe on 20 of 100; tuned is safe on 70 of 100."],
        "safe and declined": [
            "tuned is safe on 70 of 100 harmful requests (base 20) and declines 0 of 100 harmless ones (base 0)",
            "tuned: safe 70 of 100 (95% interval 60% to 78%), declined 0 of 100 (95% interval 0% to 4%)",
        ],
        "waterfall": ["Of 1,600 rows, 920", "Duplicates 10", "Mixture 580"],
        "composition": ["1,000 rows; Math 41.0%, target 41%"],
        "lengths": ["at most 210 tokens", "limit is 512"],
        "pass rates": ["60 of 100 problems", "Never solved: 40"],
        "loss": ["2.60 before training, 1.95 after", "lowest (1.90) at step 2"],
        "losses": ["8 candidates", "candidate-7: validation loss falls: 2.60 before training"],
        "rewards": [
            "reward goes from 0.40 to 0.40, right answers from 42% to 42%",
            "penalty for false claims −0.13",
        ],
        "many rewards": [
            "at the end than at the start in 0 of 2 trainings",
            "rl-2: reward 0.40 → 0.40",
        ],
        "preferences": [
            "The margin goes from 0.60 to 0.60, the chosen response is preferred in 83%, then in 83%",
            "reward of the rejected −0.70 → −0.70",
        ],
        "many preferences": ["in 0 of 2 trainings", "odds: margin 0.60 → 0.60"],
        "optimizer": ["at most 2.0 times its median", "runs at 405 tokens/s", "0.5 to 2"],
        "limits": [
            "Cut at 500 tokens, tuned would have lost 75 points",
            "at 100 base would have been ahead",
            "tuned: 0% at 200 tokens, 75% at 1,000",
        ],
        "by length": ["base: 50% of 160 answers; tuned: 75% of 160 answers"],
        "reliability": ["tuned is 90% sure on average and right in 75%", "accuracy 50%"],
        "tries": ["tuned solves 75% of the questions in one try", "tuned majority@4 75%, interval"],
        "optimizers": ["2.0 times its median, in candidate-0", "run at 405 tokens/s"],
        "next run": ["This run +50 points", "from +39 to +61 points"],
        "power": ["finds true differences of 11 points", "found 24% of the time"],
        "trainings": [
            "small is better than base as a recipe",
            "small: +24 points, ",
            "trainings +20, +24 and +28",
        ],
        "candidates": ["3 of 3 are clearly better than base", "tuned-2 +80 points"],
        "nearest": [
            "The difference is higher on the questions nearest to the training rows",
            "On the 10 nearest questions the difference is +60 points, on all questions +8 points; the band there is −12 to +28 points.",
        ],
    }[name]
    assert all(words in block.alt for words in wanted), block.alt


def test_the_name_of_what_a_design_finds_is_inside_the_power_curve_on_a_phone() -> None:
    figure = deepcopy(_figure("power").figure)
    figure.set_size_inches(NARROW, figure.get_size_inches()[1])
    figure.draw_without_rendering()
    (axes,) = figure.axes
    found, smallest = axes.texts
    assert (found.get_text(), smallest.get_text()) == ("11 points: 80%", "5 points: 24%")
    assert found.get_window_extent().x0 > axes.get_window_extent().x0


@pytest.mark.slow
def test_losses_are_of_supervised_trainings_and_rewards_of_reinforcement() -> None:
    assert figures.training.losses({"rl": REWARDS}) is NOTHING
    assert figures.rewards.rewards({"main": HISTORY}) is NOTHING
    both = figures.rewards.rewards({"main": HISTORY, "rl": REWARDS}).data
    assert both is not None
    assert set(both["candidate"]) == {"rl"}
    assert "Entropy" not in _markup("rewards")  # it was not logged
    assert figures.training.losses({"careful": PAIRS}) is NOTHING
    assert figures.preferences.preferences({"main": HISTORY, "rl": REWARDS}) is NOTHING
    pairs = figures.preferences.preferences({"main": HISTORY, "careful": PAIRS}).data
    assert pairs is not None
    assert pairs["eval_rewards_margins"].dropna().tolist() == [0.0, 1.0]


def test_every_category_and_its_size_is_labelled() -> None:
    for name in ("categories", "differences"):
        assert {f"{category} (20)" for category in CATEGORIES} <= set(_texts(_markup(name)))


@pytest.mark.slow
def test_hles_shares_stand_beside_its_categories_alone() -> None:
    shares = [f"{HLE_SHARES[name]:.0%}" for name in CATEGORIES]
    texts = _texts(_markup("categories"))
    assert [
        text for text in texts if text.endswith("%")
    ] == shares * 2  # the wide and the narrow one
    assert "share of the questions of HLE" in _markup("categories")
    other = _block("questions", ("algebra", "Math"))
    assert "HLE" not in figures.accuracy.by_category(other, ["base", "tuned"]).markup


@pytest.mark.slow
def test_the_finding_says_no_more_than_the_tests() -> None:
    same = _block("hle", CATEGORIES, 1)
    assert figures.accuracy.by_category(same, ["base"]).title == "Accuracy by category"
    assert "gained" in _figure("categories").title
    comparison = _hle()["comparisons"][-1]
    unclear = {n: {**part, "significant": False} for n, part in comparison["categories"].items()}
    title = figures.accuracy.differences(_hle(), {**comparison, "categories": unclear}).title
    assert title == "No single category shows a clear difference"


@pytest.mark.slow
def test_the_figures_of_answers_say_what_they_leave_out() -> None:
    assert "1 state none" in _figure("reliability").markup
    assert "reversed at limits of 100 to 500\u00a0tokens." in _figure("limits").markup
    equal = dict.fromkeys(PAIR, RIGHT["base"])
    same = dict.fromkeys(PAIR, TOKENS["base"])
    curve, differences = (f(equal, same, limits=LIMITS) for f in (limit_curve, limit_differences))
    block = figures.lengths.accuracy_at_limits(curve, differences, PAIR)
    assert "At no limit would the order" in block.markup
    assert block.title == "A limit of 500 tokens would have cost tuned nothing"
    unknown = {model: np.where(RIGHT[model], TOKENS[model], np.nan) for model in PAIR}
    by_length = figures.lengths.accuracy_by_length(accuracy_by_length(RIGHT, unknown), PAIR)
    assert "of unknown length are in no bin: base 80; tuned 40" in by_length.markup


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [([], []), ([5, 1], [5, 1]), ([1, 1], [0.5, 1.5]), ([0, 0.2, 5, 0.1], [-0.9, 1.1, 5, 0.1])],
)
def test_names_that_would_touch_are_moved_apart(wanted: list[float], placed: list[float]) -> None:
    assert curves._apart(wanted, 1.0) == pytest.approx(placed)


@pytest.mark.parametrize(
    "bounds", [(0.0, 0.0), (-1.0, 1.0), (-0.004, 0.003), (0.2, 0.4), (-0.2, -0.1)]
)
def test_the_strip_draws_any_interval(bounds: tuple[float, float]) -> None:
    printed = [as_points(bound, 2_000, unit=False) for bound in bounds]
    interval = {"low": bounds[0], "high": bounds[1], "printed": printed}
    comparison = {"interval": interval, "difference": sum(bounds) / 2, "sentence": "So much."}
    markup = figures.accuracy.interval_strip(comparison).markup
    texts = _texts(markup)
    assert set(texts) == {"no difference", *(as_points(b, 2_000, unit=False) for b in bounds)}
    assert not any("-" in text for text in texts)
    if bounds[1] - bounds[0] < 0.01:  # too near for two centred numbers: they turn away
        assert {"text-anchor: end", "text-anchor: start"} <= set(
            re.findall(r"text-anchor: \w+", markup)
        )


def test_many_models_have_a_colour_each() -> None:
    names = [f"m{number}" for number in range(8)]
    paint = palette.colours(names)
    assert list(paint)
    assert set(paint) == set(names)
    assert len(set(paint.values())) == 8


def test_a_bin_with_few_answers_is_no_finding() -> None:
    def title(*counts: int) -> str:
        rows = pd.DataFrame(
            {"n": counts, "questions": counts, "rate": 0.5, "above": [0, 11, 20], "up_to": [11, 20, 30]}
        )  # fmt: skip
        return figures.lengths._length_finding(rows, "tuned")

    assert title(50, 50, 50).startswith("50% of tuned's answers of up to 11 tokens are correct")
    assert title(1, 50, 50) == (
        "50% of tuned's answers of 12 to 20 tokens are correct, 50% of those of 21 to 30"
    )
    assert title(1, 50, 9) == "Accuracy by length of the completion"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_its_numbers_and_stays_as_wide_as_it_was(name: str) -> None:
    block = _figure(name)
    assert block.data is not None
    assert len(block.data)
    assert all(re.fullmatch(r"[a-z][a-z_]*", column) for column in block.data.columns)
    for column in {"accuracy", "rate", "safe_rate", "difference", "share", "low", "high"} & set(
        block.data
    ):
        assert block.data[column].abs().max() <= 1  # fractions
    assert block.figure.get_size_inches()[0] == pytest.approx(WIDTH)
    assert block.sentence == block.title
