"""Each task's loss against a NumPy softmax written here."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfprompt.errors import ConfigError
from tfprompt.tasks import CatalogRetrieval, Negatives, SampledRetrieval, retrieval_task

RNG = np.random.default_rng(0)
QUERIES = RNG.normal(size=(4, 6)).astype("float32")
ITEMS = RNG.normal(size=(7, 6)).astype("float32")
TARGETS = np.array([2, 0, 2, 6], "int32")
SCORES = (QUERIES @ ITEMS.T).astype("float64")
# float32 logits of about 3 against float64.
CLOSE = {"rel": 1e-5}


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Softmax cross-entropy of each row, `[Q]`."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    # A masked logit is -inf and its label 0: it contributes nothing.
    return -np.where(labels > 0, labels * log, 0).sum(axis=1)


def one_hot(targets: np.ndarray, count: int) -> np.ndarray:
    return np.eye(count)[targets]


@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.0, 2.0, 0.5], "float32")])
@pytest.mark.parametrize("temperature", [None, 0.5])
def test_full_softmax(weights: np.ndarray | None, temperature: float | None) -> None:
    losses = cross_entropy(SCORES / (temperature or 1.0), one_hot(TARGETS, 7))
    expected = (losses * (1 if weights is None else weights)).sum()
    loss = CatalogRetrieval(temperature)(QUERIES, ITEMS, TARGETS, weights)
    assert float(loss) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("hard", [None, 3, 100])
def test_items_that_training_never_shows_leave_the_softmax(
    smoothing: float, hard: int | None
) -> None:
    known = np.array([1, 0, 1, 1, 0, 1, 1], bool)
    places = np.cumsum(known) - 1
    task = {"num_hard_negatives": hard, "label_smoothing": smoothing}
    masked = CatalogRetrieval(**task)(QUERIES, ITEMS, TARGETS, candidate_mask=known)
    without = CatalogRetrieval(**task)(QUERIES, ITEMS[known], places[TARGETS])
    assert float(masked) == pytest.approx(float(without), **CLOSE)


def test_label_smoothing_by_hand() -> None:
    labels = 0.8 * one_hot(TARGETS, 7) + 0.2 / 7
    loss = CatalogRetrieval(label_smoothing=0.2)(QUERIES, ITEMS, TARGETS)
    assert float(loss) == pytest.approx(cross_entropy(SCORES, labels).sum(), **CLOSE)


@pytest.mark.parametrize("hard", [1, 3, 6, 100])
def test_hard_negatives_are_the_highest_scores(hard: int) -> None:
    expected = 0.0
    for row, target in zip(SCORES, TARGETS, strict=True):
        others = np.sort(np.delete(row, target))[::-1][:hard]
        expected += np.log(np.exp(np.append(others, row[target]) - row[target]).sum())
    loss = CatalogRetrieval(num_hard_negatives=hard)(QUERIES, ITEMS, TARGETS)
    assert float(loss) == pytest.approx(expected, **CLOSE)


def in_batch(negatives: Negatives, ids: np.ndarray, probability: np.ndarray | None) -> float:
    return float(
        retrieval_task(negatives)(
            tf.constant(QUERIES),
            tf.constant(ITEMS[:4]),
            candidate_sampling_probability=probability,
            candidate_ids=tf.constant(ids),
            compute_metrics=False,
        )
    )


def test_in_batch_softmax_with_log_q_by_hand() -> None:
    probability = np.array([0.5, 0.1, 0.1, 0.3], "float32")
    logits = SCORES[:, :4] - np.log(probability)
    received = in_batch(Negatives("in_batch"), np.arange(4), probability)
    assert received == pytest.approx(cross_entropy(logits, np.eye(4)).sum(), **CLOSE)
    plain = in_batch(Negatives("in_batch"), np.arange(4), None)
    assert plain == pytest.approx(cross_entropy(SCORES[:, :4], np.eye(4)).sum(), **CLOSE)


def test_an_accidental_hit_changes_the_loss() -> None:
    ids = np.array([5, 8, 5, 9])  # Queries 0 and 2 have the same positive.
    logits = SCORES[:, :4].copy()
    logits[0, 2] = logits[2, 0] = -np.inf
    kept, removed = (
        in_batch(Negatives("in_batch", remove_accidental_hits=remove), ids, None)
        for remove in (False, True)
    )
    assert removed == pytest.approx(cross_entropy(logits, np.eye(4)).sum(), **CLOSE)
    assert kept == pytest.approx(cross_entropy(SCORES[:, :4], np.eye(4)).sum(), **CLOSE)
    assert kept - removed > 0.01


def sampled(drawn: np.ndarray, probability: object, **options: int | None) -> float:
    negatives = ITEMS[drawn]
    positives = ITEMS[TARGETS]
    count = np.full(len(drawn), probability, "float32")
    task = SampledRetrieval(**options)
    return float(task(QUERIES, positives, TARGETS, negatives, drawn, count))


@pytest.mark.parametrize("expected_count", [1.0, 0.25])
def test_sampled_softmax_by_hand(expected_count: float) -> None:
    drawn = np.array([1, 2, 2, 5])
    negative = SCORES[:, drawn] - np.log(expected_count)
    negative[drawn[None] == TARGETS[:, None]] = -np.inf
    logits = np.concatenate([SCORES[np.arange(4), TARGETS][:, None], negative], axis=1)
    received = sampled(drawn, expected_count)
    assert received == pytest.approx(cross_entropy(logits, np.eye(5)[[0] * 4]).sum(), **CLOSE)


def test_a_sample_of_every_item_is_the_full_softmax() -> None:
    # Each query's own positive is in the sample once, an accidental hit, and leaves it.
    full = float(CatalogRetrieval()(QUERIES, ITEMS, TARGETS))
    assert sampled(np.arange(7), 1.0) == pytest.approx(full, **CLOSE)


def test_a_sample_larger_than_the_catalog_is_corrected_too() -> None:
    # Every item three times: without the correction each negative would count three times.
    full = float(CatalogRetrieval()(QUERIES, ITEMS, TARGETS))
    assert sampled(np.repeat(np.arange(7), 3), 3.0) == pytest.approx(full, **CLOSE)


def test_hard_negatives_of_a_sample() -> None:
    drawn = np.array([1, 2, 3, 5])
    expected = 0.0
    for row, target in zip(SCORES, TARGETS, strict=True):
        others = np.sort([row[d] for d in drawn if d != target])[::-1][:2]
        expected += np.log(np.exp(np.append(others, row[target]) - row[target]).sum())
    assert sampled(drawn, 1.0, num_hard_negatives=2) == pytest.approx(expected, **CLOSE)


def test_gradients_stay_finite_with_zero_vectors_and_far_logits() -> None:
    queries = tf.Variable(np.concatenate([np.zeros((1, 6)), 1e4 * QUERIES[:3]]), dtype=tf.float32)
    items = tf.constant(np.concatenate([np.zeros((1, 6)), ITEMS[:6]]), tf.float32)
    with tf.GradientTape() as tape:
        loss = CatalogRetrieval()(queries, items, TARGETS)
        ids = tf.constant(TARGETS)
        loss += SampledRetrieval()(queries, items[:4], ids, items, tf.range(7), tf.ones(7))
    assert np.isfinite(float(loss))
    assert np.isfinite(tape.gradient(loss, queries)).all()


@pytest.mark.parametrize("kind", ["catalog", "in_batch", "sampled"])
def test_graph_equals_eager(kind: str) -> None:
    task = retrieval_task(Negatives(kind, hard=2))  # type: ignore[arg-type]
    arguments = {
        "catalog": (QUERIES, ITEMS, TARGETS),
        "in_batch": (QUERIES, ITEMS[:4], None, None, np.arange(4), False),
        "sampled": (
            QUERIES, ITEMS[TARGETS], TARGETS, ITEMS,
            np.arange(7, dtype="int32"), np.ones(7, "float32"),
        ),
    }[kind]  # fmt: skip
    given = [None if a is None else a if a is False else tf.constant(a) for a in arguments]
    graph = tf.function(task, autograph=False)(*given)
    assert float(graph) == pytest.approx(float(task(*given)), **CLOSE)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kind": "popular"}, "'popular'"),
        ({"samples": 0}, "samples=0"),
        ({"hard": 0}, "hard=0"),
        ({"kind": "in_batch", "label_smoothing": 0.1}, "label_smoothing=0.1"),
        ({"label_smoothing": 1.0}, "label_smoothing=1.0"),
        ({"label_smoothing": -0.1}, "label_smoothing=-0.1"),
    ],
)
def test_choices_that_cannot_work_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Negatives(**options)
