"""What may be wrong around a run: disks, ports, users, links, servers; and that it ends well afterwards.

A fault prepares the stage, runs it once, is mended, and the stage is run again: that must succeed with the
artefacts of an undisturbed run. The first run may succeed or fail in a message.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from performance.storm.damage import damage
from performance.storm.kills import moment, strike
from performance.storm.lab import HANGS, Lab, Stage, Undisturbed, differences
from performance.storm.servers import PORTS, Servers

_SHM = Path("/dev/shm")  # noqa: S108


class SkippedError(Exception):
    """This machine does not let a fault be made; why."""


@dataclass
class Setting:
    """What a fault has set up."""

    what: str  # in words, for the journal
    prefix: Sequence[str] = ()  # of the command
    env: dict[str, str] = field(default_factory=dict)
    during: Callable[[subprocess.Popen[bytes]], object] | None = None
    mend: Callable[[], object] = lambda: None
    unharmed: Callable[[], str] = lambda: ""  # afterwards: what of ours was harmed, "" for nothing


@dataclass(frozen=True)
class Scene:
    """Where a fault happens."""

    lab: Lab
    stage: Stage
    known: Undisturbed
    draw: random.Random
    servers: Servers | None


Fault = Callable[[Scene], AbstractContextManager[Setting]]


def undergo(scene: Scene, name: str, told: Callable[..., None]) -> None:
    """One fault, from its beginning to the compared end."""
    lab, stage = scene.lab, scene.stage
    lab.prepare(stage)
    try:
        with FAULTS[name](scene) as setting:
            process = lab.start(stage, setting.prefix, setting.env)
            if setting.during:
                setting.during(process)
            wrong = lab.complaint(process, fine=False, patience=HANGS)
            said = "\n".join(lab.said().strip().splitlines()[-8:])
            facts: dict[str, Any] = {"status": process.returncode, "said": said[-800:]}
            setting.mend()
            if not wrong:
                wrong = lab.complaint(lab.start(stage), fine=True, patience=HANGS)
                wrong = wrong and f"afterwards: {wrong}"
            if not wrong:
                wrong = "; ".join(differences(scene.known.artefacts, lab.artefacts()))
            wrong = wrong or setting.unharmed()
            told(stage.name, "fault", name, loss=wrong, detail=setting.what, **facts)
    except SkippedError as error:
        told(stage.name, "skipped", f"{name}: {error}")


def _sh(*words: object) -> None:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SkippedError(f"{words[0]}: {done.stderr.strip()[:100]}")


@contextmanager
def _mounted(folder: Path, size: int) -> Iterator[None]:
    """A memory disk in place of a folder, with what is in it, of `size` bytes."""
    if os.environ.get("LLMC_STORM_NAMESPACE") != "1":
        raise SkippedError("needs a mount namespace of its own (root)")
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder.with_name(f"{folder.name}.kept")
    shutil.rmtree(kept, ignore_errors=True)
    if folder != _SHM:
        shutil.copytree(folder, kept, symlinks=True)
    _sh("mount", "-t", "tmpfs", "-o", f"size={max(size, 4096)}", "tmpfs", folder)
    try:
        if kept.exists():
            shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        yield
    finally:
        _sh("umount", "-l", folder)
        shutil.rmtree(kept, ignore_errors=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def _bytes(folder: Path) -> int:
    # A page for each name, as a memory disk counts.
    return sum(
        4096 + (path.lstat().st_size + 4095) // 4096 * 4096 if path.is_file() else 4096
        for path in folder.rglob("*")
    )


def _full(which: str) -> Fault:
    @contextmanager
    def fault(scene: Scene) -> Iterator[Setting]:
        lab, end = scene.lab, scene.lab.folder / "ends" / scene.stage.name
        folder = lab.folder / "tmp" if which == "tmp" else lab.work / which
        before = _bytes(folder) if folder.exists() else 0
        grows = 4 * 2**20 if which == "tmp" else max(_bytes(end / which) - before, 2**16)
        # Trainings need more for a while than is left of them.
        room = int(grows * scene.draw.uniform(0, 1.2) ** 2)
        with _mounted(folder, before + room + 2**16):
            env = {"TMPDIR": str(folder)} if which == "tmp" else {}
            mend = lambda: _remount(folder, "size=4g")  # noqa: E731
            yield Setting(f"{room >> 10} KiB of {grows >> 10}", env=env, mend=mend)

    return fault


@contextmanager
def _small_shm(scene: Scene) -> Iterator[Setting]:
    size = scene.draw.choice([4096, 65536, 2**20])
    with _mounted(_SHM, size):
        mend = lambda: _remount(_SHM, "size=2g")  # noqa: E731
        yield Setting(f"{size >> 10} KiB", mend=mend)


@contextmanager
def _read_only(scene: Scene) -> Iterator[Setting]:
    """A disk that becomes read-only while the stage runs, as after an error."""
    folder = scene.lab.work / scene.draw.choice(["runs", "reports"])
    with _mounted(folder, 2**32):

        def during(process: subprocess.Popen[bytes]) -> None:
            if moment(scene.lab, process, scene.known, scene.draw):
                # Files that are open for writing keep it writable: as often as it takes.
                for _ in range(100):
                    done = subprocess.run(
                        ["mount", "-o", "remount,ro", str(folder)], capture_output=True, check=False
                    )
                    if not done.returncode or process.poll() is not None:
                        return
                    time.sleep(0.05)

        yield Setting(folder.name, during=during, mend=lambda: _remount(folder, "rw"))


@contextmanager
def _deleted(scene: Scene) -> Iterator[Setting]:
    """A file or folder that somebody removes while the stage runs."""
    gone: list[str] = []
    setting = Setting("")

    def during(process: subprocess.Popen[bytes]) -> None:
        if moment(scene.lab, process, scene.known, scene.draw):
            found = [
                p for place in ("runs", "reports") for p in (scene.lab.work / place).rglob("*")
            ]
            if found:
                path = scene.draw.choice(sorted(found))
                gone.append(str(path.relative_to(scene.lab.work)))
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        setting.what = gone[0] if gone else "nothing"

    setting.during = during
    yield setting


@contextmanager
def _checkpoint(scene: Scene) -> Iterator[Setting]:
    """A checkpoint that is damaged between a kill and the run that goes on."""
    lab, damaged = scene.lab, ("", "")
    for _ in range(8):
        process = lab.start(scene.stage)
        if moment(lab, process, scene.known, scene.draw):
            checkpoints = lab.run_folder / "training" / "main" / "checkpoints"
            end = time.monotonic() + scene.known.seconds
            while process.poll() is None and not list(checkpoints.glob("*/complete.json")):
                if time.monotonic() > end:
                    break
                time.sleep(0.02)
            strike(lab, process, scene.draw, ("tree",))
            damaged = damage(lab, scene.draw, "training/main/checkpoints")
            if damaged[0]:
                break
        else:  # the training ended: once more
            lab.complaint(process, fine=False, patience=1)
            lab.prepare(scene.stage)
    if not damaged[0]:
        raise SkippedError("no checkpoint was left by a kill")
    yield Setting(" ".join(damaged))


@contextmanager
def _no_port(scene: Scene) -> Iterator[Setting]:
    """A machine on which nearly all ports are taken."""
    _sh("unshare", "-n", "true")
    ports = scene.draw.choice([1, 2, 4, 6, 8, 12])
    inside = (
        "ip link set lo up; "
        f'echo "40000 {39999 + ports}" > /proc/sys/net/ipv4/ip_local_port_range; exec "$@"'
    )
    yield Setting(f"{ports} ports", ["unshare", "-n", "sh", "-c", inside, "sh"])


#: A user that has no name, as containers are often run.
_USER = ("unshare", "-U", "--map-user=12345", "--map-group=12345")


@contextmanager
def _user(scene: Scene) -> Iterator[Setting]:
    """Not root, and sometimes without the right to write."""
    _sh(*_USER, "true")
    closed = scene.draw.choice([None, None, "runs", "reports"])
    env = {"HOME": "/nonexistent"} if scene.draw.random() < 0.5 else {}
    folder = scene.lab.work / (closed or "runs")
    folder.mkdir(parents=True, exist_ok=True)
    places = [folder, *(p for p in folder.rglob("*") if p.is_dir())] if closed else []
    for place in places:
        place.chmod(0o555)

    def mend() -> None:
        for place in places:
            place.chmod(0o755)

    try:
        what = f"{closed} read-only" if closed else "all writable"
        yield Setting(f"{what}, {'no home' if env else 'a home'}", _USER, env, mend=mend)
    finally:
        mend()


@contextmanager
def _links(scene: Scene) -> Iterator[Setting]:
    """Symbolic links in the folders of a run: to other disks, to somebody's file, to nothing, to themselves."""
    lab, draw = scene.lab, scene.draw
    outside = lab.folder / "outside"
    shutil.rmtree(outside, ignore_errors=True)
    outside.mkdir()
    victim = outside / "victim"
    victim.write_text("precious\n")
    how = draw.choice(["folder elsewhere", "run elsewhere", "somebody's file", "nothing", "itself"])
    end = lab.folder / "ends" / scene.stage.name / "runs" / "storm"
    if how == "run elsewhere":
        lab.run_folder.mkdir(parents=True, exist_ok=True)
        shutil.move(lab.run_folder, outside / "run")
        lab.run_folder.symlink_to(outside / "run")
        made = lab.run_folder
    else:
        wanted = [p for p in end.rglob("*") if p.is_dir() == (how == "folder elsewhere")]
        made = lab.run_folder / draw.choice(sorted(wanted)).relative_to(end)
        made.parent.mkdir(parents=True, exist_ok=True)
        if how == "folder elsewhere":
            if made.exists():
                shutil.move(made, outside / "folder")
            (outside / "folder").mkdir(exist_ok=True)
            made.symlink_to(outside / "folder")
        else:
            made.unlink(missing_ok=True)
            to = {"somebody's file": victim, "nothing": outside / "no" / "where"}
            made.symlink_to(to.get(how, made))

    def mend() -> None:
        if how != "folder elsewhere" and how != "run elsewhere" and made.is_symlink():
            made.unlink()

    def unharmed() -> str:
        return "" if victim.read_text() == "precious\n" else f"wrote to {victim} through {made}"

    what = f"{how}: {made.relative_to(lab.work)}"
    yield Setting(what, mend=mend, unharmed=unharmed)


