"""`make dataset`: notebook 1 alone, headless, and its page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
def test_the_data_set_has_a_page_of_its_own(tmp_path: Path) -> None:
    from tests.tiny import make_tokenizer

    make_tokenizer(tmp_path / "model")
    params = tmp_path / "tiny.yaml"
    params.write_text(
        f"run: tiny\nruns_dir: {tmp_path}/runs\nreports_dir: {tmp_path}/reports\n"
        f"model: {{source: {tmp_path}/model}}\ntraining: {{max_length: 900}}\n"
        "dataset: {sources: [{name: hard_math, rows: 40}, {name: textbook}], max_rows: 60}\n"
        "candidates: [{name: both}, {name: math, mixture: {sources: [hard_math], mixture: false}}]\n"
    )
    command = [sys.executable, "-m", "llmc_lib", "dataset", str(params)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "reports" / "tiny" / "dataset.html").read_text()
    assert done.stdout.endswith(f"Data set: {tmp_path}/reports/tiny/dataset.html\n")
    for heading in ("From sources to mixture", "Composition", "Contamination", "Rows to read"):
        assert f">{heading}<" in page
    assert page.count("<h1>") == 1
    assert "No model took part" in page
    assert '<th scope="row">math</th>' in page  # what each candidate is trained on
    for slip in ("Warning", "Traceback", "Block(", "site-packages"):
        assert slip not in page
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert "data set: unchanged" in again.stderr
