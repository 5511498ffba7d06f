"""Which prompts are alike."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.explain._vocabulary import unit, word_states
from tfprompt.explain.prompt_vectors import (
    PromptVectors,
    prompts_of_directory,
    prompts_of_model,
)
from tfprompt.explain.report import Grid, Report, Shown

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone

# Above this a matrix of single vectors says nothing to the eye; what is said of names remains.
_DRAWN = 60


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Similarity(Shown):
    """Cosines between the vectors of prompts at one layer.

    Attributes:
        names: the prompt of each vector `[n]`.
        labels: the vectors' own labels `[n]`.
        matrix: cosines float32 `[n, n]`.
        layer: where the prompts stand, None for plain vectors.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    matrix: np.ndarray
    layer: int | None = None

    def by_prompt(self) -> tuple[tuple[str, ...], np.ndarray]:
        """How alike whole prompts are, whatever the order of their vectors.

        Returns:
            The prompts' names, and `[m, m]`: the mean, over the vectors of the row's prompt, of
            the cosine with the nearest vector of the column's. On the diagonal a vector is not
            compared with itself (1 for a single vector).
        """
        names = tuple(dict.fromkeys(self.names))
        at = {name: np.array([n == name for n in self.names]) for name in names}
        table = np.ones((len(names), len(names)), np.float32)
        for row, one in enumerate(names):
            for column, other in enumerate(names):
                block = self.matrix[np.ix_(at[one], at[other])].copy()
                if one == other:
                    if len(block) < 2:
                        continue
                    np.fill_diagonal(block, -np.inf)
                table[row, column] = block.max(axis=1).mean()
        return names, table

    def report(self) -> Report:
        """The cosines, and how alike whole prompts are."""
        where = "" if self.layer is None else f" at layer {self.layer}"
        names, table = self.by_prompt()
        sections = []
        if len(names) > 1 or len(self.labels) > _DRAWN:
            sections.append(
                Grid(
                    f"Prompts{where}", names, names, table, -1.0, 1.0,
                    "For each vector of the row's prompt the nearest of the column's, averaged.",
                )
            )  # fmt: skip
        if len(self.labels) <= _DRAWN:
            sections.append(
                Grid(f"Vectors{where}", self.labels, self.labels, self.matrix, -1.0, 1.0)
            )
        note = "Cosines between trained vectors: 1 points the same way, 0 is unrelated."
        return Report("Similarity of prompts", (note,), tuple(sections))

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        names, table = self.by_prompt()
        return {
            "layer": self.layer,
            "prompts": list(names),
            "by_prompt": [[round(float(v), 4) for v in row] for row in table],
            "vectors": list(self.labels),
            "cosines": [[round(float(v), 4) for v in row] for row in self.matrix],
        }


def prompt_similarity(
    prompts: Any | Mapping[str, Any],
    *,
    layer: int | None = None,
    backbone: LoadedBackbone | None = None,
) -> Similarity:
    """Cosines between the trained vectors of one or of several models.

    Args:
        prompts: a model, or by name: models and directories of `save_prompts` (all on one
            backbone), or plain vectors `[P, D]` (all of them).
        layer: which prompts are compared: those at this layer's input. None takes the seam.
        backbone: the backbone of the directories, where it is loaded already.

    Returns:
        The cosines. Those of trained prompts are taken after subtracting the mean state of common
        words at their layer: what all states have in common would make all prompts alike. Plain
        vectors are compared as they are.

    Raises:
        ConfigError: nothing to compare, prompts at different layers or of different backbones.
        CheckpointError: a directory that cannot be read.

    Example:
        similar = tp.explain.prompt_similarity({"films": films, "books": "prompts/books"})
        print(similar.by_prompt())
    """
    given = prompts if isinstance(prompts, Mapping) else {"": prompts}
    arrays = [isinstance(value, np.ndarray | Sequence) and not isinstance(value, str)
              for value in given.values()]  # fmt: skip
    if any(arrays):
        if not all(arrays):
            raise ConfigError(
                "Plain vectors are compared with plain vectors: of trained prompts what all words "
                "share is subtracted. Received: both. Pass models and directories alone."
            )
        plain = [PromptVectors(name, 0, np.asarray(v, np.float32)) for name, v in given.items()]
        return _similarity(_checked(plain), None, None)
    found: list[tuple[str, PromptVectors]] = []
    for name, source in given.items():
        loaded, own = _read(source, backbone)
        if backbone is not None and loaded.fingerprint != backbone.fingerprint:
            raise ConfigError(
                "Prompts of different backbones are not comparable. Received: "
                f"{backbone.name} and, for {name!r}, {loaded.name}."
            )
        backbone = loaded
        found += [(name, prompt) for prompt in own]
    if not found or backbone is None:
        raise ConfigError("To compare prompts there must be one. Received: models without any.")
    wanted = min(p.layer for _, p in found) if layer is None else layer
    lacking = [n for n in given if wanted not in {p.layer for name, p in found if name == n}]
    if lacking:
        layers = sorted({p.layer for _, p in found})
        raise ConfigError(
            f"Prompts are compared at one layer, here {wanted}. Received: none there of "
            f"{', '.join(map(repr, lacking))}; there are prompts at {layers}."
        )
    chosen = [
        dataclasses.replace(p, name=" ".join(filter(None, (name, p.label))))
        for name, p in found
        if p.layer == wanted
    ]
    common = word_states(backbone, wanted)[1].mean(axis=0)
    return _similarity(chosen, common, wanted)


def _read(
    source: Any, backbone: LoadedBackbone | None
) -> tuple[LoadedBackbone, list[PromptVectors]]:
    if isinstance(source, str | os.PathLike):
        prompts, loaded = prompts_of_directory(source, backbone)
    else:
        prompts, loaded = prompts_of_model(source)
    return loaded, prompts


def _checked(prompts: list[PromptVectors]) -> list[PromptVectors]:
    shapes = {prompt.vectors.shape[1:] for prompt in prompts}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        listed = ", ".join(str(prompt.vectors.shape) for prompt in prompts)
        raise ConfigError(f"Vectors are compared as [P, D] of one width D. Received: {listed}.")
    return prompts


def _similarity(
    prompts: list[PromptVectors], common: np.ndarray | None, layer: int | None
) -> Similarity:
    vectors = np.concatenate([prompt.vectors for prompt in prompts])
    scaled = unit(vectors if common is None else vectors - common)
    names = tuple(prompt.name for prompt in prompts for _ in prompt.vectors)
    labels = tuple(f"{p.name} {n}".strip() for p in prompts for n in range(len(p.vectors)))
    return Similarity(names, labels, np.clip(scaled @ scaled.T, -1.0, 1.0), layer)
