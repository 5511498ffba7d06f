"""The template language: what parses, into what, and where an error points."""

from __future__ import annotations

import pytest

from tfprompt.data.column import Column
from tfprompt.errors import TemplateError
from tfprompt.prompts import (
    Candidate,
    Feature,
    Field,
    History,
    Mask,
    Soft,
    Template,
    TextHistory,
    Words,
)

COLUMNS = {
    column.name: column
    for column in (
        Column("age", "number", "user", mean=30.0, std=10.0),
        Column("occupation", "category", "user", vocabulary=("artist", "student")),
        Column("about", "text", "user"),
        Column("device", "category", "context", vocabulary=("tv", "web")),
        Column("timestamp", "timestamp", "context"),
        Column("title", "text", "item"),
        Column("rating", "number", "event", mean=3.5, std=1.0),
    )
}


# 0-based positions, counted by hand.
@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("", 0),
        ("   ", 0),
        ("\n", 0),
        ("watched {history:items", 8),
        ("{soft:8", 0),
        ("{", 0),
        ("a {age} {", 8),
        ("}", 0),
        ("a } b", 2),
        ("{age}}", 5),
        ("{{age}", 5),
        ("{}", 1),
        ("{ }", 1),
        ("{1st}", 1),
        ("a {zip code}", 3),
        ("{first-name}", 1),
        ("{age{x}}", 1),
        ("{:feature}", 1),
        ("{soft:}", 6),
        ("{soft:-1}", 6),
        ("a {soft:eight}", 8),
        ("{soft:8 words}", 6),
        ('{soft:8 "}', 6),
        ('{soft:8 ""}', 6),
        ('{soft:8 "  "}', 6),
        ('{soft:8 "a" "b"}', 6),
        ("{soft: 8.5}", 7),
        ("{ soft :x}", 8),
        ("{soft:513}", 6),
        ("{soft}", 1),
        ("a {history}", 3),
        ("{history:titles}", 9),
        ("{history: titles}", 10),
        ("{history:}", 9),
        ("{history:items} {history:items}", 16),
        ("{mask} or {mask}", 10),
        ("{age:token}", 5),
        ("{age:}", 5),
        ("{ age : text}", 8),
        ("{mask:2}", 6),
        ("two\nlines {age:x}", 15),
        ("{item:}", 6),
        ("{item:words}", 6),
        ("rate { item : Text }", 14),
        ("{item:text} or {item:token}", 15),
        ("{item:text} {item:text}", 12),
        ("{history:ratings}", 9),
        ("{history:text}", 9),
        ("{history:text 0}", 9),
        ("{history:titles 33}", 9),
        ("{history:text 5 items}", 9),
        ("{history:text 5} {history:titles 5}", 17),
        ("{history:items ratings}", 9),
        ("{history:rating}", 9),
        ("{history:rating items}", 9),
        ("{history:items rating} {history:items}", 23),
        ("{soft:" + 5000 * "9" + "}", 6),
        ("{age:personal " + 5000 * "9" + "}", 5),
        ("{pool:1 of 10001}", 6),
        ("{item:facts}", 6),
        ("{item:vector}", 6),
    ],
)
def test_an_error_points_at_the_character(source: str, position: int) -> None:
    with pytest.raises(TemplateError) as caught:
        Template.parse(source)
    error = caught.value
    assert (error.position, error.template) == (position, source)
    _, line, pointer = str(error).rsplit("\n", 2)
    column = pointer.index("^")
    shown = source[position] if position < len(source) and source[position] != "\n" else ""
    assert line[column : column + 1] == shown
    assert f"(character {position + 1})" in pointer


def test_what_else_is_known_of_items_has_its_own_place() -> None:
    for kind in ("facts", "vector"):
        with pytest.raises(TemplateError, match="item_text=.*item_vectors="):
            Template.parse(f"{{soft:2}} {{item:{kind}}}")


@pytest.mark.parametrize("received", [None, 3, b"{soft:8}", ["{soft:8}"]])
def test_a_template_is_a_string(received: object) -> None:
    with pytest.raises(TemplateError, match=f"Received: {type(received).__name__}"):
        Template.parse(received)  # type: ignore[arg-type]


def test_every_kind_of_segment() -> None:
    source = '{soft:8}a {age}{soft:2 "see it"}{soft:3 vocabulary}{ history : items }{hour:feature}'
    segments = Template.parse(source + " {mask}!").segments
    assert segments == (
        Soft(8, "random", "", 0),
        Words("a ", 8),
        Field("age", 10),
        Soft(2, "words", "see it", 15),
        Soft(3, "vocabulary", "", 32),
        History(51),
        Feature("hour", 70),
        Mask(len(source) + 1),
        Words("!", len(source) + 7),
    )


