"""The schema of a params file: defaults, YAML as people write it, one line for each mistake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from llmc_lib.benchmarks import DECLARED
from llmc_lib.errors import UserError
from llmc_lib.params import LoraParams, Params
from llmc_lib.params.reader import load, where
from llmc_lib.taxonomy import HLE_SHARES

ROOT = Path(__file__).parents[2]


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _mistakes(tmp_path: Path, text: str) -> list[str]:
    """The lines of the message, without the path in front."""
    path = _file(tmp_path, text)
    with pytest.raises(UserError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(str(path)) for line in lines)
    return [line.removeprefix(str(path)).lstrip(":, ") for line in lines]


def test_every_key_but_run_has_a_default(tmp_path: Path) -> None:
    params = load(_file(tmp_path, "run: mine"))
    assert params == Params(run="mine")
    assert params.dataset.decontamination.ngram == 13


def test_the_file_for_newcomers_is_valid() -> None:
    params = load(ROOT / "params" / "quickstart.yaml")
    assert params.run == "quickstart"
    names = [source.name for source in params.dataset.sources]
    assert names == ["skills", "safety", "instructions"]
    assert [benchmark.name for benchmark in params.evaluation.benchmarks] == [
        "skills",
        "hle",
        "do_not_answer",
        "over_refusal",
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_file_of_the_project_is_valid_and_named_like_its_run(path: Path) -> None:
    assert load(path).run == path.stem


def test_what_is_dumped_is_read_back(tmp_path: Path) -> None:
    params = load(ROOT / "params" / "quickstart.yaml")
    dumped = yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False)
    assert load(_file(tmp_path, dumped)) == params


@pytest.mark.parametrize(
    ("written", "value"),
    [("1e-5", 1e-5), ("1E-5", 1e-5), ("1.5e-4", 1.5e-4), (".5e-3", 5e-4), ("0.00001", 1e-5)],
)
def test_numbers_are_numbers(tmp_path: Path, written: str, value: float) -> None:
    params = load(_file(tmp_path, f"run: x\ntraining:\n  learning_rate: {written}\n"))
    assert params.training.learning_rate == value


@pytest.mark.parametrize("written", ["1e-5x", "e-5", "'1e-5'", "1e"])
def test_what_only_looks_like_a_number_is_refused(tmp_path: Path, written: str) -> None:
    (line,) = _mistakes(tmp_path, f"run: x\ntraining:\n  learning_rate: {written}\n")
    assert line.startswith("line 3: training.learning_rate: must be number, not '")


def test_other_yaml_loaders_are_left_as_they_are() -> None:
    assert yaml.safe_load("a: 1e-5") == {"a": "1e-5"}


def test_one_category_may_have_everything(tmp_path: Path) -> None:
    params = load(_file(tmp_path, "run: x\ndataset: {shares: {Math: 1.0}}"))
    assert params.dataset.shares == {"Math": 1.0}


MISTAKES = {
    # what is in the file: line, key and remedy
    "run: x\ntraining: {processes: 2}": "line 2: training.processes: renamed; write 'nproc_per_node'",
    "run: x\ncandidates: [{name: a, training: {checkpoints: [1]}}]": (
        "line 2: candidates.0.training.checkpoints: renamed; write 'export_at'"
    ),
    "run: x\nsede: 1": "line 2: sede: unknown key; did you mean 'seed'?",
    "run: x\ntraining:\n  epochs: 1\n  learning_rat: 1": (
        "line 4: training.learning_rat: unknown key; did you mean 'learning_rate'?"
    ),
    "run: x\nmodel: {path: a}": (
        "line 2: model.path: unknown key; known keys here: source, revision"
    ),
    "run: x\ndataset:\n  sources:\n    - name: textbook\n      row: 4": (
        "line 5: dataset.sources.0.row: unknown key; did you mean 'rows'?"
    ),
    "run: x\ncandidates:\n  - name: a\n    training:\n      epoch: 2": (
        "line 5: candidates.0.training.epoch: unknown key; did you mean 'epochs'?"
    ),
    "run: x\ncandidates:\n  - name: a\n    mixture:\n      shares: {Math: 0.5}": (
        "line 5: candidates.0.mixture.shares: must sum to 1, they sum to 0.5"
    ),
    "run: x\ncandidates:\n  - name: a\n    mixture: {sources: [textbok]}": (
        "line 4: candidates.0.mixture.sources: 'textbok' is not a source of the run; did you mean "
        "'textbook'?"
    ),
    "run: x\ndataset: {mixture: false}\ncandidates:\n  - name: a\n    mixture: {shares: {Math: 1.0}}": (
        "line 5: candidates.0.mixture.shares: are not used while the mixture is off; give mixture: true"
    ),
    "run: x\ncandidates:\n  - name: a\n  - name: a": (
        "line 2: candidates: 'a' is listed twice; give it once"
    ),
    "run: x\ntraining:\n  lora: {target_modules: 4}": (
        "line 3: training.lora.target_modules: must be a list, not 4"
    ),
    "run: x\ntraining:\n  cluster: {launcher: hostfile}": (
        'line 3: training.cluster.hostfile: required: a file with a line "host slots=8" a machine'
    ),
    "run: x\ntraining:\n  cluster: {endpoint: here}": (
        "line 3: training.cluster.endpoint: 'here' must be host:port"
    ),
    "run: x\ntraining:\n  cluster: {nodes: 2}": (
        "line 3: training.cluster.endpoint: required: host:port of the first machine"
    ),
    "run: x\nevaluation:\n  benchmarks: [{name: hle}, {name: do_not_answer}]\nreport:\n  main: hel": (
        "line 5: report.main: 'hel' is not one of evaluation.benchmarks; did you mean 'hle'?"
    ),
    "run: x\nreport:\n  main: do_not_answer": (
        "line 3: report.main: 'do_not_answer' has no right and wrong answers; take one of hle"
    ),
    "run: x\nevaluation:\n  benchmarks: [{name: mine, kind: question}]": (
        "line 3: evaluation.benchmarks.0.kind: 'question' is not a known benchmark "
        f"({', '.join(name for name in DECLARED if name != 'questions')}); for a file"
    ),
    "seed: 1": "line 1: run: required and not given; add it",
    "run: A b": "line 1: run: 'A b' must be lower-case letters, digits, '.', '_' and '-'",
    "run: ../x": "line 1: run: '../x' must be lower-case letters, digits, '.', '_' and '-'",
    "run: 7": "line 1: run: must be a text, not 7; put it in quotes",
    "run: x\nseed: many": "line 2: seed: must be integer, not 'many'",
    "run: x\nseed: 1.5": "line 2: seed: must be integer, not 1.5",
    "run: x\nseed: true": "line 2: seed: must be integer, not True",
    "run: x\nseed: -1": "line 2: seed: must be greater than or equal to 0, not -1",
    "run: x\nmodel: embedded": "line 2: model: must be a group of keys, not 'embedded'",
    "run: x\ntraining: {deepspeed: zero4}": (
        "line 2: training.deepspeed: 'zero4' is not one of 'zero1', 'zero2', 'zero3' or 'zero3_offload'"
    ),
    "run: x\ndataset:\n  sources: textbook": (
        "line 3: dataset.sources: must be a list, not 'textbook'"
    ),
    "run: x\ndataset:\n  sources: []": "line 3: dataset.sources: must have at least one item",
    "run: x\ndataset:\n  sources:\n    - {name: textbok}": (
        "line 4: dataset.sources.0.name: 'textbok' is not a known source; did you mean 'textbook'? For "
        "files of your own give kind: files"
    ),
    "run: x\ndataset:\n  sources:\n    - {name: a, kind: file}": (
        "line 4: dataset.sources.0.kind: 'file' is not a known source; did you mean 'files'?"
    ),
    "run: x\ndataset:\n  sources:\n    - name: a\n      kind: files": (
        "line 4: dataset.sources.0.path: required for files: a local file, or a folder of them"
    ),
    "run: x\ndataset:\n  sources:\n    - {name: a, kind: files, path: b, fields: {answer: c}}": (
        "line 4: dataset.sources.0.fields: must say which field holds the question: question: <field>"
    ),
    "run: x\ndataset:\n  sources:\n    - {name: a, kind: files, path: b, fields: {question: c, anwser: d}}": (
        "line 4: dataset.sources.0.fields: 'anwser' is not a field of ours; did you mean 'answer'?"
    ),
    "run: x\ndataset:\n  sources:\n    - {name: deepmath, revision: main}": (
        "line 4: dataset.sources.0.revision: must be a commit of deepmath on the hub (7 to 40 "
        "hexadecimal digits): a branch moves, and the run could not be repeated; or give a path to local "
        "files"
    ),
    "run: x\ndataset:\n  sources:\n    - {name: textbook, categories: {x: Maths}}": (
        f"line 4: dataset.sources.0.categories: 'Maths' is not one of {', '.join(HLE_SHARES)}"
    ),
    "run: x\ndataset:\n  difficulty:\n    temperature: 0": (
        "line 3: dataset.difficulty.samples: at temperature 0 all are the same; give 1, or a "
        "temperature above 0"
    ),
    "run: x\ndataset:\n  repeat: true": (
        "line 3: dataset.repeat: needs max_rows: how many rows to fill up to"
    ),
    "run: x\ndataset:\n  completions: {max_tokens: 2000}": (
        "line 3: dataset.completions.max_tokens: must be less than max_model_len (1024)"
    ),
    "run: x\ndataset:\n  sources: [{name: textbook}, {name: textbook}]": (
        "line 3: dataset.sources: 'textbook' is listed twice; give it once"
    ),
    "run: x\nevaluation:\n  benchmarks: [{name: hle}, {name: hle, source: a}]": (
        "line 3: evaluation.benchmarks: 'hle' is listed twice; give it once"
    ),
    "run: x\ndataset:\n  seed: 1\n": "line 3: dataset.seed: unknown key; known keys here: "
    "sources, provenance, form, decontamination, deduplication, difficulty, completions, mixture, shares, "
    "max_rows, allow_shortfall, repeat, validation, processes",
    "run: x\ndataset:\n  shares: {Math: 0.5, Physics: 0.4}": (
        "line 3: dataset.shares: must sum to 1, they sum to 0.9"
    ),
    "run: x\ndataset:\n  shares: {Math: 0.5, Maths: 0.5}": (
        f"line 3: dataset.shares: 'Maths' is not one of {', '.join(HLE_SHARES)}"
    ),
    "run: x\nevaluation:\n  top_p: 1\n  max_tokens: 1024": (
        "line 4: evaluation.max_tokens: 1024 leaves no room for a prompt in max_model_len (1024); "
        "lower it, raise max_model_len, or give max"
    ),
    "run: x\nevaluation:\n  max_model_len: 256": (
        "line 2: evaluation.max_tokens: 256 leaves no room for a prompt in max_model_len (256); "
        "lower it, raise max_model_len, or give max"
    ),
    "run: x\ntraining: {epochs: .inf}": "line 2: training.epochs: must be a finite number, not inf",
    "run: x\ntraining: {epochs: .nan}": "line 2: training.epochs: must be",
    "run: x\n1: 2": "line 2: 1: a key must be a word; put 1 in quotes, or correct it",
    # of several kinds
    "run: x\nreport: {cases: -1}": "line 2: report.cases: must be greater than or equal to 0 or a group of keys, not -1",
    "run: x\nreport: {cases: {gained: -1}}": "line 2: report.cases.gained: must be greater than or equal to 0, not -1",
    "run: x\nevaluation: {max_tokens: 0}": (
        "line 2: evaluation.max_tokens: must be greater than or equal to 1 or 'max', not 0"
    ),
    "run: x\nevaluation: {chat_template_kwargs: {int: [1]}}": (
        "line 2: evaluation.chat_template_kwargs.int: must be boolean or integer or number or string, not [1]"
    ),
    "run: x\nevaluation: {samples_of: {1: 3}}": "line 2: evaluation.samples_of.1: must be a text, not 1; put it in quotes",
    "run: x\nevaluation: {samples_of: {base: 3}}": (
        "line 2: evaluation.samples_of.base: at temperature 0 all are the same (hle)"
    ),
    "run: x\nevaluation: {stop: {deadline: 2027-01-01T00:00+25:00}}": (
        "line 2: evaluation.stop.deadline: '2027-01-01T00:00+25:00' is not a date and time; write it as 2026-12-01T09:00"
    ),
    "run: x\ncandidates: [{name: a, method: sft, training: {method: grpo}}]": (
        "line 2: candidates.0.training.method: is 'grpo', and the candidate's `method` is 'sft'; give one"
    ),
    "run: x\nevaluation: {benchmarks: [{name: hle, subsets: [a/x.txt, b/X.txt]}]}": (
        "line 2: evaluation.benchmarks.0.subsets: two of the files would be the subset 'x'"
    ),
    "run: x\nevaluation: {benchmarks: [{name: hle, subsets: {A b: [q]}}]}": (
        "line 2: evaluation.benchmarks.0.subsets.A b: 'A b' must be lower-case letters, digits, '_' and '-'"
    ),
    # YAML's own
    "run: x\nseed: 1\nrun: y": "line 3: run: not valid YAML: 'run' is given twice; keep one",
    "run: x\ntraining: {epochs: 1, epochs: 2}": (
        "line 2: training.epochs: not valid YAML: 'epochs' is given twice; keep one"
    ),
    "run: x\n\tseed: 1": "line 2: run: not valid YAML: found a tab character that violates indentation",
    "run: [x": "line 2: run: not valid YAML: did not find expected",
    "run: x\n[a, b]: 1": "line 2: not valid YAML: found unhashable key",
    "run: 2024-13-45": (
        "line 1: run: not valid YAML: '2024-13-45': month must be in 1..12; put it in quotes"
    ),
    "run: x\nseed: !!python/object:os.system": "line 2: seed: not valid YAML: could not determine a",
    "run: x\n---\nrun: y": "line 2: not valid YAML: found another document; keep one",
    "run: x\ntraining:\n\tepochs: 1": (
        "line 3: training: not valid YAML: found character that cannot start any token; indent with spaces, not tabs"
    ),
    "run: x\nreport: {title: @x}": (
        "line 2: report.title: not valid YAML: found character that cannot start any token; put the text in quotes"
    ),
    "run: x\nreport: {title: a: b}": "line 2: report: not valid YAML: did not find expected ',' or '}'; correct its indentation",
    'run: x\nruns_dir: "C:\\Users"': (
        "line 2: runs_dir: not valid YAML: did not find expected hexdecimal number; put the text in single quotes"
    ),
    "run: x\nreport: {recipes: {a: [b]}}": "line 2: report.recipes.a: must have at least 2 items",
    "run: x\nreport: *nope": "line 2: report: not valid YAML: found undefined alias; put a text that begins with * in quotes",
    "run: x\nseed: !own 3": (
        "line 2: seed: not valid YAML: could not determine a constructor for the tag '!own'; leave the tag out"
    ),
    "run: x\non: 2": "line 2: on: not valid YAML: the key 'on' is a bool to YAML; put it in quotes",
    "run: x\n~: 2": "line 2: ~: not valid YAML: the key '~' is a null to YAML; put it in quotes",
    "run: 2024-01-01": "line 1: run: must be a text, not datetime.date(2024, 1, 1); put it in quotes",
    "run: x\ntraining: {learning_rate: '1e-4'}": (
        "line 2: training.learning_rate: must be number, not '1e-4'; leave out the quotes"
    ),
    "run: x\nseed: '1'": "line 2: seed: must be integer, not '1'; leave out the quotes",
    "run: \0": "line 1: not valid YAML: control characters are not allowed",
    "": "must hold keys and values, like params/quickstart.yaml",
    "- run": "must hold keys and values, like params/quickstart.yaml",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_line_with_its_place_and_remedy(tmp_path: Path, text: str) -> None:
    (line,) = _mistakes(tmp_path, text)
    assert line.startswith(MISTAKES[text])


def test_a_run_without_candidates_trains_one() -> None:
    params = Params.model_validate({"run": "x", "training": {"epochs": 2.0}})
    (recipe,) = params.recipes
    assert (recipe.name, recipe.mixture, recipe.training) == ("main", None, params.training)
    assert recipe.model_name(7) == "step-7"


def test_a_candidate_has_the_settings_of_the_run_but_for_its_own() -> None:
    params = Params.model_validate(
        {
            "run": "x",
            "dataset": {"max_rows": 100, "validation": 0.2},
            "training": {"lora": {"rank": 8}, "max_length": 700},
            "candidates": [
                {"name": "a"},
                {
                    "name": "b",
                    "mixture": {"sources": ["textbook"], "max_rows": 50, "allow_shortfall": True},
                    "training": {"lora": {"alpha": 4.0}, "export_at": [1.0], "max_length": 900},
                },
            ],
        }
    )
    a, b = params.recipes
    assert (a.mixture, a.training, a.model_name(3)) == (None, params.training, "a-step-3")
    assert b.mixture
    assert [source.name for source in b.mixture.sources] == ["textbook"]
    assert (b.mixture.max_rows, b.mixture.validation) == (50, 0.2)
    assert b.training.lora == LoraParams(rank=8, alpha=4.0)
    assert b.training.export_at == (1.0,)
    assert params.max_length == 900


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    lines = _mistakes(tmp_path, "run: x\nseed: a\nmodel:\n  sorce: b\ntraining: {epochs: 0}")
    assert [line.split(":")[1].strip() for line in lines] == [
        "seed",
        "model.sorce",
        "training.epochs",
    ]


def test_a_missing_file_names_its_nearest_neighbour(tmp_path: Path) -> None:
    _file(tmp_path, "run: x")
    for name, hint in (("mi.yaml", str(tmp_path / "my.yaml")), ("other", "params/quickstart.yaml")):
        with pytest.raises(UserError, match="no such params file") as caught:
            load(tmp_path / name)
        assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"run: x\nseed: \xff\xfe", ", line 2: byte 0xff is not UTF-8"),
        (None, ": cannot be read: Is a directory"),
    ],
)
def test_what_is_no_text_is_told(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path
    if content:
        path = tmp_path / "my.yaml"
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}{words}")
    assert "\n" not in str(caught.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "my.yaml")
    with pytest.raises(UserError, match=r"my\.yaml: is not a regular file; give a params file"):
        load(tmp_path / "my.yaml")


def test_where_finds_a_setting_or_the_section_it_would_be_in(tmp_path: Path) -> None:
    path = _file(tmp_path, "run: x\n\nmodel:\n  # far\n  source: a/b\n")
    assert where(path, "model", "source") == f"{path}, line 5: model.source"
    assert where(path, "model", "revision") == f"{path}, line 3: model.revision"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        # vLLM takes such a temperature for greedy, and refuses several samples of it.
        ("evaluation: {temperature: 1.0e-7, samples: 2}", "neither 0 (greedy) nor 0.01"),
        ("dataset: {difficulty: {temperature: 5.0e-324}}", "neither 0 (greedy) nor 0.01"),
        ("evaluation: {samples: 2147483647, temperature: 1}", "less than or equal to 10000"),
        ("evaluation: {engine: {tensor_parallel: 2147483647}}", "less than or equal to 16384"),
        ("evaluation: {engine: {timeout_minutes: 5.0e-324}}", "greater than or equal to 0.001"),
        (
            "training: {adam_epsilon: 5.0e-324}",
            "adam_epsilon: must be greater than or equal to 0.00",
        ),
        ("training: {lora: {rank: 2147483647}}", "less than or equal to 65536"),
        ("training: {nproc_per_node: 99999, batch_size: 99999, micro_batch_size: 1}", "16384"),
        # Designs of any size were tried for these, without end or until a number was too large.
        ("report: {significance: 1.0e-30}", "greater than or equal to 0.000001"),
        ("report: {smallest_interesting_points: 1.0e-9}", "greater than or equal to 0.1"),
        ("report: {power: 0.9999999999999999}", "less than or equal to 0.999"),
        ("training: {batch_size: 010}", "to others; write it in decimal digits"),
        ("training: {cluster: {slurm: {time: 24:00:00}}}", "or put it in quotes"),
    ],
)
def test_numbers_that_nothing_later_could_use(tmp_path: Path, setting: str, words: str) -> None:
    with pytest.raises(UserError, match="line 2") as caught:
        load(_file(tmp_path, f"run: x\n{setting}\n"))
    assert words in str(caught.value)
