"""The untrained similarity beside the trained score."""

from __future__ import annotations

import numpy as np
import pytest

import tfprompt as tp
from tests.toy import dataset, retriever
from tfprompt.layers.history_content import DECAY


def by_hand(vectors: np.ndarray) -> np.ndarray:
    """Decayed mean of a history `[H, V]`, of length 1."""
    weights = DECAY ** np.arange(len(vectors))[::-1]
    total = (weights[:, None] * vectors).sum(axis=0)
    return total / np.linalg.norm(total)


def test_the_score_is_the_trained_one_plus_the_similarity() -> None:
    split = dataset().leave_one_out()
    plain, weighted = (retriever(content_weight=weight, seed=3) for weight in (0.0, 0.7))
    for model in (plain, weighted):
        model.prepare()
    rows = np.arange(len(split.test))
    difference = weighted.scores(split.test, rows) - plain.scores(split.test, rows)
    vectors = np.asarray(plain.item_table.vectors)
    for row in rows:
        history = split.test.history(row)[-plain.encoder.max_history :]
        expected = 0.7 * vectors @ by_hand(vectors[history])
        np.testing.assert_allclose(difference[row], expected, atol=1e-5)


def test_every_position_sees_its_own_past_alone() -> None:
    model = retriever(content_weight=1.0)
    model.prepare()
    split = dataset().leave_one_out()
    x, _ = next(iter(model.pipeline.training(split.train, batch_size=4, seed=0, epoch=lambda: 0)))
    queries = np.asarray(model(x, every_position=True))
    width = model.encoder.width
    assert queries.shape[-1] == model.query_width == width + model.item_table.width
    vectors = np.asarray(model.item_table.vectors)
    for row, history in enumerate(np.asarray(x["history"])):
        np.testing.assert_array_equal(queries[row, 0, width:], 0)
        for step in range(1, int((history >= 0).sum()) + 1):
            np.testing.assert_allclose(
                queries[row, step, width:], by_hand(vectors[history[:step]]), atol=1e-5
            )


def test_it_is_saved_recommended_and_exported(tmp_path, own_home) -> None:
    model = retriever(content_weight=0.5)
    model.prepare()
    model.save_prompts(tmp_path / "prompts")
    loaded = tp.load(tmp_path / "prompts", dataset().items, backbone=model.encoder.loaded)
    assert loaded.content_weight == 0.5
    given = {"history": ["i1", "i2"], "wish": "star wars"}
    first, second = (tp.recommend(m, **given, k=5) for m in (model, loaded))
    assert [item.item_id for item in first] == [item.item_id for item in second]
    assert first[0].score == pytest.approx(second[0].score, abs=1e-6)
