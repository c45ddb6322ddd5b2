"""What a way to train declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from datasets import Dataset

    from llmc_lib.training.trainer import MethodTrainer


class Rows(NamedTuple):
    """The rows of a training, in the form that its trainer takes; `validation` may be empty."""

    train: Dataset
    validation: Dataset
    too_long: int  # rows of both files that were left out


class Method(Protocol):
    """A way to train, as a module. The launcher reads the constants in a process without torch: what needs
    torch or TRL is imported in the functions.

    `spec` is what `launch` writes: all keys of `training`, and base, train, validation, folder, seed.
    """

    #: The trainer in a sentence: "TRL's SFTTrainer".
    TRAINER: str
    #: Its configuration, as `pkgutil.resolve_name` finds it: "trl:SFTConfig".
    CONFIG: str
    #: The keys below `training` that lead to further fields of the configuration; their kinds are checked
    #: in `llmc_lib/params/`, their names and values against the installed library before anything starts.
    SECTION: tuple[str, ...]
    #: Columns that the data set must have.
    COLUMNS: tuple[str, ...]
    #: What tells how the training goes: a number that a step logs → its format in the progress bar. The
    #: first and the last value of each are in the manifest.
    MEASURES: Mapping[str, str]
    #: Further numbers of the trainer's log that are kept in history.jsonl, besides those and
    #: `callbacks.SHARED`; "*/*" is all names with a slash.
    LOGGED: tuple[str, ...]
    #: The number by which the model is judged on the validation rows, and which of several is the best.
    VALIDATION: tuple[str, Callable[[list[float]], float]]

    def config(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Fields of the configuration that are this method's own, or differ from `arguments.shared`."""

    def unusable(self, rows: Mapping[str, int]) -> str | None:
        """Why a data set cannot be trained on, as the end of a sentence that begins with its file; None where
        it can. `rows`: how many there are with a completion ("completed"), with a reference answer ("answered") and with a
        rejected response ("paired")."""

    def model_settings(self, spec: dict[str, Any], *, gpu: bool) -> dict[str, Any]:
        """Further arguments that the model is loaded with."""

    def make_rows(self, spec: dict[str, Any]) -> Rows:
        """The rows of the data set, encoded; the first process calls it before the others."""

    def make_trainer(
        self, spec: dict[str, Any], rows: Rows, *, gpu: bool, **given: Any
    ) -> MethodTrainer:
        """The trainer. `given`: model, args, processing_class, peft_config, for all trainers of TRL."""


def model_settings(spec: dict[str, Any], *, gpu: bool) -> dict[str, Any]:
    """The attention, of methods that need no other."""
    return {"attn_implementation": "sdpa"}
