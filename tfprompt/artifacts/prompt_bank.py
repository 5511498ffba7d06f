"""Named prompts in one artifact; each row of a batch takes its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfprompt.errors import CheckpointError, ExportError
from tfprompt.models.named_prompts import (
    DEFAULT,
    deep_of,
    frame_of,
    read_prompt,
    shared_digests,
    soft_of,
)
from tfprompt.models.retriever_config import describe
from tfprompt.models.tensors import kept_tensors

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever

PROMPTS_FILE = "prompts.txt"


class PromptBank(tf.Module):
    """The vectors of M prompts as one tensor, chosen by name.

    The first prompt is the model's own, "default". It answers for "" and for unknown names too,
    since one row of a batch must not fail the others.

    Args:
        model: a trained retriever.
        prompts: further prompts: a directory of `save_prompts` by name. Its model differs from
            `model` in the vectors of its prompts alone.
        folder: where `prompts.txt` is written; it must exist until the module is saved.

    Raises:
        ExportError: a name that no line can hold, or a model that differs in more.
    """

    def __init__(
        self,
        model: Retriever,
        prompts: Mapping[str, str | os.PathLike[str]],
        folder: str | os.PathLike[str],
    ) -> None:
        super().__init__(name="prompt_bank")
        own = kept_tensors(model)
        shared = shared_digests(own)
        try:
            frame = frame_of(describe(model))
            given = [read_prompt(name, path, shared, frame) for name, path in prompts.items()]
        except CheckpointError as error:
            raise ExportError(str(error)) from error
        members = [own, *given]
        names = [DEFAULT, *prompts]
        file = write_names(names, Path(folder) / PROMPTS_FILE)
        self.file = tf.saved_model.Asset(str(file))
        self.rows = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                self.file,
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            default_value=0,
        )
        soft = np.stack([soft_of(member, model.encoder.width) for member in members])
        self.soft = tf.Variable(soft, trainable=False, shape=[None, *soft.shape[1:]], name="soft")
        deep = np.stack([deep_of(member, soft.shape[1:]) for member in members])
        self.deep = (
            tf.Variable(deep, trainable=False, shape=[None, *deep.shape[1:]], name="deep")
            if deep.shape[-3]
            else None
        )

    def __call__(self, names: tf.Tensor) -> dict[str, tf.Tensor]:
        """Prompts of rows `[B]`: `prompts` `[B, P, D]` and `deep_prompts` `[B, L, P, D]`.

        Those of an ensemble have an axis M of members behind B.
        """
        rows = self.rows.lookup(names)
        chosen = {"prompts": tf.gather(self.soft, rows)}
        if self.deep is not None:
            chosen["deep_prompts"] = tf.gather(self.deep, rows)
        return chosen


def write_names(names: Sequence[str], path: Path) -> Path:
    """Writes names of prompts, one a line.

    Raises:
        ExportError: a name twice, an empty one, or one that no line can hold.
    """
    for place, name in enumerate(names):
        if not name.strip() or "\n" in name or "\r" in name or name in names[:place]:
            raise ExportError(
                f"A prompt has a name of its own on one line; the model's is {DEFAULT!r}. "
                f"Received: {name!r}."
            )
    path.write_bytes("".join(f"{name}\n" for name in names).encode())
    return path
