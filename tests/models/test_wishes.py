"""Wishes as vectors: what is denied, what is too long, what the encoder cannot read."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tests.toy import ITEMS, dataset, retriever
from tfprompt.data.request import Request
from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ConfigError, WishWarning
from tfprompt.models.recommending import recommend
from tfprompt.models.request_inputs import known_history, request_inputs
from tfprompt.models.retriever import Retriever
from tfprompt.models.wish_reading import chunks, read_wish, text_vector
from tfprompt.models.wishes import UNWANTED_SHARE
from tfprompt.models.word_knowledge import vocabulary_text, word_knowledge

DATA = dataset()
TEMPLATE = "{soft:2} user {age} {hour:feature} watched {history:items}"


@pytest.fixture(scope="module")
def model() -> Retriever:
    made = retriever(TEMPLATE, collaborative=2)
    made.prepare()
    return made


def scores(model: Retriever, **given: Any) -> np.ndarray:
    """Scores `[N]` of a list that holds every item."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WishWarning)
        found = recommend(model, Request(**given), k=ITEMS)
    values = np.full(ITEMS, np.nan)
    values[model.catalog.index_of([item.item_id for item in found])] = [i.score for i in found]
    return values


def embed(model: Retriever, text: str) -> np.ndarray:
    raw = encode_texts(model.encoder.loaded, [text], cache=False, progress=False)
    return np.asarray(model.item_table.from_text(raw))[0]


def test_what_is_denied_counts_in_the_text_alone(model: Retriever) -> None:
    wanted = scores(model, wish="a red story")
    both = scores(model, wish="a red story but no war or drama")
    similar = np.asarray(model.item_table.vectors) @ (embed(model, "war") + embed(model, "drama"))
    np.testing.assert_allclose(both, wanted - UNWANTED_SHARE * similar, atol=1e-5)
    order = np.argsort(similar)
    assert (both - wanted)[order[0]] > (both - wanted)[order[-1]]


def test_a_wish_that_only_denies_adds_no_item(model: Retriever) -> None:
    without = scores(model, history=["i1"])
    denied = scores(model, history=["i1"], wish="no war")
    similar = np.asarray(model.item_table.vectors) @ embed(model, "war")
    np.testing.assert_allclose(denied, without - UNWANTED_SHARE * similar, atol=1e-5)
    read = read_wish(model, "no war")
    assert read.wanted.shape == read.unwanted.shape == (1, model.item_table.width)
    assert not read.wanted.any()


def test_a_wish_without_weight_denies_nothing() -> None:
    made = retriever("{soft:2} watched {history:items}", wish_weight=0.0)
    np.testing.assert_array_equal(
        scores(made, wish="a story"), scores(made, wish="a story but no war")
    )


