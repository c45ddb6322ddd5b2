"""The second half of the data set card: the steps, the form of a row, how it was made, its limits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from llmc_lib.dataset.card.impersonal import public_params
from llmc_lib.dataset.card.markdown import LISTED, Markdown, plain_text, some, table
from llmc_lib.dataset.steps import decontamination as decontamination_step
from llmc_lib.dataset.steps import named
from llmc_lib.store import Run, git_commit

#: What the columns of the published files hold.
COLUMNS = {
    "id": "`source/row_id`, unique but for rows that are repeated",
    "source": "name of the source, as in the table above",
    "row_id": "the source's own id of the row, or its number",
    "revision": "commit of a hub set, digest of a file, or version of a package",
    "licence": "licence of the row",
    "author": "who wrote the completion: person, program, or a model's name",
    "author_kind": "person, program, open model, closed model or unknown",
    "category": "one of the eight categories of Humanity's Last Exam (HLE), Safety or Instruction",
    "subject": "as the source calls it",
    "kind": "verifiable, response or chat, see above",
    "question": "the problem, or the last prompt",
    "answer": "the reference answer, or the completion's own where the source gives none",
    "answer_type": "exactMatch, multipleChoice, or none for a response or a chat",
    "verified": "what is known of the final answer, see Limits",
    "prompt": "the last user turn",
    "completion": "the last assistant turn",
    "history": "the turns before `prompt` as a JSON list of role and content, a system prompt first; empty "
    "where there are none",
    "loss": "`all`: every assistant turn is to be learnt; `last`: `completion` alone",
    "difficulty": "level on the source's own scale, empty where it declares none",
    "pass_rate": "share of a reference model's answers that are right, empty where not measured",
    "pass_rate_low": "lower end of its 95% Wilson interval",
    "pass_rate_high": "upper end of its 95% Wilson interval",
    "n_tokens": "length of all turns in tokens, in the base model's chat template",
}
#: What the values of the column `verified` mean.
VERIFIED = {
    "yes": "the final answer agrees with the reference by a rule (a choice's letter, a number, a name, or "
    "mathematics). It says nothing of the reasoning before it.",
    "not stated": "the completion states no final answer; the reference was added as its last line.",
    "not comparable": "answer or reference is prose, which no rule compares; it may be wrong.",
    "no reference": "the source gives no reference; the completion's own answer is in `answer`.",
    "not asked": "verification was off.",
    "not applicable": "a response or a chat, which has no final answer to compare.",
}


def steps(facts: dict[str, Any]) -> list[str]:
    """What each step removed, and the model that measured pass rates."""
    rows: list[list[object]] = []
    for step in facts["steps"]:
        reasons = Counter(step["reasons"]) + Counter(step["completion_reasons"])
        listed = some([f"{plain_text(reason)} ({n:,})" for reason, n in reasons.items()])
        what = f"{step['step']}: {named(step['step']).removes}"
        rows.append(
            [what, step["removed"], step["completions_removed"], step["left"], Markdown(listed)]
        )
    read = sum(source["read"] for source in facts["sources"].values())
    text = [
        "## Steps",
        f"{read:,} rows were read. What each step removed:",
        table(["Step", "Rows removed", "Completions removed", "Rows left", "Reasons"], rows),
    ]
    if reference := facts.get("reference"):
        text.append(
            f"Pass rates are those of {plain_text(reference['model'])} on {reference['problems']:,} problems, "
            f"{reference['samples']:,} samples each; it solves {reference['solved_at_least_once']:,} of them at "
            "least once."
        )
    return text


def decontamination(run: Run, facts: dict[str, Any]) -> list[str]:
    """What the rows were compared with, and the first hits by their ids."""
    params = run.params.dataset.decontamination
    head = "## Decontamination"
    if not params.enabled:
        return [head, "It was off: rows may repeat questions of a benchmark."]
    checked = [f"{Path(name).name} ({n:,} texts)" for name, n in facts["compared"].items()]
    near = (
        f", or whose problem resembles one of theirs (estimated Jaccard similarity of word 3-grams "
        f"of {params.near:g} or more)"
        if params.near is not None
        else ""
    )
    hits = sum(
        step["removed"] for step in facts["steps"] if step["step"] == decontamination_step.STEP.name
    )
    listed = facts["contamination"][:LISTED]
    text = [
        head,
        f"Checked against {some(map(plain_text, checked))}. A row is removed that shares {params.ngram} "
        f"words in a row with one of their texts{near}; case, spacing, punctuation and LaTeX spelling do "
        f"not count, and words that several of these texts have in common do not count alone. {hits:,} rows were removed.",
    ]
    if listed:
        found: list[list[object]] = [
            [hit["id"], hit["benchmark_id"], hit["reason"]] for hit in listed
        ]
        text.append(table(["Row", "Repeats", "Why"], found))
        if hits > len(listed):
            text.append(f"These are {len(listed)} of {hits:,}.")
    return text


def form() -> list[str]:
    """The columns, and the turns that are trained on."""
    return [
        "## Form of a row",
        "Of a *verifiable* row, `prompt` is the question, then how to answer it, and `completion` is",
        "```text\n<think>\nreasoning\n</think>\n\nresponse\n\nAnswer: final answer\n```",
        "A *response* (a refusal, an instruction followed, a proof, prose) and a *chat* (several turns) have "
        "the texts of their source, unchanged.",
        table(
            ["Column", "What it holds"],
            [[Markdown(f"`{k}`"), Markdown(v)] for k, v in COLUMNS.items()],
        ),
    ]


def making(run: Run, facts: dict[str, Any]) -> list[str]:
    """Commit, seed and params."""
    commit = facts.get("environment", {}).get("commit") or git_commit()
    params = yaml.safe_dump(public_params(run), sort_keys=False, allow_unicode=True)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", params)), default=0))
    return [
        "## How it was made",
        f"By llmc-report at commit `{commit}` with seed {run.params.seed}. The same params and sources give "
        "the same bytes. What the params file sets (folders are left out; everything else has the default "
        "of that commit):",
        f"<details><summary>params.yaml</summary>\n\n{fence}yaml\n{params}{fence}\n\n</details>",
    ]


def limits(facts: dict[str, Any]) -> list[str]:
    """What the counts do not say."""
    counts: Mapping[str, int] = facts["composition"]["verified"]
    rows: list[list[object]] = [
        [name or "(empty)", n, Markdown(VERIFIED.get(name, ""))]
        for name, n in sorted(counts.items())
    ]
    return [
        "## Limits",
        "What `verified` says of a row's final answer:",
        table(["Value", "Rows", "Meaning"], rows),
        "Only the final answer is ever verified, never the reasoning. Decontamination finds shared words; a "
        "translation or a paraphrase of a benchmark question goes unseen, and so does a benchmark that is "
        "not named above. Who wrote a completion is what its source says.",
    ]
