"""Slips are corrected; words, names and codes are left alone."""

from __future__ import annotations

import pytest

from tfprompt.prompts.spelling import Speller

VOCABULARY = "the a with about film happy science fiction jungle peter prison monster".split()
CATALOG = ["Silence of the Lambs, The. Genres: Thriller", "Hitchhiker", "Spielberg Story", "jungle"]
SPELLER = Speller(VOCABULARY, CATALOG)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("sience ficton with robtos", "science fiction with robots"),
        ("a thriler abuot a seriel killer", "a thriller about a serial killer"),
        ("romanitc comdey", "romantic comedy"),
        ("the jungel", "the jungle"),
        ("hapy", "happy"),
        ("definately", "definitely"),
        ("musicl", "musical"),
        ("SIENCE FICTON", "SCIENCE FICTION"),
        ("Sience fiction", "Science fiction"),  # the first word of a sentence is no name
        ("a Spielburg film", "a Spielberg film"),  # a name that the catalog has
        ("vampiers, werwolves!", "vampires, werewolves!"),
    ],
)
def test_slips(wrong: str, right: str) -> None:
    found, changes = SPELLER.correct(wrong)
    assert found == right
    words = zip(wrong.split(), right.split(), strict=True)
    assert [(w.strip(",!"), r.strip(",!")) for w, r in words if w != r] == list(changes)


@pytest.mark.parametrize(
    "text",
    [
        "a film with robots",
        "heist mobsters whales dystopian giallo",
        "a film by kurosawa, tarkovsky or scorsese",
        "by Tarkovskiy",
        "the Prizon brothers",  # a name; the catalog has no prison
        "prisons monsters filmed happier happily",
        "amélie naïve straße",
        "sci-fi x-men r2d2 xqzt",
        "the jungle monsterfilm",
        "1984",
        "",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert SPELLER.correct(text) == (text, ())


def test_words_of_the_catalog_are_right_and_wanted() -> None:
    assert Speller([], ["Wendover"]).correct("wendovr")[0] == "wendover"
    assert Speller([], ["Robtos"]).correct("robtos") == ("robtos", ())


def test_nothing_is_known() -> None:
    assert Speller([], []).correct("qwrtz plmkj") == ("qwrtz plmkj", ())
