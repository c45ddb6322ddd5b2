"""Variants of an evaluation: the same questions under another engine (a repeat), or another prompt. The verdict is not about them.

The answers of each are in a folder of its own, predictions/variants/<place>/<benchmark>/, laid out as the run's own predictions are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmc_lib import question_bank
from llmc_lib.errors import UserError
from llmc_lib.models.resolve import Model, ServedModel, compared_models
from llmc_lib.params import Params
from llmc_lib.params.reader import where
from llmc_lib.records import Question
from llmc_lib.store import Run, fingerprint

Models = Sequence[Model | ServedModel]
Asked = Mapping[str, list[Question]]


@dataclass(frozen=True)
class Variant(Run):
    """A run with its params as the variant has them."""

    kind: Literal["repeat", "prompt"]
    place: str  # a folder's name
    model: str = ""  # of a repeat
    number: int = 0  # of a repeat, in evaluation.repeat

    @property
    def predictions(self) -> Path:
        """Of these answers and their grades, a folder a benchmark."""
        folder = super().predictions
        earlier = folder / "beside" / self.place  # as the folder was called before
        return earlier if earlier.exists() else folder / "variants" / self.place

    def asked(self, asked: Asked) -> dict[str, list[Question]]:
        """Of what models are asked, what they are asked here: under another prompt only where it has other words."""
        if self.kind == "repeat":
            return dict(asked)
        first = _changed(self.params, prompt=self.params.evaluation.prompts[0])
        return {
            name: items
            for name, items in asked.items()
            if any(_words(self.params, name, q) != _words(first, name, q) for q in items)
        }

    def models_asked(self, models: Models) -> list[Model | ServedModel]:
        """Of the models that are compared, those that are asked here. Raises `UserError` where there is none of that name."""
        if self.kind == "prompt":
            return list(models)
        names = [model.name for model in models]
        if self.model not in names:
            place = where(self.shown, "evaluation", "repeat", self.number, "model")
            raise UserError(
                f"{place}: {self.model!r} is not a model of the run; there are {', '.join(names)}"
            )
        found = models[names.index(self.model)]
        if isinstance(found, ServedModel) != (self.params.evaluation.engine.kind == "openai"):
            # The weights of a served model, or the other way round.
            found = next((m for m in compared_models(self) if m.name == self.model), found)
        return [found]


def variants(run: Run) -> list[Variant]:
    """The variants that the params file asks for: repeats, then further prompts."""
    params = run.params.evaluation
    found: list[Variant] = []
    if isinstance(run, Variant):
        return found
    for number, repeat in enumerate(params.repeat):
        engine = repeat.engine_of(params.engine)
        place = f"repeat-{repeat.model}-{fingerprint(engine=repeat.engine)[:8]}"
        dtype = repeat.engine.get("dtype", params.dtype)
        changed = _changed(run.params, engine=engine, dtype=dtype)
        found.append(Variant(changed, run.params_file, "repeat", place, repeat.model, number))
    for style in params.prompts[1:]:
        changed = _changed(run.params, prompt=style)
        found.append(Variant(changed, run.params_file, "prompt", f"prompt-{style}"))
    return found


def _words(params: Params, benchmark: str, question: Question) -> tuple[str, str]:
    """What a model reads of a question."""
    asking = params.evaluation.asking(benchmark)
    prompt = question_bank.prompt(question, asking.prompt)
    return prompt.user, prompt.system if asking.system is None else asking.system


def _changed(params: Params, **changed: object) -> Params:
    evaluation = params.evaluation.model_copy(update={**changed, "repeat": ()})
    return params.model_copy(update={"evaluation": evaluation})
