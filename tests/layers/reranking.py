"""The definition of re-ranking, word for word, and requests to try it on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from tfprompt.layers import Rerank

LOWEST = np.finfo("float32").min
N, V, G = 40, 8, 3
DIVERSE = {"diversity": 0.5}
EVERYTHING = {"diversity": 0.5, "freshness": 0.25, "half_life": 2.0, "caps": 2}


@dataclass
class Items:
    vectors: np.ndarray
    categories: np.ndarray
    age: np.ndarray


@dataclass
class Choice:
    """The rows of one list, and how clearly each was the best."""

    places: list[int] = field(default_factory=list)
    lead: float = np.inf


def reference(scores: Any, rows: Any, items: Items, layer: Rerank) -> Choice:
    """The definition, word for word, for one request."""
    scores, vectors = np.asarray(scores, "float64"), np.asarray(items.vectors, "float64")
    real = [c for c in range(len(rows)) if 0 <= rows[c] < len(vectors)]
    if not real:
        return Choice()
    low, high = scores[real].min(), scores[real].max()
    relevance = (scores - low) / (high - low if high > low else 1.0)

    def cosine(one: int, other: int) -> float:
        first, second = vectors[rows[one]], vectors[rows[other]]
        length = np.linalg.norm(first) * np.linalg.norm(second)
        return first @ second / length if length else 0.0

    def value(c: int, chosen: list[int]) -> float:
        gain = 0.0
        if layer.freshness and not np.isnan(items.age[rows[c]]):
            gain = layer.freshness * 2.0 ** (-max(items.age[rows[c]], 0) / layer.half_life)
        nearest = max((cosine(c, other) for other in chosen), default=0.0)
        return (1 - layer.diversity) * (relevance[c] + gain) - layer.diversity * nearest

    def fits(c: int, chosen: list[int]) -> bool:
        if layer.caps is None:
            return True
        held = items.categories[rows[chosen]].sum(axis=0) if chosen else np.zeros(G)
        return not (items.categories[rows[c]] & (held >= layer.caps)).any()

    result = Choice()
    while len(result.places) < layer.k:
        left = [c for c in real if c not in result.places]
        allowed = [c for c in left if fits(c, result.places)]
        pool = allowed or ([] if layer.strict else left)
        if not pool:
            break
        ranked = sorted(pool, key=lambda c: (-value(c, result.places), -scores[c], c))
        if len(ranked) > 1:
            first, second = (value(c, result.places) for c in ranked[:2])
            result.lead = min(result.lead, first - second)
        result.places.append(ranked[0])
    return result


def expected(scores: Any, rows: Any, items: Items, layer: Rerank) -> tuple[Any, Any]:
    places = [reference(s, r, items, layer).places for s, r in zip(scores, rows, strict=True)]
    found = np.full((len(rows), layer.k), -1)
    kept = np.full((len(rows), layer.k), LOWEST, "float32")
    for b, chosen in enumerate(places):
        found[b, : len(chosen)] = rows[b, chosen]
        kept[b, : len(chosen)] = scores[b, chosen]
    return found, kept


def settings(seed: int) -> dict[str, Any]:
    """Numbers that float32 holds exactly, in every combination."""
    rng = np.random.default_rng(seed)
    return {
        "k": int(rng.integers(1, 9)),
        "diversity": float(rng.choice([0, 0.25, 0.5, 1])),
        "freshness": float(rng.choice([0, 0.5])),
        "half_life": 2.0,
        "caps": [None, 1, 2, 4][rng.integers(4)],
        "strict": bool(rng.integers(2)),
    }


def exact_items(rng: np.random.Generator) -> Items:
    """Cosines are multiples of 1/4, half-lives whole, and many items are equal."""
    vectors = np.zeros((N, V))
    for vector in vectors:
        ones = rng.choice([0, 1, 4], p=[0.1, 0.4, 0.5])
        vector[rng.choice(V, ones, replace=False)] = rng.choice([-1, 1], ones)
    vectors *= rng.choice([0.5, 1, 3], (N, 1))
    age = rng.choice([-2.0, 0.0, 2.0, 6.0, np.nan], N)
    return Items(vectors, rng.random((N, G)) < 0.4, age)


def random_items(rng: np.random.Generator) -> Items:
    return Items(
        rng.normal(size=(N, V)) + 0.5, rng.random((N, G)) < 0.3, rng.exponential(3.0, size=N)
    )


def requests(rng: np.random.Generator, size: int, length: int, exact: bool) -> tuple[Any, Any]:
    """Distinct rows with padding anywhere; the first request has none, the second all of them."""
    rows = np.stack([rng.permutation(N)[:length] for _ in range(size)]).astype("int32")
    if exact:
        scores = rng.integers(0, 9, rows.shape) / 8.0
        scores[:, :1], scores[:, 1:2] = 0, 1  # a span that divides without rounding
        scores = scores * 2.0 ** rng.integers(-3, 4) + rng.integers(-4, 4)
    else:
        scores = rng.normal(size=rows.shape) * 10.0 ** rng.integers(-2, 3)
    drop = rng.random(rows.shape) < rng.choice([0, 0.2, 0.6])
    drop[:, :2] = False
    rows[drop] = rng.choice([-1, -7, N, N + 5], drop.sum())
    rows[:1] = -1
    return scores.astype("float32"), rows


def adapted(items: Items, **arguments: Any) -> Rerank:
    layer = Rerank(**arguments)
    layer.adapt(items.vectors, items.categories, items.age)
    return layer


def case(seed: int = 0, size: int = 4, length: int = 12, **arguments: Any) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    layer = adapted(random_items(rng), **{"k": 6, **EVERYTHING, **arguments})
    return (layer, *requests(rng, size, length, exact=False))


def assert_same(received: Any, wanted: Any) -> None:
    for one, other in zip(received, wanted, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(one), other)
