"""What happens between the steps: the log, exported models, checkpoints, and the alarm."""

from __future__ import annotations

import ctypes
import math
import os
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import TrainerCallback

from llmc_lib.processes.workers import emit
from llmc_lib.store import JsonlWriter, read_jsonl, remove, write_jsonl
from llmc_lib.training import checkpoints
from llmc_lib.training.trainer import MethodTrainer

#: What each method's trainer logs, as far as it is kept.
SHARED = ("loss", "eval_loss", "grad_norm", "learning_rate", "epoch")


class Sizes(NamedTuple):
    """Bytes on disk, about."""

    checkpoint: int
    model: int


class NonFiniteLossError(RuntimeError):
    """The loss, or the norm of its gradient, is NaN or infinite."""


class HeapTrim(TrainerCallback):
    """On a CPU, give the heap's free pages back to the kernel after each optimizer step.

    Micro-batches differ in length, so freed buffers of one seldom fit those of the next and the heap grows
    into holes: 2.9 GiB of 5.4 GiB were free after the first step of the quickstart, 9.1 GiB were resident
    after 15. Within a step buffers stay (see `cluster.environment`), as giving back each of them is slow.
    """

    def __init__(self) -> None:
        # Another C library than glibc has no such function.
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Trim the heap of this process."""
        if self._trim is not None:
            self._trim(0)


class History(TrainerCallback):
    """Write what the trainer logs to history.jsonl as it comes, tell the parent, and stop at a
    non-finite loss.

    A row a step: step, epoch, loss, grad_norm, learning_rate, num_tokens (so far), seconds (of work,
    those before an interruption included), tokens_per_second (of this step, without evaluation and
    saving), and of the `further` numbers those that are logged. A row an evaluation: step, epoch, seconds,
    eval_loss.
    """

    def __init__(
        self, trainer: MethodTrainer, folder: Path, resumed: int, further: Iterable[str] = ()
    ) -> None:
        self.trainer, self.folder = trainer, folder
        self.logged = tuple(dict.fromkeys((*SHARED, *further)))
        self.patterns = [name for name in self.logged if "*" in name]
        path = folder / "history.jsonl"
        # What came after the checkpoint will be done again.
        rows = [row for row in read_jsonl(path, _is_row) if row["step"] <= resumed and resumed]
        self.seconds = max((row["seconds"] for row in rows), default=0.0)
        self.tokens = max((row.get("num_tokens", 0) for row in rows), default=0)
        self.file = None
        if trainer.is_world_process_zero():
            write_jsonl(path, rows)
            self.file = JsonlWriter(path)
        self.start = self.begun = self.ended = time.monotonic()
        self.before = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Tell the parent how many steps there are; the seconds are counted from here."""
        if self.file:
            emit("plan", steps=state.max_steps, done=state.global_step)
        self.start = time.monotonic()  # DeepSpeed is ready

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note the time: a step's throughput is of the time between its begin and its end."""
        self.begun = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note the time."""
        self.ended = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Append a row to the log, and raise `NonFiniteLossError` for a loss or norm that is not finite."""
        if "train_runtime" in logs:  # the summary at the end
            return
        row: dict[str, Any] = {"step": state.global_step}
        kept = [name for name in logs if any(fnmatch(name, pattern) for pattern in self.patterns)]
        # None: a number that this step has not.
        row |= {
            name: float(logs[name])
            for name in dict.fromkeys((*self.logged, *kept))
            if logs.get(name) is not None
        }
        row["seconds"] = round(self.seconds + time.monotonic() - self.start, 2)
        if "loss" in logs:
            tokens = self.trainer.all_tokens()
            row["num_tokens"] = self.tokens + tokens
            row["tokens_per_second"] = round((tokens - self.before) / (self.ended - self.begun), 1)
            self.before = tokens
        # Every process: the values are those of all, and none must go on alone.
        wrong = [name for name in ("loss", "eval_loss", "grad_norm") if not _finite(row.get(name))]
        if wrong:
            raise NonFiniteLossError(self._alarm(wrong[0], row))
        if self.file:
            self.file.append(row)
            emit("log", **row)

    def _alarm(self, name: str, row: dict[str, Any]) -> str:
        words = {"loss": "the loss", "eval_loss": "the validation loss"}
        what = words.get(name, "the norm of the gradient")
        # The step before may have left what is not finite now: resume from before that one.
        folder = self.folder / "checkpoints"
        last = checkpoints.latest(folder, before=row["step"] - 1)
        if self.file:
            checkpoints.remove_after(folder, checkpoints.step(last) if last else 0)
        good = f"the last good checkpoint is {last}" if last else "there is no good checkpoint"
        again = "resumes from there" if last else "starts at the beginning"
        return (
            f"{what} became {row[name]} at step {row['step']}; {good}. The training was stopped. The same "
            f"command {again}; with a lower training.learning_rate or a longer training.warmup_ratio it "
            "is a new training"
        )


