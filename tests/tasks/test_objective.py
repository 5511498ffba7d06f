"""Each objective's loss against NumPy, through the TFRS task and the masks around it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfprompt.errors import ConfigError
from tfprompt.models.ranking_loss import RankingLoss
from tfprompt.tasks.objective import KINDS, LOSSES, ListSoftmax, Objective, ranking_task

NAN = float("nan")
RNG = np.random.default_rng(0)
# Three rows of two lists of four: one that is whole, one with a gap, one where nothing differs.
LABELS = np.array(
    [
        [1, 0, 0, 0, 1, 0, NAN, 0],
        [1, NAN, NAN, NAN, NAN, NAN, NAN, NAN],
        [1, 0, NAN, NAN, NAN, 0, 0, 0],
    ],
    "float32",
)
RATINGS = np.array([[5, 3, NAN, 1], [NAN, 2, 2, NAN], [4, NAN, 5, 4]], "float32")
OUTPUTS = RNG.normal(size=(3, 8)).astype("float32")
# float32 sums of a dozen terms against float64.
CLOSE = {"rel": 1e-5}


def softplus(x: float) -> float:
    return float(np.log1p(np.exp(x)))


def bpr(labels: np.ndarray, scores: np.ndarray) -> float:
    pairs = itertools.permutations(range(len(labels)), 2)
    return sum(softplus(scores[j] - scores[i]) for i, j in pairs if labels[i] > labels[j])


def softmax(labels: np.ndarray, scores: np.ndarray) -> float:
    log = scores - np.log(np.exp(scores).sum())
    return -float((labels / labels.sum() * log).sum())


def list_mle(labels: np.ndarray, scores: np.ndarray) -> float:
    """Plackett-Luce of the order by label, equal labels in the order given."""
    sorted_scores = scores[np.argsort(-labels, kind="stable")]
    return sum(
        float(np.log(np.exp(sorted_scores[place:]).sum()) - sorted_scores[place])
        for place in range(len(labels))
    )


BY_HAND = {"pairwise": bpr, "softmax": softmax, "list_mle": list_mle}


def lists(labels: np.ndarray, outputs: np.ndarray, size: int) -> list[Any]:
    """The lists in which something differs, without their gaps."""
    found = []
    for row, scores in zip(labels.reshape(-1, size), outputs.reshape(-1, size), strict=True):
        known = ~np.isnan(row)
        if known.any() and row[known].max() > row[known].min():
            found.append((row[known].astype("float64"), scores[known].astype("float64")))
    return found


@pytest.mark.parametrize("loss", BY_HAND)
@pytest.mark.parametrize(
    ("objective", "labels", "outputs", "size", "count"),
    [
        (Objective("click", "softmax", negatives=3), LABELS, OUTPUTS, 4, 3),
        (Objective("click", "softmax", negatives=7), LABELS, OUTPUTS, 8, 2),
        (Objective("rating", "softmax"), RATINGS, OUTPUTS[:, :4], 4, 2),
        (Objective("like", "softmax"), (RATINGS >= 4) + 0 * RATINGS, OUTPUTS[:, :4], 4, 1),
    ],
)
def test_lists_by_hand(
    loss: Any, objective: Objective, labels: np.ndarray, outputs: np.ndarray, size: int, count: int
) -> None:
    given = Objective(objective.kind, loss, negatives=objective.negatives)
    useful = lists(labels, outputs, size)
    expected = sum(BY_HAND[loss](row, scores) for row, scores in useful)
    total, number = RankingLoss(given, std=9.0)(outputs, tf.constant(labels, tf.float32))
    assert float(number) == len(useful) == count
    assert float(total) == pytest.approx(expected, **CLOSE)


def test_bpr_of_two_is_one_logistic_term() -> None:
    loss = RankingLoss(Objective("click", "pairwise", negatives=1))
    total, count = loss(np.array([[0.3, 1.1]], "float32"), tf.constant([[1.0, 0.0]]))
    assert (float(total), float(count)) == (pytest.approx(softplus(0.8)), 1)


@pytest.mark.parametrize("kind", ["like", "click"])
def test_pointwise_cross_entropy_by_hand(kind: Any) -> None:
    total, count = RankingLoss(Objective(kind))(OUTPUTS, LABELS)
    terms = [
        softplus(-score if label else score)
        for label, score in zip(LABELS.ravel(), OUTPUTS.ravel(), strict=True)
        if not np.isnan(label)
    ]
    assert float(count) == len(terms) == 13
    assert float(total) == pytest.approx(sum(terms), **CLOSE)


def test_squared_errors_are_in_variances() -> None:
    total, count = RankingLoss(Objective("rating"), std=1.5)(OUTPUTS[:, :4], RATINGS)
    assert float(count) == 8
    expected = np.nansum((OUTPUTS[:, :4].astype("float64") - RATINGS) ** 2) / 1.5**2
    assert float(total) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_known_is_no_loss_and_a_finite_gradient(kind: Any, loss: Any) -> None:
    made, outputs = RankingLoss(Objective(kind, loss, negatives=3)), tf.Variable(OUTPUTS)

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
    def nothing(rows: Any) -> Any:
        with tf.GradientTape() as tape:
            total, count = made(outputs[:rows], tf.fill([rows, 8], NAN))
        return total, count, tf.convert_to_tensor(tape.gradient(total, outputs))

    for rows in (3, 0):  # no row at all is what a replica may get
        total, count, slopes = nothing(rows)
        assert (float(total), float(count)) == (0, 0) and not np.asarray(slopes).any()
    total, count = made(outputs, tf.fill([3, 8], NAN))
    assert (float(total), float(count)) == (0, 0)
    with tf.GradientTape() as tape:
        total, _ = made(outputs, LABELS)
    slopes = np.asarray(tape.gradient(total, outputs))
    assert np.isfinite(slopes).all() and np.any(slopes)
    # What has no label has no say.
    assert not slopes[np.isnan(LABELS)].any()


def test_what_has_no_label_changes_nothing_and_a_label_does() -> None:
    for loss in LOSSES:
        made = RankingLoss(Objective("click", loss, negatives=3))
        before = float(made(OUTPUTS, LABELS)[0])
        assert float(made(np.where(np.isnan(LABELS), 30, OUTPUTS), LABELS)[0]) == before
        # As it would be, were the accidental negative of row 0 not masked.
        assert float(made(OUTPUTS, np.where(np.isnan(LABELS), 0, LABELS))[0]) != before


def test_the_task_is_that_of_tfrs(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, loss in itertools.product(KINDS, LOSSES):
        assert type(ranking_task(Objective(kind, loss))) is tfrs.tasks.Ranking
    called = []
    original = tfrs.tasks.Ranking.__call__

    def spy(*given: Any, **named: Any) -> Any:
        called.append(named)
        return original(*given, **named)

    monkeypatch.setattr(tfrs.tasks.Ranking, "__call__", spy)
    for loss in LOSSES:
        RankingLoss(Objective("click", loss, negatives=3))(OUTPUTS, LABELS)
    assert len(called) == len(LOSSES)


def test_labels_of_any_height_make_shares() -> None:
    loss = ListSoftmax(reduction="none")
    labels, scores = np.array([[4.0, 2.0, -1.0]]), np.array([[0.5, -0.5, 3.0]])
    expected = softmax(np.array([4.0, 2.0]), np.array([0.5, -0.5]))
    assert np.asarray(loss(labels, scores)) == pytest.approx(expected, **CLOSE)


def test_a_list_is_a_click_and_its_negatives() -> None:
    assert Objective("click", negatives=5).list_size == 6
    assert Objective("rating").list_size is Objective("like").list_size is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kind": "stars"}, "kind is one of rating, like, click. Received: 'stars'"),
        ({"kind": None}, "Received: None"),
        ({"loss": "hinge"}, "loss is one of pointwise.*Received: 'hinge'"),
        ({"negatives": 0}, "Received: 0"),
        ({"negatives": -2}, "Received: -2"),
        ({"negatives": 2.5}, "Received: 2.5"),
    ],
)
def test_objectives_that_cannot_be_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Objective(**options)
