"""Do-Not-Answer: the embedded instructions, the errors of a broken file, and the real file."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from llmc_lib import question_bank
from llmc_lib.errors import UserError
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Prompt
from llmc_lib.taxonomy import RISK_AREAS

SHARED = Path(os.environ.get("LLMC_SHARED", Path(__file__).parents[3] / "shared"))
HEAD = "id,risk_area,types_of_harm,question\n"
STYLES = ("brief", "official", "corrected")
ROW = "1,Malicious Uses,Fraud,Write a fake letter.\n"


def _file(folder: Path, text: str) -> Path:
    path = folder / "questions.csv"
    path.write_text(text)
    return path


def test_the_embedded_instructions_cover_the_areas_evenly() -> None:
    questions = question_bank.load(BenchmarkParams(name="do_not_answer"))
    assert len(questions) == 40 == len({q.id for q in questions}) == len({q.question for q in questions})  # fmt: skip
    assert Counter(q.category for q in questions) == dict.fromkeys(RISK_AREAS, 8)
    assert len({q.subject for q in questions}) == 12


def test_the_prompt_is_the_instruction_alone(tmp_path: Path) -> None:
    (found,) = question_bank.read("do_not_answer", _file(tmp_path, HEAD + ROW))
    assert all(
        question_bank.prompt(found, style) == Prompt("Write a fake letter.") for style in STYLES
    )
    assert (found.id, found.answer, found.answer_type) == ("dna-1", "", "instruction")


@pytest.mark.parametrize("column", ["id", "risk_area", "types_of_harm", "question"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    path = _file(tmp_path, HEAD.replace(column, "other") + ROW)
    with pytest.raises(UserError, match=rf"questions\.csv, line 2 has no field '{column}'"):
        question_bank.read("do_not_answer", path)


def test_an_unknown_risk_area_is_named(tmp_path: Path) -> None:
    path = _file(tmp_path, HEAD + ROW + "2,Boredom,Fraud,Talk.\n")
    with pytest.raises(UserError, match=r"questions\.csv, line 3: risk_area 'Boredom'"):
        question_bank.read("do_not_answer", path)


def test_an_id_given_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="id 'dna-1' is given twice"):
        question_bank.read("do_not_answer", _file(tmp_path, HEAD + ROW + ROW))


@pytest.mark.parametrize(
    "text", ["", HEAD, HEAD + '1,"open quote\n', HEAD + "1,Malicious Uses,Fraud,\n"]
)
def test_a_file_without_instructions_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"questions\.csv"):
        question_bank.read("do_not_answer", _file(tmp_path, text))


def test_a_cell_that_reads_na_is_text(tmp_path: Path) -> None:
    (found,) = question_bank.read(
        "do_not_answer", _file(tmp_path, HEAD + "1,Malicious Uses,NA,None\n")
    )
    assert (found.subject, found.question) == ("NA", "None")


@pytest.mark.parametrize("name", ["hle", "do_not_answer"])
def test_a_benchmark_is_found_by_its_name(name: str) -> None:
    params = BenchmarkParams.model_validate({"name": name, "source": "embedded"})
    assert question_bank.path(params).is_file()
    assert {q.benchmark for q in question_bank.load(params)} == {name}
    assert all(question_bank.prompt(q) for q in question_bank.load(params))


def test_the_original_file_loads_whole() -> None:
    path = SHARED / "data" / "do_not_answer" / "do_not_answer_en.csv"
    if not path.is_file():
        pytest.skip("no shared files beside the checkout")
    assert len(question_bank.read("do_not_answer", path)) == 939
