"""`make gate`: what a finished report says of the criteria in the section `gate`, for machines and in a table.

The criteria are tested in `analysis.gate`, on the figures of metrics.json; docs/gate.md has how to use it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmc_lib.analysis import gate as criteria
from llmc_lib.analysis.gate import Finding, Outcome
from llmc_lib.benchmarks import Measure
from llmc_lib.errors import UserError
from llmc_lib.evaluation.race import WHY
from llmc_lib.formatting import aligned, counted
from llmc_lib.params import GateParams
from llmc_lib.params.reader import where
from llmc_lib.reporting.entries import SCHEMA_VERSION
from llmc_lib.reporting.looks import params_digest
from llmc_lib.reporting.seal import sealed
from llmc_lib.reporting.sentences import gate as words
from llmc_lib.reporting.tried import tried
from llmc_lib.store import Run, json_reader, ledger, looks, sha256_file, write_atomic
from llmc_lib.store.json_reader import JsonError

#: Of a gate's answer, as a process ends with it.
STATUS: dict[Outcome, int] = {"pass": 0, "fail": 1, "unknown": 2}
_EXAMPLE = "gate: {better: true, safety: 2.0}"


@dataclass(frozen=True)
class Gate:
    """The answer, and what it rests on; `why` where no criterion decided."""

    outcome: Outcome
    findings: list[Finding]
    candidate: str | None = None
    reference: str | None = None
    about: criteria.About = "checkpoint"
    models: tuple[str, ...] = ()  # the candidate, or the trainings of the recipe
    candidates: int = 0  # (recipes) that were compared, for which limits are adjusted
    why: str = ""

    @property
    def status(self) -> int:
        """The exit status: 0 pass, 1 fail, 2 cannot tell."""
        return STATUS[self.outcome]

    @property
    def told(self) -> str:
        """The answer and its criteria as a table for the terminal."""
        head = words.OUTCOMES[self.outcome].capitalize()
        what = words.gate_about(self.about, len(self.models))
        about = f": {self.candidate}, {what}, against {self.reference}" if self.candidate else ""
        lines = [f"{head}{about}." + (f" {self.why}" if self.why else "")]
        if self.findings:
            titles = ("Criterion", "Difference", "Limit", "Result", "Why")
            rows = [
                (
                    words.gate_criterion(found),
                    *words.gate_figures(found),
                    words.OUTCOMES[found["outcome"]],
                    words.gate_reason(found),
                )
                for found in map(asdict, self.findings)
            ]
            lines = [aligned([titles, *rows], "lrrll"), "", *lines]
        if self.candidates > 1:
            unit = "candidate" if self.about == "checkpoint" else "recipe"
            lines.append(f"Limits hold for all {counted(self.candidates, unit)} at once.")
        return "\n".join(lines)


def file(run: Run) -> Path:
    """Where the answer is as JSON."""
    return run.report / "gate.json"


def ask(run: Run) -> Gate:
    """Hold the figures of a finished report against the criteria.

    Raises `UserError` where the params file has no section `gate`, where it asks for a candidate, a category or a
    benchmark that the report has not, and for figures that are damaged.
    """
    params = required(run)
    metrics = _metrics(run)
    try:
        return _asked(run, params, metrics)
    except (KeyError, IndexError, TypeError, AttributeError, StopIteration) as error:
        raise UserError(
            f"{run.report / 'metrics.json'}: is not as make report writes it ({type(error).__name__}: {error}); make report "
            "writes it again"
        ) from None


def _asked(run: Run, params: GateParams, metrics: dict[str, Any]) -> Gate:
    main = metrics["main"]
    block = metrics["benchmarks"][main]
    subjects = _subjects(run, params, block)
    candidate = params.candidate
    if candidate is None:
        rule = (block.get("selection") or {}).get("rule")
        if rule and rule["chosen"] is None:
            why = "The rule report.select chooses none of the candidates."
            return Gate("fail", [], about=params.about, candidates=len(subjects), why=why)
        candidate = _chosen(run, rule["chosen"], subjects) if rule else list(subjects)[-1]
    stopped = (metrics.get("race") or {"stopped": []})["stopped"]
    gone = next((each for each in stopped if each["model"] == candidate), None)
    if candidate not in subjects and gone is not None:
        why = (
            f"The race (evaluation.stop) stopped {candidate} after round {gone['round']} ({WHY[gone['reason']]}), so the report has no "
            "verdict on it; name one that is left, or evaluate it without stop in a run of its own."
        )
        reference = next(iter(block["models"]))
        return Gate("unknown", [], candidate, reference, candidates=len(subjects), why=why)
    if candidate not in subjects:
        what = "candidate" if params.about == "checkpoint" else "recipe"
        raise UserError(
            f"{where(run.shown, 'gate', 'candidate')}: {candidate!r} is not a {what} of the report; there "
            f"{'is' if len(subjects) == 1 else 'are'} {', '.join(subjects)}"
        )
    findings = _findings(run, params, metrics, candidate)
    reference = next(iter(block["models"]))
    return Gate(
        criteria.together(findings),
        findings,
        candidate,
        reference,
        about=params.about,
        models=subjects[candidate],
        candidates=len(subjects),
    )


def _subjects(run: Run, params: GateParams, block: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """What the gate may be asked about: name → its models, those of a recipe's trainings or one model."""
    if params.about == "checkpoint":
        return {found["model"]: (found["model"],) for found in block["comparisons"]}
    effects = (block.get("recipes") or {}).get("effects", ())
    if not effects:
        raise UserError(
            f"{where(run.shown, 'gate', 'about')}: the report has no recipe of which two trainings were evaluated"
        )
    # The ends of trainings last: without a rule one of them is asked about.
    return {e["recipe"]: tuple(e["models"]) for e in sorted(effects, key=lambda e: e["whole"])}


