"""The upload folder of a run's answers ("predictions"), or of the verdicts on them ("judgements").

A Parquet file a benchmark and model, `data/<benchmark>/<model>.parquet`, a row an answer; card, manifest and params. Questions
are not in it: ids name them. Of a benchmark that asks not to publish its questions (HLE) no text is: neither what models
wrote, nor an answer taken from it, nor a judge's reasons, as all of these repeat questions and give away answers. That holds
whatever `report.show_questions` says. `make report` reads the predictions again (docs/imports.md).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from llmc_lib.benchmarks import DECLARED
from llmc_lib.dataset.card.impersonal import impersonal, without_secrets
from llmc_lib.dataset.card.licences import Terms
from llmc_lib.dataset.card.markdown import plain_text, render
from llmc_lib.errors import UserError, instead
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.publish.folder import OF_THE_BUILD, Draft, write_facts
from llmc_lib.records import writable
from llmc_lib.store import Run

_TEMPLATE = Path(__file__).parent / "answers.md.j2"
#: Columns of what is published, and of these the texts, which are withheld of some benchmarks.
COLUMNS = {
    "predictions": (
        "question_id", "sample", "model", "finish_reason", "completion_tokens", "reasoning", "response",
    ),
    "judgements": (
        "question_id", "sample", "model", "category", "status", "rule", "by_rules", "by_judge", "action", "harmful",
        "reasoning_status", "confidence", "truncated", "failed", "extracted", "explanation",
    ),
}  # fmt: skip
TEXTS = ("reasoning", "response", "extracted", "explanation")
#: Answers that are written at a time.
_TOGETHER = 500


def draft(run: Run, what: str, name: str | None) -> Draft:
    """What goes to the hub, of one model or (None) of all. Raises `UserError` where the evaluation is not finished, and
    for a model that it does not have."""
    results = load_results(run)
    if name is not None and name not in results.models:
        hint = instead(name, results.models, f"there are {', '.join(results.models)}")
        raise UserError(f"MODEL: {name!r} was not evaluated in this run; {hint}")
    held = Terms("other", "of-the-models-and-the-benchmarks", tuple(_notices(run)), (), ())
    models = [name] if name else [*results.models]
    write = partial(_write, run, results, what, models, held)
    return Draft(run.folder / "publish" / what, held, write)


def gated(run: Run) -> list[str]:
    """The benchmarks of which no text is published."""
    return [
        benchmark.name
        for benchmark in run.params.evaluation.benchmarks
        if DECLARED[benchmark.module].withheld and benchmark.source != "embedded"
    ]


def _notices(run: Run) -> Iterator[str]:
    if names := gated(run):
        yield (
            f"**Texts withheld.** The authors of {', '.join(names)} ask not to publish its questions, which answers repeat: "
            "ids, verdicts and lengths alone are here."
        )
    asked = {b.name: DECLARED[b.module] for b in run.params.evaluation.benchmarks}
    if harmful := [name for name, declared in asked.items() if declared.rules == "harm"]:
        yield (
            f"**Harmful content.** What models answered to the instructions of {', '.join(harmful)} may be harmful or offensive."
        )


def _write(
    run: Run, results: Results, what: str, models: list[str], held: Terms, part: Path
) -> dict[str, str]:
    secret, files = set(gated(run)), []
    for benchmark in results.questions:
        for model in models:
            file = part / "data" / benchmark / f"{model}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            rows = results.answers[
                (results.answers["benchmark"] == benchmark)
                & (results.answers["model"] == model)
                & (results.answers["status"] != "missing")
            ]
            n = _table(rows, results, what, file, texts=benchmark not in secret)
            facts = {"benchmark": benchmark, "model": model, "answers": n}
            files.append({**facts, "texts": benchmark not in secret})
    facts = {key: value for key, value in results.manifest.items() if key not in OF_THE_BUILD}
    facts = {**facts, "published": what, "files": files}
    write_facts(run, without_secrets(facts), part)
    (part / "README.md").write_text(_card(run, results, what, files, held), encoding="utf-8")
    return {}


def _table(rows: pd.DataFrame, results: Results, what: str, file: Path, *, texts: bool) -> int:
    """Write the answers of a model to a benchmark; how many there are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [name for name in COLUMNS[what] if texts or name not in TEXTS]
    schema = pa.schema([(name, pa.type_for_alias(_KINDS.get(name, "string"))) for name in columns])
    with pq.ParquetWriter(file, schema) as writer:
        for start in range(0, len(rows), _TOGETHER):
            found = [
                _record(row, results, columns)
                for row in rows.iloc[start : start + _TOGETHER].to_dict("records")
            ]
            writer.write_table(pa.Table.from_pylist(found, schema=schema))
    return len(rows)


#: Types of columns that are no text.
_KINDS = {
    "sample": "int64", "completion_tokens": "int64", "action": "int64", "confidence": "float64", "harmful": "bool",
    "truncated": "bool", "failed": "bool",
}  # fmt: skip


def _record(row: Mapping[Hashable, Any], results: Results, columns: list[str]) -> dict[str, Any]:
    values: dict[Hashable, Any] = dict(row)
    if "response" in columns:
        key = row["benchmark"], row["model"], row["question_id"], row["sample"]
        values["reasoning"], values["response"] = results.texts[key]
    return {name: _cell(values[name], name) for name in columns}


def _cell(value: Any, name: str) -> Any:
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, str):
        return writable(value)
    if name == "action":  # pandas makes 6.0 of 6 in a column with gaps
        return int(value)
    return bool(value) if _KINDS.get(name) == "bool" else value


def _card(run: Run, results: Results, what: str, files: list[dict[str, Any]], held: Terms) -> str:
    body = render(
        _TEMPLATE,
        run=run,
        what=what,
        notices=held.notices,
        models={plain_text(name): plain_text(label) for name, label in results.models.items()},
        files=files,
        titles={name: DECLARED[kind].title for name, kind in results.kinds.items()},
        graders=results.graders,
    )
    configs = [
        {"config_name": name, "data_files": f"data/{name}/*.parquet"}
        for name in dict.fromkeys(file["benchmark"] for file in files)
    ]
    head = {
        "license": held.licence,
        "license_name": held.name,
        "configs": configs,
        "tags": ["llmc-report", what],
    }
    front = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n{impersonal(run, body)}"
