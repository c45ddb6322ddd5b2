"""Claims: on real answers at least 99.8% of what the rules call correct is, and 98% of what is correct is called so; of
near misses at most one in a thousand is; of rewrites that keep the meaning of a reference 97% are. And: 2,158
completions of 8,000 characters, hostile ones among them, take about 3 ms of processor time each, and no single answer
can hang it.

    .venv/bin/python -m performance.grading                                  # the speed
    .venv/bin/python -m performance.grading --real FOLDER                    # precision and recall, by kind
    .venv/bin/python -m performance.grading --real FOLDER --peer             # the same of math-verify
    .venv/bin/python -m performance.grading --labels annotated_responses.csv # Do-Not-Answer, against people

The completions are made from a fixed seed: prose with formulas in the vocabulary of the embedded data, and
at its end an answer in one of the forms that models write, right or wrong. A quarter is multiple choice, as
in HLE; the others are numbers, LaTeX and text. One in a hundred is hostile. Then again with four answers on
which a process really hangs, each of which costs its whole time limit and a new process.

FOLDER has the data of `answer_sets`: answers of models with labels, solutions by people, and references, which are
written in other ways and changed into near misses; beside them are the inputs of the tests. `--show N` prints N
disagreements of each kind. For another version of the rules, copy this file and answer_sets.py into its checkout.

The labels are those of Do-Not-Answer (Wang et al. 2023): responses of six models to 313 instructions. The
rules were developed on the instructions of one half, by a hash of the id; what is printed is the other half.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from itertools import repeat
from pathlib import Path

from llmc_lib.evaluation.grading import grade, grade_all, harm
from llmc_lib.processes import limited
from llmc_lib.records import Grade, Prediction, Question
from performance import answer_sets
from performance.answer_sets import Case

PROCESSES = 2
ANSWERS = 2_158
CHARACTERS = 8_000
PACKAGE = Path(__file__).parents[1] / "llmc_lib"
LABELLED = ("GPT4", "ChatGPT", "Claude", "ChatGLM2", "llama2-7b-chat", "vicuna-7b")

Pair = tuple[Question, Prediction]

FORMS = (
    "Explanation: {prose}\nExact Answer: {answer}\nConfidence: 85%",
    "**Explanation:** {prose}\n\n**Answer:** {answer}\n\n**Confidence:** 0.6",
    "{prose}\n\nAnswer: {answer}",
    "{prose}\n\nThe final answer is $\\boxed{{{answer}}}$.",
    "{prose}\n\nTherefore, the answer is **{answer}**.",
    "{prose}\n\n### Final Answer\n\n{answer}\n\nConfidence: 95%",
    "{prose}\n\nI am not certain how to go on from here.",
)
CHOICES = "Which one?\n\nAnswer Choices:\nA. Copper\nB. Iron\nC. Zinc\nD. Gold\nE. Silver"
NUMBERS = [("1234567", "1,234,567"), ("0.75", "3/4"), ("206", "206 bones"), ("6.02e23", "6.02 \\times 10^{23}")]  # fmt: skip
LATEX = [
    ("\\frac{\\sqrt{3}}{2}", "\\dfrac{\\sqrt3}{2}"),
    ("x^2-1", "(x-1)(x+1)"),
    ("\\frac{\\pi^2}{6}", "\\pi^2/6"),
    ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}"),
    ("\\ln 4", "2\\ln 2"),
    ("(1,2]", "(1, 2]"),
    ("2\\sqrt{3}+1", "1+\\sqrt{12}"),
]
TEXT = [("Alan Turing", "Alan M. Turing"), ("femur", "the femur"), ("hydrogen peroxide", "hydrogen peroxide (H2O2)")]  # fmt: skip
HOSTILE = [
    "9^{9^{9^9}}", "10**10**10", "((9^{999})^{999})^{999}", "99^{999999999}", "(99999999)!", "\\binom{99999999}{50000000}",
    "\\sum_{n=1}^{99999999} \\frac{1}{n^{n}}", "\\gamma(999999)", "\\sqrt{" * 30 + "2" + "}" * 30, "(" * 900 + "1" + ")" * 900,
    "\\frac{" * 100, "9" * 6_000, "1" + ",111" * 1_500, "\x00" * 500, "\ud800" * 500, "\x1b[2J" * 500, "a" * 7_000, "{" * 3_000,
    "x^{99}y^{99}-(x+y)^{99}", "(x+1)^{999}", "\\int_0^\\infty e^{-x^2} dx", "=" * 3_000,
]  # fmt: skip


# ---- the speed -------------------------------------------------------------------------------


def vocabulary() -> list[str]:
    """The words of the embedded data as they are, so with their frequencies."""
    lines = (PACKAGE / "benchmarks" / "hle_mini.jsonl").read_text(encoding="utf-8").splitlines()
    return " ".join(json.loads(line)["rationale"] for line in lines).split()


def pairs(count: int) -> list[Pair]:
    """Questions with completions of `CHARACTERS` characters; of each kind the same share everywhere."""
    rng = random.Random(0)
    words = vocabulary()
    found = []
    for number in range(count):
        kind = number % 100
        if kind < 25:
            question, reference, right = CHOICES, "C", rng.choice(["C", "(C)", "C. Zinc"])
        else:
            pool = NUMBERS if kind < 55 else LATEX if kind < 85 else TEXT
            question = "What is it?"
            reference, right = rng.choice(pool)
        wrong = "B" if kind < 25 else rng.choice(pool)[1]
        answer = right if rng.random() < 0.5 else wrong
        if kind == 99:
            answer = HOSTILE[number // 100 % len(HOSTILE)]
        form = rng.choice(FORMS)
        # A text takes at least one character a word.
        prose = " ".join(rng.choices(words, k=CHARACTERS))
        room = CHARACTERS - len(form.format(prose="", answer=answer))
        response = form.format(prose=prose[: max(room, 0)], answer=answer)
        answer_type = "multipleChoice" if kind < 25 else "exactMatch"
        found.append(
            (
                Question(str(number), "hle", question, reference, answer_type, "Math", ""),
                Prediction(str(number), 0, "", response, "stop", 1, 1, 0.0, ""),
            )
        )
    return found


def hang_or_grade(pair: Pair) -> Grade:
    """As `grade`, but one in five hundred hangs in C code that hears no signal."""
    if int(pair[0].id) % 500 == 499:
        deque(repeat(0), maxlen=0)
    return grade(*pair)


def speed(count: int) -> None:
    made = pairs(count)
    print(f"{count} completions of {CHARACTERS} characters, {PROCESSES} processes")
    start = time.monotonic()
    grades = grade_all(made, processes=PROCESSES)
    seconds = time.monotonic() - start
    statuses = Counter(grade.status for grade in grades)
    rules = Counter(grade.rule for grade in grades)
    print(f"graded in {seconds:.1f} s ({count / seconds:.0f}/s): {dict(statuses)}")
    print(f"by rule: {dict(rules)}")
    times = sorted(timed(made))
    slowest = ", ".join(f"{ms:.0f} ms ({answer!r:.40})" for ms, answer in times[:-4:-1])
    mean = sum(ms for ms, _ in times) / count
    print(
        f"in one process: mean {mean:.2f}, median {times[count // 2][0]:.2f} ms, slowest {slowest}"
    )
    start = time.monotonic()
    outcomes = list(
        limited.each(
            hang_or_grade,
            made,
            seconds=5,
            memory_gib=4,
            processes=PROCESSES,
            modules=["llmc_lib.answers"],
        )
    )
    gone = Counter(o.reason for o in outcomes if isinstance(o, limited.Gone))
    print(f"with hanging ones, 5 s each: {time.monotonic() - start:.1f} s, {dict(gone)}")


def timed(made: Iterable[Pair]) -> list[tuple[float, str]]:
    """Milliseconds of processor time that each takes here, and the end of its response."""
    found = []
    for question, prediction in made:
        start = time.process_time()
        grade(question, prediction)
        found.append((1000 * (time.process_time() - start), prediction.response[-60:]))
    return found


# ---- precision and recall --------------------------------------------------------------------


def by_rules(case: Case) -> bool:
    prediction = Prediction(case.question.id, 0, "", case.response, "stop", 1, 1, 0.0, "")
    return grade(case.question, prediction).status == "correct"


def by_math_verify(case: Case) -> bool:
    """As its README has it. The reference is given between the marks of mathematics, where it has none."""
    from math_verify import parse, verify

    reference = case.question.answer
    gold = parse(reference if "$" in reference else f"${reference}$")
    return bool(gold) and bool(verify(gold, parse(case.response)))


def real(folder: Path, verdict: Callable[[Case], bool], every: int, show: int) -> None:
    """A row for each kind: how many are right and wrong, and how many of each are called correct."""
    print(
        "| kind | right | called correct | recall | wrong | called correct | precision | ms each |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    disagreements: dict[str, list[Case]] = {}
    for kind, cases in itertools.groupby(answer_sets.all_cases(folder), key=lambda case: case.kind):
        listed = list(cases)[::every]
        start = time.process_time()
        called = [verdict(case) for case in listed]
        each = 1000 * (time.process_time() - start) / len(listed)
        counts = Counter((case.right, yes) for case, yes in zip(listed, called, strict=True))
        hits, missed, credited = counts[True, True], counts[True, False], counts[False, True]
        right, wrong = hits + missed, credited + counts[False, False]
        recall = f"{hits / right:.4f}" if right else "–"
        precision = (
            f"{hits / (hits + credited):.4f}" if hits else f"{1 - credited / wrong:.4f} not called"
        )
        print(
            f"| {kind} | {right} | {hits} | {recall} | {wrong} | {credited} | {precision} | {each:.2f} |"
        )
        disagreements[kind] = [
            case for case, yes in zip(listed, called, strict=True) if yes != case.right
        ]
    for kind, found in disagreements.items():
        for case in found[:show]:
            print(f"{kind}: reference {case.question.answer!r}, {case.response[-150:]!r}")


# ---- Do-Not-Answer ---------------------------------------------------------------------------


def half(id_: str) -> str:
    """Which half of the labels an instruction belongs to."""
    digest = hashlib.sha256(f"grading:{id_}".encode()).digest()
    return "develop" if digest[0] % 2 == 0 else "measure"


def labels(path: Path, which: str) -> dict[str, list[tuple[harm.Verdict, bool, int]]]:
    """Model → for each response what the rules say, and what people said: harmful, action (0 to 5)."""
    found: dict[str, list[tuple[harm.Verdict, bool, int]]] = {}
    with open(path, encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            if half(row["id"]) != which:
                continue
            for model in LABELLED:
                verdict = harm.classify(
                    row[f"{model}_response"], row["types_of_harm"], row["question"]
                )
                people = row[f"{model}_harmful"] == "1", int(row[f"{model}_action"])
                found.setdefault(model, []).append((verdict, *people))
    return found


def agreement(path: Path, which: str) -> None:
    by_model = labels(path, which)
    rows = {**by_model, "all": [row for rows in by_model.values() for row in rows]}
    print(f"the half to {which}: {len(rows['all'])} responses")
    print(
        "| model | n | harmful | called harmful | ungraded | called safe | precision | recall "
        "| not called safe | safe, not called so | action: agree | kappa (95%) |"
    )
    for model, items in rows.items():
        print(" | ".join(["|" + model, *figures(items)]) + " |")


def figures(items: list[tuple[harm.Verdict, bool, int]]) -> list[str]:
    """A row of the table. `precision` and `recall` are of the verdict harmful; ungraded is no verdict."""
    from statsmodels.stats.inter_rater import cohens_kappa

    harmful = [verdict for verdict, is_harmful, _ in items if is_harmful]
    safe = [verdict for verdict, is_harmful, _ in items if not is_harmful]
    hits, alarms = (sum(v.harmful is True for v in part) for part in (harmful, safe))
    ungraded = sum(v.harmful is None for v in harmful)
    missed = sum(v.harmful is False for v in harmful)
    not_so = sum(v.harmful is not False for v in safe)
    # Six classes of people, and "undecided" as a class of its own.
    table = [[0] * 7 for _ in range(7)]
    for verdict, _, action in items:
        ours = 6 if verdict.action is None else harm.HUMAN_CLASS[verdict.action]
        table[action][ours] += 1
    agreed = sum(table[i][i] for i in range(6))
    kappa = cohens_kappa(table)
    return [
        str(len(items)),
        str(len(harmful)),
        str(hits),
        str(ungraded),
        str(missed),
        rate(hits, hits + alarms),
        rate(hits, len(harmful)),
        rate(hits + ungraded, len(harmful)),
        rate(not_so, len(safe)),
        rate(agreed, len(items)),
        f"{kappa.kappa:.2f} ({kappa.kappa_low:.2f} to {kappa.kappa_upp:.2f})",
    ]


def rate(part: int, whole: int) -> str:
    from llmc_lib.analysis.intervals import wilson  # scipy, which the speed should not wait for

    if whole == 0:
        return "–"
    low, high = wilson(part, whole, 0.05)
    return f"{part / whole:.0%} ({low:.0%} to {high:.0%})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=ANSWERS)
    parser.add_argument("--real", type=Path, help="the folder with the sets")
    parser.add_argument("--peer", action="store_true", help="math-verify instead of the rules")
    parser.add_argument(
        "--every", type=int, default=1, help="of each kind only each so many-th case"
    )
    parser.add_argument("--show", type=int, default=0, help="disagreements to print of each kind")
    parser.add_argument("--labels", type=Path, help="annotated_responses.csv of Do-Not-Answer")
    parser.add_argument("--half", choices=("develop", "measure"), default="measure")
    options = parser.parse_args()
    if options.real:
        real(
            options.real, by_math_verify if options.peer else by_rules, options.every, options.show
        )
    elif options.labels:
        agreement(options.labels, options.half)
    else:
        speed(options.answers)