def has_steps(folder: Path, last: int) -> bool:
    """Has the log of a training all steps up to `last`?"""
    rows = read_jsonl(folder / "history.jsonl", _is_row)
    return {row["step"] for row in rows if "loss" in row} >= set(range(1, last + 1))


def _is_row(row: dict[str, Any]) -> bool:
    return isinstance(row.get("step"), int) and isinstance(row.get("seconds"), int | float)


def _finite(value: float | None) -> bool:
    return value is None or math.isfinite(value)


class Saver(TrainerCallback):
    """Measure the validation loss, export the models of the wanted steps, keep checkpoints.

    `export(folder)` writes the model as it is now, called by every process. A model is in place, whole,
    before the checkpoint of its step is complete: whoever resumes from there has it.

    When the parent asks for it by the file `spec["stop"]`, the training ends after the step, with a checkpoint; `stopped` says so.
    """

    def __init__(
        self,
        trainer: MethodTrainer,
        spec: dict[str, Any],
        sizes: Sizes,
        export: Callable[[Path], None],
    ) -> None:
        self.trainer, self.spec, self.sizes, self.export = trainer, spec, sizes, export
        self.folder = Path(spec["folder"]) / "checkpoints"
        self.saved = time.monotonic()
        self.wanted: set[int] = set()
        self.measured: set[int] = set()
        self.stopped = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Turn the wanted parts of the training into steps."""
        steps, times = state.max_steps, self.spec["evaluations"]
        wanted = {max(1, math.ceil(steps * part)) for part in self.spec["export_at"]}
        self.wanted = {self._border(step) for step in wanted}
        self.measured = {math.ceil(steps * n / times) for n in range(1, times + 1)}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Say whether to evaluate and to save after this step. Raises `DiskFullError` where a checkpoint has
        no room."""
        step, last = state.global_step, state.global_step == state.max_steps
        control.should_evaluate = bool(self.trainer.eval_dataset) and step in self.measured
        border = step == self._border(step)
        due, self.stopped = (False, False) if last or not border else self._due()
        control.should_training_stop = control.should_training_stop or self.stopped
        control.should_save = not last and (step in self.wanted or due or self.stopped)
        if control.should_save:
            what = f"the checkpoint of step {step}"
            checkpoints.require_room(self.folder, self.sizes.checkpoint, what)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Export the model of a wanted step, then declare the checkpoint complete. Raises `DiskFullError`."""
        step = state.global_step
        if step in self.wanted:
            self._export(step, state)
        barrier()
        if state.is_world_process_zero:
            checkpoints.seal(self.folder / f"checkpoint-{step}")
            checkpoints.tidy(self.folder)
        barrier()
        self.saved = time.monotonic()
        if self.stopped and state.is_world_process_zero:
            emit("stopped", step=step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Export the last model, where it is wanted. Raises `DiskFullError`."""
        if state.max_steps in self.wanted and not self.stopped:
            self._export(state.max_steps, state)

    def _border(self, step: int) -> int:
        """The first step from this one on after which the training can be gone on with."""
        together = self.trainer.steps_together
        return math.ceil(step / together) * together

    def _due(self) -> tuple[bool, bool]:
        """Is it time for a checkpoint, and is the training to end with one? The first process decides, so that all do
        the same."""
        late = time.monotonic() - self.saved >= 60 * self.spec["save_minutes"]
        found = torch.tensor([late, Path(self.spec["stop"]).exists()])
        if torch.distributed.is_initialized():
            found = found.to(self.trainer.args.device)
            torch.distributed.broadcast(found, 0)
        due, asked = found.tolist()
        return due, asked

    def _export(self, step: int, state: Any) -> None:
        name = self.spec["model_name"].format(step=step)
        folder = Path(self.spec["models"])
        part, old = folder / f".{name}.part", folder / f".{name}.old"
        if state.is_world_process_zero:
            folder.mkdir(parents=True, exist_ok=True)
            for left in (part, old):  # of a process that was killed
                if os.path.lexists(left):
                    remove(left)
            checkpoints.require_room(folder, self.sizes.model, f"the model of step {step}")
        barrier()
        self.export(part)
        if state.is_world_process_zero:
            checkpoints.sync(part)
            there = os.path.lexists(folder / name)
            if there:
                os.replace(folder / name, old)
            os.replace(part, folder / name)
            if there:
                remove(old)
            emit("model", name=name, step=step)
        barrier()


def barrier() -> None:
    """Wait for the other processes."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
