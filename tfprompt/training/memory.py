"""Memory that a step frees is kept for the next step, instead of going back to the system.

The GNU C library gives large blocks back as soon as they are free. A training step asks for the
same tens of megabytes again and again, and each time the system hands out pages filled with zeros:
on two cores that was a third of a ranker's step.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
# From malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_NEVER = 2**31 - 1
# What glibc's own adaptive thresholds reach at most. They stop adapting once one of them is set.
_LARGEST_MMAP, _LARGEST_TRIM, _DEFAULT_MMAPS = 2**25, 2**26, 65536

_lock = threading.Lock()
_users = 0


@contextlib.contextmanager
def kept_memory() -> Iterator[bool]:
    """Keeps freed memory within the process while the block runs; yields whether it does.

    Outside of Linux with the GNU C library, on another allocator, and where the environment sets
    `TFPROMPT_KEEP_MEMORY=0` or one of glibc's own `MALLOC_…_` or `GLIBC_TUNABLES`, nothing is
    changed. The process' peak grows little, since what is kept is used again; afterwards it is
    given back. Blocks may be nested and may run in several threads.

    Example:
        with kept_memory():
            model.fit(split.train)
    """
    library = _glibc()
    if library is None:
        yield False
        return
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            library.mallopt(_MMAP_MAX, 0)
            library.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield True
    finally:
        with _lock:
            _users -= 1
            if not _users:
                library.mallopt(_MMAP_MAX, _DEFAULT_MMAPS)
                library.mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP)
                library.mallopt(_TRIM_THRESHOLD, _LARGEST_TRIM)
                library.malloc_trim(0)


def keeps_memory(function: F) -> F:
    """A function that runs in `kept_memory`."""

    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Any:
        with kept_memory():
            return function(*args, **kwargs)

    return inner  # type: ignore[return-value]  # same signature


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """The C library, where its allocator may be told."""
    if platform.libc_ver()[0] != "glibc" or os.environ.get("TFPROMPT_KEEP_MEMORY") == "0":
        return None
    own = ("GLIBC_TUNABLES", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
    # Another allocator is loaded before, and these calls would not reach it.
    if any(name in os.environ for name in own) or "malloc" in os.environ.get("LD_PRELOAD", ""):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
