"""What raised a score: it adds up, it is the model's own score, and nothing unseen has a share."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tfprompt as tp
from tests.shop import RANKER, shop
from tests.toy import ITEMS, dataset, encoder, retriever
from tfprompt.data.request import Request
from tfprompt.encoders.layout import lay_out
from tfprompt.errors import ConfigError
from tfprompt.explain import attribute
from tfprompt.explain.explained import LaidOut, laid_out
from tfprompt.explain.integration import integrated_gradients
from tfprompt.explain.score_path import ScorePath
from tfprompt.explain.wish_text import WishText
from tfprompt.models.ranker import Ranker
from tfprompt.models.recommender import Recommender
from tfprompt.models.retriever import Retriever
from tfprompt.models.wish_reading import read_wish

DATA = dataset()
WISHED = {"history": ["i1", "i4"], "wish": "a red story but no war", "profile": {"age": 30}}
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "text field": ("{soft:2} user {age} {occupation} watched {history:items}", {}, WISHED),
    "ids, content": (
        "{soft:2} user {age} watched {history:items}",
        {"collaborative": 3, "content_weight": 0.7},
        WISHED,
    ),
    "mask, deep": (
        "{soft:2} {age} {history:items} {soft:1} next {mask}",
        {"encoder": {"deep": True, "prompt_layer": 0}, "collaborative": 2},
        WISHED,
    ),
    "wish as words": ("{soft:2} {hour:feature} likes {wish} {mask}", {}, {"wish": "a red story"}),
    "mean, full": (
        "{soft:1} {age} {history:items}",
        {"encoder": {"read_out": "mean", "attention": "full"}, "similarity": "dot"},
        {"history": ["i1", "i4", "i2"]},
    ),
    "nothing": ("{soft:2} watched {history:items}", {}, {"history": []}),
    "ensemble": (
        "{soft:2} {age} watched {history:items} {soft:1}",
        {"encoder": {"ensemble": 3}, "content_weight": 0.7},
        WISHED,
    ),
    "deep ensemble": (
        "{soft:2} a {age} year old",
        {"encoder": {"ensemble": 2, "deep": True, "prompt_layer": 0}},
        {"profile": {"age": 30}},
    ),
    "pool": ("{pool:2x1 of 4} {age} watched {history:items}", {"collaborative": 2}, WISHED),
    "personal": (
        "{soft:1} {user:personal 1} {history:personal 1} {age:personal 1} {occupation:task 1} "
        "watched {history:items}",
        {},
        {**WISHED, "user": "u1"},
    ),
    "pool of texts": ("{pool:1x2 of 3} a {age} year old {mask}", {}, {"profile": {"age": 30}}),
    "titles": (
        "{soft:2} {age} liked {history:titles 2}",
        {"start": "text"},
        {"history": ["i1", "i4", "gone", "i2"], "profile": {"age": 30}},
    ),
    "texts, items": (
        "{soft:2} liked {history:text 3} of {history:items}",
        {"content_weight": 0.7, "item_text": "{title} film"},
        WISHED,
    ),
    "start at texts": (
        "{soft:2} user {age} {occupation} likes",
        {"start": "text"},
        {"profile": {"age": 30, "occupation": "artist"}},
    ),
    "decoder": ("{soft:2} {age} saw {history:items}", {"encoder": {"family": "gpt2"}}, WISHED),
}


def score(model: Retriever, request: Request, item: str) -> float:
    """The score in a list of all items."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = tp.recommend(model, request, k=ITEMS)
    return next(each.score for each in found if each.item_id == item)


@pytest.mark.parametrize("case", CASES)
def test_shares_add_up_to_the_models_own_score(case: str) -> None:
    template, options, given = CASES[case]
    model, request = retriever(template, **options), Request(**given)
    found = attribute(model, request, "i5", steps=16)
    assert found.complete and found.error <= 0.01 * abs(found.score - found.baseline) + 2e-5
    total = sum(share.value for share in found.shares)
    assert total == pytest.approx(found.score - found.baseline, abs=found.error + 1e-6)
    assert sum(s.value for s in found.segments) == pytest.approx(total, abs=1e-6)
    model.prepare()
    assert found.score == pytest.approx(score(model, request, "i5"), abs=1e-5)


