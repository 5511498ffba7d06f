"""`tp.data.read`: what comes out of good files, and what is said about bad ones."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from tests.data.tables import EVENTS, pairs, write
from tfprompt.data import read
from tfprompt.errors import ConfigError, DataError


def test_users_in_order_of_appearance_and_their_events_in_order_of_time(events, items):
    data = read(events, items)
    # u1: a at 100, then b and c at 200, a tie that keeps the order of the file.
    assert pairs(data) == [("u2", "a"), ("u2", "c"), ("u1", "a"), ("u1", "b"), ("u1", "c")]
    assert data.user_ids.tolist() == ["u2", "u1"]
    assert data.event_offsets.tolist() == [0, 2, 5]
    assert data.event_items.tolist() == [0, 2, 0, 1, 2]
    assert data.timestamps.tolist()[:2] == [1000000300.0, 1000000400.0]
    assert data.ratings.tolist() == [5, 1, 3, 4, 5]
    assert data.order == "timestamp" and data.name == "events"
    assert data.items.texts("{title} ({year})") == [
        "Alien (1979)",
        "Brazil, the film (1985)",
        "Contact",
    ]


def test_every_format_gives_the_same_data(tmp_path, events, items):
    expected = read(events, items).fingerprint
    frame = pl.read_csv(events)
    frame.write_parquet(tmp_path / "events.parquet")
    frame.write_ndjson(tmp_path / "events.jsonl")
    frame.write_csv(tmp_path / "events.tsv", separator="\t")
    for source in ("events.parquet", "events.jsonl", "events.tsv"):
        assert read(tmp_path / source, items).fingerprint == expected, source
    assert read(frame, pl.read_csv(items)).fingerprint == expected
    assert read(str(events), str(items)).fingerprint == expected


def test_columns_are_mapped_by_name(tmp_path):
    source = write(tmp_path / "r.csv", "UserID,MovieID,When\n007,1,2001-09-09T01:46:40Z\n")
    films = write(tmp_path / "m.csv", "MovieID,title\n1,Up\n")
    names = {"user_id": "UserID", "item_id": "MovieID", "timestamp": "When"}
    data = read(source, films, columns=names)
    assert pairs(data) == [("007", "1")], "ids stay strings, with their zeros"
    assert data.timestamps.tolist() == [1_000_000_000.0]


def test_iso_dates_without_a_zone_are_utc(tmp_path):
    source = write(
        tmp_path / "r.csv",
        "user_id,item_id,timestamp\nu,a,2001-09-09 01:46:40\n"
        "u,b,2001-09-10\nu,c,2001-09-09T03:46:41+02:00\n",
    )
    data = read(source)
    assert pairs(data) == [("u", "a"), ("u", "c"), ("u", "b")]
    assert data.timestamps.tolist() == [1e9, 1e9 + 1, 1000080000.0]


def test_parquet_datetimes(tmp_path):
    frame = pl.DataFrame({"user_id": ["u"], "item_id": ["a"], "timestamp": ["2001-09-09 01:46:40"]})
    frame.with_columns(pl.col("timestamp").str.to_datetime()).write_parquet(tmp_path / "e.parquet")
    assert read(tmp_path / "e.parquet").timestamps.tolist() == [1e9]


def test_position_wins_over_time(tmp_path):
    source = write(
        tmp_path / "r.csv",
        "user_id,item_id,timestamp,position\nu,a,1000000000,2\n"
        "u,b,1000000001,1\nu,c,1000000002,0\n",
    )
    data = read(source)
    assert [item for _, item in pairs(data)] == ["c", "b", "a"]
    assert data.order == "position" and "position" not in data.interactions.columns


def test_file_order_without_times(tmp_path):
    source = write(tmp_path / "r.csv", "user_id,item_id\nu,b\nv,b\nu,a\n")
    data = read(source)
    assert pairs(data) == [("u", "b"), ("u", "a"), ("v", "b")]
    assert data.order == "file order" and data.timestamps is None
    assert data.items.ids.tolist() == ["b", "a"] and data.items.texts() == ["b", "a"]


@pytest.mark.parametrize(
    "keep, expected",
    [
        ("first", [("u", "a"), ("u", "b")]),
        ("last", [("u", "b"), ("u", "a")]),
        ("all", [("u", "a"), ("u", "b"), ("u", "a")]),
    ],
)
def test_duplicates(tmp_path, keep, expected):
    source = write(tmp_path / "r.csv", "user_id,item_id\nu,a\nu,b\nu,a\n")
    data = read(source, duplicates=keep)
    assert pairs(data) == expected
    assert data.report.removed("duplicate events") == 3 - len(expected)


def test_minimum_rating_takes_out_low_and_missing_ones(tmp_path):
    source = write(
        tmp_path / "r.csv", "user_id,item_id,rating\nu,a,4\nu,b,3.5\nu,c,NaN\nu,d,\nu,e,4.5\n"
    )
    data = read(source, min_rating=4)
    assert [item for _, item in pairs(data)] == ["a", "e"]
    assert data.report.removed("minimum rating") == 3
    assert "2 events have no rating" in str(data.report)
    assert np.isnan(read(source).ratings).sum() == 2


def test_k_core_by_hand(tmp_path):
    # c has one event; without it u3 has one; then every user and item of the 2 x 2 block has two.
    source = write(tmp_path / "r.csv", "user_id,item_id\nu1,a\nu1,b\nu2,a\nu2,b\nu3,c\nu3,a\n")
    films = write(tmp_path / "i.csv", "item_id,title\na,A\nb,B\nc,C\nd,D\n")
    data = read(source, films, k_core=2)
    assert sorted(pairs(data)) == [("u1", "a"), ("u1", "b"), ("u2", "a"), ("u2", "b")]
    assert data.items.ids.tolist() == ["a", "b"]
    assert data.report.removed("2-core") == 2 and data.report.removed("items of the core") == 2
    with pytest.raises(DataError, match="k_core=3 must leave events"):
        read(source, films, k_core=3)


@pytest.mark.parametrize("seed", range(5))
def test_k_core_holds_on_random_data(seed):
    random = np.random.default_rng(seed)
    frame = pl.DataFrame({"user_id": random.integers(0, 40, 200), "item_id": random.zipf(1.5, 200)})
    data = read(frame, k_core=3)
    for name in ("user_id", "item_id"):
        assert data.interactions[name].value_counts()["count"].min() >= 3


def test_blanks_around_ids_and_names_and_a_capital_suffix(tmp_path):
    source = write(tmp_path / "r.CSV", "user_id, item_id\n u , a\nu,b\n")
    assert pairs(read(source)) == [("u", "a"), ("u", "b")]


def test_utf16_and_utf8_with_a_mark(tmp_path):
    with pytest.raises(DataError, match="UTF-16"):
        read(write(tmp_path / "a.csv", "user_id,item_id\nu,a\n", "utf-16"))
    assert pairs(read(write(tmp_path / "b.csv", "user_id,item_id\r\nu,a\r\n", "utf-8-sig"))) == [
        ("u", "a")
    ]


def test_float_ids_of_a_table_with_gaps():
    frame = pl.DataFrame({"user_id": [1.0, None, 2.0], "item_id": [7, 8, 9]})
    assert pairs(read(frame)) == [("1", "7"), ("2", "9")]


def test_users_are_aligned_and_missing_profiles_are_null(tmp_path):
    source = write(tmp_path / "r.csv", "user_id,item_id\nv,a\nu,a\nw,a\n")
    people = write(tmp_path / "u.csv", "user_id,age,job\nu,30,cook\nv,40,\n")
    data = read(source, users=people)
    assert data.users.rows() == [("v", 40, None), ("u", 30, "cook"), ("w", None, None)]
    assert "1 of them have no profile" in str(data.report)
    age = data.items.columns["age"]
    assert (age.kind, age.source, age.mean, age.std) == ("number", "user", 35.0, 5.0)
    people = write(tmp_path / "x.csv", "user_id,age\nx,30\n")
    with pytest.raises(DataError, match="no profile for any of 3 users") as error:
        read(source, users=people)
    assert (error.value.file, error.value.column) == (str(people), "user_id")


def test_fill_rules(tmp_path):
    people = write(tmp_path / "u.csv", "user_id,age,job,note\nu,30,cook,hi\nv,,,\nw,50,cook,ho\n")
    source = write(tmp_path / "r.csv", "user_id,item_id\nu,a\nv,a\nw,a\n")
    kinds = {"job": "category", "note": "text"}
    data = read(
        source,
        users=people,
        kinds=kinds,
        fill={"number": "mean", "category": "unknown", "note": "nothing"},
    )
    assert data.users.row(1) == ("v", 40, "unknown", "nothing")
    assert data.items.columns["job"].vocabulary == ("cook", "unknown")
    assert read(source, users=people, fill={"age": 1.5}).users["age"].to_list() == [30, 1.5, 50]
    with pytest.raises(ConfigError, match="fill\\['number'\\]"):
        read(source, users=people, fill={"number": "average"})


def test_kinds_are_read_from_values_or_asked_for(tmp_path):
    rows = [
        {
            "item_id": i,
            "zip": f"0{i:04}",
            "colour": "red" if i % 3 else "blue",
            "tags": ["x", "y"],
            "price": 1.5 * i,
            "year": 1990.0 + i,
        }
        for i in range(20)
    ]
    films = write(tmp_path / "i.jsonl", "\n".join(json.dumps(row) for row in rows))
    data = read(pl.DataFrame({"user_id": ["u"], "item_id": ["0"]}), films)
    kinds = {name: column.kind for name, column in data.items.columns.items()}
    assert kinds == {
        "zip": "text",
        "colour": "category",
        "tags": "text",
        "price": "number",
        "year": "number",
        "user": "category",  # who asks, by id
    }
    assert data.items.columns["colour"].vocabulary == ("red", "blue")
    assert data.items.texts("{year}, {tags}")[1] == "1991, x, y"
    films = write(tmp_path / "j.csv", "item_id,year\n0,1990\n1,unknown\n")
    with pytest.raises(DataError, match="must hold numbers. Received: 'unknown'") as error:
        read(pl.DataFrame({"user_id": ["u"], "item_id": ["0"]}), films, kinds={"year": "number"})
    assert (error.value.row, error.value.column) == (3, "year")


def test_context_columns_and_equal_names(tmp_path):
    source = write(tmp_path / "r.csv", "user_id,item_id,device,title\nu,a,phone,x\nu,b,tv,y\n")
    films = write(tmp_path / "i.csv", "item_id,title\na,Alien\nb,Brazil\n")
    data = read(source, films)
    assert data.context["device"].tolist() == ["phone", "tv"]
    assert data.items.columns["device"].source == "context"
    assert data.items.columns["title"].source == "context"
    assert data.items.texts() == ["Alien", "Brazil"]
    assert "'title' is in several tables" in str(data.report)


def test_a_rating_is_a_column_of_the_event(events, items, tmp_path):
    rating = read(events, items).items.columns["rating"]
    # 5, 1, 3, 4, 5: mean 18 / 5, variance 76 / 5 - 3.6².
    assert (rating.kind, rating.source) == ("number", "event")
    assert rating.mean == pytest.approx(3.6) and rating.std == pytest.approx(2.24**0.5)
    source = write(tmp_path / "r.csv", "user_id,item_id\nu,a\n")
    assert "rating" not in read(source).items.columns


def test_the_report_is_json(events, items):
    report = read(events, items).report
    steps = json.loads(json.dumps(report.to_dict()))["steps"]
    assert steps[0] == {"name": "read interactions", "before": 5, "after": 5, "detail": str(events)}
    assert "read interactions: 5 -> 5 rows (none removed)" in str(report)


def test_the_same_files_give_the_same_fingerprint_and_others_another(events, items, tmp_path):
    first = read(events, items).fingerprint
    assert read(events, items).fingerprint == first
    changed = write(tmp_path / "e2.csv", EVENTS.replace("u1,a,3", "u1,a,4"))
    assert read(changed, items).fingerprint != first
