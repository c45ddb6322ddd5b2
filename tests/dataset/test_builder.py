"""The data set's build: composition, split, reproducible files, no work done twice."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib import question_bank
from llmc_lib.dataset import build, builder, finished
from llmc_lib.dataset.builder import BuiltDataset
from llmc_lib.errors import UserError
from llmc_lib.models import prompts
from llmc_lib.params import BenchmarkParams
from llmc_lib.store import Run, open_run, sha256_file
from llmc_lib.taxonomy import HLE_SHARES

TEXTBOOK = """
  sources: [{name: textbook}]
  shares: {Physics: 0.4, Chemistry: 0.3, Other: 0.3}
  validation: 0.1"""
BOTH = """
  sources: [{name: hard_math, rows: 60}, {name: textbook}]
  max_rows: 120"""
OWN = """
  sources:
    - name: own
      kind: files
      path: {path}
      fields: {{id: id, question: problem, completion: solution, answer: answer, author: by, subject: topic, difficulty: level}}
      categories: {{algebra: Math, optics: Physics}}
      licence: CC-BY-4.0
  shares: {{Math: 0.5, Physics: 0.5}}
  validation: 0.0"""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import make_tokenizer

    folder = tmp_path_factory.mktemp("model")
    make_tokenizer(folder)
    return folder


# Every kind of row: embedded ones, problems, conversations and pairs of local files; and a candidate with some of them.
KINDS = """
  sources:
    - {{name: skills, rows: 60}}
    - {{name: textbook}}
    - {{name: safety}}
    - {{name: instructions}}
    - {{name: chats, kind: files, path: {path}/chats.jsonl, category: Instruction, fields: {{messages: messages}}}}
    - {{name: pairs, kind: files, path: {path}/pairs.jsonl, category: Safety, row_kind: response,
       fields: {{question: prompt, completion: chosen}}}}
    - name: own
      kind: files
      path: {path}/own.jsonl
      fields: {{id: id, question: problem, completion: solution, answer: answer, author: by, subject: topic}}
      categories: {{algebra: Math, optics: Physics}}
      licence: CC-BY-4.0
  mixture: false
  validation: 0.1
  processes: {processes}
