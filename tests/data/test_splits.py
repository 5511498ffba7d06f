"""Splits: by hand on small data, and invariants on random data."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tfprompt.data import read
from tfprompt.errors import ConfigError, DataError

T0 = 1_000_000_000


def data_of(sequences, times=None, duplicates="all"):
    """A data set from {user: "abc"}; times default to the place within the user."""
    rows = [
        (user, item, T0 + (times[user][i] if times else i))
        for user, items in sequences.items()
        for i, item in enumerate(items)
    ]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    people = pl.DataFrame({"user_id": list(sequences), "tag": [f"tag {u}" for u in sequences]})
    letters = sorted({item for items in sequences.values() for item in items})
    return read(frame, pl.DataFrame({"item_id": letters}), people, duplicates=duplicates)


def random_data(seed, users=40, items=25):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 20, users)
    frame = pl.DataFrame(
        {
            "user_id": np.repeat(np.arange(users), lengths),
            "item_id": random.integers(0, items, lengths.sum()),
            # Few different moments, so that ties are common.
            "timestamp": T0 + random.integers(0, 30, lengths.sum()),
        }
    )
    return read(frame, pl.DataFrame({"item_id": [str(i) for i in range(items)]}), duplicates="all")


def words(requests):
    """{user: (history, targets)} as letters."""
    ids = requests.catalog.ids
    return {
        str(user): ("".join(ids[requests.history(row)]), "".join(ids[requests.target(row)]))
        for row, user in enumerate(requests.user_ids)
    }


def trained(train):
    ids = train.catalog.ids
    return {
        str(user): "".join(ids[train.items[train.offsets[u] : train.offsets[u + 1]]])
        for u, user in enumerate(train.user_ids)
    }


def test_leave_one_out_by_hand():
    data = data_of({"u": "abcd", "v": "ab", "w": "cba", "x": "d"})
    split = data.leave_one_out()
    assert trained(split.train) == {"u": "ab", "w": "c"}
    assert words(split.validation) == {"u": ("ab", "c"), "w": ("c", "b")}
    assert words(split.test) == {"u": ("abc", "d"), "w": ("cb", "a")}
    assert split.dropped == {"users with fewer than 3 events": 2, "events of those users": 3}
    assert split.test.timestamps.tolist() == [T0 + 3, T0 + 2]
    assert split.test.users["tag"].to_list() == ["tag u", "tag w"]
    assert split.train.users["tag"].to_list() == ["tag u", "tag w"]
    assert split.test.protocol == (
        "leave-one-out by timestamp (last event), all 4 items ranked, seen items excluded"
    )
    assert split.test.train is split.train
    assert words(data.leave_one_out(min_events=4).test) == {"u": ("abc", "d")}


def test_ties_keep_the_order_of_the_file():
    data = data_of({"u": "dcba"}, {"u": [5, 5, 5, 5]})
    assert words(data.leave_one_out().test) == {"u": ("dcb", "a")}


def test_ratio_by_hand():
    data = data_of({"u": "abcdefghij", "v": "abc"})
    split = data.ratio(validation=0.2, test=0.3)
    assert trained(split.train) == {"u": "abcde", "v": "a"}
    assert words(split.validation) == {"u": ("abcde", "fg"), "v": ("a", "b")}
    assert words(split.test) == {"u": ("abcdefg", "hij"), "v": ("ab", "c")}
    assert "the last 30% of each user" in split.test.protocol


def test_ratio_is_not_fooled_by_binary_fractions():
    # In floating point 0.29 * 100 is 28.999999999999996.
    rows = {"user_id": ["u"] * 100, "item_id": list(range(100))}
    assert len(read(pl.DataFrame(rows)).ratio(test=0.29).test.targets) == 29


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shares", [(0.05, 0.9), (0.9, 0.05), (0.3, 0.3)])
def test_ratio_leaves_every_user_something_to_train_on(seed, shares):
    split = random_data(seed).ratio(*shares)
    assert set(split.train.user_ids) == set(split.test.user_ids)
    for part in (split.validation, split.test):
        assert (np.diff(part.history_offsets) > 0).all()
        assert (np.diff(part.target_offsets) > 0).all()


def test_a_target_counts_once():
    data = data_of({"u": "abcdefghaa"})
    assert words(data.ratio(validation=0.1, test=0.2).test) == {"u": ("abcdefgh", "a")}


def test_temporal_by_hand():
    data = data_of(
        {"u": "abcde", "v": "abc", "w": "ed"}, {"u": [0, 1, 2, 6, 8], "v": [3, 4, 5], "w": [7, 9]}
    )
    # Ten events at 0..9: training before 6, validation 6 and 7, test 8 and 9.
    split = data.temporal(validation=0.2, test=0.2)
    assert trained(split.train) == {"u": "abc", "v": "abc"}
    assert words(split.validation) == {"u": ("abc", "d")}
    assert words(split.test) == {"u": ("abcd", "e"), "w": ("e", "d")}
    assert split.dropped == {
        "users of validation without a history": 1,
        "users of test without a history": 0,
    }
    assert split.test.timestamps.tolist() == [T0 + 8, T0 + 9]


def test_temporal_needs_a_time():
    data = read(pl.DataFrame({"user_id": ["u"] * 4, "item_id": list("abcd")}))
    with pytest.raises(DataError, match="needs a time"):
        data.temporal()
    ordered = read(
        pl.DataFrame(
            {
                "user_id": list("uvuvuv"),
                "item_id": list("aabbcc"),
                "file_order": [10, 11, 12, 13, 14, 15],
            }
        )
    )
    split = ordered.temporal(validation=0.3, test=0.3)
    assert words(split.test) == {"u": ("ab", "c"), "v": ("ab", "c")}
    assert "place 14 of the file" in split.test.protocol


@pytest.mark.parametrize("seed", range(8))
def test_temporal_never_shows_the_future(seed):
    data = random_data(seed)
    split = data.temporal(0.2, 0.2)
    assert split.train.timestamps.max() < split.validation.timestamps.min()
    assert split.validation.timestamps.max() < split.test.timestamps.min()
    everything = {}
    for user, item, at in data.interactions.rows():
        everything.setdefault(user, []).append((at, item))
    start = split.test.timestamps.min()
    for row, user in enumerate(split.test.user_ids):
        before = [item for at, item in everything[str(user)] if at < start]
        assert split.test.catalog.ids[split.test.history(row)].tolist() == before


@pytest.mark.parametrize("seed", range(8))
def test_cold_items_are_nowhere_but_in_targets(seed):
    data = random_data(seed)
    split = data.cold_items(fraction=0.3, seed=seed)
    cold = set(split.validation.targets) | set(split.test.targets)
    assert not set(split.validation.targets) & set(split.test.targets)
    assert not cold & set(split.train.items)
    for part in (split.validation, split.test):
        assert not cold & set(part.histories)
        assert (np.diff(part.history_offsets) > 0).all()
        # Nothing later than a request is learned from its user.
        for user, at in zip(part.user_ids, part.timestamps, strict=True):
            row = np.flatnonzero(split.train.user_ids == user)
            if len(row):
                u = row[0]
                times = split.train.timestamps[split.train.offsets[u] : split.train.offsets[u + 1]]
                assert (times <= at).all()
    assert (split.train.counts()[sorted(cold)] == 0).all()
    assert split.fingerprint == data.cold_items(fraction=0.3, seed=seed).fingerprint
    assert split.fingerprint != data.cold_items(fraction=0.3, seed=seed + 1).fingerprint


def test_cold_items_by_hand():
    # Two items, one cold for validation and one for test, are drawn of four.
    data = data_of({"u": "abcd", "v": "dcba", "w": "ab"})
    split = data.cold_items(fraction=0.5, seed=3)
    (asked_v,), (asked_t,) = (
        {target for _, target in words(part).values()} for part in (split.validation, split.test)
    )
    warm = set("abcd") - {asked_v, asked_t}
    for part, asked in ((split.validation, asked_v), (split.test, asked_t)):
        expected = {}
        for user, items in (("u", "abcd"), ("v", "dcba"), ("w", "ab")):
            if asked in items:
                history = "".join(i for i in items[: items.rindex(asked)] if i in warm)
                if history:
                    expected[user] = (history, asked)
        assert words(part) == expected


@pytest.mark.parametrize("seed", range(8))
def test_cold_users_are_unknown_to_training(seed):
    data = random_data(seed)
    split = data.cold_users(fraction=0.2, seed=seed)
    groups = [set(part.user_ids) for part in (split.train, split.validation, split.test)]
    assert len(set.union(*groups)) == sum(map(len, groups)), "disjoint"
    assert set.union(*groups) == set(data.user_ids)
    everything = {
        user: group["item_id"].to_list()
        for (user,), group in data.interactions.group_by("user_id", maintain_order=True)
    }
    for part in (split.validation, split.test):
        for row, user in enumerate(part.user_ids):
            whole = everything[str(user)]
            assert part.catalog.ids[part.history(row)].tolist() == whole[:-1]
            assert part.catalog.ids[part.target(row)].tolist() == whole[-1:]


@pytest.mark.parametrize("seed", range(8))
def test_leave_one_out_on_random_data(seed):
    data = random_data(seed)
    split = data.leave_one_out()
    everything = {
        user: group["item_id"].to_list()
        for (user,), group in data.interactions.sort("timestamp", maintain_order=True).group_by(
            "user_id"
        )
    }
    enough = {user for user, items in everything.items() if len(items) >= 3}
    assert set(split.test.user_ids) == enough
    ids = data.items.ids
    for row, user in enumerate(split.test.user_ids):
        items = everything[str(user)]
        assert ids[split.test.history(row)].tolist() == items[:-1]
        assert ids[split.test.target(row)].tolist() == items[-1:]
        assert ids[split.validation.history(row)].tolist() == items[:-2]
        assert ids[split.validation.target(row)].tolist() == items[-2:-1]
        begin, end = split.train.offsets[row], split.train.offsets[row + 1]
        assert ids[split.train.items[begin:end]].tolist() == items[:-2]
    kept = split.dropped["events of those users"] + len(split.train.items) + 2 * len(enough)
    assert kept == data.interactions.height


def test_context_and_ratings_go_with_their_events():
    frame = pl.DataFrame(
        {
            "user_id": ["u"] * 4,
            "item_id": list("abcd"),
            "rating": [1, 2, 3, 4],
            "device": ["p", "q", "p", "r"],
            "timestamp": [T0 + i for i in range(4)],
        }
    )
    split = read(frame).leave_one_out()
    assert split.train.context["device"].tolist() == ["p", "q"]
    assert split.train.ratings.tolist() == [1, 2]
    assert split.test.context["device"].tolist() == ["r"]
    assert split.test.history_ratings.tolist() == [1, 2, 3]
    assert split.test.target_ratings.tolist() == [4]
    assert split.validation.target_ratings.tolist() == [3]
    assert "rating" not in split.train.context and "rating" not in split.test.context


def test_ratings_follow_their_events_through_every_split():
    # The rating says which user, item and event it belongs to; one in seven is missing.
    data = random_data(1)
    frame = data.interactions.with_row_index("row").with_columns(
        pl.when(pl.col("row") % 7 == 3).then(None).otherwise(pl.col("row")).alias("rating")
    )
    data = read(frame.drop("row"), data.items.frame, duplicates="all")
    truth = {}
    for user, item, rating in data.interactions.select("user_id", "item_id", "rating").rows():
        truth.setdefault((user, item), []).append(-1 if rating is None else rating)
    for split in (data.leave_one_out(), data.ratio(0.3, 0.3), data.temporal(0.2, 0.2),
                  data.cold_items(0.3), data.cold_users(0.2)):  # fmt: skip
        for part in (split.validation, split.test):
            for flat, offsets, ratings in (
                (part.histories, part.history_offsets, part.history_ratings),
                (part.targets, part.target_offsets, part.target_ratings),
            ):
                assert ratings.dtype == np.float32 and len(ratings) == len(flat)
                owners = np.repeat(part.user_ids, np.diff(offsets))
                for user, item, rating in zip(owners, flat, ratings, strict=True):
                    known = truth[str(user), str(part.catalog.ids[item])]
                    assert (-1 if np.isnan(rating) else rating) in known
    # A repeated target keeps the rating of its first event.
    ratings = [1, 2, 3, 4]
    frame = pl.DataFrame({"user_id": ["u"] * 4, "item_id": list("abcc"), "rating": ratings})
    assert read(frame, duplicates="all").ratio(0.2, 0.5).test.target_ratings.tolist() == [3]


def test_without_ratings_there_are_none():
    test = data_of({"u": "abcd"}).leave_one_out().test
    assert test.history_ratings is None and test.target_ratings is None


def test_ratio_of_some_users():
    data = data_of({"u": "abcdefghij", "v": "abc", "w": "ab", "x": "dcba"})
    split = data.ratio(0.2, 0.3, users=["w", "v", "u"])
    assert trained(split.train) == {"u": "abcde", "v": "a"}
    assert words(split.test) == {"u": ("abcdefg", "hij"), "v": ("ab", "c")}
    assert split.dropped == {
        "users with fewer than 3 events": 1,
        "events of those users": 2,
        "users that were not named": 1,
        "events of users that were not named": 4,
    }
    # printf 'u\036v\036w' | sha256sum
    assert split.name == "ratio(validation=0.2, test=0.3, min_events=3, 3 users 751361ed)"
    again = data.ratio(0.2, 0.3, users=np.array(["u", "v", "w", "u"]))
    assert again.name == split.name and again.fingerprint == split.fingerprint
    assert data.ratio(0.2, 0.3, users=["u", "v", "x"]).name != split.name
    whole = data.ratio(0.2, 0.3, users=list("uvwx"))
    assert words(whole.test) == words(data.ratio(0.2, 0.3).test)
    for wrong, said in ((["u", "?"], "1 unknown, as '\\?'"), ([], "none"), ("u", "the string 'u'")):
        with pytest.raises(ConfigError, match=said):
            data.ratio(users=wrong)


@pytest.mark.parametrize(
    "call, rule",
    [
        (lambda d: d.leave_one_out(min_events=2), "at least 3"),
        (lambda d: d.ratio(0.5, 0.5), "together below 1"),
        (lambda d: d.temporal(0, 0.1), "above 0"),
        (lambda d: d.cold_items(0), "between 0 and 1"),
        (lambda d: d.cold_users(0.5), "between 0 and 0.5"),
    ],
)
def test_arguments_that_cannot_work(call, rule):
    with pytest.raises(ConfigError, match=rule):
        call(random_data(0))


def test_only_users_with_one_event():
    data = data_of({"u": "a", "v": "b"})
    with pytest.raises(DataError, match="users with 3 events or more.*2 users, the longest with 1"):
        data.leave_one_out()
    with pytest.raises(DataError, match="events to train on"):
        data_of({"u": "a", "v": "b"}, {"u": [0], "v": [9]}).temporal(0.3, 0.3)


def test_the_fingerprint_of_a_split():
    data = data_of({"u": "abcd", "w": "cba"})
    assert data.leave_one_out().fingerprint == data.leave_one_out().fingerprint
    assert data.leave_one_out().fingerprint != data.ratio().fingerprint
    assert "left out" in str(data.leave_one_out())
