"""Steps of a ranker: what they change, what decides them, and that they teach something."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.rated import TEXT, TOKEN, batches, ranker, rated, trained_values
from tests.toy import backbone
from tfprompt.errors import DataError
from tfprompt.models.ranker import Ranker
from tfprompt.tasks.objective import Objective

SPLIT = rated().leave_one_out()
STARS = {1: "bad", 3: ["old", "blue"], 5: "love"}
FULL = "{soft:2} {age:feature} the {age} saw {history:items rating} gives {mask} to {item:FORM}"


@pytest.mark.parametrize("form", ["text", "token"])
@pytest.mark.parametrize("words", [None, STARS])
def test_steps_change_what_is_trained_and_nothing_else(form: str, words: Any) -> None:
    made = ranker(
        FULL.replace("FORM", form), verbalizer=words, collaborative=3, encoder={"deep": True}
    )
    made.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    fed = batches(made)
    frozen = [np.array(w.value) for w in backbone().backbone.weights]
    kept = [np.array(w.value) for w in made.non_trainable_variables]
    before = trained_values(made)
    # A linear head starts at zero: only from the second step on do gradients pass it.
    for x, y in fed[:2]:
        made.train_on_batch(x, y)
    for weight, value in zip(backbone().backbone.weights, frozen, strict=True):
        np.testing.assert_array_equal(weight.value, value)
    for weight, value in zip(made.non_trainable_variables, kept, strict=True):
        if not any(word in weight.path for word in ("seed_generator", "loss", "mean")):
            np.testing.assert_array_equal(weight.value, value, weight.path)
    after = trained_values(made)
    assert [name for name in before if np.array_equal(before[name], after[name])] == []
    parts = (
        "soft_0",
        "deep_2",
        "feature_age",
        "history_ratings",
        "candidate_tokens",
        "head",
        "item_tower",
        "item_table",
        "item_tokens",
        "rating_bias",
        "rated_neighbours",
    )
    assert [part for part in parts if not any(part in name for name in after)] == []


@pytest.mark.parametrize(
    ("objective", "template", "options"),
    [
        ("rating", TOKEN, {"collaborative": 4}),
        ("rating", TEXT, {"verbalizer": STARS}),
        pytest.param(
            "like",
            TOKEN,
            {"verbalizer": ["bad", "love"], "collaborative": 4},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            Objective("rating", "list_mle"), TOKEN, {"collaborative": 4}, marks=pytest.mark.slow
        ),
        (Objective("click", "softmax", negatives=3), TEXT, {"bias": False}),
    ],
)
def test_the_loss_falls(objective: Any, template: str, options: dict[str, Any]) -> None:
    made = ranker(template, objective, **options)
    made.compile(keras.optimizers.Adam(2e-2))
    history = made.fit(
        SPLIT.train, validation_data=SPLIT.validation, validation_freq=10, epochs=10, batch_size=4,
        verbose=0,
    ).history  # fmt: skip
    assert np.mean(history["loss"][-2:]) < 0.9 * history["loss"][0]
    figures = {
        "rating": {"loss", "rmse", "mae"},
        "like": {"loss", "auc", "log_loss"},
        "click": {"hr_at_10", "ndcg_at_10", "mrr"},
    }[made.objective.kind]
    assert set(history) == {"loss", *(f"val_{name}" for name in figures)}


def fitted(seed: int, objective: Any, template: str) -> tuple[list[float], Any]:
    made = ranker(
        template, objective, collaborative=2, id_dropout=0.2, seed=seed, steps=2,
        encoder={"dropout": 0.2, "upper_dropout": 0.1, "seed": seed},
    )  # fmt: skip
    made.compile(run_eagerly=True)  # graphs equal it, see below
    losses = made.fit(SPLIT.train, epochs=2, batch_size=3, verbose=0).history["loss"]
    return losses, trained_values(made)


# Slow: a multi-task model's ranker is tried alike.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "template"), [("rating", TOKEN), (Objective("click", "pairwise"), TEXT)]
)
def test_fit_is_decided_by_its_seed(objective: Any, template: str) -> None:
    (first, values), (second, again) = (fitted(0, objective, template) for _ in range(2))
    # Sums of several threads: the last bit may differ, and grows a little over two epochs.
    assert second == pytest.approx(first, rel=1e-5)
    for name, value in values.items():
        np.testing.assert_allclose(again[name], value, atol=1e-5, err_msg=name)
    assert fitted(1, objective, template)[0] != pytest.approx(first, rel=1e-3)


@pytest.mark.parametrize(
    ("objective", "template", "jit"),
    [
        pytest.param("rating", TOKEN, True, marks=pytest.mark.slow),
        ("like", TEXT, False),
        pytest.param(Objective("rating", "list_mle"), TEXT, False, marks=pytest.mark.slow),
        (Objective("click", "pairwise", negatives=2), TOKEN, False),
        pytest.param(
            Objective("click", "softmax", negatives=2), TEXT, True, marks=pytest.mark.slow
        ),
    ],
)
def test_graph_equals_eager(objective: Any, template: str, jit: bool) -> None:
    # XLA is what Keras chooses by itself on a GPU.
    weights = []
    for options in ({"run_eagerly": True}, {"jit_compile": jit}):
        made = ranker(template, objective)
        made.compile(keras.optimizers.SGD(0.1), **options)
        for x, y in batches(made)[:2]:
            loss = made.train_on_batch(x, y)
        weights.append({**trained_values(made), "loss": np.array(loss)})
    for name, value in weights[0].items():
        # Two steps of float32 sums in another order.
        np.testing.assert_allclose(weights[1][name], value, atol=2e-5, rtol=1e-4, err_msg=name)


def outputs_and_labels(made: Ranker) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.asarray(made(x)).astype("float64"), y["label"].numpy()) for x, y in batches(made)]


@pytest.mark.parametrize("kind", ["rating", "like"])
def test_the_loss_of_an_epoch_is_the_mean_over_what_was_judged(kind: Any) -> None:
    made = ranker(TOKEN, kind)
    made.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    pairs = [
        (score, label)
        for outputs, labels in outputs_and_labels(made)
        for score, label in zip(outputs.ravel(), labels.ravel(), strict=True)
        if not np.isnan(label)
    ]
    scores, labels = np.array(pairs).T
    if kind == "rating":
        expected = np.mean((scores - labels) ** 2) / made.std**2
    else:
        expected = np.mean(np.log1p(np.exp(np.where(labels > 0, -scores, scores))))
    losses = made.fit(SPLIT.train, epochs=1, batch_size=3, verbose=0).history["loss"]
    assert losses[0] == pytest.approx(expected, rel=1e-4)


def test_an_accidental_negative_is_masked_and_would_matter() -> None:
    made = ranker(TOKEN, Objective("click", "softmax", negatives=2))
    items = SPLIT.train.items
    # Every list of negatives holds the click itself, and one other item.
    hard = np.stack([items, (items + 1) % 11], axis=1)
    for x, y in batches(made, hard=hard):
        candidates, labels = x["candidates"].numpy(), y["label"].numpy()
        lists = candidates.reshape(-1, 3), labels.reshape(-1, 3)
        for rows, marks in zip(*lists, strict=True):
            assert not (rows[1:] == rows[0])[marks[1:] == 0].any()
        total, count = made.loss_function(made(x), labels)
        masked = (candidates < 0) & np.repeat(lists[0][:, :1] >= 0, 3, axis=1).reshape(labels.shape)
        if not masked.any():
            continue
        own = np.repeat(lists[0][:, :1], 3, axis=1).reshape(candidates.shape)
        unmasked = {**x, "candidates": tf.constant(np.where(masked, own, candidates))}
        worse, more = made.loss_function(made(unmasked), np.where(masked, np.float32(0), labels))
        assert float(more) >= float(count) and float(worse) > float(total) + 0.1
        break
    else:
        pytest.fail("no accidental negative was drawn")


def test_a_part_without_ratings_says_so_before_training() -> None:
    made = ranker("{history:items} {item:token}", "rating")
    with pytest.raises(DataError, match="column 'rating'"):
        made.fit(dataclasses.replace(SPLIT.train, ratings=None), verbose=0)
    with pytest.raises(DataError, match="column 'rating'"):
        made.evaluate(dataclasses.replace(SPLIT.test, target_ratings=None), verbose=0)
