"""Soft and deep prompts of a model apart from everything else that it has trained."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence

import numpy as np

from tfprompt.errors import CheckpointError
from tfprompt.models import prompt_files

# The model's own prompt.
DEFAULT = "default"
PROMPTS = ("prompted_encoder/soft_", "prompted_encoder/deep_")


def soft_of(tensors: Mapping[str, np.ndarray], width: int) -> np.ndarray:
    """All soft prompts of a model's tensors in the template's order, `[P, D]`.

    Those of an ensemble are `[M, P, D]`.
    """
    found = _numbered(tensors, PROMPTS[0])
    return np.concatenate(found, axis=-2) if found else np.zeros((0, width), np.float32)


def deep_of(tensors: Mapping[str, np.ndarray], shape: Sequence[int]) -> np.ndarray:
    """All deep prompts of a model's tensors from the lowest layer up, `[L, P, D]`.

    Those of an ensemble are `[M, L, P, D]`.

    Args:
        tensors: by name.
        shape: of the soft prompts, `[P, D]` or `[M, P, D]`.
    """
    if found := _numbered(tensors, PROMPTS[1]):
        return np.stack(found, axis=-3)
    return np.zeros((*shape[:-2], 0, *shape[-2:]), np.float32)


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
        if not name.startswith(PROMPTS)
    }


def read_prompt(
    name: str, directory: str | os.PathLike[str], shared: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """The tensors of another prompt, whose model has the same of everything else.

    Args:
        name: of the prompt.
        directory: what `save_prompts` wrote.
        shared: the `shared_digests` of the model.

    Raises:
        CheckpointError: they differ in more than prompts, are not finite, or cannot be read.
    """
    tensors = prompt_files.read_tensors(directory)
    received = shared_digests(tensors)
    others = sorted(n for n in shared.keys() | received.keys() if shared.get(n) != received.get(n))
    if others:
        raise CheckpointError(
            "Prompts of one model share everything but their vectors: projections, ids and "
            f"temperature are the same. Received: prompt {name!r} of {directory}, which differs "
            f'in {", ".join(others[:5])}. Train it inside `with model.training_only("soft")`, '
            "or keep it on its own."
        )
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise CheckpointError(
            f"Prompts are finite. Received: NaN or infinite values in {directory}, for {name!r}."
        )
    return tensors
