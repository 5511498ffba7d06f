"""Two stages and a re-ranking, against their parts taken one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfprompt as tp
from tests import toy
from tests.shop import ITEMS, recommender, shop, stages
from tfprompt.errors import CheckpointError, ConfigError, ExportError
from tfprompt.models.recommender import Recommender

TEST = shop().leave_one_out().test


def standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_lists_are_the_blend_of_both_stages(blend: float) -> None:
    model = recommender(blend=blend)
    retriever, ranker = stages()
    every = np.arange(len(TEST))
    first, second = retriever.scores(TEST, every), ranker.scores(TEST, every)
    for row, found in enumerate(model.lists(TEST)):
        allowed = np.setdiff1d(np.arange(ITEMS), TEST.history(row))
        shortlist = allowed[np.argsort(-first[row, allowed])[:10]]
        blended = (1 - blend) * standard(first[row, shortlist])
        blended = blended + blend * standard(second[row, shortlist])
        assert found.tolist() == shortlist[np.argsort(-blended)[:6]].tolist()


def test_without_a_ranker_the_order_is_the_retrievers() -> None:
    model = Recommender(stages()[0], retrieve=10, rank=6)
    expected = [[item.item_id for item in tp.recommend(stages()[0], user=u, data=shop(), k=6)]
                for u in ("u0", "u5")]  # fmt: skip
    found = [[item.item_id for item in model.recommend(user=u, data=shop(), k=6)]
             for u in ("u0", "u5")]  # fmt: skip
    assert found == expected


def test_evaluation_ranks_what_is_shown_first() -> None:
    model = recommender(diversity=0.4)
    scores = model.scores(TEST, np.arange(len(TEST)))
    order = np.argsort(-scores, axis=1)
    np.testing.assert_array_equal(order[:, :6], model.lists(TEST))
    report = tp.evaluate(model, TEST, baselines=False, bootstrap=0)
    assert report.name == "recommender" and 0 <= report["ndcg@10"] <= 1


def test_what_is_trained_or_blended_anew_is_ranked_anew() -> None:
    model = recommender()
    every = np.arange(len(TEST))
    first = model.scores(TEST, every)
    bias = model.ranker.head.trainable_variables[0]
    kept = np.array(bias.value)
    bias.assign(-5 * kept)
    changed = model.scores(TEST, every)
    np.testing.assert_array_equal(np.argsort(-changed, axis=1)[:, :6], model.lists(TEST))
    assert not np.array_equal(first, changed)
    bias.assign(kept)
    before = model.lists(TEST)
    model.blend = 0.0
    np.testing.assert_array_equal(model.lists(TEST), recommender(blend=0.0).lists(TEST))
    assert not np.array_equal(before, model.lists(TEST))
    with pytest.raises(ConfigError, match="0 to 1. Received: 2"):
        model.blend = 2


def test_tuning_takes_the_best_blend_of_validation() -> None:
    model = recommender()
    validation = shop().leave_one_out().validation
    figures = model.tune(validation, blends=(0.0, 0.5, 1.0))
    assert model.blend == max(figures, key=lambda blend: figures[blend])
    for blend, figure in figures.items():
        other = recommender(blend=blend, rank=10)
        report = tp.evaluate(other, validation, k=10, baselines=False, bootstrap=0)
        assert report["ndcg@10"] == pytest.approx(figure, abs=1e-6)


def test_caps_diversity_and_freshness_change_the_list() -> None:
    genres = shop().items.frame["genres"].to_list()
    capped = recommender(caps=2, strict=True).lists(TEST)
    for row in capped:
        shown = [genres[item] for item in row if item >= 0]
        assert max(shown.count(genre) for genre in set(genres)) <= 2
    plain = recommender().lists(TEST)
    assert not np.array_equal(plain, recommender(diversity=0.9).lists(TEST))
    years = np.array(shop().items.frame["year"].to_list())
    fresh = recommender(freshness=5.0, half_life=3.0, rank=3).lists(TEST)
    older = recommender(rank=3).lists(TEST)
    assert years[fresh[:, 0]].mean() >= years[older[:, 0]].mean()


@pytest.mark.parametrize("cross", [False, True])
def test_saved_and_loaded_it_answers_the_same(cross: bool, tmp_path: Path) -> None:
    model = recommender(cross, diversity=0.3, caps=3, blend=0.7)
    model.save_prompts(tmp_path / "shop")
    backbone = model.retriever.encoder.loaded
    again = tp.load(tmp_path / "shop", shop().items, backbone=backbone)
    assert isinstance(again, Recommender) and again.options() == model.options()
    np.testing.assert_array_equal(again.lists(TEST), model.lists(TEST))
    (tmp_path / "shop" / "recommender.json").write_text("{")
    with pytest.raises(CheckpointError, match="recommender.json"):
        tp.Recommender.load(tmp_path / "shop", shop().items, backbone=backbone)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rank": 0}, "rank=0"),
        ({"rank": 11}, "rank=11"),
        ({"blend": 1.5}, "1.5"),
        ({"diversity": 2.0}, "2.0"),
        ({"caps": 2, "category": "brand"}, "caps=2 .* category='brand'. .* 'brand'. The columns"),
        ({"freshness": 1.0, "half_life": 2.0, "age": "title"}, "age='title'. .*numeric column"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        recommender(**options)


def test_the_columns_of_caps_and_freshness_are_missed_before_any_training() -> None:
    plain = toy.retriever()  # its items have no genres and no year
    with pytest.raises(ConfigError, match="caps=4 .* category='genres'. .* 'title'"):
        Recommender(plain, caps=4)
    with pytest.raises(ConfigError, match="freshness=0.5 .* age='year'. .* 'title'"):
        Recommender(plain, freshness=0.5, half_life=3)
    Recommender(plain, diversity=0.2)


def test_a_longer_list_than_is_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rank=6.*k=7"):
        recommender().recommend(history=["i1"], k=7)
    with pytest.raises(ExportError, match="rank=6.*k=7"):
        recommender().export(tmp_path / "1", k=7)
