"""Windows and requests with items to judge: labels, moments and ratings worked out by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.rated import TOKEN, rated, rating_of
from tests.toy import dataset, encoder
from tfprompt.data.batches import request_batches, training_batches
from tfprompt.errors import DataError
from tfprompt.models.ranking_pipeline import SAMPLED, RankingPipeline
from tfprompt.tasks.objective import Objective

DATA = rated()
SPLIT = DATA.leave_one_out()
TRAIN = SPLIT.train
WINDOW = 6
CLICK = Objective("click", negatives=3)


def pipeline(objective: Any = "rating", steps: int | None = None, **options: Any) -> Any:
    made = encoder(TOKEN, **{"max_history": WINDOW, **options})
    made.fit_columns(DATA.items.columns)
    made.build()
    objective = Objective(objective) if isinstance(objective, str) else objective
    return RankingPipeline(made, DATA.items.columns, objective, steps)


def windows(made: Any, epoch: int = 0, seed: int = 0, **options: Any) -> Iterator[Any]:
    """Each row of the windows of an epoch: its user, its first event, and what was made of it."""
    window = made.encoder.max_history
    raw = training_batches(TRAIN, window=window, batch_size=3, seed=seed, epoch=epoch)
    fields = made.training_fields(TRAIN)
    fed = made.judged_windows(
        TRAIN, fields, batch_size=3, seed=seed, epoch=epoch, **options
    )  # fmt: skip
    for batch, (x, y) in zip(raw, fed, strict=True):
        for place, row in enumerate(batch["row"]):
            user = int(TRAIN.user_ids[row][1:])
            first = int(batch["event"][place, 0] - 1)
            values = {name: value[place] for name, value in x.items()}
            yield user, first, values, y["label"][place]


def events(user: int) -> list[int]:
    row = TRAIN.user_ids.tolist().index(f"u{user}")
    return TRAIN.items[TRAIN.offsets[row] : TRAIN.offsets[row + 1]].tolist()


def judged(made: Any, **options: Any) -> list[Any]:
    """Every (user, items so far, item, label) that is judged."""
    found = []
    for user, _, x, labels in windows(made, **options):
        real = ~np.isnan(labels)
        assert ((x["candidates"] >= 0) == real).all()
        for moment, item, label in zip(
            x["moments"][real], x["candidates"][real], labels[real], strict=True
        ):
            found.append((user, tuple(x["history"][:moment].tolist()), int(item), float(label)))
    return sorted(found)


@pytest.mark.parametrize(
    ("objective", "label"),
    [
        (Objective("rating"), lambda rating: rating),
        (Objective("like"), lambda rating: float(rating >= 4)),
        (Objective("like", like=2.0), lambda rating: float(rating >= 2)),
    ],
)
def test_every_rated_event_is_judged_at_its_moment(objective: Objective, label: Any) -> None:
    expected = [
        (user, tuple(events(user)[:t]), item, label(rating_of(user, item)))
        for user in range(8)
        for t, item in enumerate(events(user))
        if len(events(user)) > 1 and not np.isnan(rating_of(user, item))
    ]
    assert judged(pipeline(objective)) == sorted(expected)
    assert any(np.isnan(rating_of(u, i)) for u in range(8) for i in events(u))


def test_windows_that_start_later_judge_what_follows_them() -> None:
    received = judged(pipeline(max_history=2), epoch=3)
    assert sorted(r[0::2] for r in received) == sorted(
        (user, item) for user in range(8) for item in events(user)
        if not np.isnan(rating_of(user, item))
    )  # fmt: skip
    for user, shown, item, rating in received:
        place = events(user).index(item)
        assert list(shown) == events(user)[place - len(shown) : place] and len(shown) <= 2
        assert rating == rating_of(user, item)


@pytest.mark.parametrize("window", [2, WINDOW])
def test_shown_ratings_are_those_of_the_items_shown(window: int) -> None:
    for user, _, x, _ in windows(pipeline(max_history=window), epoch=1):
        given = [rating_of(user, i) if i >= 0 else np.nan for i in x["history"].tolist()]
        np.testing.assert_array_equal(x["ratings"], np.array(given, "float32"))


def test_steps_are_drawn_without_replacement_and_anew_each_epoch() -> None:
    every, some = pipeline(), pipeline(steps=2)
    drawn = [judged(some, epoch=epoch) for epoch in range(3)]
    known = [judged(every, epoch=epoch) for epoch in range(3)]
    for few, many in zip(drawn, known, strict=True):
        assert set(few) < set(many) and len(few) == len(set(few))
        for user in range(8):
            of_user = [sum(row[0] == user for row in rows) for rows in (few, many)]
            assert of_user[0] == min(2, of_user[1])
    assert drawn[0] != drawn[1] != drawn[2]
    assert judged(some, epoch=1) == drawn[1]
    assert judged(some, seed=1) != drawn[0]
    assert set().union(*(judged(some, epoch=e) for e in range(30))) == set(known[0])
    for _, _, x, labels in windows(some):
        assert len(labels) <= 2 and (np.diff(x["moments"][~np.isnan(labels)]) > 0).all()


def test_a_click_and_its_negatives() -> None:
    trained, seen, accidents = set(np.flatnonzero(TRAIN.counts()).tolist()), set(), 0
    for epoch in range(3):
        for user, _, x, labels in windows(pipeline(CLICK), epoch=epoch):
            lists = x["candidates"].reshape(-1, 4), labels.reshape(-1, 4)
            for items, marks, moments in zip(*lists, x["moments"].reshape(-1, 4), strict=True):
                assert len(set(moments.tolist())) == 1
                if np.isnan(marks[0]):
                    assert (items == -1).all() and np.isnan(marks).all()
                    continue
                assert marks[0] == 1 and items[0] == events(user)[moments[0]]
                none = items[1:] < 0
                accidents += int(none.sum())
                assert (np.isnan(marks[1:]) == none).all() and (marks[1:][~none] == 0).all()
                assert items[0] not in items[1:]
                seen |= set(items[1:][~none].tolist())
    # One draw in a dozen is the click itself; an item that training never shows is no negative.
    assert accidents > 0 and seen <= trained


def test_hard_negatives_are_those_of_the_event() -> None:
    # Numbers that no item has, so that each can only come from its own event's list.
    count = len(TRAIN.items)
    lists = 1000 + 10 * np.arange(count)[:, None] + np.arange(3)
    lists[:, 2] = -1
    hard, drawn = np.concatenate([lists, TRAIN.items[:, None]], axis=1), set()
    for _, first, x, labels in windows(pipeline(CLICK), hard=hard):
        moments, marks = x["moments"].reshape(-1, 4), labels.reshape(-1, 4)
        for items, moment, known in zip(
            x["candidates"].reshape(-1, 4), moments[:, 0], marks, strict=True
        ):
            if items[0] >= 0:
                event = first + int(moment)
                assert set(items[1:].tolist()) <= {1000 + 10 * event, 1001 + 10 * event, -1}
                assert TRAIN.items[event] == items[0]
                assert (np.isnan(known[1:]) == (items[1:] == -1)).all()
                drawn |= set(items[1:].tolist())
    assert len(drawn) > count


def test_what_is_known_of_an_item_goes_with_its_event() -> None:
    made = pipeline(steps=3)
    made.item_bias = np.arange(len(TRAIN.items), dtype="float32")
    for _, first, x, labels in windows(made):
        real = ~np.isnan(labels)
        np.testing.assert_array_equal(x["item_bias"][real], first + x["moments"][real])
        assert not x["item_bias"][~real].any()
    data = made.training(TRAIN, batch_size=3, seed=0, epoch=lambda: 0)
    assert len(list(data)) == int(data.cardinality())


@pytest.mark.parametrize("objective", ["rating", "like"])
def test_requests_hold_the_judged_targets(objective: str) -> None:
    requests = DATA.ratio(0.1, 0.5).test
    assert max(np.diff(requests.target_offsets)) > 1
    made = pipeline(objective, max_history=3)
    fed = made.requests(requests, batch_size=3).as_numpy_iterator()
    raw = request_batches(requests, window=3, batch_size=3)
    for batch, (x, y) in zip(raw, fed, strict=True):
        for place, row in enumerate(batch["row"]):
            user, targets = int(requests.user_ids[row][1:]), requests.target(row).tolist()
            shown = requests.history(row)[-3:].tolist()
            assert x["history"][place][: len(shown)].tolist() == shown
            ratings = [rating_of(user, item) for item in shown]
            np.testing.assert_array_equal(x["ratings"][place][: len(shown)], ratings)
            count = len(targets)
            assert x["candidates"][place].tolist()[:count] == targets
            assert (x["candidates"][place][count:] == -1).all()
            assert (x["moments"][place] == len(shown)).all()
            given = np.array([rating_of(user, item) for item in targets])
            if objective == "like":
                given = np.where(np.isnan(given), given, given >= 4)
            np.testing.assert_array_equal(y["label"][place][:count], given)
            assert np.isnan(y["label"][place][count:]).all()


def test_a_click_is_ranked_among_unseen_items_or_in_the_shortlist() -> None:
    requests = SPLIT.test
    shortlist = np.tile(np.arange(12, dtype="int32"), (len(requests), 1))[:, :7]
    shortlist[:, 5] = -1
    for lists in (None, shortlist):
        fed = pipeline(CLICK).requests(requests, batch_size=3, shortlist=lists)
        raw = request_batches(requests, window=WINDOW, batch_size=3)
        for batch, (x, y) in zip(raw, fed.as_numpy_iterator(), strict=True):
            for place, row in enumerate(batch["row"]):
                items, labels = x["candidates"][place], y["label"][place]
                target = int(requests.target(row)[0])
                assert (np.isnan(labels) == (items == -1)).all()
                assert items[labels == 1].tolist() == ([target] if target in items else [])
                if lists is None:
                    unseen = set(range(12)) - set(requests.history(row).tolist()) | {target}
                    assert sorted(items[items >= 0].tolist()) == sorted(unseen)
                    assert items[0] == target and len(items) <= SAMPLED
                else:
                    np.testing.assert_array_equal(items, shortlist[row])


def test_ratings_that_are_not_there_are_asked_for() -> None:
    made, plain = pipeline(), dataset().leave_one_out()
    without = dataclasses.replace(SPLIT.test, target_ratings=None)
    for call in (
        lambda: made.training(plain.train, batch_size=3, seed=0, epoch=lambda: 0),
        lambda: made.requests(without, batch_size=3),
    ):
        with pytest.raises(DataError, match="learns from a column 'rating'.*objective='click'"):
            call()
    pipeline("click").requests(without, batch_size=3)


def test_ratings_below_zero_cannot_be_compared_in_lists() -> None:
    below = dataclasses.replace(TRAIN, ratings=TRAIN.ratings - 6)
    options: Any = {"batch_size": 3, "seed": 0, "epoch": lambda: 0}
    pipeline("rating").training(below, **options)
    with pytest.raises(DataError, match="Received: -5 with loss='softmax'"):
        pipeline(Objective("rating", "softmax")).training(below, **options)
    pipeline(Objective("like", "softmax", like=-3)).training(below, **options)
