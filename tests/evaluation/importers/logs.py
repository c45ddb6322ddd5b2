"""Logs of trainings in the forms that other programs write, for a loss that is given."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

LOSSES = [2.0 - 0.05 * n for n in range(20)]
_BLOCK = 32 * 1024


def events(losses: Sequence[float] = LOSSES) -> list[dict[str, Any]]:
    """What transformers' Trainer logs: a step a loss, a validation pass after every fifth, a summary at the end."""
    found: list[dict[str, Any]] = []
    for step, loss in enumerate(losses, 1):
        found.append({"loss": loss, "grad_norm": 1.5, "learning_rate": 1e-4, "epoch": step / 10, "step": step})  # fmt: skip
        if step % 5 == 0:
            found.append({"eval_loss": loss + 0.1, "eval_runtime": 3.0, "epoch": step / 10, "step": step})  # fmt: skip
    return [*found, {"train_loss": 1.5, "train_runtime": 60.0, "step": len(losses)}]


def tracked(losses: Sequence[float] = LOSSES) -> list[dict[str, Any]]:
    """The same as trackers get it."""
    renamed = []
    for event in events(losses):
        step = event["step"]
        names = {k: f"eval/{k[5:]}" if k.startswith("eval_") else f"train/{k}" for k in event}
        row = {names[key]: value for key, value in event.items() if key != "step"}
        renamed.append({**row, "train/global_step": step})
    return renamed


def trainer_state(path: Path) -> Path:
    """transformers' trainer_state.json."""
    state = {"global_step": len(LOSSES), "log_history": events(), "max_steps": len(LOSSES)}
    path.write_text(json.dumps(state, indent=2), encoding="utf-8")
    return path


def verl(path: Path) -> Path:
    """verl's console log, with progress bars and a launcher's colours."""
    lines = ["Epoch 1/1:   1%|          | 0/20 [00:01<?]\r"]
    for step, loss in enumerate(LOSSES, 1):
        rate = f"np.float64({step * 1e-3!r})" if step % 2 else repr(step * 1e-3)
        lines.append(
            f"\x1b[36m(TaskRunner pid=7)\x1b[0m step:{step} - train/loss:{loss!r} - train/lr(1e-3):{rate}\n"
        )
        if step % 5 == 0:
            lines.append(f"step:{step} - val/loss:{loss + 0.1!r}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def verl_file(path: Path) -> Path:
    """verl's FileLogger, of a process that was killed while it wrote."""
    lines = [json.dumps({"step": n, "data": {"train/loss": loss}}) for n, loss in enumerate(LOSSES, 1)]  # fmt: skip
    path.write_text("\n".join([*lines, '{"step": 21, "da']), encoding="utf-8")
    return path


def reinforcement(path: Path) -> Path:
    """verl's console log of a training by reinforcement."""
    lines = [
        f"step:{n} - actor/pg_loss:{-0.01 * n} - actor/grad_norm:0.2 - critic/rewards/mean:{0.3 + 0.01 * n} - "
        f"response_length/mean:{900 + n} - actor/entropy:0.4 - perf/time_per_step:31.5"
        for n in range(1, 21)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def console(path: Path) -> Path:
    """What transformers' Trainer prints."""
    lines = ["  5%|▌         | 1/20 [00:10<03:10, 10.0s/it]"]
    lines += [str({k: v for k, v in event.items() if k != "step"}) for event in events()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def trackio(path: Path, *runs: str) -> Path:
    """A trackio project; orjson writes JSON as bytes."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, run_name TEXT, step INTEGER, "
            "metrics TEXT)"
        )
        for run in runs:
            for number, event in enumerate(tracked()):
                row = ("2026-01-01T00:00:00", run, number, json.dumps(event).encode())
                database.execute(
                    "INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?)",
                    row,
                )
        database.commit()
    return path


def trackio_parquet(path: Path) -> Path:
    """An export of a project of one run."""
    rows = [{"timestamp": "", "run_name": "a", "step": n, **event} for n, event in enumerate(tracked())]  # fmt: skip
    pd.DataFrame(rows).to_parquet(path)
    return path


# ---- W&B ---------------------------------------------------------------------------------------


def wandb(folder: Path, run: str = "abc", losses: Sequence[float] = LOSSES, large: int = 0) -> Path:
    """An offline run of W&B; `large`: bytes of a record of something else before each event."""
    folder.mkdir(parents=True, exist_ok=True)
    records = [_field(21, b"")]  # a header
    for number, event in enumerate(tracked(losses)):
        if large:
            records.append(_field(13, b"x" * large))
        items = [_item(key, value) for key, value in [*event.items(), ("_step", number)]]
        step = _field(2, _number(1, number))
        records.append(_field(2, b"".join(_field(1, item) for item in items) + step))
    path = folder / f"run-{run}.wandb"
    path.write_bytes(framed(records))
    return path


def framed(records: Sequence[bytes]) -> bytes:
    """Records as LevelDB's log has them, after W&B's header."""
    out = bytearray(struct.pack("<4sHB", b":W&B", 0xBEE1, 0))
    for record in records:
        rest, first = record, True
        while first or rest:
            room = _BLOCK - len(out) % _BLOCK
            if room < 7:
                out += bytes(room)
                continue
            part, rest = rest[: room - 7], rest[room - 7 :]
            kind = (1 if not rest else 2) if first else (4 if not rest else 3)
            crc = zlib.crc32(part, zlib.crc32(bytes([kind])))
            out += struct.pack("<IHB", crc, len(part), kind) + part
            first = False
    return bytes(out)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _item(key: str, value: Any) -> bytes:
    return _field(2, key.encode()) + _field(16, json.dumps(value).encode())
