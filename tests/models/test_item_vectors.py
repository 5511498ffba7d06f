"""Vectors that come with the items: learned from, kept, exported, and read of cold items."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests.toy import encoder
from tfprompt.artifacts.reuse import reuse_artifact
from tfprompt.artifacts.signature_inputs import signature_inputs
from tfprompt.data.catalog import Catalog
from tfprompt.data.dataset import Dataset
from tfprompt.data.reading import read
from tfprompt.data.request import Request
from tfprompt.errors import ConfigError, ExportError
from tfprompt.models import retriever_config
from tfprompt.models.item_table import ItemTable
from tfprompt.models.loading import load
from tfprompt.models.ranker import Ranker
from tfprompt.models.recommending import recommend
from tfprompt.models.request_inputs import request_inputs
from tfprompt.models.retriever import Retriever

TASTES, EACH, WIDTH = 4, 6, 8
WORDS = ("film", "red city", "old queen", "good night")
TEMPLATE = "{soft:2} next {history:items}"
# Two requests to a ranker, and the items that each has judged.
HISTORIES = [["i0", "i7"], ["i12", "i13"]]
CANDIDATES = [["i5", "i3", "i20"], ["i14", "i17", "i1"]]


@functools.cache
def data() -> Dataset:
    """Each user takes items of one taste. Titles say nothing of it; only a picture does.

    The last item of each taste occurs in no event.
    """
    rng = np.random.default_rng(0)
    rows = []
    for user in range(40):
        taste = user % TASTES
        for step, item in enumerate(rng.permutation(EACH - 1)[:4]):
            rows.append((f"u{user}", f"i{taste * EACH + item}", 1e9 + step))
    events = pl.DataFrame(rows, ["user_id", "item_id", "timestamp"], orient="row")
    count = TASTES * EACH
    items = pl.DataFrame(
        {"item_id": [f"i{n}" for n in range(count)], "title": [WORDS[n % 4] for n in range(count)]}
    ).with_columns(pl.Series("image", pictures().tolist(), pl.List(pl.Float32)))
    return read(events, items, item_text="{title}", name="pictures")


def pictures() -> np.ndarray:
    """One direction a taste, with noise, at another length for each item."""
    rng = np.random.default_rng(1)
    centres = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0][:TASTES]
    vectors = np.repeat(centres, EACH, axis=0) + 0.1 * rng.normal(size=(TASTES * EACH, WIDTH))
    return (vectors * rng.uniform(0.5, 20, size=(len(vectors), 1))).astype(np.float32)


@functools.cache
def trained() -> Retriever:
    model = Retriever(encoder(TEMPLATE), data().items, item_vectors={"image": 2.0}, seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(data().leave_one_out().train, epochs=15, batch_size=8, verbose=0)
    return model


def test_the_parts_of_a_vector_by_hand() -> None:
    table = ItemTable(3, 2, shrinkage=None, extra={"image": {"width": 2, "weight": 0.5}})
    texts = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    table.fill(texts, {"image": np.array([[3, 4], [0, 0], [0, 7]], np.float32)})
    expected = [[1, 0, 0.3, 0.4], [0, 1, 0, 0], [1, 0, 0, 0.5]]
    np.testing.assert_allclose(table.all_items()[0], expected, atol=1e-6)
    np.testing.assert_allclose(table.from_text(texts[:1]), [[1, 0, 0, 0]])
    text, further = table.parts(np.array(expected))
    assert text.shape == (3, 2) and further["image"].shape == (3, 2)
    twin = ItemTable.from_config(table.get_config())
    assert (twin.width, twin.text_width) == (4, 2)


def test_a_model_learns_what_only_the_vector_says() -> None:
    """Of the items that training never saw, the one of the history's taste stands first."""
    cold = [f"i{taste * EACH + EACH - 1}" for taste in range(TASTES)]
    right = 0
    for taste in range(TASTES):
        history = [f"i{taste * EACH + n}" for n in range(3)]
        ranked = [item.item_id for item in recommend(trained(), history=history, k=24)]
        own = [f"i{taste * EACH + n}" for n in (3, 4)]
        assert set(ranked[:3]) > set(own)  # warm ones
        right += min(cold, key=ranked.index) == cold[taste]
    assert right == TASTES  # one in 256 by chance


