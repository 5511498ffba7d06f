"""Calls are tried again for the right reasons only, and end in time."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from tensorflow_serving.apis import get_model_status_pb2

from tfprompt.errors import (
    ConfigError,
    DeadlineError,
    ModelNotFoundError,
    RequestError,
    ServingError,
    UnavailableError,
)
from tfprompt.serving import AsyncClient, Client, RetryPolicy, codes
from tfprompt.serving.client.deadline import Deadline
from tfprompt.serving.client.retry import Attempts

FAST = RetryPolicy(attempts=4, first_wait_s=0.001, longest_wait_s=0.002)


class Failing:
    """A gRPC and a REST server of GetModelStatus which fail `times` times with `code`."""

    def __init__(self) -> None:
        self.code, self.times, self.calls = "UNAVAILABLE", 0, 0
        self.hold = threading.Event()
        self.hold.set()
        self._grpc = grpc.server(futures.ThreadPoolExecutor(4))
        handler = grpc.unary_unary_rpc_method_handler(self._answer)
        self._grpc.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    "tensorflow.serving.ModelService", {"GetModelStatus": handler}
                ),
            )
        )
        self.grpc_address = f"127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._grpc.start()
        failing = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                failing.hold.wait(30)
                failing.calls += 1
                status = {"version": "1", "state": "AVAILABLE",
                          "status": {"error_code": "OK", "error_message": ""}}  # fmt: skip
                body = json.dumps({"model_version_status": [status]}).encode()
                code = 200
                if failing.calls <= failing.times:
                    code, body = codes.http_status(failing.code), b'{"error": "not now"}'
                with contextlib.suppress(OSError):  # a client that gave up
                    self.send_response(code)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.rest_address = f"http://127.0.0.1:{self._rest.server_address[1]}"
        threading.Thread(target=self._rest.serve_forever, daemon=True).start()

    def _answer(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        self.hold.wait(30)
        self.calls += 1
        if self.calls <= self.times:
            context.abort(getattr(grpc.StatusCode, self.code), "not now")
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=1, state=30)
        return response.SerializeToString()

    def fail(self, code: str, times: int) -> None:
        self.code, self.times, self.calls = code, times, 0

    def stop(self) -> None:
        self.hold.set()
        self._grpc.stop(0).wait()
        self._rest.shutdown()
        self._rest.server_close()


@pytest.fixture(scope="module")
def failing() -> Iterator[Failing]:
    server = Failing()
    yield server
    server.stop()


@pytest.fixture(params=["grpc", "rest"])
def address(request: Any, failing: Failing) -> str:
    return str(getattr(failing, f"{request.param}_address"))


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_tried_again_until_it_answers(failing: Failing, address: str, code: str) -> None:
    failing.fail(code, 3)
    with Client(address, "m", retry=FAST, timeout_s=30) as client:
        assert client.status()[0].state == "AVAILABLE"
    assert failing.calls == 4


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_given_up_after_the_last_attempt(failing: Failing, address: str, code: str) -> None:
    failing.fail(code, 99)
    with Client(address, "m", retry=FAST, timeout_s=30) as client:
        with pytest.raises(UnavailableError, match="not now") as caught:
            client.status()
    assert failing.calls == 4 and caught.value.code == code


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", RequestError),
        ("NOT_FOUND", ModelNotFoundError),
        ("DEADLINE_EXCEEDED", DeadlineError),
        ("INTERNAL", ServingError),
        ("UNAUTHENTICATED", ServingError),
        ("PERMISSION_DENIED", ServingError),
        ("UNIMPLEMENTED", ServingError),
    ],
)
def test_final_at_once(failing: Failing, address: str, code: str, kind: Any) -> None:
    failing.fail(code, 99)
    with Client(address, "m", retry=FAST, timeout_s=30) as client:
        with pytest.raises(kind) as caught:
            client.status()
    assert failing.calls == 1 and caught.value.code == code
    assert type(caught.value) is kind


def test_async_is_tried_again_too(failing: Failing, address: str) -> None:
    async def ask() -> None:
        async with AsyncClient(address, "m", retry=FAST, timeout_s=30) as client:
            failing.fail("UNAVAILABLE", 2)
            assert (await client.status())[0].version == 1
            assert failing.calls == 3
            failing.fail("NOT_FOUND", 9)
            with pytest.raises(ModelNotFoundError):
                await client.status()
            assert failing.calls == 1

    asyncio.run(ask())


def test_a_silent_server_ends_in_time(failing: Failing, address: str) -> None:
    failing.fail("OK", 0)
    failing.hold.clear()

    async def ask() -> None:
        async with AsyncClient(address, "m", retry=FAST) as client:
            with pytest.raises(DeadlineError):
                await client.status(timeout_s=0.2)

    try:
        with Client(address, "m", retry=FAST, timeout_s=0.2) as client:
            began = time.monotonic()
            with pytest.raises(DeadlineError):
                client.status()
            # Far from the 30 s that the server holds; slow machines need some room.
            assert 0.15 < time.monotonic() - began < 10
        asyncio.run(ask())
    finally:
        failing.hold.set()


def test_many_attempts_end_in_time_too(failing: Failing, address: str) -> None:
    failing.fail("UNAVAILABLE", 10**6)
    patient = RetryPolicy(attempts=10**6, first_wait_s=0.01, longest_wait_s=0.02)
    with Client(address, "m", retry=patient, timeout_s=0.5) as client:
        began = time.monotonic()
        with pytest.raises((UnavailableError, DeadlineError)):
            client.status()
    assert failing.calls > 1
    assert 0.3 < time.monotonic() - began < 10  # slow machines need some room


def test_nobody_there() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for place in (f"127.0.0.1:{port}", f"http://127.0.0.1:{port}"):
        with Client(place, "m", retry=FAST, timeout_s=30) as client:
            with pytest.raises(UnavailableError, match=str(port)):
                client.recommend()


def test_waits_stay_within_the_budget() -> None:
    slow = RetryPolicy(attempts=50, first_wait_s=60, longest_wait_s=60)
    attempts = Attempts(slow, Deadline(0.05))
    attempts.begin()
    error = UnavailableError("away")
    with pytest.raises(UnavailableError) as caught:
        for _ in range(40):  # a wait drawn from 0 to 60 s fits into 0.05 s by rare chance
            time.sleep(attempts.wait_s(error))
            attempts.begin()
    assert caught.value is error


def test_the_bounds_double() -> None:
    policy = RetryPolicy(attempts=9, first_wait_s=0.1, longest_wait_s=0.5)
    assert [policy.bound_s(n) for n in (1, 2, 3, 4)] == pytest.approx([0.1, 0.2, 0.4, 0.5])
    attempts = Attempts(policy, Deadline(60))
    waits = []
    for _ in range(8):
        attempts.begin()
        waits.append(attempts.wait_s(UnavailableError("away")))
    assert all(0 <= wait <= policy.bound_s(n + 1) for n, wait in enumerate(waits))
    assert len(set(waits)) == 8


def test_a_message_that_is_too_large_stays_so() -> None:
    attempts = Attempts(FAST, Deadline(60))
    attempts.begin()
    error = UnavailableError("Received message larger than max (9 vs. 4)", "RESOURCE_EXHAUSTED")
    with pytest.raises(UnavailableError):
        attempts.wait_s(error)


@pytest.mark.parametrize(
    "settings", [{"attempts": 0}, {"first_wait_s": -1}, {"first_wait_s": 3, "longest_wait_s": 2}]
)
def test_policies_that_cannot_be(settings: dict) -> None:
    with pytest.raises(ConfigError):
        RetryPolicy(**settings)
