"""A run's answers, rows and training log in four small files beside its page: what an example needs to be explored."""

from __future__ import annotations

from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path

import pandas as pd
import pyarrow as pa

from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure, measure
from llmc_lib.errors import UserError
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.records import Question
from llmc_lib.reporting.report import embedded
from llmc_lib.reporting.training_page import read_histories
from llmc_lib.store import Run, json_reader, read_manifest

_ANSWERS, _QUESTIONS, _ROWS, _TRAINING = (
    f"{name}.parquet" for name in ("answers", "questions", "rows", "training")
)
_KEY = ["benchmark", "model", "question_id", "sample"]


@dataclass(frozen=True)
class Example:
    """What `read` finds."""

    results: Results
    histories: dict[str, pd.DataFrame]
    rows: Path
    thresholds: Thresholds
    seed: int


def is_example(folder: Path) -> bool:
    """Is a folder one with a page, its metrics.json and these files?"""
    return (folder / "metrics.json").is_file() and (folder / _ANSWERS).is_file()


def files(run: Run) -> dict[str, bytes]:
    """The files of a finished run, by their names. What models wrote is in them only where the questions are this
    project's own and have right and wrong answers: completions of unsafe requests are nobody's to pass on."""
    results = load_results(run)
    own = embedded(run.params)
    shown = {
        name
        for name, kind in results.kinds.items()
        if name in own and measure(kind) == Measure.ACCURACY
    }
    keys = results.answers[_KEY].itertuples(index=False, name=None)
    texts = [results.texts.get(key, ("", "")) if key[0] in shown else ("", "") for key in keys]
    answers = results.answers.assign(
        reasoning=[text[0] for text in texts], response=[text[1] for text in texts]
    )
    hidden = ~answers["benchmark"].isin(shown)
    answers.loc[hidden, ["extracted", "explanation"]] = ""
    asked = pd.DataFrame(
        {"name": name, **{field.name: getattr(question, field.name) for field in fields(Question)}}
        for name, items in results.questions.items()
        for question in items.values()
    )
    trained = (read_manifest(run.training) or {}).get("candidates", {})
    logs = [log.assign(candidate=name) for name, log in read_histories(run, trained).items()]
    found = {_ANSWERS: _parquet(answers), _QUESTIONS: _parquet(asked)}
    if logs:
        found[_TRAINING] = _parquet(pd.concat(logs, ignore_index=True))
    if (run.dataset / "train.parquet").is_file():
        found[_ROWS] = (run.dataset / "train.parquet").read_bytes()
    return found


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def read(folder: Path) -> Example:
    """The files of `files`, and the settings in the metrics.json beside them. Raises `UserError` for what cannot be
    read."""
    try:
        metrics = json_reader.load(folder / "metrics.json")
        answers, asked = (pd.read_parquet(folder / name) for name in (_ANSWERS, _QUESTIONS))
        names = [field.name for field in fields(Question)]
        questions: dict[str, dict[str, Question]] = {}
        for row in asked.to_dict("records"):
            # An example of an earlier version has no fields that came later, which have defaults.
            question = Question(**{name: row[name] for name in names if name in row})
            questions.setdefault(row["name"], {})[question.id] = question
        params, evaluation = metrics["provenance"]["params"], metrics["provenance"]["evaluation"]
        given = answers[answers["status"] != "missing"]
        texts = given[[*_KEY, "reasoning", "response"]].itertuples(index=False, name=None)
        results = Results(
            answers.drop(columns=["reasoning", "response"]),
            {model["name"]: model["label"] for model in evaluation["models"]},
            questions,
            evaluation,
            graders={name: block["grader"] for name, block in metrics["benchmarks"].items()},
            texts={row[:4]: row[4:] for row in texts},
        )
        log = pd.read_parquet(folder / _TRAINING) if (folder / _TRAINING).is_file() else None
        histories = {} if log is None else dict(iter(log.groupby("candidate", sort=False)))
        limits = metrics["benchmarks"][metrics["main"]]["thresholds"]
        return Example(
            results,
            {str(name): part.drop(columns="candidate") for name, part in histories.items()},
            folder / _ROWS,
            Thresholds(**limits),
            params["seed"],
        )
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder}: no example that can be read ({' '.join(str(error).split())[:200]}); make example writes it again"
        ) from None
