"""Inputs that nobody means to write: strategies for the fuzzer, of params files, data files and logs.

`tests/test_fuzz.py` tries a short, seeded part of them with each run of the tests; `make storm` as many as its
minutes allow.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml
from hypothesis import strategies as st
from pydantic import BaseModel

from llmc_lib.params import Params

#: Values that readers, messages and paths have stumbled over.
NASTY: list[Any] = [
    None, True, False, 0, -1, -5, 1, 10**400, -(10**20), 2**31, 2**63, 0.0, -0.0, 1e300, 1e-320, float("nan"),
    float("inf"), float("-inf"), "", " ", "\n", "\t", "x", "a" * 300, "a" * 5000, "../../etc/passwd", "/etc/passwd",
    "/proc/self/mem", "/dev/null", "~", "a/b", "owner/name", "--help", "-x", "$(id)", "`id`", "<script>alert(1)</script>",
    "{{ 7*7 }}", "\\", "\\u0000", "é", "数学", "\u202e", "\u2028", "😀", "'; DROP TABLE x; --", "base", "judge", "step-1",
    "nan", "1e5", "null", "[]", [], {}, [[]], [None], [{}], {"a": {}}, {"": ""}, [1, "a", None], {"a": [1, {"b": None}]},
]  # fmt: skip
# Copies: the strategies below put further values into lists and groups.
nasty = st.sampled_from(NASTY).map(copy.deepcopy)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    nasty | text | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


def _paths(section: type[BaseModel], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The keys of all settings of a schema."""
    found: list[tuple[str, ...]] = []
    for name, field in section.model_fields.items():
        found.append((*above, name))
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        for kind in inner:
            found += _paths(kind, (*above, name))
    return found


SETTINGS = _paths(Params)
#: Sections that are lists of groups, with a group that is fine.
_GROUPS: dict[tuple[str, ...], dict[str, Any]] = {
    ("dataset", "sources"): {"name": "textbook"},
    ("evaluation", "benchmarks"): {"name": "hle"},
    ("evaluation", "models"): {"name": "other", "source": "embedded"},
    ("evaluation", "imports"): {"model": "a", "path": "params/compare/judged_hle_base.json"},
    ("candidates",): {"name": "a"},
}


