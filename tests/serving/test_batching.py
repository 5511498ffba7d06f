"""Requests that are merged get the answers that each would get alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving.conftest import FREE
from tfprompt.errors import ConfigError, RequestError
from tfprompt.serving import Client, LocalServer, ServerConfig
from tfprompt.serving.local.batching import Batcher
from tfprompt.serving.local.padding import merge, rows_of, split
from tfprompt.serving.local.servable import Servable


def test_padding_by_hand() -> None:
    merged = merge(
        [
            {"t": np.array([[b"a", b"b"]], object), "x": np.array([[1.0]])},
            {"t": np.array([[b"c"], [b"d"]], object), "x": np.array([[2.0, 3.0], [4.0, 5.0]])},
            {"t": np.empty((1, 0), object), "x": np.empty((1, 0))},
        ]
    )
    # Each tensor's own first element, as TensorFlow Serving pads.
    assert merged["t"].tolist() == [[b"a", b"b"], [b"c", b"c"], [b"d", b"c"], [b"", b""]]
    assert merged["x"].tolist() == [[1.0, 1.0], [2.0, 3.0], [4.0, 5.0], [0.0, 0.0]]
    parts = split({"y": np.arange(4)}, [1, 2, 1])
    assert [part["y"].tolist() for part in parts] == [[0], [1, 2], [3]]
    with pytest.raises(RequestError, match="without batching"):
        split({"y": np.arange(3)}, [1, 2, 1])


def test_rows() -> None:
    assert rows_of({"a": np.zeros([3]), "b": np.zeros([3, 2])}) == 3
    assert rows_of({"a": np.zeros([3]), "b": np.zeros([2])}) is None
    assert rows_of({"a": np.zeros([])}) is None
    assert rows_of({"a": np.zeros([0])}) is None


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@pytest.fixture(scope="module")
def servable(adds: Path) -> Servable:
    return Servable.load(adds / "1", 1)


def test_merged_and_split_again(servable: Servable) -> None:
    sizes: list[int] = []
    batcher = Batcher(16, 5.0, sizes.append)
    values = [np.array([float(i), float(i) + 0.5], np.float32) for i in range(8)]
    found = together(
        [lambda v=v: batcher.run(servable, "serving_default", {"x": v}) for v in values]
    )
    for value, answer in zip(values, found, strict=True):
        np.testing.assert_array_equal(answer["y"], value + 1.0)
    # Full at 16 rows, which ends the wait long before its 5 seconds.
    assert sizes == [16]


def test_large_requests_and_other_signatures_run_alone(servable: Servable) -> None:
    sizes: list[int] = []
    batcher = Batcher(4, 0.01, sizes.append)
    assert len(batcher.run(servable, "serving_default", {"x": np.ones(9, np.float32)})["y"]) == 9
    words = np.array([[b"a"]], object)
    assert batcher.run(servable, "echo", {"t": words})["t"].tolist() == [[b"a"]]
    assert sizes == [9, 1]


def test_an_error_reaches_only_who_caused_it(servable: Servable) -> None:
    batcher = Batcher(4, 5.0)

    def ask(value: float) -> Any:
        try:
            return batcher.run(servable, "picky", {"x": np.array([value], np.float32)})["y"][0]
        except RequestError as error:
            return error

    found = together([lambda v=v: ask(v) for v in (1.0, -1.0, 2.0, 3.0)])
    assert [found[0], *found[2:]] == [1.0, 2.0, 3.0]
    assert isinstance(found[1], RequestError) and "x is below 0" in str(found[1])


def test_an_output_that_is_no_row_each(servable: Servable) -> None:
    with pytest.raises(RequestError, match="without batching") as caught:
        Batcher(4, 0.0).run(servable, "total", {"x": np.ones(2, np.float32)})
    assert caught.value.code == "FAILED_PRECONDITION"


def test_a_served_batch_equals_requests_alone(recommends: Path, shop_server: LocalServer) -> None:
    rng = random.Random(0)
    items = [f"i{place}" for place in range(8)]
    requests = [
        {
            "history": rng.sample(items, rng.randrange(5)),
            "exclude": rng.sample(items, rng.randrange(3)),
            "k": rng.choice([None, 1, 3, 20]),
            "wish": rng.choice(["", "a long wish", "ü"]),
            "timestamp": 1_000_000_000,
        }
        for _ in range(60)
    ]
    config = ServerConfig(**FREE, max_batch_size=8, batch_timeout_ms=20)
    with LocalServer(recommends, config) as server:
        places = (f"127.0.0.1:{server.grpc_port}", f"http://127.0.0.1:{server.rest_port}")
        alone = f"127.0.0.1:{shop_server.grpc_port}"
        for place in places:
            with (
                Client(place, "shop", timeout_s=60) as client,
                Client(alone, "shop", timeout_s=60) as single,
                ThreadPoolExecutor(12) as pool,
            ):
                merged = list(pool.map(lambda request: client.recommend(**request), requests))
                wanted = [single.recommend(**request) for request in requests]
            assert [each.items for each in merged] == [each.items for each in wanted]
        page = server.core.metrics.page().decode()
    rows = next(line for line in page.splitlines() if "batch_rows_sum" in line)
    runs = next(line for line in page.splitlines() if "batch_rows_count" in line)
    assert float(rows.split()[-1]) == 120
    assert float(runs.split()[-1]) < 100  # some were merged


def test_settings_that_cannot_be() -> None:
    for arguments in ((0, 1.0), (1, -1.0)):
        with pytest.raises(ConfigError):
            Batcher(*arguments)
