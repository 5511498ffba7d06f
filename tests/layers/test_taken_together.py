"""Item-kNN inside a model: equal to the baseline, and to the baseline without one user."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.evaluation.toy import requests, sequences
from tfprompt.errors import ConfigError
from tfprompt.evaluation import ItemKNN
from tfprompt.evaluation.baselines.item_knn import neighbours_of, users_of_items
from tfprompt.layers import TakenTogether

ITEMS, USERS = 30, 40


def histories(seed: int = 0) -> list[list[int]]:
    """Each user's items, none twice, of some that are taken more often than others."""
    rng = np.random.default_rng(seed)
    weight = rng.random(ITEMS) ** 2
    return [
        rng.choice(ITEMS, rng.integers(3, 12), replace=False, p=weight / weight.sum()).tolist()
        for _ in range(USERS)
    ]


def layer(events: list[list[int]], neighbours: int = ITEMS - 1, **options: float) -> TakenTogether:
    train = sequences(ITEMS, events)
    made = TakenTogether(ITEMS, neighbours, **options)
    made.adapt(*neighbours_of(train, neighbours, made.shrinkage), users_of_items(train))
    made.gain.assign(1.0)
    return made


@pytest.mark.parametrize("neighbours", [1, 5, ITEMS - 1])
def test_it_is_the_baseline(neighbours: int) -> None:
    events = histories()
    train = sequences(ITEMS, events)
    asked = requests(ITEMS, events, [[0]] * USERS, train=train)
    expected = ItemKNN(train, neighbours=neighbours, shrinkage=2.0, decay=0.7).scores(
        asked, np.arange(USERS)
    )
    made = layer(events, neighbours, shrinkage=2.0, decay=0.7)
    longest = max(map(len, events))
    history = np.array([own + [-1] * (longest - len(own)) for own in events])
    rows = np.tile(np.arange(ITEMS), (USERS, 1))
    moments = np.repeat([[len(own)] for own in events], ITEMS, axis=1)
    np.testing.assert_allclose(made(rows, history, moments), expected, rtol=1e-5, atol=1e-6)


def test_in_training_a_user_is_no_reason_for_what_he_took() -> None:
    events = histories()
    made = layer(events, shrinkage=1.5)
    for user in range(USERS):
        own = events[user]
        others = layer([row for at, row in enumerate(events) if at != user], shrinkage=1.5)
        for moment in range(1, len(own)):
            history, moments = np.array([own]), np.full((1, ITEMS), moment)
            rows = np.arange(ITEMS)[None]
            taken = np.isin(rows, own).astype("float32")
            np.testing.assert_allclose(
                made(rows, history, moments, taken), others(rows, history, moments),
                rtol=1e-4, atol=1e-5,
            )  # fmt: skip


def test_padding_and_what_is_not_known_yet_say_nothing() -> None:
    made = layer(histories())
    empty = made(np.array([[3, -1]]), np.array([[-1, -1]]), np.array([[0, 2]]))
    assert keras.ops.convert_to_numpy(empty).tolist() == [[0.0, 0.0]]
    early = made(np.array([[3]]), np.array([[5, 7]]), np.array([[1]]))
    alone = made(np.array([[3]]), np.array([[5]]), np.array([[1]]))
    np.testing.assert_array_equal(early, alone)


def test_it_survives_its_config_and_an_item_without_neighbours() -> None:
    made = layer([[0, 1], [2]], neighbours=3)
    again = TakenTogether.from_config(made.get_config())
    again.build()
    again.set_weights(made.get_weights())
    arguments = np.array([[0, 1, 2]]), np.array([[0, 2]]), np.array([[2, 2, 2]])
    np.testing.assert_array_equal(again(*arguments), made(*arguments))
    assert np.asarray(made(*arguments))[0, [0, 2]].tolist() == [0, 0]
    single = TakenTogether(1)
    single.build()
    assert np.asarray(single(np.array([[0]]), np.array([[0]]), np.array([[1]]))).tolist() == [[0.0]]


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"neighbours": 0}, {"shrinkage": -1}, {"decay": 0}]
)
def test_refusals(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="Received"):
        TakenTogether(**{"count": 3, **wrong})
