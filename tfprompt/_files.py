"""Files: where they live, and how they are written so that a crash leaves none half done."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def home() -> Path:
    """The cache directory: `TFPROMPT_HOME`, or `~/.cache/tfprompt`."""
    chosen = os.environ.get("TFPROMPT_HOME")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "tfprompt"


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path beside `path` that becomes `path` when the block ends well.

    The caller may create a file or a directory there. Whatever stands at `path` stays as it is
    until the last moment, and nothing is left behind when the block raises.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with atomic_write(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    temporary = holder / target.name
    try:
        yield temporary
        if temporary.is_dir() and target.is_dir():
            # A directory cannot be renamed over another; move the old one aside first.
            os.replace(target, holder / "replaced")
            try:
                os.replace(temporary, target)
            except BaseException:
                os.replace(holder / "replaced", target)
                raise
        else:
            _flush(temporary)
            os.replace(temporary, target)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _flush(path: Path) -> None:
    """Puts a file's bytes on the disk, so that the rename never outruns them."""
    if path.is_file():
        with open(path, "rb") as handle:
            os.fsync(handle.fileno())


def sha256(path: str | os.PathLike[str]) -> str:
    """Hex digest of a file's bytes."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes `value` as indented JSON, atomically; NaN is refused since JSON has none."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Reads a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
