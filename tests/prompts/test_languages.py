"""Scripts and languages of short texts."""

from __future__ import annotations

import pytest

from tfprompt.prompts.languages import (
    is_multilingual,
    latin_language,
    script,
    scripts_read,
    unread_share,
)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("un film d'amour à Paris", "French"),
        ("ein lustiger Film mit Robotern", "German"),
        ("eine Liebesgeschichte", "German"),
        ("una película de amor en París", "Spanish"),
        ("no quiero ver una película de terror", "Spanish"),
        ("un film d'amore senza violenza", "Italian"),
        ("um filme de terror sem sangue", "Portuguese"),
        ("een film over de oorlog", "Dutch"),
        ("komedia o miłości bez przemocy", "Polish"),
        ("en rolig film om en hund", "Swedish"),
        ("komik bir aşk filmi", "Turkish"),
        ("slow science fiction with robots", "English"),
        ("something like la dolce vita", "English"),
        ("die hard", "English"),
        ("no horror", "English"),
        ("crime no drama", "English"),
        ("film noir", "English"),
        ("robots", "English"),
        ("1984", "English"),
        ("", "English"),
    ],
)
def test_languages(text: str, language: str) -> None:
    assert latin_language(text) == language


def test_scripts() -> None:
    expected = {
        "a": "LATIN", "é": "LATIN", "Ж": "CYRILLIC", "ω": "GREEK", "中": "CJK", "ア": "CJK",
        "한": "HANGUL", "ش": "ARABIC", "ש": "HEBREW", "ह": "DEVANAGARI", "1": None,
    }  # fmt: skip
    assert {c: script(c) for c in expected} == expected


def test_a_vocabulary_reads_what_it_has_many_pieces_of() -> None:
    han = [chr(0x4E00 + n) for n in range(2000)]
    russian = [f"##ж{n}" for n in range(1000)]
    assert scripts_read(["the", *han[:700], *russian[:99]]) == {"LATIN"}
    both = scripts_read(["the", *han, *russian])
    assert both == {"LATIN", "CJK", "CYRILLIC"}
    assert is_multilingual(both) and not is_multilingual(frozenset({"LATIN", "CJK"}))


def test_the_share_counts_letters_alone() -> None:
    latin = frozenset({"LATIN"})
    assert unread_share("film 123 !!", latin) == (0.0, None)
    assert unread_share("1 2 3", latin) == (0.0, None)
    assert unread_share("ab жж", latin) == (0.5, "CYRILLIC")
    assert unread_share("中文", latin | {"CJK"}) == (0.0, None)
