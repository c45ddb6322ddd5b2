"""Final answers and their grading: what models really write, what nobody should have to grade, and hostile texts."""

from __future__ import annotations

import threading
import time
import unittest

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmc_lib import answers, question_bank
from llmc_lib.evaluation.grading import grade
from llmc_lib.models.prompts import split_reasoning
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Grade, Prediction, Question

KIDNEY = (
    "Which organ filters the blood to form urine?\n\nAnswer Choices:\n"
    "A. Stomach\nB. Spleen\nC. Kidney\nD. Bladder"
)
EMBEDDED = question_bank.load(BenchmarkParams(name="hle"))


def _question(answer: str, text: str = "How many?", kind: str = "exactMatch") -> Question:
    return Question("q", "hle", text, answer, kind, "Math", "")


def _grade(question: Question, text: str, finish: str = "stop") -> Grade:
    return grade(question, Prediction("q", 0, *split_reasoning(text), finish, 1, 1, 0.1, ""))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Answer: C", "correct"),
        ("answer: c", "correct"),
        ("**Answer:** C", "correct"),
        ("**Answer**: **C**", "correct"),
        ("Answer:\nC", "correct"),
        ("Final Answer: (C)", "correct"),
        ("The correct answer is (C).", "correct"),
        ("The correct answer is **C) Kidney**.", "correct"),
        ("The right choice is C, since the kidney makes urine.", "correct"),
        ("C) Kidney", "correct"),
        ("C. Kidney", "correct"),
        ("C", "correct"),
        ("(C)", "correct"),
        ("**C**", "correct"),
        ("$\\boxed{C}$", "correct"),
        ("\\boxed{\\text{C}}", "correct"),
        ("So we get \\boxed{\\text{(C) Kidney}}.", "correct"),
        ("Explanation: The kidney.\nAnswer: C\nConfidence: 95%", "correct"),
        ("**Answer: (C)**\n\n**Confidence: 95%**", "correct"),
        ("Answer: C (Confidence: 95%)", "correct"),
        ("Answer:\n\n**C**\n\nConfidence: 95%", "correct"),
        ("Answer:\n$$\\boxed{C}$$", "correct"),
        ("### Final Answer\n\nC. Kidney\n\n### Confidence\n\n95%", "correct"),
        ("<answer>C</answer>", "correct"),
        ('{"answer": "C", "confidence": 95}', "correct"),
        ('{"confidence": 95, "answer": "C"}', "correct"),
        ("\\boxed{\\textbf{(C)}}", "correct"),
        ("Answer: Choice (C)", "correct"),
        ("Answer: The correct choice is C", "correct"),
        ("Therefore, option C is correct.", "correct"),
        ("So **C** is the best answer.", "correct"),
        ("Option A is correct in saying so, but C is best.", "ungraded"),
        ("Option C is not correct.", "ungraded"),
        ("Confidence: 95%", "ungraded"),
        ("Answer: Kidney", "correct"),
        ("Answer: The kidney.", "correct"),
        ("Kidney", "correct"),
        ("Answer: Kidney (C)", "correct"),
        ("Answer: Option C", "correct"),
        ("Answer: C. Kidney. It filters the blood.", "correct"),
        ("Answer: C because the kidney forms urine", "correct"),
        ("Answer: A\nWait, that is wrong.\nAnswer: C", "correct"),
        ("<think>A? No, the kidney.</think>\n\nAnswer: C", "correct"),
        ("A? No, the kidney.</think>\n\nAnswer: C", "correct"),
        ("Answer: A", "incorrect"),
        ("Answer: C\nAnswer: D", "incorrect"),
        ("Answer: B, as the spleen filters blood", "incorrect"),
        ("The answer is D. Bladder.", "incorrect"),
        ("A. Stomach\nB. Spleen\nC. Kidney\nD. Bladder", "ungraded"),
        ("Answer: None of the above", "ungraded"),
        ("Answer: C\n\nAnswer: None of the above", "ungraded"),
        ("Answer: B or C", "ungraded"),
        ("Answer: C and D", "ungraded"),
        ("Answer: C, D", "ungraded"),
        ("Answer: C/D", "ungraded"),
        ("Answer: not C", "ungraded"),
        ("Answer: C. Bladder", "ungraded"),
        ("The correct answer is not C.", "ungraded"),
        ("An incorrect answer: C", "ungraded"),
        ("The wrong answer is C.", "ungraded"),
        ("C. Kidney is not the organ.", "ungraded"),
        ("C is a nice letter to begin a poem with.", "ungraded"),
        ("A kidney is an organ that everybody has two of.", "ungraded"),
        ("The organ filters blood.", "ungraded"),
        ("Answer: E", "ungraded"),
        ("Answer: C++", "ungraded"),
        ("<think>It is surely C. Answer: C", "ungraded"),
        ("", "ungraded"),
        (" \n\t ", "ungraded"),
        ("...!?", "ungraded"),
        ("\\boxed{}", "ungraded"),
        ("Answer:", "ungraded"),
    ],
)
def test_multiple_choice_as_models_write_it(text: str, status: str) -> None:
    assert _grade(_question("C", KIDNEY, "multipleChoice"), text).status == status


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Answer: A vein carries blood.", "ungraded"),
        ("Answer: A vein", "incorrect"),
        ("Answer: A artery", "correct"),
        ("Answer: An artery", "correct"),
        ("Answer: A because arteries lead away", "correct"),
        ("Answer: A - Artery", "correct"),
        ("A vessel that leads away from the heart.", "ungraded"),
    ],
)
def test_the_article_is_not_choice_a(text: str, status: str) -> None:
    question = "Which vessel?\n\nAnswer Choices:\nA. Artery\nB. Vein\nC. Venule"
    assert _grade(_question("A", question, "multipleChoice"), text).status == status


