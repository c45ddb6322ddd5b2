"""What the labels say: the grader's error rates, corrected rates and differences, and where to label next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmc_lib.analysis import audit
from llmc_lib.analysis.audit_design import allocate, assumed_wrong
from llmc_lib.analysis.summary import rate_key
from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.evaluation.audit.draw import Drawn, Kind, current, graded_since, read_drawn
from llmc_lib.evaluation.audit.labels import Labels, labels_folder, read_labels
from llmc_lib.evaluation.results import Results
from llmc_lib.store import Run

#: So many labels are shared out among the strata, to say where they are worth most.
_NEXT = 50


def audited(run: Run, results: Results, blocks: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Benchmark → what its labels say, for the benchmarks that have some.

    Parameters: `blocks`, the `benchmarks` of metrics.json, whose intervals tell how much is left to chance without any error of the
    grader. Rates and differences are fractions.

    Of each benchmark: drawn, labelled (decided), unclear, waves, labellers, agreements, regraded (the answers were graded anew
    since they were drawn), outdated (they are other answers than were drawn: nothing else is told then); `models`: graded (the rate), corrected with ci95 and ci95_labels (the noise
    of the labels alone), labelled, and `errors`, grade → answers, labelled, share (of them graded wrongly), ci95; `comparisons`, as
    those of the block: graded, corrected, interval, interval_labels; `next`, for each stratum its kind, answers, labelled, more (of
    the next 50 labels).
    """
    names = [name for name in blocks if (run.audit / f"{name}.json").is_file()]
    if not names or not labels_folder(run).is_dir():
        return {}
    drawn = {name: found for name in names if (found := read_drawn(run, name))}
    labels = read_labels(run, drawn)
    return {
        name: _told(run, results, found, labels[name], blocks[name])
        for name, found in drawn.items()
        if labels[name].by
    }


def _told(
    run: Run, results: Results, drawn: Drawn, labels: Labels, block: dict[str, Any]
) -> dict[str, Any]:
    decided = {item: label for item, label in labels.decided.items() if label is not None}
    found: dict[str, Any] = {
        "drawn": len(drawn.items),
        "labelled": len(decided),
        "unclear": len(labels.decided) - len(decided),
        "waves": len(drawn.waves),
        "labellers": list(labels.by),
        "agreements": labels.agreements(),
        "outdated": current(run, results, drawn) is None,
    }
    if found["outdated"] or not decided:
        return found
    models = {model: _Model(drawn, model, decided) for model in drawn.models}
    return found | {
        "regraded": graded_since(run, drawn),
        "models": {name: _model(of, block, drawn.whole[name]) for name, of in models.items()},
        "comparisons": [_comparison(models, c, drawn.whole) for c in block["comparisons"]],
        "next": _next(drawn, decided),
    }


class _Model:
    """The strata of a model, and its labels."""

    def __init__(self, drawn: Drawn, model: str, decided: Mapping[str, bool]) -> None:
        self.name = model
        at = [n for n, stratum in enumerate(drawn.strata) if stratum.kind.model == model]
        self.kinds = [drawn.strata[n].kind for n in at]
        items = [item for item in drawn.items if item.model == model and item.id in decided]
        self.labelled = audit.Labelled.of(
            [drawn.strata[n].size for n in at],
            [kind.status == "correct" for kind in self.kinds],
            [_wrong(kind) for kind in self.kinds],
            np.fromiter(((i.question_id, i.sample) for i in items), dtype=object, count=len(items)),
            [at.index(item.stratum) for item in items],
            [decided[item.id] for item in items],
        )

    def graded(self, status: str) -> NDArray[np.bool_]:
        """(H,): the strata of a grade."""
        return np.array([kind.status == status for kind in self.kinds], dtype=bool)


def _model(model: _Model, block: dict[str, Any], whole: int) -> dict[str, Any]:
    facts = block["models"][model.name]
    graded = facts[rate_key(block["kind"])]
    low, high = facts["ci95"]
    found = audit.rate(model.labelled, whole, ALPHA)
    wide = found.widened(graded, low, high, _scale(found.value, graded))
    return {
        "graded": graded,
        "corrected": found.value,
        "ci95": [max(wide.low, 0.0), min(wide.high, 1.0)],
        "ci95_labels": [found.low, found.high],
        "labelled": int(model.labelled.labels.sum()),
        "errors": {
            status: told
            for status in ("correct", "incorrect", "ungraded")
            if (told := _errors(model, status))
        },
    }


def _scale(corrected: float, graded: float) -> float:
    """By what the noise of a rate's questions changes where the rate is another one."""
    variance = graded * (1 - graded)
    return math.sqrt(corrected * (1 - corrected) / variance) if variance > 0 else 1.0


def _errors(model: _Model, status: str) -> dict[str, Any] | None:
    """Of the answers of a grade those that the labels say otherwise of; of ungraded ones those that are right."""
    of = model.graded(status)
    answers = int(model.labelled.sizes[of].sum())
    if not answers:
        return None
    labelled = int(model.labelled.labels[of].sum())
    share, low, high = audit.rate(model.labelled, answers, ALPHA, of)
    if status == "correct":
        share, low, high = 1 - share, 1 - high, 1 - low
    told = {"share": share, "ci95": [low, high]} if labelled else {"share": None, "ci95": None}
    return {"answers": answers, "labelled": labelled, **told}


def _comparison(
    models: Mapping[str, _Model], comparison: dict[str, Any], whole: Mapping[str, int]
) -> dict[str, Any]:
    interval = comparison["interval"]
    names = comparison["model"], comparison["reference"]
    a, b = (models[name].labelled for name in names)
    found = audit.difference(a, b, (whole[names[0]], whole[names[1]]), interval["level"])
    wide = found.widened(comparison["difference"], interval["low"], interval["high"])
    return {
        "model": names[0],
        "reference": names[1],
        "graded": comparison["difference"],
        "corrected": found.value,
        "interval": [max(wide.low, -1.0), min(wide.high, 1.0)],
        "interval_labels": [found.low, found.high],
    }


def _wrong(kind: Kind) -> float:
    return assumed_wrong(kind.status, discordant=kind.discordant, disputed=kind.disputed)


def _next(drawn: Drawn, decided: Mapping[str, bool]) -> list[dict[str, Any]]:
    labelled, wrong = np.zeros(len(drawn.strata), int), np.zeros(len(drawn.strata), int)
    for item in drawn.items:
        if item.id in decided:
            labelled[item.stratum] += 1
            wrong[item.stratum] += decided[item.id] != item.correct
    kinds = [stratum.kind for stratum in drawn.strata]
    assumed = [_wrong(kind) for kind in kinds]
    sizes = [stratum.size for stratum in drawn.strata]
    counts = allocate(sizes, assumed, _NEXT, labelled, wrong)
    return [
        {**kind._asdict(), "answers": size, "labelled": int(n), "wrong": int(bad), "more": int(m - n)}
        for kind, size, n, bad, m in zip(kinds, sizes, labelled, wrong, counts, strict=True)
    ]  # fmt: skip
