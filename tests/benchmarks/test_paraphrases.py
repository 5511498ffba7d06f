import numpy as np
import paraphrases
import pytest

from tfprompt.prompts.wish import Wish

negations = pytest.importorskip("negations")


def test_every_wish_is_whole():
    wishes = paraphrases.read(paraphrases.WISHES)
    assert len({wish["id"] for wish in wishes}) == len(wishes) >= 40
    texts = [text for wish in wishes for text in (*wish["wordings"], wish["misspelt"])]
    assert len(set(texts)) == len(texts) == 5 * len(wishes)
    for wish in wishes:
        for text in wish["wordings"] if wish["group"] == "negated" else ():
            assert Wish.parse(text).unwanted and Wish.parse(text).wanted, text


def test_overlaps_by_hand():
    # Two wishes of two wordings; misspelt, slipped, long, rambling; lists of two items.
    lists = {
        "a": [[1, 2], [2, 3], [1, 2], [2, 3], [1, 9], [8, 9]],
        "b": [[1, 4], [4, 1], [5, 6], [4, 2], [4, 1], [1, 7]],
    }
    found = paraphrases.overlaps(lists)
    assert found["same"].tolist() == [0.5, 1.0]
    assert found["different"].tolist() == [0.25, 0.25]
    assert found["misspelt"].tolist() == [1.0, 0.0]
    assert found["slips"].tolist() == [1.0, 0.5]
    assert found["long"].tolist() == [0.5, 1.0]
    assert found["rambling"].tolist() == [0.0, 0.5]
    summary = paraphrases.summary([found, found], np.array(["plain", "negated"]))
    assert summary["all"]["same"]["mean"] == 0.75
    assert summary["plain"]["same"] == {"mean": 0.5, "low": 0.5, "high": 0.5}


def test_long_wishes_are_long():
    for wish in paraphrases.read(paraphrases.WISHES):
        long, rambling = paraphrases.at_length(wish)
        assert 300 < len(long.split()) < 2000 and 500 < len(rambling.split()) < 2000
        assert max(len(long), len(rambling)) <= 10_000
        assert rambling.count(wish["wordings"][1].rstrip("?.")) == 3


def test_slips_leave_first_letters_and_short_words():
    text = "a quiet, unhurried film about robots"
    slipped = paraphrases.slipped(text)
    assert slipped == paraphrases.slipped(text) != text
    pairs = list(zip(text.split(), slipped.split(), strict=True))
    assert 1 <= sum(a != b for a, b in pairs) <= 2
    assert all(a[0] == b[0] and abs(len(a) - len(b)) <= 1 for a, b in pairs)


def test_pairs_of_genres_stand_together():
    genres = [{"A", "B"}] * 30 + [{"A"}] * 30 + [{"B"}] * 20 + [{"C", "A"}] * 9 + [{"unknown"}] * 90
    assert set(negations.pairs(genres, count=2)) == {("A", "B"), ("B", "A")}