@pytest.mark.parametrize(
    ("reference", "text", "status"),
    [
        ("206", "Answer: 206", "correct"),
        ("206", "Answer: 206 bones", "correct"),
        ("206", "**Answer:** 206.", "correct"),
        ("206", "The answer is 206 because 80 + 126 = 206.", "correct"),
        ("206", "Answer: 206. This is the sum of 80 and 126.", "correct"),
        ("206", "There are 206 bones in the skeleton.", "correct"),
        ("206", "Answer: 80 + 126 = 206", "correct"),
        ("206", "Answer: 206 or 207", "incorrect"),
        ("206", "Answer: between 205 and 206", "incorrect"),
        ("206", "Answer: not 206", "incorrect"),
        ("206", "Answer: 206–213", "incorrect"),
        ("206", "Answer: > 206", "incorrect"),
        ("206", "Answer: 206!", "incorrect"),
        ("206", "It is not 206.", "ungraded"),
        ("206", "I can't say whether it is 206.", "ungraded"),
        ("206", "There are 206 or 207 bones.", "ungraded"),
        ("2500", "Answer: 2,500", "correct"),
        ("2500", "Answer: $2{,}500$ ", "correct"),
        ("2500", "Answer: 2500.0", "correct"),
        ("2500", "Answer: 25 hundred", "incorrect"),
        ("5", "Answer: 5 million", "incorrect"),
        ("5", "Answer: 5x", "incorrect"),
        ("5", "Answer: 5i", "incorrect"),
        ("5", "Answer: 5\\pi", "incorrect"),
        ("5", "Answer: 5²", "incorrect"),
        ("52", "Answer: 5²", "incorrect"),
        ("25", "Answer: 5²", "correct"),
        ("5", "Answer: 5 cm", "correct"),
        ("5", "Answer: 5 \\text{ cm}", "correct"),
        ("5", "Answer: 5 km/h", "correct"),
        ("5", "Answer: −5", "incorrect"),
        ("5", "Answer: –5", "incorrect"),
        ("5", "We find x = −5", "incorrect"),
        ("-5", "Answer: −5", "correct"),
        ("-5", "Answer: –5", "correct"),
        ("50", "Answer: 50%", "correct"),
        ("50", "Answer: 50\\%", "correct"),
        ("50", "Answer: 50 percent", "correct"),
        ("1/2", "Answer: 50%", "correct"),
        ("1/2", "Answer: 0.5", "correct"),
        ("1/2", "Answer: \\frac{1}{2}", "correct"),
        ("1/2", "Answer: $\\dfrac{3}{6}$", "correct"),
        ("1/2", "Answer: ½", "correct"),
        ("1/2", "\\boxed{\\frac{1}{2}}", "correct"),
        ("1/2", "The probability is 1/2.", "correct"),
        ("1/2", "\\(\\boxed{\\frac{\\sqrt{4}}{4}}\\)", "correct"),
        ("1/2", "Answer: -1/2", "incorrect"),
        ("1/2", "Answer: 1/3 or 1/2", "incorrect"),
        ("1/2", "Answer: x > 1/2", "incorrect"),
        ("2", "The odds are 2/2.", "incorrect"),
        ("0.75", "Answer: 3/4", "correct"),
        ("0.75", "Answer: .75", "correct"),
        ("0.75", "Answer: 0.7500001", "correct"),
        ("0.75", "Answer: 0.76", "incorrect"),
        ("3.1416", "Answer: 3.14159", "correct"),
        ("3.1416", "Answer: 3.14", "incorrect"),
        ("1945", "Answer: 1945.3", "incorrect"),
        ("1.6e-19", "Answer: 9.1e-31", "incorrect"),
        ("1.6e-19", "Answer: 0", "incorrect"),
        ("0", "Answer: 1e-9", "incorrect"),
        ("femur", "Answer: the femur", "correct"),
        ("femur", "Answer: Femur (thigh bone)", "correct"),
        ("femur", "Answer: tibia", "incorrect"),
        ("femur", "Answer: not the femur", "incorrect"),
        ("Turing", "Answer: Alan Turing", "correct"),
        ("Turing", "Answer: Alan M. Turing", "correct"),
        ("Turing", "Answer: Alan Turing proposed it", "incorrect"),
        ("Kant", "Answer: Hume or Kant", "incorrect"),
        ("Kant", "Answer: Schopenhauer, Kant", "incorrect"),
        ("Africa", "Answer: South Africa", "incorrect"),
        ("forte", "Answer: mezzo forte", "incorrect"),
        ("42", "Explanation: It is.\nExact Answer: 42\nConfidence: 85%", "correct"),
        ("42", "**Exact Answer**: $42$\n**Confidence**: 0.9", "correct"),
        ("42", "Exact Answer:\n42\n\nConfidence: 85", "correct"),
        ("42", "Answer: 42, Confidence: 85%", "correct"),
        ("42", "So we get 42.\n\nConfidence: 99%", "correct"),
        ("99", "So we get 42.\n\nConfidence: 99%", "incorrect"),
        ("42", "### Final Answer\n\n42\n\n### Confidence\n\n90%", "correct"),
        ("42", "Thus the answer is\n\n$$42.$$", "correct"),
        ("1/2", "Exact Answer:\n\n$$\n\\frac{1}{2}\n$$\n\nConfidence: 90%", "correct"),
        ("1/2", "Exact Answer:\n\\[\n\\boxed{\\dfrac{1}{2}}\n\\]", "correct"),
        ("1/2", "**Answer**\n\nWe halve it:\n\n\\boxed{\\frac12}", "correct"),
        ("1234567", "Answer: 1 234 567", "correct"),
        ("1234567", "Answer: $1\\,234\\,567$", "correct"),
        ("1234567", "Answer: 1234568", "incorrect"),
        ("123456789012", "Answer: 123456789013", "incorrect"),
        ("12", "Answer: 1 2", "incorrect"),
        ("6.022e23", "Answer: $6.022 \\times 10^{23}$", "correct"),
        ("6.022 \\times 10^{23}", "Answer: 6.022e23", "correct"),
        ("6.022e23", "Answer: 6.022 × 10²²", "incorrect"),
        ("1e-5", "Answer: $10^{-5}$", "correct"),
        ("0.25", "Answer: 25%", "correct"),
        ("0.25", "Answer: 0.25%", "incorrect"),
        ("n odd", "Answer: n even", "incorrect"),
        ("5 m/s", "Answer: $5.0\\,\\mathrm{m/s}$", "correct"),
        ("5 m/s", "Answer: 5 km/s", "incorrect"),
        ("5 mW", "Answer: 5 MW", "incorrect"),
        ("H2O", "Answer: $\\mathrm{H_2O}$", "correct"),
        ("H2O2", "Answer: $\\mathrm{H_2O}$", "incorrect"),
        ("\\infty", "Answer: ∞", "correct"),
        ("hydrogen peroxide", "Answer: hydrogen peroxide (H2O2)", "correct"),
        ("hydrogen peroxide", "Answer: hydrogen peroxide (or water)", "incorrect"),
        ("yes", "Answer: Yes (but only if n > 2)", "incorrect"),
        ("f", "Answer: f(x)", "incorrect"),
        ("Au", "The symbol of gold is Au.", "correct"),
        ("Au", "The symbol of gold is not Au.", "ungraded"),
        ("Au", "<think>Au. Answer: Au", "ungraded"),
        ("Au", "", "ungraded"),
        ("Au", "\n \n", "ungraded"),
        ("Au", "...", "ungraded"),
        ("Au", "\\boxed{}", "ungraded"),
        ("Au", "I like long walks on the beach and metals too", "ungraded"),
    ],
)
def test_exact_answers_as_models_write_them(reference: str, text: str, status: str) -> None:
    assert _grade(_question(reference), text).status == status


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("Confidence: 85%", 85),
        ("**Confidence:** 85%", 85),
        ("**Confidence: 85%**", 85),
        ("Confidence score: 0.85", 85),
        ("confidence (0-100%): 85%", 85),
        ("Confidence：85%", 85),
        ("Confidence: ~90%", 90),
        ("Confidence: High (90%)", 90),
        ("Confidence Level: 7/10", 70),
        ("Confidence: 90/100", 90),
        ("Confidence: $95\\%$", 95),
        ("Confidence: {85%}", 85),
        ("### Confidence\n\n92%", 92),
        ("Confidence:\n**92%**", 92),
        ("Confidence: 99.9%", 99.9),
        ("Confidence: about 85 percent", 85),
        ("I'm 70% confident.", 70),
        ("My confidence is 60%", 60),
        ("Confidence: 0", 0),
        ("Confidence: 1%", 1),
        ("Confidence: 1.0", 100),
        ("Confidence: 50%\nOn reflection.\nConfidence: 60%", 60),
        ("Confidence: 1", None),  # one percent, or all of it?
        ("Confidence: 150%", None),
        ("Confidence: 80-90%", None),
        ("Confidence: 80% to 90%", None),
        ("Confidence: high", None),
        ("Confidence: <1%", None),
        ("a 95% confidence interval of 3 to 5", None),
        ("A confidence level of 95% was used.", None),
        ("I lack confidence.\n95 of them are red.", None),
        ("", None),
        ("Answer: 85", None),
        ("Confidence: \\boxed{95\\%}", 95),
        ("\\text{Confidence: } 95\\%", 95),
        ("Confidence: \\text{95\\%}", 95),
        ("Confidence: ninety-five percent", 95),
        ("I am eighty percent sure.", 80),
        ("Confidence: one hundred percent", 100),
        ("My confidence is 90 out of 100", 90),
        ("自信度：90%", 90),
        ("確信度: ９０％", 90),
        ("信頼度は85パーセントです。", 85),
        ("確信度：九十五パーセント", 95),
        ("80%の自信があります。", 80),
        ("自信度：80～90%", None),
        ("自信があります。", None),
        ("**Confidence:** \\(90\\%\\)", 90),
        ("Confidence [0-100]: 80", 80),
        ("Confidence - 80%", 80),
        ("confidence_score: 0.8", 80),
        ("Certainty: 80%", 80),
        ("信頼度 80%", 80),
        ("Confidence: 5/7", None),  # of what?
        ("Confidence: seventy five percent", 75),
    ],
)
def test_the_confidence_that_a_response_states(text: str, confidence: float | None) -> None:
    assert answers.stated_confidence(text) == confidence
    for question in (_question("4"), _question("C", KIDNEY, "multipleChoice")):
        assert _grade(question, f"Answer: 4\n{text}").confidence == confidence


