"""A wish is read, or refused in words that help; nothing that can be typed breaks it."""

from __future__ import annotations

import itertools

import pytest

from tests.encoders.hard_strings import BY_CATEGORY
from tfprompt.errors import ConfigError
from tfprompt.prompts.spelling import Speller
from tfprompt.prompts.wish import Wish, normalise, sentences

LATIN = frozenset({"LATIN"})
MANY = frozenset({"LATIN", "CJK", "CYRILLIC", "ARABIC"})
SPELLER = Speller(["science", "fiction", "with"], [])


def read(text: str, scripts: frozenset[str] = LATIN) -> Wish:
    return Wish.parse(text, speller=SPELLER, scripts=scripts)


def test_a_plain_wish_is_left_as_it_is() -> None:
    assert read("Slow science fiction, with robots!") == Wish("Slow science fiction, with robots!")


def test_a_negation() -> None:
    wish = read("a thriller but no horror, not from the nineties")
    assert (wish.wanted, wish.unwanted) == ("a thriller", ("horror", "nineties"))
    assert wish.notes == ("pushed down: horror, nineties",)


def test_slips_are_corrected_before_negations_are_read() -> None:
    wish = read("sience ficton but no horrer")
    assert (wish.wanted, wish.unwanted) == ("science fiction", ("horror",))
    assert wish.notes[0] == "read 'sience' as 'science'" and len(wish.notes) == 4
    assert Wish.parse("sience ficton").wanted == "sience ficton"


def test_another_language_is_read_with_a_note() -> None:
    wish = read("no quiero una película de terror")
    assert (wish.wanted, wish.unwanted) == ("no quiero una película de terror", ())
    assert "Spanish" in wish.notes[0]
    assert read("un film d'amour à Paris", MANY).notes == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("中文", "Chinese or Japanese"),
        ("фильм про любовь", "Cyrillic"),
        ("فيلم رومانسي", "Arabic"),
        ("로맨틱 코미디", "Hangul"),
    ],
)
def test_a_script_that_the_encoder_does_not_read(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=rf"{says}.*multilingual") as error:
        read(text)
    assert "\n" not in str(error.value)
    assert Wish.parse(text).wanted == text  # nothing is known of the encoder
    if says != "Hangul":
        assert read(text, MANY).wanted == text


def test_some_foreign_letters_are_a_note() -> None:
    wish = read("films by 黒澤明, in black and white")
    assert wish.wanted.startswith("films by 黒澤明")
    assert wish.notes == ("letters that are Chinese or Japanese are hardly read",)


@pytest.mark.parametrize("text", ["", "   ", "?!…", "🎬🍿", "\x00\x07\u200b", "—", "\ud800", "☂ !"])
def test_without_a_word_it_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="at least one word"):
        read(text)


@pytest.mark.parametrize("text", ["no", "no no no", "No, no!"])
def test_a_bare_no_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="denies nothing in particular"):
        read(text)


@pytest.mark.parametrize("value", [None, 3, ["a"], b"a"])
def test_what_is_no_text(value: object) -> None:
    with pytest.raises(ConfigError, match="is a string"):
        Wish.parse(value)  # type: ignore[arg-type]  # on purpose


def test_normalise() -> None:
    assert normalise("a\x00b\tc\r\n  d\u200be\u00ad") == ("a b c de", False)
    assert normalise("ﬁlm ＦＩＬＭ ½") == ("film FILM 1⁄2", False)
    assert normalise("I don’t “know”") == ('I don\'t "know"', False)
    assert normalise("fun 😂👩\u200d🚀 night") == ("fun night", True)


def test_sentences_lose_nothing() -> None:
    text = "One. Two; three! Four? five"
    assert " ".join(sentences(text)) == text and len(sentences(text)) == 5


HARD = [text for texts in BY_CATEGORY.values() for text in texts]


@pytest.mark.parametrize("scripts", [LATIN, MANY, None])
def test_every_hard_string_is_read_or_refused(scripts: frozenset[str] | None) -> None:
    glued = [f"a film but no {a} and {b}" for a, b in itertools.pairwise(HARD)]
    for text in [*HARD, *glued, *(text * 50 for text in HARD)]:
        try:
            wish = Wish.parse(text, speller=SPELLER, scripts=scripts)
        except ConfigError as error:
            assert "\n" not in str(error) and len(str(error)) < 500, text
            continue
        everything = (wish.wanted, *wish.unwanted)
        assert any(c.isalnum() for c in "".join(everything)), text
        for part in everything:
            assert normalise(part) == (part, False), text
