"""A stage is answered from its own items."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.continual.streams import genres, rented
from tfprompt.continual import periods
from tfprompt.continual.asking import figure_of
from tfprompt.data.requests import Requests


class Same:
    """Scores the items alike for everybody, the given ones best."""

    name = "same"

    def __init__(self, best: np.ndarray, count: int) -> None:
        self.values = np.zeros(count)
        self.values[best] = np.arange(len(best), 0, -1)

    def scores(self, requests: Requests, rows: np.ndarray) -> np.ndarray:
        return np.tile(self.values, (len(rows), 1))


def test_items_of_other_stages_take_no_places() -> None:
    stage = genres()[1]
    one = dataclasses.replace(
        stage.test,
        user_ids=stage.test.user_ids[:1],
        histories=stage.test.history(0),
        history_offsets=np.array([0, len(stage.test.history(0))]),
        targets=stage.test.target(0),
        target_offsets=np.array([0, 1]),
        timestamps=stage.test.timestamps[:1],
        users=stage.test.users[:1],
    )
    asked = dataclasses.replace(stage, test=one)
    target = one.targets[0]
    strangers = np.flatnonzero(~stage.candidates)[:4]
    unseen = np.setdiff1d(np.flatnonzero(stage.candidates), [*one.histories, target])[:1]
    scorer = Same(np.array([*strangers, *unseen, target]), len(stage.candidates))
    # Second of the stage's own items, sixth of the catalog.
    assert figure_of(scorer, asked, "test", "mrr") == pytest.approx(1 / 2)
    whole = dataclasses.replace(asked, candidates=None)
    assert figure_of(scorer, whole, "test", "mrr") == pytest.approx(1 / 6)
    assert asked.fingerprint != whole.fingerprint


def test_candidates_are_what_has_occurred() -> None:
    for stream in (genres(), periods(rented(), 3)):
        for stage in stream:
            for part in (stage.validation, stage.test):
                assert stage.candidates[part.targets].all()
                assert stage.candidates[part.histories].all()
                assert f"the {stage.candidates.sum()} items of the" in part.protocol
    several = periods(rented(), 3)
    before = np.zeros(len(several.catalog), bool)
    for stage in several:
        own = [stage.train.items, stage.validation.targets, stage.test.targets]
        before[np.concatenate(own)] = True
        np.testing.assert_array_equal(stage.candidates, before)
