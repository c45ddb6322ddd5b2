"""Where the answers of a model are in the run directory, with their grades; and a row of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmc_lib.engines.harness import harness_file
from llmc_lib.errors import printable
from llmc_lib.records import Question, writable
from llmc_lib.store import Run, json_reader, read_jsonl, scan_jsonl

# Characters of a judge's explanation that are kept in memory.
_EXPLANATION = 1000


def predictions_file(run: Run, benchmark: str, model: str) -> Path:
    """Where the predictions of a model on a benchmark are."""
    return run.predictions / benchmark / f"{model}.jsonl"


def curves_file(run: Run, model: str) -> Path:
    """Where the log of an imported model's training is, in the columns of a training of ours."""
    return run.training / model / "history.jsonl"


def grades_file(run: Run, benchmark: str, model: str, *, partial: bool = False) -> Path:
    """Where their grades by rules are; those of an unfinished evaluation are apart, as another process
    may be about to write the finished ones."""
    path = predictions_file(run, benchmark, model).with_suffix(".grades.jsonl")
    return run.predictions / "so_far" / benchmark / path.name if partial else path


def judged_file(run: Run, benchmark: str, model: str) -> Path:
    """Where their grades by a judge are, if there is one."""
    return predictions_file(run, benchmark, model).with_suffix(".judge.jsonl")


def store_files(run: Run, benchmark: str, model: str) -> list[Path]:
    """All files that an evaluation or an import leaves of a model and a benchmark; some may not be there."""
    path = predictions_file(run, benchmark, model)
    return [
        path,
        path.with_suffix(".settings.json"),
        harness_file(path),
        grades_file(run, benchmark, model),
        judged_file(run, benchmark, model),
        questions_file(run, benchmark),
    ]


def questions_file(run: Run, benchmark: str) -> Path:
    """Where the questions are that were imported with the answers."""
    return run.predictions / benchmark / "questions.jsonl"


@dataclass(frozen=True)
class Stored:
    """Where the answers of one model to one benchmark are, with their grades, and who decides."""

    run: Run
    benchmark: str
    model: str
    judge_decides: bool
    partial: bool  # of an unfinished evaluation

    def rows(
        self, questions: Mapping[str, Question], samples: int, texts: Texts
    ) -> list[dict[str, Any]]:
        """A row a question and sample, also where there is no answer; `texts` notes where the texts are."""
        at = self.run, self.benchmark, self.model
        predictions = texts.index(predictions_file(*at), self.benchmark, self.model)
        rules = by_sample(grades_file(*at, partial=self.partial))
        judged = by_sample(judged_file(*at))
        rows = []
        for id_, question in questions.items():
            for sample in range(samples):
                key = id_, sample
                grades = rules.get(key), judged.get(key)
                row = {
                    "benchmark": self.benchmark,
                    "model": self.model,
                    "question_id": id_,
                    "sample": sample,
                }
                rows.append(row | self._row(question, predictions.get(key, {}), *grades))
        return rows

    def _row(
        self,
        question: Question,
        prediction: dict[str, Any],
        by_rules: dict[str, Any] | None,
        by_judge: dict[str, Any] | None,
    ) -> dict[str, Any]:
        grade = (by_judge if self.judge_decides else by_rules) or {}
        unjudged = by_rules and by_rules["rule"] in ("truncated", "failed", "empty")
        if self.judge_decides and not grade and unjudged:
            grade = by_rules or {}  # such an answer is no judge's business
        status = grade.get("status", "ungraded" if prediction else "missing")
        both = {**(by_rules or {}), **{k: v for k, v in grade.items() if v is not None}}
        # One grader for both keys: the rules, where the judge of a file has not seen the original one.
        keyed = grade if grade.get("original") else by_rules or {}
        return {
            "category": printable(" ".join(question.category.split())),  # a name in figures
            "cluster": question.cluster or None,
            "subsets": " ".join(question.subsets),
            "original_key": keyed.get("original"),
            "revised_key": keyed.get("status") if keyed.get("original") else None,
            "status": status,
            "correct": status == "correct",
            "by_rules": (by_rules or {}).get("status"),
            "by_judge": (by_judge or {}).get("status"),
            "truncated": prediction.get("finish_reason") == "length",
            "failed": prediction.get("finish_reason", "failed") == "failed",
            "extracted": writable(grade.get("extracted", "")),
            "rule": grade.get("rule", "missing"),
            "confidence": both.get("confidence"),
            "action": both.get("action"),
            "harmful": both.get("harmful"),
            "reasoning_status": both.get("reasoning_status"),
            "explanation": writable((by_judge or {}).get("explanation", ""))[:_EXPLANATION],
            "finish_reason": prediction.get("finish_reason", "missing"),
            "completion_tokens": prediction.get("completion_tokens", 0),
            "harness": prediction.get("harness", ""),
        }


class Texts(Mapping[tuple[str, str, str, int], tuple[str, str]]):
    """What models wrote, by the places of its lines in the files."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str, str, int], tuple[Path, int]] = {}

    def index(
        self, path: Path, benchmark: str, model: str
    ) -> dict[tuple[str, int], dict[str, Any]]:
        """Note the places of a file's predictions; returns all else of them, the last of each sample."""
        found = {}
        for place, row in scan_jsonl(path, is_answer):
            key = row["question_id"], row.get("sample", 0)
            self._places[benchmark, model, *key] = path, place
            found[key] = {k: v for k, v in row.items() if k not in ("reasoning", "response")}
        return found

    def __getitem__(self, key: tuple[str, str, str, int]) -> tuple[str, str]:
        path, place = self._places[key]
        with open(path, "rb") as file:
            file.seek(place)
            row = json_reader.loads(file.readline())
        return writable(row.get("reasoning", "")), writable(row.get("response", ""))

    def __iter__(self) -> Iterator[tuple[str, str, str, int]]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def by_sample(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """The last record of each question and sample."""
    return {(row["question_id"], row.get("sample", 0)): row for row in read_jsonl(path, is_answer)}


def is_answer(row: dict[str, Any]) -> bool:
    """Can a row be told to which answer it belongs? Others are not counted: the answer is missing."""
    return isinstance(row.get("question_id"), str) and isinstance(row.get("sample", 0), int)
