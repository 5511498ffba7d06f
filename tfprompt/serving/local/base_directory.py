"""Reads a model's base directory: `base/<integer>/saved_model.pb`."""

from __future__ import annotations

import re
from pathlib import Path

from tfprompt.errors import ExportError

_VERSION = re.compile(r"[0-9]{1,18}", re.ASCII)
MODEL_FILE = "saved_model.pb"


def list_versions(base: Path) -> dict[int, Path]:
    """Version number → directory; other names and directories without a model are skipped.

    A directory that is gone or cannot be read holds no versions: a server goes on with what it
    has loaded.
    """
    try:
        entries = sorted(base.iterdir())
        return {
            int(entry.name): entry
            for entry in entries
            if _VERSION.fullmatch(entry.name) and (entry / MODEL_FILE).is_file()
        }
    except OSError:
        return {}


def check_base(base: Path) -> None:
    """Checks that `base` may hold versions.

    Raises:
        ExportError: it is no directory, or is itself a version.
    """
    if not base.is_dir():
        raise ExportError(
            f"A model base directory holds one directory a version. Received: {base}, which is no "
            "directory. Write one with `tfprompt export RUN BASE/1`."
        )
    if (base / MODEL_FILE).is_file():
        raise ExportError(
            f"A model base directory holds one directory a version. Received: {base}, which is "
            f"itself a version. Serve its parent {base.resolve().parent}."
        )


def fingerprint(directory: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of a version's files: tells whether it has changed."""
    found = []
    for path in sorted(directory.rglob("*")):
        try:
            status = path.stat()
        except OSError:  # It went away meanwhile, which is a change too.
            continue
        found.append((str(path.relative_to(directory)), status.st_size, status.st_mtime_ns))
    return tuple(found)
