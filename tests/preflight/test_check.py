"""All that a params file names is held against the world before anything starts."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib import preflight, question_bank
from llmc_lib.errors import UserError
from llmc_lib.models.folder import folder_problems
from llmc_lib.params import BenchmarkParams, ModelParams
from llmc_lib.preflight.machine import folder_problem
from llmc_lib.preflight.models import context_length
from llmc_lib.store import ROOT, open_run

#: A safetensors file without a tensor: the length of its header, and the header.
WEIGHTS = "\x08" + "\0" * 7 + "{}      "
TOKENIZER = {"model": {"type": "BPE", "vocab": {}, "merges": []}}
CONFIG = {"model_type": "llama", "max_position_embeddings": 2048}
BASE = "params/compare/judged_hle_base.json"
TUNED = "params/compare/judged_hle_tuned.json"


def _model(folder: Path, **files: Any) -> Path:
    folder.mkdir()
    whole: dict[str, Any] = {
        "config.json": CONFIG,
        "model.safetensors": WEIGHTS,
        "tokenizer.json": TOKENIZER,
    }
    if not any("template" in f"{name}{content}" for name, content in files.items()):
        whole["chat_template.jinja"] = "{{ messages }}"
    for name, content in {**whole, **files}.items():
        if content is not None:  # None: leave it out
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / name).write_text(text)
    return folder


def _lines(tmp_path: Path, **values: Any) -> list[str]:
    """The message of the check without the path in front, [] where all is well."""
    path = tmp_path / "my.yaml"
    given = {
        "run": "x",
        "runs_dir": f"{tmp_path}/runs",
        "reports_dir": f"{tmp_path}/reports",
        **values,
    }
    path.write_text(yaml.safe_dump(given, sort_keys=False))
    before = sorted(tmp_path.iterdir())
    try:
        preflight.check(open_run(path))
    except UserError as error:
        lines = str(error).splitlines()
        assert all(line.startswith(f"{path}, line ") for line in lines[:20])
        return [line.removeprefix(f"{path}, ") for line in lines]
    finally:
        assert sorted(tmp_path.iterdir()) == before  # nothing is left behind
    return []


def _one(tmp_path: Path, **values: Any) -> str:
    (line,) = _lines(tmp_path, **values)
    return line.partition(": ")[2]  # without the number of the line


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_project_s_own_files_are_fine(path: Path) -> None:
    sources = yaml.safe_load(path.read_text()).get("dataset", {}).get("sources", [])
    if any(not (ROOT / source["path"]).exists() for source in sources if "path" in source):
        pytest.skip("its data are not here")
    preflight.check(open_run(path))


# ---- data --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("passwd", "root:x:0", "not a data file; it must end in"),
        ("x.jsonl", "{", "line 1: not valid JSON"),
        ("x.jsonl", '{"id": "a"}', "'question' is missing or empty"),
        ("x.parquet", "PAR1", "not a readable Parquet file"),
        ("x.json", '[{"id": ' + "9" * 5000 + "}]", "a whole number of 5,000 digits"),
        ("x.csv", "id\n", "has no row"),
    ],
)
def test_a_benchmark_that_cannot_be_read_is_told(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    benchmarks = [{"name": "hle", "source": str(tmp_path / name)}]
    line = _one(tmp_path, evaluation={"benchmarks": benchmarks})
    assert line.startswith(f"evaluation.benchmarks.0.source: {tmp_path / name}")
    assert words in line


def test_more_questions_than_there_are_are_told(tmp_path: Path) -> None:
    benchmarks = [{"name": "hle", "questions": 201}]
    line = _one(tmp_path, evaluation={"benchmarks": benchmarks})
    assert line.startswith("evaluation.benchmarks.0.questions: 201 are asked for, and")


@pytest.mark.parametrize(
    ("report", "line"),
    [
        ({"select": ["Mathh"]}, "report.select.0: no category 'Mathh' in the evaluation; did you mean 'Math'?"),
        ({"select": ["Math", "Zoology"]}, "report.select.1: no category 'Zoology' in the evaluation; there are"),
        ({"cases": {"categories": ["math"]}}, "report.cases.categories.0: no category 'math'"),
        ({"cases": {"ids": ["hle-mini-math-001", "hle-mini-mth-002"]}}, "report.cases.ids.1: no question 'hle-mini-mth-002'"),
        ({"cases": {"ids": ["dna-1"]}}, "report.cases.ids.0: no question 'dna-1'"),
    ],
)  # fmt: skip
def test_a_category_or_question_that_nothing_has_is_told(
    tmp_path: Path, report: dict[str, Any], line: str
) -> None:
    assert _one(tmp_path, report=report).startswith(line)


def test_a_minimum_that_a_race_would_wait_for_to_its_end_is_told(tmp_path: Path) -> None:
    asked = {"benchmarks": [{"name": "hle", "questions": 100}]}
    line = _one(tmp_path, evaluation={**asked, "stop": {"min_per_category": 50}})
    found = re.fullmatch(
        r"evaluation.stop.min_per_category: hle has (\d+) questions of the category '.+', and no round would "
        r"decide anything before the last; give at most \1",
        line,
    )
    assert found, line
    enough = {**asked, "stop": {"min_per_category": int(found[1])}}
    assert not _lines(tmp_path, evaluation=enough)


def test_categories_and_questions_that_are_there_are_fine(tmp_path: Path) -> None:
    assert not _lines(tmp_path, report={"select": ["Math"], "cases": {"categories": ["Physics"]}})
    assert not _lines(tmp_path, report={"cases": {"ids": ["hle-mini-math-001"]}})
    mine = tmp_path / "mine.jsonl"
    mine.write_text('{"q": "1+1?", "a": 2, "c": "sums", "id": "s1"}')
    fields = {"question": "q", "answer": "a", "category": "c", "id": "id"}
    own = [{"name": "own", "kind": "questions", "source": str(mine), "fields": fields}]
    cases = {"ids": ["s1"]}
    assert not _lines(
        tmp_path, evaluation={"benchmarks": own}, report={"select": ["sums"], "cases": cases}
    )
    # What categories a set of the hub has is not known before it is fetched.
    hub = {"name": "super_gpqa", "source": "m-a-p/SuperGPQA", "revision": "0123456789"}
    both = {"benchmarks": [{"name": "hle"}, hub]}
    assert not _lines(tmp_path, evaluation=both, report={"select": ["Math", "Law"]})
    line = _one(tmp_path, evaluation={"benchmarks": own}, report={"select": ["Math"]})
    assert line.startswith("report.select.0: no category 'Math' in the evaluation; there are sums")


@pytest.mark.slow
def test_ten_thousand_questions_are_looked_up_in_no_time(tmp_path: Path) -> None:
    lines = _lines(tmp_path, report={"cases": {"ids": [f"hle-{n}" for n in range(10_000)]}})
    assert len(lines) == 21
    assert lines[-1].endswith("and 9,980 further errors")


def test_files_to_keep_out_must_be_there_and_have_texts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a text\n")
    (tmp_path / "b.jsonl").write_text('{"word": 1}')
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "d").mkdir()
    names = [str(tmp_path / name) for name in ("a.txt", "b.jsonl", "c.txt", "d", "gone.txt")]
    lines = _lines(tmp_path, dataset={"decontamination": {"files": names}})
    keys = [line.split(": ")[1] for line in lines]
    assert keys == [f"dataset.decontamination.files.{n}" for n in (1, 2, 3, 4)]
    assert not _lines(tmp_path, dataset={"decontamination": {"enabled": False, "files": names}})


def test_the_first_row_of_a_source_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"q": "1+1?", "d": 1e999, "n": ' + "9" * 400 + "}\n")
    source = {"name": "own", "kind": "files", "path": str(path), "category": "Math"}

    def line(**fields: str) -> str:
        given = {**source, "fields": fields}
        return _one(tmp_path, dataset={"sources": [given]})

    assert line(question="problem").startswith("dataset.sources.0.path: fields.question: ")
    assert "has no field 'problem'; it has: q, d, n" in line(question="problem")
    assert "is not a number" in line(question="q", difficulty="n")
    path.write_text("{")
    assert "line 1: not valid JSON" in line(question="q")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.jsonl").write_text('{"other": 1}')
    line_ = _one(
        tmp_path, dataset={"sources": [{"name": "deepmath", "path": str(tmp_path / "set")}]}
    )
    assert line_.startswith("dataset.sources.0.path: ")


def test_imports_are_opened(tmp_path: Path) -> None:
    def lines(second: str) -> list[str]:
        imports = [{"model": "a", "path": BASE}, {"model": "b", "path": second}]
        evaluation = {"benchmarks": [{"name": "hle"}], "imports": imports}
        return _lines(tmp_path, evaluation=evaluation)

    assert not lines(TUNED)
    assert "evaluation.imports.1.path: " in lines("README.md")[0]
    (tmp_path / "x.json").write_text('{"q": {"response": "x", "usage": {"n": ' + "9" * 5000 + "}}}")
    assert (
        "line 1: not valid JSON: a whole number of 5,000 digits"
        in lines(str(tmp_path / "x.json"))[0]
    )
    (tmp_path / "x.json").write_text('{"q": 1}')
    assert "not in a format that is known" in lines(str(tmp_path / "x.json"))[0]
    assert "is given for 'a' already, and the same answers would count twice" in lines(BASE)[0]
    (tmp_path / "link.json").symlink_to(ROOT / BASE)
    assert "would count twice" in lines(str(tmp_path / "link.json"))[0]


# ---- models ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"config.json": "["}, "config.json: not valid JSON"),
        ({"config.json": "[]"}, "config.json: must be a JSON object"),
        ({"config.json": {}}, "config.json: has no model_type"),
        ({"config.json": {**CONFIG, "auto_map": {"AutoModel": "code.Model"}}}, "auto_map names code"),
        ({"tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["a.T", None]}}}, "auto_map names code"),
        ({"chat_template.jinja": "{{ ''.__class__.__mro__ }}"}, "reaches for '__mro__'"),
        ({"chat_template.jinja": "{% include '/etc/passwd' %}"}, "loads another template"),
        ({"chat_template.jinja": "{{ x | attr('__class__') }}"}, "reaches for '__class__'"),
        ({"chat_template.jinja": "{{ x['__globals__'] }}"}, "reaches for '__globals__'"),
        ({"chat_template.jinja": "{% if %}"}, "not a valid template"),
        ({"chat_template.jinja": "{{ x['__cla' ~ 'ss__'] }}"}, "an item by a computed name"),
        ({"chat_template.jinja": "{{ x[('_' * 2) + 'class'] }}"}, "an item by a computed name"),
        ({"chat_template.jinja": "{{ x | attr(['a', 'b'] | join) }}"}, "an attribute by a computed name"),
        ({"chat_template.jinja": "{{ x | map(attribute='__class__') }}"}, "reaches for '__class__'"),
        ({"chat_template.jinja": "{{ '{0.__class__}'.format(x) }}"}, "reaches for '{0.__class__}'"),
        ({"chat_template.jinja": "{{ x.gi_frame.f_globals }}"}, "reaches for 'f_globals'"),
        ({"chat_template.jinja": "{{ 9 ** 9 ** 9 }}"}, "computes with numbers"),
        ({"chat_template.jinja": "{{ 'a' * 1000000000 }}"}, "computes with numbers"),
        ({"chat_template.jinja": "{{ x | nosuch }}"}, "No filter named 'nosuch'"),
        ({"chat_template.jinja": "{{ a }}" * 100_000}, "has more than 256 KiB"),
        ({"chat_template.json": {"chat_template": "{{ x.__y__ }}"}}, "reaches for '__y__'"),
        ({"tokenizer_config.json": {"chat_template": 5}}, "must be a text"),
        ({"tokenizer_config.json": {"chat_template": None}}, "has no chat template"),
        ({"processor_config.json": {"auto_map": {"AutoProcessor": "a.P"}}}, "auto_map names code"),
        ({"config.json": {**CONFIG, "text_config": {"auto_map": {"AutoModel": "a.M"}}}}, "auto_map names code"),
        ({"config.json": {"model_type": ["llama"]}}, "has no model_type"),
        ({"model.safetensors": None}, "has no weights"),
        ({"model.safetensors": None, "model.gguf": "GGUF"}, "convert the weights to safetensors"),
        ({"model.safetensors": None, "model.bin": "", "adapter_model.safetensors": ""}, "model.bin is a pickle"),
        ({"model.safetensors": "version https://git-lfs"}, "no complete safetensors file"),
        ({"model.safetensors": ""}, "no complete safetensors file"),
        ({"model.safetensors.index.json": {"weight_map": {"a": "model-00002.safetensors"}}}, "names 'model-00002.safetensors'"),
        ({"model.safetensors.index.json": {"weight_map": {"a": "../x.safetensors"}}}, "names '../x.safetensors'"),
        ({"model.safetensors.index.json": []}, "must be a JSON object"),
        ({"tokenizer.json": None}, "has no tokenizer"),
        ({"tokenizer.json": '{"model": {"vocab"'}, "no tokenizer that can be loaded"),
        ({"tokenizer.json": {}}, "no tokenizer that can be loaded"),
        ({"tokenizer.json": "{\"model\": " + "[" * 3000 + "]" * 3000 + "}"}, "no tokenizer that can be loaded"),
        ({"config.json": {**CONFIG, "model_type": "llamma"}}, "model_type 'llamma' is none that transformers"),
        ({"config.json": {**CONFIG, "model_type": "auto"}}, "model_type 'auto' is none that transformers"),
        ({"config.json": {**CONFIG, "model_type": "code_llama"}}, "model_type 'code_llama' is none that transformers"),
        ({"config.json": {**CONFIG, "model_type": "qwen3-moe"}}, "model_type 'qwen3-moe' is none that transformers"),
        ({"config.json": {**CONFIG, "architectures": ["ViTModel"]}}, "its architecture, 'ViTModel', writes no text"),
        ({"config.json": {**CONFIG, "is_encoder_decoder": True}}, "is an encoder-decoder"),
        ({"config.json": {**CONFIG, "hidden_size": "64"}}, "hidden_size must be a whole number above 0, not '64'"),
        ({"config.json": {**CONFIG, "text_config": {"vocab_size": -1}}}, "text_config.vocab_size must be a whole number"),
        ({"tokenizer_config.json": {"chat_template": "{{ cycler.__init__ }}"}}, "reaches for '__init__'"),
        ({"tokenizer_config.json": {"chat_template": [{"name": "a", "template": "{{ x.__y__ }}"}]}}, "'a': line 1"),
    ],
)  # fmt: skip
def test_a_model_s_folder_brings_no_code(tmp_path: Path, files: dict[str, Any], words: str) -> None:
    folder = _model(tmp_path / "model", **files)
    line = _one(tmp_path, model={"source": str(folder)}, training={"max_length": 64})
    assert line.startswith("model.source: ")
    assert words in line


def test_a_downloaded_folder_may_name_code_that_is_not_needed(tmp_path: Path) -> None:
    known = _model(
        tmp_path / "known", **{"config.json": {**CONFIG, "auto_map": {"AutoModel": "code.Model"}}}
    )
    other = _model(
        tmp_path / "other",
        **{"config.json": {"model_type": "my_own", "auto_map": {"AutoModel": "code.Model"}}},
    )
    assert list(folder_problems(known, downloaded=True)) == []
    assert len(list(folder_problems(known))) == 1
    assert len(list(folder_problems(other, downloaded=True))) == 1


@pytest.mark.parametrize("model_type", ["gemma3_text", "openai-gpt", "qwen3", "deepseek_v3"])
def test_the_types_that_transformers_knows_are_taken(tmp_path: Path, model_type: str) -> None:
    config = {**CONFIG, "model_type": model_type, "architectures": ["AnyForCausalLM"]}
    assert not list(folder_problems(_model(tmp_path / "model", **{"config.json": config})))


@pytest.mark.slow
def test_what_vllm_alone_knows_is_evaluated_and_not_trained(tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    config = {**CONFIG, "model_type": "kimi_vl", "max_position_embeddings": 8192}
    folder = str(_model(tmp_path / "model", **{"config.json": config}))
    models = [{"name": "m", "source": folder}]
    assert not _lines(tmp_path, evaluation={"models": models})
    line = _one(tmp_path, model={"source": folder})
    assert line.startswith("model.source: ")
    assert "model_type 'kimi_vl' is none that transformers" in line


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), -4.0, 10**400, True, "4"])
def test_a_factor_that_is_none_does_not_count(tmp_path: Path, factor: object) -> None:
    rope = {"rope_type": "yarn", "factor": factor, "original_max_position_embeddings": 10**300}
    folder = _model(tmp_path / "model", **{"config.json": {**CONFIG, "rope_scaling": rope}})
    assert context_length(ModelParams(source=str(folder))) == 2048


def test_a_data_set_alone_needs_no_weights_but_for_a_model_that_answers(tmp_path: Path) -> None:
    folder = _model(tmp_path / "model", **{"model.safetensors": None})
    path = tmp_path / "my.yaml"
    folders = {"runs_dir": f"{tmp_path}/runs", "reports_dir": f"{tmp_path}/reports"}
    given = {
        "run": "x",
        **folders,
        "model": {"source": str(folder)},
        "training": {"max_length": 64},
    }
    path.write_text(yaml.safe_dump(given))
    run = open_run(path)
    assert preflight.check(run, data_alone=True) == []
    with pytest.raises(UserError, match="has no weights"):
        preflight.check(run)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="has no tokenizer"):
        preflight.check(run, data_alone=True)


def test_weights_are_no_pickles(tmp_path: Path) -> None:
    folder = _model(tmp_path / "model")
    (folder / "training_args.bin").touch()
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% break %}{% endfor %}"
    )
    assert not _lines(tmp_path, model={"source": str(folder)})
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    line = _one(tmp_path, model={"source": str(folder)})
    assert "pytorch_model.bin is a pickle, which runs what is in it" in line
    models = [{"name": "m", "source": str(folder)}]
    assert "pickle" in _one(tmp_path, evaluation={"models": models})
    assert "pickle" in _one(tmp_path, evaluation={"judge": {"model": {"source": str(folder)}, "max_model_len": 2048, "max_tokens": 64}})  # fmt: skip


def test_no_text_is_longer_than_the_model_s_context(tmp_path: Path) -> None:
    model = {"source": str(_model(tmp_path / "model"))}
    assert not _lines(tmp_path, model=model, training={"max_length": 2048})
    line = _one(tmp_path, model=model, training={"max_length": 2049})
    assert line.startswith("training.max_length: 2,049 is more than the 2,048 tokens that")
    line = _one(tmp_path, model=model, evaluation={"max_model_len": 4096})
    assert line.startswith("evaluation.max_model_len: 4,096 is more than")
    line = _one(tmp_path, evaluation={"max_model_len": 10_000})
    assert line.startswith(
        "evaluation.max_model_len: 10,000 is more than the 8,192 tokens that embedded"
    )
    line = _one(
        tmp_path, candidates=[{"name": "a"}, {"name": "b", "training": {"max_length": 9000}}]
    )
    assert line.startswith("candidates.1.training.max_length: 9,000 is more than")
    completions = {"enabled": True, "max_model_len": 9000}
    line = _one(tmp_path, dataset={"completions": completions})
    assert line.startswith("dataset.completions.max_model_len: 9,000 is more than")
    judge = {"model": model, "max_tokens": 1000, "max_model_len": 4000}
    assert (
        "evaluation.judge.max_model_len: 4,000" in _lines(tmp_path, evaluation={"judge": judge})[0]
    )
    rope = {"hf_overrides": {"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}}
    scaled = {"max_model_len": 8000, "engine": {"vllm": rope}}
    assert not _lines(tmp_path, model=model, evaluation=scaled)


def test_rope_scaling_of_the_config_counts(tmp_path: Path) -> None:
    rope = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 2048}
    folder = _model(tmp_path / "model", **{"config.json": {**CONFIG, "rope_scaling": rope}})
    assert context_length(ModelParams(source=str(folder))) == 8192
    assert context_length(ModelParams(source="owner/unknown", revision="0" * 40)) is None


def test_what_servers_call_a_model_is_said_of_a_model_of_the_run(tmp_path: Path) -> None:
    engine = {"kind": "openai", "endpoints": ["http://127.0.0.1:9/v1"], "served_as": {"bsae": "x"}}
    line = _one(tmp_path, evaluation={"engine": engine})
    assert line.startswith(
        "evaluation.engine.served_as.bsae: 'bsae' is not a model of the run; did you mean 'base'?"
    )
    engine["served_as"] = {"base": "x", "step-12": "y", "judge": "x"}
    assert not _lines(tmp_path, evaluation={"engine": engine})
    models = [{"name": "other", "source": "owner/other"}]
    for served in ({"base": "x", "step-12": "x"}, {"base": "step-12"}, {"base": "other"}):
        engine["served_as"] = served
        line = _one(tmp_path, evaluation={"engine": engine, "models": models})
        assert "both would be one model" in line
    line = _one(tmp_path, evaluation={"engine": {"vllm": {"tokenizer": "no/such"}}})
    assert line.startswith(f"evaluation.engine.vllm.tokenizer: no folder {ROOT / 'no/such'}")


# ---- machine -----------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = _one(tmp_path, runs_dir=str(tmp_path / "file" / "runs"))
    assert line == f"runs_dir: {tmp_path / 'file'} is not a folder; give another one"
    line = _one(tmp_path, reports_dir="/proc/reports")
    assert line.startswith("reports_dir: /proc cannot be written to (")
    assert not folder_problem(tmp_path / "a" / "b")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert folder_problem(tmp_path / "link" / "runs").endswith("is not a folder; give another one")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"run": "llmc_lib", "runs_dir": "."}, "runs_dir: "),
        ({"run": "a", "runs_dir": ".git"}, "is a folder of this project"),
        ({"run": ROOT.name, "runs_dir": str(ROOT.parent)}, "holds this checkout"),
        ({"runs_dir": "/tmp/q", "reports_dir": "/tmp/q/x/models"}, "are inside one another"),
        ({"runs_dir": "/tmp/q/x", "reports_dir": "/tmp/q"}, "are inside one another"),
        ({"runs_dir": "a\u2028b"}, "another invisible character"),
        ({"evaluation": {"engine": {"tensor_parallel": 2, "nodes": 2}}}, "engine.nodes: the offline engine has one machine"),
        ({"training": {"cluster": {"endpoint": "host:70000"}}}, "must be host:port"),
        ({"training": {"cluster": {"endpoint": "-x:1"}}}, "must be host:port"),
        ({"training": {"sft": {"loss_type": "nosuch"}}}, "must be 'nll' or 'dft'"),
        ({"training": {"cluster": {"slurm": {"partition": "a\nrm -r b"}}}}, "partition: "),
        ({"evaluation": {"engine": {"kind": "openai", "endpoints": ["http://[::1/v1"]}}}, "must be an address"),
        ({"evaluation": {"engine": {"kind": "openai", "endpoints": ["http://a:99999/v1"]}}}, "must be an address"),
        ({"model": {"source": "a--b/c", "revision": "0" * 40}}, "is not a folder with a config.json"),
        ({"model": {"source": f"a/{'n' * 96}", "revision": "0" * 40}}, "is not a folder with a config.json"),
        ({"run": 1}, "must be a text, not 1; put it in quotes"),
    ],
)  # fmt: skip
def test_what_would_fail_or_do_harm_later_is_told(
    tmp_path: Path, values: dict[str, Any], words: str
) -> None:
    assert words in "\n".join(_lines(tmp_path, **values))


def test_a_link_to_itself_and_a_pipe_are_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "is not a folder" in _one(tmp_path, runs_dir=str(tmp_path / "loop"))
    os.mkfifo(tmp_path / "x.jsonl")
    benchmarks = [{"name": "hle", "source": str(tmp_path / "x.jsonl")}]
    assert "is not a regular file" in _one(tmp_path, evaluation={"benchmarks": benchmarks})
    imports = [{"model": "a", "path": BASE}, {"model": "b", "path": str(tmp_path / "x.jsonl")}]
    evaluation = {"benchmarks": [{"name": "hle"}], "imports": imports}
    assert "is not a regular file" in _one(tmp_path, evaluation=evaluation)
    place, fields = str(tmp_path / "x.jsonl"), {"question": "q", "rate": "r"}
    for dataset in (
        {"sources": [{"name": "own", "kind": "files", "path": place, "fields": {"question": "q"}}]},
        {"sources": [{"name": "hardmath", "path": place}]},
        {"sources": [{"name": "replay", "path": place, "fields": {"question": "q"}}]},
        {"sources": [{"name": "safety", "rejected": place}]},
        {"difficulty": {"enabled": True, "rates": {"path": place, "fields": fields}}},
    ):
        assert "is not a regular file" in _one(tmp_path, dataset=dataset)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('{"ask": "Hi"}', None),
        ('{"q": "Hi"}', "line 1 has no field 'ask'; it has: q"),
        ('{"ask": " "}', "has no prompt; give a file with some"),
    ],
)
def test_prompts_of_a_file_to_replay_are_read(tmp_path: Path, row: str, words: str | None) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(row)
    source = {"name": "replay", "path": str(path), "fields": {"question": "ask"}}
    lines = _lines(tmp_path, dataset={"sources": [source]})
    assert words in lines[0] if words else lines == []


def test_the_first_of_stored_rates_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"question": "Hi", "pass_rate": 40}')
    rates = {"enabled": True, "rates": {"path": str(path)}}
    assert "a pass rate is a fraction" in _one(tmp_path, dataset={"difficulty": rates})
    path.write_text('{"question": "Hi", "rate": 0.4}')
    assert "has no field 'pass_rate'" in _one(tmp_path, dataset={"difficulty": rates})


def test_a_hostfile_is_read(tmp_path: Path) -> None:
    def line(text: str | None) -> str:
        path = tmp_path / "hosts"
        if text is not None:
            path.write_text(text)
        cluster = {"launcher": "hostfile", "hostfile": str(path)}
        return _one(tmp_path, training={"cluster": cluster})

    assert "cannot be read" in line(None)
    assert "line 1: 'node1' must be \"host slots=8\"" in line("node1")
    assert "has 2 machines, training.cluster.nodes is 1" in line("a slots=1\nb slots=1")


def test_a_server_that_does_not_answer_is_a_warning(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        there, gone = (f"http://127.0.0.1:{s.getsockname()[1]}/v1" for s in (server, closed))
        path = tmp_path / "my.yaml"
        engine = {"kind": "openai", "endpoints": [there, gone]}
        path.write_text(yaml.safe_dump({"run": "x", "evaluation": {"engine": engine}}))
        (warning,) = preflight.check(open_run(path))
    assert warning.startswith(f"warning: {gone} does not answer (")


def _warnings(tmp_path: Path, **values: Any) -> list[str]:
    path = tmp_path / "my.yaml"
    path.write_text(
        yaml.safe_dump(
            {"run": "x", "runs_dir": f"{tmp_path}/r", "reports_dir": f"{tmp_path}/p", **values}
        )
    )
    return preflight.check(open_run(path))


def test_more_gpus_than_there_are_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = {"engine": {"tensor_parallel": 4}}
    for here, told in ((0, True), (2, True), (4, False), (None, False)):
        monkeypatch.setattr("llmc_lib.preflight.machine.gpus", lambda here=here: here)
        found = _warnings(tmp_path, evaluation=evaluation)
        assert bool(found) is told
        assert all("evaluation.engine: tensor_parallel" in line for line in found)


def test_a_secret_that_leaves_this_machine_is_named_with_where_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2hunter2")
    engine = {"kind": "openai", "endpoints": ["http://127.0.0.1:9/v1"], "api_key": "MY_SECRET"}
    told, _ = _warnings(tmp_path, evaluation={"engine": engine})
    assert "environment variable MY_SECRET is sent to 127.0.0.1:9" in told
    assert "hunter2" not in told
    monkeypatch.delenv("MY_SECRET")
    assert len(_warnings(tmp_path, evaluation={"engine": engine})) == 1  # that it does not answer


def test_a_closed_teacher_is_told_before_anything_is_read(tmp_path: Path) -> None:
    closed = _model(tmp_path / "gpt-4o-copy")
    completions = {"enabled": True, "model": {"source": str(closed)}}
    (line,) = _lines(tmp_path, dataset={"completions": completions})
    assert "may not write completions here (closed model: gpt-4o-copy)" in line
    kept = {"completions": completions, "provenance": {"remove_closed": False}}
    assert _lines(tmp_path, dataset=kept) == []


@pytest.mark.slow
def test_a_function_of_the_users_own_has_to_be_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"function": "os.getcwd", "weight": 1.0}
    grpo = {"method": "grpo", "grpo": {"rewards": {"own": own}}}
    (line,) = _lines(tmp_path, candidates=[{"name": "a", "training": grpo}])
    assert (
        "candidates.0.training.grpo.rewards.own.function: os.getcwd is code that would run" in line
    )
    assert line.endswith("start the run with LLMC_OWN_REWARD=os.getcwd")
    unused = {"method": "grpo", "grpo": {"rewards": {"own": {**own, "weight": 0}}}}
    assert _lines(tmp_path, training=unused) == []
    monkeypatch.setenv("LLMC_OWN_REWARD", "os.getcwd")
    assert _lines(tmp_path, training=grpo) == []


@pytest.mark.slow
def test_a_function_that_is_allowed_has_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("def score(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    for function, words in {
        "no_such_module.score": "No module named 'no_such_module'",
        "os.no_such": "module 'os' has no attribute 'no_such'",
        "os.sep": "os.sep: is not a function",
        "broken.score": "SyntaxError",
    }.items():
        monkeypatch.setenv("LLMC_OWN_REWARD", function)
        grpo = {"method": "grpo", "grpo": {"rewards": {"own": {"function": function}}}}
        line = _one(tmp_path, training=grpo)
        assert line.startswith(f"training.grpo.rewards.own.function: {function}: ")
        assert words in line


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ({"categories": {"Mathh": 3.0}}, "gate.categories.Mathh: no category 'Mathh' of hle; did you mean 'Math'?"),
        ({"candidate": "stp-3"}, "gate.candidate: 'stp-3' is no candidate of the report; there are other, a-step-<number>"),
        ({"candidate": "step-3"}, "gate.candidate: 'step-3' is no candidate of the report"),
        ({"candidate": "base"}, "gate.candidate: 'base' is no candidate of the report"),
    ],
)  # fmt: skip
def test_what_the_gate_asks_about_must_be_there(
    tmp_path: Path, gate: dict[str, Any], words: str
) -> None:
    asked = {"models": [{"name": "other"}]}
    given = {"candidates": [{"name": "a"}], "evaluation": asked}
    assert _one(tmp_path, **given, gate=gate).startswith(words)
    for fine in ({"candidate": "a-step-30"}, {"candidate": "other", "categories": {"Math": 3.0}}):
        assert not _lines(tmp_path, **given, gate=fine)


def test_a_recipe_is_no_model_for_a_gate_about_a_checkpoint(tmp_path: Path) -> None:
    given = {"candidates": [{"name": "math", "seeds": [0, 1]}]}
    line = _one(tmp_path, **given, gate={"candidate": "math"})
    assert line == (
        "gate.candidate: 'math' is a recipe, not a model; give about: recipe, or name one of its models"
    )
    assert not _lines(tmp_path, **given, gate={"candidate": "math-seed1-step-30"})
    assert not _lines(tmp_path, **given, gate={"about": "recipe", "candidate": "math"})


def test_of_imports_the_reference_is_no_candidate_of_the_gate(tmp_path: Path) -> None:
    imports = [{"model": "base", "path": BASE}, {"model": "tuned", "path": TUNED}]
    given = {"evaluation": {"benchmarks": [{"name": "hle"}], "imports": imports}}
    assert not _lines(tmp_path, **given, gate={"candidate": "tuned"})
    line = _one(tmp_path, **given, gate={"candidate": "tunde"})
    assert line == ("gate.candidate: 'tunde' is no candidate of the report; did you mean 'tuned'?")


@pytest.mark.parametrize("key", ["target_modules", "modules_to_save"])
def test_layers_that_the_base_has_not_are_told(tmp_path: Path, key: str) -> None:
    line = _one(tmp_path, training={"lora": {key: ["q_proy"]}})
    assert line == (
        f"training.lora.{key}: no layer 'q_proy' in the base model; did you mean 'q_proj'?"
    )
    assert not _lines(tmp_path, training={"lora": {key: ["embed_tokens", "lm_head"]}})
    folder = _model(tmp_path / "model")
    header = b'{"model.layers.0.attn.qkv.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'
    (folder / "model.safetensors").write_bytes(
        len(header).to_bytes(8, "little") + header + bytes(4)
    )
    model = {"source": str(folder)}
    own = [{"name": "a", "training": {"lora": {key: ["q_proj"]}}}]
    (line,) = _lines(tmp_path, model=model, candidates=own)
    assert "candidates.0.training.lora" in line
    assert "no layer 'q_proj' in the base model; there are embed_tokens, lm_head, qkv" in line
    for name in ("qkv", "attn.qkv", "model.layers.0.attn.qkv"):
        assert not _lines(tmp_path, model=model, training={"lora": {key: [name]}})


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"adapter": "/no/such"}, "model.adapter: '/no/such' is no folder; give that of a peft adapter"),
        ({"adapter": "owner/name"}, "model.adapter_revision: must be a commit of the hub's adapter 'owner/name'"),
        ({"adapter": "owner/name", "adapter_revision": "main"}, "model.adapter_revision: must be a commit"),
        ({"adapter_revision": "0123456"}, "model.adapter_revision: is the commit of an `adapter`"),
        ({"adapter": str(ROOT / "params")}, f"model.adapter: {ROOT}/params: has no adapter_config.json"),
    ],
)  # fmt: skip
def test_an_adapter_that_cannot_be_had_is_told_once(
    tmp_path: Path, model: dict[str, Any], words: str
) -> None:
    assert _one(tmp_path, model=model).startswith(words)


def test_a_batch_that_processes_cannot_share_is_a_warning_with_its_place(tmp_path: Path) -> None:
    given = {"batch_size": 5, "micro_batch_size": 2, "nproc_per_node": 2}
    (told,) = _warnings(tmp_path, training=given)
    assert told.startswith(
        "warning: training: batch_size 5: 2 processes cannot share 5 sequences evenly; a step has 6"
    )
    own = [{"name": "a"}, {"name": "b", "seeds": [0, 1], "training": {"batch_size": 5}}]
    (told,) = _warnings(tmp_path, training={**given, "batch_size": 8}, candidates=own)
    assert told.startswith("warning: candidates.1.training: batch_size 5: 2 processes")
    own = [{"name": "a", "training": {"nproc_per_node": 5}}]
    (told,) = _warnings(tmp_path, training={**given, "batch_size": 8}, candidates=own)
    assert told.startswith("warning: candidates.0.training: batch_size 8: 5 processes")


def test_ids_of_no_question_in_a_file_are_a_warning(tmp_path: Path) -> None:
    found = question_bank.read("hle", question_bank.path(BenchmarkParams(name="hle")))
    (tmp_path / "broken.txt").write_text(f"{found[0].id}\ntypo\n")
    benchmarks = [{"name": "hle", "exclude": str(tmp_path / "broken.txt")}]
    (told,) = _warnings(tmp_path, evaluation={"benchmarks": benchmarks})
    assert told.startswith("warning: evaluation.benchmarks.hle.exclude: ")
    assert "broken.txt: 1 of its 2 ids are of no question that is asked ('typo')" in told


def test_a_deadline_that_has_passed_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for deadline, told in (
        ("2020-01-01T09:00", True), ("2020-01-01T09:00+09:00", True), ("2999-01-01T09:00", False)
    ):  # fmt: skip
        path.write_text(
            f"run: x\nruns_dir: {tmp_path}/runs\nevaluation: {{stop: {{deadline: {deadline}}}}}\n"
        )
        warnings = [w for w in preflight.check(open_run(path)) if "deadline" in w]
        assert len(warnings) == told
    path.write_text(path.read_text().replace("2999", "2020"))
    (tmp_path / "runs" / "x").mkdir(parents=True)
    (tmp_path / "runs" / "x" / "race.jsonl").write_text("")  # the race has begun
    assert not [w for w in preflight.check(open_run(path)) if "deadline" in w]


def test_learning_from_pairs_needs_some(tmp_path: Path) -> None:
    sources = [{"name": "safety"}, {"name": "textbook"}]
    careful = {"name": "careful", "method": "dpo"}
    (line,) = _lines(tmp_path, dataset={"sources": sources}, candidates=[{"name": "sft"}, careful])
    assert (
        "candidates.1.method: dpo learns from pairs, and no source of its data set has rejected responses; give one"
        in line
    )
    (line,) = _lines(tmp_path, dataset={"sources": sources}, training={"method": "orpo"})
    assert "training.method: orpo learns from pairs" in line
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"prompt": "Insult him.", "response": "He is a fool."}\n')
    sources[0]["rejected"] = str(answers)
    assert _lines(tmp_path, dataset={"sources": sources}, candidates=[careful]) == []
    (line,) = _lines(
        tmp_path, dataset={"sources": sources}, candidates=[{**careful, "mixture": {"sources": ["textbook"]}}],
    )  # fmt: skip
    assert "candidates.0.method: dpo learns from pairs" in line
    answers.write_text('{"prompt": "Insult him."}\n')
    (line,) = _lines(tmp_path, dataset={"sources": sources})
    assert "dataset.sources.0.rejected: " in line
    assert "has no field rejected or response" in line


def test_a_subset_that_names_nothing_is_at_its_key(tmp_path: Path) -> None:
    out = {"name": "hle", "exclude": ["hle-none"], "subsets": {"checked": "absent.txt"}}
    (line,) = _lines(tmp_path, evaluation={"benchmarks": [out]})
    assert line.startswith("line 10: evaluation.benchmarks.0.subsets.checked: absent.txt: no file")
    (line,) = _lines(tmp_path, evaluation={"benchmarks": [{**out, "subsets": {}}]})
    assert (
        "evaluation.benchmarks.0.exclude: 'hle-none' is not a subset, a file or a question" in line
    )


def test_a_variable_that_no_chat_template_has_is_told(tmp_path: Path) -> None:
    folder = _model(
        tmp_path / "model",
        **{"chat_template.jinja": "{% if enable_thinking %}{% endif %}{{ messages }}"},
    )
    model = {"source": str(folder)}
    known = {"chat_template_kwargs": {"enable_thinking": False}}
    assert not _lines(tmp_path, model=model, evaluation=known)
    own = [
        {"name": "hle", "questions": 2, "settings": {"chat_template_kwargs": {"thinking": False}}}
    ]
    (line,) = _lines(tmp_path, model=model, evaluation={"benchmarks": own})
    assert (
        "evaluation.benchmarks.0.settings.chat_template_kwargs: 'thinking': no chat template"
        in line
    )


def test_what_cannot_be_trained_or_merged_is_told_before_anything_starts(tmp_path: Path) -> None:
    config = {**CONFIG, "quantization_config": {"quant_method": "awq"}}
    model = _model(tmp_path / "model", **{"config.json": config})
    (tmp_path / "adapter").mkdir()
    path = tmp_path / "x.yaml"
    values = {
        "run": "x",
        "runs_dir": str(tmp_path),
        "model": {"source": str(model), "adapter": str(tmp_path / "adapter")},
        "training": {"attention": "flash_attention_3"},
    }
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    with pytest.raises(UserError) as caught:
        preflight.check(open_run(path))
    told = str(caught.value)
    assert "model.source: " in told
    assert "its weights are quantised ('awq')" in told
    assert "has no adapter_config.json; give the folder of a peft adapter" in told
    assert (
        "training.attention: flash_attention_3: the package flash_attn_3 is not installed" in told
    )