def test_what_was_changed_is_said(model: Retriever) -> None:
    with pytest.warns(WishWarning, match="read 'stroy' as 'story'; pushed down: war") as seen:
        recommend(model, wish="a red stroy but no war")
    assert len(seen) == 1 and seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recommend(model, wish="a red story")


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("中文", "Chinese or Japanese"),
        ("?!", "at least one word"),
        ("no", "denies nothing"),
        ("ʘʘ ʬʬ ŋŋ", "unknown"),
    ],
)
def test_refusals(model: Retriever, wish: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        recommend(model, wish=wish)


def test_a_long_wish_is_the_mean_of_its_sentences_by_nearness(model: Retriever) -> None:
    loaded = model.encoder.loaded
    parts = ["a red story."] * 3 + ["the old man and the war!"] * 60
    text = " ".join(parts)
    assert len(loaded.tokenizer.pieces([text])[0]) > loaded.tokenizer.sequence_length
    raw = encode_texts(loaded, parts, cache=False, progress=False)
    similar = np.asarray(model.item_table.from_text(raw)) @ np.asarray(model.item_table.vectors).T
    weights = np.sort(similar, axis=1)[:, -5:].mean(axis=1)
    assert weights.min() > 0
    weights = (weights / weights.max()) ** 16
    mean = (raw * weights[:, None]).sum(axis=0)
    expected = np.asarray(model.item_table.from_text((mean / np.linalg.norm(mean))[None]))
    np.testing.assert_allclose(text_vector(model, text), expected, atol=1e-4)
    np.testing.assert_allclose(text_vector(model, "a story.")[0], embed(model, "a story."))


@pytest.mark.parametrize(
    "text", ["word " * 2000, "x" * 10_000, "a. " * 3000, "old " * 50 + "new? " * 900, "中" * 5000]
)
def test_chunks_fit_and_lose_no_word(model: Retriever, text: str) -> None:
    tokenizer = model.encoder.loaded.tokenizer
    found = chunks(tokenizer, text.strip())
    assert " ".join(found).split() == text.split()
    for part, pieces in zip(found, tokenizer.pieces(found).row_lengths().numpy(), strict=True):
        assert pieces <= tokenizer.sequence_length - tokenizer.specials or " " not in part
    assert np.isfinite(text_vector(model, text)).all()


def test_two_thousand_words_are_answered(model: Retriever) -> None:
    assert len(recommend(model, wish=("a red story of war. " * 400)[:10_000], k=3)) == 3


def test_a_request_is_its_keywords(model: Retriever) -> None:
    given = {"history": ["i1"], "wish": "a red story", "profile": {"age": 9}, "exclude": ["i2"]}
    assert recommend(model, Request(**given)) == recommend(model, **given)
    of_user = recommend(model, Request.of(DATA, "u2", wish="star"))
    assert of_user == recommend(model, user="u2", data=DATA, wish="star")
    for beside in ({"wish": "x"}, {"data": DATA}, {"exclude": ["i1"]}, {"history": []}):
        with pytest.raises(ConfigError, match="Put them into the Request"):
            recommend(model, Request(history=["i1"]), **beside)
    with pytest.raises(ConfigError, match="Received: str"):
        recommend(model, "a red story")  # type: ignore[arg-type]  # a likely slip
    with pytest.raises(ConfigError, match="Request.of"):
        recommend(model, Request(user="u1"))


def test_inputs_of_one_request(model: Retriever) -> None:
    history = [f"i{i}" for i in range(9)]
    inputs = request_inputs(model, Request(history=[*history, "gone"], wish="a red story"))
    most = model.encoder.max_history
    assert np.asarray(inputs["vectors"]).shape == (1, most, model.item_table.width)
    table = np.asarray(model.item_table.vectors)
    np.testing.assert_allclose(np.asarray(inputs["vectors"])[0, :-1], table[9 - most + 1 : 9])
    np.testing.assert_allclose(
        np.asarray(inputs["vectors"])[0, -1], embed(model, "a red story"), atol=1e-5
    )
    assert not np.asarray(inputs["ids"])[0, -1].any()
    assert inputs["items_mask"].all() and inputs["hour"].tolist() == [0]
    plain = request_inputs(model, Request(history=[]))
    assert np.asarray(plain["vectors"]).shape[1] == 0


def test_a_timestamp_gives_the_clock(model: Retriever) -> None:
    # 2001-09-09 01:46:40 UTC: the hour is 1, and the feature counts from 1.
    inputs = request_inputs(model, Request(context={"timestamp": "1000000000"}))
    assert inputs["hour"].tolist() == [2]
    given = request_inputs(model, Request(context={"timestamp": 1e9, "hour": "5"}))
    assert given["hour"].tolist() == [6]


def test_ratings_follow_the_items_that_are_known(model: Retriever) -> None:
    request = Request(history=["gone", "i3", "i1"], history_ratings=[1, 5, None])
    rows, ratings = known_history(model.catalog, request)
    assert rows.tolist() == [3, 1]
    np.testing.assert_array_equal(ratings, np.array([5, np.nan], np.float32))


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm_roberta", "gpt2", "qwen"])
def test_every_family_has_words(family: str) -> None:
    template = "{soft:1} watched {history:items}"
    made = retriever(template, encoder={"family": family})
    pieces = vocabulary_text(made.encoder.loaded)
    assert "the" in pieces and not any(piece.startswith(("Ġ", "▁")) for piece in pieces)
    assert word_knowledge(made) is word_knowledge(made)
    assert (word_knowledge(made).unknown_id is None) == (family in ("gpt2", "qwen"))
    made.prepare()
    assert len(recommend(made, wish="star wars", k=2)) == 2
