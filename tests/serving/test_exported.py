"""A real model: exported, served, asked, and equal to the artifact called directly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests import toy
from tests.serving.conftest import FREE
from tfprompt.serving import Client, LocalServer, ServerConfig

REQUESTS: list[dict[str, Any]] = [
    {"history": ["i1", "i4"], "wish": "star wars", "fields": {"age": "24"}},
    {"history": [], "wish": "", "fields": {"occupation": "artist"}},
    {"history": ["nothing", "i2", "i3", "i5"], "fields": {}},
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, own_home: Path) -> Path:
    base = tmp_path_factory.mktemp("toy") / "toy"
    toy.retriever().export(str(base / "1"), k=5, check=False)
    return base


@pytest.fixture(scope="module")
def server(base: Path) -> Iterator[LocalServer]:
    with LocalServer(base, ServerConfig(**FREE, max_batch_size=4)) as server:
        yield server


@pytest.fixture(scope="module")
def artifact(base: Path) -> Any:
    return tf.saved_model.load(str(base / "1"))


def directly(artifact: Any, request: dict[str, Any], k: int) -> tuple[list[str], np.ndarray]:
    """The answer of the artifact itself, without any of the server's code."""
    signature = artifact.signatures["serving_default"]
    history = request["history"]
    given = {
        "history": tf.constant([history], tf.string, shape=[1, len(history)]),
        "wish": tf.constant([request.get("wish", "")]),
        "age": tf.constant([request["fields"].get("age", "")]),
        "occupation": tf.constant([request["fields"].get("occupation", "")]),
        "k": tf.constant([k]),
        "exclude": tf.constant([[""]]),
        "prompt": tf.constant([""]),
    }
    names = signature.structured_input_signature[1]
    outputs = signature(**{name: given[name] for name in names})
    ids = outputs["item_ids"].numpy()[0, :k]
    return [item.decode() for item in ids if item], outputs["scores"].numpy()[0, :k]


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_served_equals_called(server: LocalServer, artifact: Any, protocol: str) -> None:
    place = (
        f"http://127.0.0.1:{server.rest_port}"
        if protocol == "rest"
        else f"127.0.0.1:{server.grpc_port}"
    )
    with Client(place, "toy", timeout_s=120) as client:
        alone = [client.recommend(**request, k=4) for request in REQUESTS]
        together = client.recommend_many([{**request, "k": 4} for request in REQUESTS])
    for request, one, several in zip(REQUESTS, alone, together, strict=True):
        ids, scores = directly(artifact, request, 4)
        assert one.item_ids == ids and several.item_ids == ids
        # The client puts a "" before the history, which is one position more of padding, and a
        # batch has other shapes: the same sums in another order.
        for found in (one, several):
            np.testing.assert_allclose([item.score for item in found], scores, rtol=0, atol=2e-6)