@contextmanager
def _dead_servers(scene: Scene) -> Iterator[Setting]:
    """All servers die for good, at some moment."""
    servers = scene.servers
    assert servers is not None

    def during(process: subprocess.Popen[bytes]) -> None:
        moment(scene.lab, process, scene.known, scene.draw)
        servers.dead = True
        for port in PORTS:
            servers.down(port)

    def mend() -> None:
        servers.dead = False
        servers.all_up()

    try:
        yield Setting("", during=during, mend=mend)
    finally:
        mend()


@contextmanager
def _nonsense(scene: Scene) -> Iterator[Setting]:
    """Servers of which most or all replies are nonsense."""
    servers = scene.servers
    assert servers is not None
    before, servers.nonsense = servers.nonsense, scene.draw.choice([0.5, 0.9, 1.0])

    def mend() -> None:
        servers.nonsense = before

    try:
        yield Setting(f"{servers.nonsense:.0%} of the replies", mend=mend)
    finally:
        mend()


FAULTS: dict[str, Fault] = {
    "full disk: runs": _full("runs"),
    "full disk: reports": _full("reports"),
    "full disk: temporary files": _full("tmp"),
    "disk becomes read-only": _read_only,
    "removed while it runs": _deleted,
    "damaged checkpoint": _checkpoint,
    "tiny /dev/shm": _small_shm,
    "no free port": _no_port,
    "another user": _user,
    "symbolic links": _links,
    "servers die": _dead_servers,
    "servers answer nonsense": _nonsense,
}
#: Faults that are of one stage alone.
_OF = {
    "damaged checkpoint": "training",
    "servers die": "servers",
    "servers answer nonsense": "servers",
}


def faults_of(stage: str) -> list[str]:
    return [name for name in FAULTS if _OF.get(name, stage) == stage]
