"""The list of all reports, from real and damaged folders; in a browser: test_made_of_pages.py."""

from __future__ import annotations

import copy
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.__main__ import main
from llmc_lib.errors import UserError
from llmc_lib.evaluation import import_all
from llmc_lib.reporting import load_report
from llmc_lib.reporting.entries import Comparison, read_entries
from llmc_lib.reporting.site import Scale, write_site
from llmc_lib.store import ROOT, open_run

NASTY = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The metrics.json of params/compare.yaml, as the pipeline computes it."""
    folder = tmp_path_factory.mktemp("compare")
    values = yaml.safe_load((ROOT / "params" / "compare.yaml").read_text())
    (folder / "compare.yaml").write_text(yaml.safe_dump({**values, "runs_dir": str(folder)}))
    run = open_run(folder / "compare.yaml")
    import_all(run)
    metrics: dict[str, Any] = json.loads(json.dumps(load_report(run).metrics))
    return metrics


def add(folder: Path, name: str, metrics: object, finished: str = "") -> Path:
    run = folder / name
    run.mkdir(parents=True)
    (run / "index.html").write_text("a page")
    text = metrics if isinstance(metrics, str) else json.dumps(metrics)
    (run / "metrics.json").write_text(text, encoding="utf-8")
    if finished:
        manifest = {"fingerprint": "0", "finished": finished}
        (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def changed(metrics: dict[str, Any], **headline: object) -> dict[str, Any]:
    copied = copy.deepcopy(metrics)
    copied["benchmarks"]["hle"]["comparisons"][-1].update(headline)
    return copied


def rows(page: str) -> list[str]:
    return re.findall(r"<tr role=\"row\" data-.*?</tr>", page, re.DOTALL)


@pytest.mark.slow
def test_the_newest_is_first_and_says_what_its_report_says(
    tmp_path: Path, real: dict[str, Any]
) -> None:
    later = changed(real, verdict="worse", difference=-0.25, ci95=[-0.31, -0.19])
    printed = later["benchmarks"]["hle"]["comparisons"][-1]["interval"]
    printed |= {"low": -0.31, "high": -0.19, "printed": ["−31", "−19"]}
    later["provenance"]["params"]["report"]["significance"] = 0.01
    add(tmp_path, "early", real, "2026-01-02T03:04:05+00:00")
    add(tmp_path, "late", later, "2026-02-03T04:05:06+00:00")
    page = write_site(tmp_path).read_text(encoding="utf-8")
    late, early = rows(page)
    assert ">late</a>" in late
    assert 'href="late/index.html"' in late
    assert "2026-02-03 04:05" in late
    for said in ("▼", "worse"):  # the sign is the style's
        assert said in (late + page.partition("</style>")[0]).lower()
    assert "<b>−25 points</b>" in late
    assert "−31 to −19" in late
    assert "<code>report.significance</code>: 0.05 → 0.01" in late
    assert "1 change from early" in late
    headline = real["benchmarks"]["hle"]["comparisons"][-1]
    assert f"<b>{headline['model']}</b> against <b>{headline['reference']}</b>" in early
    assert "the example&#39;s first model" in early
    assert headline["verdict"].capitalize() in early
    assert "200 questions × 1 sample" in early
    assert "the first run" in early


def test_many_changes_are_folded(tmp_path: Path, real: dict[str, Any]) -> None:
    later = copy.deepcopy(real)
    later["provenance"]["params"]["report"] |= {
        "cases": 1, "claims": 2, "power": 0.9, "correction": "bh", "significance": 0.01
    }  # fmt: skip
    add(tmp_path, "early", real, "2026-01-02T03:04:05+00:00")
    add(tmp_path, "late", later, "2026-02-03T04:05:06+00:00")
    late = rows(write_site(tmp_path).read_text())[0]
    assert "<details><summary>5 changes from early</summary>" in late


def test_links_are_to_what_is_there(tmp_path: Path, real: dict[str, Any]) -> None:
    (add(tmp_path, "a", real) / "report.pdf").write_bytes(b"%PDF")
    add(tmp_path, "b c", real)
    page = write_site(tmp_path).read_text()
    links = re.findall(r'href="([^"#:]+)"', page)
    assert "a/report.pdf" in links
    assert "b%20c/index.html" in links
    assert all((tmp_path / link.replace("%20", " ")).exists() for link in links)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "metrics.json is broken or half written; make report writes it again"),
        ('{"schema_version": 2, "bench', "is broken or half written"),
        ("[1, 2]", "is broken or half written"),
        ("[" * 100_000, "is broken or half written"),
        ('{"run": "x"}', "has no schema_version, and 2 is what can be read"),
        ('{"schema_version": 7}', "has schema_version 7, and 2 is what can be read"),
        ('{"schema_version": 2}', "metrics.json: benchmarks: field required"),
        ('{"schema_version": 2, "benchmarks": {}}', "no benchmark with right and wrong answers"),
        (
            '{"schema_version": 2, "benchmarks": {}, "provenance": [1]}',
            "metrics.json: provenance: ",
        ),
        (
            '{"schema_version": 2, "benchmarks": {"hle": {"kind": "hle", "n_questions": 2, "n_samples": 1, '
            '"models": {}, "comparisons": []}}}',
            "metrics.json: benchmarks.hle.comparisons: list should have at least 1 item",
        ),
    ],
)
def test_a_damaged_file_is_listed_with_what_is_wrong(
    tmp_path: Path, real: dict[str, Any], text: str, problem: str
) -> None:
    add(tmp_path, "good", real)
    add(tmp_path, "bad", text)
    page = write_site(tmp_path).read_text()
    assert len(rows(page)) == 1
    assert problem in page.partition("Without numbers")[2]
    assert str(tmp_path) not in page


def test_numbers_that_are_none_are_told(tmp_path: Path, real: dict[str, Any]) -> None:
    add(
        tmp_path, "bad", changed(real, difference=float("nan"))
    )  # Python's json writes and reads it
    (entry,) = read_entries(tmp_path)
    assert "metrics.json: benchmarks.hle.comparisons.0.difference: " in entry.problem
    assert "Without numbers" in write_site(tmp_path).read_text()  # and a page without any row


def test_folders_that_are_no_reports(tmp_path: Path, real: dict[str, Any]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "dataset.html").write_text("x")
    (add(tmp_path, "latin", real) / "metrics.json").write_bytes(b"\xff\xfe{")
    (add(tmp_path, "no_manifest", real) / "manifest.json").write_text("[]")
    found = {entry.name: entry for entry in read_entries(tmp_path)}
    assert set(found) == {"begun", "latin", "no_manifest"}
    assert "not finished" in found["begun"].problem
    assert "broken" in found["latin"].problem
    evaluated = datetime.fromisoformat(real["provenance"]["evaluation"]["finished"])
    assert found["no_manifest"].date == evaluated
    os.utime(tmp_path / "begun" / "dataset.html", (0, 0))
    assert read_entries(tmp_path)[-1].date == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_folder_whose_name_is_no_text_is_listed(tmp_path: Path, real: dict[str, Any]) -> None:
    folder = add(tmp_path, "named", real)
    os.rename(folder, os.fsencode(tmp_path) + b"/caf\xe9")
    page = write_site(tmp_path).read_text()
    assert "caf%E9/index.html" in page
    assert "caf\ufffd" in page
    assert "caf\ufffd" in (tmp_path / "runs.csv").read_text()


def test_nothing_from_a_file_is_markup(tmp_path: Path, real: dict[str, Any]) -> None:
    nasty = changed(real, model=NASTY, verdict=f"{NASTY} x")
    nasty["provenance"]["params"]["report"]["title"] = NASTY
    nasty["provenance"]["params"]["evaluation"][NASTY] = NASTY
    nasty["provenance"]["evaluation"]["models"] = [{"name": "base", "label": NASTY}]
    add(tmp_path, "plain", real, "2026-01-02T03:04:05+00:00")
    add(tmp_path, "<b>'x", nasty, "2026-02-03T03:04:05+00:00")
    page = write_site(tmp_path).read_text()
    assert "<img" not in page
    assert "<b>'x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 4


def test_the_safety_of_the_headline_is_said_in_a_word(tmp_path: Path, real: dict[str, Any]) -> None:
    model = real["benchmarks"]["hle"]["comparisons"][-1]["model"]
    add(tmp_path, "unasked", real)
    for told, said in (
        ({"word": "gain at a price", "safety": "loss"}, "less safe"),
        ({"word": "no difference shown"}, "no difference shown"),  # of a file without codes
    ):
        asked = copy.deepcopy(real)
        asked["tradeoffs"] = {model: {**told, "sentence": ""}, "other": {"word": "x"}}
        add(tmp_path, said.replace(" ", "_"), asked)
    found = {e.name: e.metrics.safety for e in read_entries(tmp_path) if e.metrics}
    assert found == {
        "unasked": "–",
        "less_safe": "less safe",
        "no_difference_shown": "no difference shown",
    }


@pytest.mark.parametrize("reach", [0.001, 0.02, 0.07, 0.3, 1.0])
def test_the_scale_has_room_for_every_interval_and_a_few_round_marks(reach: float) -> None:
    common = {"model": "a", "reference": "b", "difference": 0.0, "n": 9, "verdict": "x"}
    comparisons = [
        Comparison.model_validate(
            {**common, "interval": {"low": low, "high": high, "printed": ("", "")}}
        )
        for low, high in ((-reach, reach / 2), (0.0, 0.0))
    ]
    scale = Scale.of(comparisons)
    assert 0 < scale.place(-100 * reach) < scale.place(0) == 100 < scale.place(100 * reach) < 200
    assert 5 <= len(scale.ticks) <= 9
    assert scale.ticks[len(scale.ticks) // 2] == 0


def test_a_folder_without_reports_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="no report in it; make one first"):
        write_site(tmp_path)
    assert main(["site", str(tmp_path / "nowhere")]) == 2
    said = capsys.readouterr().err
    assert said == f"{tmp_path / 'nowhere'}: no such folder; make a report first (make report)\n"


def test_the_command_names_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], real: dict[str, Any]
) -> None:
    add(tmp_path, "a", real)
    assert main(["site", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"All reports: {tmp_path / 'index.html'}\n"
    assert main(["site", str(tmp_path)]) == 0  # its own page is no report
    assert len(rows((tmp_path / "index.html").read_text())) == 1
