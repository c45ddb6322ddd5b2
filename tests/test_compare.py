"""`make report PARAMS=params/compare.yaml`: a page from finished predictions, without the heavy half."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from llmc_lib.__main__ import main
from llmc_lib.evaluation import import_all
from llmc_lib.reporting import load_report
from llmc_lib.store import ROOT, open_run
from tests.evaluation.importers import example
from tests.reporting.conftest import HEAVY

SHARED = Path(os.environ.get("LLMC_SHARED", ROOT.parent / "shared"))
REFERENCE = SHARED / "reference" / "hle_judged"


def _params(folder: Path, **changes: object) -> Path:
    """params/compare.yaml with its folders here."""
    values = yaml.safe_load((ROOT / "params" / "compare.yaml").read_text())
    values |= {"runs_dir": str(folder / "runs"), "reports_dir": str(folder / "reports"), **changes}
    path = folder / "compare.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize("model", example.MODELS)
def test_the_example_is_what_its_maker_makes(model: str) -> None:
    assert example.path(model).read_text() == example.content(model)


@pytest.mark.slow
def test_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from llmc_lib import open_run, pipeline\n"
        "from llmc_lib.evaluation import import_all\n"
        "from llmc_lib.reporting import load_report\n"
        "run = open_run(sys.argv[1])\n"
        "titles = [(stage.title, stage.finished(run)) for stage in pipeline.stages(run)]\n"
        "import_all(run)\n"
        "load_report(run)\n"
        "print(titles, *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(_params(tmp_path))],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "[('import', False), ('report', False)]" in ran.stdout
    loaded = set(ran.stdout.split())
    assert {"llmc_lib", "pandas"} <= loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("command", ["dataset", "train", "plan", "slurm"])
def test_what_an_import_has_not_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, str(_params(tmp_path))]) == 2
    said = capsys.readouterr().err
    assert said.startswith("compare.yaml: evaluation.imports: a run of imported predictions has no")
    assert len(said.splitlines()) == 1


def test_the_other_runs_say_what_a_light_environment_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmc_lib.__main__.find_spec", lambda name: None)
    params = tmp_path / "x.yaml"
    params.write_text(f"run: x\nruns_dir: {tmp_path}\n")
    assert main(["report", str(params)]) == 2
    assert "has no torch (it was made with ACCELERATOR=none)" in capsys.readouterr().err
    assert main(["check", str(params)]) == 0


# ---- mistakes in the params --------------------------------------------------------------------

HLE = {"name": "hle"}
BASE = {"model": "base", "path": "params/compare/judged_hle_base.json"}
TUNED = {"model": "tuned", "path": "params/compare/judged_hle_tuned.json"}


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        (
            {"imports": [BASE]},
            "evaluation.imports: a report compares models: give the imports of two",
        ),
        (
            {"benchmarks": [HLE, {"name": "do_not_answer"}], "imports": [BASE, TUNED]},
            "evaluation.imports: 'base' has none for the benchmark 'do_not_answer'",
        ),
        (
            {"imports": [BASE, {**TUNED, "benchmark": "gpqa"}]},
            "evaluation.imports.1.benchmark: 'gpqa' is not one of `benchmarks` (hle)",
        ),
        (
            {"imports": [BASE, {**TUNED, "path": "nowhere.json"}]},
            f"evaluation.imports.1.path: no file or folder {ROOT / 'nowhere.json'}",
        ),
        (
            {"imports": [BASE, TUNED], "models": [{"name": "third"}]},
            "evaluation.models: are not evaluated where there are `imports`",
        ),
        (
            {"benchmarks": [{"name": "hle", "source": "imports"}], "imports": [BASE, TUNED]},
            "evaluation.benchmarks.0.source: a benchmark of kind hle must have its own questions",
        ),
        (
            {"benchmarks": [{"name": "t", "kind": "questions", "source": "imports"}]},
            "evaluation.benchmarks.0.source: there are no `imports`; give a file",
        ),
        (
            {"imports": [BASE, {**TUNED, "format": "helm"}]},
            "evaluation.imports.1.format: 'helm' is not one of",
        ),
    ],
)
def test_a_mistake_is_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluation: dict[str, object], message: str
) -> None:
    params = _params(tmp_path, evaluation={"benchmarks": [HLE], **evaluation})
    assert main(["check", str(params)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


# ---- the reference set -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference set is not beside the checkout")
def test_from_params_to_the_official_figures_of_the_reference_set(tmp_path: Path) -> None:
    params = _params(
        tmp_path,
        evaluation={
            "benchmarks": [{"name": "hle", "source": str(REFERENCE / "questions.jsonl")}],
            "imports": [
                {"model": model, "path": str(REFERENCE / f"judged_hle_{model}.json")}
                for model in ("base", "submitted")
            ],
        },
    )
    run = open_run(params)
    import_all(run)
    found = load_report(run).metrics["benchmarks"]["hle"]
    assert found["n_questions"] == 2158
    expected = json.loads((REFERENCE / "expected_official.json").read_text())
    for name, right, missing in (("base", 371, 39), ("submitted", 355, 74)):
        model, official = found["models"][name], found["models"][name]["official"]
        assert official["accuracy"] == expected[name]["overall_accuracy"]
        assert official["wald_half_width"] == expected[name]["wald_half_width"]
        assert official["calibration_error"] == expected[name]["calibration_error"]
        assert official["n"] == expected[name]["num_questions"] == 2158 - missing
        assert official["accuracy_per_category"] == expected[name]["accuracy_per_category"]
        assert model["accuracy"] == right / 2158
        assert (model["n_missing"], model["n_answered"]) == (missing, 2158 - missing)
        assert sum(part["n"] for part in model["categories"].values()) == 2158
    assert set(found["false_claims"]["models"]) == {"base", "submitted"}
    comparison = found["comparisons"][0]
    assert comparison["n"] == 2158
    assert comparison["difference"] == pytest.approx((355 - 371) / 2158)
