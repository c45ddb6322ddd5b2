"""Candidates with mixtures of their own: rows from one selection, and nothing validated on elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib.dataset import build, builder, finished
from llmc_lib.dataset.builder import BuiltDataset, stage_key
from llmc_lib.dataset.draw import target_shares
from llmc_lib.errors import UserError
from llmc_lib.store import Run, open_run, sha256_file

PARTS = ("train", "validation")
EMBEDDED = """
  sources: [{name: hard_math, rows: 60}, {name: textbook}]
  max_rows: 60
  validation: 0.1"""
CANDIDATES = """
candidates:
  - name: both
  - name: math
    mixture: {sources: [hard_math], mixture: false, max_rows: 60}
  - name: science
    mixture: {sources: [textbook], shares: {Physics: 0.5, Chemistry: 0.25, Engineering: 0.25}, max_rows: 40}
  - name: all
    mixture: {mixture: false, max_rows: 150}
  - name: again
    mixture: {sources: [textbook], shares: {Engineering: 1.0}, max_rows: 30, repeat: true}"""

Make = Callable[..., Run]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import make_tokenizer

    folder = tmp_path_factory.mktemp("model")
    make_tokenizer(folder)
    return folder


def _run(
    folder: Path, model: Path, dataset: str, candidates: str = "", training: str = "{}"
) -> Run:
    path = folder / "x.yaml"
    path.write_text(
        f"run: x\nruns_dir: {folder}/runs\nmodel: {{source: {model}}}\n"
        f"training: {training}\ndataset:{dataset}\n{candidates}\n"
    )
    return open_run(path)


@pytest.fixture
def own(tmp_path: Path, model: Path) -> Make:
    """A run on two small files, with the candidates that are given."""
    for source, topic in (("a", "algebra"), ("b", "optics")):
        rows = [
            {"id": f"{source}{n}", "problem": f"What is {source}{n}, the {n}th of {topic}?",
             "solution": f"It is \\boxed{{{n}}}.", "answer": str(n), "topic": topic}
            for n in range(20)
        ]  # fmt: skip
        (tmp_path / f"{source}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def make(candidates: str = "", **settings: Any) -> Run:
        fields = "{id: id, question: problem, completion: solution, answer: answer, subject: topic}"
        more = "categories: {algebra: Math, optics: Physics}, licence: MIT"
        sources = "".join(
            f"\n    - {{name: {name}, kind: files, path: {tmp_path}/{name}.jsonl, fields: {fields}, {more}}}"
            for name in "ab"
        )
        dataset = (
            f"\n  sources:{sources}\n  shares: {{Math: 0.5, Physics: 0.5}}\n  validation: 0.1"
            "\n  deduplication: {enabled: false}\n  decontamination: {enabled: false}"
        )
        return _run(tmp_path, model, dataset, candidates, **settings)

    return make


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, model: Path) -> BuiltDataset:
    pytest.importorskip("reasoning_gym")  # absent where only reports are made
    return build(_run(tmp_path_factory.mktemp("built"), model, EMBEDDED, CANDIDATES))


def _all(built: BuiltDataset, name: str) -> pd.DataFrame:
    return pd.concat([built.read(f"{name}/{part}") for part in PARTS])


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# ---- the embedded sources ------------------------------------------------------------------------


@pytest.mark.slow
def test_each_candidate_has_the_rows_that_its_mixture_asks_for(built: BuiltDataset) -> None:
    assert list(built.manifest["mixtures"]) == [
        "math",
        "science",
        "all",
        "again",
    ]  # "both" has none
    math = _all(built, "math")
    assert (len(math), set(math["source"]), set(math["category"])) == (60, {"hard_math"}, {"Math"})
    science = _all(built, "science")
    assert science["category"].value_counts().to_dict() == {
        "Physics": 20, "Chemistry": 10, "Engineering": 10,
    }  # fmt: skip
    everything = _all(built, "all")
    assert everything["source"].value_counts().to_dict() == {"textbook": 115, "hard_math": 35}
    again = _all(built, "again")
    assert (len(again), again["id"].nunique()) == (30, 14)
    for name, rows in (("math", math), ("science", science), ("all", everything)):
        assert rows["id"].is_unique
        held = built.manifest["mixtures"][name]["rows"]["validation"]
        assert held == len(built.read(f"{name}/validation")) == round(len(rows) * 0.1)


@pytest.mark.slow
def test_no_validation_row_of_one_is_a_training_row_of_another(built: BuiltDataset) -> None:
    folders = ["", *(f"{name}/" for name in built.manifest["mixtures"])]
    trained = {id_ for folder in folders for id_ in built.read(f"{folder}train")["id"]}
    validated = {id_ for folder in folders for id_ in built.read(f"{folder}validation")["id"]}
    assert trained.isdisjoint(validated)
    assert len(validated) > 10


@pytest.mark.slow
def test_the_manifest_has_the_facts_of_each_mixture(built: BuiltDataset) -> None:
    for name, facts in built.manifest["mixtures"].items():
        rows = _all(built, name)
        assert facts["rows"] == {part: len(built.read(f"{name}/{part}")) for part in PARTS}
        assert facts["tokens"]["total"] == rows["n_tokens"].sum()
        for column in ("source", "category", "licence"):
            assert facts["composition"][column] == rows[column].value_counts().to_dict()
        assert facts["mixed"] == rows["category"].value_counts().to_dict()
    science, everything = (built.manifest["mixtures"][name] for name in ("science", "all"))
    assert (science["total_variation"], science["target_origin"]) == (0, "set by the params file")
    assert everything["target_origin"] == "that of the rows that are left: the mixture was off"
    assert science["mixture_cost"] == sum(science["available"][n] for n in science["mixed"]) - 40


@pytest.mark.slow
def test_every_file_is_listed_with_its_digest(built: BuiltDataset) -> None:
    files = built.manifest["files"]
    assert files == {name: sha256_file(built.folder / name) for name in files}
    assert _files(built.folder) - {"README.md", "manifest.json"} == set(files)
    assert {"train.parquet", "math/train.parquet", "math/validation.parquet"} <= set(files)


@pytest.mark.slow
def test_a_removed_row_is_in_no_mixture_and_every_other_is_in_one(built: BuiltDataset) -> None:
    own = {id_ for part in PARTS for id_ in built.read(part)["id"]}
    theirs = {id_ for name in built.manifest["mixtures"] for id_ in _all(built, name)["id"]}
    removed = built.read("removed").query("step == 'mixture'")
    assert set(removed["id"]).isdisjoint(own | theirs)
    assert len(removed) + len(own | theirs) == 258
    # The book is that of the run's own mixture, which is what the page shows.
    step = built.manifest["steps"][-1]
    assert step["reasons"] == {
        "drawn for candidates only": len(theirs - own), "not drawn": len(removed),
    }  # fmt: skip
    assert step["left"] == len(own) == 60


@pytest.mark.slow
def test_the_run_has_the_rows_that_it_has_without_candidates(
    built: BuiltDataset, tmp_path: Path, model: Path
) -> None:
    alone = build(_run(tmp_path, model, EMBEDDED))
    for part in PARTS:
        name = f"{part}.parquet"
        assert alone.manifest["files"][name] == built.manifest["files"][name]
    assert alone.manifest["mixtures"] == {}
    # A candidate's rows depend neither on the other candidates nor on the run's own mixture.
    candidates = CANDIDATES.partition("  - name: science")[0]
    fewer = build(_run(tmp_path, model, EMBEDDED.replace("60\n", "44\n"), candidates))
    for part in PARTS:
        name = f"math/{part}.parquet"
        assert fewer.manifest["files"][name] == built.manifest["files"][name]


# ---- what is done again, and what is not ---------------------------------------------------------

TWO = """
candidates:
  - {name: a, mixture: {sources: [a], mixture: false}}
  - {name: b, mixture: {sources: [b], mixture: false}, training: {epochs: 2.0}}"""


@pytest.mark.slow
def test_a_run_finds_the_rows_of_each_candidate(own: Make) -> None:
    run = own(TWO + "\n  - {name: c}")
    build(run)
    for recipe, ids in zip(run.params.recipes, ({"a"}, {"b"}, {"a", "b"}), strict=True):
        rows = pd.read_parquet(run.data(recipe) / "train.parquet")
        assert set(rows["source"]) == ids


def test_a_training_override_builds_nothing_and_a_mixture_does(own: Make) -> None:
    key = stage_key(own(TWO))
    assert stage_key(own(TWO.replace("epochs: 2.0", "epochs: 3.0"))) == key
    assert stage_key(own(TWO, training="{epochs: 4.0}")) == key
    assert stage_key(own(TWO + "\n  - {name: c}")) == key  # it has the run's rows
    for changed in (
        TWO.replace("sources: [b]", "sources: [a, b]"),
        TWO.replace("[b], mixture: false", "[b], mixture: false, max_rows: 5"),
        TWO.replace("[b], mixture: false", "[b], shares: {Physics: 1.0}"),
        TWO.replace("[b], mixture: false", "[b], allow_shortfall: true"),
        TWO.replace("[b], mixture: false", "[b], mixture: false, max_rows: 50, repeat: true"),
        TWO.replace("name: b", "name: c"),
        TWO.replace("epochs: 2.0", "max_length: 2000"),  # longer examples than any other takes
        "",
    ):
        assert stage_key(own(changed)) != key


@pytest.mark.slow
def test_rows_of_candidates_that_are_gone_stay_until_a_new_build_is_whole(
    own: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = own(TWO)
    files = build(run).manifest["files"]
    (run.dataset / "a" / "notes.txt").write_text("mine")
    one = TWO.replace("name: a,", "name: c,")
    with pytest.raises(UserError):
        build(own(one.replace("[a], mixture: false", "[a], shares: {Physics: 1.0}")))
    assert finished(own(TWO))
    with monkeypatch.context() as patch:
        patch.setattr(builder, "write_manifest", _killed)
        with pytest.raises(KeyboardInterrupt):
            build(own(one))
    assert not finished(own(one))
    assert not finished(own(TWO))
    assert sha256_file(run.dataset / "a" / "train.parquet") == files["a/train.parquet"]
    built = build(own(one))
    assert built.manifest["files"]["c/train.parquet"] == files["a/train.parquet"]
    expected = {*built.manifest["files"], "README.md", "manifest.json", "a/notes.txt"}
    assert _files(run.dataset) == expected  # a file that is not ours is left
    assert build(own()).manifest["mixtures"] == {}
    assert not (run.dataset / "b").exists()


def _killed(*arguments: object, **facts: object) -> None:
    raise KeyboardInterrupt


# ---- mixtures that cannot be had -----------------------------------------------------------------


def test_each_mixture_that_cannot_be_had_is_one_line(own: Make) -> None:
    run = own(
        """
