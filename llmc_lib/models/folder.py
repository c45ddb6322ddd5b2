"""The folder of a model, local or downloaded: whole, and without code or pickles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError, shown
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
_MODEL_TYPE = re.compile(r"\w[\w.-]*")
#: Ends of the names of architectures that go on with a text.
_WRITES = re.compile(r"(LM|LMHeadModel|LMHead|ForConditionalGeneration|Decoder)$")
#: Of a config.json; some models have a list, a number for each layer.
_COUNTS = {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
           "head_dim", "vocab_size", "max_position_embeddings"}  # fmt: skip
#: Bytes. The largest in use have a fifth.
_LARGEST_TOKENIZER = 256 * 2**20


def folder_problems(
    folder: Path, *, downloaded: bool = False, served: bool = False
) -> Iterator[str]:
    """What is wrong with a model's folder: a text each.

    One that is only `served` may be of a type that vLLM alone knows.
    In a downloaded one, which nobody can edit, `auto_map` may name code where transformers has the model type
    itself (DeepSeek-R1): without trust_remote_code it then takes its own.
    """
    yield from _weights_problems(folder)
    config = _object(folder / "config.json")
    if isinstance(config, dict):
        yield from (f"{folder / 'config.json'}: {p}" for p in _config_problems(config, served))
    own = (
        downloaded and isinstance(config, dict) and transformers_has(str(config.get("model_type")))
    )
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
    elif (folder / "tokenizer.json").is_file() and (
        problem := _tokenizer_problem(folder / "tokenizer.json")
    ):
        yield f"{folder / 'tokenizer.json'}: {problem}; download it again"
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
    named = shards(folder)
    if isinstance(named, str):
        yield named
        return
    if absent := sorted(named - set(weights)):
        yield (
            f"{folder / _INDEX}: names {shown(absent[0])}, which is not in the folder"
            f"{f' ({len(absent):,} files are missing)' if len(absent) > 1 else ''}; download it again"
        )
    for name in sorted(weights):
        if problem := _safetensors_problem(folder / name):
            yield f"{folder / name}: {problem}; download it again"
            return


def shards(folder: Path) -> set[str] | str:
    """The files that the index of the weights names, or what is wrong with it."""
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
        return f"no complete safetensors file ({' '.join(str(error).split())[:200]})"


def read_layers(folder: Path) -> list[str]:
    """The names of a model's layers that have weights, by their files' headers; [] where they cannot be read."""
    from safetensors import SafetensorError, safe_open

    names: set[str] = set()
    for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else ():
        try:
            with safe_open(path, framework="numpy") as weights:
                names.update(weights.keys())
        except (SafetensorError, OSError, ValueError):
            return []
    return sorted({name.rpartition(".")[0] for name in names} - {""})


# ---- configurations --------------------------------------------------------------------------


def read_config(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model's folder. Raises `UserError`."""
    found = _object(path)
    if isinstance(found, dict):
        return found
    raise UserError(found or f"{path}: no such file; download the model again")


def _config_problems(config: dict[str, Any], served: bool) -> Iterator[str]:
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or not _MODEL_TYPE.fullmatch(model_type):
        yield "has no model_type; is it the folder of a model?"
    elif not config.get("auto_map") and not (
        transformers_has(model_type) or (served and _vllm_has(model_type))
    ):
        yield (
            f"model_type {shown(model_type)} is none that transformers {_version()} knows; correct it, or give "
            "another model"
        )
    architectures = config.get("architectures")
    names = architectures if isinstance(architectures, list) else []
    if names and not any(isinstance(n, str) and _WRITES.search(n) for n in names):
        yield f"its architecture, {shown(names[0])}, writes no text; give a causal language model"
    elif config.get("is_encoder_decoder") is True:
        yield "is an encoder-decoder; give a causal language model"
    inner = config.get("text_config")
    for part, values in (("", config), ("text_config.", inner if isinstance(inner, dict) else {})):
        for name in _COUNTS & values.keys():
            value = values[name]
            counts = type(value) is int and 0 < value < 2**31
            if value is not None and not isinstance(value, list) and not counts:
                yield f"{part}{name} must be a whole number above 0, not {shown(value)}; correct it"


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


def transformers_has(model_type: str) -> bool:
    """Does transformers know a model type without code of the model's? True where it is not installed.

    Most are declared in a folder of their name; only for the others (gemma3_text) the package is imported, which takes seconds.
    Not every folder has a type of its name: models/code_llama has a tokenizer alone.
    """
    package = _package("transformers")
    if package is None:
        return True
    declares = f'model_type = "{model_type}"'
    folder = package / "models" / model_type.replace("-", "_")
    if any(declares in file.read_text("utf-8") for file in folder.glob("configuration_*.py")):
        return True
    from transformers import CONFIG_MAPPING

    return model_type in CONFIG_MAPPING


def _vllm_has(model_type: str) -> bool:
    """Has vLLM a configuration of its own for a model type?"""
    package = _package("vllm")
    place = package and package / "transformers_utils" / "configs" / f"{model_type}.py"
    return place is not None and place.is_file()


def _package(name: str) -> Path | None:
    found = find_spec(name)
    return Path(found.origin).parent if found is not None and found.origin else None


def _version() -> str:
    return metadata.version("transformers")


def _tokenizer_problem(path: Path) -> str:
    """Why tokenizers cannot load a file; "" where it can, or is not installed."""
    if find_spec("tokenizers") is None:
        return ""
    from tokenizers import Tokenizer

    if path.stat().st_size > _LARGEST_TOKENIZER:
        return f"has more than {_LARGEST_TOKENIZER >> 20} MiB; no tokenizer has"
    try:
        Tokenizer.from_file(str(path))
    # It raises no class of its own; what its Rust code fails on is no `Exception`.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return f"no tokenizer that can be loaded ({' '.join(str(error).split())[:200]})"
    return ""