@st.composite
def params_files(draw: st.DrawFn) -> bytes:
    """A params file with a few settings that may be anything."""
    made: dict[Any, Any] = {"run": "fuzz"}
    for _ in range(draw(st.integers(1, 3))):
        keys = draw(st.sampled_from(SETTINGS))
        value = draw(values)
        group = _GROUPS.get(keys)
        if group is not None and draw(st.booleans()):
            value = [
                {**group, draw(st.sampled_from([*group, "kind", "path", "source"]) | text): value}
            ]
        place = made
        for key in keys[:-1]:
            inner = place.get(key)
            if not isinstance(inner, dict):
                inner = place[key] = {}
            place = inner
        place[draw(st.just(keys[-1]) | text) if draw(st.integers(0, 9)) == 0 else keys[-1]] = value
    written = yaml.safe_dump(made, allow_unicode=draw(st.booleans()), sort_keys=False).encode()
    return draw(st.just(written) | damaged(written))


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes that were cut, changed, or pushed in."""
    place = draw(st.integers(0, len(content)))
    match draw(st.integers(0, 3)):
        case 0:
            return content[:place]
        case 1:
            return content[:place] + draw(st.binary(min_size=1, max_size=8)) + content[place:]
        case 2:
            return content[:place] + draw(st.binary(min_size=1, max_size=4)) + content[place + 2 :]
        case _:
            return content[:place] + content[draw(st.integers(0, len(content))) :]


#: Rows as each reader wants them, to be changed in a few places.
ROWS: dict[str, dict[str, Any]] = {
    "hle": {"id": "a", "question": "2+2?", "answer": "4", "answer_type": "exactMatch", "category": "Math",
            "raw_subject": "x", "rationale": "", "image": ""},
    "do_not_answer": {"id": 1, "risk_area": "Malicious Uses", "types_of_harm": "x", "question": "x"},
    "aime": {"id": "0", "problem": "2+2?", "answer": "4", "solution": "x"},
    "super_gpqa": {"uuid": "a", "question": "x", "options": ["1", "2"], "answer_letter": "A", "discipline": "Law",
                   "field": "x"},
    "files": {"id": "a", "q": "2+2?", "a": "4", "c": "<think>x</think>\nAnswer: 4", "s": "math", "d": 1.0, "l": "MIT"},
    "pairs": {"chosen": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}],
              "rejected": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "z"}]},
    "answers": {"prompt": "x", "response": "y", "harmful": True},
    "deepmath": {"question": "2+2?", "final_answer": "4", "difficulty": 5, "topic": "a -> Algebra -> b",
                 "r1_solution_1": "x", "r1_solution_2": "x", "r1_solution_3": "x"},
    "omni_math": {"problem": "x", "solution": "y", "answer": "4", "domain": ["a -> b"], "difficulty": 5.0, "source": "x"},
    "hle_judged": {"model": "m", "response": "Answer: 4", "usage": {"prompt_tokens": 3, "completion_tokens": 5},
                   "judge_response": {"correct": "yes", "confidence": 80, "model_answer": "4", "reasoning": "x"}},
    "competition": {"id": "a", "category": "Math", "question": "x", "answer_type": "exactMatch", "prediction": "4",
                    "gold": "4", "correct": 1, "judgement": "yes"},
    "lm_eval": {"doc_id": 0, "doc": {"question": "2+2?", "id": "q0"}, "target": "4", "filter": "none",
                "arguments": {"gen_args_0": {"arg_0": "2+2?"}}, "resps": [["4"]], "filtered_resps": ["4"],
                "metrics": ["exact_match"], "exact_match": 1.0},
    "inspect": {"version": 2, "status": "success", "eval": {"created": "2025-01-01T00:00:00+00:00", "task": "t", "dataset": {},
                "model": "m", "config": {}}, "samples": [{"id": "a", "epoch": 1, "input": "2+2?", "target": "4", "messages": [],
                "scores": {"match": {"value": "C"}}, "output": {"model": "m", "choices": [{"message": {"role": "assistant",
                "content": "4"}, "stop_reason": "stop"}], "usage": {"input_tokens": 1, "output_tokens": 1}}}]},
    "responses": {"id": "a", "question": "x", "response": "<think>x</think>4", "usage": "{'completion_tokens': 3}",
                  "judge_response": "{'correct': 'yes', 'confidence': 80}", "sample": 0},
    "super_gpqa_results": {"uuid": "a", "question": "x", "options": ["1", "2"], "answer_letter": "A", "discipline": "Law",
                           "field": "x", "response": "Answer: A", "meta_response": "x", "status": "correct"},
    "filter_results": {"question": "2+2?", "correct_answer": "4", "generated_answers": ["4"], "evaluation_results": [True]},
    "lighteval": {"doc": {"query": "2+2?", "choices": ["4"], "gold_index": 0, "id": "0", "generation_size": 8},
                  "metric": {"acc": 1}, "model_response": {"text": ["4"], "output_tokens": [[1]], "input_tokens": [1]}},
    "prediction": {"question_id": "q", "sample": 0, "reasoning": "", "response": "4", "finish_reason": "stop",
                   "prompt_tokens": 1, "completion_tokens": 1, "seconds": 1.0, "prompt_sha256": "x"},
}  # fmt: skip


@st.composite
def rows(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A row of a kind with a few fields that may be anything, or are gone."""
    row: dict[str, Any] = json.loads(json.dumps(ROWS[kind]))
    for _ in range(draw(st.integers(0, 2))):
        place: Any = row
        keys = list(row)
        key = draw(st.sampled_from(keys))
        while isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
            key = draw(st.sampled_from(list(place) if isinstance(place, dict) else [0]))
        if draw(st.booleans()):
            place[key] = draw(values)
        else:
            del place[key]
        if not row:
            break
    return row


