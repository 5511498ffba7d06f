"""`tp.data.read` on bad files: one clear error, or a drop that is counted and placed."""

from __future__ import annotations

import polars as pl
import pytest

from tests.data.tables import pairs, write
from tfprompt.data import read
from tfprompt.errors import ConfigError, DataError


@pytest.mark.parametrize(
    "unit, factor, word",
    [("ms", 10**3, "milliseconds"), ("us", 10**6, "microseconds"), ("ns", 10**9, "nanoseconds")],
)
def test_a_wrong_unit_is_named_never_guessed(tmp_path, unit, factor, word):
    source = write(
        tmp_path / "r.csv",
        f"user_id,item_id,timestamp\nu,a,1000000000\nu,b,{1_500_000_000 * factor}\n",
    )
    with pytest.raises(DataError, match=f"looks like {word}: pass timestamp_unit='{unit}'") as e:
        read(source)
    assert (e.value.file, e.value.row, e.value.column) == (str(source), 3, "timestamp")
    whole = write(tmp_path / "w.csv", f"user_id,item_id,timestamp\nu,a,{1_500_000_000 * factor}\n")
    assert read(whole, timestamp_unit=unit).timestamps.tolist() == [1.5e9]


def test_seconds_under_another_unit_and_mere_ranks_are_refused(tmp_path):
    source = write(tmp_path / "r.csv", "user_id,item_id,timestamp\nu,a,1000000000\n")
    with pytest.raises(DataError, match="looks like seconds: pass timestamp_unit='s'"):
        read(source, timestamp_unit="ms")
    ranks = write(tmp_path / "ranks.csv", "user_id,item_id,timestamp\nu,a,1\n")
    with pytest.raises(DataError, match="columns={'position': 'timestamp'}"):
        read(ranks)
    with pytest.raises(ConfigError, match="timestamp_unit"):
        read(source, timestamp_unit="minutes")


def test_min_rating_without_ratings(tmp_path):
    source = write(tmp_path / "r.csv", "user_id,item_id\nu,a\n")
    with pytest.raises(DataError, match="min_rating needs ratings") as error:
        read(source, min_rating=4)
    assert error.value.column == "rating"


def test_missing_column(tmp_path):
    source = write(tmp_path / "r.csv", "user,item_id\nu,a\n")
    with pytest.raises(DataError, match=r"needs the column 'user_id'.*columns=\{'user_id'") as e:
        read(source)
    assert (e.value.file, e.value.row, e.value.column) == (str(source), 1, "user_id")
    assert f"file {source}, row 1, column user_id: " in str(e.value)


def test_a_mapping_the_wrong_way_round(tmp_path):
    source = write(tmp_path / "r.csv", "UserID,item_id\nu,a\n")
    with pytest.raises(DataError, match="not the other way round"):
        read(source, columns={"UserID": "user_id"})


def test_a_quote_that_is_never_closed(tmp_path):
    source = write(tmp_path / "r.csv", 'user_id,item_id\nv,c\nu,"a\nu,b\n')
    with pytest.raises(DataError, match="must be closed") as error:
        read(source)
    assert (error.value.file, error.value.row) == (source, 3)


@pytest.mark.parametrize(
    "column, value",
    [
        ("item_id", b"\xff"),
        ("item_id", ["a"]),  # fine as a description, but no id
        ("item_id", object()),
        ("extra", b"\xff"),
        ("extra", object()),
    ],
)
def test_types_that_are_no_ids_and_no_text(column, value):
    rows = {"user_id": ["u"], "item_id": ["a"], column: pl.Series([value], strict=False)}
    with pytest.raises(DataError, match="strings, numbers or dates") as error:
        read(pl.DataFrame(rows))
    assert error.value.column == column


@pytest.mark.parametrize(
    "arguments, rule",
    [
        ({"k_core": "5"}, "k_core must be"),
        ({"k_core": -1}, "k_core must be"),
        ({"min_rating": "4"}, "min_rating must be"),
        ({"duplicates": "none"}, "duplicates must be"),
        ({"kinds": {"rating": "float"}}, "kinds maps"),
        ({"kinds": {"nope": "text"}}, "kinds maps"),
        ({"fill": {"numbers": 1}}, "fill maps"),
        ({"fill": {"text": 1}}, "must be a string or None"),
    ],
)
def test_arguments_that_could_not_be_meant(events, arguments, rule):
    with pytest.raises(ConfigError, match=rule):
        read(events, **arguments)


def test_wrong_separator_gets_a_hint(tmp_path):
    source = write(tmp_path / "r.csv", "user_id;item_id\nu;a\n")
    with pytest.raises(DataError, match="separated by commas in .csv"):
        read(source)


def test_a_mapping_to_nothing_and_a_doubled_name(events):
    with pytest.raises(DataError, match="no table has 'Nope'"):
        read(events, columns={"session": "Nope"})
    with pytest.raises(DataError, match="two columns would be called 'item_id'"):
        read(events, columns={"item_id": "rating"})


def test_bad_encoding_names_line_and_column(tmp_path, events):
    films = write(
        tmp_path / "i.csv", "item_id,title,year\na,Alien,1979\nb,Amélie,2001\n", "latin-1"
    )
    with pytest.raises(DataError, match="must be UTF-8.*0xe9.*latin-1") as error:
        read(events, films)
    assert (error.value.file, error.value.row, error.value.column) == (films, 3, "title")


