"""Names that become files: no model's answers can take the place of another's."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from llmc_lib.params import Params


def _params(models: list[str], candidates: list[str] | None = None) -> Params:
    values: dict[str, Any] = {
        "run": "x",
        "evaluation": {"models": [{"name": name, "source": "embedded"} for name in models]},
        "candidates": [{"name": name} for name in candidates or []],
    }
    return Params.model_validate(values)


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("base", []), ("judge", []), ("step-11", []), ("step-0", []), ("math-step-3", ["math"]),
        ("b-step-7", ["a", "b"]), ("questions", []), ("base.grades", []),
        ("x.judge", []), ("x.settings", []), ("x.grades.key", []), ("x.jsonl", []), ("x.damaged", []),
    ],
)  # fmt: skip
def test_a_name_that_another_model_has_or_a_file_needs_is_refused(
    name: str, candidates: list[str]
) -> None:
    with pytest.raises(ValidationError, match=r"another name|rename it"):
        _params([name], candidates)


def test_other_names_are_free() -> None:
    params = _params(
        ["base-2", "step-x", "my-step-3", "judge-2", "v1.5", "step-11b", "grades"], ["a", "math"]
    )
    assert len(params.evaluation.models) == 7
    assert _params(["step-3"], ["a"]).evaluation.models[0].name == "step-3"  # a's are a-step-3


@pytest.mark.parametrize("name", ["looks.jsonl", "index.html"])
def test_a_run_is_not_called_like_a_file_beside_all_runs(name: str) -> None:
    with pytest.raises(ValidationError, match="beside the folders of all runs"):
        Params.model_validate({"run": name})


@pytest.mark.parametrize(
    "name", ["logs", "judge", "earlier", "so_far", "variants", "manifest.json"]
)
def test_a_benchmark_is_not_called_like_what_lies_beside_it(name: str) -> None:
    benchmark = {"name": name, "kind": "hle"}
    with pytest.raises(ValidationError, match="another file of the run"):
        Params.model_validate({"run": "x", "evaluation": {"benchmarks": [benchmark]}})


def test_imported_models_may_be_called_base_and_not_like_a_file() -> None:
    def imports(second: str) -> Params:
        items = [{"model": name, "path": "a.json"} for name in ("base", second)]
        benchmarks = [{"name": "hle"}]
        return Params.model_validate(
            {"run": "x", "evaluation": {"benchmarks": benchmarks, "imports": items}}
        )

    assert imports("tuned")
    for name in ("base.grades", "questions", "tuned.judge"):
        with pytest.raises(ValidationError, match="rename it"):
            imports(name)
