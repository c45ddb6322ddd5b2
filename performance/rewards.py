"""What the rewards of a completion cost, each in the process apart that has the limit of time.

    .venv/bin/python performance/rewards.py [--completions 200]

Completions of four kinds: those of the embedded study (a sentence and an answer), long reasoning (about 2,000 tokens with 60
claims), symbolic answers (an expression against one of another form), and hostile ones (20,000 characters of brackets). Peers, in the
same run on the same completions: the same rules called in this process, without a limit of time, and for answers TRL's accuracy
reward. Milliseconds of processor time a completion, both processes together, and how many answers are right (all short ones
and all symbolic ones are).
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from llmc_lib.benchmarks import skill_families  # noqa: E402
from llmc_lib.models.prompts import completion  # noqa: E402
from llmc_lib.params import RewardParams  # noqa: E402
from llmc_lib.rewards import functions, reward_functions  # noqa: E402
from llmc_lib.rewards.child import claimed, judged  # noqa: E402

Cases = list[tuple[str, str]]  # completion, reference


def _short(n: int, draw: random.Random) -> Cases:
    made = skill_families.make(draw.randrange(1000), "training")
    return [
        (completion(skill.reasoning, skill.answer, think=False), skill.answer)
        for skill, _ in zip(made, range(n), strict=False)
    ]


def _long(n: int, draw: random.Random) -> Cases:
    def one() -> tuple[str, str]:
        steps = []
        for _ in range(60):
            a, b = draw.randrange(10, 1000), draw.randrange(2, 1000)
            steps.append(f"Next we add the two numbers that we have found, so {a} + {b} = {a + b + (draw.random() < 0.1)}. "
                         "That is what the problem asks us to look at, and we go on with the next part of it.")  # fmt: skip
        return f"<think>\n{' '.join(steps)}\n</think>\n\nAnswer: {a}", str(a)

    return [one() for _ in range(n)]


def _symbolic(n: int, draw: random.Random) -> Cases:
    def one() -> tuple[str, str]:
        a, b = draw.randrange(2, 50), draw.randrange(2, 50)
        forms = f"x^2 + {a + b}x + {a * b}", rf"\frac{{\sqrt{{{4 * a}}}}}{{\sin(\pi/{b})}}"
        given = rf"(x+{a})(x+{b})", rf"\frac{{2\sqrt{{{a}}}}}{{\sin(\pi/{b})}}"
        which = draw.randrange(2)
        return rf"So we get $\boxed{{{given[which]}}}$", forms[which]

    return [one() for _ in range(n)]


def _hostile(n: int, draw: random.Random) -> Cases:
    return [
        ("Answer: " + draw.choice(("(", "9^", "\\frac{", "1 + ")) * 10_000, "4") for _ in range(n)
    ]


def _seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measured(name: str, cases: Cases, apart: bool) -> float:
    """Milliseconds a completion."""
    begun = time.process_time()
    if not apart:
        work: Callable[[str, str], object] = (
            (lambda text, reference: judged(text, "", reference, False))
            if name == "answer"
            else (lambda text, reference: claimed(text))
        )
        for text, reference in cases:
            work(text, reference)
        return 1000 * (time.process_time() - begun) / len(cases)
    process = functions._process(30.0)
    other = process._process
    before = _seconds(other.pid) if other else 0.0
    for text, reference in cases:
        if name == "answer":
            process.call("judged", response=text, question="", reference=reference, multiple_choice=False)  # fmt: skip
        else:
            process.call("claimed", text=text)
    assert process._process is not None
    spent = time.process_time() - begun + _seconds(process._process.pid) - before
    return 1000 * spent / len(cases)


def _trl(cases: Cases) -> tuple[float, int]:
    """The same by TRL's accuracy reward, and how many it finds right."""
    from trl.rewards import accuracy_reward

    texts = [[{"role": "assistant", "content": text}] for text, _ in cases]
    references = [f"${reference}$" for _, reference in cases]  # it reads LaTeX alone
    accuracy_reward(texts[:3], references[:3])
    begun = time.process_time()
    found = accuracy_reward(texts, references)
    return 1000 * (time.process_time() - begun) / len(cases), sum(value == 1 for value in found)


def _right(cases: Cases) -> int:
    return sum(judged(text, "", reference, False)["right"] is True for text, reference in cases)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--completions", type=int, default=200)
    n = parser.parse_args().completions
    begun = time.monotonic()
    reward_functions(RewardParams(claims=1.0))
    functions._process(30.0).call("claimed", text="1 + 1 = 2")
    print(f"start of the process apart: {time.monotonic() - begun:.1f} s, once")
    print("completions      reward   apart, ms   here, ms   TRL, ms   right   by TRL")
    for kind, make in (
        ("short", _short),
        ("long", _long),
        ("symbolic", _symbolic),
        ("hostile", _hostile),
    ):
        cases = make(n if kind != "hostile" else max(8, n // 10), random.Random(0))
        for name in ("answer", "claims"):
            _measured(name, cases[:3], False)  # warm
            _measured(name, cases[:3], True)
            times = [_measured(name, cases, apart) for apart in (True, False)]
            line = f"{kind:16} {name:8} {times[0]:9.2f} {times[1]:10.2f}"
            if name == "answer" and kind != "hostile":
                spent, right = _trl(cases)
                line += f" {spent:9.2f} {_right(cases):7} {right:8}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
