"""Members of an ensemble: each row of a batch trains one, and a bank holds them together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfprompt as tp
from tests import toy
from tfprompt.encoders.ensembles import with_members
from tfprompt.models.retriever import Retriever

TEMPLATE = "{soft:2} watched {soft:1} {history:items}"
MEMBERS = 3


def ensemble(**options: Any) -> Retriever:
    return toy.retriever(TEMPLATE, encoder={"ensemble": MEMBERS, "deep": True, **options})


def prompts(model: Retriever) -> list[Any]:
    """Every prompt `[M, P, D]`: two soft ones, and deep ones at the layer above the seam's."""
    return [*model.encoder.soft_prompts, *model.encoder.deep_prompts]


def reached(differences: list[Any]) -> set[int]:
    """The members that are not zero in some of the tensors `[M, P, D]`."""
    return {
        int(member)
        for each in differences
        for member in np.flatnonzero(np.abs(tf.convert_to_tensor(each)).max(axis=(1, 2)))
    }


def test_a_step_on_one_row_moves_one_member_and_all_get_their_turn() -> None:
    model = ensemble()
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    (x, y), *_ = toy.batches(model, batch_size=1)
    moved: list[int] = []
    for _ in range(8):
        before = [np.array(layer.prompt) for layer in prompts(model)]
        model.train_step((x, y))
        after = [np.asarray(layer.prompt) for layer in prompts(model)]
        each = [reached([new - old]) for new, old in zip(after, before, strict=True)]
        assert each[0] == each[1] == each[2] and len(each[0]) == 1
        moved += each[0]
    assert set(moved) == set(range(MEMBERS))


def test_each_row_of_a_batch_is_answered_by_one_member() -> None:
    model = ensemble()
    x, _ = toy.batches(model, batch_size=6)[0]
    weights = [layer.prompt.value for layer in prompts(model)]
    with tf.GradientTape(persistent=True) as tape:
        queries = model(x, every_position=True, training=True)
        rows = [queries[row, -1, 0] for row in range(6)]
    of_rows = [reached(tape.gradient(row, weights)) for row in rows]
    assert all(len(members) == 1 for members in of_rows)
    assert len(set.union(*of_rows)) > 1
    # Nothing is dropped in the toy encoder: the row's answer is that of the member alone.
    given = np.array([members.pop() for members in of_rows])
    soft = np.concatenate([np.asarray(layer.prompt) for layer in prompts(model)[:2]], axis=1)
    deep = np.asarray(prompts(model)[2].prompt)[:, None]
    alone = toy.retriever(TEMPLATE, encoder={"deep": True})
    alone.start_from(model)
    alone.prepare()
    of_members = {**x, "prompts": soft[given], "deep_prompts": deep[given]}
    np.testing.assert_allclose(queries, alone(of_members, every_position=True), atol=1e-6)


def test_members_are_drawn_evenly_and_anew() -> None:
    model = ensemble()
    x, _ = toy.batches(model, batch_size=6)[0]
    many = {**x, "states": tf.repeat(x["states"][:1], 3000, axis=0)}
    first = np.asarray(model.encoder.soft_prompts[0].prompt)[:, 0, 0]
    draws = [
        np.asarray(with_members(model.encoder, many, True)["prompts"])[:, 0, 0] for _ in range(2)
    ]
    for member in first:
        # Binomial: 3000 draws have a deviation of 0.0086; five of them are 0.043.
        assert (draws[0] == member).mean() == pytest.approx(1 / MEMBERS, abs=0.043)
    assert not np.array_equal(draws[0], draws[1])


def test_a_bank_answers_as_the_ensemble_with_those_vectors(tmp_path: Path) -> None:
    model = ensemble()
    model.prepare()
    x, _ = toy.batches(model)[0]
    own = [np.array(layer.prompt) for layer in prompts(model)]
    expected = {}
    for name, factor in (("de", -1.0), ("fr", 2.0), ("default", 1.0)):
        for layer, value in zip(prompts(model), own, strict=True):
            layer.assign(factor * value)
        expected[name] = np.asarray(model(x))
        if name == "de":
            model.save_prompts(tmp_path / name)
        elif name == "fr":
            model.prompts.keep(name)
    bank = model.prompts
    bank.add("de", tmp_path / "de")
    for rows in (["de", "default", "fr"], ["fr", "fr", "de"]):
        want = np.stack([expected[name][place] for place, name in enumerate(rows)])
        np.testing.assert_allclose(bank.queries(x, rows), want, atol=1e-6)
    assert bank._graph.experimental_get_tracing_count() == 1
    mean = np.mean(list(expected.values()), axis=0)
    np.testing.assert_allclose(bank.mean_queries(x, list(expected)), mean, atol=1e-6)

    kept = bank.save("fr", tmp_path / "fr")
    loaded: Any = tp.load(kept, model.catalog, backbone=model.encoder.loaded)
    loaded.prepare()
    np.testing.assert_allclose(loaded(x), expected["fr"], atol=1e-6)
