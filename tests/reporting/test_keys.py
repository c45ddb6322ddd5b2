"""The section on reference answers: what it says of a benchmark with checked, revised and uncertain ones, and when it is empty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.records import Question
from llmc_lib.reporting import load_report, sections
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences.keys import keys_sentence
from tests.reporting import several as made

CLASSES = ["Gold subset"] * 40 + ["Revision subset"] * 30 + ["Uncertain subset"] * 20
SECRET = "What only licensed readers may see"


def _write(path: Path) -> None:
    rows = []
    for n, name in enumerate(CLASSES):
        row = {
            "id": f"v{n}", "question": f"{SECRET}, {n}?", "answer": str(n), "answer_type": "exactMatch",
            "category": "Math", "raw_subject": "Sums", "rationale": "", "image": "", "Verified_Classes": name,
        }  # fmt: skip
        if 40 <= n < 55:
            row["original_answer"] = str(n + 500)
        rows.append(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _answer(model: str, benchmark: str, number: int, question: Question) -> tuple[str, str]:
    """The tuned model gives HLE-Verified's answers, the base the original ones where there are any; on uncertain ones they differ."""
    if benchmark != "checked":
        return made.answers(model, benchmark, number, question)
    n = int(question.id[1:])
    if "uncertain" in question.subsets:
        return f"Answer: {n if model == 'tuned' else 9000 + n}", "stop"
    if question.original_answer:
        return f"Answer: {n if model == 'tuned' else question.original_answer}", "stop"
    return f"Answer: {n if n % 3 else 7000}", "stop"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("keys")
    _write(folder / "checked.jsonl")
    (folder / "some.txt").write_text("v0\nv1\nv2\nv3\n")
    benchmark = {
        "name": "checked", "kind": "hle_verified", "source": str(folder / "checked.jsonl"),
        "subsets": {"few": [str(folder / "some.txt")]}, "exclude": ["v89"],
    }  # fmt: skip
    return load_report(made.several(folder, _answer, more=(benchmark,), main="checked", claims=None))  # fmt: skip


@pytest.mark.slow
def test_the_verdict_on_each_part_and_by_each_key(report: Report) -> None:
    found = report.headline["keys"]
    parts = {part["case"]: (part["n"], round(part["difference"] * part["n"])) for part in found["parts"]}  # fmt: skip
    assert parts == {
        "verified": (40, 0),
        "revised": (30, 15),
        "verified_and_revised": (70, 15),
        "uncertain": (19, 19),
        "few": (4, 0),
    }
    assert report.headline["verdict_code"] == "better"
    # By the original answers it is the base that is right there.
    assert found["original"]["difference"] * 89 == pytest.approx(19 - 15)
    assert found["original"]["verdict_code"] == "unclear"
    assert found["original"]["changes"]
    uncertain = found["uncertain"]
    assert (uncertain["n"], uncertain["low"] * 89, uncertain["high"] * 89) == pytest.approx((19, -4, 34))  # fmt: skip
    assert [case["verdict_code"] for case in uncertain["cases"]] == ["unclear", "better"]
    assert report.block["keys"]["subsets"] == {name: n for name, (n, _) in parts.items()}
    models = report.block["keys"]["revised"]["models"]
    assert report.block["keys"]["revised"]["n"] == 15
    assert {name: (m["original"], m["revised"]) for name, m in models.items()} == {
        "base": (1.0, 0.0), "tuned": (0.0, 1.0)
    }  # fmt: skip
    json.dumps(report.metrics, allow_nan=False)


def test_the_page_says_so_and_shows_no_withheld_text(report: Report) -> None:
    block = sections.keys(report)
    words = " ".join(block.text.split())
    assert "19 reference answers are uncertain. Whatever the true ones are, the difference on these 89 questions lies between −4 and +38 points." in words  # fmt: skip
    assert "The verdict lies between “too little data” and “better”." in words
    assert "By the original reference answers the verdict would be different: “too little data” (+4 points)." in words  # fmt: skip
    assert "would be enough for another verdict" in words
    assert SECRET not in block.markup
    parts, revised = block["table-keys"].data, block["table-revised"].data
    assert parts is not None
    assert revised is not None
    assert list(parts["case"]) == [
        "all", "verified", "revised", "verified_and_revised", "uncertain", "few", "original", "least", "most"
    ]  # fmt: skip
    assert list(revised["revised"]) == [0.0, 1.0]


@pytest.mark.slow
def test_without_subsets_only_few_wrong_answers_are_worth_a_word(tmp_path: Path) -> None:
    run = made.several(tmp_path, main="sums", claims=None)
    report = load_report(run)
    assert report.block["keys"] is None
    fewest = report.headline["keys"]["fewest"]
    assert report.headline["verdict_code"] == "better"
    assert fewest["n"] > 0.05 * 120
    assert sections.keys(report).markup == ""
    report.headline["keys"]["fewest"] = {**fewest, "n": 6}
    assert "would be enough for another verdict" in sections.keys(report).markup
    report.headline["verdict_code"] = "unclear"
    assert sections.keys(report).markup == ""


@pytest.mark.parametrize(
    ("fewest", "words"),
    [
        ({"n": 1, "exact": True}, "One wrong reference answer in the worst place would be enough for another verdict: “better”."),
        ({"n": 3, "exact": True}, "3 wrong reference answers (2% of 200) in the worst places would be enough for another verdict: “better”. Fewer are not enough."),
        ({"n": 3, "exact": False}, "“better”. Whether fewer are enough is not known."),
        (None, ""),
    ],
)  # fmt: skip
def test_the_fewest_wrong_answers_in_words(fewest: dict[str, Any] | None, words: str) -> None:
    told = fewest and {**fewest, "verdict": "better"}
    keys: dict[str, Any] = {"uncertain": None, "original": None, "parts": [], "fewest": told}
    found = keys_sentence({"n": 200, "keys": keys})
    assert found.endswith(words) if words else found == ""