def test_without_a_list_of_choices_a_letter_alone_is_what_can_be_told() -> None:
    question = _question("C", "Which of (A), (B) and (C) is it?", "multipleChoice")
    assert _grade(question, "Answer: C").status == "correct"
    assert _grade(question, "\\boxed{\\text{B}}").status == "incorrect"
    assert _grade(question, "Answer: Kidney").status == "ungraded"
    assert _grade(question, "C. Kidney, as it filters").status == "ungraded"


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("9^{9^{9^9}}", "9^{9^{9^8}}"),
        ("10^{10^{10}}", "10^{10^{10}}+1"),
        ("(99999999)!", "(99999998)!"),
        ("\\sum_{n=1}^\\infty \\frac{1}{n^2}", "\\int_0^1 \\frac{\\ln x}{x-1} dx"),
    ],
)
def test_mathematics_beyond_the_limits_is_not_decided(answer: str, reference: str) -> None:
    found = _grade(_question(reference), f"\\boxed{{{answer}}}")
    assert found.status != "correct"
    if answer[0] != "\\":
        assert answers.compare(answer, reference) is None
        assert (found.status, found.rule) == ("ungraded", "not comparable")
    assert answers.compare(answer, answer) is True


def test_a_number_of_the_question_is_not_the_answer() -> None:
    question = _question("7", "What is 7 times 6?")
    assert _grade(question, "You asked what 7 times 6 makes").status != "correct"


