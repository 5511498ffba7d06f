"""Servers on free ports of the loopback interface, one a session and model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving import models, page
from tfprompt.serving import LocalServer, ServerConfig

FREE = {"grpc_port": 0, "rest_port": 0}


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Waits for a condition, and fails when it does not come."""
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends, "waited too long"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("kinds") / "kinds"
    models.save_kinds(base / "1")
    return base


@pytest.fixture(scope="session")
def adds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("adds") / "adds"
    models.save_adds(base / "1", 1.0)
    return base


@pytest.fixture(scope="session")
def recommends(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("recommends") / "shop"
    models.save_recommends(base / "1")
    return base


@pytest.fixture(scope="session")
def kinds_server(kinds: Path) -> Iterator[LocalServer]:
    with LocalServer(kinds, ServerConfig(**FREE)) as server:
        yield server


@pytest.fixture(scope="session")
def adds_server(adds: Path) -> Iterator[LocalServer]:
    with LocalServer(adds, ServerConfig(**FREE)) as server:
        yield server


@pytest.fixture(scope="session")
def shop_server(recommends: Path) -> Iterator[LocalServer]:
    with LocalServer(recommends, ServerConfig(**FREE)) as server:
        yield server


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory, own_home: Path) -> page.Shown:
    return page.export(tmp_path_factory.mktemp("page") / "films")
