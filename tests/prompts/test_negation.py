"""What a wish denies: worked out by a reader, sentence by sentence."""

from __future__ import annotations

import pytest

from tfprompt.prompts.negation import split_negations

DENIED = [
    ("a thriller but no horror, not from the nineties", "a thriller", ["horror", "nineties"]),
    ("no horror", "", ["horror"]),
    ("I don't want horror, please", "", ["horror"]),
    ("a comedy without romance", "a comedy", ["romance"]),
    ("nothing with sharks", "", ["sharks"]),
    ("something like Alien but not scary", "something like Alien", ["scary"]),
    ("anything but a western", "", ["western"]),
    ("science fiction except star wars", "science fiction", ["star wars"]),
    ("anything other than cartoons", "", ["cartoons"]),
    ("please avoid zombies; a drama", "a drama", ["zombies"]),
    ("I hate musicals. Give me a war film", "Give me a war film", ["musicals"]),
    ("no horror, gore or violence. Something funny", "Something funny",
     ["horror", "gore", "violence"]),
    ("no horror no gore", "", ["horror", "gore"]),
    ("a horror film, no romance, with lots of robots", "a horror film, with lots of robots",
     ["romance"]),
    ("a not too scary film for kids", "a film for kids", ["scary"]),
    ("a thriller that is not violent", "a thriller", ["violent"]),
    ("not a horror film, just a thriller", "a thriller", ["horror film"]),
    ("a musical instead of an action film", "a musical", ["action film"]),
    ("neither horror nor romance, a drama", "a drama", ["horror", "romance"]),
    ("comedy w/o slapstick", "comedy", ["slapstick"]),
    ("A FILM WITHOUT VIOLENCE BUT WITH SUSPENSE", "A FILM BUT WITH SUSPENSE", ["VIOLENCE"]),
    ("no black and white films, something in colour", "something in colour",
     ["black and white films"]),
    # A property of the work is denied inside of a story clause too.
    ("a movie about love without sex scenes", "a movie about love", ["sex scenes"]),
]  # fmt: skip

NOT_DENIED = [
    "not only funny but also sad",
    "no doubt a classic",
    "nothing but robots",
    "why not a musical",
    "I can't wait to see a good space film",
    "without a doubt the funniest comedy",
    "no country for old men",
    'something like "No Escape"',
    "a film about a boy with no name",
    "a movie about a man who hates women",
    "a movie where no one survives",
    "a man trying to avoid the mafia",
    "a comedy",
    "northern noir and knotted plots",
    "",
]


@pytest.mark.parametrize(("text", "wanted", "denied"), DENIED, ids=lambda v: str(v)[:40])
def test_what_is_denied_is_taken_out(text: str, wanted: str, denied: list[str]) -> None:
    assert split_negations(text) == (wanted, tuple(denied))


@pytest.mark.parametrize("text", NOT_DENIED)
def test_what_only_looks_like_a_denial_stays(text: str) -> None:
    assert split_negations(text) == (text, ())


def test_titles_deny_nothing() -> None:
    text = "something like Man Without a Face but not sad"
    assert split_negations(text)[0] != "something like Man Without a Face"
    titles = ["Man Without a Face", "No"]
    assert split_negations(text, titles) == ("something like Man Without a Face", ("sad",))
    # A title of one word is a word.
    assert split_negations("no horror", titles) == ("", ("horror",))


def test_a_second_reading_changes_nothing() -> None:
    for text, wanted, _ in DENIED:
        assert split_negations(wanted) == (wanted, ()), text