@pytest.mark.parametrize(
    ("finish", "status", "rule"), [("length", "incorrect", "truncated"), ("failed", "ungraded", "failed")]
)  # fmt: skip
@pytest.mark.parametrize("text", ["Answer: 5", "", "<think>"])
def test_an_unfinished_completion_is_never_correct(
    finish: str, status: str, rule: str, text: str
) -> None:
    found = _grade(_question("5"), text, finish)
    assert (found.status, found.rule) == (status, rule)


@pytest.mark.parametrize("question", EMBEDDED, ids=lambda q: q.id)
def test_every_embedded_question_is_gradable(question: Question) -> None:
    for text in (f"Answer: {question.answer}", f"<think>Hm.</think>\n\nAnswer: {question.answer}."):
        assert _grade(question, text).status == "correct"
    if question.answer_type == "multipleChoice":
        for letter, option in answers.options(question.question).items():
            wanted = "correct" if letter == question.answer else "incorrect"
            assert _grade(question, f"Answer: {letter}").status == wanted
            assert _grade(question, f"Answer: {letter}. {option}").status == wanted


@pytest.mark.slow
@given(st.text(st.characters(exclude_categories=[]), max_size=300))
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_raises(text: str) -> None:
    for reference in ("7/13", "xylophonist"):
        for response in (text, f"Answer: {text}", f"\\boxed{{{text}}}"):
            assert _grade(_question(reference), response).status != "correct"
    _grade(_question("C", KIDNEY, "multipleChoice"), f"Answer: {text}")


