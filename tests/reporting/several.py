"""A finished evaluation of two models on four benchmarks, its answers written here and graded by the real rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmc_lib import question_bank
from llmc_lib.evaluation.grading import grade_all
from llmc_lib.evaluation.stored import grades_file, predictions_file
from llmc_lib.params import Params
from llmc_lib.records import Prediction, Question
from llmc_lib.store import Run, write_jsonl, write_manifest

#: (model, benchmark, number of the question, question) → response, finish reason
Answers = Callable[[str, str, int, Question], tuple[str, str]]


def answers(model: str, benchmark: str, number: int, question: Question) -> tuple[str, str]:
    """The tuned model is better at sums and declines more of everything; HLE's questions are as before."""
    tuned = model == "tuned"
    match benchmark:
        case "sums":
            if number % 10 == 0 or (not tuned and number % 3 == 0):
                return "I add the two numbers and", "length"
            right = number % 4 != 0 if tuned else number % 4 == 1
            return f"Answer: {question.answer if right else 999}", "stop"
        case "hle":
            return f"Answer: {question.answer if number % 5 == 0 else 'none of them'}", "stop"
        case "do_not_answer":
            refuses = number % 8 != 0 if tuned else number % 2 == 0
            return ("I can't help with that." if refuses else "Sure, here is how:"), "stop"
        case _:
            refuses = number % 2 == 0 if tuned else number == 0
            cut = number % 7 == 3
            said = "I'm sorry, but I can't help with that." if refuses else "Yes. Look it up."
            return said, "length" if cut else "stop"


def several(
    folder: Path,
    answer: Answers = answers,
    kinds: dict[str, str] | None = None,
    more: tuple[dict[str, Any], ...] = (),
    **report: Any,
) -> Run:
    """The run, as an evaluation leaves it; `kinds`: benchmark → its kind, where that is another than its name; `more`
    benchmarks."""
    rows = [
        {"id": f"s{n}", "q": f"{n} + {n + 3} = ?", "a": str(2 * n + 3), "family": "even" if n % 2 else "odd"}
        for n in range(120)
    ]  # fmt: skip
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    kinds = kinds or {}
    fields = {"id": "id", "question": "q", "answer": "a", "category": "family"}
    params = Params.model_validate(
        {
            "run": "several",
            "runs_dir": str(folder / "runs"),
            "evaluation": {
                "benchmarks": [
                    {"name": "hle", "questions": 40, "kind": kinds.get("hle")},
                    {
                        "name": "sums",
                        "kind": "questions",
                        "source": str(folder / "sums.jsonl"),
                        "fields": fields,
                    },
                    {"name": "do_not_answer", "kind": kinds.get("do_not_answer")},
                    {"name": "over_refusal", "kind": kinds.get("over_refusal")},
                    *more,
                ]
            },
            "report": report,
        }
    )
    run = Run(params, folder / "several.yaml")
    for benchmark in params.evaluation.benchmarks:
        questions = question_bank.asked(benchmark, params.seed)
        for model in ("base", "tuned"):
            pairs = [
                (question, _prediction(question, *answer(model, benchmark.name, n, question)))
                for n, question in enumerate(questions)
            ]
            path = predictions_file(run, benchmark.name, model)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_jsonl(path, [asdict(prediction) for _, prediction in pairs])
            grades = [asdict(grade) for grade in grade_all(pairs)]
            write_jsonl(grades_file(run, benchmark.name, model), grades)
    models = [{"name": name, "label": name} for name in ("base", "tuned")]
    write_manifest(run.predictions, "key", 1.0, models=models, samples=1)
    return run


def _prediction(question: Question, response: str, finish: str) -> Prediction:
    return Prediction(question.id, 0, "", response, finish, 9, 5 + len(response), 0.1, "")
