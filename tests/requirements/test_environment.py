"""The installer: pip's settings as uv's, the CPU build of torch, one line for what is missing."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import itertools
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "cpu.txt"
UV = Path(sys.executable).parent / "uv"
NOWHERE = ["--no-index"]  # pip's settings where they lead to nothing


def _load() -> ModuleType:
    file = ROOT / "requirements" / "environment.py"
    spec = importlib.util.spec_from_file_location("llmc_requirements_environment", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environment = _load()


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """uv without this machine's settings and cache."""
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")) or name in ("TORCH_INDEX", "SSL_CERT_FILE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")


def _torch() -> str:
    """The pinned CPU version of torch."""
    found = re.search(r"^torch==(\S+\+cpu)", LOCK.read_text(), flags=re.MULTILINE)
    assert found
    return found[1]


def _wheel(folder: Path, name: str, version: str, python: str = ">=3.11") -> Path:
    """A wheel with nothing but its name in it."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        f"Requires-Python: {python}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = [
        f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in files.items()
    ]
    files[f"{info}/RECORD"] = "".join([*record, f"{info}/RECORD,,\n"])
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _index(folder: Path, *wheels: Path) -> str:
    """A simple index of these wheels; its address."""
    for wheel in wheels:
        page = folder / wheel.name.partition("-")[0] / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f'<a href="{wheel.as_uri().replace("+", "%2B")}">{wheel.name}</a>')
    return folder.as_uri()


def _uv(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([UV, *words], capture_output=True, text=True, timeout=60)


def _install(venv: Path, options: list[str], *packages: str) -> subprocess.CompletedProcess[str]:
    made = _uv("venv", "--quiet", "--python", sys.executable, venv)
    assert made.returncode == 0, made.stderr
    return _uv("pip", "install", "--no-deps", "--python", venv / "bin" / "python",
               *options, *packages)  # fmt: skip


def _version(venv: Path, package: str) -> str:
    code = f"import {package}; print({package}.__version__)"
    ran = subprocess.run(
        [venv / "bin" / "python", "-c", code], capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


# ---- pip's settings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ("", []),
        ("global.timeout='60'\nglobal.proxy='here'", []),
        ("global.find-links='/a /b'", ["--find-links", "/a", "--find-links", "/b"]),
        ("global.find-links='\\n/a\\n/b'", ["--find-links", "/a", "--find-links", "/b"]),
        ("global.index-url='file:///a'", ["--default-index", "file:///a"]),
        (
            "global.extra-index-url='file:///a file:///b'",
            ["--index", "file:///a", "--index", "file:///b",
             "--index-strategy", "unsafe-best-match"],
        ),
        ("global.no-index='true'", ["--no-index"]),
        (":env:.no-index='1'", ["--no-index"]),
        ("global.no-index='false'", []),
        ("global.index-url='file:///a'\ninstall.index-url='file:///b'",
         ["--default-index", "file:///b"]),
        ("download.index-url='file:///a'", []),
        # An environment variable beats a file, wherever pip lists it.
        (":env:.index-url='file:///e'\nglobal.index-url='file:///f'",
         ["--default-index", "file:///e"]),
        ("install.find-links='/f'\n:env:.find-links='/e'", ["--find-links", "/e"]),
        (
            ":env:.find-links='/w'\nglobal.extra-index-url='file:///x'\nglobal.index-url='file:///i'",
            ["--find-links", "/w", "--default-index", "file:///i", "--index", "file:///x",
             "--index-strategy", "unsafe-best-match"],
        ),
    ],
)  # fmt: skip
def test_uv_gets_what_pip_is_configured_with(config: str, options: list[str]) -> None:
    assert environment.uv_options(config) == options


def test_uv_trusts_the_certificates_that_pip_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "")  # so that it is put back
    monkeypatch.delenv("SSL_CERT_FILE")
    assert environment.uv_options("global.cert='/my.pem'") == []
    assert os.environ["SSL_CERT_FILE"] == "/my.pem"


@pytest.mark.slow
def test_the_settings_are_read_from_pip_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nindex-url = file:///file\nextra-index-url =\n    file:///one\n"
                        "    file:///two\n")  # fmt: skip
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    monkeypatch.setenv("PIP_INDEX_URL", "file:///variable")
    options = environment.package_sources(Path(sys.prefix))
    assert options[options.index("--default-index") + 1] == "file:///variable"
    given = itertools.pairwise(options)
    assert [value for name, value in given if name == "--index"] == ["file:///one", "file:///two"]


# ---- torch for CPUs --------------------------------------------------------------------------


def test_torch_comes_from_the_configured_sources_where_they_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _wheel(tmp_path / "wheels", "torch", _torch())
    monkeypatch.setenv("TORCH_INDEX", str(tmp_path / "unused"))
    sources = [*NOWHERE, "--find-links", str(tmp_path / "wheels")]
    assert environment.torch_source(UV, LOCK, sources) == []


@pytest.mark.slow
def test_torch_comes_from_the_folder_that_torch_index_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, venv = tmp_path / "wheels", tmp_path / "venv"
    _wheel(folder, "torch", _torch())
    monkeypatch.setenv("TORCH_INDEX", str(folder))
    options = environment.torch_source(UV, LOCK, NOWHERE)
    assert options == ["--find-links", str(folder)]
    package = f"torch=={_torch()}"
    assert _install(tmp_path / "without", NOWHERE, package).returncode != 0
    ran = _install(venv, [*NOWHERE, *options], package)
    assert ran.returncode == 0, ran.stderr
    assert _version(venv, "torch") == _torch()


def test_a_torch_of_another_version_is_not_enough(tmp_path: Path) -> None:
    _wheel(tmp_path, "torch", _torch().removesuffix("+cpu"))
    _wheel(tmp_path, "torch", "1.0+cpu")
    sources = [*NOWHERE, "--find-links", str(tmp_path)]
    assert environment.torch_source(UV, LOCK, sources) == ["--torch-backend", "cpu"]


@pytest.mark.slow
@pytest.mark.parametrize("further", [False, True])
def test_an_index_for_torch_does_not_hide_other_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, further: bool
) -> None:
    made, venv = tmp_path / "made", tmp_path / "venv"
    old, new = _wheel(made, "helper", "1.0"), _wheel(made, "helper", "2.0")
    monkeypatch.setenv(
        "TORCH_INDEX", _index(tmp_path / "special", _wheel(made, "torch", _torch()), old)
    )
    config = f"global.index-url='{_index(tmp_path / 'usual', new)}'"
    if further:
        config += f"\nglobal.extra-index-url='{_index(tmp_path / 'more', old)}'"
    sources = environment.uv_options(config)
    options = environment.torch_source(UV, LOCK, sources)
    assert options
    ran = _install(venv, [*sources, *options], f"torch=={_torch()}", "helper==2.0")
    assert ran.returncode == 0, ran.stderr
    assert (_version(venv, "torch"), _version(venv, "helper")) == (_torch(), "2.0")


@pytest.mark.slow
@pytest.mark.parametrize("variable", [None, ""])
def test_else_uv_finds_torch_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    if variable is not None:
        monkeypatch.setenv("TORCH_INDEX", variable)
    options = environment.torch_source(UV, LOCK, NOWHERE)
    assert options == ["--torch-backend", "cpu"]
    # The pinned uv has the option in every command that gets it.
    _wheel(tmp_path, "helper", "1.0")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("helper==1.0\n")
    made = _uv("venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    assert made.returncode == 0, made.stderr
    python = ["--python", str(tmp_path / "venv" / "bin" / "python")]
    offline = ["--offline", *NOWHERE, "--find-links", str(tmp_path)]
    for command in (["sync", "--dry-run", *python], ["install", "--dry-run", *python, "-r"],
                    ["compile", "--python-version", "3.11"]):  # fmt: skip
        ran = _uv("pip", command[0], *offline, *options, *command[1:], requirements)
        assert ran.returncode == 0, ran.stderr


def test_a_deleted_lock_can_be_made_anew(tmp_path: Path) -> None:
    options = environment.torch_source(UV, tmp_path / "cpu.txt", NOWHERE)
    assert options == ["--torch-backend", "cpu"]


def test_the_version_for_a_deleted_lock_is_the_one_that_is_asked_for(tmp_path: Path) -> None:
    _wheel(tmp_path, "torch", _torch())
    sources = [*NOWHERE, "--find-links", str(tmp_path)]
    assert environment.torch_source(UV, tmp_path / "cpu.txt", sources) == []


# ---- what is missing -------------------------------------------------------------------------


def _message() -> str:
    with pytest.raises(SystemExit) as caught:
        environment.check_prerequisites()
    assert isinstance(caught.value.code, str)  # Python prints it on standard error
    assert "\n" not in caught.value.code
    return caught.value.code


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 12, 1), (4, 11, 0)])
def test_another_python_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    found = f"{version[0]}.{version[1]}"
    assert _message().startswith(f"Python 3.11 is needed, {sys.executable} is {found}: install")


def test_a_missing_compiler_is_told_where_there_is_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _message().startswith("A C++ compiler is needed")
    compiler = tmp_path / "clang++"
    compiler.touch(mode=0o755)
    environment.check_prerequisites()


def test_the_installer_ends_with_that_one_line(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "requirements" / "environment.py", "install",
         "--venv", tmp_path / "venv", "--accelerator", "cuda"],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )  # fmt: skip
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert "apt-get install g++" in ran.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("script", "accelerator"),
    [
        ("echo 'GPU 0: some device'", "cuda"),
        ("echo 'No devices were found'", "cpu"),
        ("echo 'GPU 0: broken'; exit 9", "cpu"),
        (None, "cpu"),
    ],
)
def test_a_gpu_is_there_where_the_driver_lists_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, accelerator: str
) -> None:
    if script:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.detect_accelerator() == accelerator


@pytest.mark.parametrize("accelerator", ["cpu", "none"])
def test_without_a_gpu_no_compiler_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accelerator: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    installed: list[str] = []
    monkeypatch.setattr(environment, "install", lambda venv, kind: installed.append(kind))
    monkeypatch.setattr(sys, "argv", ["environment.py", "install", "--accelerator", accelerator])
    environment.main()
    assert installed == [accelerator]


def _asked(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """What `install` is called for with these words on the command line."""
    asked: list[str] = []
    monkeypatch.setattr(environment, "install", lambda venv, accelerator: asked.append(accelerator))
    monkeypatch.setattr(environment, "detect_accelerator", lambda: "cuda")
    monkeypatch.setattr(environment, "check_prerequisites", lambda *, compiler: None)
    monkeypatch.setattr(sys, "argv", ["environment.py", "install", *words])
    environment.main()
    return asked


def test_a_light_environment_stays_light_until_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = ["--venv", str(tmp_path)]
    assert _asked(monkeypatch, *venv) == ["cuda"]
    assert _asked(monkeypatch, *venv, "--accelerator", "none") == ["none"]
    (tmp_path / ".llmc-installed").write_text("none 0123")
    assert _asked(monkeypatch, *venv) == ["none"]
    assert _asked(monkeypatch, *venv, "--accelerator", "cpu") == ["cpu"]
    (tmp_path / ".llmc-installed").write_text("cpu 0123")
    assert _asked(monkeypatch, *venv) == ["cuda"]


@pytest.mark.parametrize("accelerator", ["cpu", "none"])
def test_a_finished_environment_is_left_alone(tmp_path: Path, accelerator: str) -> None:
    lock = {"cpu": LOCK, "none": ROOT / "requirements" / "report.txt"}[accelerator]
    parts = [lock, ROOT / "pyproject.toml", ROOT / "requirements" / "environment.py"]
    digest = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
    (tmp_path / ".llmc-installed").write_text(f"{accelerator} {digest}")
    environment.install(tmp_path, accelerator)
    assert [path.name for path in tmp_path.iterdir()] == [".llmc-installed"]


@pytest.mark.slow
def test_a_new_environment_has_pip_and_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = tmp_path / "venv"
    monkeypatch.setattr(environment, "UV", str(_wheel(tmp_path / "wheels", "uv", "1.0")))
    environment.bootstrap(venv)
    assert _version(venv, "uv") == "1.0"
    told = subprocess.run([venv / "bin" / "pip", "--version"], capture_output=True, text=True)
    assert str(venv) in told.stdout


def test_where_pythons_wheel_of_pip_is_not_found_venv_sees_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment.sysconfig, "get_config_var", lambda name: str(tmp_path))
    ran: list[list[str | Path]] = []
    monkeypatch.setattr(environment, "run", ran.append)
    venv = tmp_path / "venv"
    environment.bootstrap(venv)
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile"]
    assert ran == [[sys.executable, "-m", "venv", venv], [*pip, environment.UV]]