@st.composite
def json_files(draw: st.DrawFn, kind: str, form: str) -> bytes:
    """A file of such rows: "lines", "array" or "object"; or of one: "single"."""
    found = draw(st.lists(rows(kind), max_size=3))
    if form == "lines":
        content = "\n".join(json.dumps(row) for row in found)
    else:
        whole: Any = found if form == "array" else {f"q{n}": row for n, row in enumerate(found)}
        if form == "single":
            whole = found[0] if found else {}
        content = json.dumps(whole, indent=draw(st.sampled_from([None, 1])))
    if draw(st.integers(0, 5)) == 0:
        content = content.replace("4", "9" * 5000, 1)
    if draw(st.integers(0, 8)) == 0:
        content = content.replace('"', "[" * 3000, 1)
    data = content.encode()
    return draw(st.just(data) | damaged(data))


#: What completions are made of, and what stands in the way of their readers.
_PIECES = [
    "Answer: ", "**Answer:** ", "\\boxed{", "}", "{", "$", "$$", "\\(", "\\)", "\\[", "\\frac{1}{", "\\sqrt", "^", "_", "9^{9^{9}}",
    "2**3**4**5", "10^400", "170!!", "1e999999", "0.1", "-", "(A)", " B.", "Exact Answer: ", "Confidence: 80%", "Confidence: 1e9%",
    "<think>", "</think>", "[THINK]", "<|channel|>analysis<|message|>", "<|end|>", "#### ", "Judgment: ", "\\text{", "\\left(",
    "\\begin{pmatrix}", "&", "\\\\", "3 * 4 = 13", " = ", " < ", "\u2260", "\u221e", "\u2212", "\u00bd", "x", "x^2+", "sin(", "log_", ",", ";",
    ")", "[1, 2)", "]", "{1, 2}", "|", "\n", "\n\n", " ", "\t", "\r", "\x00", "\x1b[2J", "\u202e", "\u2028", "\ud800", "\u6570\u5b66", "\uff14", "\U0001f600",
    "I cannot help with that.", "and so on ", "```python\nimport os\n```", "<script>alert(1)</script>", "A. 1\nB. 2\nC. 3\n", "%", "5 km", "the",
]  # fmt: skip
_piece = st.sampled_from(_PIECES) | text
completions = st.builds(
    lambda pieces, repeated, times: "".join(pieces) + repeated * times,
    st.lists(_piece, max_size=20),
    _piece,
    st.sampled_from([0, 0, 0, 1, 50, 2000]),
)

replies = st.builds(
    lambda reply, cut: json.dumps(reply).encode()[: None if cut < 0 else cut],
    st.fixed_dictionaries(
        {},
        optional={
            "choices": values
            | st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "message": values
                        | st.fixed_dictionaries(
                            {},
                            optional=dict.fromkeys(
                                ("content", "reasoning", "reasoning_content", "refusal"), values
                            ),
                        ),
                        "finish_reason": values,
                    },
                ),
                max_size=2,
            ),
            "usage": values
            | st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens"]), values),
        },
    ),
    st.integers(-20, 200),
)


#: Keys of a config.json that something here reads.
_CONFIG_KEYS = [
    "model_type", "architectures", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
    "max_position_embeddings", "rope_scaling", "rope_parameters", "text_config", "auto_map", "is_encoder_decoder", "license",
]  # fmt: skip
_rope = st.dictionaries(
    st.sampled_from(["factor", "original_max_position_embeddings", "rope_type"]), values
)
configs = st.builds(
    lambda given: {"model_type": "llama", "hidden_size": 64, **given},
    st.dictionaries(st.sampled_from(_CONFIG_KEYS), values | _rope, max_size=3),
)

_cell = (
    st.sampled_from(
        [
            "1",
            "2+2?",
            "",
            '"',
            '"x"',
            '"a\nb"',
            "\x00",
            "\x1b[2J",
            "\r",
            "é",
            "9" * 5000,
            "a" * 3000,
        ]
    )
    | text
)


@st.composite
def tables(draw: st.DrawFn, delimiter: str) -> bytes:
    """A CSV or TSV file with cells that may be anything."""
    header = delimiter.join(
        draw(st.lists(st.sampled_from("qacidsl") | _cell, min_size=1, max_size=8))
    )
    rows = draw(st.lists(st.lists(_cell, max_size=8).map(delimiter.join), max_size=4))
    data = "\n".join([header, *rows]).encode()
    return draw(st.just(data) | damaged(data))