@pytest.mark.parametrize(
    ("source", "segment"),
    [
        ("{item:text}", Candidate("text", 0)),
        ("a { item : token }", Candidate("token", 2)),
        ("{history:items rating}", History(0, ratings=True)),
        ("{ history :  items   rating }", History(0, ratings=True)),
        ("{item:feature}", Feature("item", 0)),
        ("{item}", Field("item", 0)),
    ],
)
def test_items_to_judge_and_ratings(source: str, segment: object) -> None:
    template = Template.parse(source)
    assert template.segments[-1] == segment
    assert template.candidate == (segment if isinstance(segment, Candidate) else None)
    assert template.shows_ratings == (isinstance(segment, History) and segment.ratings)
    # Neither is text: what is not known of the item cannot leave words behind.
    if isinstance(segment, Candidate | History):
        assert template.render({"item": "x", "rating": 5}) == source[: segment.position].strip()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{age}}", "{age}"),
        ("a {{{age}}} b", "a { 24 } b"),
        ("{{}}", "{}"),
        ("}}{{", "}{"),
        ("  much\n  space {age} ", "much space 24"),
        ("{age}{age}", "24 24"),
        ("{soft:4} {history:items} seen", "seen"),
        ("{gone} {age}", "24"),
        ("{wish} please", "please"),
        ("{mask} at {age}", "[MASK] at 24"),
        ("日本 {age} 歳 🎬", "日本 24 歳 🎬"),
        ("{odd}", "a {b} \\ c"),
    ],
)
def test_render(source: str, text: str) -> None:
    values = {"age": 24, "gone": None, "odd": "a {b} \\ c"}
    assert Template.parse(source).render(values, "[MASK]") == text


def test_a_history_as_words() -> None:
    template = Template.parse("liked { history : titles  2 } too")
    assert template.text_history == TextHistory(2, "titles", 6)
    assert template.reads_history and not template.has_history
    films = ["Heat", "Alien", "Up"]
    assert template.render({}, items=films) == "liked Alien, Up too"
    assert template.render({}, items=films[:1]) == "liked Heat too"
    assert template.render({}) == "liked too"
    both = Template.parse("{history:text 32} {history:items}")
    assert both.has_history and both.text_history == TextHistory(32, "text", 0)


def test_what_a_template_says_of_itself() -> None:
    template = Template.parse("{soft:4}{age}{age}{soft:0}{price:feature}{history:items}{soft:6}")
    assert template.prompt_length == 10
    assert [soft.length for soft in template.soft] == [4, 0, 6]
    assert template.fields == ("age",)
    assert template.features == ("price",)
    assert template.has_history and not template.has_mask
    assert str(template) == template.source
    assert Template.parse(template.source) == template


@pytest.mark.parametrize(
    "source",
    [
        "{age} {occupation} {about} {device} {wish} {history:items} {mask} {soft:2}",
        "{age:feature}{occupation:feature}{device:feature}",
        "{hour:feature}{weekday:feature}{month:feature}",
        "{history:items rating} {item:token}",
        "{item:text}",
    ],
)
def test_a_template_that_fits_the_columns(source: str) -> None:
    Template.parse(source).check(COLUMNS)


@pytest.mark.parametrize(
    ("source", "position", "says"),
    [
        ("a {job}", 2, "no column 'job'. It has: about, age, device, occupation"),
        ("{job:feature}", 0, "no column 'job'"),
        ("watched {title}", 8, "'title' is a column of the items"),
        ("{title:feature}", 0, "'title' is a column of the items"),
        ("{about:feature}", 0, "'about', which is text"),
        ("{timestamp:feature}", 0, "which is timestamp"),
        ("{wish:feature}", 0, "no column 'wish'"),
        ("{hour}", 0, "no column 'hour'"),
        ("gave {rating}", 5, "'rating' is known only after the event.*history:items rating"),
        ("{age} {rating:feature}", 6, "'rating' is known only after the event"),
        ("{item}", 0, "no column 'item'. It has: about, age, device, occupation"),
    ],
)
def test_a_template_that_does_not(source: str, position: int, says: str) -> None:
    with pytest.raises(TemplateError, match=says) as caught:
        Template.parse(source).check(COLUMNS)
    assert caught.value.position == position


def test_a_clock_needs_timestamps() -> None:
    columns = {name: c for name, c in COLUMNS.items() if c.kind != "timestamp"}
    with pytest.raises(TemplateError, match="the data has none"):
        Template.parse("at {hour:feature}").check(columns)
    # A column of that name goes before the clock.
    own = {**columns, "hour": Column("hour", "category", "context", vocabulary=("early", "late"))}
    Template.parse("at {hour:feature}").check(own)


def test_shown_ratings_need_ratings() -> None:
    columns = {name: column for name, column in COLUMNS.items() if name != "rating"}
    with pytest.raises(TemplateError, match="the interactions have none") as caught:
        Template.parse("saw {history:items rating}").check(columns)
    assert caught.value.position == 4