candidates:
  - {{name: few, mixture: {{sources: [own], mixture: true, shares: {{Math: 0.5, Physics: 0.5}}, max_rows: 300}}}}"""


def _kinds(folder: Path, model: Path, processes: int) -> Run:
    """A run with rows of every kind."""
    folder.mkdir()
    chats = [
        {"messages": [{"role": role, "content": f"{text} {n}?"} for role, text in (
            ("system", "Be kind to"), ("user", f"What is {'abcdef'[n % 6] * (n % 9 + 1)} in"), ("assistant", "A thing of"),
            ("user", "And twice"), ("assistant", "Two of"))]}
        for n in range(300)
    ]  # fmt: skip
    pairs = [
        {"prompt": f"Insult number {n}!", "chosen": f"No, not {n}.", "rejected": "Ha!"}
        for n in range(300)
    ]
    own = [
        _row(n, by=["gpt-4o", "DeepSeek-R1", "person"][n % 3], **({"problem": "Same?"} if n % 7 == 0 else {}))
        for n in range(5000)
    ]  # fmt: skip
    for name, rows in (("chats", chats), ("pairs", pairs), ("own", own)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return _run(folder, model, KINDS.format(path=folder, processes=processes))


def _run(
    tmp_path: Path, model: Path, dataset: str = TEXTBOOK, seed: int = 0, max_length: int = 900
) -> Run:
    path = tmp_path / f"seed-{seed}.yaml"
    path.write_text(
        f"run: x\nseed: {seed}\nruns_dir: {tmp_path}/runs\nmodel: {{source: {model}}}\n"
        f"training: {{max_length: {max_length}}}\ndataset:{dataset}\n"
    )
    return open_run(path)


def _files(run: Run) -> dict[str, str]:
    return {
        path.relative_to(run.dataset).as_posix(): sha256_file(path)
        for path in run.dataset.rglob("*.parquet")
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, model: Path) -> BuiltDataset:
    pytest.importorskip("reasoning_gym")  # absent where only reports are made
    return build(_run(tmp_path_factory.mktemp("both"), model, BOTH))


# ---- the embedded sources ----------------------------------------------------------------------


@pytest.mark.slow
def test_the_default_shares_are_those_of_the_benchmark(both: BuiltDataset) -> None:
    rows = pd.concat([both.train, both.validation])
    assert len(rows) == 120
    assert rows["id"].is_unique
    found = rows["category"].value_counts().to_dict()
    assert set(found) == set(HLE_SHARES)
    assert all(abs(found[name] - 120 * share) < 1 for name, share in HLE_SHARES.items())
    manifest = both.manifest
    assert manifest["mixed"] == found
    assert manifest["target_origin"] == "counted from this run's 200 benchmark questions"
    assert {name: facts["read"] for name, facts in manifest["sources"].items()} == {
        "hard_math": 60, "textbook": 198,
    }  # fmt: skip
    assert manifest["limiting_category"] is None
    assert manifest["steps"][-1]["left"] == 120
    assert manifest["rows"] == {"train": 110, "validation": 10}
    assert manifest["contamination"] == []  # the embedded data leave the embedded benchmark alone
    lengths = rows["n_tokens"]
    assert manifest["tokens"]["total"] == lengths.sum()
    assert manifest["tokens"]["quantiles"]["1"] == lengths.max()


@pytest.mark.slow
def test_a_share_of_every_large_category_is_held_out(both: BuiltDataset) -> None:
    assert len(both.validation) == round(120 * 0.08)
    assert set(both.train["id"]).isdisjoint(both.validation["id"])
    held = both.validation["category"].value_counts()
    for name, share in HLE_SHARES.items():
        assert abs(held.get(name, 0) - 120 * 0.08 * share) < 1.1


@pytest.mark.slow
def test_the_training_order_is_mixed(both: BuiltDataset) -> None:
    categories = both.train["category"].tolist()
    changes = sum(a != b for a, b in itertools.pairwise(categories))
    assert changes > len(categories) / 2


@pytest.mark.slow
def test_the_turns_are_those_that_evaluation_uses(both: BuiltDataset) -> None:
    for row in both.train.to_dict("records"):
        assert row["prompt"] == prompts.question_prompt(row["question"], row["answer_type"])
        reasoning, response = prompts.split_reasoning(row["completion"])
        assert reasoning
        assert response == f"{prompts.ANSWER_MARK} {row['answer']}"


@pytest.mark.slow
def test_a_second_build_is_byte_for_byte_the_same(
    both: BuiltDataset, tmp_path: Path, model: Path
) -> None:
    again = _run(tmp_path, model, BOTH)
    assert build(again).manifest["files"] == both.manifest["files"] == _files(again)


@pytest.mark.slow
def test_another_process_builds_the_same(tmp_path: Path, model: Path) -> None:
    """Under another seed of Python's hashes, and in two processes."""
    run = _kinds(tmp_path / "here", model, 1)
    manifest = build(run).manifest
    kinds = manifest["composition"]["kind"]
    assert kinds["chat"] > 200
    assert kinds["response"] > 500
    assert kinds["verifiable"] > 1200
    other = _kinds(tmp_path / "there", model, 2)
    code = "import sys; from llmc_lib import open_run; from llmc_lib.dataset import build; "
    subprocess.run(
        [sys.executable, "-c", code + "build(open_run(sys.argv[1]))", other.params_file],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=300,
    )
    assert {*_files(run)} == {
        f"{folder}{part}.parquet" for folder, part in [
            ("", "train"), ("", "validation"), ("", "removed"), ("few/", "train"), ("few/", "validation")]
    }  # fmt: skip
    assert _files(other) == _files(run)


# ---- what is done again, and what is not -------------------------------------------------------


@pytest.mark.slow
def test_a_finished_data_set_is_not_built_again(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tmp_path, model)
    assert not finished(run)
    built = build(run)
    assert finished(run)
    times = {path: path.stat().st_mtime_ns for path in run.dataset.iterdir()}
    monkeypatch.setattr(
        sys.modules["llmc_lib.dataset.collect"], "read", lambda *_: pytest.fail("was asked again")
    )
    again = build(run)
    assert {path: path.stat().st_mtime_ns for path in run.dataset.iterdir()} == times
    pd.testing.assert_frame_equal(again.train, built.train)
    assert again.manifest == built.manifest


@pytest.mark.slow
def test_another_seed_builds_another_set(tmp_path: Path, model: Path) -> None:
    first = build(_run(tmp_path, model)).manifest
    run = _run(tmp_path, model, seed=1)
    assert not finished(run)
    second = build(run).manifest
    assert second["fingerprint"] != first["fingerprint"]
    assert second["files"] != first["files"]
    assert second["mixed"] == first["mixed"]


