"""A saved ranker is the ranker; what belongs to another catalog is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import tfprompt as tp
from tests.rated import TEXT, TOKEN, moved, ranker, rated, trained_values
from tests.toy import backbone, dataset, retriever
from tfprompt.data.catalog import Catalog
from tfprompt.errors import CheckpointError
from tfprompt.models import retriever_config
from tfprompt.models.ranker import Ranker
from tfprompt.models.retriever import Retriever
from tfprompt.tasks.objective import Objective

DATA = rated()
SPLIT = DATA.leave_one_out()
STARS = {1: "bad", 3: ["old", "blue"], 5: "love"}
FORMS: dict[str, dict[str, Any]] = {
    "token": {"template": TOKEN, "collaborative": 2, "encoder": {"deep": True}},
    "text": {"template": TEXT, "verbalizer": STARS, "steps": 3},
    "click": {"template": TOKEN, "objective": Objective("click", negatives=2)},
}


def trained(form: str, epochs: int = 1) -> Ranker:
    made = ranker(**FORMS[form])
    made.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    made.fit(SPLIT.train, epochs=epochs, batch_size=3, verbose=0)
    return made


@pytest.fixture(scope="module", params=FORMS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: Any) -> tuple[Ranker, Path, str]:
    model = trained(request.param)
    path = tmp_path_factory.mktemp("ranker") / "toy"
    model.save_prompts(path, optimizer=True)
    return model, path, request.param


def scores(model: Ranker) -> np.ndarray:
    return model.scores(SPLIT.test, np.arange(len(SPLIT.test)))


def test_loaded_is_saved(saved: tuple[Ranker, Path, str]) -> None:
    model, path, _ = saved
    loaded = tp.load(path, DATA.items, backbone=backbone())
    loaded.compile(run_eagerly=True)  # as the other: sums of a graph may differ in the last bit
    assert type(loaded) is Ranker and loaded.options() == model.options()
    assert json.loads((path / "prompts.json").read_text())["kind"] == "Ranker"
    np.testing.assert_array_equal(scores(loaded), scores(model))
    np.testing.assert_array_equal(loaded.predictions(SPLIT.test), model.predictions(SPLIT.test))


def test_a_keras_file_is_the_ranker(
    saved: tuple[Ranker, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _, _ = saved
    # Stands in for the packaged backbone, the only kind that a file may name.
    monkeypatch.setattr(retriever_config, "packaged_names", lambda: [backbone().preset])
    monkeypatch.setattr(retriever_config, "load_backbone", lambda name: backbone())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is Ranker and loaded.options() == model.options()
    loaded.run_eagerly = True
    np.testing.assert_array_equal(scores(loaded), scores(model))
    assert loaded.compiled and int(loaded.optimizer.iterations) == int(model.optimizer.iterations)


def test_a_resumed_epoch_is_the_epoch_that_would_have_come(
    saved: tuple[Ranker, Path, str],
) -> None:
    model, path, form = saved
    straight = trained(form, epochs=2)
    resumed = tp.load(path, DATA.items, backbone=backbone())
    resumed.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    resumed.load_prompts(path)
    assert int(resumed.optimizer.iterations) == int(model.optimizer.iterations) > 0
    resumed.fit(SPLIT.train, epochs=2, initial_epoch=1, batch_size=3, verbose=0)
    for name, value in trained_values(straight).items():
        np.testing.assert_allclose(trained_values(resumed)[name], value, atol=1e-5, err_msg=name)


def with_rating(mean: float) -> Catalog:
    items, rating = DATA.items, DATA.items.columns["rating"]
    columns = {**items.columns, "rating": dataclasses.replace(rating, mean=mean)}
    return Catalog(items.frame, items.item_text, columns)


def test_ratings_belong_to_their_catalog(tmp_path: Path) -> None:
    template = "{soft:2} {history:items} {item:token}"
    for number, options in enumerate(({}, {"bias": False})):
        path = tmp_path / str(number)
        moved(ranker(template, **options)).save_prompts(path)
        with pytest.raises(CheckpointError, match="mean and deviation.*rating"):
            tp.load(path, with_rating(mean=1.0), backbone=backbone())
        with pytest.raises(CheckpointError, match="mean and deviation.*rating"):
            tp.load(path, dataset().items, backbone=backbone())
    moved(ranker(template, "click")).save_prompts(tmp_path / "click")
    assert tp.load(tmp_path / "click", dataset().items, backbone=backbone()).mean == 0


def test_biases_belong_to_their_items(tmp_path: Path) -> None:
    items = DATA.items
    turned = Catalog(items.frame.reverse(), items.item_text, items.columns)
    for bias in (True, False):
        template = "{soft:2} {history:items} {item:token}"
        moved(ranker(template, bias=bias)).save_prompts(tmp_path / str(bias))
    with pytest.raises(CheckpointError, match="neighbours belong to the items"):
        tp.load(tmp_path / "True", turned, backbone=backbone())
    loaded = tp.load(tmp_path / "False", turned, backbone=backbone())
    assert loaded.catalog is turned


def test_a_retriever_saved_before_there_were_rankers(tmp_path: Path) -> None:
    model = retriever()
    model.save_prompts(tmp_path / "old")
    path = tmp_path / "old" / "prompts.json"
    description = json.loads(path.read_text())
    assert description.pop("kind") == "Retriever"
    path.write_text(json.dumps(description))
    loaded = tp.load(tmp_path / "old", dataset().items, backbone=backbone())
    assert type(loaded) is Retriever
    test = dataset().leave_one_out().test
    np.testing.assert_array_equal(loaded.predict(test), model.predict(test))


def test_another_kind_is_refused(saved: tuple[Ranker, Path, str], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(saved[1], tmp_path / "copy"))
    description = json.loads((copy / "prompts.json").read_text())
    (copy / "prompts.json").write_text(json.dumps({**description, "kind": "Oracle"}))
    with pytest.raises(CheckpointError, match="'Oracle'"):
        tp.load(copy, DATA.items, backbone=backbone())


def test_a_retriever_that_shows_ratings(tmp_path: Path) -> None:
    made = retriever("{soft:2} user {age} saw {history:items rating}", data=DATA)
    made.compile(keras.optimizers.Adam(0.02))
    history = made.fit(SPLIT.train, epochs=8, batch_size=4, verbose=0).history
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    rows = np.arange(len(SPLIT.test))
    known = made.scores(SPLIT.test, rows)
    evaluation = tp.evaluate(made, SPLIT.test, baselines=())
    assert 0 < evaluation["mrr"] <= 1
    # What somebody thought of the past matters; who asks may know none of it.
    unknown = dataclasses.replace(SPLIT.test, history_ratings=None)
    assert np.abs(made.scores(unknown, rows) - known).max() > 1e-3
    found = tp.recommend(made, history=["i1", "i2"], k=3)
    assert len(found) == 3 and all(np.isfinite(item.score) for item in found)
    made.save_prompts(tmp_path / "p")
    loaded = tp.load(tmp_path / "p", DATA.items, backbone=backbone())
    np.testing.assert_array_equal(loaded.scores(SPLIT.test, rows), known)
    with pytest.raises(CheckpointError, match="mean and deviation"):
        tp.load(tmp_path / "p", with_rating(mean=1.0), backbone=backbone())


def test_shown_ratings_of_data_without_any_are_refused() -> None:
    with pytest.raises(tp.errors.TemplateError) as caught:
        retriever("saw {history:items rating}")
    assert caught.value.position == 4
