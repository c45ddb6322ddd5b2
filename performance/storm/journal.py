"""What a storm went through, kept on disk, so that it can go on in slices."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from llmc_lib.store import JsonlWriter, git_commit, read_jsonl

#: What is counted, in the order of the summary.
KINDS = ("kill", "damage", "fault", "skipped", "input")


class Journal:
    """One row an event: stage, kind ("kill", "damage", "fault", "skipped", "input" or "storm", a run that
    was let go to its end and compared), what, and, where it ended as it must not, `loss`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = JsonlWriter(path)
        self._commit = git_commit()

    def add(
        self, stage: str, kind: str, what: str, *, loss: str = "", n: int = 1, **facts: Any
    ) -> None:
        """Keep an event; `loss` is what is wrong, "" where nothing is."""
        row = {"stage": stage, "kind": kind, "what": what, "n": n, **facts}
        row |= {"loss": loss} if loss else {}
        self._writer.append({**row, "commit": self._commit, "time": round(time.time())})
        if loss:
            print(f"  LOSS {stage}, {what}: {loss}", flush=True)

    def rows(self) -> list[dict[str, Any]]:
        return read_jsonl(self._path)

    def losses(self) -> list[dict[str, Any]]:
        return [row for row in self.rows() if "loss" in row]

    def summary(self) -> str:
        """A line a stage and kind, then the losses."""
        rows, lines = self.rows(), list[str]()
        for stage in dict.fromkeys(row["stage"] for row in rows):
            of_stage = [row for row in rows if row["stage"] == stage]
            lost = sum("loss" in row for row in of_stage)
            runs = sum(row["kind"] == "storm" for row in of_stage)
            lines.append(f"{stage}: {runs} runs stormed to their end, {lost} losses")
            for kind in KINDS:
                counts = Counter[str]()
                for row in of_stage:
                    if row["kind"] == kind:
                        counts[row["what"]] += row["n"]
                if counts:
                    each = ", ".join(f"{n:,} {what}" for what, n in counts.most_common())
                    lines.append(f"  {kind}: {counts.total():,} ({each})")
        lines += [f"LOSS {r['stage']}, {r['what']}: {r['loss']}" for r in rows if "loss" in r]
        return "\n".join(lines)
