"""The layers that a params file names for LoRA (`training.lora`): does the base model have them?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmc_lib.errors import instead, shown
from llmc_lib.models.folder import read_layers
from llmc_lib.preflight.problem import Problem
from llmc_lib.store import ROOT, Run

#: Of the embedded model, which is converted later.
_EMBEDDED = "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj".split()
#: Of every model; the second is not among the weights where it is the same as the first.
_ALWAYS = ("embed_tokens", "lm_head")


def problems(run: Run) -> Iterator[Problem]:
    """Names of layers that no layer has, where the weights are on this machine. peft says so when the training begins."""
    layers: list[str] | None = None
    for recipe in run.params.recipes:
        lora = recipe.training.lora
        if lora is None or not (lora.target_modules or lora.modules_to_save):
            continue
        if layers is None:
            layers = _layers(run)
        given = run.params.candidates[recipe.number].training if recipe.listed else {}
        own: tuple[str | int, ...] = ("candidates", recipe.number) if "lora" in given else ()
        for key in ("target_modules", "modules_to_save"):
            for name in getattr(lora, key) if layers else ():
                if not any(layer == name or layer.endswith(f".{name}") for layer in layers):
                    yield Problem((*own, "training", "lora", key), _no_layer(name, layers))


def _layers(run: Run) -> list[str]:
    """The layers of the base model; [] where they are not known."""
    source = run.params.model.source
    if source == "embedded":
        return [*_EMBEDDED, *_ALWAYS]
    layers = read_layers(Path(ROOT / source))
    # Experts have one name each in a file, and one for all in transformers' model.
    if not layers or any(".experts." in layer for layer in layers):
        return []
    return [*layers, *_ALWAYS]


def _no_layer(name: str, layers: list[str]) -> str:
    known = sorted({layer.rpartition(".")[2] for layer in layers})
    hint = instead(name, known, f"there are {', '.join(known[:20])}")
    return f"no layer {shown(name)} in the base model; {hint}"