def _chosen(run: Run, model: str, subjects: dict[str, tuple[str, ...]]) -> str:
    """The subject that the model belongs to which a rule has chosen."""
    for name, models in subjects.items():
        if model in models:
            return name
    raise UserError(
        f"{where(run.shown, 'gate', 'about')}: report.select chooses {model}, which is not one of several trainings of a recipe; "
        "name a recipe in gate.candidate"
    )


def required(run: Run) -> GateParams:
    """The section `gate`; raises `UserError` where there is none."""
    if run.params.gate is None:
        raise UserError(f"{run.shown}: gate: required: what is asked, such as `{_EXAMPLE}`")
    return run.params.gate


def keep(run: Run, answer: Gate) -> Path:
    """Write an answer to gate.json beside metrics.json; returns its path."""
    metrics = run.report / "metrics.json"
    values = {
        "schema_version": 1,
        "run": run.name,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "outcome": answer.outcome,
        "status": answer.status,
        "why": answer.why,
        "about": answer.about,
        "candidate": answer.candidate,
        "models": list(answer.models),
        "reference": answer.reference,
        "candidates": answer.candidates,
        "criteria": [
            {
                **found,
                "asked": words.gate_criterion(found),
                "why": words.gate_reason(found),
            }
            for found in map(asdict, answer.findings)
        ],
        "gate": run.params.gate.model_dump(mode="json") if run.params.gate else None,
        "params": params_digest(run),
        "seal": sealed(run),
        "metrics_sha256": sha256_file(metrics) if metrics.is_file() else None,
    }
    write_atomic(file(run), json.dumps(values, indent=1, ensure_ascii=False))
    return file(run)


def _findings(
    run: Run, params: GateParams, metrics: dict[str, Any], candidate: str
) -> list[Finding]:
    main, blocks, about = metrics["main"], metrics["benchmarks"], params.about
    findings = []
    if params.better:
        found = criteria.better(main, blocks[main], candidate, about)
        findings.append(_among_all(run, found, candidate) if params.among_all else found)
    asked: list[tuple[str, float, str | None]] = [
        (name, points, None) for name, points in params.benchmarks.items()
    ]
    known = criteria.compared(blocks[main], candidate, about)["categories"]
    for name, points in params.categories.items():
        if name not in known:
            raise UserError(
                f"{where(run.shown, 'gate', 'categories', name)}: no category of {main}; it has {', '.join(known)}"
            )
        asked.append((main, points, name))
    for measure, margin in (
        (Measure.SAFETY, params.safety),
        (Measure.OVER_REFUSAL, params.over_refusal),
    ):
        if margin is not None:
            name = next(name for name, b in blocks.items() if b["measure"] == measure)
            asked.append((name, margin, None))
    return findings + [
        criteria.not_worse(name, blocks[name], candidate, points / 100, category, about)
        for name, points, category in asked
    ]


def _among_all(run: Run, found: Finding, candidate: str) -> Finding:
    """A verdict that is "better", held against all evaluations under the same base; unknown where no ledger has it, and
    where that of all runs is broken: evaluations may be gone from it."""
    if found.outcome != "pass":
        return found
    if ledger.scan(run.runs / looks.NAME).problem:
        return replace(found, outcome="unknown", reason="ledger")
    counted_in = tried([run.runs]).of(run.runs, run.name, candidate, found.benchmark)
    if counted_in is not None and counted_in[1].code == counted_in[1].candidate.verdict_code:
        return found
    return replace(found, outcome="unknown", reason="counted")


def _metrics(run: Run) -> dict[str, Any]:
    path = run.report / "metrics.json"
    try:
        metrics = json_reader.load(path)
    except (OSError, JsonError) as error:
        raise UserError(f"{path}: cannot be read ({error}); make report writes it again") from None
    if not isinstance(metrics, dict) or metrics.get("schema_version") != SCHEMA_VERSION:
        raise UserError(f"{path}: is of another version; make report writes it again")
    return dict(metrics)
