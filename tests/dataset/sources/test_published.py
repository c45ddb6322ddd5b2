"""The published sets, on rows written here in their schemas, and on real files where they are."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmc_lib.dataset.sources import about, read
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
from llmc_lib.records import Example

DATA = Path(__file__).parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the real data are not here")


def _read(name: str, path: Path, **settings: Any) -> list[Example]:
    return list(read(SourceParams(name=name, path=str(path), **settings), 0))


def _jsonl(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


# ---- OlymMATH --------------------------------------------------------------------------------


@needs_data
def test_olymmath_reads_its_english_problems_easy_and_hard() -> None:
    made = _read("olymmath", DATA / "olymmath")
    assert Counter(example.difficulty for example in made) == {1.0: 100, 2.0: 100}
    assert len({example.id for example in made}) == 200
    assert {example.category for example in made} == {"Math"}
    assert {example.subject for example in made} == {
        "Algebra", "Geometry", "Number Theory", "Combinatorics",
    }  # fmt: skip
    assert all(example.answer and not example.completion for example in made)
    assert "olymmath/OlymMATH-HARD-0-EN" in {example.id for example in made}


@needs_data
def test_olymmath_reads_the_subset_that_is_asked_for() -> None:
    made = _read("olymmath", DATA / "olymmath", subset="zh-hard")
    assert {(example.difficulty, example.row_id[-2:]) for example in made} == {(2.0, "ZH")}
    assert len(made) == 100
    # One file is read whole, whatever its language.
    assert len(_read("olymmath", DATA / "olymmath" / "OlymMATH-ZH-EASY.jsonl")) == 100
    with pytest.raises(UserError, match="olymmath: subset: no row of en-hard in the files"):
        _read("olymmath", DATA / "olymmath" / "OlymMATH-ZH-EASY.jsonl", subset="en-hard")


def test_a_file_of_another_schema_is_told(tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "x.jsonl", {"question": "Why?", "unique_id": "OlymMATH-HARD-0-EN"})
    with pytest.raises(UserError, match=r"olymmath: .*x\.jsonl, line 1 has no field 'problem'"):
        _read("olymmath", path)


# ---- OlymMATH-eval ---------------------------------------------------------------------------


def _attempt(model: str, number: int, **more: object) -> dict[str, object]:
    return {
        "unique_id": "OlymMATH-HARD-0-EN",
        "problem": "What is 20 + 1?",
        "answer": "21",
        "subject": "Algebra",
        "model": model,
        "response_id": number,
        "response": "<think>\n20 and 1.\n</think>\n\n\\boxed{21}",
        **more,
    }


def test_an_attempt_names_the_model_that_wrote_it(tmp_path: Path) -> None:
    path = _jsonl(
        tmp_path / "en_hard.jsonl",
        _attempt("qwen3-0.6b", 0),
        _attempt("qwen3-0.6b", 1, response="\\boxed{21}", reasoning="20 and 1."),
        _attempt("o3-mini-high", 0),
    )
    made = _read("olymmath_eval", path)
    assert [(example.author, example.author_kind) for example in made] == [
        ("qwen3-0.6b", "unknown"), ("qwen3-0.6b", "unknown"), ("o3-mini-high", "unknown"),
    ]  # fmt: skip
    assert made[0].id == "olymmath_eval/OlymMATH-HARD-0-EN/qwen3-0.6b/0"
    assert {example.completion for example in made} == {
        "<think>\n20 and 1.\n</think>\n\n\\boxed{21}"
    }
    assert {example.difficulty for example in made} == {2.0}


def test_an_attempt_without_a_known_field_is_told(tmp_path: Path) -> None:
    record = _attempt("qwen3-0.6b", 0)
    record["generation"] = record.pop("response")
    with pytest.raises(UserError, match=r"line 1 has no field 'response'; it has: .*generation"):
        _read("olymmath_eval", _jsonl(tmp_path / "x.jsonl", record))


# ---- Omni-MATH, DeepMath, TextbookReasoning --------------------------------------------------


def test_omni_math_gives_its_domain_difficulty_and_solution(tmp_path: Path) -> None:
    path = _jsonl(
        tmp_path / "test.jsonl",
        {
            "domain": ["Mathematics -> Number Theory -> Other", "Mathematics -> Algebra"],
            "difficulty": 7.5,
            "problem": "What is 1 + 1?",
            "solution": "Count: $\\boxed{2}$.",
            "answer": "2",
            "source": "made_up_contest",
        },
    )
    (example,) = _read("omni_math", path)
    assert (example.id, example.subject, example.category) == (
        "omni_math/00001", "Number Theory", "Math",
    )  # fmt: skip
    assert (example.answer, example.completion) == ("2", "Count: $\\boxed{2}$.")
    assert (example.author, example.author_kind, example.difficulty) == ("person", "person", 7.5)
    assert example.licence == "Apache-2.0"


def test_deepmath_takes_the_first_solution_there_is(tmp_path: Path) -> None:
    row = {
        "question": "What is 1 + 1?",
        "final_answer": "2",
        "difficulty": 5.5,
        "topic": "Mathematics -> Algebra -> Sums",
        "r1_solution_1": "",
        "r1_solution_2": "Second.",
        "r1_solution_3": "Third.",
    }
    pq.write_table(
        pa.Table.from_pylist([row, {**row, "r1_solution_1": "First."}]), tmp_path / "x.parquet"
    )
    second, first = _read("deepmath", tmp_path / "x.parquet")
    assert (second.completion, first.completion) == ("Second.", "First.")
    assert (first.author, first.author_kind, first.licence) == ("DeepSeek-R1", "open model", "MIT")
    assert (first.subject, first.difficulty, first.answer) == ("Algebra", 5.5, "2")


@pytest.mark.parametrize(
    ("subject", "category"),
    [
        ("math", "Math"), ("Physics", "Physics"), ("cs", "Computer Science/AI"),
        ("medicine", "Biology/Medicine"), ("economics", "Humanities/Social Science"),
    ],
)  # fmt: skip
def test_textbook_reasoning_maps_its_subjects(tmp_path: Path, subject: str, category: str) -> None:
    row = {"question": "Why?", "answer": "Since …", "subject": subject, "reference_answer": "So"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    (example,) = _read("textbook_reasoning", tmp_path / "x.parquet")
    assert (example.category, example.subject) == (category, subject)
    assert (example.completion, example.answer) == ("Since …", "So")
    assert (example.author, example.author_kind) == ("DeepSeek-V3", "open model")


def test_a_subject_that_the_map_lacks_is_told_and_can_be_mapped(tmp_path: Path) -> None:
    row = {"question": "Why?", "answer": "Since", "subject": "Geology", "reference_answer": "So"}
    pq.write_table(pa.Table.from_pylist([row] * 3), tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"textbook_reasoning: 3 rows have .*: 'Geology' \(3\)"):
        _read("textbook_reasoning", tmp_path / "x.parquet")
    made = _read("textbook_reasoning", tmp_path / "x.parquet", categories={"Geology": "Other"})
    assert [example.category for example in made] == ["Other"] * 3


def test_a_non_commercial_set_says_so() -> None:
    assert about(SourceParams(name="textbook_reasoning", path="x")).licence == "CC-BY-NC-SA-4.0"


# ---- HARDMath --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "answer_type", "value", "answer"),
    [
        ("nondimensionalization_symbolic", "math_expression", r"\frac{a}{b}", r"\frac{a}{b}"),
        ("nondimensionalization_symbolic", "math_expression", r"$$ \boxed{\epsilon=\frac{a}{b}} $$",
         r"\frac{a}{b}"),
        ("nondimensionalization_numeric", "float", "0.08", "0.08"),
        ("nondimentionalization_numeric", "float",
         r"$$\boxed{\epsilon \approx$$\boxed{\epsilon \approx4.50}\]$$}$$", "4.50"),
        ("integral", "math_expression", r"\boxed{I(x) \approx \frac{0.3}{x}}", r"\frac{0.3}{x}"),
        ("integral", "list", r"\frac{0.8}{\epsilon^{0.9}}, \frac{22}{\epsilon}", ""),
        ("integral", "math_expression", r"\frac{1.0}{\epsilon}, \frac{84}{\epsilon}", ""),
        ("ODE", "list", "['y = 1', 'y = 2']", ""),
        ("ODE", "math_expression", "-6 (x - 2.2)^{-1} + -3.9]", ""),
        ("polynomial_roots", "list", r"\left[ -1, \  1\right]", ""),
        ("nondimensionalization_numeric", "float", None, ""),
    ],
)  # fmt: skip
def test_hardmath_gives_an_answer_only_where_it_is_one_value(
    tmp_path: Path, kind: str, answer_type: str, value: str | None, answer: str
) -> None:
    record = {
        "question": "How large?",
        "solution": "So.",
        "question_type": kind,
        "answer_type": answer_type,
        "answer_val": value,
    }
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"12": record}, indent=4))
    (example,) = _read("hardmath", path)
    assert (example.id, example.answer, example.answer_type) == (
        "hardmath/12",
        answer,
        "exactMatch",
    )
    assert example.subject == kind
    # The last box of a solution in parts would pass for the whole answer.
    assert (example.completion, example.author_kind) == (
        ("So.", "program") if answer else ("", "unknown")
    )


@needs_data
def test_hardmath_reads_its_real_files() -> None:
    made = _read("hardmath", DATA / "hardmath" / "HARDMath_mini.json")
    assert len(made) == 366
    assert sum(bool(example.answer) for example in made) == 189
    words = _read("hardmath", DATA / "hardmath" / "word_problems_HARDMath.json")
    assert (len(words), sum(bool(example.answer) for example in words)) == (40, 10)
    assert all(bool(example.completion) == bool(example.answer) for example in made + words)
    assert not any("boxed" in example.answer for example in made + words)
    everything = _read("hardmath", DATA / "hardmath")
    assert len({example.id for example in everything}) == len(everything) == 456
