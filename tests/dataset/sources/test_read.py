"""What holds for every source: ids, rows, categories, facts, identity, and which params fit it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.dataset.sources import about, identity, languages, read
from llmc_lib.errors import UserError
from llmc_lib.params import EMBEDDED_SOURCES, SOURCES, SourceParams
from llmc_lib.taxonomy import ROW_CATEGORIES

FIELDS = {"id": "id", "question": "q", "subject": "s"}


def _source(tmp_path: Path, *records: dict[str, Any], **settings: Any) -> SourceParams:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    values = {"name": "mine", "kind": "files", "path": str(path), "fields": FIELDS, **settings}
    return SourceParams.model_validate(values)


def _row(identifier: object, subject: str = "Optics") -> dict[str, Any]:
    return {"id": identifier, "q": f"{identifier}?", "s": subject}


def test_an_id_that_comes_again_gets_a_number(tmp_path: Path) -> None:
    rows = [_row(name) for name in ("a", "a", "a-2", "a", None, "")]
    ids = [example.id for example in read(_source(tmp_path, *rows, category="Physics"), 0)]
    assert ids == ["mine/a", "mine/a-2", "mine/a-2-2", "mine/a-3", "mine/00005", "mine/00006"]


def test_rows_are_counted_in_the_file(tmp_path: Path) -> None:
    rows = [_row(number) for number in range(10)] + [_row("x", "never reached")]
    source = _source(tmp_path, *rows, rows=4, categories={"Optics": "Physics"})
    assert [example.row_id for example in read(source, 0)] == ["0", "1", "2", "3"]


def test_the_map_goes_before_the_one_category_and_that_before_the_row(tmp_path: Path) -> None:
    rows = [_row(1), _row(2, "Dyes"), {**_row(3), "c": "Engineering"}]
    fields = {**FIELDS, "category": "c"}
    rows[0]["c"] = rows[1]["c"] = "Math"
    maps = {"Dyes": "Chemistry"}

    def categories(**settings: Any) -> list[str]:
        source = _source(tmp_path, *rows, fields=fields, **settings)
        return [example.category for example in read(source, 0)]

    assert categories() == ["Math", "Math", "Engineering"]
    assert categories(categories=maps) == ["Math", "Chemistry", "Engineering"]
    assert categories(categories=maps, category="Physics") == ["Physics", "Chemistry", "Physics"]


def test_all_subjects_without_a_category_are_listed_at_the_end(tmp_path: Path) -> None:
    rows = [_row(1), _row(2, "Dyes"), _row(3, "Law"), _row(4, "Dyes"), _row(5, "")]
    stream = read(_source(tmp_path, *rows, categories={"Optics": "Physics"}), 0)
    assert next(stream).row_id == "1"
    with pytest.raises(UserError) as caught:
        list(stream)
    message = str(caught.value)
    assert message.startswith(
        "dataset.sources: mine: 4 rows have a subject without a category: "
        "'Dyes' (2), 'Law' (1), '' (1); map each under dataset.sources: mine: categories"
    )
    assert all(name in message for name in ROW_CATEGORIES)
    assert "\n" not in message


def test_a_category_of_a_row_that_is_not_one_of_hle_is_looked_up(tmp_path: Path) -> None:
    fields = {"question": "q", "category": "c"}
    rows = [{"q": "a?", "c": "Phys"}, {"q": "b?", "c": "Physics"}]
    source = _source(tmp_path, *rows, fields=fields, categories={"Phys": "Physics"})
    assert [example.category for example in read(source, 0)] == ["Physics", "Physics"]
    with pytest.raises(UserError, match=r"1 row has a subject .*: 'Phys' \(1\)"):
        list(read(_source(tmp_path, *rows, fields=fields), 0))


def test_identity_follows_the_bytes_of_local_files(tmp_path: Path) -> None:
    source = _source(tmp_path, _row(1), category="Physics")
    before = identity(source)
    assert identity(source) == before
    _source(tmp_path, _row(2), category="Physics")
    assert identity(source) != before
    assert list(identity(source)) == list(before) == [str(tmp_path / "x.jsonl")]


def test_identity_of_a_hub_set_is_its_commit() -> None:
    source = SourceParams(name="deepmath", revision="0123abc")
    assert identity(source) == {"zwhe99/DeepMath-103K": "0123abc"}


# Not hard_math, which takes seconds to import: test_hard_math.py has its facts.
@pytest.mark.parametrize("name", sorted({*SOURCES, "files"} - {"hard_math"}))
def test_every_source_has_facts_and_a_sound_map(name: str) -> None:
    module = importlib.import_module(f"llmc_lib.dataset.sources.{name}")
    assert set(module.CATEGORIES.values()) <= set(ROW_CATEGORIES)
    settings: dict[str, Any] = {"fields": {"question": "q"}} if name == "files" else {}
    if name not in EMBEDDED_SOURCES:
        settings["path"] = "data"
    facts = about(SourceParams.model_validate({"name": "x", "kind": name, **settings}))
    assert facts.licence
    assert facts.url
    assert facts.description.endswith(".")


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"name": "textbook"}, {"en"}),
        ({"name": "olymmath", "path": "x"}, {"en", "zh"}),
        ({"name": "olymmath_eval", "path": "x", "subset": "zh-hard"}, {"zh"}),
        ({"name": "olymmath", "revision": "0123456"}, {"en"}),
        ({"name": "x", "kind": "files", "path": "x", "fields": {"question": "q"}}, set()),
    ],
)
def test_a_source_says_its_languages(settings: dict[str, Any], found: set[str]) -> None:
    assert languages(SourceParams.model_validate(settings)) == found


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"hard_math"}))
def test_the_params_know_which_sources_are_embedded(name: str) -> None:
    module = importlib.import_module(f"llmc_lib.dataset.sources.{name}")
    assert hasattr(module, "EMBEDDED") == (name in EMBEDDED_SOURCES)