candidates:
  - {name: fine, mixture: {sources: [a, b]}}
  - {name: math, mixture: {sources: [a]}}
  - {name: none, mixture: {sources: [a], shares: {Physics: 1.0}, allow_shortfall: true}}"""
    )
    with pytest.raises(UserError) as caught:
        build(run)
    first, second = str(caught.value).splitlines()
    assert first.startswith(
        "x.yaml: candidates: math: mixture.shares: no row is left for 'Physics' (50%); add a source "
        "that has the category"
    )
    assert "candidates: math: mixture.mixture: false" in first
    assert second.startswith("x.yaml: candidates: none: mixture: no row is left in any category")
    assert list(run.dataset.iterdir()) == []  # nothing half-written


@pytest.mark.slow
def test_a_candidate_without_shares_has_those_of_the_run(own: Make) -> None:
    run = own("\ncandidates:\n  - {name: c, mixture: {sources: [a], allow_shortfall: true}}")
    (recipe,) = run.params.recipes
    assert recipe.mixture
    shares = ({"Math": 0.5, "Physics": 0.5}, "set by the params file")
    assert target_shares(run, recipe.mixture) == shares
    assert build(run).manifest["mixtures"]["c"]["total_variation"] == 0.5


# ---- one recipe, several draws -------------------------------------------------------------------

SEEDS = "\ncandidates:\n  - {name: m, seeds: [0, 1, 2], mixture: {sources: [a], mixture: false, max_rows: %d}%s}"


def _ids(run: Run, part: str = "train") -> list[list[str]]:
    return [
        pd.read_parquet(run.data(recipe) / f"{part}.parquet")["id"].tolist()
        for recipe in run.params.recipes
    ]


@pytest.mark.slow
def test_a_seed_draws_rows_of_its_own(own: Make) -> None:
    run = own(SEEDS % (6, ""))
    built = build(run)
    first, second, third = _ids(run)
    assert len({frozenset(first), frozenset(second), frozenset(third)}) > 1
    assert {len(first), len(second), len(third)} == {len(first)}
    pairs = [(first, second), (first, third), (second, third)]
    shares = [len({*a} & {*b}) / len(a) for a, b in pairs]
    assert built.manifest["in_common"] == {"m": pytest.approx(sum(shares) / 3)}
    # What one training is validated on none is trained on, and a seed draws the same again.
    assert not {*first, *second, *third} & {id_ for ids in _ids(run, "validation") for id_ in ids}
    again = own(SEEDS.replace("[0, 1, 2]", "[1]") % (6, ""))
    build(again)
    assert _ids(again) == [second]


@pytest.mark.slow
def test_where_nothing_is_left_out_only_the_order_differs(own: Make) -> None:
    run = own((SEEDS % (1000, ", vary: rows")).replace("max_rows: 1000", "max_rows: null"))
    assert build(run).manifest["in_common"] == {"m": 1.0}
    first, second, _ = _ids(run)
    assert first != second
    assert sorted(first) == sorted(second)


@pytest.mark.slow
def test_the_order_alone_shares_one_mixture(own: Make) -> None:
    run = own(SEEDS % (6, ", vary: order"))
    built = build(run)
    assert list(built.manifest["mixtures"]) == ["m"]
    assert built.manifest["in_common"] == {}
    first, second, third = _ids(run)
    assert first == second == third
    assert stage_key(own(SEEDS.replace("[0, 1, 2]", "[5]") % (6, ", vary: order"))) == stage_key(
        run
    )
    assert stage_key(own(SEEDS % (6, ""))) != stage_key(run)
