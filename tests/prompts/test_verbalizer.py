"""Words for answers: how they are written, kept, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tfprompt.errors import ConfigError
from tfprompt.prompts.verbalizer import Verbalizer


def test_words_of_values_in_the_order_of_the_values() -> None:
    made = Verbalizer.of({5: "great", 1: ["terrible", "awful film"], 3.5: ("okay",)})
    assert made.words == (("terrible", "awful film"), ("okay",), ("great",))
    assert made.values == (1.0, 3.5, 5.0)


def test_no_and_yes() -> None:
    made = Verbalizer.of(["no", ["yes", "sure"]])
    assert made.words == (("no",), ("yes", "sure")) and made.values is None


@pytest.mark.parametrize("words", [["no", "yes"], {1: ["bad", "poor"], 5: "good"}])
def test_what_is_kept_as_json_is_what_it_was(words: Any) -> None:
    made = Verbalizer.of(words)
    assert Verbalizer.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_trained_and_calibrated_words_are_kept_as_json_too() -> None:
    made = Verbalizer.of({1: "bad", 5: "good"}, soft=True, calibrated=True)
    assert made.soft and made.calibrated
    assert Verbalizer.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    # A file of before these options.
    old = {"words": [["no"], ["yes"]], "values": None}
    assert Verbalizer.from_dict(old) == Verbalizer.of(["no", "yes"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["yes"], "two classes, no and yes.*Received: 1"),
        (["bad", "fair", "good"], "two classes, no and yes.*Received: 3"),
        ([], "Received: 0"),
        ("no", "Received: 'no'"),
        (None, "Received: None"),
        (["no", ""], "has words"),
        (["no", []], "has words"),
        (["no", ["yes", "  "]], "has words"),
        (["no", None], "has words.*None"),
        ({}, "two classes or more.*Received: 0"),
        ({1: "bad"}, "two classes or more.*Received: 1"),
        ({1: "bad", 5: ""}, "has words"),
        ({"bad": "terrible", 5: "great"}, "numbers to words.*bad"),
        ({1: "bad", float("nan"): "great"}, "numbers to words.*nan"),
    ],
)
def test_what_says_nothing_is_refused(words: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){says}"):
        Verbalizer.of(words)


@pytest.mark.parametrize("values", [(1.0,), (1.0, 2.0, 3.0), (1.0, float("inf"))])
def test_each_class_is_worth_one_finite_number(values: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="each worth a finite number"):
        Verbalizer((("bad",), ("good",)), values)


@pytest.mark.parametrize("words", ["noyes", ("no", "yes")])
def test_letters_are_no_words(words: Any) -> None:
    with pytest.raises(ConfigError, match=r"Verbalizer\.of takes plain words"):
        Verbalizer(words)