def test_every_part_of_a_request_has_its_row() -> None:
    model = retriever("{soft:2} {hour:feature} user {age} {occupation} watched {history:items}",
                      collaborative=2, content_weight=0.5)  # fmt: skip
    request = Request(history=["i1", "i4"], wish="a red story but no war",
                      profile={"age": 30, "occupation": "artist"})  # fmt: skip
    found = attribute(model, request, "i5", steps=4)
    rows = [(share.segment, share.label) for share in found.shares]
    assert rows == [
        ("special tokens", "[CLS]"),
        ("soft prompt", "vector 0"), ("soft prompt", "vector 1"),
        ("feature hour", "unknown"),
        ('words "user"', "user"), ("field age", "30"), ("field occupation", "artist"),
        ('words "watched"', "watched"),
        ("start of the history", "start"),
        ("past items", "star wars"), ("past items", "good night"),
        ("past items", 'the wish "a red story"'),
        ("special tokens", "[SEP]"),
        ("wish", "[CLS]"), ("wish", "a"), ("wish", "red"), ("wish", "story"), ("wish", "[SEP]"),
        ("wish", "no war"),
    ]  # fmt: skip


def test_each_prompt_that_is_made_says_of_what() -> None:
    model = retriever(CASES["personal"][0])
    found = attribute(model, Request(**CASES["personal"][2]), "i5", steps=2)
    rows = list(dict.fromkeys(share.segment for share in found.shares))
    assert rows[2:6] == [
        "personal prompt of user", "personal prompt of history", "personal prompt of age",
        "task prompt of occupation",
    ]  # fmt: skip


def test_of_a_history_as_words_each_item_has_its_row() -> None:
    model = retriever("{soft:1} liked {history:titles 2} next")
    found = attribute(model, Request(history=["i1", "i4", "i2"]), "i5", steps=4)
    rows = [(share.segment, share.label) for share in found.shares]
    assert rows == [
        ("special tokens", "[CLS]"), ("soft prompt", "vector 0"), ('words "liked"', "liked"),
        ("past items as words", "good night"), ("past items as words", "red king"),
        ('words "next"', "next"), ("special tokens", "[SEP]"),
    ]  # fmt: skip


def test_the_content_part_is_exact() -> None:
    model = retriever("{soft:1} {history:items}", content_weight=0.7, collaborative=2)
    model.prepare()
    table = np.asarray(model.item_table.vectors)
    found = attribute(model, Request(history=["i1", "i4"]), "i5", steps=4)
    mixed = 0.95 * table[1] + table[4]
    expected = 0.7 * np.array([0.95 * table[1] @ table[5], table[4] @ table[5]])
    past = [share.similarity for share in found.shares if share.segment == "past items"]
    np.testing.assert_allclose(past, expected / np.linalg.norm(mixed), atol=1e-6)


def test_of_two_items_the_difference_is_shared_out() -> None:
    template, options, given = CASES["ids, content"]
    model, request = retriever(template, **options), Request(**given)
    one, other = (attribute(model, request, item, steps=16) for item in ("i5", "i7"))
    both = attribute(model, request, "i5", rather_than="i7", steps=16)
    assert both.score == pytest.approx(one.score - other.score, abs=1e-5)
    for share, a, b in zip(both.shares, one.shares, other.shares, strict=True):
        assert share.value == pytest.approx(a.value - b.value, abs=1e-4)
    assert "good night" not in both.title and "rather than" in both.title


def laid_and_path(model: Retriever, request: Request) -> tuple[LaidOut, ScorePath]:
    laid = laid_out(model, request)
    vectors, ids = model.item_table(np.array([5], np.int32))
    candidate = np.asarray(model.trained_candidates(vectors, ids))[0]
    return laid, ScorePath(model, laid, candidate, np.asarray(vectors)[0])


