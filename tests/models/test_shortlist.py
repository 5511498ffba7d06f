"""What a retriever hands on, against brute force over its queries and candidates."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest

from tests.rated import TOKEN, ranker, rated
from tests.toy import ITEMS, dataset, retriever
from tfprompt.errors import ConfigError
from tfprompt.models.retriever import Retriever
from tfprompt.models.shortlist import best, request_shortlist, training_shortlist
from tfprompt.tasks.objective import Objective
from tfprompt.training import BestWeights

DATA = rated()
SPLIT = DATA.leave_one_out()
TEMPLATE = "{soft:2} saw {history:items rating}"


def made(template: str = TEMPLATE, **options: Any) -> Retriever:
    model = retriever(template, data=DATA, **options)
    model.prepare()
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(variable.value + 0.3 * rng.normal(size=variable.shape).astype("float32"))
    return model


@pytest.fixture(scope="module")
def model() -> Retriever:
    return made(encoder={"max_history": 3})


def query_of(model: Retriever, items: list[int], ratings: list[float]) -> np.ndarray:
    """The query of one history, asked for alone."""
    plan = model.encoder.text_plan({}, 1)
    mask = plan["padding_mask"]
    inputs = {
        "states": model.encoder.seam.lower_states(plan["token_ids"], mask),
        "states_mask": mask,
        "order": plan["order"],
        "history": np.array([items], "int32").reshape(1, -1),
        "ratings": np.array([ratings], "float32").reshape(1, -1),
    }
    return np.asarray(model(inputs))[0]


def test_the_shortlist_of_an_event_is_what_was_best_then(model: Retriever) -> None:
    train, candidates = SPLIT.train, np.asarray(model.candidates())
    lists = training_shortlist(model, train, 5)
    assert lists.shape == (len(train.items), 5) and lists.dtype == np.int32
    deep, kept_or_not = 0, set()
    for row in range(len(train)):
        begin, end = train.offsets[row : row + 2]
        # Windows of 3 are cut from the end; each event sees its window's items before it.
        first = (end - begin - 1) % 3 or 3
        for event in range(begin, end):
            place = event - begin
            start = begin + (0 if place <= first else first + (place - first - 1) // 3 * 3)
            shown = train.items[start:event].tolist()
            scores = candidates @ query_of(model, shown, train.ratings[start:event].tolist())
            order = np.argsort(-scores, kind="stable").tolist()
            had = set(train.items[begin : event + 1].tolist())
            deep += start > begin
            earlier = set(train.items[begin:event].tolist())
            offered = [item for item in order if item not in earlier][:5]
            expected = [item for item in order if item not in had][:5]
            kept = int(train.items[event]) in offered
            assert lists[event].tolist() == (expected if kept else [-1] * 5)
            kept_or_not.add(kept)
    assert deep > 0 and kept_or_not == {True, False}


def test_an_event_that_was_never_offered_is_not_learned_from() -> None:
    judge = ranker(TOKEN, Objective("click", "pointwise", negatives=2))
    hard = np.full((len(SPLIT.train.items), 3), -1, np.int32)
    offered = SPLIT.train.offsets[1] + 1  # one event of the second user
    hard[offered] = [i for i in range(ITEMS) if i not in SPLIT.train.items[: offered + 1]][:3]
    fields = judge.pipeline.training_fields(SPLIT.train)
    positives = []
    for x, y in judge.pipeline.judged_windows(
        SPLIT.train, fields, batch_size=4, seed=0, epoch=0, hard=hard
    ):
        positives += x["candidates"][y["label"] == 1].tolist()
        assert np.isnan(y["label"][x["candidates"] < 0]).all()
    assert positives == [SPLIT.train.items[offered]]


def test_the_shortlist_of_a_request_is_its_best_unseen_items(model: Retriever) -> None:
    requests = SPLIT.test
    lists = request_shortlist(model, requests, ITEMS)
    scores = model.scores(requests, np.arange(len(requests)))
    for row in range(len(requests)):
        seen = set(requests.history(row).tolist())
        order = [i for i in np.argsort(-scores[row], kind="stable").tolist() if i not in seen]
        assert lists[row].tolist() == order + [-1] * len(seen)
        np.testing.assert_array_equal(request_shortlist(model, requests, 4)[row], lists[row][:4])
    # What is taken again is asked for: a target stays a candidate.
    again = requests.histories[requests.history_offsets[:-1]]
    repeated = dataclasses.replace(
        requests, targets=again, target_offsets=np.arange(len(requests) + 1)
    )
    lists = request_shortlist(model, repeated, ITEMS)
    assert all(item in found for item, found in zip(again, lists, strict=True))
    every = request_shortlist(model, dataclasses.replace(requests, exclude_seen=False), ITEMS)
    np.testing.assert_array_equal(every, np.argsort(-scores, axis=1, kind="stable"))


def test_a_retriever_without_a_history_has_a_shortlist_of_requests() -> None:
    model = made("{soft:2} user {age}")
    assert request_shortlist(model, SPLIT.test, 3).shape == (len(SPLIT.test), 3)
    with pytest.raises(ConfigError, match="reads a history at every position"):
        training_shortlist(model, SPLIT.train, 3)


def test_a_retriever_that_saw_the_future_is_refused() -> None:
    model = made(encoder={"attention": "full"})
    with pytest.raises(ConfigError, match="attention='full'"):
        training_shortlist(model, SPLIT.train, 3)


@pytest.mark.parametrize("count", [0, -1, ITEMS + 1])
def test_a_length_that_cannot_be_is_refused(model: Retriever, count: int) -> None:
    for call, part in ((training_shortlist, SPLIT.train), (request_shortlist, SPLIT.test)):
        with pytest.raises(ConfigError, match=f"1 to {ITEMS} items.*Received: {count}"):
            call(model, part, count)  # type: ignore[operator]


def test_another_catalog_is_refused() -> None:
    with pytest.raises(ConfigError, match="12 items.*Received: 13 items"):
        training_shortlist(retriever(), dataset(items=13).leave_one_out().train, 3)


def test_the_best_come_first_and_ties_by_row() -> None:
    scores = np.array([[1.0, 3.0, 3.0, -np.inf], [-np.inf, -np.inf, 0.0, -np.inf]])
    assert best(scores, 3).tolist() == [[1, 2, 0], [2, -1, -1]]
    assert best(scores, 9).tolist() == [[1, 2, 0, -1], [2, -1, -1, -1]]
    assert best(scores[:0], 2).shape == (0, 2)


def test_a_ranker_trains_and_is_validated_on_the_shortlist(model: Retriever) -> None:
    judge = ranker(TOKEN, Objective("click", "softmax", negatives=2))
    judge.compile(run_eagerly=True)
    given: dict[str, Any] = {}
    training, requests = judge.pipeline.training, judge.pipeline.requests

    def spy(call: Any) -> Any:
        def called(part: Any, **options: Any) -> Any:
            given.update(options)
            return call(part, **options)

        return called

    judge.pipeline.training, judge.pipeline.requests = spy(training), spy(requests)  # type: ignore[method-assign]
    history = judge.fit(
        SPLIT.train, validation_data=SPLIT.validation, shortlist=model, shortlist_size=4,
        epochs=1, batch_size=4, verbose=0,
    ).history  # fmt: skip
    np.testing.assert_array_equal(given["hard"], training_shortlist(model, SPLIT.train, 4))
    lists = request_shortlist(model, SPLIT.validation, 4)
    np.testing.assert_array_equal(given["shortlist"], lists)
    found = [SPLIT.validation.target(row)[0] in lists[row] for row in range(len(lists))]
    # Four candidates: a target among them is among the best ten, any other is a miss.
    assert history["val_hr_at_10"] == [pytest.approx(np.mean(found))]
    assert set(history) == {"loss", "val_hr_at_10", "val_ndcg_at_10", "val_mrr"}


def test_batches_that_are_drawn_already_take_no_shortlist(model: Retriever) -> None:
    judge = ranker(TOKEN, Objective("click"))
    batches = judge.pipeline.training(SPLIT.train, batch_size=4, seed=0, epoch=lambda: 0)
    with pytest.raises(ConfigError, match="drawn already"):
        judge.fit(batches, shortlist=model)


def test_ratings_have_no_shortlist(model: Retriever) -> None:
    for objective in ("rating", "like"):
        with pytest.raises(ConfigError, match=f"objective '{objective}'"):
            ranker(objective=objective).fit(SPLIT.train, shortlist=model)


def test_an_event_that_the_prompt_is_made_of_has_no_list() -> None:
    model = made("{history:personal 2} saw {history:items}", encoder={"max_history": 6})
    train = SPLIT.train
    lists = training_shortlist(model, train, ITEMS)
    hidden, trained = [], []
    for batch, _, y in model.pipeline.training_arrays(train, batch_size=32, seed=0, shift=False):
        for events, targets in zip(batch["event"], y["target"][:, 1:], strict=True):
            hidden += events[(events >= 0) & (targets < 0)].tolist()
            trained += events[targets >= 0].tolist()
    assert hidden and trained
    assert (lists[hidden] == -1).all() and (lists[trained] >= 0).any(axis=1).all()


def test_the_start_is_measured_on_the_candidates_of_the_epochs(model: Retriever) -> None:
    trained = ranker(TOKEN, Objective("click"))
    trained.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    best_weights = BestWeights(SPLIT.validation)
    history = trained.fit(
        SPLIT.train, validation_data=SPLIT.validation, epochs=1, batch_size=4, verbose=0,
        shortlist=model, shortlist_size=4, callbacks=[best_weights],
    ).history  # fmt: skip
    assert best_weights.best == pytest.approx(history["val_ndcg_at_10"][0])
    assert trained.validating_on is None
