"""Saved is loaded; what is damaged, missing or foreign is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.toy import backbone, batches, dataset, encoder, moved, retriever, trained_values
from tfprompt.errors import CheckpointError, TfpromptError
from tfprompt.models.loading import load
from tfprompt.models.retriever import Retriever

SPLIT = dataset().leave_one_out()
TEMPLATE = (
    '{soft:2 "toy"} {soft:1} {age:feature} {occupation:feature} {hour:feature} {history:items}'
)
ITEMS = dataset().items


def trained(**options: Any) -> Retriever:
    model = retriever(TEMPLATE, collaborative=3, learn_temperature=True, **options)
    model.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    model.fit(SPLIT.train, epochs=1, batch_size=3, verbose=0)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Retriever, Path]:
    model = trained(encoder={"deep": True})
    path = tmp_path_factory.mktemp("prompts") / "toy"
    model.save_prompts(path, optimizer=True, metrics={"ndcg@10": 0.1}, data={"name": "toy"})
    return model, path


@pytest.fixture
def copy(saved: tuple[Retriever, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved[1], tmp_path / "copy"))


def test_loaded_is_saved(saved: tuple[Retriever, Path]) -> None:
    model, path = saved
    loaded = load(path, ITEMS, backbone=backbone())
    loaded.compile(run_eagerly=True)  # as the other
    np.testing.assert_array_equal(loaded.predict(SPLIT.test), model.predict(SPLIT.test))
    rows = np.arange(len(SPLIT.test))
    np.testing.assert_array_equal(loaded.scores(SPLIT.test, rows), model.scores(SPLIT.test, rows))
    for name, value in trained_values(model).items():
        np.testing.assert_array_equal(trained_values(loaded)[name], value, name)
    assert loaded.options() == model.options()
    assert loaded.encoder.options() == model.encoder.options()
    assert float(loaded.temperature) == float(model.temperature)


def test_the_description_is_readable_and_the_file_small(saved: tuple[Retriever, Path]) -> None:
    model, path = saved
    description = json.loads((path / "prompts.json").read_text())
    assert description["template"] == TEMPLATE
    assert description["metrics"] == {"ndcg@10": 0.1}
    assert description["data"] == {"name": "toy"}
    assert description["backbone"]["fingerprint"] == backbone().fingerprint
    assert description["epochs"] == 1
    tensors = load_file(path / "prompts.safetensors")
    # The trained numbers, one an item that says whether it is warm, and the whitening of items:
    # nothing of the backbone.
    width = model.encoder.loaded.width
    measured = len(ITEMS) + width * width + width
    assert sum(t.size for t in tensors.values()) == model.trainable_parameters + measured
    assert sorted(p.name for p in path.iterdir()) == [
        "optimizer.safetensors", "prompts.json", "prompts.safetensors",
    ]  # fmt: skip


def test_saving_again_replaces_the_whole_directory(copy: Path) -> None:
    (copy / "stray").write_text("x")
    retriever().save_prompts(copy)
    assert sorted(p.name for p in copy.iterdir()) == ["prompts.json", "prompts.safetensors"]


def test_a_resumed_step_is_the_step_that_would_have_come(saved: tuple[Retriever, Path]) -> None:
    model, path = saved
    resumed = load(path, ITEMS, backbone=backbone())
    resumed.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    resumed.load_prompts(path)
    assert int(resumed.optimizer.iterations) == int(model.optimizer.iterations) > 0
    straight = retriever(TEMPLATE, collaborative=3, learn_temperature=True, encoder={"deep": True})
    straight.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    straight.fit(SPLIT.train, epochs=2, batch_size=3, verbose=0)
    resumed.fit(SPLIT.train, epochs=2, initial_epoch=1, batch_size=3, verbose=0)
    for name, value in trained_values(straight).items():
        np.testing.assert_allclose(trained_values(resumed)[name], value, atol=1e-6, err_msg=name)
    # Without the optimizer's state it would be another one.
    fresh = load(path, ITEMS, backbone=backbone())
    fresh.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    fresh.fit(SPLIT.train, epochs=2, initial_epoch=1, batch_size=3, verbose=0)
    values = trained_values(fresh)
    assert any(
        not np.allclose(values[n], v, atol=1e-4) for n, v in trained_values(straight).items()
    )


def test_another_backbone_is_refused(saved: tuple[Retriever, Path]) -> None:
    with pytest.raises(CheckpointError, match="Prompts work only with the backbone"):
        load(saved[1], ITEMS, backbone=backbone(seed=1))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("prompts.json", lambda p: p.unlink()),
        ("prompts.json", lambda p: p.write_text("")),
        ("prompts.json", lambda p: p.write_text(p.read_text()[:50])),
        ("prompts.json", lambda p: p.write_text("[]")),
        ("prompts.json", lambda p: p.write_text("null")),
        ("prompts.json", lambda p: p.write_text('{"format": 1}')),
        ("prompts.json", lambda p: p.write_text('{"format": 2}')),
        ("prompts.json", lambda p: p.write_bytes(b"\x80\x04K\x01.")),
        ("prompts.safetensors", lambda p: p.unlink()),
        ("prompts.safetensors", lambda p: p.write_bytes(b"")),
        ("prompts.safetensors", lambda p: p.write_bytes(p.read_bytes()[:100])),
        ("prompts.safetensors", lambda p: p.write_bytes(p.read_bytes()[:-4])),
        ("prompts.safetensors", lambda p: p.write_bytes(b"\x80\x04K\x01." * 20)),
        ("prompts.safetensors", lambda p: p.write_bytes(b"\xff" * 200)),
    ],
)
def test_damaged_files_are_refused(copy: Path, name: str, damage: Any) -> None:
    damage(copy / name)
    with pytest.raises(CheckpointError, match="prompts"):
        load(copy, ITEMS, backbone=backbone())


def edit(path: Path, **changes: Any) -> None:
    tensors = load_file(path)
    for name, change in changes.items():
        if change is None:
            del tensors[name]
        else:
            tensors[name] = change(tensors.get(name))
    save_file(tensors, path)


@pytest.mark.parametrize(
    "change",
    [None, lambda t: np.zeros((5, 5), "float32"), lambda t: np.full_like(t, np.nan)],
    ids=["missing", "another shape", "not finite"],
)
def test_tensors_that_are_not_the_models_are_refused(copy: Path, change: Any) -> None:
    path = copy / "prompts.safetensors"
    name = sorted(n for n in load_file(path) if "warm" not in n)[0]
    edit(path, **{name: change})
    with pytest.raises(CheckpointError):
        load(copy, ITEMS, backbone=backbone())


def test_a_stray_tensor_is_refused(copy: Path) -> None:
    edit(copy / "prompts.safetensors", stray=lambda _: np.zeros(3, "float32"))
    with pytest.raises(CheckpointError, match="stray"):
        load(copy, ITEMS, backbone=backbone())


def test_a_refused_file_leaves_the_model_as_it_was(copy: Path) -> None:
    model = retriever(TEMPLATE, collaborative=3, learn_temperature=True, encoder={"deep": True})
    model.compile(keras.optimizers.Adam(0.05))
    before = trained_values(model)
    (copy / "optimizer.safetensors").write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="optimizer"):
        model.load_prompts(copy)
    for name, value in trained_values(model).items():
        np.testing.assert_array_equal(value, before[name], name)


def test_another_optimizer_is_refused(copy: Path) -> None:
    model = load(copy, ITEMS, backbone=backbone())
    model.compile(keras.optimizers.SGD(0.1))
    with pytest.raises(CheckpointError, match="compile with the same"):
        model.load_prompts(copy)


@pytest.mark.parametrize("place", ["nowhere", "file", "empty"])
def test_what_is_no_directory_of_prompts_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="prompts.json") as caught:
        load(tmp_path / place, ITEMS, backbone=backbone())
    assert isinstance(caught.value, TfpromptError)


def test_ids_are_bound_to_their_catalog(saved: tuple[Retriever, Path]) -> None:
    other = dataset(items=13)
    with pytest.raises(CheckpointError, match="catalog"):
        load(saved[1], other.items, backbone=backbone())
    turned = type(ITEMS)(ITEMS.frame.reverse(), ITEMS.item_text, ITEMS.columns)
    with pytest.raises(CheckpointError, match="catalog"):
        load(saved[1], turned, backbone=backbone())


def test_text_alone_takes_any_catalog_and_scores_its_items_as_before(tmp_path: Path) -> None:
    model = moved(retriever())
    model.save_prompts(tmp_path / "p")
    other = dataset(items=17)
    loaded = load(tmp_path / "p", other.items, backbone=backbone())
    test, rows = dataset().leave_one_out().test, np.arange(4)
    expected = model.scores(test, rows)
    # Principal directions turn with each new item; what training learned stays in its own.
    found = loaded.scores(dataclasses.replace(test, catalog=other.items), rows)
    np.testing.assert_allclose(found[:, : len(ITEMS)], expected, atol=1e-5)
    assert loaded.predict(other.leave_one_out().test).shape[1] == encoder().width
    # So it does where the vectors had been made already, and where a model starts from another.
    late, started = retriever(data=other), retriever(data=other)
    late.prepare()
    late.load_prompts(tmp_path / "p")
    started.start_from(model)
    for again in (late, started):
        np.testing.assert_allclose(again.scores(
            dataclasses.replace(test, catalog=other.items), rows), found, atol=1e-6)  # fmt: skip


def test_prompts_saved_before_their_catalog_was_read(tmp_path: Path) -> None:
    made = retriever()
    made.save_prompts(tmp_path / "p")
    loaded = load(tmp_path / "p", ITEMS, backbone=backbone())
    test, rows = dataset().leave_one_out().test, np.arange(4)
    np.testing.assert_array_equal(loaded.scores(test, rows), made.scores(test, rows))


def test_the_weights_of_a_step_after_loading_move(saved: tuple[Retriever, Path]) -> None:
    loaded = load(saved[1], ITEMS, backbone=backbone())
    loaded.compile(run_eagerly=True)
    before = trained_values(loaded)
    loaded.train_on_batch(*batches(loaded)[0])
    assert any(not np.array_equal(before[n], v) for n, v in trained_values(loaded).items())
