"""Pages in another language: no English is left in them but that of the data, and what is named the same everywhere."""

from __future__ import annotations

import gettext
import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

import llmc_lib
from llmc_lib import dataset, training
from llmc_lib.language import read_catalogue, speaking
from llmc_lib.language.messages import write_catalogue
from llmc_lib.records import Question
from llmc_lib.reporting import answers_page, load_report, sections
from llmc_lib.reporting.elements import HTML, NOTHING, Block
from llmc_lib.reporting.entries import read_entries
from llmc_lib.reporting.figures import accuracy, drawing
from llmc_lib.reporting.figures.intervals import _SHORT
from llmc_lib.reporting.grading_page import agreements, grading
from llmc_lib.reporting.render import render
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.site import render_site
from llmc_lib.store import ROOT, Run, write_jsonl, write_manifest
from llmc_lib.taxonomy import HLE_SHARES
from tests.dataset_manifest import REFERENCE, TEACHER, made_manifest, made_params, made_rows
from tests.pseudo import Pseudo, odd
from tests.reporting import edge_pages
from tests.reporting.notebook_pages import notebook_page
from tests.reporting.several import answers, several
from tests.reporting.test_grading_page import RIGHT, WRONG, _results
from tests.reporting.test_training_page import CANDIDATES, _params, made_facts

#: What has the same name in every language.
SAME = {"CSV", "SHA-256", "DeepSpeed", "HLE", "TRL", "SFTTrainer", "ZeRO-2", "float32", "cosine"}
#: What a part of the page holds that is no text of ours: questions, what was written about them, code, names of files.
DATA = (
    "script, style, pre, code, time, math, .question, .reference, .trace, .text, .short, .category, .final b, dd, "
    ".case > .note, details.code"
)


def _visible(page: str) -> str:
    """What a reader sees and hears of a page, the data in it left out."""
    soup = BeautifulSoup(page, "html.parser")
    for part in soup.select(DATA):
        part.decompose()
    labels = [part["aria-label"] for part in soup.select("[aria-label]")]
    return "\n".join([*soup.stripped_strings, *map(str, labels)])


def _english(page: str, data: Iterator[str] | set[str]) -> set[str]:
    """The lines of a page with plain letters that are neither of the `data` nor of `SAME`."""
    names = sorted({*map(str, data), *SAME}, key=len, reverse=True)
    known = re.compile(r"(?<![A-Za-z])(?:" + "|".join(map(re.escape, names)) + r")(?![A-Za-z])")
    lines = _visible(page).replace("\N{NO-BREAK SPACE}", " ").splitlines()
    return {line for line in lines if re.search(r"[A-Za-z]{2,}", known.sub("", line))}


def test_english_that_is_left_would_be_found() -> None:
    page = f'<p aria-label="Copy">tuned {odd("gains 3 points")}</p><p>Rows</p><pre>any code</pre>'
    assert _english(page, {"tuned"}) == {"Copy", "Rows"}


@pytest.fixture
def pseudo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The pseudo language; figures are not drawn where `_visible` does not look: for phones, and as pictures of notebooks."""
    for module in (drawing, accuracy):
        monkeypatch.setattr(module, "svg", drawing.one_svg)
    monkeypatch.setattr(drawing, "png", lambda _: (b"", {}))
    with speaking(Pseudo()):
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with an evaluation on four benchmarks, with stated confidences, a data set and a training."""

    def sure(model: str, benchmark: str, number: int, question: Question) -> tuple[str, str]:
        response, finish = answers(model, benchmark, number, question)
        return f"{response}\nConfidence: {60 + number % 40}%", finish

    made = several(tmp_path_factory.mktemp("several"), sure, main="sums")
    write_manifest(made.dataset, "key", 1.0, **made_manifest())
    facts = {"main": made_facts(resumed_from=[4], too_long=2)}
    write_manifest(made.training, "key", 1.0, candidates=facts)
    (made.training / "main").mkdir()
    rows = [{str(k): v for k, v in row.items()} for row in history().to_dict("records")]
    write_jsonl(made.training / "main" / "history.jsonl", rows)
    return made


@pytest.fixture(scope="module")
def report(run: Run) -> Report:
    return load_report(run)


@pytest.fixture(scope="module")
def odd_report(run: Run) -> Report:
    """The same in the pseudo language."""
    with speaking(Pseudo()):
        return load_report(run)


def history() -> pd.DataFrame:
    """The log of a training whose validation loss turns up."""
    train = pd.DataFrame({"step": range(1, 21), "epoch": np.linspace(0.1, 2, 20), "loss": np.linspace(2, 1, 20),
                          "grad_norm": 1.0, "learning_rate": 1e-5, "tokens_per_second": 130.0})  # fmt: skip
    held = pd.DataFrame(
        {"step": [0, 10, 20], "epoch": [0.0, 1.0, 2.0], "eval_loss": [2.0, 1.6, 1.9]}
    )
    return pd.concat([train, held], ignore_index=True)