@pytest.mark.slow
def test_a_build_that_is_cut_off_does_not_pass_for_the_one_before(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _run(tmp_path, model)
    files = build(first).manifest["files"]
    with monkeypatch.context() as patch:
        patch.setattr(builder, "write_manifest", _killed)
        with pytest.raises(KeyboardInterrupt):
            build(_run(tmp_path, model, seed=1))
    assert _files(first) != files
    assert not finished(first)
    assert build(first).manifest["files"] == files == _files(first)
    assert not (first.dataset / ".work").exists()


def _killed(*arguments: object, **facts: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_nothing_is_held_out_where_nothing_is_asked_for(tmp_path: Path, model: Path) -> None:
    built = build(_run(tmp_path, model, TEXTBOOK.replace("0.1", "0.0")))
    assert (len(built.validation), built.manifest["rows"]["validation"]) == (0, 0)
    assert list(built.validation.columns) == list(built.train.columns)


@pytest.mark.slow
def test_a_category_that_no_source_has_is_told(tmp_path: Path, model: Path) -> None:
    run = _run(tmp_path, model, "\n  sources: [{name: textbook}]")
    with pytest.raises(UserError, match=r"dataset\.shares: no row is left for 'Math' \(41%\); add"):
        build(run)
    assert not finished(run)
    assert list(run.dataset.iterdir()) == []  # nothing half-written


# ---- every step ----------------------------------------------------------------------------------

_WORDS = [q.question for q in question_bank.load(BenchmarkParams(name="hle"))]


def _row(number: int, **changes: object) -> dict[str, object]:
    """A sound row; the problems differ in more than their numbers."""
    word = "".join(chr(97 + int(digit)) for digit in f"{number:06d}")
    row = {
        "id": f"r{number}",
        "problem": f"Alpha {word} meets beta {word[::-1]} on gamma {word * 2}. How many {word} are there?",
        "solution": f"Count the {word} one by one. There are \\boxed{{{number}}}.",
        "answer": str(number),
        "by": "Qwen3-32B",
        "topic": "algebra" if number % 2 else "optics",
        "level": 5,
    }
    return {**row, **changes}


def _own(tmp_path: Path, model: Path, rows: list[dict[str, object]], more: str = "") -> Run:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return _run(tmp_path, model, OWN.format(path=path) + more)


def _steps(built: BuiltDataset) -> dict[str, dict[str, Any]]:
    return {step["step"]: step for step in built.manifest["steps"]}


@pytest.fixture(scope="module")
def screened(tmp_path_factory: pytest.TempPathFactory, model: Path) -> BuiltDataset:
    """A data set of which one row or completion falls at each step."""
    quoted = next(text for text in _WORDS if len(text.split()) > 20)
    rows = [
        *(_row(number) for number in range(20)),
        _row(100, by="gpt-4o"),
        _row(101, solution="<think>It goes on and on"),
        _row(102, solution="So it is \\boxed{7}."),
        _row(103, solution=""),
        _row(104, solution="word " * 2000 + "\\boxed{104}"),
        _row(105, problem=f"Read this. {quoted.upper()} What then?"),
        _row(106, problem=_row(3)["problem"], by="person"),  # better than the model's
        _row(107, problem=str(_row(4)["problem"]).replace(" ", "  ").lower() + "!"),
        _row(108, problem="  "),
        _row(109, level=1),
        _row(110, by="our-own-model"),
    ]
    folder = tmp_path_factory.mktemp("screened")
    run = _own(folder, model, rows)
    text = run.params_file.read_text().replace("licence:", "min_difficulty: 2\n      licence:")
    run.params_file.write_text(text)
    return build(open_run(run.params_file))


@pytest.mark.slow
def test_each_step_removes_what_it_is_for(screened: BuiltDataset) -> None:
    steps = _steps(screened)
    assert steps["difficulty"]["reasons"] == {"level below 2": 1}
    assert steps["provenance"]["completion_reasons"] == {"closed model: gpt-4o": 1}
    assert steps["form"]["completion_reasons"] == {
        "longer than 900 tokens": 1,
        "reasoning without an end": 1,
        "wrong answer": 1,
    }
    assert steps["form"]["reasons"] == {"no question": 1}
    assert steps["decontamination"]["reasons"] == {"the question shares 13 words in a row": 1}
    assert steps["duplicates"]["reasons"] == {
        "nearly the same problem": 1,
        "the same problem": 1,
    }
    # The problems whose completions went, and the one that never had one.
    assert steps["completions"]["reasons"] == {"no completion": 5}
    assert steps["mixture"]["left"] == sum(screened.manifest["rows"].values())


def test_every_removed_row_is_on_file_with_its_reason(screened: BuiltDataset) -> None:
    removed = screened.read("removed").set_index("id")
    assert len(removed) + sum(screened.manifest["rows"].values()) == 31
    assert removed.loc["own/r109", "step"] == "difficulty"
    assert removed.loc["own/r100", "reason"] == "no completion"
    assert removed.loc["own/r100", "detail"] == "closed model: gpt-4o"
    assert removed.loc["own/r103", "detail"] == "the source gives none"
    hit = removed.loc["own/r105"].to_dict()
    assert hit["detail"].startswith("hle/hle-mini-")
    assert hit["question"] == ""  # benchmark text is not written down again
    [told] = screened.manifest["contamination"]
    assert told.pop("shared")
    assert told == {"id": "own/r105", "benchmark_id": hit["detail"], "reason": hit["reason"]}
    assert removed.loc["own/r3", "detail"] == "own/r106"  # a person's goes before a model's
    assert removed.loc["own/r107", "detail"] == "own/r4"
    assert removed.loc["own/r102", "question"] == _row(102)["problem"]


def test_the_rows_say_where_they_come_from(screened: BuiltDataset) -> None:
    rows = screened.train.set_index("id")
    assert set(rows["licence"]) == {"CC-BY-4.0"}
    assert all(rows["revision"].str.startswith("sha256:"))
    authors = rows.loc[["own/r1", "own/r106"], ["author", "author_kind"]].to_numpy().tolist()
    assert authors == [["Qwen3-32B", "open model"], ["person", "person"]]
    assert set(rows.loc[rows.index != "own/r106", "verified"]) == {"yes"}
    facts = {(a["kind"], a["author"]): a["completions"] for a in screened.manifest["authors"]}
    assert facts["closed model", "gpt-4o"] == 1
    assert facts["unknown", "our-own-model"] == 1


def test_steps_can_be_switched_off(tmp_path: Path, model: Path) -> None:
    quoted = next(text for text in _WORDS if len(text.split()) > 20)
    rows = [
        _row(1),
        _row(2),
        _row(3, problem=_row(1)["problem"]),
        _row(4, by="gpt-4o", solution="\\boxed{5}"),
        _row(5, problem=quoted),
        _row(6, solution="word " * 2000 + "\\boxed{6}"),
    ]
    more = """
  provenance: {remove_closed: false}
  form: {verify: false, drop_long: false}
  deduplication: {enabled: false}
  decontamination: {enabled: false}"""
    built = build(_own(tmp_path, model, rows, more))
    assert len(built.train) == 6
    assert set(built.train["verified"]) == {"not asked"}


@pytest.mark.slow
def test_without_a_mixture_every_row_stays(tmp_path: Path, model: Path) -> None:
    rows = [_row(number, topic="optics" if number < 3 else "algebra") for number in range(30)]
    built = build(_own(tmp_path, model, rows, "\n  mixture: false"))
    assert built.train["category"].value_counts().to_dict() == {"Math": 27, "Physics": 3}
    assert built.manifest["total_variation"] == 0
    assert _steps(built)["mixture"]["removed"] == 0


@pytest.mark.slow
def test_unknown_authors_can_be_dropped(tmp_path: Path, model: Path) -> None:
    rows = [_row(1), _row(2), _row(3, by="our-own-model"), _row(4, by="")]
    built = build(_own(tmp_path, model, rows, "\n  provenance: {unknown: drop}"))
    assert _steps(built)["provenance"]["completion_reasons"] == {
        "author unknown": 1,
        "author unknown: our-own-model": 1,
    }


@pytest.mark.slow
def test_texts_of_a_file_are_kept_out_too(tmp_path: Path, model: Path) -> None:
    (tmp_path / "secret.txt").write_text(f"{_row(7)['problem']}\n\nAnother line of words.\n")
    (tmp_path / "secret.csv").write_text(f"id,question\nq9,{_row(9)['problem']}\n")
    files = f"[{tmp_path}/secret.txt, {tmp_path}/secret.csv]"
    rows = [_row(number) for number in range(12)]
    built = build(
        _own(tmp_path, model, rows, f"\n  decontamination: {{files: {files}, show_text: true}}")
    )
    removed = built.read("removed").query("step == 'decontamination'").set_index("id")
    assert set(removed.index) == {"own/r7", "own/r9"}
    assert removed.loc["own/r7", "detail"] == f"{tmp_path}/secret.txt/1"
    assert removed.loc["own/r9", "detail"] == f"{tmp_path}/secret.csv/q9"
    assert removed.loc["own/r9", "question"] == _row(9)["problem"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"no file .*/gone\.jsonl; correct the path"),
        (b'{"word": 1}\n', r"line 1 has none of question, problem, prompt, instruction, text"),
        (b"{\n", r"line 1"),
    ],
)
def test_a_file_to_keep_out_that_cannot_be_read_is_told(
    tmp_path: Path, model: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "gone.jsonl"
    if content is not None:
        path.write_bytes(content)
    run = _run(tmp_path, model, f"{TEXTBOOK}\n  decontamination: {{files: [{path}]}}")
    with pytest.raises(UserError, match=rf"^dataset\.decontamination\.files: .*{message}"):
        build(run)


def test_a_mistake_in_the_last_row_leaves_nothing_behind(tmp_path: Path, model: Path) -> None:
    rows = [*(_row(number) for number in range(30)), _row(31, topic="cooking")]
    run = _own(tmp_path, model, rows)
    with pytest.raises(UserError, match=r"dataset\.sources: own: 1 rows? .*'cooking' \(1\)"):
        build(run)
    assert list(run.dataset.iterdir()) == []
