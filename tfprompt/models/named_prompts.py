"""Soft and deep prompts of a model apart from everything else that it has trained."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfprompt.errors import CheckpointError
from tfprompt.models import prompt_files

# The model's own prompt.
DEFAULT = "default"
PROMPTS = ("prompted_encoder/soft_", "prompted_encoder/deep_")
_SOFT = re.compile(r"\{\s*soft\s*:\s*(\d+)[^}]*\}")
_READING = ("prompt_layer", "deep", "read_out", "attention", "ensemble")


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


def as_tensors(
    tensors: Mapping[str, np.ndarray], soft: np.ndarray, deep: np.ndarray
) -> dict[str, np.ndarray]:
    """Vectors as the tensors of their model: what `soft_of` and `deep_of` put together, apart.

    Args:
        tensors: of the model, by name.
        soft: `[P, D]`, of an ensemble `[M, P, D]`.
        deep: `[L, P, D]`, of an ensemble `[M, L, P, D]`.
    """
    found, start = {}, 0
    for name in _names(tensors, PROMPTS[0]):
        end = start + tensors[name].shape[-2]
        found[name] = np.ascontiguousarray(soft[..., start:end, :])
        start = end
    for place, name in enumerate(_names(tensors, PROMPTS[1])):
        found[name] = np.ascontiguousarray(deep[..., place, :, :])
    return found


def _numbered(tensors: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    return [np.asarray(tensors[name], np.float32) for name in _names(tensors, prefix)]


def _names(tensors: Mapping[str, np.ndarray], prefix: str) -> list[str]:
    """The names `prefix0/…`, `prefix1/…` in the order of their numbers."""
    found = [name for name in tensors if name.startswith(prefix)]
    return sorted(found, key=lambda name: int(name.removeprefix(prefix).split("/")[0]))


def frame_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """What prompts of one artifact have in common beside tensors: how they are read.

    Args:
        description: of a model, as `prompts.json` holds it.

    Returns:
        As JSON: the template, without where its soft prompts start, and options of the encoder.
    """
    source = " ".join(_SOFT.sub(r"{soft:\1}", description["template"]).split())
    options = {name: description["encoder"].get(name) for name in _READING}
    return {"template": source, "backbone": description["backbone"]["fingerprint"], **options}


def shared_digests(tensors: Mapping[str, np.ndarray]) -> dict[str, str]:
    """sha256 of each tensor that all prompts of one artifact share."""
    return {
        name: hashlib.sha256(np.ascontiguousarray(value, np.float32).tobytes()).hexdigest()
        for name, value in sorted(tensors.items())
        if not name.startswith(PROMPTS)
    }


def read_prompt(
    name: str,
    directory: str | os.PathLike[str],
    shared: Mapping[str, str],
    frame: Mapping[str, Any] | None,
) -> dict[str, np.ndarray]:
    """The tensors of another prompt, whose model has the same of everything else.

    Args:
        name: of the prompt.
        directory: what `save_prompts` wrote.
        shared: the `shared_digests` of the model.
        frame: its `frame_of`; None, where a version was exported before this was kept, compares
            tensors alone.

    Raises:
        CheckpointError: they differ in more than prompts, are not finite, or cannot be read.
    """
    own = frame_of(prompt_files.describe(directory))
    for key, value in (frame or {}).items():
        if own[key] != value:
            raise CheckpointError(
                "Prompts of one model are read in the same way. Received: prompt "
                f"{name!r} of {directory} with {key} {own[key]!r} for {value!r}."
            )
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