def test_saved_and_loaded(tmp_path: Path) -> None:
    request = {"history": ["i1", "i2"], "wish": "film", "k": 5}
    expected = [(item.item_id, item.score) for item in recommend(trained(), **request)]
    trained().save_prompts(tmp_path / "prompts")
    again = load(tmp_path / "prompts", data().items, backbone=trained().encoder.loaded)
    assert [(i.item_id, pytest.approx(i.score)) for i in recommend(again, **request)] == expected
    without = Catalog(data().items.frame, "{title}", data().items.columns)
    blind: Any = load(tmp_path / "prompts", without, backbone=trained().encoder.loaded)
    with pytest.raises(ConfigError, match="'image' of its catalog"):
        blind.prepare()
    # A .keras file holds the table itself, so it needs no catalog beside it.
    config = trained().get_config()
    assert "image" not in config["catalog"]["items"]
    assert config["model"]["item_vectors"] == {"image": {"width": WIDTH, "weight": 2.0}}
    longer = without.with_vectors(image=np.ones((len(without), 3)))
    with pytest.raises(ConfigError, match="8 numbers long. Received: 3"):
        load(tmp_path / "prompts", longer, backbone=trained().encoder.loaded)


def test_exported(tmp_path: Path) -> None:
    model = trained()
    model.export(tmp_path / "shop" / "1", k=5, check=False)
    served = tf.saved_model.load(str(tmp_path / "shop" / "1")).signatures
    asked = signature_inputs(
        served["recommend"].structured_input_signature[1], [Request(history=["i0", "i7"])], k=[0]
    )
    answer = served["recommend"](**{name: tf.constant(v) for name, v in asked.items()})
    expected = recommend(model, history=["i0", "i7"], k=5)
    assert [i.decode() for i in answer["item_ids"][0].numpy()] == [e.item_id for e in expected]
    encode = served["encode_item"]

    def item(text: str, item_id: str, image: Any) -> np.ndarray:
        image = tf.constant([image], tf.float32)
        answer = encode(text=tf.constant([text]), item_id=tf.constant([item_id]), image=image)
        return answer["embedding"].numpy()[0]

    own = [np.nan] * WIDTH
    vectors, ids = model.item_table.all_items()
    whole = np.concatenate([model.trained_candidates(vectors, ids), vectors], axis=1)
    np.testing.assert_allclose(item("", "i5", own), whole[5], atol=1e-5)
    np.testing.assert_allclose(item("red city", "i5", own), whole[5], atol=1e-5)
    np.testing.assert_allclose(item("red city", "", pictures()[5]), whole[5], atol=1e-5)
    # An unknown item without a vector has zeros there.
    assert not item("film", "", own)[-WIDTH:].any()

    shown = pl.DataFrame({"item_id": ["new", "i0"], "title": ["red city", "film"]})
    catalog = Catalog(shown, "{title}", vectors={"image": pictures()[[5, 0]]})
    reuse_artifact(tmp_path / "shop" / "1", tmp_path / "shop" / "2", items=catalog, check=False)
    served = tf.saved_model.load(str(tmp_path / "shop" / "2"))
    ids = tf.constant(["new", "i0"])
    none = tf.fill([2, WIDTH], float("nan"))
    found = served.signatures["encode_item"](text=tf.constant(["", ""]), item_id=ids, image=none)
    np.testing.assert_allclose(found["embedding"], whole[[5, 0]], atol=1e-5)
    wrong = Catalog(shown, "{title}", vectors={"image": np.ones((2, 3))})
    with pytest.raises(ExportError, match="another embedding"):
        reuse_artifact(tmp_path / "shop" / "1", tmp_path / "shop" / "3", items=wrong)


