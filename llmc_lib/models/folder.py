"""The folder of a model, local or downloaded: whole, and without code or pickles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llmc_lib.errors import shown
from llmc_lib.models.templates import template_problems
from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

#: Files that are unpickled when they are loaded.
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
#: Weights in forms that transformers would have to convert.
_OTHER_WEIGHTS = (".h5", ".msgpack", ".gguf", ".onnx", ".npz")
#: One of these is a tokenizer.
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "tekken.json", "vocab.json",
               "vocab.txt")  # fmt: skip
#: Files in which transformers looks for `auto_map`.
_CONFIGS = ("config.json", "tokenizer_config.json", "generation_config.json", "processor_config.json",
            "preprocessor_config.json", "video_preprocessor_config.json")  # fmt: skip
_INDEX = "model.safetensors.index.json"


def folder_problems(folder: Path, *, downloaded: bool = False) -> Iterator[str]:
    """What is wrong with a model's folder: a text each.

    In a downloaded one, which nobody can edit, `auto_map` may name code where transformers has the model type
    itself (DeepSeek-R1): without trust_remote_code it then takes its own.
    """
    yield from _weights_problems(folder)
    config = _object(folder / "config.json")
    if isinstance(config, dict) and not _is_model_type(config.get("model_type")):
        yield f"{folder / 'config.json'}: has no model_type; is it the folder of a model?"
    own = downloaded and isinstance(config, dict) and _transformers_has(config.get("model_type"))
    yield from tokenizer_problems(folder, _CONFIGS[1:] if own else _CONFIGS)


def tokenizer_problems(folder: Path, configs: tuple[str, ...] = _CONFIGS) -> Iterator[str]:
    """What is wrong with the configurations, the tokenizer and the chat templates of a folder."""
    for name in configs:
        config = _object(folder / name)
        if isinstance(config, str):
            yield config
        elif config is not None and (code := _code(config)) is not None:
            yield (
                f"{folder / name}: auto_map names code, {shown(code)}, and no code of a model is run here; "
                "remove it from the file if transformers knows the model type, or give another model"
            )
    if not any((folder / name).is_file() for name in _TOKENIZERS) and not any(
        folder.glob("*.tiktoken")
    ):
        yield f"{folder}: has no tokenizer (tokenizer.json); copy that of the model into it"
    elif (folder / "tokenizer.json").is_file() and not _is_closed(folder / "tokenizer.json"):
        yield f"{folder / 'tokenizer.json'}: is cut off, or no JSON object; download it again"
    yield from template_problems(folder)


# ---- weights ---------------------------------------------------------------------------------


def _weights_problems(folder: Path) -> Iterator[str]:
    names = [path.name for path in folder.iterdir() if not path.is_dir()]
    weights = [n for n in names if n.endswith(".safetensors") and not n.startswith("adapter_")]
    pickles = [n for n in names if n.endswith(_PICKLES) and not n.startswith("training_args")]
    if not weights:
        other = next((n for n in names if n.endswith(_OTHER_WEIGHTS)), None)
        if pickles:
            yield (
                f"{folder}: {pickles[0]} is a pickle, which runs what is in it when it is loaded; convert the "
                "weights to safetensors"
            )
        elif other:
            yield f"{folder}: {other} is in a form that is not read; convert the weights to safetensors"
        else:
            yield f"{folder}: has no weights (*.safetensors); download them, or give another folder"
        return
    shards = _shards(folder)
    if isinstance(shards, str):
        yield shards
        return
    if absent := sorted(shards - set(weights)):
        yield (
            f"{folder / _INDEX}: names {shown(absent[0])}, which is not in the folder"
            f"{f' ({len(absent):,} files are missing)' if len(absent) > 1 else ''}; download it again"
        )
    for name in sorted(weights):
        if problem := _safetensors_problem(folder / name):
            yield f"{folder / name}: {problem}; download it again"
            return


def _shards(folder: Path) -> set[str] | str:
    """The files that the index names, or what is wrong with it."""
    index = _object(folder / _INDEX)
    if index is None or isinstance(index, str):
        return index or set()
    weights = index.get("weight_map")
    if not isinstance(weights, dict) or not all(isinstance(n, str) for n in weights.values()):
        return f"{folder / _INDEX}: has no weight_map of file names; download it again"
    return set(weights.values())


def _safetensors_problem(path: Path) -> str:
    """Is a file of weights cut off, empty, or none? Its header alone is read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            return ""
    except (SafetensorError, OSError, ValueError) as error:
        return f"no whole safetensors file ({' '.join(str(error).split())[:200]})"


# ---- configurations --------------------------------------------------------------------------


def _object(path: Path) -> dict[str, Any] | str | None:
    """The JSON object in a file, None where there is no file, or what is wrong with it."""
    if not path.is_file():
        return None
    try:
        found = json_reader.load(path)
    except JsonError as error:
        return f"{path}: not valid JSON: {error}"
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    return found if isinstance(found, dict) else f"{path}: must be a JSON object"


def _code(config: Any) -> Any:
    """What an `auto_map` in a configuration, or in a part of it, names; None where there is none."""
    parts = [config]
    for part in parts:
        if isinstance(part, dict):
            if part.get("auto_map"):
                return part["auto_map"]
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return None


def _is_model_type(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\w[\w.-]*", value) is not None


def _transformers_has(model_type: Any) -> bool:
    """Is there a module for the model type? Looked up without the seconds that the import takes."""
    package = find_spec("transformers")
    if package is None or package.origin is None or not _is_model_type(model_type):
        return False
    return bool((Path(package.origin).parent / "models" / model_type.replace("-", "_")).is_dir())


def _is_closed(path: Path) -> bool:
    """Does a large file begin and end as a JSON object does?"""
    with open(path, "rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        file.seek(max(0, file.seek(0, 2) - 64))
        return start.startswith(b"{") and file.read().rstrip().endswith(b"}")
