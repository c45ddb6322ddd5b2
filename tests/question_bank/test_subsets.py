"""`exclude` and `subsets`: by the name of a subset, by files of ids, by ids; and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmc_lib import question_bank
from llmc_lib.errors import UserError
from llmc_lib.params import BenchmarkParams, Params

FIELDS = {"id": "id", "question": "q", "answer": "a"}


def _benchmark(folder: Path, n: int = 6, **keys: Any) -> BenchmarkParams:
    rows = [{"id": f"s{i}", "q": f"{i} + 1 = ?", "a": i + 1} for i in range(n)]
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = str(folder / "sums.jsonl")
    return BenchmarkParams(name="sums", kind="questions", source=source, fields=FIELDS, **keys)


def _subsets(folder: Path, **keys: Any) -> dict[str, str]:
    found = question_bank.load(_benchmark(folder, **keys))
    return {question.id: " ".join(question.subsets) for question in found}


def test_entries_are_subsets_files_and_ids(tmp_path: Path) -> None:
    (tmp_path / "checked.txt").write_text("s0\ns1\n\nnot asked\n")
    (tmp_path / "open.csv").write_text("question_id,why\ns2,units\ns3,sign\n")
    found = _subsets(
        tmp_path,
        subsets={
            "verified": (str(tmp_path / "checked.txt"),),
            "uncertain": (str(tmp_path / "open.csv"), "s4"),
            "both": ("verified", "uncertain"),
        },
        exclude=("s1", "s3"),
    )
    assert found == {"s0": "verified both", "s2": "uncertain both", "s4": "uncertain both", "s5": ""}  # fmt: skip
    assert _subsets(tmp_path, exclude=(str(tmp_path / "open.csv"), "s5")).keys() == {"s0", "s1", "s4"}  # fmt: skip
    rest = {"subsets": {"odd": ("s1", "s3", "s5")}, "exclude": ("odd",)}
    assert list(_subsets(tmp_path, **rest)) == ["s0", "s2", "s4"]


def test_a_params_file_may_give_one_entry_or_a_list_of_files() -> None:
    benchmark = {"name": "hle", "exclude": "hle-001", "subsets": ["data/Checked.txt"]}
    params = Params.model_validate({"run": "x", "evaluation": {"benchmarks": [benchmark]}})
    (found,) = params.evaluation.benchmarks
    assert found.exclude == ("hle-001",)
    assert found.subsets == {"checked": ("data/Checked.txt",)}


def test_an_embedded_question_can_be_left_out() -> None:
    everything = question_bank.load(BenchmarkParams(name="hle"))
    out = everything[3].id
    left = question_bank.load(BenchmarkParams(name="hle", exclude=(out,)))
    assert [q.id for q in left] == [q.id for q in everything if q.id != out]


def test_the_digest_follows_the_files(tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("s0\n")
    benchmark = _benchmark(tmp_path, exclude=(str(ids),))
    first = question_bank.subsets_digest(benchmark)
    ids.write_text("s1\n")
    assert first != question_bank.subsets_digest(benchmark)
    assert question_bank.subsets_digest(_benchmark(tmp_path)) == ""


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"exclude": ("nothing",)}, "sums.exclude: 'nothing' is not a subset, a file or a question; the benchmark marks no subsets"),
        ({"subsets": {"odd": ("s1",)}, "exclude": ("od",)}, "sums.exclude: 'od' is not a subset, a file or a question; did you mean 'odd'?"),
        ({"subsets": {"odd": ("absent.txt",)}}, "sums.subsets.odd: absent.txt: no file"),
        ({"subsets": {"odd": ()}}, "sums.subsets.odd: names no question"),
        ({"subsets": {"odd": ("s1",)}, "exclude": ("s1",)}, "sums.subsets.odd: all of its questions are left out by exclude"),
        ({"exclude": tuple(f"s{n}" for n in range(6))}, "sums.exclude: leaves out all 6 questions"),
    ],
)  # fmt: skip
def test_what_names_no_question_is_refused(
    tmp_path: Path, keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as error:
        question_bank.load(_benchmark(tmp_path, **keys))
    assert f"evaluation.benchmarks.{message}" in str(error.value)


def test_a_file_without_an_id_of_the_benchmark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("x\ny\n")
    with pytest.raises(UserError, match=r"none of its 2 ids is of a question.*like 's0'"):
        question_bank.load(_benchmark(tmp_path, exclude=(str(tmp_path / "other.txt"),)))
    (tmp_path / "other.jsonl").write_text('{"key": "s1"}\n')
    with pytest.raises(UserError, match=r"exclude: .*line 1 has no field 'id'; it has: key"):
        question_bank.load(_benchmark(tmp_path, exclude=(str(tmp_path / "other.jsonl"),)))


def test_a_file_with_some_ids_of_no_question_is_told(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("s0\ns1\ns7\n\ns8\ns9\ns10\n")
    (tmp_path / "all.csv").write_text("id\ns2\n")
    files = str(tmp_path / "some.txt"), str(tmp_path / "all.csv")
    benchmark = _benchmark(tmp_path, exclude=files, subsets={"odd": ("s3", files[0])})
    found = question_bank.read("questions", tmp_path / "sums.jsonl", FIELDS)
    first, second = question_bank.unknown_ids(found, benchmark)
    assert first.startswith(
        f"evaluation.benchmarks.sums.exclude: {files[0]}: 4 of its 6 ids are of no question"
    )
    assert "('s7', 's8', 's9' and 1 more)" in first
    assert second.startswith("evaluation.benchmarks.sums.subsets.odd: ")
