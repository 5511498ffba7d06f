"""A client against a served model whose answers are known, over gRPC and REST."""

from __future__ import annotations

import asyncio
import datetime
import inspect
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfprompt
from tests.serving import models
from tests.serving.conftest import FREE
from tfprompt.errors import ConfigError, ModelNotFoundError, RequestError
from tfprompt.serving import AsyncClient, Client, LocalServer, Request, ServerConfig, Tls

ALL = [f"i{place}" for place in range(models.ITEMS)]


def address(server: LocalServer, protocol: str) -> str:
    if protocol == "rest":
        return f"http://127.0.0.1:{server.rest_port}"
    return f"127.0.0.1:{server.grpc_port}"


@pytest.fixture(scope="module", params=["grpc", "rest"])
def client(request: Any, shop_server: LocalServer) -> Iterator[Client]:
    with Client(address(shop_server, request.param), "shop", timeout_s=60) as client:
        yield client


@pytest.fixture(scope="module", params=["grpc", "rest"])
def old_client(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    base = tmp_path_factory.mktemp("old") / "old"
    models.save_recommends(base / "1", old=True)
    with LocalServer(base, ServerConfig(**FREE)) as server:
        with Client(address(server, request.param), "old", timeout_s=60) as client:
            yield client


def test_one_request(client: Client) -> None:
    found = client.recommend(history=["i0", "i2"], k=3)
    assert found.item_ids == ["i1", "i3", "i4"]
    assert [item.score for item in found] == [7.0, 5.0, 4.0]
    assert len(found) == 3


def test_what_is_not_given_is_filled(client: Client) -> None:
    before = int(time.time())
    start, _, moment = client.recommend().items[0].title.rstrip("/").rpartition("/")
    assert start == "i0://nan"
    # Nobody says when: it is now.
    assert before <= int(moment) <= time.time()


def test_every_input_arrives(client: Client) -> None:
    moment = datetime.datetime(2001, 9, 9, 1, 46, 40, tzinfo=datetime.UTC)
    found = client.recommend(
        wish="dräma", prompt="night", k=1, fields={"age": "24", "price": 2}, timestamp=moment
    )
    assert found.items[0].title == "i0:dräma/24/2.000000/1000000000/night"


@pytest.mark.parametrize(
    ("exclude", "k", "wanted"),
    [
        ([], None, ALL),
        (["i1", "nothing"], 2, ["i0", "i2"]),
        (ALL, 5, []),
        (ALL[1:], None, ["i0"]),
        ([], 100, ALL),
    ],
)
def test_k_and_exclude(client: Client, exclude: list[str], k: int | None, wanted: Any) -> None:
    assert client.recommend(exclude=exclude, k=k).item_ids == wanted


def test_a_batch_of_unequal_requests_is_each_alone(client: Client) -> None:
    requests = [
        Request(history=["i0"], k=2, timestamp=1),
        {"history": [f"i{place}" for place in range(6)], "timestamp": 2},
        Request(exclude=["i0", "i1", "i2"], k=1, fields={"age": "30"}, timestamp=3),
        {"timestamp": -1},
    ]
    together = client.recommend_many(requests)
    assert [len(found) for found in together] == [2, 2, 1, 8]
    alone = [client.recommend_many([request])[0] for request in requests]
    assert [found.items for found in together] == [found.items for found in alone]


def test_numpy_and_other_sequences(client: Client) -> None:
    found = client.recommend(
        np.array(["i0", "i1"]), k=np.int64(2), exclude=("i2",), fields={"price": np.float32(0.5)}
    )
    assert found.item_ids == ["i3", "i4"] and "/0.5" in found.items[0].title


def test_scores(client: Client) -> None:
    assert client.score(["i3", "i1"], history=["i5"]) == [4.0, 2.0]
    many = client.score_many([{"candidates": ["i1"]}, {"candidates": ["i2", "i3", "i4"]}])
    assert many == [[1.0], [2.0, 3.0, 4.0]]


def test_embeddings(client: Client) -> None:
    query = client.encode_query(["i1", "i2"], fields={"history_ratings": [3.0, 4.5]})
    np.testing.assert_array_equal(query, np.array([7.5, 2.0], np.float32))
    np.testing.assert_array_equal(client.encode_query(["i1"]), np.array([0.0, 1.0], np.float32))
    np.testing.assert_array_equal(client.encode_item("four", "i10"), np.array([4, 3], np.float32))


def test_predict_raw(client: Client) -> None:
    found = client.predict({"history": [[b"i1"]], "candidates": [["i5", ""]]}, signature="score")
    np.testing.assert_array_equal(found["scores"], np.array([[6.0, 0.0]], np.float32))
    assert found["scores"].dtype == np.float32
    with pytest.raises(Exception, match="no output 'nothing'"):
        found["nothing"]


def test_metadata_and_status(client: Client) -> None:
    metadata = client.metadata()
    assert (metadata.name, metadata.version) == ("shop", 1)
    inputs = metadata.signatures["recommend"].inputs
    assert str(inputs["exclude"]) == "string [?, ?]" and str(inputs["k"]) == "int32 [?]"
    assert [(s.version, s.state, s.code) for s in client.status()] == [(1, "AVAILABLE", "OK")]


@pytest.mark.parametrize(
    ("arguments", "field", "words"),
    [
        ({"fields": {"agee": "24"}}, "agee", "no input 'agee'.*age"),
        ({"fields": {"age": 24}}, "age", 'is text.*write "24"'),
        ({"fields": {"age": ["24"]}}, "age", "is text"),
        ({"fields": {"price": "2"}}, "price", "is float32"),
        ({"fields": {"price": True}}, "price", "is float32"),
        ({"fields": {"wish": "x"}}, "wish", "argument of its own"),
        ({"history": "i1"}, "history", "list of item ids"),
        ({"history": iter(["i1"])}, "history", "list of item ids"),
        ({"history": [1]}, "history", "is text"),
        ({"history": ["\ud800"]}, "history", "Unicode"),
        ({"k": 0}, "k", "1 or more"),
        ({"k": 1.5}, "k", "whole number"),
        ({"timestamp": datetime.datetime(2001, 1, 1)}, "timestamp", "time zone"),
        ({"timestamp": "now"}, "timestamp", "seconds"),
        ({"timestamp": 2**70}, "timestamp", "."),
    ],
)
def test_the_wrong_field_is_named(client: Client, arguments: Any, field: str, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        client.recommend(**arguments)
    assert caught.value.field == field
    assert caught.value.code == "INVALID_ARGUMENT"


def test_what_goes_with_the_history_has_its_length(client: Client) -> None:
    with pytest.raises(RequestError, match="item by item") as caught:
        client.encode_query(["i1", "i2"], fields={"history_ratings": [3.0]})
    assert caught.value.field == "history_ratings"


def test_other_refusals(client: Client) -> None:
    with pytest.raises(RequestError, match="candidates"):
        client.score([])
    with pytest.raises(RequestError, match="1 request or more"):
        client.recommend_many([])
    with pytest.raises(RequestError, match="'age'.*go into fields"):
        client.recommend_many([{"age": "24"}])
    with pytest.raises(RequestError, match="no signature 'nothing'"):
        client.predict({}, signature="nothing")
    with pytest.raises(RequestError, match="missing: {history}") as caught:
        client.predict({"candidates": [["i1"]]}, signature="score")
    assert caught.value.field == "history"
    with pytest.raises(RequestError, match="rows of one length"):
        client.predict({"candidates": [["i1"], []], "history": [[]]}, signature="score")


def test_an_old_artifact_is_cut_by_the_client(old_client: Client) -> None:
    assert old_client.recommend(history=["i0"], k=2).item_ids == ["i1", "i2"]
    assert old_client.recommend().item_ids == ["i0", "i1", "i2", "i3"]
    assert old_client.recommend(exclude=[], prompt="").item_ids[0] == "i0"


@pytest.mark.parametrize("arguments", [{"exclude": ["i1"]}, {"prompt": "night"}])
def test_an_old_artifact_cannot_be_told_everything(old_client: Client, arguments: Any) -> None:
    with pytest.raises(RequestError, match="takes no.*Export it again") as caught:
        old_client.recommend(**arguments)
    assert caught.value.field == next(iter(arguments))
    with pytest.raises(RequestError, match="no signature 'score'"):
        old_client.score(["i1"])


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_another_model_version_or_label(shop_server: LocalServer, protocol: str) -> None:
    where = address(shop_server, protocol)
    for options in ({"model": "other"}, {"model": "shop", "version": 7}):
        with Client(where, timeout_s=30, **options) as client, pytest.raises(ModelNotFoundError):
            client.recommend()
    with Client(where, "shop", version=1, timeout_s=30) as client:
        assert client.recommend(k=1).item_ids == ["i0"]
    with Client(where, "shop", version_label="none", timeout_s=30) as client:
        with pytest.raises(RequestError, match="label"):
            client.recommend()


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_addresses_that_cannot_be(kind: Any) -> None:
    for place in ("", "http://", "https://"):
        with pytest.raises(ConfigError, match="localhost:8500"):
            kind(place, "m")
    with pytest.raises(ConfigError, match="https"):
        kind("http://localhost:8501", "m", tls=Tls())


def test_arguments_that_cannot_be() -> None:
    for options in ({"model": ""}, {"model": "a", "version": 1, "version_label": "b"},
                    {"model": "a", "timeout_s": 0}):  # fmt: skip
        with pytest.raises(ConfigError):
            Client("localhost:1", **options)


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_async(shop_server: LocalServer, protocol: str) -> None:
    async def ask() -> None:
        async with AsyncClient(address(shop_server, protocol), "shop", timeout_s=60) as client:
            found = await asyncio.gather(
                *(client.recommend(history=ALL[:count], k=1) for count in range(6))
            )
            assert [each.item_ids for each in found] == [[item] for item in ALL[:6]]
            assert await client.score(["i3"]) == [3.0]
            assert (await client.encode_query(["i1"])).tolist() == [0.0, 1.0]
            assert (await client.encode_item("ab")).tolist() == [2.0, 0.0]
            assert (await client.metadata()).version == 1
            assert (await client.status())[0].state == "AVAILABLE"
            with pytest.raises(RequestError) as caught:
                await client.recommend(fields={"agee": "1"})
            assert caught.value.field == "agee"

    asyncio.run(ask())


def test_a_new_version_with_other_inputs_is_learnt_again(tmp_path: Path) -> None:
    base = tmp_path / "shop"
    models.save_recommends(base / "1", old=True)
    with LocalServer(base, ServerConfig(**FREE, poll_seconds=3600)) as server:
        for protocol in ("grpc", "rest"):
            client = Client(address(server, protocol), "shop", timeout_s=60)
            if protocol == "grpc":
                assert len(client.recommend()) == 4
                models.save_recommends(base / "2")
                server.poll()
            assert len(client.recommend(exclude=["i0"])) == 7
            client.close()


def test_rest_needs_no_tensorflow(shop_server: LocalServer) -> None:
    code = (
        "import sys, tfprompt as tp\n"
        f"with tp.serving.Client({address(shop_server, 'rest')!r}, model='shop') as client:\n"
        "    print(client.recommend(k=1, timeout_s=60).item_ids)\n"
        "print([n for n in ('tensorflow', 'grpc', 'google.protobuf') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(Path(tfprompt.__file__).parents[1]), "PATH": ""},
    )  # fmt: skip
    assert done.stdout.splitlines() == ["['i0']", "[]"]


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_threads_share_a_client(shop_server: LocalServer, protocol: str) -> None:
    with (
        Client(address(shop_server, protocol), "shop", timeout_s=60) as client,
        ThreadPoolExecutor(6) as pool,
    ):
        found = list(pool.map(lambda n: client.recommend(history=ALL[: n % 7], k=1), range(42)))
        assert [each.item_ids for each in found] == [[ALL[n % 7]] for n in range(42)]
    # Closed, it opens a new connection when it is asked again.
    assert client.recommend(k=1).item_ids == ["i0"]
    client.close()


def test_both_clients_take_the_same() -> None:
    names = {name for name in vars(Client) if not name.startswith("_")}
    assert names == {name for name in vars(AsyncClient) if not name.startswith("_")}
    for name in (*names, "__init__"):
        one, other = (inspect.signature(getattr(kind, name)) for kind in (Client, AsyncClient))
        assert one == other, name
