"""Whatever comes in, the answer blames who sent it, and the server stays as it is."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx2
import numpy as np
import pytest

from tests.serving.process import Process
from tests.serving.test_grpc import predict_request

BODIES = 1000
# The bodies below are small; memory may still grow by arenas that the allocators keep.
GROWTH_BYTES = 96 * 1024 * 1024
GRPC_ALLOWED = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "UNIMPLEMENTED"}


@pytest.fixture(scope="module")
def process(kinds: Path) -> Iterator[Process]:
    with Process(kinds, "--max-batch-size", 4, "--batch-timeout-ms", 0.1) as process:
        yield process


def mutated(rng: random.Random, body: bytes) -> bytes:
    """Bits turned, pieces cut out, doubled, moved or replaced."""
    found = bytearray(body)
    for _ in range(rng.choice([1, 1, 2, 5])):
        if not found:
            break
        start = rng.randrange(len(found))
        end = min(len(found), start + rng.choice([1, 2, 8, 64]))
        kind = rng.randrange(5)
        if kind == 0:
            found[start] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del found[start:end]
        elif kind == 2:
            found[start:start] = found[start:end]
        elif kind == 3:
            found[start:end] = rng.randbytes(end - start)
        else:
            found = found[:start]
    return bytes(found)


def valid_message(rng: random.Random) -> bytes:
    rows = rng.randrange(4)
    numbers = np.array([rng.choice([0.0, np.nan, np.inf, 1e38]) for _ in range(rows)], np.float32)
    return predict_request(
        "kinds",
        words=np.full((rows, rng.randrange(3)), b"w\xff", object),
        number=numbers,
        whole=np.arange(rows),
        flag=np.ones(rows, bool),
        pair=np.ones((rows, 2)),
    ).SerializeToString()


def test_grpc(process: Process) -> None:
    rng = random.Random(0)
    codes: Counter[str] = Counter()
    before = 0
    methods = ["PredictionService/Predict"] * 8 + [
        "PredictionService/GetModelMetadata", "ModelService/GetModelStatus",
    ]  # fmt: skip
    with grpc.insecure_channel(process.grpc_address) as channel:
        for number in range(BODIES):
            if number == BODIES // 5:
                before = process.memory_bytes()
            body = valid_message(rng)
            body = rng.randbytes(rng.randrange(300)) if number % 5 == 0 else mutated(rng, body)
            call = channel.unary_unary(f"/tensorflow.serving.{rng.choice(methods)}")
            try:
                call(body, timeout=60)
                codes["OK"] += 1
            except grpc.RpcError as error:
                codes[error.code().name] += 1
                assert error.code().name in GRPC_ALLOWED, (error, body)
    assert process.alive
    assert process.memory_bytes() - before < GROWTH_BYTES
    # The bodies are neither all right nor all nonsense.
    assert codes["OK"] > 10 and codes["INVALID_ARGUMENT"] > 300, codes


def valid_document(rng: random.Random) -> dict[str, Any]:
    row = {"words": ["a", "ü"], "number": 1.5, "whole": 3, "flag": True, "pair": [1, 2]}
    if rng.random() < 0.5:
        return {"instances": [row] * rng.randrange(1, 3)}
    return {"inputs": {name: [value] for name, value in row.items()}}


def odd_value(rng: random.Random) -> Any:
    return rng.choice(
        [None, True, -1, 2**64, 1e308, float("nan"), "", "\u0000", "\ud800", [], [[]], [[[[]]]],
         {}, {"b64": "x"}, {"b64": "AA=="}, {"b64": 3}, "x" * 1000, [1] * 100, {"a": {"b": []}},
         json.loads("[" * 200 + "]" * 200)]
    )  # fmt: skip


def replaced(rng: random.Random, value: Any) -> Any:
    """A document with one of its values replaced."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        name = rng.choice(list(value))
        found = dict(value)
        found[name if rng.random() < 0.9 else "other"] = replaced(rng, value[name])
        return found
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        return [*value[:place], replaced(rng, value[place]), *value[place + 1 :]]
    return odd_value(rng)


def test_rest(process: Process) -> None:
    rng = random.Random(0)
    codes: Counter[int] = Counter()
    before = 0
    with httpx2.Client(base_url=process.rest_address, trust_env=False, timeout=60) as http:
        for number in range(BODIES):
            if number == BODIES // 5:
                before = process.memory_bytes()
            document = valid_document(rng)
            if number % 5 == 0:
                body = rng.randbytes(rng.randrange(300))
            elif number % 5 < 3:
                body = json.dumps(replaced(rng, document)).encode()
            else:
                body = mutated(rng, json.dumps(document, ensure_ascii=False).encode())
            response = http.post("/v1/models/kinds:predict", content=body)
            codes[response.status_code] += 1
            assert response.status_code in (200, 400), (response.text, body)
            assert response.status_code == 200 or list(response.json()) == ["error"]
    assert process.alive
    assert process.memory_bytes() - before < GROWTH_BYTES
    assert codes[200] > 10 and codes[400] > 300, codes


def test_rest_addresses(process: Process) -> None:
    rng = random.Random(0)
    paths = ["/v1/models/kinds:predict", "/v1/models/kinds/versions/1/metadata", "/metrics"]
    letters = "abcmodels/:.%-_~0123456789é"
    with httpx2.Client(base_url=process.rest_address, trust_env=False, timeout=60) as http:
        for _ in range(200):
            path = list(rng.choice(paths))
            for _ in range(rng.randrange(1, 4)):
                path[rng.randrange(1, len(path))] = rng.choice(letters)
            method = rng.choice(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
            response = http.request(method, "".join(path).replace("%", "%25"))
            assert response.status_code < 500 or response.status_code == 501
    assert process.alive
