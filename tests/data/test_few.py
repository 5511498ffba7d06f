"""Small training parts: whose events they hold, and whose labels."""

from __future__ import annotations

import numpy as np
import pytest

import tfprompt as tp
from tests.rated import rated
from tests.toy import dataset
from tfprompt.errors import ConfigError, DataError


def test_few_users_keep_all_their_events_and_nothing_else_changes() -> None:
    split = dataset().leave_one_out()
    few, fewer = (tp.data.few_shot(split, users=n, seed=3) for n in (4, 2))
    assert set(fewer.train.user_ids) < set(few.train.user_ids) < set(split.train.user_ids)
    for row, user in enumerate(few.train.user_ids):
        whole = split.train.user_ids.tolist().index(user)
        own, theirs = (slice(*t.offsets[r : r + 2])
                       for t, r in ((few.train, row), (split.train, whole)))  # fmt: skip
        np.testing.assert_array_equal(few.train.items[own], split.train.items[theirs])
        np.testing.assert_array_equal(few.train.timestamps[own], split.train.timestamps[theirs])
        assert few.train.users.row(row) == split.train.users.row(whole)
        assert few.train.context["device"][own].tolist() == (
            split.train.context["device"][theirs].tolist()
        )
    for name in ("validation", "test"):
        before, after = getattr(split, name), getattr(few, name)
        np.testing.assert_array_equal(before.targets, after.targets)
        np.testing.assert_array_equal(before.histories, after.histories)
        assert after.train is few.train  # what baselines are fitted on
    assert few.fingerprint != split.fingerprint
    other = tp.data.few_shot(split, users=4, seed=4)
    assert set(other.train.user_ids) != set(few.train.user_ids)
    assert len(tp.data.few_shot(split, users=99).train) == len(split.train)


def test_examples_are_the_only_labels_and_stand_last() -> None:
    split = rated().leave_one_out()
    few = tp.data.few_shot(split, examples=3, like=3.0, history=2, seed=1).train
    labelled = np.flatnonzero(~np.isnan(few.ratings))
    assert labelled.tolist() == (few.offsets[1:] - 1).tolist() and len(few) == 6
    assert (few.ratings[labelled] >= 3.0).sum() == 3
    assert set(np.diff(few.offsets)) <= {2, 3}
    events = {
        (user, item): rating
        for user, item, rating in zip(
            np.repeat(split.train.user_ids, np.diff(split.train.offsets)),
            split.train.items, split.train.ratings, strict=True,
        )
    }  # fmt: skip
    users = np.repeat(few.user_ids, np.diff(few.offsets))
    for place in labelled:
        assert events[users[place], few.items[place]] == few.ratings[place]
        # What comes before it is what its user did before.
        row = split.train.user_ids.tolist().index(users[place])
        own = split.train.items[slice(*split.train.offsets[row : row + 2])].tolist()
        at = own.index(few.items[place])
        begin = few.offsets[np.searchsorted(few.offsets, place, side="right") - 1]
        assert few.items[begin:place].tolist() == own[max(0, at - 2) : at]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, ConfigError, "users=None, examples=None.*one of them"),
        ({"users": 2, "examples": 2}, ConfigError, "users=2, examples=2"),
        ({"users": 0}, ConfigError, "users=0.*without fit"),
        ({"examples": 999}, DataError, "follow another one.*examples=999.*fewer"),
        ({"examples": 1, "history": -1}, ConfigError, "0 events before it or more.*-1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, error, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=f"(?s){says}"):
        tp.data.few_shot(rated().leave_one_out(), **options)


def test_examples_need_ratings() -> None:
    with pytest.raises(DataError, match="(?s)column 'rating'.*users instead"):
        tp.data.few_shot(dataset().leave_one_out(), examples=1)
