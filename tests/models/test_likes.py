"""What a ranker of likes knows before its prompts: who likes what, not how they rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import rated
from tests.rated import TOKEN, ranker
from tfprompt.errors import DataError
from tfprompt.layers import RatingBias
from tfprompt.tasks.objective import Objective

DATA = rated.rated()
SPLIT = DATA.leave_one_out()
LIKE = Objective("like", like=3.0)


def test_untrained_it_is_the_logit_of_likes_of_user_and_item() -> None:
    model = ranker(TOKEN, LIKE)
    model.prepare()
    model.mark_warm(SPLIT.train)
    train = SPLIT.train
    users = np.repeat(np.arange(len(train)), np.diff(train.offsets))
    alone = RatingBias(len(DATA.items), 0.5, 0.5, 5.0, 2.0)
    liked = np.where(np.isnan(train.ratings), np.float32("nan"), train.ratings >= 3)
    assert np.isnan(liked).any()
    without = alone.fit_items(users, train.items, liked)
    np.testing.assert_allclose(model.likes.items, alone.items, atol=1e-6)
    np.testing.assert_allclose(model.pipeline.item_bias, without, atol=1e-6)
    history = np.array([[0, 3, 5, -1]], "int32")
    ratings = np.array([[5.0, 1.0, np.nan, np.nan]], "float32")
    rows, moments = np.array([[1, 7, 2]], "int32"), np.array([[0, 1, 3]], "int32")
    inputs = {"history": history, "ratings": ratings, "candidates": rows, "moments": moments}
    text = model.pipeline.training_fields(train).take(np.array([0]))
    liked = np.array([[1.0, 0.0, np.nan, np.nan]], "float32")
    expected = 2 * np.asarray(alone(rows, moments, history, liked))
    neighbours = model.neighbours
    model.neighbours = None
    np.testing.assert_allclose(model({**text, **inputs}), expected, atol=1e-5)
    model.neighbours = neighbours
    assert not set(map(id, model.bias.trainable_variables)) & set(
        map(id, model.trainable_variables)
    )


@pytest.mark.parametrize("kind", ["like", "click"])
def test_what_was_measured_is_kept(kind: str, tmp_path: Path) -> None:
    objective = LIKE if kind == "like" else "click"
    model = ranker(TOKEN, objective)
    model.compile(run_eagerly=True)
    model.fit(SPLIT.train, epochs=1, verbose=0)
    model.save_prompts(tmp_path / "saved")
    again = ranker(TOKEN, objective)
    again.compile(run_eagerly=True)
    again.load_prompts(tmp_path / "saved")
    pairs = {
        "like": lambda m: [m.likes.items, m.bias.items],
        "click": lambda m: [m.together.near, m.together.similarity, m.together.users],
    }[kind]
    for kept, was in zip(pairs(again), pairs(model), strict=True):
        assert np.abs(np.asarray(was)).max() > 0
        np.testing.assert_array_equal(kept, was)
    targets = SPLIT.test.targets
    lists = np.tile(targets[:3], (len(SPLIT.test), 1)) + np.arange(3)[None]
    rows = np.arange(len(SPLIT.test))
    scores = [m.scores_of(SPLIT.test, rows, lists % len(DATA.items)) for m in (model, again)]
    np.testing.assert_allclose(*scores, atol=1e-6)


@pytest.mark.parametrize("like", [0.5, 5.5])
def test_without_a_difference_there_is_nothing_to_learn(like: float) -> None:
    made = ranker(TOKEN, Objective("like", like=like))
    says = f"of {like:g} or more and from lower ones. Received: .* ratings of 1 to 5"
    with pytest.raises(DataError, match=says):
        made.fit(rated.rated().leave_one_out().train, verbose=0)
