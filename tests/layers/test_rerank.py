"""Re-ranking against a brute-force choice in float64, and what must hold of any list."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.layers.reranking import (
    DIVERSE,
    LOWEST,
    G,
    Items,
    N,
    V,
    adapted,
    assert_same,
    case,
    exact_items,
    expected,
    random_items,
    reference,
    requests,
    settings,
)
from tfprompt.errors import ConfigError
from tfprompt.layers import Rerank


@pytest.mark.parametrize("seed", range(40))
def test_exact_numbers_with_ties_equal_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    items = exact_items(rng)
    layer = adapted(items, **settings(seed))
    scores, rows = requests(rng, size=6, length=int(rng.integers(2, 16)), exact=True)
    assert_same(layer(scores, rows), expected(scores, rows, items, layer))


def test_random_numbers_equal_the_definition() -> None:
    compared = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        items = random_items(rng)
        layer = adapted(items, **settings(seed))
        scores, rows = requests(rng, size=6, length=int(rng.integers(2, 16)), exact=False)
        # Where float32 and float64 may rank two candidates differently there is nothing to say.
        clear = [
            reference(s, r, items, layer).lead > 1e-5 for s, r in zip(scores, rows, strict=True)
        ]
        compared += sum(clear)
        found, kept = (keras.ops.convert_to_numpy(out)[clear] for out in layer(scores, rows))
        assert_same((found, kept), expected(scores[clear], rows[clear], items, layer))
    assert compared >= 200


def test_a_list_by_hand() -> None:
    # Rows 0 and 1 are the same film twice; 2 is at cosine 0.6 to them, 3 at 0.
    items = Items(
        np.array([[1.0, 0], [2, 0], [0.6, 0.8], [0, 1]]),
        np.array([[1, 0], [1, 0], [0, 1], [1, 1]], bool),
        np.array([3.0, 0.0, 6.0, np.nan]),
    )
    scores, rows = np.array([[10.0, 9, 8, 6]], "float32"), np.array([[0, 1, 2, 3]])

    def chosen(**arguments: Any) -> list[int]:
        return keras.ops.convert_to_numpy(
            adapted(items, k=3, **arguments)(scores, rows)[0]
        ).tolist()[0]

    assert chosen() == [0, 1, 2]
    # Relevance 1, .75, .5, 0. Second place: .375 - .5, .25 - .3, 0 - 0; third: 0 - .5 · 1
    # for row 1, .25 - .5 · .8 for row 2.
    assert chosen(diversity=0.5) == [0, 3, 1]
    # Gains .5 · (1/2, 1, 1/4, 0): 1.25, 1.25, .625, 0. A tie goes to the higher score.
    assert chosen(freshness=0.5, half_life=3) == [0, 1, 2]
    assert chosen(freshness=0.6, half_life=3) == [1, 0, 2]
    assert chosen(caps=1) == [0, 2, 1]
    assert chosen(caps=1, strict=True) == [0, 2, -1]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 50])
def test_without_settings_it_is_the_plain_top_k(length: int) -> None:
    rng = np.random.default_rng(length)
    layer = Rerank(k=5)
    layer.adapt(rng.normal(size=(60, V)))
    # Scores an ulp apart, which scaling would merge, and ties.
    scores = np.float32(1000) + rng.integers(0, 20, (30, length)).astype("float32") * 2**-14
    rows = np.stack([rng.permutation(60)[:length] for _ in range(30)]).astype("int32")
    found, kept = layer(scores, rows)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    got = min(length, 5)
    np.testing.assert_array_equal(found[:, :got], np.take_along_axis(rows, order, 1))
    np.testing.assert_array_equal(kept[:, :got], np.take_along_axis(scores, order, 1))
    assert (found[:, got:] == -1).numpy().all() and (kept[:, got:] == LOWEST).numpy().all()
    assert not layer.weights


def test_scores_that_say_no_are_no_candidates_and_huge_ones_are_no_trouble() -> None:
    layer, _, _ = case(k=5, caps=None, freshness=0.0)
    scores = np.array([[np.nan, 3e38, -np.inf, -3e38, LOWEST, np.inf]], "float32")
    found, kept = layer(scores, np.arange(6)[None])
    assert sorted(found.numpy()[0].tolist()) == [-1, -1, 1, 3, 5]
    assert found.numpy()[0, 0] == 5 and kept.numpy()[0, 0] == np.inf


def test_more_diversity_is_more_distance() -> None:
    rng = np.random.default_rng(0)
    items = random_items(rng)
    unit = items.vectors / np.linalg.norm(items.vectors, axis=1, keepdims=True)
    scores, rows = rng.normal(size=(100, 30)), np.stack([rng.permutation(N)[:30]] * 100)
    distances, relevances = [], []
    for diversity in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        found, kept = adapted(items, k=6, diversity=diversity)(scores, rows)
        lists = unit[found.numpy()]
        cosines = lists @ lists.transpose(0, 2, 1)
        distances.append(1 - (cosines.sum() / 100 - 6) / 30)
        relevances.append(kept.numpy().mean())
    assert distances == sorted(distances) and distances[-1] > distances[0] + 0.2
    assert relevances == sorted(relevances, reverse=True)


@pytest.mark.parametrize("caps", [1, 2, 3])
def test_a_strict_cap_holds_and_a_soft_one_fills_the_list(caps: int) -> None:
    rng = np.random.default_rng(caps)
    items = random_items(rng)
    scores, rows = rng.normal(size=(50, 20)), np.stack([rng.permutation(N)[:20]] * 50)
    lists = {}
    for strict in (True, False):
        layer = adapted(items, k=15, diversity=0.3, caps=caps, strict=strict)
        lists[strict] = layer(scores, rows)[0].numpy()
    held = items.categories[lists[True]] & (lists[True] >= 0)[..., None]
    assert held.sum(axis=1).max() == caps
    assert (lists[True] == -1).any() and (lists[False] >= 0).all()
    kept = lists[True] >= 0
    np.testing.assert_array_equal(lists[False][kept], lists[True][kept])


def test_the_scale_of_the_scores_does_not_matter() -> None:
    layer, scores, rows = case()
    np.testing.assert_array_equal(layer(scores * 64 - 512, rows)[0], layer(scores, rows)[0])


def test_tables_that_no_setting_reads_are_not_kept() -> None:
    names = {
        name: [weight.name for weight in case(**arguments)[0].weights]
        for name, arguments in {
            "all": {},
            "vectors": {"caps": None, "freshness": 0.0},
            "categories": {"diversity": 0.0, "freshness": 0.0},
        }.items()
    }
    assert names["all"] == ["vectors", "categories", "age"]
    assert names["vectors"] == ["vectors"] and names["categories"] == ["categories"]


ITEMS = random_items(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Rerank(0), "k=0"),
        (lambda: Rerank(1, diversity=1.5), "Received: 1.5"),
        (lambda: Rerank(1, diversity=float("nan")), "Received: nan"),
        (lambda: Rerank(1, freshness=-1), "Received: -1"),
        (lambda: Rerank(1, freshness=1), "needs a half_life"),
        (lambda: Rerank(1, half_life=0), "Received: 0"),
        (lambda: Rerank(1, caps=0), "Received: 0.*leave its items out"),
        (lambda: Rerank(1)(np.ones((1, 2)), np.ones((1, 2), int)), "Call adapt"),
        (lambda: Rerank(1, **DIVERSE, count=3).build(), "width=None"),
        (lambda: Rerank(1).adapt(np.ones(3)), r"shape \(3,\)"),
        (lambda: Rerank(1).adapt(np.ones((0, 3))), r"shape \(0, 3\)"),
        (lambda: Rerank(1).adapt(np.full((2, 3), np.nan)), "6 numbers not finite"),
        (lambda: Rerank(1, caps=1).adapt(ITEMS.vectors), "categories.*Received: None"),
        (lambda: Rerank(1, caps=1).adapt(ITEMS.vectors, np.ones((3, 2))), r"shape \(3, 2\)"),
        (lambda: Rerank(1, caps=1).adapt(ITEMS.vectors, np.ones((N, 0))), r"shape \(40, 0\)"),
        (lambda: Rerank(1, freshness=1, half_life=1).adapt(ITEMS.vectors), "Received: None"),
        (lambda: case()[0].adapt(np.ones((3, V)), np.ones((3, G)), np.ones(3)), "N=3.*new one"),
        (lambda: case()[0](np.ones((1, 2)), np.ones((1, 3), int)), r"\(1, 2\) and \(1, 3\)"),
        (lambda: case()[0](np.ones(2), np.ones(2, int)), r"\(2,\) and \(2,\)"),
    ],
)
def test_what_cannot_work_is_refused(make: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()
