"""What a ranker says: alone and among others, in training and served, in chunks and at once."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import tfprompt as tp
from tests.rated import TEXT, TOKEN, batches, moved, ranker, rated, rating_of
from tests.toy import ITEMS, encoder, retriever
from tfprompt.data.requests import Requests
from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ConfigError, TemplateError
from tfprompt.models import judges_items as module
from tfprompt.models.ranker import Ranker
from tfprompt.prompts import Verbalizer
from tfprompt.tasks.objective import Objective

DATA = rated()
SPLIT = DATA.leave_one_out()
RATIO = DATA.ratio(0.1, 0.5)
# The same sums in another order.
CLOSE = {"atol": 5e-5, "rtol": 1e-4}
STARS = {1: "bad", 2: ["old", "blue"], 3: "good", 5: "love"}


@pytest.fixture(scope="module", params=[TOKEN, TEXT], ids=["token", "text"])
def model(request: pytest.FixtureRequest) -> Ranker:
    made = ranker(request.param, collaborative=2, encoder={"deep": True})
    made.mark_warm(SPLIT.train)
    return moved(made, by=0.1)


def asked(rows: list[int], histories: list[list[int]]) -> Requests:
    """Requests of users with histories of choice, rated as in the toy data."""
    users = [int(SPLIT.train.user_ids[row][1:]) for row in rows]
    given = [[rating_of(u, i) for i in items] for u, items in zip(users, histories, strict=True)]
    offsets = np.cumsum([0, *map(len, histories)])
    return dataclasses.replace(
        SPLIT.test,
        user_ids=np.array([f"u{user}" for user in users]),
        histories=np.array(sum(histories, []), "int32"),
        history_offsets=offsets,
        history_ratings=np.array(sum(given, []), "float32"),
        targets=np.zeros(len(rows), "int32"),
        target_offsets=np.arange(len(rows) + 1),
        target_ratings=None,
        users=SPLIT.train.users[rows],
        timestamps=None,
        context={},
    )


def test_a_training_position_is_the_served_query(model: Ranker) -> None:
    number = 0
    for batch, x, y in model.pipeline.training_arrays(SPLIT.train, batch_size=3, seed=0):
        moments = np.tile(np.arange(y["target"].shape[1]), (len(y["target"]), 1))
        given = {**x, "candidates": y["target"], "moments": moments.astype("int32")}
        trained = np.asarray(model(given))
        places = list(zip(*np.nonzero(y["target"] >= 0), strict=True))
        requests = asked(
            [int(batch["row"][row]) for row, _ in places],
            [x["history"][row][:moment].tolist() for row, moment in places],
        )
        items = np.array([[y["target"][place]] for place in places], "int32")
        served = model.scores_of(requests, np.arange(len(places)), items)[:, 0]
        np.testing.assert_allclose([trained[place] for place in places], served, **CLOSE)
        number += len(places)
    assert number == len(SPLIT.train.items)


def test_a_score_does_not_depend_on_the_other_candidates(model: Ranker) -> None:
    requests, rows = SPLIT.test, np.array([5, 0, 3])
    every = model.scores(requests, rows)
    assert every.shape == (3, ITEMS) and np.ptp(every, axis=1).min() > 0.01
    lists = np.array([[3, -1, 7], [11, 3, 3], [-1, -1, 0]], "int32")
    some = model.scores_of(requests, rows, lists)
    for place, row in np.ndindex(3, 3):
        if lists[place, row] >= 0:
            np.testing.assert_allclose(
                some[place, row], every[place, lists[place, row]], **CLOSE
            )  # fmt: skip


@pytest.mark.parametrize("tokens", [1, 200])
def test_chunks_change_nothing(model: Ranker, tokens: int, monkeypatch: Any) -> None:
    rows = np.arange(len(SPLIT.test))
    at_once = model.scores(SPLIT.test, rows)
    monkeypatch.setattr(module, "_TOKENS_AT_ONCE", tokens)
    calls = []
    predict = model.predict_on_batch
    monkeypatch.setattr(
        model, "predict_on_batch", lambda x: calls.append(x["candidates"].shape) or predict(x)
    )
    np.testing.assert_allclose(model.scores(SPLIT.test, rows), at_once, **CLOSE)
    assert len(calls) > 1 or not model.reads_text


def test_a_part_of_the_requests_is_read_alone(
    model: Ranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.array([5, 1, 6])
    every = model.scores(SPLIT.test, np.arange(len(SPLIT.test)))
    fields, batches_of = [], []
    whole, arrays = model.pipeline.fields_of, model.pipeline.request_arrays
    monkeypatch.setattr(
        model.pipeline, "fields_of", lambda part: fields.append(part) or whole(part)
    )
    monkeypatch.setattr(
        model.pipeline, "request_arrays",
        lambda *given: (batches_of.append(len(x[1])) or x for x in arrays(*given)),
    )  # fmt: skip
    np.testing.assert_allclose(model.scores(SPLIT.test, rows), every[rows], **CLOSE)
    assert not fields and sum(batches_of) == len(rows)


def test_predictions_stand_in_the_order_of_the_targets(model: Ranker) -> None:
    requests = RATIO.test
    assert np.diff(requests.target_offsets).max() > 2
    found = model.predictions(requests)
    scores = model.scores(requests, np.arange(len(requests)))
    expected = np.concatenate([scores[r, requests.target(r)] for r in range(len(requests))])
    np.testing.assert_allclose(found, expected, **CLOSE)
    np.testing.assert_array_equal(model.predict(requests), found)
    # It does not look at what it is asked for.
    blind = dataclasses.replace(requests, target_ratings=None)
    np.testing.assert_array_equal(model.predictions(blind), found)


def test_it_is_evaluated_and_judged_like_any_other(model: Ranker) -> None:
    evaluation = tp.evaluate(model, SPLIT.test, baselines=())
    scores = model.scores(SPLIT.test, np.arange(len(SPLIT.test)))
    ranks = []
    for row in range(len(SPLIT.test)):
        target = SPLIT.test.target(row)[0]
        left = np.delete(np.arange(ITEMS), SPLIT.test.history(row))
        ranks.append(1 + np.sum(scores[row, left] > scores[row, target]))
    assert evaluation["mrr"] == pytest.approx(np.mean(1 / np.array(ranks)))
    judgement = tp.judge(model, RATIO.test)
    known = ~np.isnan(RATIO.test.target_ratings)
    error = (model.predictions(RATIO.test) - RATIO.test.target_ratings)[known]
    assert judgement["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)
    model.compile()
    figures = model.evaluate(RATIO.test, batch_size=3, return_dict=True, verbose=0)
    assert figures["rmse"] == pytest.approx(judgement["rmse"], rel=1e-4)
    assert figures["mae"] == pytest.approx(np.mean(np.abs(error)), rel=1e-4)
    assert figures["loss"] == pytest.approx(np.mean(error**2) / model.std**2, rel=1e-4)


@pytest.mark.parametrize(
    "verbalizer", [pytest.param(None, marks=pytest.mark.slow), ["bad", ["good", "love"]]]
)
def test_likes_are_probabilities(verbalizer: Any) -> None:
    made = moved(ranker(TOKEN, "like", verbalizer=verbalizer), by=0.02)
    logits = made.scores(RATIO.test, np.arange(len(RATIO.test)))
    expected = np.concatenate([logits[r, RATIO.test.target(r)] for r in range(len(logits))])
    found = made.predictions(RATIO.test)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-expected)), atol=1e-5)
    liked, known = RATIO.test.target_ratings >= 4, ~np.isnan(RATIO.test.target_ratings)
    losses = -np.log(np.where(liked, found, 1 - found))[known]
    made.compile()
    figures = made.evaluate(RATIO.test, return_dict=True, verbose=0)
    assert figures["log_loss"] == pytest.approx(losses.mean(), rel=1e-3)
    assert tp.judge(made, RATIO.test, like=4.0)["log_loss"] == pytest.approx(
        losses.mean(), rel=1e-3
    )


@pytest.mark.parametrize("bias", [False, True])
def test_a_verbalizer_is_worth_its_words(bias: bool) -> None:
    made = ranker("{soft:2} saw {history:items} {item:text}", verbalizer=STARS, bias=bias)
    made.mark_warm(SPLIT.train)
    moved(made, by=0.1)
    x, _ = batches(made)[0]
    x = {name: value for name, value in x.items() if name != "item_bias"}
    words = encode_texts(made.encoder.loaded, ["bad", "old", "blue", "good", "love"], cache=False)
    middle = words[1] + words[2]
    classes = np.stack([words[0], middle / np.linalg.norm(middle), words[3], words[4]])
    seen: list[np.ndarray] = []
    head = made.head.call
    made.head.call = lambda states: seen.append(np.asarray(states)) or head(states)
    outputs = np.asarray(made(x))
    unit = seen[0] / np.linalg.norm(seen[0], axis=-1, keepdims=True)
    logits = 10 * np.exp(float(made.head.log_scale.value)) * unit @ classes.T
    logits = logits + np.asarray(made.head.bias)
    share = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = share @ np.array([1, 2, 3, 5])
    if made.bias is not None:  # without ratings of the past, the item's alone
        levels = np.asarray(made.bias.items)[x["candidates"]]
        expected = expected + float(made.bias.scale[1]) * levels
    real = x["candidates"].numpy() >= 0
    np.testing.assert_allclose(outputs[real], expected[real], atol=1e-3)


@pytest.mark.parametrize(
    ("template", "options", "error", "says"),
    [
        ("{soft:2} {history:items}", {}, ConfigError, "item:text.*item:token.*soft:2"),
        (TOKEN, {"objective": "stars"}, ConfigError, "'stars'"),
        (TOKEN, {"objective": None}, ConfigError, "None"),
        (TOKEN, {"verbalizer": ["no", "yes"]}, ConfigError, "maps each rating to words"),
        (TOKEN, {"objective": "like", "verbalizer": STARS}, ConfigError, r"is \[no, yes\]"),
        (TOKEN, {"objective": "click", "verbalizer": STARS}, ConfigError, "for 'click'"),
        (TOKEN, {"verbalizer": {1: "bad"}}, ConfigError, "two classes or more"),
        (TOKEN, {"steps": 0}, ConfigError, "steps=0"),
        (TEXT, {"max_item_tokens": 0}, ConfigError, "max_item_tokens=0"),
        ("{age} {item:text}", {"collaborative": 2}, ConfigError, "collaborative=2"),
        ("{job} {item:token}", {}, TemplateError, "no column 'job'"),
        ("gave {rating} to {item:token}", {}, TemplateError, "known only after the event"),
    ],
)
def test_what_cannot_work_is_refused(
    template: str, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        ranker(template, **options)


def test_a_template_with_an_item_is_no_retrievers() -> None:
    with pytest.raises(ConfigError, match="belongs to a tp.Ranker.*item:token"):
        retriever("{history:items} {item:token}")


def test_losses_metrics_and_other_catalogs_are_refused() -> None:
    made = ranker("{history:items} {item:token}")
    for given in ({"loss": "mse"}, {"metrics": ["mae"]}, {"weighted_metrics": ["mae"]}):
        with pytest.raises(ConfigError, match="those of its objective"):
            made.compile(**given)
    other = rated(items=13).leave_one_out()
    for call in (made.fit, made.evaluate, made.predict, made.predictions):
        with pytest.raises(ConfigError, match="12 items.*Received: 13 items"):
            call(other.train if call == made.fit else other.test)


def test_a_verbalizer_may_be_made_beforehand() -> None:
    given = Verbalizer.of(["bad", "good"])
    made = Ranker(encoder(TOKEN), DATA.items, Objective("like"), verbalizer=given)
    assert made.verbalizer is given