def test_a_line_with_too_many_fields(tmp_path):
    source = write(tmp_path / "r.csv", 'user_id,item_id\nu,"a\nb"\nu,c,d\n')
    with pytest.raises(DataError, match="must have 2 fields") as error:
        read(source)
    assert error.value.row == 4


def test_a_number_that_is_none_names_its_line(tmp_path):
    # The record is the third, on line 6: a quoted line break and a blank line come before it.
    source = write(tmp_path / "r.csv", 'user_id,item_id,rating\nu,"a\nb",4\n\nu,c,5\nu,d,five\n')
    with pytest.raises(DataError, match="finite numbers. Received: 'five'") as error:
        read(source)
    assert (error.value.file, error.value.row, error.value.column) == (str(source), 6, "rating")
    infinite = write(tmp_path / "i.csv", "user_id,item_id,rating\nu,c,inf\n")
    with pytest.raises(DataError, match="finite numbers. Received: 'inf'"):
        read(infinite)


def test_a_date_that_is_none_names_its_line(tmp_path):
    source = write(tmp_path / "r.csv", "user_id,item_id,timestamp\nu,a,2001-01-01\nu,b,yesterday\n")
    with pytest.raises(DataError, match="Received: 'yesterday'") as error:
        read(source)
    assert (error.value.row, error.value.column) == (3, "timestamp")


def test_a_broken_json_line(tmp_path):
    source = write(tmp_path / "r.jsonl", '{"user_id": 1, "item_id": 2}\n{"user_id": \n')
    with pytest.raises(DataError, match="one JSON object") as error:
        read(source)
    assert (error.value.file, error.value.row) == (source, 2)


def test_json_lines_count_blank_ones(tmp_path):
    source = write(
        tmp_path / "r.jsonl",
        '{"user_id": 1, "item_id": 2, "rating": "4"}\n\n'
        '{"user_id": 1, "item_id": 3, "rating": "x"}\n',
    )
    with pytest.raises(DataError, match="Received: 'x'") as error:
        read(source)
    assert error.value.row == 3


@pytest.mark.parametrize(
    "text, rule",
    [
        ("", "0 bytes"),
        ("user_id,item_id\n", "at least one event"),
        ("user_id,item_id\n,a\nu,\n", "2 rows, none of them whole"),
    ],
)
def test_empty_interactions(tmp_path, text, rule):
    source = write(tmp_path / "r.csv", text)
    with pytest.raises(DataError, match=rule) as error:
        read(source)
    assert str(source) in str(error.value)


def test_empty_catalog(tmp_path, events):
    films = write(tmp_path / "i.csv", "item_id,title\n")
    with pytest.raises(DataError, match="at least one row with 'item_id'") as error:
        read(events, films)
    assert (error.value.file, error.value.column) == (str(films), "item_id")


def test_files_that_cannot_be(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"one of .csv.*Received: 'r.xlsx'"):
        read(write(tmp_path / "r.xlsx", "x"))
    with pytest.raises(DataError, match="not readable Parquet"):
        read(write(tmp_path / "r.parquet", "x"))
    with pytest.raises(DataError, match="path or a polars DataFrame. Received: dict"):
        read({"user_id": []})


def test_events_without_ids_or_time_are_counted_with_their_place(tmp_path):
    source = write(
        tmp_path / "r.csv",
        "user_id,item_id,timestamp\nu,a,1000000000\n,b,1000000000\nu,,1000000000\nu,d,\nu,e,nan\n",
    )
    data = read(source)
    assert pairs(data) == [("u", "a")]
    assert data.report.removed("missing user_id") == 1
    assert data.report.removed("missing item_id") == 1
    assert data.report.removed("missing timestamp") == 2
    assert f"first in {source}, row 5 (user 'u', item 'd')" in str(data.report)


def test_a_few_unknown_items_are_dropped_and_counted(tmp_path, items):
    source = write(tmp_path / "r.csv", "user_id,item_id\nu,a\nu,x\nu,b\n")
    data = read(source, items)
    assert pairs(data) == [("u", "a"), ("u", "b")]
    assert data.report.removed("unknown items") == 1
    assert f"{source}, row 3 (user 'u', item 'x')" in str(data.report)


def test_mostly_unknown_items_are_an_error(tmp_path, items):
    source = write(tmp_path / "r.csv", "user_id,item_id\nu,a\nu,1.0\nu,2.0\n")
    with pytest.raises(DataError, match="2 of 3 events with unknown items.*'1.0'") as error:
        read(source, items)
    assert (error.value.file, error.value.row, error.value.column) == (str(source), 3, "item_id")


def test_repeated_items_and_users_keep_the_first(tmp_path):
    source = write(tmp_path / "r.csv", "user_id,item_id\nu,a\n")
    films = write(tmp_path / "i.csv", "item_id,title\na,One\na,Two\n,Three\n")
    people = write(tmp_path / "u.csv", "user_id,age\nu,30\nu,40\nv,50\n")
    data = read(source, films, people)
    assert data.items.texts() == ["One"]
    assert data.users.rows() == [("u", 30)]
    assert data.report.removed("repeated item_id") == 1
    assert data.report.removed("items without item_id") == 1
    assert f"first in {people}, row 3, user_id 'u'" in str(data.report)