def test_padding_has_no_share_and_changes_none() -> None:
    model = retriever("{soft:2} user {age} watched {history:items} next {mask}")
    model.prepare()
    laid, path = laid_and_path(model, Request(history=["i1", "i4"], profile={"age": 30}))
    plain = integrated_gradients(path, path.start, path.end, 8)
    # The mask's own column is empty: copies of it stand where it is read.
    valid = np.asarray(laid.plan.valid)[0]
    assert (~valid).sum() == 1
    assert (plain.shares[0][..., ~valid] == 0).all() and (plain.shares[0][0, 0, valid] != 0).all()

    inputs = dict(laid.inputs)
    inputs["items"] = np.pad(inputs["items"], ((0, 0), (0, 3), (0, 0)), constant_values=9.0)
    inputs["items_mask"] = np.pad(inputs["items_mask"], ((0, 0), (0, 3)))
    plan, steps, count = lay_out(model.encoder, inputs, False, False)
    assert int(count) == laid.read
    padded = ScorePath.__new__(ScorePath)
    padded.__dict__.update(path.__dict__)
    padded._request = LaidOut(**{**laid.__dict__, "plan": plan, "steps": steps})
    end = np.asarray(plan.embeddings)
    at = np.flatnonzero(np.asarray(plan.valid)[0])
    start = np.zeros_like(end)
    start[:, at] = path.start[0][:, valid]
    found = integrated_gradients(padded, [start], [end], 8)
    rest = np.setdiff1d(np.arange(end.shape[1]), at)
    assert len(rest) == 4 and (found.shares[0][..., rest] == 0).all()
    np.testing.assert_allclose(found.shares[0][..., at], plain.shares[0][..., valid], atol=1e-6)


def test_a_wish_of_words_is_the_wish_that_the_model_reads() -> None:
    model = retriever("{soft:1} {history:items}")
    model.prepare()
    long = " ".join(["a red story."] * 3 + ["the old man and the war!"] * 60)
    for text, pieces in (("a red story", 5), (long, 63)):
        made = WishText(model, text)
        assert made.start.shape == made.end.shape and len(made.labels) == pieces
        wanted = read_wish(model, text).wanted
        np.testing.assert_allclose(np.asarray(made.vector(made.end[None])), wanted, atol=2e-5)
        assert np.abs(np.asarray(made.vector(made.start[None])) - wanted).max() > 0.05


def test_a_long_wish_is_shared_out_by_sentence() -> None:
    model = retriever("{soft:1} {history:items}")
    request = Request(wish=" ".join(["a red story."] * 3 + ["the old man and the war!"] * 60))
    found = attribute(model, request, "i5", steps=8)
    assert found.complete
    assert {s.label for s in found.shares if s.segment == "wish"} == {
        "a red story.", "the old man and the war!"
    }  # fmt: skip


def test_ratings_are_part_of_their_item() -> None:
    model = Retriever(encoder("{soft:1} {history:items rating}"), shop().items)
    request = Request(history=["i1", "i2"], history_ratings=[5, None])
    found = attribute(model, request, "i7", steps=16)
    assert found.complete and [s.segment for s in found.shares].count("past items") == 2


def test_what_is_not_reached_is_said() -> None:
    template, options, given = CASES["mask, deep"]
    found = attribute(retriever(template, **options), Request(**given), "i5", steps=1, max_steps=1)
    assert found.steps == 1
    assert found.complete == (found.error <= found.tolerance)
    assert ("NOT within" in found.to_text()) is not found.complete


def test_refusals() -> None:
    model, request = retriever(), Request(history=["i1"])
    with pytest.raises(ConfigError, match="such as i0. Received: gone"):
        attribute(model, request, "gone")
    with pytest.raises(ConfigError, match="max_steps=1"):
        attribute(model, request, "i1", steps=2, max_steps=1)
    with pytest.raises(ConfigError, match="model.retriever"):
        attribute(Recommender(model), request, "i1")  # type: ignore[arg-type]  # a likely slip
    ranker = Ranker(encoder(RANKER), shop().items, "click")
    with pytest.raises(ConfigError, match="a Ranker, which has prompts"):
        attribute(ranker, request, "i1")  # type: ignore[arg-type]  # a likely slip
    with pytest.raises(ConfigError, match="A recommendation needs"):
        attribute(model, Request(), "i1")
