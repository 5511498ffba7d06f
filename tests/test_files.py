"""Files are written whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tfprompt import _files
from tfprompt._files import atomic_write, read_json, sha256, write_json


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make(path: Path, kind: str, text: str) -> None:
    if kind == "file":
        path.write_text(text)
    else:
        path.mkdir()
        (path / "inside").write_text(text)


def content(path: Path) -> str:
    return path.read_text() if path.is_file() else (path / "inside").read_text()


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("existing", [False, True])
def test_a_block_that_ends_well_replaces(tmp_path: Path, kind: str, existing: bool) -> None:
    target = tmp_path / "deep" / "target"
    if existing:
        target.parent.mkdir()
        make(target, kind, "old")
    with atomic_write(target) as temporary:
        assert not temporary.exists()
        make(temporary, kind, "new")
        assert not target.exists() or content(target) == "old"
    assert content(target) == "new"
    assert entries(target.parent) == ["target"]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("existing", [False, True])
def test_a_block_that_raises_leaves_what_was(tmp_path: Path, kind: str, existing: bool) -> None:
    target = tmp_path / "target"
    if existing:
        make(target, kind, "old")
    with pytest.raises(KeyboardInterrupt), atomic_write(target) as temporary:
        make(temporary, kind, "half")
        raise KeyboardInterrupt
    assert entries(tmp_path) == (["target"] if existing else [])
    assert not existing or content(target) == "old"


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "target"):
        pass
    assert entries(tmp_path) == []


def test_a_failed_swap_of_directories_keeps_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    make(target, "folder", "old")
    real = _files.os.replace

    def fails_at_the_last(source: Path, goal: Path) -> None:
        if Path(goal) == target and Path(source).name == "target":
            raise OSError("disk full")
        real(source, goal)

    monkeypatch.setattr(_files.os, "replace", fails_at_the_last)
    with pytest.raises(OSError, match="disk full"), atomic_write(target) as temporary:
        make(temporary, "folder", "new")
    assert content(target) == "old"


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    value = {"name": "Amélie", "figures": [1, 2.5, None, True]}
    write_json(path, value)
    assert read_json(path) == value
    assert "Amélie" in path.read_text(encoding="utf-8")
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            write_json(path, {"loss": bad})
    assert read_json(path) == value


def test_digest(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc" * 100_000)
    assert sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for chosen, expected in (
        ("/there", "/there"), ("~/mine", tmp_path / "mine"), ("", tmp_path / ".cache/tfprompt")
    ):  # fmt: skip
        monkeypatch.setenv("TFPROMPT_HOME", chosen)
        assert _files.home() == Path(expected)