@given(st.text("0123456789.,+-*/^!(){}\\ =xei%$√²frac", max_size=40))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_no_formula_raises(text: str) -> None:
    _grade(_question("7/13"), f"Answer: {text}")


HOSTILE = {
    "a million letters": "a" * 1_000_000,
    "a million spaces": " " * 1_000_000 + "x",
    "a million lines": "Answer: \n" * 150_000,
    "digits": "9" * 10_000,
    "tower": "9^{9^{9^9}}",
    "python tower": "10**10**10",
    "bracketed tower": "((9^{999})^{999})^{999}",
    "long exponent": "99^{999999999}",
    "factorial": "999999999!",
    "factorial of a bracket": "(99999999)!",
    "binomial": "\\binom{99999999}{50000000}",
    "gamma": "\\Gamma(999999999)",
    "sum": "\\sum_{n=1}^{99999999} \\frac{1}{n^{n}}",
    "braces": "{" * 2_000 + "}" * 2_000,
    "brackets": "(" * 90 + "1" + ")" * 90,
    "boxes": "\\boxed{" * 600,
    "nested boxes": "\\boxed{" * 100 + "1" + "}" * 100,
    "equals": "=" * 199,
    "is is is": "is " * 60 + "=",
    "answers": "answer is " * 400,
    "stars": "*" * 4_000,
    "commas": "1" + ",111" * 1_000 + "x",
    "exponent": "1e99999999999",
    "nan": "nan",
    "zero": "1/0",
    "roots": "\\sqrt{" * 30 + "2" + "}" * 30,
    "null": "\x00" * 500,
    "surrogates": "\ud800" * 500,
    "combining": "é" + "\u0301" * 3_000,
    "backslashes": "\\" * 3_000,
    "newlines": "\n" * 1_000_000,
    "confidences": "confidence: " * 400,
    "headings": "\n# Answer\n" * 400,
    "displays": "\n$$" * 1_300,
    "tags": "<answer>" * 500,
    "thousands": "1\\,111" * 600,
    "terminal escapes": "\x1b[2J\x1b]0;title\x07" * 300,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("frame", ["{}", "Answer: {}", "The answer is {}", "\\boxed{{{}}}"])
def test_hostile_texts_cost_little(name: str, frame: str) -> None:
    text = frame.replace("{{{}}}", "{" + HOSTILE[name] + "}").replace("{}", HOSTILE[name], 1)
    start = time.process_time()
    statuses = {
        _grade(_question("7/13"), text).status,
        _grade(_question("C", KIDNEY, "multipleChoice"), text).status,
    }
    assert "correct" not in statuses
    assert time.process_time() - start < 10


def test_an_infinite_reference_equals_no_number() -> None:
    assert not answers.same("5", "1e999")
    assert not answers.same("9" * 5_000, "1e999")


def test_another_thread_grades_alike() -> None:
    texts = ["\\frac{1}{2}", "0.5", "2/4", "1/3", "\\frac{\\sqrt{4}}{4}", "9^{9^{9^9}}", "?"]
    expected = [answers.same(answer, "1/2") for answer in texts]
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.extend(answers.same(a, "1/2") for a in texts))
    thread.start()
    thread.join(30)
    assert found == expected == [True, True, True, False, True, False, False]


