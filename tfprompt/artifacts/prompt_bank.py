"""Named prompts in one artifact; each row of a batch takes its own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfprompt.errors import ExportError
from tfprompt.models import prompt_files

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever

PROMPTS_FILE = "prompts.txt"
DEFAULT = "default"
_PROMPTS = ("prompted_encoder/soft_", "prompted_encoder/deep_")


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
        own = {n: np.asarray(v) for n, v in prompt_files.trained_variables(model).items()}
        shared = shared_digests(own)
        members = [own, *(read_prompt(name, path, shared) for name, path in prompts.items())]
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
            if deep.shape[1]
            else None
        )

    def __call__(self, names: tf.Tensor) -> dict[str, tf.Tensor]:
        """Prompts of rows `[B]`: `prompts` `[B, P, D]` and `deep_prompts` `[B, L, P, D]`."""
        rows = self.rows.lookup(names)
        chosen = {"prompts": tf.gather(self.soft, rows)}
        if self.deep is not None:
            chosen["deep_prompts"] = tf.gather(self.deep, rows)
        return chosen


def soft_of(tensors: Mapping[str, np.ndarray], width: int) -> np.ndarray:
    """All soft prompts of a model's tensors in the template's order, `[P, D]`."""
    found = _numbered(tensors, _PROMPTS[0])
    return np.concatenate([np.zeros((0, width), np.float32), *found])


def deep_of(tensors: Mapping[str, np.ndarray], shape: Sequence[int]) -> np.ndarray:
    """All deep prompts of a model's tensors from the lowest layer up, `[L, P, D]`."""
    return np.stack(found) if (found := _numbered(tensors, _PROMPTS[1])) else np.zeros((0, *shape))


def _numbered(tensors: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    """The tensors `prefix0/…`, `prefix1/…` in the order of their numbers."""
    found = {
        int(name.removeprefix(prefix).split("/")[0]): np.asarray(value, np.float32)
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    return [found[number] for number in sorted(found)]


def shared_digests(tensors: Mapping[str, np.ndarray]) -> dict[str, str]:
    """sha256 of each tensor that all prompts of one artifact share."""
    return {
        name: hashlib.sha256(np.ascontiguousarray(value, np.float32).tobytes()).hexdigest()
        for name, value in sorted(tensors.items())
        if not name.startswith(_PROMPTS)
    }


def read_prompt(
    name: str, directory: str | os.PathLike[str], shared: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """The tensors of another prompt, whose model has the same of everything else.

    Args:
        name: of the prompt.
        directory: what `save_prompts` wrote.
        shared: the `shared_digests` of the artifact's model.

    Raises:
        ExportError: they differ in more than prompts, or are not finite.
        CheckpointError: the files cannot be read.
    """
    tensors = prompt_files.read_tensors(directory)
    received = shared_digests(tensors)
    others = sorted(n for n in shared.keys() | received.keys() if shared.get(n) != received.get(n))
    if others:
        raise ExportError(
            "The prompts of one artifact share everything but their vectors: projections, ids and "
            f"temperature are the same. Received: prompt {name!r} of {directory}, which differs "
            f"in {', '.join(others[:5])}. Train it with those frozen, or export it on its own."
        )
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise ExportError(
            f"Prompts are finite. Received: NaN or infinite values in {directory}, for {name!r}."
        )
    return tensors


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
