"""How much the read-out looks at each segment of the template."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfprompt.explain.report import Bar, Bars, Grid, Report, Shown


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Attention(Shown):
    """Attention of the position that is read out; each row sums to 1.

    Attributes:
        layers: the upper layers `[L]`, numbered as in the backbone.
        segments: the segment of each token `[S]`; the pieces of a word are one token.
        labels: what each token is `[S]`.
        weights: float32 `[L, heads, S]`.
    """

    layers: tuple[int, ...]
    segments: tuple[str, ...]
    labels: tuple[str, ...]
    weights: np.ndarray

    def by_segment(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The segments, and how much is looked at each: `[L, heads, G]`."""
        names = tuple(dict.fromkeys(self.segments))
        at = np.array([[segment == name for name in names] for segment in self.segments])
        return names, self.weights @ at.astype(np.float32)

    def report(self) -> Report:
        """Layers by segments, averaged over heads; heads of the last layer; the tokens."""
        names, shares = self.by_segment()
        grids = [
            Grid("Attention by layer, mean of the heads", self._layer_names(), names,
                 shares.mean(axis=1), note="Rows sum to 1.")
        ]  # fmt: skip
        for layer, heads in zip(self.layers, shares, strict=True):
            labels = tuple(f"head {number}" for number in range(len(heads)))
            grids.append(Grid(f"Heads of layer {layer}", labels, names, heads))
        last = self.weights[-1].mean(axis=0)
        bars = Bars(
            f"Attention of layer {self.layers[-1]} by token, mean of the heads",
            tuple(Bar(*each) for each in zip(self.labels, map(float, last), self.segments,
                                             strict=True)),
            signed=False,
        )  # fmt: skip
        note = (
            "Attention says where the read-out looks, not what it makes of it; for what raised a "
            "score see its attribution."
        )
        return Report("Attention of the read-out", (note,), (*grids, bars))

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        names, shares = self.by_segment()
        return {
            "layers": list(self.layers),
            "segments": list(names),
            "mean_of_heads": shares.mean(axis=1).round(6).tolist(),
            "heads": shares.round(6).tolist(),
            "tokens": [
                {"segment": segment, "label": label, "mean_of_heads": values.round(6).tolist()}
                for segment, label, values in zip(
                    self.segments, self.labels, self.weights.mean(axis=1).T, strict=True
                )
            ],
        }

    def _layer_names(self) -> tuple[str, ...]:
        return tuple(f"layer {number}" for number in self.layers)
