"""What each method trains, remembers and gives back."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.toy import encoder
from tfprompt.continual import (
    Course,
    FineTune,
    FirstOnly,
    Joint,
    Method,
    Pool,
    PromptPerStage,
    Regularised,
    Replay,
    Stream,
    run,
)
from tfprompt.continual.fisher import fisher
from tfprompt.continual.method import _start_afresh
from tfprompt.continual.pull import Pull
from tfprompt.errors import CheckpointError, ConfigError
from tfprompt.models.loading import load
from tfprompt.models.parts import PARTS, only, part_of, variables_of
from tfprompt.models.retriever import Retriever
from tfprompt.models.tensors import trained_variables

Maker = Callable[..., Callable[[int], Retriever]]
POOL = "{pool:2x1 of 4} watched {history:items}"


def begun(maker: Maker, stream: Stream, method: Method, template: str | None = None) -> Retriever:
    """A model after the first stage of a method."""
    model = maker(*() if template is None else (template,))(0)
    model.prepare()
    method.start(model, stream, 0)
    method.fit_stage(model, stream[0], 0)
    return model


def changed(model: Retriever, before: dict[str, np.ndarray]) -> set[str]:
    after = {name: np.asarray(v.value) for name, v in trained_variables(model).items()}
    return {name for name, value in after.items() if not np.array_equal(value, before[name])}


def values(model: Retriever) -> dict[str, np.ndarray]:
    return {name: np.array(v.value) for name, v in trained_variables(model).items()}


def test_parts_cover_what_is_trained(maker: Maker) -> None:
    model = maker("{soft:2} {pool:1 of 3} {home:feature} {history:items}", collaborative=3)(0)
    parts = {name: part_of(name) for name in trained_variables(model)}
    assert {*parts.values()} == {"prompts", "items", "temperature"}
    assert parts["log_temperature"] == "temperature"
    assert parts["item_table/ids/table"] == parts["item_tower/projection/kernel"] == "items"
    for name in ("pool_1/keys", "soft_0/prompt"):
        assert parts[f"prompted_encoder/{name}"] == "prompts"
    with only(model, "prompts"):
        trained = {n for n, v in trained_variables(model).items() if v.trainable}
        assert {part_of(name) for name in trained} == {"prompts"}
    assert all(variable.trainable for variable in trained_variables(model).values())
    with (
        pytest.raises(ConfigError, match="something of the parts network"),
        only(model, "network"),
    ):
        pass


@pytest.mark.parametrize(
    ("method", "template", "expected"),
    [
        (FineTune, None, {"prompts", "items", "temperature"}),
        (lambda course: FineTune(course, later=("prompts",)), None, {"prompts"}),
        (Pool, POOL, {"prompts"}),
        (PromptPerStage, None, {"prompts"}),
        (
            lambda course: PromptPerStage(course, later=("soft", "items")),
            None,
            {"prompts", "items"},
        ),
        (FirstOnly, None, set()),
        (Joint, None, set()),
    ],
)
def test_later_stages_train_what_was_said(
    maker: Maker, stream: Stream, course: Course, method: Any, template: str | None,
    expected: set[str],
) -> None:  # fmt: skip
    made = method(course)
    model = begun(maker, stream, made, template)
    before = values(model)
    made.fit_stage(model, stream[1], 1)
    assert {part_of(name) for name in changed(model, before)} == expected


def test_what_all_stages_showed_is_known(maker: Maker, stream: Stream, course: Course) -> None:
    method = FineTune(course)
    model = maker(collaborative=2)(0)
    model.prepare()
    method.start(model, stream, 0)
    for number in range(2):
        method.fit_stage(model, stream[number], number)
    warm = np.asarray(model.item_table.ids.warm).ravel() > 0
    shown = stream[0].train.counts() + stream[1].train.counts() > 0
    np.testing.assert_array_equal(warm, shown)
    assert 0 < shown.sum() < len(shown)


@pytest.mark.parametrize("later", [("soft",), ("soft", "items", "temperature")])
def test_old_stages_come_back_exactly(
    maker: Maker, stream: Stream, course: Course, later: tuple[str, ...], tmp_path: Path
) -> None:
    method = PromptPerStage(course, later=later)
    model = begun(maker, stream, method)
    answers = [model.predict(stream[0].test)]
    method.fit_stage(model, stream[1], 1)
    answers.append(model.predict(stream[1].test))
    method.fit_stage(model, stream[2], 2)
    for number in range(2):
        method.answer_as(model, number)
        np.testing.assert_array_equal(model.predict(stream[number].test), answers[number])
        model.save_prompts(tmp_path / str(number))
        loaded = maker()(9)
        loaded.load_prompts(tmp_path / str(number))
        np.testing.assert_array_equal(loaded.predict(stream[number].test), answers[number])
    assert model.prompts.names == ("default", *stream.names)
    assert {part_of(key.split("/", 1)[1]) for key in method.state()} == (
        {"prompts"} if later == ("soft",) else {"prompts", "items", "temperature"}
    )
    if later != ("soft",):
        return  # the bank holds prompts alone
    # The bank answers as the method does, whichever prompt the model has now.
    x, _ = next(iter(model.pipeline.requests(stream[1].test, batch_size=4)))
    method.answer_as(model, 1)
    expected = np.asarray(model(x))
    method.answer_as(model, 2)
    found = model.prompts.queries(x, [stream.names[1]] * len(expected))
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-5)
    assert np.abs(np.asarray(model(x)) - expected).max() > 1e-4


def test_memory_is_bounded_seeded_and_of_past_stages(
    maker: Maker, stream: Stream, course: Course
) -> None:
    memories = []
    for seed in (0, 0, 1):
        method = Replay(course, size=4)
        model = maker()(0)
        model.prepare()
        method.start(model, stream, seed)
        assert len(method.training_part(model, stream[0], 0)) == len(stream[0].train)
        # Passing alone: what is trained does not matter to the memory.
        method._train = lambda *_: None  # type: ignore[method-assign]
        for number, stage in enumerate(stream):
            mixed = method.training_part(model, stage, number)
            assert len(mixed) - len(stage.train) == len(method.memory) == (4 if number else 0)
            assert all(method.memory[:, 0] < number)
            for past, row, begin, end in method.memory:
                part = stream[past].train
                assert part.offsets[row] <= begin < end - 1 < part.offsets[row + 1]
                assert end - begin <= model.encoder.max_history + 1
            method.fit_stage(model, stage, number)
        memories.append(method.memory)
    np.testing.assert_array_equal(memories[0], memories[1])
    assert not np.array_equal(memories[0], memories[2])


def test_mixed_rows_are_the_remembered_events(maker: Maker, stream: Stream, course: Course) -> None:
    method = Replay(course, size=3)
    model = begun(maker, stream, method)
    mixed = method.training_part(model, stream[1], 1)
    _, row, begin, end = method.memory[-1]
    past = stream[0].train
    last = slice(mixed.offsets[-2], mixed.offsets[-1])
    np.testing.assert_array_equal(mixed.items[last], past.items[begin:end])
    np.testing.assert_array_equal(mixed.timestamps[last], past.timestamps[begin:end])
    np.testing.assert_array_equal(mixed.context["device"][last], past.context["device"][begin:end])
    assert mixed.user_ids[-1] == past.user_ids[row]
    assert mixed.users["home"][-1] == past.users["home"][int(row)]


def test_a_reservoir_gives_all_windows_the_same_chance(
    maker: Maker, stream: Stream, course: Course
) -> None:
    model = maker()(0)
    drawn: dict[tuple[int, ...], int] = {}
    for seed in range(400):
        method = Replay(course, size=5)
        method.start(model, stream, seed)
        method._train = lambda *_: None  # type: ignore[method-assign]
        for number, stage in enumerate(stream):
            method.fit_stage(model, stage, number)
        for window in method.memory:
            drawn[tuple(window)] = drawn.get(tuple(window), 0) + 1
    windows = method._passed
    expected = 400 * 5 / windows
    assert len(drawn) == windows
    # Five standard deviations of a binomial.
    assert max(abs(n - expected) for n in drawn.values()) < 5 * np.sqrt(expected)


def test_a_pull_is_half_the_weighted_square_and_reaches_the_step(
    maker: Maker, stream: Stream
) -> None:
    model = maker()(0)
    model.prepare()
    prompt = model.encoder.soft_prompts[0].prompt
    before = np.array(prompt)
    x, y = next(
        iter(model.pipeline.training(stream[0].train, batch_size=4, seed=0, epoch=lambda: 0))
    )
    steps = []
    # Weight 3, importance 2, half a unit away.
    for pull in (Pull(before - 0.5, np.full_like(before, 2.0), weight=3.0), None):
        prompt.assign(before)
        prompt.regularizer = pull
        if pull is not None:
            assert float(sum(model.losses)) == pytest.approx(3 / 2 * 2 * 0.25 * before.size)
        _start_afresh(model, 0, 0)  # the same dropout both times
        with only(model, "prompts"):
            model.compile(keras.optimizers.SGD(0.1))
            model.train_on_batch(x, y)
        steps.append(np.array(prompt) - before)
    # The derivative is weight · importance · distance.
    np.testing.assert_allclose(steps[0] - steps[1], -0.1 * 3.0 * 2.0 * 0.5, atol=2e-5)


@pytest.mark.slow
def test_a_strong_pull_holds_what_matters(maker: Maker, stream: Stream, course: Course) -> None:
    moved = []
    for weight in (0.0, 1e6):
        longer = dataclasses.replace(course, epochs=5)
        method = Regularised(longer, weight=weight, windows=3)
        model = begun(maker, stream, method)
        held, before = method.importances, values(model)
        method.fit_stage(model, stream[1], 1)
        moved.append(
            np.sqrt(sum(np.sum(held[n] * (v - before[n]) ** 2) for n, v in values(model).items()))
        )
        assert all(v.regularizer is None for v in trained_variables(model).values())
    # Adam's steps do not shrink with the distance, so a pull holds within a few of them.
    assert moved[1] < 0.6 * moved[0]


def test_fisher_is_the_mean_squared_gradient(maker: Maker, stream: Stream) -> None:
    import tensorflow as tf

    model = maker()(0)
    model.prepare()
    variables = variables_of(model, PARTS)
    found = fisher(model, stream[0].train, variables, windows=3, seed=5)
    # The temperature's by hand: d loss / d log τ = Σ over targets of (s_target - Σ p s) / τ.
    squares, targets = 0.0, 0
    batches = model.pipeline.training_arrays(stream[0].train, batch_size=1, seed=5)
    for _, (_, x, y) in zip(range(3), batches, strict=False):
        x = {name: tf.convert_to_tensor(value) for name, value in x.items()}
        queries = np.asarray(model(x, every_position=True))[0]
        logits = queries @ np.asarray(model.candidates()).T / float(model.temperature)
        gradient = 0.0
        for step, target in enumerate(y["target"][0]):
            if target >= 0:
                p = np.exp(logits[step] - logits[step].max())
                gradient += logits[step][target] - (p / p.sum()) @ logits[step]
                targets += 1
        squares += gradient**2
    assert float(found["log_temperature"]) == pytest.approx(squares / targets, rel=1e-3)
    assert {name: value.shape for name, value in found.items()} == {
        name: tuple(v.shape) for name, v in variables.items()
    }


class Stop(Exception):
    """An interruption."""


@pytest.mark.parametrize(
    ("make", "template"),
    [
        (Replay, None),
        pytest.param(functools.partial(Regularised, windows=3), None, marks=pytest.mark.slow),
        (PromptPerStage, "{soft:2 mlp} watched {history:items}"),
        pytest.param(
            functools.partial(PromptPerStage, later=("soft", "items")),
            None,
            marks=pytest.mark.slow,
        ),
        (FineTune, "{soft:2 mlp} watched {history:items}"),
        pytest.param(Pool, POOL, marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one(
    maker: Maker, stream: Stream, course: Course, tmp_path: Path, make: Any,
    template: str | None, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    course = dataclasses.replace(course, epochs=1, batch_size=4)
    models: list[Retriever] = []

    def make_model(seed: int) -> Retriever:
        models.append(maker(*() if template is None else (template,))(seed))
        return models[-1]

    whole = run(make_model, stream, make(course), seed=3)
    assert capsys.readouterr().out.count(" of 3 (") == 3

    interrupted = make(course)
    fit_stage = interrupted.fit_stage

    def until_the_last(model: Retriever, stage: Any, number: int) -> bool:
        if number == 2:
            raise Stop
        return bool(fit_stage(model, stage, number))

    interrupted.fit_stage = until_the_last
    with pytest.raises(Stop):
        run(make_model, stream, interrupted, seed=3, directory=tmp_path, progress=False)
    resumed = run(make_model, stream, make(course), seed=3, directory=tmp_path, progress=False)
    np.testing.assert_allclose(resumed.matrix, whole.matrix, atol=1e-6)
    np.testing.assert_array_equal(resumed.untrained, whole.untrained)
    for name, value in values(models[0]).items():
        np.testing.assert_allclose(values(models[-1])[name], value, atol=1e-4, err_msg=name)
    # Not because nothing was trained.
    fresh = make_model(3)
    fresh.prepare()
    for name, value in values(fresh).items():
        if "network" not in name:  # folded into its prompt
            assert np.abs(values(models[0])[name] - value).max() > 1e-3, name
    # Finished, it is read and not trained again; another run is not mistaken for it.
    again = run(make_model, stream, make(course), seed=3, directory=tmp_path, progress=False)
    assert again.to_dict() == resumed.to_dict()
    with pytest.raises(CheckpointError, match="other seed"):
        run(make_model, stream, make(course), seed=4, directory=tmp_path)


def test_what_a_stage_does_not_choose_stays_as_it_was(
    maker: Maker, stream: Stream, course: Course
) -> None:
    template = "{pool:1x2 of 40} watched {history:items}"
    method = Pool(dataclasses.replace(course, weight_decay=0.1))
    model = begun(maker, stream, method, template)
    pool = model.encoder.made_prompts["pool_0"]
    prompts, keys = np.array(pool.prompts), np.array(pool.keys)
    method.fit_stage(model, stream[1], 1)
    moved = (np.asarray(pool.prompts) != prompts).any(axis=(1, 2))
    drawn = (np.asarray(pool.keys) != keys).any(axis=1)  # but for keys that are on their query
    assert not (drawn & ~moved).any()
    assert 5 <= drawn.sum() and moved.sum() <= 35


def test_a_course_begins_at_the_rate_that_it_says() -> None:
    def rates(course: Course, steps: int) -> list[float]:
        schedule = course.optimizer(0, steps)._learning_rate
        return [float(schedule(step)) for step in range(steps)]

    assert rates(Course(rate=0.1, warmup=0.0), 1) == pytest.approx([0.1])
    assert rates(Course(rate=0.1, warmup=0.9), 1) == pytest.approx([0.1])
    assert rates(Course(rate=0.1, warmup=0.5), 4)[:3] == pytest.approx([0, 0.05, 0.1])


def test_refusals(maker: Maker, stream: Stream) -> None:
    with pytest.raises(ConfigError, match="must have a pool"):
        run(maker(), stream, Pool())
    with pytest.raises(ConfigError, match="soft prompt"):
        run(maker("watched {history:items}"), stream, PromptPerStage())
    with pytest.raises(ConfigError, match="'validation' or 'test'"):
        run(maker(), stream, FineTune(), part="train")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="What is trained"):
        FineTune(later="prompts")
    with pytest.raises(ConfigError, match="one window or more"):
        Replay(size=0)
    with pytest.raises(ConfigError, match="weight of 0 or more"):
        Regularised(weight=-1.0)
    with pytest.raises(ConfigError, match="rates above 0"):
        Course(rate=0.0)
    with pytest.raises(ConfigError, match="two stages or more"):
        Stream("one", stream.stages[:1])


def test_ids_that_are_held_stay_as_cold_as_they_were(
    maker: Maker, stream: Stream, course: Course
) -> None:
    model = maker("{soft:2} watched {history:items}", collaborative=3)(0)
    model.prepare()
    method = PromptPerStage(course)
    method.start(model, stream, 0)
    method.fit_stage(model, stream[0], 0)
    warm, candidates = np.array(model.item_table.ids.warm), np.asarray(model.candidates())
    assert 0 < warm.sum() < len(warm)
    method.fit_stage(model, stream[1], 1)
    np.testing.assert_array_equal(np.asarray(model.item_table.ids.warm), warm)
    np.testing.assert_array_equal(np.asarray(model.candidates()), candidates)


def test_the_bank_answers_as_each_stage_did(
    maker: Maker, stream: Stream, course: Course, tmp_path: Path
) -> None:
    model = maker("{soft:2} {home:feature} watched {history:items}")(0)
    model.prepare()
    method = PromptPerStage(course)
    method.start(model, stream, 0)
    for number in range(2):
        method.fit_stage(model, stream[number], number)
    x, _ = next(iter(model.pipeline.requests(stream[0].test, batch_size=4)))
    banked = np.asarray(model.prompts.queries(x, [stream[0].name] * len(x["states"])))
    method.answer_as(model, 0)
    np.testing.assert_allclose(banked, np.asarray(model(x)), atol=1e-6)
    # And a process that comes later answers as that stage did.
    kept = model.prompts.save(stream[0].name, tmp_path / "first")
    later = load(kept, stream.catalog, backbone=model.encoder.loaded)
    later.prepare()
    np.testing.assert_allclose(np.asarray(later(x)), banked, atol=1e-6)


def test_a_pruned_tuning_may_be_held_and_measures_each_stage_anew(
    maker: Maker, stream: Stream, course: Course
) -> None:
    made = encoder("{soft:2} watched {history:items}", tuning="adalora:1", seed=0)
    model = Retriever(made, stream.catalog, seed=0)
    model.prepare()
    method = FineTune(course, later=("prompts",))
    method.start(model, stream, 0)
    method.fit_stage(model, stream[0], 0)
    measured = made.tuning.course
    assert any(np.asarray(variable).any() for variable in measured)
    method.fit_stage(model, stream[1], 1)  # observes no gradients
    assert not any(np.asarray(variable).any() for variable in measured)


def test_a_pull_holds_what_a_network_was_folded_into(
    maker: Maker, stream: Stream, course: Course
) -> None:
    method = Regularised(course, weight=1e3, importance="equal")
    model = begun(maker, stream, method, "{soft:2 mlp} watched {history:items}")
    (layer,) = model.encoder.soft_prompts
    np.testing.assert_array_equal(np.asarray(layer.vectors()), np.asarray(layer.prompt))
    anchors, before = {}, values(model)

    def keep(variable_anchor, *others):
        anchors[len(anchors)] = np.array(variable_anchor)
        return Pull(variable_anchor, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfprompt.continual.regularised.Pull", keep)
        patch.setattr(
            Method, "_train", lambda self, model, part, number: _start_afresh(model, 0, 1)
        )
        method.fit_stage(model, stream[1], 1)
    # Where the stage starts is where it is pulled to.
    for anchor, value in zip(anchors.values(), before.values(), strict=True):
        np.testing.assert_array_equal(anchor, value)
    assert not changed(model, before)
