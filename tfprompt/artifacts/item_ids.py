"""Ids of items and their rows, looked up in a file that an artifact carries."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from tfprompt.errors import ExportError

ITEMS_FILE = "items.txt"
NO_ITEM = ""


class ItemIds(tf.Module):
    """Ids to rows and back.

    The ids stand in an asset, one a line: another catalog needs another file and no new graph.

    Args:
        ids: the ids by row `[N]`.
        folder: where `items.txt` is written; it must exist until the module is saved.

    Raises:
        ExportError: an id that no line can hold.
    """

    def __init__(self, ids: Sequence[str], folder: str | os.PathLike[str]) -> None:
        super().__init__(name="item_ids")
        path = write_ids(ids, Path(folder) / ITEMS_FILE)
        self.file = tf.saved_model.Asset(str(path))
        self.rows = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                self.file,
                key_dtype=tf.string,
                key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
                value_dtype=tf.int64,
                value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            default_value=-1,
        )
        self.ids = tf.Variable(list(ids), trainable=False, shape=[None], name="item_ids")

    def row_of(self, ids: tf.Tensor) -> tf.Tensor:
        """Rows int32 of ids of any shape, -1 for unknown ones."""
        return tf.cast(self.rows.lookup(ids), tf.int32)

    def id_of(self, rows: tf.Tensor) -> tf.Tensor:
        """Ids of rows of any shape, "" for negative ones."""
        return tf.where(rows < 0, NO_ITEM, tf.gather(self.ids, tf.maximum(rows, 0)))


def write_ids(ids: Sequence[str], path: Path) -> Path:
    r"""Writes ids, one a line, as `ItemIds` reads them.

    Raises:
        ExportError: an id that is empty, or that no line can hold.

    Example:
        >>> import tempfile
        >>> path = write_ids(["50", "a b"], Path(tempfile.mkdtemp()) / "items.txt")
        >>> path.read_text()
        '50\na b\n'
    """
    for row, text in enumerate(ids):
        if not text or "\n" in text or "\r" in text:
            raise ExportError(
                "An artifact keeps one id a line, so an id is not empty and holds no line break. "
                f"Received: {text!r} in row {row} of the catalog."
            )
    path.write_bytes("".join(f"{text}\n" for text in ids).encode())
    return path
