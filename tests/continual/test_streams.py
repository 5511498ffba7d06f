"""Stages share no event, and none sees what comes later."""

from __future__ import annotations

import numpy as np
import pytest

from tests.continual.streams import EVENTS, USERS, rented
from tfprompt.continual import markets, periods
from tfprompt.data.requests import Requests
from tfprompt.errors import ConfigError, DataError


def test_periods_share_no_event_and_never_look_ahead() -> None:
    data = rented()
    stream = periods(data, 3)
    days = [name.split(": ")[1] for name in stream.names]  # six of 18 days each, from 1e9 s on
    assert days == [f"2001-09-{a:02} to 2001-09-{b:02}" for a, b in ((9, 15), (15, 21), (21, 26))]
    seen, latest = 0, 0.0
    for number, stage in enumerate(stream):
        moments = np.concatenate(
            [stage.train.timestamps, stage.validation.timestamps, stage.test.timestamps]
        )
        seen += len(moments)
        if number:
            assert moments.min() > latest
            assert stage.train.timestamps.min() > latest
        latest = moments.max()
        for part in (stage.validation, stage.test):
            _histories_are_all_that_came_before(part)
    assert seen == USERS * EVENTS  # every event is in one part of one stage


def _histories_are_all_that_came_before(part: Requests) -> None:
    data = rented()
    user_of = {user: row for row, user in enumerate(data.user_ids)}
    for row, user in enumerate(part.user_ids):
        begin, end = data.event_offsets[user_of[user] :][:2]
        items, times = data.event_items[begin:end], data.timestamps[begin:end]
        np.testing.assert_array_equal(part.history(row), items[times < part.timestamps[row]])
        np.testing.assert_array_equal(part.target(row), items[times == part.timestamps[row]])


def test_markets_share_no_item_and_see_their_own_events_alone() -> None:
    data = rented()
    stream = markets(data, "genres", ["comedy", "drama"])
    texts = data.items.frame["genres"].to_list()
    found = []
    for stage, value, others in zip(stream, ("comedy", "drama"), ((), ("comedy",)), strict=True):
        items = {*stage.train.items.tolist()}
        for part in (stage.validation, stage.test):
            items |= {*part.histories.tolist(), *part.targets.tolist()}
        assert all(value in texts[item] for item in items)
        assert not any(other in texts[item] for item in items for other in others)
        found.append(items)
        for row in range(len(stage.test)):  # the target of validation is the newest of the past
            assert stage.test.history(row)[-1] == stage.validation.target(row)[0]
            assert not {*stage.test.target(row)} & {*stage.test.history(row)}
    assert not found[0] & found[1]


def test_markets_of_users() -> None:
    stream = markets(rented(), "home")
    assert sorted(stream.names) == ["land", "town"]
    assert {*stream[0].train.user_ids}.isdisjoint(stream[1].train.user_ids)
    assert sum(len(stage.test) for stage in stream) == USERS


def test_fingerprints_tell_streams_apart() -> None:
    names = {
        periods(rented(), 3).fingerprint,
        periods(rented(), 2).fingerprint,
        markets(rented(), "genres", ["comedy", "drama"]).fingerprint,
        markets(rented(), "genres", ["drama", "comedy"]).fingerprint,
    }
    assert len(names) == 4
    assert periods(rented(), 3).fingerprint == periods(rented(), 3).fingerprint


def test_refusals() -> None:
    data = rented()
    with pytest.raises(ConfigError, match="two periods or more"):
        periods(data, 1)
    with pytest.raises(ConfigError, match="column of items or users: item_id, title, genres"):
        markets(data, "colour")
    with pytest.raises(ConfigError, match="two markets or more"):
        markets(data, "genres", ["comedy", "comedy"])
    with pytest.raises(ConfigError, match="at least 3"):
        markets(data, "home", min_events=2)
    with pytest.raises(DataError, match="events to train on"):
        markets(data, "genres", ["comedy", "opera"])