def _of(report: Report) -> set[str]:
    """Names and recorded texts that a page has from its run."""
    made = report.metrics["provenance"]["report"]
    blocks = report.metrics["benchmarks"]
    groups = [group for block in blocks.values() for model in block["models"].values()
              for kind in ("categories", "risk_areas") for group in model.get(kind, ())]  # fmt: skip
    return {
        *report.results.models, *blocks, *groups, *HLE_SHARES, "Do-Not-Answer", "key", *_SHORT.values(),
        *(f"{name} {version}" for name, version in made["packages"].items()), made["machine"], report.dataset["environment"]["commit"][:10], "4_report.ipynb",
        "textbook", "hard_math", "Apache-2.0", "do_not_answer", "main", made_facts()["base"].removesuffix(")"),
    }  # fmt: skip


@pytest.mark.slow
def test_the_report_is_in_the_language_of_the_catalogue(
    run: Run, report: Report, pseudo: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(llmc_lib, "open_run", lambda _: run)
    page = notebook_page("4_report", tmp_path)
    assert '<html lang="qps">' in page
    assert 'id="where-they-differ"' in page  # a link to a section holds in all languages
    assert 'say("Ŧħé ŧáƀłé íš çóþíéđ.")' in page
    assert "Ŵħéŕé ŧħéý đíƒƒéŕ" in page
    for figure in ("categories", "differences", "power", "next-run", "reliability", "waterfall", "loss"):  # fmt: skip
        assert f'id="figure-{figure}"' in page
    assert _english(page, _of(report)) == set()


@pytest.mark.slow
def test_the_pages_of_data_set_and_training_are_too(
    run: Run, pseudo: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replay = {"model": "SmolLM2-135M", "prompts": 50, "samples": 2, "kept": 40, "truncated": 5, "repetitive": 2,
              "empty": 2, "failed": 1}  # fmt: skip
    own = {"rows": {"train": 90, "validation": 10}, "tokens": {"total": 9000}, "total_variation": 0.1,
           "composition": {"source": {"textbook": 100}, "category": {"Math": 100}}}  # fmt: skip
    manifest = made_manifest(
        teacher=TEACHER,
        reference=REFERENCE,
        replay={"instructions": replay},
        mixtures={"math": own},
    )
    rows = pd.concat([made_rows(), made_rows(kind="chat", author="", author_kind="unknown")])
    built = SimpleNamespace(manifest=manifest, read=lambda *_: rows, first=lambda _: rows)
    params = made_params(difficulty={"model": {"source": "embedded"}})
    params = params.model_copy(update={"candidates": _params(**CANDIDATES).candidates[:2]})
    monkeypatch.setattr(llmc_lib, "open_run", lambda _: Run(params, tmp_path / "x.yaml"))
    monkeypatch.setattr(dataset, "build", lambda _: built, raising=False)
    data = {
        "textbook", "hard_math", "gpt-4o", "hle", "do_not_answer", "SmolLM2-135M", "Qwen3-4B", "instructions",
        "1_dataset.ipynb", "2_training.ipynb", "math", "all", "closed model: gpt-4o", "hle/1", "hle/2", "Algebra",
        "Apache-2.0", *HLE_SHARES, made_facts()["base"].removesuffix(")"), manifest["target_origin"], "dataset.max_rows",
        "How many sheep has farmer 1?", "How many sheep has farmer 2?", "same problem", "not drawn", "What is", "person",  # as recorded
    }  # fmt: skip
    assert _english(notebook_page("1_dataset", tmp_path), data) == set()
    trained = {
        name: SimpleNamespace(facts=made_facts(), history=history(), models=[])
        for name in ("math", "all")
    }
    monkeypatch.setattr(
        training, "train", lambda _: SimpleNamespace(candidates=trained), raising=False
    )
    assert (
        _english(
            notebook_page("2_training", tmp_path), {*data, "mixture", "sources", "learning_rate"}
        )
        == set()
    )


@pytest.mark.slow
@pytest.mark.parametrize("samples", [1, 4])
def test_candidates_samples_and_missing_answers_are_too(
    samples: int, pseudo: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(0)
    right = {
        name: draw.random((120, samples)) < rate
        for name, rate in (("base", 0.4), ("first", 0.6), ("last", 0.5))
    }
    missing = {"last": draw.random((120, samples)) < 0.2}
    table = edge_pages.answers(right, missing)
    page = edge_pages.page(table, monkeypatch, {"select": ["Math"]})
    data = {"base", "first", "last", "made", "Math", "Do-Not-Answer", "over_refusal", "hle"}
    assert page.parts["selection"]
    assert page.parts["rerun"]
    assert _english("\n".join(html.escape(part) for part in page.parts.values()), data) == set()


def test_two_graders_are_too(pseudo: None) -> None:
    pairs: list[tuple[str, str | None]] = [*[RIGHT] * 20, *[WRONG] * 15]
    pairs += [("correct", "incorrect")] * 5
    results = _results(pairs, text="…")
    for imported in (False, True):
        page = grading(results, agreements(results), imported=imported, seed=0).markup
        assert _english(page, {"base", "hle"}) == set()


def test_the_answers_of_notebook_3_are_too(pseudo: None) -> None:
    results = _results([RIGHT, WRONG, ("ungraded", None)], text="…")
    table = results.answers.assign(
        correct=True, truncated=False, failed=False, completion_tokens=7.0, extracted="7"
    )
    results = replace(results, answers=table)
    block = answers_page.counts(results) + answers_page.some(results, 3, 0)
    assert block.markup.count("<details") == 3
    data = {"base", "hle", *results.answers["question_id"]}
    assert _english(block.markup, data) == set()


@pytest.mark.slow
def test_what_a_notebook_shows_in_place_of_the_page_is_too(
    odd_report: Report, pseudo: None
) -> None:
    blocks = [NOTHING, sections.verdict(odd_report), sections.provenance(odd_report)]
    shown = [view for block in blocks for view in block.views()]
    page = "".join(data.get(HTML, "") for data, _ in shown)
    assert _english(page, _of(odd_report)) == set()


@pytest.mark.slow
def test_the_list_of_all_reports_is_too(odd_report: Report, pseudo: None, tmp_path: Path) -> None:
    for name in ("one", "two", "broken"):
        (tmp_path / name).mkdir()
        odd_report.keep(tmp_path / name / "metrics.json")
    (tmp_path / "broken" / "metrics.json").write_text("{")
    page = render_site(read_entries(tmp_path))
    data = {
        "base",
        "tuned",
        "sums",
        "hle",
        "do_not_answer",
        "over_refusal",
        "Do-Not-Answer",
        "one",
        "two",
        "broken",
        "metrics.json",
    }
    assert _english(page, data) == set()


# ---- a small catalogue -----------------------------------------------------------------------

GERMAN = {
    "too little data": "zu wenige Daten",
    "{n:,} question": ("{n:,} Frage", "{n:,} Fragen"),
    "{size} point": ("{size} Punkt", "{size} Punkte"),
    "on {benchmark}, for this checkpoint": "auf {benchmark}, für diesen Checkpoint",
    "{low} to {high}": "{low} bis {high}",
    "## Where they differ": "## Wo sie sich unterscheiden",
    "Copy": "Kopieren",
    "Skip to the report": "Zum Bericht",
    "All questions": "Alle Fragen",
    "Percentage points, {model} minus {reference}": "Prozentpunkte, {model} minus {reference}",
}


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> gettext.GNUTranslations:
    """A catalogue of ten texts, written as a translator gets it."""
    monkeypatch.setattr("llmc_lib.language.messages.CATALOGUES", tmp_path)
    path = write_catalogue("de")
    text = path.read_text(encoding="utf-8")
    for source, given in GERMAN.items():
        before = re.compile(
            rf'msgid "{re.escape(source)}"\n(?:msgid_plural ".*"\n)?(?:msgstr.*\n)+'
        )
        forms = (given,) if isinstance(given, str) else given
        found = before.search(text)
        assert found, source
        lines = found[0].splitlines()
        heads = iter(forms)
        filled = [
            f'{line[:-2]}"{next(heads)}"' if line.startswith("msgstr") else line for line in lines
        ]
        text = text.replace(found[0], "\n".join(filled) + "\n")
    path.write_text(text, encoding="utf-8")
    return read_catalogue(path)


@pytest.mark.slow
def test_a_second_language_is_one_file(german: gettext.GNUTranslations, report: Report) -> None:
    def blocks() -> Block:
        return sections.verdict(report) + sections.differences(report)

    with speaking(german):
        page, shown = render(ROOT / "notebooks" / "4_report.ipynb", "…"), blocks().markup
    assert '<html lang="de">' in page
    for text in (">Zum Bericht<", "Wo sie sich unterscheiden", '= "Kopieren"'):
        assert text in page, text
    for text in ("auf sums", "Alle Fragen", "Prozentpunkte, tuned minus base"):
        assert text in shown, text
    assert "Alle Fragen" not in blocks().markup  # afterwards it is English again
