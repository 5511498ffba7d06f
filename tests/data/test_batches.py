"""Training windows and request batches against a slow loop written here."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tfprompt.data import (
    Catalog,
    Requests,
    Sequences,
    number_of_batches,
    request_batches,
    training_batches,
)
from tfprompt.errors import ConfigError


def catalog(size):
    return Catalog(pl.DataFrame({"item_id": [str(i) for i in range(size)]}), "{item_id}")


def sequences(lengths, seed=0, size=30):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    items = np.random.default_rng(seed).integers(0, size, offsets[-1]).astype(np.int32)
    users = np.array([f"u{i}" for i in range(len(lengths))])
    return Sequences(catalog(size), users, items, offsets)


def random_sequences(seed):
    lengths = np.random.default_rng(seed + 100).integers(1, 70, 60)
    return sequences(lengths, seed)


def test_one_user_by_hand():
    data = sequences([6])
    data.items[:] = [10, 11, 12, 13, 14, 15]
    batches = list(training_batches(data, window=3, batch_size=4))
    # Five pairs: the newest three in one window, the oldest two in another.
    assert len(batches) == 1
    batch = {name: values[np.argsort(~batches[0]["start"])] for name, values in batches[0].items()}
    assert batch["history"].tolist() == [[11, 12, 0], [13, 14, 15]]
    assert batch["target"].tolist() == [[12, 13, 0], [14, 15, 16]]
    assert batch["event"].tolist() == [[1, 2, -1], [3, 4, 5]]
    assert batch["start"].tolist() == [True, False]
    assert batch["first"].tolist() == [11, 0]
    assert batch["row"].tolist() == [0, 0]


@pytest.mark.parametrize("shift", [True, False])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("window", [1, 7, 8, 20, 50])
def test_every_pair_once_and_nothing_of_the_future(seed, window, shift):
    data = random_sequences(seed)
    seen = []
    for batch in training_batches(
        data, window=window, batch_size=16, seed=seed, epoch=1, shift=shift
    ):
        history, target, event = batch["history"], batch["target"], batch["event"]
        assert history.shape == target.shape == event.shape and len(history) <= 16
        assert history.shape[1] in {w for w in (8, 16, 32) if w < window} | {window}
        assert history.dtype == target.dtype == batch["row"].dtype == np.int32
        assert event.dtype == np.int64 and batch["start"].dtype == bool
        for i, row in enumerate(batch["row"]):
            real = np.flatnonzero(target[i])
            assert real.tolist() == list(range(len(real))), "left-aligned"
            assert (event[i][len(real) :] == -1).all() and (history[i][len(real) :] == 0).all()
            begin, end = data.offsets[row], data.offsets[row + 1]
            for j in real:
                at = event[i, j]
                assert begin < at < end
                assert target[i, j] == data.items[at] + 1
                assert history[i, j] == data.items[at - 1] + 1
            assert batch["start"][i] == (event[i, 0] == begin + 1)
            assert batch["first"][i] == (data.items[begin] + 1 if batch["start"][i] else 0)
            # Full windows but for the oldest of a user and, where the cuts move, the newest.
            newest = event[i, len(real) - 1] == end - 1
            assert len(real) == window or batch["start"][i] or (shift and newest)
            seen += event[i][real].tolist()
    expected = [
        at for u in range(len(data)) for at in range(data.offsets[u] + 1, data.offsets[u + 1])
    ]
    assert sorted(seen) == expected


def test_cuts_move_but_their_number_stays():
    data = random_sequences(4)
    epochs = [list(training_batches(data, window=7, batch_size=5, epoch=e)) for e in range(4)]
    assert {len(batches) for batches in epochs} == {number_of_batches(data, window=7, batch_size=5)}
    cuts = [
        {int(first) for batch in batches for first in batch["event"][:, 0]} for batches in epochs
    ]
    assert len({frozenset(cut) for cut in cuts}) == 4


def flat(batches):
    return [{name: values.tolist() for name, values in batch.items()} for batch in batches]


def test_the_order_is_a_function_of_seed_and_epoch():
    data = random_sequences(3)
    first = flat(training_batches(data, seed=1, epoch=2))
    assert first == flat(training_batches(data, seed=1, epoch=2))
    assert first != flat(training_batches(data, seed=1, epoch=3))
    assert first != flat(training_batches(data, seed=2, epoch=2))


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_number_of_batches(batch_size):
    data = random_sequences(4)
    counted = sum(1 for _ in training_batches(data, window=20, batch_size=batch_size))
    assert number_of_batches(data, window=20, batch_size=batch_size) == counted


def test_users_with_one_event_have_no_window():
    assert list(training_batches(sequences([1, 1, 1]))) == []
    assert number_of_batches(sequences([1]), window=5, batch_size=2) == 0


def test_counts_of_items():
    data = sequences([2, 3], size=5)
    data.items[:] = [4, 4, 0, 1, 4]
    assert data.counts().tolist() == [1, 1, 0, 0, 3]


def requests(lengths, seed=0):
    train = sequences([2])
    histories = sequences(lengths, seed)
    rows = len(lengths)
    return Requests(
        histories.catalog,
        histories.user_ids,
        histories.items,
        histories.offsets,
        np.zeros(rows, np.int32),
        np.arange(rows + 1),
        train,
        "test",
    )


@pytest.mark.parametrize("window", [1, 8, 10, 50])
def test_every_request_once_with_the_newest_of_its_history(window):
    asked = requests(np.random.default_rng(5).integers(0, 80, 100))
    seen = []
    for batch in request_batches(asked, window=window, batch_size=16):
        assert len(batch["row"]) <= 16 and batch["row"].dtype == np.int32
        for row, history in zip(batch["row"], batch["history"], strict=True):
            kept = (asked.history(row)[-window:] + 1).tolist()
            assert history.tolist() == kept + [0] * (len(history) - len(kept))
            seen.append(int(row))
    assert sorted(seen) == list(range(100))


def test_some_requests_alone():
    asked = requests(np.random.default_rng(5).integers(0, 80, 100))
    some = np.array([40, 3, 77])
    seen = [row for batch in request_batches(asked, some=some) for row in batch["row"].tolist()]
    assert sorted(seen) == [3, 40, 77]


def test_requests_without_any_history():
    (batch,) = request_batches(requests([0, 0]))
    assert batch["history"].tolist() == [[0] * 8] * 2


@pytest.mark.parametrize("arguments", [{"window": 0}, {"batch_size": 0}])
def test_sizes_must_be_positive(arguments):
    with pytest.raises(ConfigError, match="at least 1"):
        list(training_batches(sequences([3]), **arguments))
    with pytest.raises(ConfigError, match="at least 1"):
        list(request_batches(requests([3]), **arguments))
