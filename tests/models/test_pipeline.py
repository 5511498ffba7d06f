"""From sequences and requests to batches: targets, contexts, fields, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.toy import FIRST_MOMENT_S, ITEMS, STEP_S, dataset, encoder
from tfprompt.data.batches import training_batches
from tfprompt.data.reading import read
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.models.pipeline import Pipeline
from tfprompt.models.request_fields import RequestFields, clock

DATA = dataset()
SPLIT = DATA.leave_one_out()
COLUMNS = DATA.items.columns
HISTORY = "{soft:1} {history:items}"


def made(template: str, **options: Any) -> PromptedEncoder:
    result = encoder(template, **options)
    result.fit_columns(DATA.items.columns)
    result.build()
    return result


def training(template: str, batch_size: int = 3, **options: Any) -> list[Any]:
    data = Pipeline(made(template, **options), COLUMNS).training(
        SPLIT.train, batch_size=batch_size, seed=0, epoch=lambda: 0
    )
    batches = list(data.as_numpy_iterator())
    assert len(batches) == int(data.cardinality())
    return batches


def events(user: int) -> list[int]:
    start, end = SPLIT.train.offsets[user : user + 2]
    return SPLIT.train.items[start:end].tolist()


def pairs(batches: list[Any]) -> list[tuple[tuple[int, ...], int]]:
    """Every trained (items so far, next item)."""
    found = []
    for x, y in batches:
        for history, target in zip(x["history"], y["target"], strict=True):
            real = history[history >= 0].tolist()
            found += [(tuple(real[:t]), int(i)) for t, i in enumerate(target) if i >= 0]
    return sorted(found)


def test_every_position_is_trained_on_what_follows_it() -> None:
    expected = [
        (tuple(events(u)[:t]), events(u)[t])
        for u in range(len(SPLIT.train))
        for t in range(len(events(u)))
        if len(events(u)) > 1
    ]  # fmt: skip
    assert pairs(training(HISTORY)) == sorted(expected)


def test_full_attention_trains_the_last_position_alone() -> None:
    expected = [
        (tuple(events(u)[:-1]), events(u)[-1])
        for u in range(len(SPLIT.train)) if len(events(u)) > 1
    ]  # fmt: skip
    found = []
    for x, y in training(HISTORY, attention="full"):
        assert y["target"].shape[1] == 1
        for history, target in zip(x["history"], y["target"], strict=True):
            found.append((tuple(history[history >= 0].tolist()), int(target[0])))
    assert sorted(found) == sorted(expected)


def test_long_histories_are_cut_to_windows_and_each_pair_is_trained_once() -> None:
    trained = pairs(training(HISTORY, max_history=2))
    assert max(len(items) for items, _ in trained) == 2
    # Each event but a user's first is a target once, the first where its window starts the user.
    assert len(trained) == sum(len(events(u)) for u in range(len(SPLIT.train)))


@pytest.mark.parametrize(
    ("template", "context"),
    [
        ("{device} {history:items}", "device"),
        ("{device:feature} {history:items}", "device"),
        ("{hour:feature} {history:items}", "hour"),
    ],
)
def test_only_targets_that_share_the_prompts_context_are_trained(
    template: str, context: str
) -> None:
    pipeline = Pipeline(made(template), COLUMNS)
    raw = list(training_batches(SPLIT.train, window=6, batch_size=3, seed=0, epoch=0))
    fed = list(
        pipeline.training(SPLIT.train, batch_size=3, seed=0, epoch=lambda: 0).as_numpy_iterator()
    )
    if context == "hour":
        values = (SPLIT.train.timestamps // 3600 % 24).astype(int).tolist()
    else:
        values = SPLIT.train.context[context].tolist()
    vocabulary = {
        None: 0,
        **{v: i + 1 for i, v in enumerate(DATA.items.columns["device"].vocabulary)},
    }
    trained = 0
    for batch, (x, y) in zip(raw, fed, strict=True):
        for row, places in enumerate(batch["event"]):
            newest = values[places.max()]
            first = [places[0] - 1] if batch["start"][row] else []
            every = [*first, *places[places >= 0]]
            wanted = {SPLIT.train.items[e] for e in every if values[e] == newest}
            received = set(y["target"][row][y["target"][row] >= 0].tolist())
            assert received == wanted and received
            trained += len(received)
            if "{hour:feature}" in template:
                assert x["hour"][row] == newest + 1
            elif ":feature" in template:
                assert x["device"][row] == vocabulary[newest]
    assert 0 < trained < len(SPLIT.train.items)


def test_requests_hold_what_is_seen_and_what_comes_next() -> None:
    requests, pipeline = SPLIT.test, Pipeline(made(HISTORY), COLUMNS)
    rows = []
    for x, y in pipeline.requests(requests, batch_size=3).as_numpy_iterator():
        for history, target, exclude in zip(x["history"], y["target"], y["exclude"], strict=True):
            rows.append(
                (history[history >= 0].tolist(), int(target), np.flatnonzero(exclude).tolist())
            )
    expected = []
    for row in range(len(requests)):
        seen, target = requests.history(row).tolist(), int(requests.target(row)[0])
        expected.append((seen[-6:], target, sorted(set(seen) - {target})))
    assert sorted(rows) == sorted(expected)
    assert any(len(requests.history(row)) > 6 for row in range(len(requests)))


def test_request_features_by_hand() -> None:
    template = "{hour:feature}{weekday:feature}{month:feature}{age:feature}{occupation:feature}"
    pipeline = Pipeline(made(template + " {history:items}"), COLUMNS)
    requests = SPLIT.validation
    fields = pipeline.fields_of(requests)
    age = DATA.items.columns["age"]
    for x, rows in pipeline.request_arrays(requests, fields, 4):
        for place, row in enumerate(rows):
            user = int(requests.user_ids[row][1:])
            steps = 4 + user % 6 - 2
            seconds = FIRST_MOMENT_S + steps * STEP_S + user
            # 2001-09-09 01:46:40 UTC was a Sunday; 5 hours a step never leave September.
            hours = 1 + (46 * 60 + 40 + user) // 3600 + 5 * steps
            assert x["hour"][place] - 1 == hours % 24 == seconds // 3600 % 24
            assert x["weekday"][place] - 1 == (6 + hours // 24) % 7
            assert x["month"][place] - 1 == 8
            if user == 2:
                assert np.isnan(x["age"][place])
            else:
                assert x["age"][place] == pytest.approx((20 + user - age.mean) / age.std, rel=1e-5)
            known = DATA.items.columns["occupation"].vocabulary.index
            job = [None, "artist", "student"][user % 3]
            assert x["occupation"][place] == (0 if job is None else known(job) + 1)


def test_data_that_is_read_again_means_what_the_model_learned() -> None:
    some = DATA.interactions.filter(pl.col("user_id").is_in(["u1", "u2", "u5"]))
    again = read(some, DATA.items.frame, DATA.users, item_text="{title}")
    assert again.items.columns["occupation"].vocabulary != COLUMNS["occupation"].vocabulary
    pipeline = Pipeline(made("{occupation:feature} {age:feature} {history:items}"), COLUMNS)
    requests = again.leave_one_out().test
    for x, rows in pipeline.request_arrays(requests, pipeline.fields_of(requests), 4):
        for place, row in enumerate(rows):
            job = requests.users["occupation"][int(row)]
            expected = 0 if job is None else COLUMNS["occupation"].vocabulary.index(job) + 1
            assert x["occupation"][place] == expected
            age, own = requests.users["age"][int(row)], COLUMNS["age"]
            if age is not None:
                assert x["age"][place] == pytest.approx((age - own.mean) / own.std, rel=1e-5)


@pytest.mark.parametrize(
    ("seconds", "hour", "weekday", "month"),
    [
        (0.0, 0, 3, 0),  # Thursday 1970-01-01
        (951_782_399.9, 23, 0, 1),  # Monday 2000-02-28 23:59:59.9
        (951_868_800.0, 0, 2, 2),  # Wednesday 2000-03-01, after a leap day
        (1_735_689_599.0, 23, 1, 11),  # Tuesday 2024-12-31 23:59:59
    ],
)
def test_the_clock(seconds: float, hour: int, weekday: int, month: int) -> None:
    for name, expected in (("hour", hour), ("weekday", weekday), ("month", month)):
        if seconds == 951_868_800.0:
            seconds = 951_868_800.0 + 0.5  # Halves of a second do not matter.
        assert clock(name, np.array([seconds])).to_list() == [expected]


def test_an_unknown_moment_has_no_hour() -> None:
    assert clock("hour", np.array([np.nan, 0.0])).to_list() == [None, 0]


def test_null_fields_leave_nothing_and_each_text_runs_once() -> None:
    made_encoder = made("the {age} {occupation}")
    calls: list[int] = []
    lower = made_encoder.seam.lower_states
    made_encoder.seam.lower_states = lambda ids, mask: calls.append(len(ids)) or lower(ids, mask)
    users = pl.DataFrame({"age": [24.0, None, 24.0], "occupation": ["artist", None, "artist"]})
    fields = RequestFields(made_encoder, DATA.items.columns, users)
    taken = fields.take(np.array([0, 1, 2, 0]))
    fields.take(np.array([2, 1]))
    assert sum(calls) == 2
    tokenizer = made_encoder.loaded.tokenizer
    lengths = [len(tokenizer([text])["token_ids"][0]) for text in ("the 24 artist", "the")]
    assert taken["states_mask"].sum(axis=1).tolist() == [lengths[0], lengths[1], *[lengths[0]] * 2]
    np.testing.assert_array_equal(taken["states"][0], taken["states"][2])
    plan = made_encoder.text_plan({"age": [""], "occupation": [""]}, 1)
    alone = lower(plan["token_ids"], plan["padding_mask"])
    np.testing.assert_allclose(taken["states"][1, : lengths[1]], alone[0], atol=1e-5)


def test_texts_are_prepared_at_once_and_kept_for_the_next_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    template = "a {age} year old {occupation} who liked {history:items}"
    users = pl.DataFrame({"age": [20, 31, 20], "occupation": ["cook", None, "cook"]})
    made_encoder = made(template)
    first = RequestFields(made_encoder, DATA.items.columns, users)
    first.prepare(np.arange(3))
    RequestFields(made("{history:items}"), DATA.items.columns, None).prepare(np.arange(3))
    monkeypatch.setattr(
        type(made_encoder.seam), "lower_states", lambda *_: pytest.fail("computed again")
    )
    later = RequestFields(made_encoder, DATA.items.columns, users)
    for fields in (first, later):
        taken = fields.take(np.array([1, 2, 0]))
        np.testing.assert_array_equal(taken["states"][1], taken["states"][2])
        np.testing.assert_array_equal(taken["states"], first.take(np.array([1, 2, 0]))["states"])


def test_no_users_at_all() -> None:
    fields = RequestFields(
        made("the {age} {occupation:feature} {age:feature}"), DATA.items.columns, None
    )
    taken = fields.take(np.array([0, 0]))
    assert taken["occupation"].tolist() == [0, 0]
    assert np.isnan(taken["age"]).all()
    assert ITEMS == len(DATA.items)