def test_content_weight_and_rankers_take_them_too() -> None:
    plain = Retriever(encoder(TEMPLATE), data().items, item_vectors=["image"], content_weight=1.0)
    first = [item.item_id for item in recommend(plain, history=["i0", "i1"], k=4)]
    assert set(first) == {"i2", "i3", "i4", "i5"}  # untrained: content similarity alone
    ranker = Ranker(
        encoder("{soft:1} {history:items} next {item:token}"), data().items, "click",
        item_vectors=["image"],
    )  # fmt: skip
    ranker.fit(data().leave_one_out().train, epochs=1, batch_size=8, verbose=0)
    assert ranker.item_table.width == ranker.encoder.width + WIDTH


@functools.cache
def judging() -> Ranker:
    """A ranker away from its start, which reads the pictures of candidates and of past items."""
    template = "{soft:1} {history:items} next {item:token}"
    model = Ranker(encoder(template), data().items, "click", item_vectors={"image": 2.0})
    model.run_eagerly = True  # asked a few times, which takes less than a graph
    model.mark_warm(data().leave_one_out().train)
    model.prepare()
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(variable.value + 0.2 * rng.normal(size=variable.shape))
    return model


def judged(model: Ranker) -> np.ndarray:
    """What it thinks of the candidates `[2, 3]`."""
    model.prepare()
    rows = [request_inputs(model, Request(history=history)) for history in HISTORIES]
    known = [name for name, value in rows[0].items() if value is not None]
    inputs = {name: np.concatenate([row[name] for row in rows]) for name in known}
    return model.score_items(inputs, np.array([model.catalog.index_of(c) for c in CANDIDATES]))


def test_a_saved_ranker_judges_the_same(tmp_path: Path) -> None:
    kept = judging().save_prompts(tmp_path / "prompts")
    others = data().items.with_vectors(image=np.roll(pictures(), EACH, axis=0))
    found = []
    for catalog in (data().items, others):
        loaded: Any = load(kept, catalog, backbone=judging().encoder.loaded)
        loaded.run_eagerly = True
        found.append(judged(loaded))
    same, swapped = found
    np.testing.assert_array_equal(same, judged(judging()))
    # Pictures of other tastes, other scores.
    assert np.abs(swapped - same).max() > 1e-3


def test_an_exported_ranker_judges_the_same(tmp_path: Path) -> None:
    judging().export(tmp_path / "shop" / "1", check=False)
    served = tf.saved_model.load(str(tmp_path / "shop" / "1")).signatures["score"]
    types = served.structured_input_signature[1]
    requests = [Request(history=history) for history in HISTORIES]
    asked = signature_inputs(types, requests, candidates=CANDIDATES)
    answer = served(**{name: tf.constant(value) for name, value in asked.items()})
    # A graph and single calls add up in another order.
    np.testing.assert_allclose(answer["scores"], judged(judging()), atol=1e-5)


def test_a_keras_file_holds_the_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = trained().encoder.loaded
    # Stands in for the packaged backbone, the only kind that a file may name.
    monkeypatch.setattr(retriever_config, "packaged_names", lambda: [loaded.preset])
    monkeypatch.setattr(retriever_config, "load_backbone", lambda name: loaded)
    trained().save(tmp_path / "model.keras")
    again: Any = keras.models.load_model(tmp_path / "model.keras")
    assert again.vector_options == trained().vector_options and not again.catalog.vectors
    np.testing.assert_array_equal(
        again.item_table.all_items()[0], trained().item_table.all_items()[0]
    )
    requests = data().leave_one_out().test
    rows = np.arange(len(requests))
    np.testing.assert_allclose(
        again.scores(requests, rows), trained().scores(requests, rows), atol=1e-6
    )


def test_what_is_refused() -> None:
    items = data().items
    for given, message in (
        (["sound"], "it holds image"),
        ({"image": 0}, "above 0"),
        ("image", "are names"),
    ):
        with pytest.raises(ConfigError, match=message):
            Retriever(encoder(TEMPLATE), items, item_vectors=given)  # type: ignore[arg-type]
    named = items.with_vectors(text=np.ones((len(items), 2)))
    with pytest.raises(ConfigError, match="none of text"):
        Retriever(encoder(TEMPLATE), named, item_vectors=["text"])
    with pytest.raises(ConfigError, match="agree in `item_vectors`"):
        Retriever(encoder(TEMPLATE), items, share=trained())
