"""From a user, a history or a wish to a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.rated import ranker
from tests.toy import ITEMS, TITLES, dataset, encoder, retriever
from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ConfigError, DataError, TfpromptError
from tfprompt.models.multi_task import MultiTask
from tfprompt.models.recommending import recommend
from tfprompt.models.retriever import Retriever

DATA = dataset()
SPLIT = DATA.leave_one_out()
TEMPLATE = "{soft:2} user {age} {occupation:feature} {hour:feature} {wish} watched {history:items}"


@pytest.fixture(scope="module")
def model() -> Retriever:
    made = retriever(TEMPLATE, collaborative=2)
    made.compile()
    made.fit(SPLIT.train, epochs=1, batch_size=4, verbose=0)
    return made


def ids(found: list[Any]) -> list[str]:
    return [item.item_id for item in found]


def test_a_known_user_gets_what_the_test_request_ranks_first() -> None:
    # The request of a whole data set's user: the history is all of its events.
    made = retriever("{soft:2} user {age} {occupation} watched {history:items}")
    user = 1
    found = recommend(made, user=f"u{user}", data=DATA, k=ITEMS)
    seen = DATA.interactions.filter(user_id=f"u{user}")["item_id"].to_list()
    assert not set(ids(found)) & set(seen)
    assert len(found) == ITEMS - len(seen)
    request = SPLIT.test
    row = request.user_ids.tolist().index(f"u{user}")
    last = DATA.items.ids[request.target(row)[0]]
    short = recommend(
        made, history=DATA.items.ids[request.history(row)].tolist(),
        profile=DATA.users.filter(user_id=f"u{user}").row(0, named=True), k=ITEMS,
    )  # fmt: skip
    scores = made.scores(request, np.array([row]))[0]
    order = [DATA.items.ids[i] for i in np.argsort(-scores, kind="stable")]
    assert ids(short) == [i for i in order if i not in set(seen) - {last}]
    expected = [scores[DATA.items.index_of([i])[0]] for i in ids(short)]
    np.testing.assert_allclose([item.score for item in short], expected, atol=1e-5)


def test_lists_are_sorted_and_titled(model: Retriever) -> None:
    found = recommend(model, history=["i0", "i3"], k=5)
    scores = [item.score for item in found]
    assert scores == sorted(scores, reverse=True) and len(found) == 5
    assert [item.title for item in found] == [TITLES[int(i[1:])] for i in ids(found)]


@pytest.mark.parametrize(("k", "length"), [(1, 1), (9, 9), (10, 10), (500, 10)])
def test_k_is_at_most_what_is_left(model: Retriever, k: int, length: int) -> None:
    assert len(recommend(model, history=["i0", "i3"], k=k)) == length


def test_unknown_ids_are_skipped(model: Retriever) -> None:
    plain = recommend(model, history=["i1", "i2"], k=ITEMS)
    mixed = recommend(model, history=["gone", "i1", "-1", "i2", ""], exclude=["nowhere"], k=ITEMS)
    assert mixed == plain
    assert len(recommend(model, history=["gone"], k=ITEMS)) == ITEMS


def test_exclude(model: Retriever) -> None:
    best = recommend(model, history=["i1"], k=1)[0].item_id
    assert best not in ids(recommend(model, history=["i1"], exclude=[best], k=ITEMS))
    every = list(map(str, DATA.items.ids))
    assert recommend(model, history=[], exclude=every, k=3) == []


def test_a_history_longer_than_the_model_takes_is_cut_to_the_newest(model: Retriever) -> None:
    history = [f"i{i}" for i in range(10)]
    long = recommend(model, history=history, k=ITEMS)
    assert not set(ids(long)) & set(history)
    short = recommend(model, history=history[-6:], k=ITEMS)
    scores = {item.item_id: item.score for item in short}
    assert {i.item_id: i.score for i in long} == {i: scores[i] for i in ids(long)}


def test_a_wish_stands_as_the_newest_item_of_the_history() -> None:
    made = retriever("{soft:2} watched {history:items}", shrinkage=None, wish_weight=0.0)
    # A wish in the words of an item is that item, as far as text goes.
    wished = recommend(made, wish=TITLES[4], history=["i1"], k=ITEMS)
    read = recommend(made, history=["i1", "i4"], k=ITEMS)
    scores = {item.item_id: item.score for item in wished}
    np.testing.assert_allclose(
        [item.score for item in read], [scores[i] for i in ids(read)], atol=1e-4
    )
    vectors = encode_texts(made.encoder.loaded, [TITLES[4]], cache=False, progress=False)
    np.testing.assert_allclose(vectors[0], made.item_vectors[4], atol=1e-5)


def test_the_wish_weight_adds_the_similarity_of_the_texts() -> None:
    template = "{soft:2} watched {history:items}"
    plain, weighted = (retriever(template, wish_weight=w, seed=1) for w in (0.0, 2.0))
    given = {"wish": "a red story", "history": ["i1"], "k": ITEMS}
    before, after = (
        {item.item_id: item.score for item in recommend(made, **given)}
        for made in (plain, weighted)
    )
    raw = encode_texts(plain.encoder.loaded, ["a red story"], cache=False, progress=False)
    similar = np.asarray(plain.item_table.vectors) @ np.asarray(plain.item_table.from_text(raw))[0]
    for item, score in after.items():
        row = int(plain.catalog.index_of([item])[0])
        assert score == pytest.approx(before[item] + 2 * similar[row], abs=1e-4)


def test_every_mix_of_what_is_known(model: Retriever) -> None:
    for given in (
        {"wish": "a red story"},
        {"history": []},
        {"history": ["i1"], "wish": "star"},
        {"profile": {"age": 30, "occupation": "artist"}},
        {"profile": {"age": None, "occupation": "astronaut", "hour": 3}},
        {"user": "u2", "data": DATA},
        {"user": "u2", "data": DATA, "history": ["i1"], "wish": "x", "profile": {"age": 9}},
        {"wish": "night city 🎬" * 50},
    ):
        found = recommend(model, k=3, **given)
        assert len(found) == 3 and all(np.isfinite(item.score) for item in found)
    with_wish = recommend(model, history=["i1"], wish="a red story", k=3)
    assert with_wish != recommend(model, history=["i1"], k=3)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({}, ConfigError, "needs a user"),
        ({"wish": ""}, ConfigError, "needs a user"),
        ({"wish": "   "}, ConfigError, "needs a user"),
        ({"profile": {"shoe_size": 43}}, ConfigError, "shoe_size"),
        ({"history": ["i1"], "k": 0}, ConfigError, "Received: 0"),
        ({"history": ["i1"], "k": -3}, ConfigError, "Received: -3"),
        ({"wish": "x" * 10_001}, ConfigError, "10,001"),
        ({"wish": "日本 🎬" * 50}, ConfigError, "Chinese or Japanese"),
        ({"wish": "🎬 !!!"}, ConfigError, "at least one word"),
        ({"user": "u1"}, ConfigError, "data"),
        ({"user": "nobody", "data": DATA}, DataError, "nobody"),
        ({"history": "i1"}, ConfigError, "history"),
        ({"history": ["i1"], "exclude": "i2"}, ConfigError, "exclude"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    model: Retriever, given: dict[str, Any], error: type[TfpromptError], says: str
) -> None:
    with pytest.raises(error, match=says):
        recommend(model, **given)


def test_scores_follow_the_weights(model: Retriever) -> None:
    rows = np.arange(3)
    before = model.scores(SPLIT.test, rows)
    np.testing.assert_array_equal(before, model.scores(SPLIT.test, rows))
    made = retriever()
    made.compile()
    first = made.scores(SPLIT.test, rows)
    made.fit(SPLIT.train, epochs=1, verbose=0)
    assert np.abs(made.scores(SPLIT.test, rows) - first).max() > 0


def test_what_has_no_list_says_who_has() -> None:
    made = ranker()
    with pytest.raises(
        ConfigError, match=r"a Ranker. Put it .*tp.Recommender\(retriever, ranker\)"
    ):
        recommend(made, history=["i1"])  # type: ignore[arg-type]  # a likely slip
    first = retriever("{soft:1} {history:items}")
    second = Retriever(encoder("{soft:1} a {age} year old"), DATA.items, share=first)
    both = MultiTask({"next": first, "direct": second})
    with pytest.raises(ConfigError, match=r"a MultiTask. .*model.tasks\['next'\], model.tasks\['d"):
        recommend(both, history=["i1"])  # type: ignore[arg-type]  # a likely slip
    with pytest.raises(ConfigError, match="a Dataset"):
        recommend(DATA, history=["i1"])  # type: ignore[arg-type]  # a likely slip
