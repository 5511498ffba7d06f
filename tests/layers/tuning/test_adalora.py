"""How ranks are pruned, against the paper's equations worked out with numpy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from tests.layers.tuning.by_hand import tuned_layers
from tests.toy import dataset, retriever
from tfprompt.errors import BackboneError, ConfigError
from tfprompt.layers.tuning import AdaLora
from tfprompt.layers.tuning.importance import Importance
from tfprompt.layers.tuning.rank_budget import RankBudget, keep_best
from tfprompt.models.task_course import TaskCourse
from tfprompt.models.task_schedule import TaskSchedule
from tfprompt.training import BestWeights

SPLIT = dataset().leave_one_out()


def test_importance_by_hand() -> None:
    rng = np.random.default_rng(0)
    weight = keras.Variable(rng.normal(size=(3, 2)).astype("float32"))
    importance = Importance(0.85, 0.7)
    importance.build([(3, 2)])
    smooth, varies = np.zeros((3, 2)), np.zeros((3, 2))
    for _ in range(4):
        gradient = rng.normal(size=(3, 2)).astype("float32")
        importance.update([weight], [keras.ops.array(gradient)])
        now = np.abs(weight.numpy() * gradient)  # equations 8 to 10
        smooth = 0.85 * smooth + 0.15 * now
        varies = 0.7 * varies + 0.3 * np.abs(now - smooth)
    np.testing.assert_allclose(importance.score(0), smooth * varies, rtol=1e-4)


def test_the_best_are_kept_and_ties_never_keep_more() -> None:
    scores = keras.ops.array([[3.0, 1.0, 2.0], [0.0, 5.0, 2.0]])
    for count in range(7):
        kept = np.asarray(keep_best(scores, count))
        assert kept.sum() == count
        if 0 < count < 6:
            left = np.asarray(scores)[kept == 0].max()
            assert np.asarray(scores)[kept == 1].min() >= left
    assert np.asarray(keep_best(keras.ops.zeros((2, 3)), 4)).sum() == 4


def test_the_budget_falls_with_the_cube_of_what_is_left() -> None:
    # 3 matrices from 6 ranks to 2; 20 steps, of which 2 before pruning and 6 after it.
    budget = RankBudget(2, 6, warmup=0.1, cooldown=0.3, prune_every=4)
    budget.build((3, 6))
    budget.total.assign(20)
    rng = np.random.default_rng(1)
    left, masks = [], []
    for _ in range(20):
        masks.append(np.asarray(budget.step(keras.ops.array(rng.random((3, 6), "float32")))))
        left.append(int(masks[-1].sum()))
    expected = [18] * 20
    for step in (4, 8, 12):  # equation 12
        expected[step - 1] = int(6 + 12 * (1 - (step - 2) / (14 - 2)) ** 3)
    expected[13:] = [6] * 7
    assert left == expected
    for mask in masks[14:]:  # whatever the scores say now
        np.testing.assert_array_equal(mask, masks[13])


def test_without_a_plan_nothing_is_pruned() -> None:
    budget = RankBudget(1, 3, prune_every=1)
    budget.build((2, 3))
    for _ in range(5):
        assert np.asarray(budget.step(keras.ops.ones((2, 3)))).all()


def test_each_of_several_tasks_knows_its_own_steps() -> None:
    planned: dict[str, int] = {}

    def task(name: str) -> Any:
        tuning = SimpleNamespace(plan=lambda steps: planned.update({name: steps}))
        return SimpleNamespace(encoder=SimpleNamespace(tuning=tuning))

    batches: Any = {name: SimpleNamespace(go_to=lambda taken: None) for name in ("a", "b")}
    course = TaskCourse(TaskSchedule({"a": 3, "b": 1}, steps=8), batches)
    course.set_model(SimpleNamespace(tasks={name: task(name) for name in ("a", "b")}))
    course.set_params({"epochs": 5})
    course.on_train_begin()
    assert planned == {"a": 30, "b": 10}


def test_what_is_pruned_is_what_matters_least() -> None:
    seam, tuned = tuned_layers(AdaLora(1, 2, warmup=0.0, cooldown=0.5, prune_every=1))
    pruned: Any = tuned.tunings[0]
    tuned.plan(2)
    rng = np.random.default_rng(0)
    gradients, scores = {}, {}
    for name, triplet in pruned.factors.items():
        triplet[1].assign(rng.normal(size=2))
        sensitivities = []
        for variable in triplet:
            gradients[id(variable)] = keras.ops.array(rng.normal(size=variable.shape), "float32")
            now = np.abs(variable.numpy() * np.asarray(gradients[id(variable)]))
            # After one step: 0.15 of it, which is 0.85 of it away, times 0.15.
            sensitivities.append(0.15 * now * 0.15 * 0.85 * now)
        p, scales, q = sensitivities
        scores[name] = scales + p.mean(axis=0) + q.mean(axis=1)  # equation 7
    tuned.observe(gradients)
    threshold = np.sort(np.concatenate(list(scores.values())))[4]
    for name, (_, scales, _) in pruned.factors.items():
        np.testing.assert_array_equal(scales.numpy() != 0, scores[name] >= threshold, name)
    assert sum(pruned.ranks.values()) == 4


def test_training_ends_at_the_target_rank_and_stays_there() -> None:
    tuning = AdaLora(1, 3, warmup=0.1, cooldown=0.4, prune_every=2)
    model = retriever(encoder={"tuning": tuning})
    model.compile(keras.optimizers.Adam(0.05))
    ranks = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            ranks.append(dict(tuning.ranks))

    model.fit(SPLIT.train, epochs=4, batch_size=3, verbose=0, callbacks=[Watch()])
    totals = [sum(each.values()) for each in ranks]  # 4 matrices; 12 steps, 7 of them to the end
    assert totals[0] == 12 and totals[6:] == [4] * 6
    assert all(each == ranks[6] for each in ranks[6:])
    # A later fit does not begin anew.
    model.fit(SPLIT.train, epochs=1, batch_size=3, verbose=0)
    assert tuning.ranks == ranks[6]


@pytest.mark.parametrize(
    "wrong",
    [{"target_rank": 0}, {"initial_rank": 3}, {"warmup": 0.7}, {"prune_every": 0}, {"alpha": 0},
     {"sensitivity_decay": 1.0}, {"orthogonality": -1.0}],
)  # fmt: skip
def test_what_cannot_be_pruned_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="Received"):
        AdaLora(**{"target_rank": 4, **wrong})


def test_more_ranks_than_fit_are_refused() -> None:
    # 2 heads of 8 for keys and values.
    with pytest.raises(BackboneError, match="initial_rank=24 for a projection of 16"):
        tuned_layers("adalora:16", "llama")


def test_the_best_weights_have_the_ranks_that_they_had() -> None:
    model = retriever(encoder={"tuning": AdaLora(1, 3, warmup=0.0, cooldown=0.4, prune_every=1)})
    # Steps as large as these only make it worse.
    model.compile(keras.optimizers.SGD(1e3), run_eagerly=True)
    before = {name: np.array(v.value) for name, v in model.encoder.tuning.settled.items()}
    best = BestWeights(SPLIT.validation, "val_loss", "min")
    model.fit(
        SPLIT.train, validation_data=SPLIT.validation, epochs=2, batch_size=3, verbose=0,
        callbacks=[best],
    )  # fmt: skip
    assert best.best_epoch == 0
    for name, variable in model.encoder.tuning.settled.items():
        if not name.endswith("total"):
            np.testing.assert_array_equal(np.asarray(variable), before[name], name)
