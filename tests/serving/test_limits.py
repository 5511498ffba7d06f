"""What is too much is refused at once, and nothing else suffers from it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx2
import numpy as np
import pytest

from tests.serving.conftest import FREE, until
from tests.serving.test_grpc import predict, predict_request, refused
from tfprompt.errors import ConfigError, UnavailableError
from tfprompt.serving import Client, Limits, LocalServer, RetryPolicy, ServerConfig
from tfprompt.serving.limits import InFlight


@pytest.fixture(scope="module")
def small(adds: Path) -> Iterator[LocalServer]:
    limits = Limits(max_message_bytes=20_000, max_batch_rows=4, max_elements=100, max_in_flight=2)
    with LocalServer(adds, ServerConfig(**FREE, limits=limits)) as server:
        yield server


@pytest.fixture
def channel(small: LocalServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{small.grpc_port}") as channel:
        yield channel


@pytest.fixture
def http(small: LocalServer) -> Iterator[httpx2.Client]:
    url = f"http://127.0.0.1:{small.rest_port}"
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as http:
        yield http


def test_too_many_at_a_time(small: LocalServer, channel: grpc.Channel, http: httpx2.Client) -> None:
    never = RetryPolicy(attempts=1)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(small.core.in_flight.request())
        refused(
            lambda: predict(channel, predict_request(x=[1.0])),
            grpc.StatusCode.RESOURCE_EXHAUSTED, "--max-in-flight",
        )  # fmt: skip
        response = http.post("/v1/models/adds:predict", content=b'{"instances": [1]}')
        assert response.status_code == 429 and "--max-in-flight" in response.json()["error"]
        # What tells about the server still answers.
        for path in ("/v1/models/adds", "/healthz", "/readyz", "/v1/models/adds/metadata"):
            assert http.get(path).status_code == 200
        assert "tfprompt_serving_in_flight 2.0" in http.get("/metrics").text
        for place in (f"127.0.0.1:{small.grpc_port}", f"http://127.0.0.1:{small.rest_port}"):
            with Client(place, "adds", retry=never, timeout_s=60) as client:
                with pytest.raises(UnavailableError) as caught:
                    client.predict({"x": [1.0]})
                assert caught.value.code == "RESOURCE_EXHAUSTED"
    assert predict(channel, predict_request(x=[1.0])).outputs["y"].float_val == [2.0]


def test_a_client_waits_for_a_place(small: LocalServer) -> None:
    patient = RetryPolicy(attempts=1000, first_wait_s=0.01, longest_wait_s=0.02)
    held = contextlib.ExitStack()
    for _ in range(2):
        held.enter_context(small.core.in_flight.request())
    with Client(f"127.0.0.1:{small.grpc_port}", "adds", retry=patient, timeout_s=60) as client:
        client.metadata()
        answers: list[float] = []
        thread = threading.Thread(
            target=lambda: answers.append(client.predict({"x": [1.0]})["y"].item())
        )
        thread.start()
        code = 'code="RESOURCE_EXHAUSTED",method="predict",model="adds",protocol="grpc"'
        until(lambda: code in small.core.metrics.page().decode())
        held.close()
        thread.join(60)
    assert answers == [2.0]


def test_messages_that_are_too_large(channel: grpc.Channel, http: httpx2.Client) -> None:
    body = b'{"instances": ["' + b"x" * 20_000 + b'"]}'
    request = predict_request(x=np.zeros(6000, np.float32))
    refused(lambda: predict(channel, request), grpc.StatusCode.RESOURCE_EXHAUSTED)
    for content in (body, iter([body[:5000]] * 8)):  # with a length, and in pieces without one
        response = http.post("/v1/models/adds:predict", content=content)
        assert response.status_code == 413 and "20000" in response.json()["error"]


def test_rows_and_elements(channel: grpc.Channel, http: httpx2.Client) -> None:
    code = grpc.StatusCode.INVALID_ARGUMENT
    refused(lambda: predict(channel, predict_request(x=[0.5] * 5)), code, "4 rows")
    refused(lambda: predict(channel, predict_request(x=[0.5] * 101)), code, "100 values")
    response = http.post("/v1/models/adds:predict", json={"instances": [0.5] * 5})
    assert response.status_code == 400 and "4 rows" in response.json()["error"]
    response = http.post("/v1/models/adds:predict", json={"instances": [0.5] * 101})
    assert response.status_code == 400


def test_the_end(adds: Path) -> None:
    server = LocalServer(adds, ServerConfig(**FREE))
    server.start()
    held = server.core.in_flight.request()
    held.__enter__()
    ended: list[bool] = []
    stopping = threading.Thread(target=lambda: ended.append(server.stop(60)))
    stopping.start()
    until(lambda: server.core.in_flight.closed)
    url = f"http://127.0.0.1:{server.rest_port}"
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as http:
        assert http.get("/readyz").status_code == 503
        response = http.post("/v1/models/adds:predict", json={"instances": [1]})
        assert response.status_code == 503 and "stopping" in response.json()["error"]
    held.__exit__(None, None, None)
    stopping.join(60)
    assert ended == [True]


def test_the_end_is_bounded(adds: Path) -> None:
    server = LocalServer(adds, ServerConfig(**FREE))
    server.start()
    with server.core.in_flight.request():
        assert server.stop(0.05) is False


def test_counting() -> None:
    places = InFlight(1)
    with places.request():
        assert places.count == 1
        with pytest.raises(UnavailableError) as caught, places.request():
            pass
        assert caught.value.code == "RESOURCE_EXHAUSTED"
    with pytest.raises(KeyError), places.request():
        raise KeyError
    assert places.count == 0 and places.wait(0.0)
    places.close()
    with pytest.raises(UnavailableError) as caught, places.request():
        pass
    assert caught.value.code == "UNAVAILABLE"
    with pytest.raises(ConfigError):
        Limits(max_in_flight=0)
