"""What the frozen network says about a text, computed once and kept on disk."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tfprompt import _files
from tfprompt.errors import ConfigError

# One entry of the index: which text, where its rows begin, how many, and a checksum of the entry.
_ENTRY = np.dtype(
    [("key", "V32"), ("row", "<u8"), ("rows", "<u4"), ("checksum", "<u4")], align=False
)
# The index begins with a random mark, so that an index deleted and begun anew is not taken for the
# old one that has grown (the system hands out the same inode again).
_MARK_BYTES = 16


class StateCache:
    """Vectors or states of texts on disk, shared by processes and safe against a crash.

    Two files: `states.bin`, rows of D numbers, only ever appended to, and `index.bin`, which says
    where each text's rows lie. A writer holds a lock, puts the rows on disk first and the index
    entries after them; what a killed writer left behind its last whole entry is cut off by the
    next one. Readers need no lock and map the rows into memory. Deleting the directory is safe.

    Args:
        fingerprint: the backbone's fingerprint; another network never meets these entries.
        kind: what is kept and how it was made, as a file name, for example "mean-128" or
            "states-4-128" (the seam at layer 4, at most 128 tokens).
        width: D, numbers in a row.
        dtype: "float32", or "float16" for half the disk and a relative error of 5e-4.
        directory: where the caches live; `TFPROMPT_HOME/states` by default.
        chunk: texts computed between two writes; a killed process loses at most this many.

    Raises:
        ConfigError: unknown `dtype`, or a `kind` that is not a plain file name.

    Example:
        >>> import numpy as np, tempfile
        >>> cache = StateCache("f" * 64, "lengths", 1, directory=tempfile.mkdtemp())
        >>> compute = lambda texts: np.array([[len(text)] for text in texts], "float32")
        >>> cache.vectors(["a", "abc", "a"], compute)
        array([[1.],
               [3.],
               [1.]], dtype=float32)
        >>> len(cache)
        2
    """

    def __init__(
        self,
        fingerprint: str,
        kind: str,
        width: int,
        *,
        dtype: str = "float32",
        directory: str | os.PathLike[str] | None = None,
        chunk: int = 1024,
    ) -> None:
        if dtype not in ("float32", "float16"):
            raise ConfigError(f"dtype must be 'float32' or 'float16'. Received: dtype={dtype!r}")
        if not kind or not all(c.isalnum() or c in "-_." for c in kind) or kind[0] == ".":
            raise ConfigError(
                f"kind must be a file name of letters, digits, '-', '_', '.'. Received: {kind!r}"
            )
        root = Path(directory) if directory is not None else _files.home() / "states"
        self.directory = root / fingerprint[:32] / f"{kind}-{width}-{dtype}"
        self.width = width
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.chunk = chunk
        self._states = self.directory / "states.bin"
        self._index = self.directory / "index.bin"
        self._places: dict[bytes, tuple[int, int]] = {}
        self._mark = b""
        self._read_bytes = 0

    def __len__(self) -> int:
        """Texts in the cache."""
        self._refresh()
        return len(self._places)

    def vectors(
        self, texts: Sequence[str], compute: Callable[[list[str]], np.ndarray]
    ) -> np.ndarray:
        """One vector a text, computing only what is missing.

        Args:
            texts: n texts; a repeated text is computed once.
            compute: m texts to an array `[m, D]`; called with at most `chunk` distinct texts.

        Returns:
            float32 `[n, D]`, in the order of `texts`.

        Raises:
            ConfigError: `compute` returned another shape, or numbers that are not finite.
        """
        keys = self._fill(texts, lambda part: list(np.asarray(compute(part))[:, None]))
        if not keys:
            return np.zeros((0, self.width), np.float32)
        rows = np.array([self._places[key][0] for key in keys], np.int64)
        return np.asarray(self._mapped()[rows], np.float32)

    def states(
        self, texts: Sequence[str], compute: Callable[[list[str]], Sequence[np.ndarray]]
    ) -> list[np.ndarray]:
        """States of each text, computing only what is missing.

        Args:
            texts: n texts; a repeated text is computed once.
            compute: m texts to m arrays `[T_i, D]`; called with at most `chunk` distinct texts.

        Returns:
            n float32 arrays `[T_i, D]`, in the order of `texts`.

        Raises:
            ConfigError: `compute` returned other shapes, or numbers that are not finite.
        """
        keys = self._fill(texts, compute)
        if not keys:
            return []
        mapped = self._mapped()
        places = [self._places[key] for key in keys]
        return [np.asarray(mapped[row : row + rows], np.float32) for row, rows in places]

    def _fill(
        self, texts: Sequence[str], compute: Callable[[list[str]], Sequence[np.ndarray]]
    ) -> list[bytes]:
        """Computes and stores what is missing; the key of each text."""
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        self._refresh()
        missing = {k: t for k, t in zip(keys, texts, strict=True) if k not in self._places}
        pending = list(missing.items())
        for start in range(0, len(pending), self.chunk):
            part = pending[start : start + self.chunk]
            values = compute([text for _, text in part])
            self._append([key for key, _ in part], self._checked(values, len(part)))
        return keys

    def _checked(self, values: Sequence[np.ndarray], expected: int) -> list[np.ndarray]:
        """The computed values in the cache's type, refused if they are not what was asked for."""
        if len(values) != expected:
            raise ConfigError(
                f"compute must return one value a text. Received: {len(values)} for {expected}"
            )
        with np.errstate(over="ignore"):
            arrays = [np.ascontiguousarray(value, self.dtype) for value in values]
        for array in arrays:
            if array.ndim != 2 or array.shape[1] != self.width:
                raise ConfigError(
                    f"compute must return rows of {self.width} numbers. Received: {array.shape}"
                )
            if not np.isfinite(array).all():
                raise ConfigError(
                    f"States must be finite as {self.dtype.name}. Received: NaN or infinity. "
                    "Check the backbone's weights, or choose dtype='float32'."
                )
        return arrays

    def _append(self, keys: list[bytes], values: list[np.ndarray]) -> None:
        """Writes what no other process has written meanwhile: the rows, then their entries."""
        with self._lock():
            # Anything behind the last whole entry is what a killed writer left.
            self._refresh()
            new = [i for i, key in enumerate(keys) if key not in self._places]
            if not new:
                return
            row = max((first + rows for first, rows in self._places.values()), default=0)
            entries = np.zeros(len(new), _ENTRY)
            with open(self._states, "r+b" if self._states.exists() else "w+b") as handle:
                handle.truncate(row * self._row_bytes)
                handle.seek(0, os.SEEK_END)
                for entry, i in zip(entries, new, strict=True):
                    handle.write(values[i].tobytes())
                    entry["key"], entry["row"], entry["rows"] = keys[i], row, len(values[i])
                    entry["checksum"] = zlib.crc32(entry.tobytes()[:-4])
                    row += len(values[i])
                handle.flush()
                os.fsync(handle.fileno())
            with open(self._index, "r+b" if self._index.exists() else "w+b") as handle:
                handle.truncate(self._read_bytes)
                handle.seek(0, os.SEEK_END)
                mark = b"" if self._read_bytes else os.urandom(_MARK_BYTES)
                handle.write(mark + entries.tobytes())
                handle.flush()
                os.fsync(handle.fileno())
            self._refresh()

    @property
    def _row_bytes(self) -> int:
        return self.width * self.dtype.itemsize

    def _refresh(self) -> None:
        """Reads the entries that were added since the last time."""
        try:
            with open(self._index, "rb") as handle:
                mark = handle.read(_MARK_BYTES)
                if mark != self._mark or len(mark) < _MARK_BYTES:
                    whole = len(mark) == _MARK_BYTES
                    self._places, self._mark = {}, mark
                    self._read_bytes = _MARK_BYTES if whole else 0
                    if not whole:
                        return
                handle.seek(self._read_bytes)
                raw = handle.read()
        except FileNotFoundError:
            self._places, self._mark, self._read_bytes = {}, b"", 0
            return
        entries = np.frombuffer(raw, _ENTRY, count=len(raw) // _ENTRY.itemsize)
        stored = self._states.stat().st_size // self._row_bytes if self._states.exists() else 0
        for entry in entries:
            row, rows = int(entry["row"]), int(entry["rows"])
            whole = zlib.crc32(entry.tobytes()[:-4]) == int(entry["checksum"])
            if not whole or row + rows > stored:
                break
            self._places[entry["key"].tobytes()] = (row, rows)
            self._read_bytes += _ENTRY.itemsize

    def _mapped(self) -> np.ndarray:
        """All rows `[R, D]`, mapped from the file."""
        rows = self._states.stat().st_size // self._row_bytes
        if rows == 0:  # Only empty texts of a backbone without special tokens: nothing to map.
            return np.zeros((0, self.width), self.dtype)
        return np.memmap(self._states, self.dtype, mode="r", shape=(rows, self.width))

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keeps other writers out; the system releases it when the process dies."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.directory / "lock", "w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
