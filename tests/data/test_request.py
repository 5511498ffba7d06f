"""A request is checked where it is made: types at once, columns against the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from tfprompt.data import read
from tfprompt.data.dataset import Dataset
from tfprompt.data.request import Request
from tfprompt.errors import ConfigError, DataError
from tfprompt.prompts.template import Template

TEMPLATE = Template.parse("{age} {age:feature} {hour:feature} {device} {wish} {history:items}")


@pytest.fixture(scope="module")
def data() -> Dataset:
    events = pl.DataFrame(
        {
            "user_id": ["u1", "u1", "u1", "u2", "u2"],
            "item_id": ["a", "b", "c", "b", "a"],
            "rating": [5.0, None, 3.0, 4.0, 1.0],
            "timestamp": [1e9, 1e9 + 1, 1e9 + 2, 1e9, 1e9 + 9],
            "device": ["tv", "tv", "web", "web", "web"],
        }
    )
    users = pl.DataFrame({"user_id": ["u1", "u2"], "age": [30, None]})
    items = pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["A", "B", "C"], "price": [1, 2, 3]})
    return read(events, items, users, item_text="{title}", name="three")


def test_fields_become_plain_types() -> None:
    request = Request(
        user=7,  # type: ignore[arg-type]  # what a caller without types passes
        history=np.array(["a", "b"]),  # type: ignore[arg-type]
        history_ratings=[5, float("nan")],
        profile={"age": 30},
        context={"device": "tv"},
        wish="  a thriller \n",
        exclude=pl.Series(["c"]),  # type: ignore[arg-type]
    )
    assert (request.user, request.history, request.exclude) == ("7", ("a", "b"), ("c",))
    assert request.history_ratings == (5.0, None)
    assert request.wish == "a thriller"
    assert request.values == {"age": 30, "device": "tv"}
    assert Request() == Request(wish="", history=None, profile={})


def test_later_changes_do_not_reach_it() -> None:
    history, profile = ["a"], {"age": 1}
    request = Request(history=history, profile=profile)
    history.append("b")
    profile["age"] = 2
    assert request.history == ("a",) and request.profile == {"age": 1}
    with pytest.raises(AttributeError):
        request.wish = "x"  # type: ignore[misc]  # it is frozen


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"history": "a"}, "history is a list of item ids.*'a'"),
        ({"history": b"a"}, "history is a list"),
        ({"history": {"a": 1}}, "history is a list"),
        ({"history": 3}, "history is a list"),
        ({"history": ["a", None]}, "an id is a string. Received: None"),
        ({"history": [1.5]}, "an id is a string"),
        ({"history": [True]}, "an id is a string"),
        ({"exclude": "a"}, "exclude is a list"),
        ({"user": ["u"]}, "user: an id is a string"),
        ({"history_ratings": [1]}, "Received: 1 for 0"),
        ({"history": ["a"], "history_ratings": [1, 2]}, "Received: 2 for 1"),
        ({"history": ["a"], "history_ratings": "5"}, "list of numbers"),
        ({"history": ["a"], "history_ratings": ["5"]}, "A rating is a finite number"),
        ({"history": ["a"], "history_ratings": [float("inf")]}, "A rating is a finite number"),
        ({"history": ["a"], "history_ratings": [True]}, "A rating is a finite number"),
        ({"profile": [("age", 3)]}, "profile is a mapping"),
        ({"profile": {1: 2}}, "name of a column is a string"),
        ({"context": {"device": ["tv"]}}, "device has one value"),
        ({"profile": {"age": b"3"}}, "age has one value"),
        ({"profile": {"age": 3}, "context": {"age": 4}}, "'age' in both"),
        ({"wish": 3}, "A wish is a string. Received: int"),
        ({"wish": "x" * 10_001}, "at most 10,000 characters. Received: 10,001"),
    ],
)
def test_wrong_types_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Request(**given)


def test_the_longest_wish() -> None:
    assert len(Request(wish=" " + "x" * 10_000 + " ").wish) == 10_000


def test_of_a_known_user(data: Dataset) -> None:
    request = Request.of(data, "u1", wish="short", context={"device": "tv"})
    assert request.history == ("a", "b", "c")
    assert request.history_ratings == (5.0, None, 3.0)
    assert (request.profile["age"], request.wish, request.user) == (30, "short", "u1")
    later = Request.of(data, "u1", history=["a", "x"], profile={"age": 31}, exclude=["b"])
    assert later.history == ("a", "b", "c", "a", "x")
    assert later.history_ratings == (5.0, None, 3.0, None, None)
    assert (later.profile["age"], later.exclude) == (31, ("b",))
    rated = Request.of(data, "u1", history=["a"], history_ratings=[2])
    assert rated.history_ratings == (5.0, None, 3.0, 2.0)
    moved = Request.of(data, "u1", context={"age": 40})
    assert "age" not in moved.profile and moved.values["age"] == 40


def test_of_a_user_without_ratings() -> None:
    plain = read(pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"]}), name="plain")
    assert Request.of(plain, "u").history_ratings is None
    rated = Request.of(plain, "u", history=["a"], history_ratings=[3])
    assert rated.history_ratings == (None, None, 3.0)


def test_of_an_unknown_user(data: Dataset) -> None:
    with pytest.raises(DataError, match="no user 'u11'. Near it: u1"):
        Request.of(data, "u11")


@pytest.mark.parametrize(
    "given",
    [
        {"history": []},
        {"wish": "x"},
        {"profile": {"age": None}},
        {"profile": {"age": "30"}},
        {"context": {"device": "fridge", "hour": "23"}},
        {"context": {"timestamp": 1e9}},
        {"profile": {"user_id": "u1", "weekday": 0.0}},
    ],
)
def test_what_fits_the_data(data: Dataset, given: dict[str, Any]) -> None:
    Request(**given).check(data.items, TEMPLATE)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "needs a user of the data, a history, a profile or a wish. Received: none"),
        ({"user": "u1"}, r"Received: user='u1', a label alone. Request.of\(data, user\)"),
        ({"exclude": ["a"]}, "needs a user"),
        ({"profile": {"agge": 3}}, "reads age, device, hour. Received: 'agge'. Did you mean 'age'"),
        ({"context": {"devices": "tv"}}, "Did you mean 'device'"),
        ({"profile": {"price": 3}}, "'price'. It is a column of the items"),
        ({"profile": {"zzz": 3}}, r"Received: 'zzz'\.$|Received: 'zzz'"),
        ({"profile": {"rating": 3}}, "'rating'"),
        ({"profile": {"age": "old"}}, "age is a number. Received: 'old'"),
        ({"context": {"hour": 24}}, "hour is a whole number, 0 to 23. Received: 24"),
        ({"context": {"weekday": "Monday"}}, "weekday is a whole number, 0 to 6"),
        ({"context": {"month": -1}}, "0 to 11"),
        ({"context": {"timestamp": "noon"}}, "timestamp is seconds"),
    ],
)
def test_what_does_not_fit_the_data(data: Dataset, given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Request(**given).check(data.items, TEMPLATE)


def test_a_wish_needs_a_place_in_the_template(data: Dataset) -> None:
    bare = Template.parse("{soft:2} {age}")
    with pytest.raises(ConfigError, match="has neither"):
        Request(wish="x").check(data.items, bare)
    Request(wish="x").check(data.items, Template.parse("{soft:2} {wish}"))
    Request(profile={"age": 3}).check(data.items, bare)
