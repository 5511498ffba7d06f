"""One training process a directory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tfprompt.errors import CheckpointError


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """Holds the directory's lock while the block runs.

    The operating system frees it when the process ends, however it ends.

    Raises:
        CheckpointError: another process holds it.
    """
    import fcntl  # POSIX only; imported here so that the rest works elsewhere

    with open(directory / ".lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise CheckpointError(
                f"A run directory is trained by one process at a time. Received: {directory}, "
                f"in use by process {owner}. Wait for it, or choose another directory."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
