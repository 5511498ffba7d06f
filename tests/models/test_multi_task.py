"""Several tasks in one model: what a step changes, how often, and that nothing else does."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import polars as pl
import pytest

from tests.toy import FIRST_MOMENT_S, STEP_S, TITLES, backbone, dataset, encoder
from tfprompt.data.dataset import Dataset
from tfprompt.data.reading import read
from tfprompt.encoders.loading import LoadedBackbone
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.errors import CheckpointError, ConfigError
from tfprompt.evaluation import evaluate, judge
from tfprompt.models.loading import load
from tfprompt.models.multi_task import MultiTask
from tfprompt.models.ranker import Ranker
from tfprompt.models.retriever import Retriever
from tfprompt.models.task_data import training_batches
from tfprompt.models.task_schedule import TaskSchedule
from tfprompt.models.task_score import mean_score, task_score
from tfprompt.models.tensors import trained_variables
from tfprompt.training import strategy

TEMPLATES = {
    "sequential": "{soft:2} user {age} watched {history:items}",
    "direct": "{soft:2} a {age} year old {occupation} likes {mask}",
    "rating": "{soft:2} {history:items rating} would rate {item:token}",
}


@functools.cache
def rated(users: int = 8) -> Dataset:
    """12 items, the last of which occurs nowhere; users of 4 to 9 events with ratings 1 … 5."""
    rng = np.random.default_rng(1)
    rows = [
        (f"u{user}", f"i{item}", float(1 + (item + user) % 5), float(moment))
        for user in range(users)
        for step, item in enumerate(rng.permutation(11)[: 4 + user % 6])
        for moment in [FIRST_MOMENT_S + step * STEP_S + user]
    ]
    events = pl.DataFrame(rows, ["user_id", "item_id", "rating", "timestamp"], orient="row")
    items = pl.DataFrame({"item_id": [f"i{i}" for i in range(12)], "title": TITLES})
    people = pl.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(users)],
            "age": [20 + i for i in range(users)],
            "occupation": [["artist", "student"][i % 2] for i in range(users)],
        }
    )
    return read(events, items, people, item_text="{title}", name="rated")


SPLIT = rated().leave_one_out()
ITEMS = rated().items


def task(name: str, share: Any = None, **options: Any) -> Any:
    settings = {"collaborative": 2} | options
    if name == "rating":
        return Ranker(encoder(TEMPLATES[name]), ITEMS, "rating", share=share, **settings)
    return Retriever(encoder(TEMPLATES[name]), ITEMS, share=share, **settings)


def multi(weights: Any = None, names: Any = tuple(TEMPLATES), **options: Any) -> MultiTask:
    tasks: dict[str, Any] = {}
    for name in names:
        tasks[name] = task(name, tasks[names[0]] if tasks else None)
    return MultiTask(tasks, weights, **options)


def fitted(
    weights: Any = None, kind: str | None = None, optimizer: Any = None, eager: bool = True,
    **options: Any,
) -> tuple[MultiTask, dict[str, Any]]:  # fmt: skip
    """A model after an epoch; without graphs unless they matter, since a few steps are faster."""
    with strategy(kind).scope() if kind else contextlib.nullcontext():  # type: ignore[arg-type]
        model = multi(weights)
        if kind:  # the one dropout here: each replica would draw a mask of its own
            model.tasks["rating"].neighbours.dropout.rate = 0.0
        model.compile((optimizer or (lambda: keras.optimizers.SGD(0.01)))(), run_eagerly=eager)
    settings = {"epochs": 1, "batch_size": 3, "verbose": 0} | options
    return model, model.fit(SPLIT.train, **settings).history


def values(model: MultiTask) -> dict[str, np.ndarray]:
    return {
        f"{name} {key}": value
        for name, own in model.tasks.items()
        for key, value in own_values(own).items()
    }


def own_values(model: Any) -> dict[str, np.ndarray]:
    return {name: np.array(v.value) for name, v in trained_variables(model).items()}


def shared(key: str) -> bool:
    return " item_t" in key


def changed(model: MultiTask, before: dict[str, np.ndarray]) -> set[str]:
    return {key for key, value in values(model).items() if not np.array_equal(value, before[key])}


def assert_close(one: dict[str, np.ndarray], two: dict[str, np.ndarray], atol: float) -> None:
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, atol=atol, rtol=1e-3, err_msg=name)


# -- sharing -----------------------------------------------------------------------------------


def test_tasks_share_items_and_nothing_else() -> None:
    model = multi()
    first, second, third = model.tasks.values()
    for other in (second, third):
        assert other.item_table is first.item_table and other.item_tower is first.item_tower
        shared = {id(v) for v in other.trainable_variables} & {
            id(v) for v in first.trainable_variables
        }
        inside = first.item_table.trainable_variables + first.item_tower.trainable_variables
        assert shared == {id(v) for v in inside}
    every = {id(v) for each in model.tasks.values() for v in each.trainable_variables}
    assert {id(v) for v in model.trainable_variables} == every
    assert len(model.trainable_variables) == len(every)
    parts = sum(each.trainable_parameters for each in model.tasks.values())
    twice = 2 * sum(int(np.prod(v.shape)) for v in inside)
    assert model.trainable_parameters == parts - twice
    assert "share" not in first.options() and "share" not in third.options()


@pytest.mark.parametrize("name", list(TEMPLATES))
def test_a_step_changes_its_own_prompts_and_what_is_shared(name: str) -> None:
    # Momentum and weight decay would move what has no gradient, were it handed to the optimizer.
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.1)
    model = multi(dict.fromkeys(TEMPLATES, 1))
    model.compile(optimizer, run_eagerly=True)
    # One step of each task: all have momentum now.
    model.fit(SPLIT.train, batch_size=3, steps_per_epoch=3, verbose=0)
    before, moments = values(model), [np.array(m.value) for m in optimizer._momentums]
    frozen = [np.array(w.value) for w in backbone().backbone.weights]
    alone = MultiTask(model.tasks, {each: float(each == name) for each in TEMPLATES})
    alone.compile(optimizer, run_eagerly=True)
    alone.fit(SPLIT.train, batch_size=3, steps_per_epoch=1, verbose=0)
    moved = changed(model, before)
    assert {key for key in moved if not shared(key)} == {
        key for key in before if key.startswith(f"{name} ") and not shared(key)
    }
    # What one task changes of the items, all have; a direct task reads no history.
    for other in TEMPLATES:
        items = {key for key in moved if shared(key) and key.startswith(f"{other} ")}
        assert items == {
            f"{other} {key}" for key in ("item_table/ids/table", "item_tower/projection/kernel",
            "item_tower/lift/kernel", "item_tower/history_lift/kernel")
            if name != "direct" or "history" not in key
        }  # fmt: skip
    own = {id(variable) for variable in model.tasks[name].trainable_variables}
    for variable, moment, earlier in zip(
        optimizer._trainable_variables, optimizer._momentums, moments, strict=True
    ):
        if id(variable) not in own:
            np.testing.assert_array_equal(moment.value, earlier, err_msg=variable.path)
    for weight, value in zip(backbone().backbone.weights, frozen, strict=True):
        np.testing.assert_array_equal(weight.value, value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"collaborative": 3}, "`collaborative`.*2.*3"),
        ({"shrinkage": None}, "`shrinkage`.*1.0.*None"),
        ({"id_dropout": 0.5}, "`id_dropout`.*0.0.*0.5"),
        ({"item_text": "a {title}"}, "`item_text`"),
        ({"tied": False}, "`tied`.*True.*False"),
    ],
)
def test_models_that_differ_share_nothing(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        task("direct", task("sequential"), **options)


def test_a_correction_of_texts_starts_alike_in_all_tasks() -> None:
    given = {"start": "text"}
    reads = Retriever(encoder("{soft:1} {history:items}"), ITEMS, content_weight=1.0, **given)
    with pytest.raises(ConfigError, match="all have a history"):
        Retriever(encoder("{soft:1} a {age} year old"), ITEMS, share=reads, **given)
    asked = Retriever(encoder("{soft:1} a {age} year old"), ITEMS, **given)
    Retriever(encoder("{soft:1} the {age} year old"), ITEMS, share=asked, **given)


def test_items_are_shared_on_one_backbone_and_catalog() -> None:
    first = task("sequential")
    with pytest.raises(ConfigError, match="one frozen backbone"):
        other: LoadedBackbone = backbone(seed=1)
        Retriever(PromptedEncoder(other, TEMPLATES["direct"], 1), ITEMS, share=first)
    with pytest.raises(ConfigError, match="same catalog"):
        Retriever(encoder(TEMPLATES["direct"]), dataset(items=13).items, share=first)
    with pytest.raises(ConfigError, match="prompts of their own"):
        Retriever(first.encoder, ITEMS, share=first, collaborative=2)
    words = "{soft:2} a {age} year old would like {item:text}"
    with pytest.raises(ConfigError, match="projects no items"):
        Ranker(encoder(words), ITEMS, "like", share=task("sequential", collaborative=0))
    with pytest.raises(ConfigError, match="trains no ids"):
        Ranker(encoder("{history:items} likes {item:text}"), ITEMS, share=first, collaborative=2)


def test_tasks_that_do_not_belong_together_are_refused() -> None:
    one, two = task("sequential"), task("direct")
    with pytest.raises(ConfigError, match="share their items"):
        MultiTask({"sequential": one, "direct": two})
    with pytest.raises(ConfigError, match="of its own"):
        MultiTask({"sequential": one, "again": one})
    with pytest.raises(ConfigError, match="name"):
        MultiTask({"../up": one})
    with pytest.raises(ConfigError, match="name"):
        MultiTask({})
    with pytest.raises(ConfigError, match="a weight for each task"):
        MultiTask({"sequential": one}, {"rating": 1})
    for weight in (-1.0, 0.0, float("nan")):
        with pytest.raises(ConfigError, match="0 or more"):
            MultiTask({"sequential": one}, {"sequential": weight})
    with strategy("mirrored").scope(), pytest.raises(ConfigError, match="scope"):
        MultiTask({"sequential": one})


def test_what_cannot_be_trained_is_refused() -> None:
    model = multi(names=("sequential",))
    with pytest.raises(ConfigError, match="loss"):
        model.compile(loss="mse")
    with pytest.raises(ConfigError, match="gradient_accumulation_steps=2"):
        model.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    model.compile()
    for data in (SPLIT.test, {}, {"rating": SPLIT.train}, {"sequential": 3}):
        with pytest.raises(ConfigError, match="data of tasks"):
            model.fit(data)
    with pytest.raises(ConfigError, match="batch size"):
        model.fit(SPLIT.train, batch_size={})
    with pytest.raises(ConfigError, match="catalog"):
        model.fit(dataset(items=13).leave_one_out().train)
    with pytest.raises(ConfigError, match="by its fit"):
        model.train_on_batch(np.zeros(1))


# -- the order of tasks ------------------------------------------------------------------------


def test_steps_follow_the_weights() -> None:
    counts = TaskSchedule({"a": 2, "b": 1, "c": 0}, steps=30).before(10)
    assert counts == {"a": 200, "b": 100, "c": 0}
    # 0.7 steps an epoch: what no epoch holds whole comes out right over many.
    few = TaskSchedule({"a": 9.3, "b": 0.7}, steps=10).before(400)
    assert few["b"] == pytest.approx(280, abs=4 * (400 * 0.21) ** 0.5)
    orders = [TaskSchedule({"a": 1, "b": 1}, 20, seed).order(epoch) for seed in (0, 1)
              for epoch in (0, 1)]  # fmt: skip
    assert len({tuple(order) for order in orders}) == 4
    assert TaskSchedule({"a": 1, "b": 1}, 20, 1).order(1) == orders[-1]


def test_a_task_of_weight_0_is_never_trained() -> None:
    model = multi({"sequential": 1, "direct": 0, "rating": 3})
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1), run_eagerly=True)
    before = values(model)
    steps: list[str] = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: steps.extend(logs))
    history = model.fit(
        SPLIT.train, epochs=2, batch_size=3, steps_per_epoch=8, callbacks=[watch], verbose=0
    ).history
    moved = changed(model, before)
    assert not [k for k in moved if k.startswith("direct") and not shared(k)]
    assert steps.count("sequential_loss") == 4 and steps.count("rating_loss") == 12
    assert "direct_loss" not in steps and "direct_loss" not in history
    assert {"loss", "sequential_loss", "rating_loss"} == set(history)
    expected = [(s + 3 * r) / 4 for s, r in
                zip(history["sequential_loss"], history["rating_loss"], strict=True)]  # fmt: skip
    assert history["loss"] == pytest.approx(expected)


def test_an_epoch_is_one_pass_over_each_task() -> None:
    steps: list[str] = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: steps.extend(logs))
    model, _ = fitted(epochs=1, callbacks=[watch])
    batches = training_batches(model.tasks, SPLIT.train, None, batch_size=3)
    for name, each in batches.items():
        assert steps.count(f"{name}_loss") == each.count
        passes = []
        for _ in range(2):
            given = [next(each.following())[1] for _ in range(each.count)]
            told = [y["target"] if "target" in y else y["label"] for y in given]
            judged = [y[y >= 0] if y.dtype.is_integer else y[y == y] for y in told]
            passes.append([tuple(sorted(y.numpy().tolist())) for y in judged])
        # The same events in another order; all that training has.
        assert passes[0] != passes[1]
        flat = [sorted(label for batch in each_pass for label in batch) for each_pass in passes]
        assert flat[0] == flat[1] and len(flat[0]) == len(SPLIT.train.items)


def test_one_task_trains_as_it_does_alone() -> None:
    optimizer = {"learning_rate": 0.01, "weight_decay": 0.1, "global_clipnorm": 1.0}
    for name in TEMPLATES:
        alone = task(name)
        alone.compile(keras.optimizers.AdamW(**optimizer), run_eagerly=True)
        losses = alone.fit(SPLIT.train, epochs=2, batch_size=3, verbose=0).history["loss"]
        model = multi(names=(name,))
        model.compile(keras.optimizers.AdamW(**optimizer), run_eagerly=True)
        history = model.fit(SPLIT.train, epochs=2, batch_size=3, verbose=0).history
        assert history["loss"] == pytest.approx(losses, rel=1e-5)
        assert history[f"{name}_loss"] == history["loss"]
        assert_close(own_values(alone), own_values(model.tasks[name]), 1e-5)


def test_training_goes_on_where_it_stopped() -> None:
    # 5 steps leave each task in the middle of a pass.
    straight, _ = fitted(epochs=2, steps_per_epoch=5)
    again, _ = fitted(epochs=1, steps_per_epoch=5)
    assert [own.epochs_done for own in (again, *again.tasks.values())] == [1] * 4
    again.fit(SPLIT.train, epochs=2, initial_epoch=1, steps_per_epoch=5, batch_size=3, verbose=0)
    assert_close(values(straight), values(again), 1e-5)


def test_what_is_known_is_what_any_trained_task_knows() -> None:
    few = rated().leave_one_out().train
    short = type(few)(
        few.catalog, few.user_ids[:1], few.items[: few.offsets[1]], few.offsets[:2], few.users[:1]
    )
    model = multi({"sequential": 1, "direct": 1}, names=("sequential", "direct"))
    model.compile(run_eagerly=True)
    model.fit({"sequential": short, "direct": few}, steps_per_epoch=2, verbose=0)
    warm = np.asarray(model.tasks["direct"].item_table.ids.warm)
    np.testing.assert_array_equal(warm, few.counts() > 0)
    other = MultiTask(model.tasks, {"sequential": 1, "direct": 0})
    other.compile(run_eagerly=True)
    other.fit({"direct": few, "sequential": short}, steps_per_epoch=2, verbose=0)
    warm = np.asarray(model.tasks["direct"].item_table.ids.warm)
    np.testing.assert_array_equal(warm, short.counts() > 0)


# -- repeatable --------------------------------------------------------------------------------


def test_fit_is_decided_by_its_seed() -> None:
    runs = [fitted(seed=seed) for seed in (0, 0, 1)]
    assert runs[1][1]["loss"] == pytest.approx(runs[0][1]["loss"], rel=1e-5)
    assert_close(values(runs[0][0]), values(runs[1][0]), 1e-5)
    assert runs[2][1]["loss"] != pytest.approx(runs[0][1]["loss"], rel=1e-3)


@pytest.mark.slow
def test_graph_equals_eager() -> None:
    graph, eager = fitted(eager=False), fitted()
    assert eager[1]["loss"] == pytest.approx(graph[1]["loss"], rel=1e-4)
    assert_close(values(graph[0]), values(eager[0]), 2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [3, 1])
def test_two_replicas_train_as_one(batch_size: int) -> None:
    # Uneven halves, and a last batch of two or of one row, which leaves the second one empty.
    options: dict[str, Any] = {
        "optimizer": lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.1),
        "steps_per_epoch": 8 if batch_size == 1 else None,
        "validation_data": SPLIT.validation,
        "batch_size": batch_size,
        "eager": False,
    }
    one, two = (fitted(kind=kind, **options) for kind in ("one", "mirrored"))
    assert one[1].keys() == two[1].keys()
    for name, figures in one[1].items():
        np.testing.assert_allclose(two[1][name], figures, rtol=2e-4, err_msg=name)
    assert_close(values(one[0]), values(two[0]), 2e-5)


# -- figures -----------------------------------------------------------------------------------


def test_validation_is_each_tasks_own() -> None:
    model, history = fitted(validation_data=SPLIT.validation)
    figures = {}
    for name, own in model.tasks.items():
        found = own.evaluate(SPLIT.validation, return_dict=True, verbose=0)
        figures[name] = found
        for key, value in found.items():
            assert history[f"val_{name}_{key}"][-1] == pytest.approx(value, rel=1e-5)
    explained = 1 - (figures["rating"]["rmse"] / model.tasks["rating"].std) ** 2
    scores = [figures["sequential"]["ndcg_at_10"], figures["direct"]["ndcg_at_10"], explained]
    expected = np.prod([max(score, 1e-3) for score in scores]) ** (1 / 3)
    assert history["val_score"][-1] == pytest.approx(expected, rel=1e-5)
    some = model.evaluate({"direct": SPLIT.test})
    assert set(some) == {
        *(f"direct_{n}" for n in ("loss", "hr_at_10", "recall_at_10", "ndcg_at_10", "mrr")),
        "score",
    }
    assert some["score"] == pytest.approx(some["direct_ndcg_at_10"])


def test_the_score_of_a_task() -> None:
    ranker, retriever = task("rating"), task("direct")
    assert task_score(ranker, {"rmse": ranker.std / 2}) == pytest.approx(0.75)
    assert task_score(ranker, {"rmse": 2 * ranker.std}) == 1e-3
    assert task_score(ranker, {"rmse": float("nan")}) == 1e-3
    assert task_score(retriever, {"ndcg_at_10": 0.3}) == 0.3
    likes = Ranker(encoder(TEMPLATES["rating"]), ITEMS, "like")
    assert task_score(likes, {"auc": 0.75}) == pytest.approx(0.5)
    assert mean_score({"a": 0.2, "b": 0.4}) == pytest.approx(mean_score({"a": 0.1, "b": 0.8}))


@pytest.mark.slow
def test_callbacks_see_the_score_and_restore_the_best(tmp_path: Path) -> None:
    path = tmp_path / "best.weights.h5"
    watched = {"monitor": "val_score", "mode": "max"}
    callbacks = [
        keras.callbacks.ModelCheckpoint(
            path, save_weights_only=True, save_best_only=True, **watched
        ),
        keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True, **watched),
    ]
    model, history = fitted(
        optimizer=lambda: keras.optimizers.Adam(0.05), epochs=3, validation_data=SPLIT.validation,
        callbacks=callbacks,
    )  # fmt: skip
    best = max(history["val_score"])
    assert model.evaluate(SPLIT.validation)["score"] == pytest.approx(best, rel=1e-5)
    other = multi()
    other.load_weights(path)
    other.compile(run_eagerly=True)
    assert other.evaluate(SPLIT.validation)["score"] == pytest.approx(best, rel=1e-5)


def test_tasks_stay_ordinary_models() -> None:
    model, _ = fitted()
    report = evaluate(model.tasks["direct"], SPLIT.test, baselines=False, bootstrap=0)
    figures = model.evaluate(SPLIT.test)
    assert report["ndcg@10"] == pytest.approx(figures["direct_ndcg_at_10"], rel=1e-5)
    judged = judge(model.tasks["rating"], SPLIT.test, bootstrap=0)
    assert judged["rmse"] == pytest.approx(figures["rating_rmse"], rel=1e-4)


# -- what is kept ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[MultiTask, Path]:
    model, _ = fitted({"sequential": 2, "direct": 1, "rating": 1})
    path = tmp_path_factory.mktemp("prompts") / "toy"
    assert model.save_prompts(path, metrics={"rating_rmse": 0.9}, data={"name": "toy"}) == path
    return model, path


def test_loaded_is_saved(saved: tuple[MultiTask, Path]) -> None:
    model, path = saved
    loaded = MultiTask.load(path, ITEMS, backbone=backbone())
    assert list(loaded.tasks) == list(model.tasks)
    assert loaded.task_weights == model.task_weights and loaded.epochs_done == 1
    assert loaded.tasks["rating"].item_table is loaded.tasks["sequential"].item_table
    assert_close(values(model), values(loaded), 0.0)
    assert loaded.evaluate(SPLIT.test) == pytest.approx(model.evaluate(SPLIT.test), rel=1e-6)
    loaded.fit(SPLIT.train, epochs=2, initial_epoch=1, steps_per_epoch=1, verbose=0)
    assert json.loads((path / "rating" / "prompts.json").read_text())["metrics"] == {"rmse": 0.9}


def test_load_knows_several_tasks(saved: tuple[MultiTask, Path]) -> None:
    model, path = saved
    loaded = load(path, ITEMS, backbone=backbone())
    assert isinstance(loaded, MultiTask)
    assert_close(values(model), values(loaded), 0.0)
    with pytest.raises(ConfigError, match="share with .*one of the directories in it"):
        load(path, ITEMS, share=model.tasks["direct"])


@pytest.mark.parametrize("name", list(TEMPLATES))
def test_each_task_loads_alone(saved: tuple[MultiTask, Path], name: str) -> None:
    model, path = saved
    loaded = load(path / name, ITEMS, backbone=backbone())
    assert_close(own_values(model.tasks[name]), own_values(loaded), 0.0)
    rows = np.arange(len(SPLIT.test))
    np.testing.assert_allclose(
        loaded.scores(SPLIT.test, rows), model.tasks[name].scores(SPLIT.test, rows), atol=1e-5
    )


@pytest.mark.parametrize("damage", ["missing", "no json", "later", "another task", "mixed"])
def test_damaged_directories_are_refused(
    saved: tuple[MultiTask, Path], tmp_path: Path, damage: str
) -> None:
    copy = Path(shutil.copytree(saved[1], tmp_path / "copy"))
    path = copy / "multi_task.json"
    if damage == "missing":
        path.unlink()
    elif damage == "no json":
        path.write_text("{")
    elif damage == "later":
        path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    elif damage == "another task":
        shutil.rmtree(copy / "direct")
    else:
        fitted(seed=5, steps_per_epoch=3)[0].tasks["direct"].save_prompts(copy / "direct")
    with pytest.raises(CheckpointError):
        MultiTask.load(copy, ITEMS, backbone=backbone())