def test_the_mathematics_of_the_last_resort_is_limited_in_time() -> None:
    start = time.monotonic()
    with unittest.TestCase().assertNoLogs():
        assert not answers.same("\\gamma(999999)", "1/2")
    assert time.monotonic() - start < 10


def test_choices_that_differ_in_capitals_are_told_apart() -> None:
    question = "Which?\n\nAnswer Choices:\nA. 5 mW\nB. 5 MW\nC. 6 W"
    assert _grade(_question("B", question, "multipleChoice"), "Answer: 5 MW").status == "correct"
    assert _grade(_question("B", question, "multipleChoice"), "Answer: 5 mW").status == "incorrect"
    question = "Which?\n\nAnswer Choices:\nA. 5 W\nB. 5.0 W\nC. 6 W"
    assert _grade(_question("B", question, "multipleChoice"), "Answer: 5.00 W").status == "ungraded"


def test_a_letter_is_a_letter_though_another_choice_reads_so() -> None:
    question = "Which vitamin?\n\nAnswer Choices:\nA. B\nB. A\nC. C"
    assert _grade(_question("A", question, "multipleChoice"), "Answer: A").status == "correct"


@pytest.mark.parametrize(
    ("question", "answer", "reference", "restates"),
    [
        ("What is 2 + 8?", "2+8", "10", True),
        (
            "Find $\\sin\\frac{11\\pi}{3}$.",
            "$\\sin \\frac{11\\pi}{3}$",
            "-\\frac{\\sqrt{3}}{2}",
            True,
        ),
        ("Simplify $(2x^3)^3$.", "(2x^3)^3", "8x^9", True),
        ("Which is larger, 3/4 or 5/7?", "3/4", "3/4", False),  # what was asked for
        ("What is 2 + 8?", "10", "10", False),
        ("Is 10 even?", "10", "10.0", False),  # a number is no expression
    ],
)
def test_an_expression_of_the_question_is_no_answer(
    question: str, answer: str, reference: str, restates: bool
) -> None:
    assert answers.restates(answer, question, reference) == restates
    status = _grade(_question(reference, question), f"Answer: {answer}").status
    assert status == ("ungraded" if restates else "correct")


@pytest.mark.slow
@pytest.mark.parametrize("term", ["x^2+", "i+j+", "2(1,2)+"])
def test_a_sum_of_hundreds_of_terms_is_no_crash(term: str) -> None:
    assert answers.compare(term * 300 + "1", "x^2+C") is not True
