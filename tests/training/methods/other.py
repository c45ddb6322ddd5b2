"""A second method, for the test that the shared worker trains by any.

python other.py SPEC.json    is its worker: fine-tuning that also logs how many tokens of a step are learnt
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.training.methods import METHODS, Rows, sft
from llmc_lib.training.trainer import MethodTrainer


class Other:
    """`Method`, as an object in place of a module."""

    TRAINER = "a trainer of the tests"
    SECTION: tuple[str, ...] = ("sft",)
    COLUMNS: tuple[str, ...] = ("prompt", "completion")
    MEASURES: Mapping[str, str] = {"loss": ".3f", "learnt": ".0f"}
    LOGGED: tuple[str, ...] = ("doubled",)
    VALIDATION = sft.VALIDATION

    CONFIG = sft.CONFIG
    make_rows = staticmethod(sft.make_rows)
    unusable = staticmethod(sft.unusable)
    model_settings = staticmethod(sft.model_settings)

    def config(self, spec: dict[str, Any]) -> dict[str, Any]:
        """The sequences of SFT, and a field of its own in place of a shared one."""
        return {**sft.config(spec), "warmup_steps": 3}

    def make_trainer(
        self, spec: dict[str, Any], rows: Rows, *, gpu: bool, **given: Any
    ) -> MethodTrainer:
        """SFT's trainer with two more numbers in its log."""
        from llmc_lib.training.methods.sft.trainer import CpuTrainer

        class Counting(CpuTrainer):
            learnt = 0

            def training_step(self, model: Any, inputs: dict[str, Any], *args: Any) -> Any:
                self.learnt += int((inputs["labels"] != -100).sum())
                return super().training_step(model, inputs, *args)

            def log(self, logs: dict[str, float], *args: Any) -> None:
                if "loss" in logs:
                    logs |= {"learnt": self.learnt, "doubled": 2 * self.learnt, "unasked": 1.0}
                    self.learnt = 0
                super().log(logs, *args)

        return Counting(train_dataset=rows.train, eval_dataset=rows.validation, **given)


if __name__ == "__main__":
    from llmc_lib.training import worker

    METHODS["other"] = Other()
    worker.main()
    worker.leave()
