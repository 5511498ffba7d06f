"""Versions come and go, and nobody who asks notices."""

from __future__ import annotations

import shutil
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving import models
from tests.serving.conftest import FREE, until
from tests.serving.test_grpc import predict_request
from tfprompt.errors import ConfigError, ExportError, ModelNotFoundError, ServingError
from tfprompt.serving import Client, LocalServer, RetryPolicy, ServerConfig
from tfprompt.serving.local.servable import Servable
from tfprompt.serving.local.versions import VersionManager
from tfprompt.serving.local.warmup import FILE, MAX_RECORDS, warm_up


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Versions 1 to 4, each of which adds its number."""
    shelf = tmp_path_factory.mktemp("shelf")
    for version in range(1, 5):
        models.save_adds(shelf / str(version), float(version))
    return shelf


def publish(source: Path, base: Path, version: int) -> None:
    """As an export does: written beside, and renamed when whole."""
    shutil.copytree(source, base / f"{version}.tmp")
    (base / f"{version}.tmp").rename(base / str(version))


@pytest.fixture
def base(shelf: Path, tmp_path: Path) -> Path:
    (tmp_path / "adds").mkdir()
    publish(shelf / "1", tmp_path / "adds", 1)
    return tmp_path / "adds"


@pytest.fixture
def manager(base: Path) -> VersionManager:
    return VersionManager("adds", base, Servable.load)


def states(manager: VersionManager) -> dict[int, str]:
    return {status.version: status.state for status in manager.statuses()}


@pytest.mark.parametrize("max_batch_size", [0, 4])
def test_a_roll_over_loses_no_request(base: Path, shelf: Path, max_batch_size: int) -> None:
    never = RetryPolicy(attempts=1)
    config = ServerConfig(**FREE, poll_seconds=0.02, max_batch_size=max_batch_size)
    with LocalServer(base, config) as server:
        places = [f"127.0.0.1:{server.grpc_port}", f"http://127.0.0.1:{server.rest_port}"] * 2
        seen: list[list[float]] = [[] for _ in places]
        failures: list[Exception] = []
        over = threading.Event()

        def ask(place: str, answers: list[float]) -> None:
            with Client(place, "adds", retry=never, timeout_s=60) as client:
                while not over.is_set():
                    try:
                        answers.append(float(client.predict({"x": [0.0]})["y"][0]))
                    except ServingError as error:
                        failures.append(error)

        threads = [
            threading.Thread(target=ask, args=pair) for pair in zip(places, seen, strict=True)
        ]
        for thread in threads:
            thread.start()
        for version in range(2, 5):
            until(lambda: all(answers for answers in seen))
            publish(shelf / str(version), base, version)
            until(lambda v=version: all(answers[-1] == v for answers in seen))  # type: ignore[misc]
        over.set()
        for thread in threads:
            thread.join(60)
        assert failures == []
        for answers in seen:
            # Each version was seen, and nobody was sent back to an older one.
            assert answers == sorted(answers) and set(answers) == {1.0, 2.0, 3.0, 4.0}
        assert [s.version for s in server.core.versions.statuses() if s.state == "AVAILABLE"] == [4]


def test_an_old_version_stays_until_its_requests_are_done(
    manager: VersionManager, base: Path, shelf: Path
) -> None:
    manager.poll()
    publish(shelf / "2", base, 2)
    with manager.acquire() as old:
        manager.poll()
        assert states(manager) == {1: "UNLOADING", 2: "AVAILABLE"}
        with manager.acquire() as new:
            assert (old.version, new.version) == (1, 2)
        with pytest.raises(ModelNotFoundError), manager.acquire(1):
            pass
        x = np.array([1.0], np.float32)
        assert old.run("serving_default", {"x": x})["y"].tolist() == [2.0]
    assert states(manager) == {1: "END", 2: "AVAILABLE"}


def test_a_version_that_is_gone_frees_its_memory(
    manager: VersionManager, base: Path, shelf: Path
) -> None:
    manager.poll()
    with manager.acquire() as servable:
        remembered = weakref.ref(servable), weakref.ref(servable._functions["echo"])
    del servable
    publish(shelf / "2", base, 2)
    for _ in range(3):  # the second look collects what the first one dropped
        manager.poll()
    assert [each() for each in remembered] == [None, None]


def test_what_is_no_version_is_passed_over(manager: VersionManager, base: Path) -> None:
    for name in ("7.tmp", "latest", "-3", "1e2", "²", ".8", "9" * 30):
        shutil.copytree(base / "1", base / name)
    (base / "5").mkdir()  # half written: no saved_model.pb yet
    (base / "6").write_text("a file")
    manager.poll()
    assert states(manager) == {1: "AVAILABLE"}


def test_leading_zeros_are_numbers(manager: VersionManager, base: Path) -> None:
    (base / "1").rename(base / "00000123")
    manager.poll()
    assert states(manager) == {123: "AVAILABLE"}


@pytest.mark.parametrize("broken", ["graph", "variables", "warm-up"])
def test_a_broken_version_changes_nothing_until_it_is_mended(
    manager: VersionManager, base: Path, shelf: Path, broken: str
) -> None:
    tries: list[int] = []

    def load(directory: Path, version: int) -> Servable:
        tries.append(version)
        servable = Servable.load(directory, version)
        warm_up(servable, directory)
        return servable

    manager = VersionManager("adds", base, load)
    manager.poll()
    publish(shelf / "2", base, 2)
    damage: dict[str, Callable[[], object]] = {
        "graph": lambda: (base / "2" / "saved_model.pb").write_bytes(b"\xff\x00 no graph"),
        "variables": lambda: shutil.rmtree(base / "2" / "variables"),
        "warm-up": lambda: write_warm_up(base / "2", [predict_log(x=["text"])]),
    }
    damage[broken]()
    for _ in range(3):
        manager.poll()
    assert tries == [1, 2]  # not again and again
    assert states(manager) == {1: "AVAILABLE", 2: "END"}
    failed = manager.statuses()[0]
    assert failed.code != "OK" and failed.message
    with manager.acquire() as servable:
        assert servable.version == 1
    shutil.rmtree(base / "2")
    publish(shelf / "2", base, 2)
    manager.poll()
    assert states(manager) == {1: "END", 2: "AVAILABLE"}


def test_deleting_the_newest_goes_back(manager: VersionManager, base: Path, shelf: Path) -> None:
    publish(shelf / "2", base, 2)
    manager.poll()
    assert manager.available() == [2]
    shutil.rmtree(base / "2")
    manager.poll()
    assert manager.available() == [1]
    shutil.rmtree(base)
    manager.poll()
    assert manager.available() == [1]  # better than nothing


def test_several_versions_and_labels(base: Path, shelf: Path) -> None:
    for version in (2, 3):
        publish(shelf / str(version), base, version)
    labels = {"stable": 2, "canary": 3, "gone": 1}
    manager = VersionManager("adds", base, Servable.load, keep=2, labels=labels)
    manager.poll()
    assert manager.available() == [2, 3]
    for label in ("stable", "canary"):
        with manager.acquire(label=label) as servable:
            assert servable.version == labels[label]
    with pytest.raises(ModelNotFoundError), manager.acquire(label="gone"):
        pass


def predict_log(signature: str = "", **inputs: object) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request("adds", signature, **inputs))
    return log.SerializeToString()


def write_warm_up(version: Path, records: list[bytes]) -> None:
    (version / FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(version / FILE)) as writer:
        for record in records:
            writer.write(record)


def test_warm_up_requests_run(base: Path) -> None:
    servable = Servable.load(base / "1", 1)
    assert warm_up(servable, base / "1") == 0
    write_warm_up(base / "1", [predict_log(x=[1.0]), predict_log("echo", t=[["a"]])])
    assert warm_up(servable, base / "1") == 2


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([b"\xff\xff no log"], "record 0"),
        ([predict_log(x=[1.0]), b""], "record 1"),
        ([predict_log("nothing", x=[1.0])], "nothing"),
        ([predict_log("picky", x=[-1.0])], "below 0"),
        ([predict_log(x=[1.0])] * (MAX_RECORDS + 1), "At most 1000"),
    ],
)  # fmt: skip
def test_a_bad_warm_up_record_fails_the_load(base: Path, records: list[bytes], words: str) -> None:
    write_warm_up(base / "1", records)
    with pytest.raises((ExportError, ServingError), match=words):
        warm_up(Servable.load(base / "1", 1), base / "1")


def test_a_torn_warm_up_file(base: Path) -> None:
    write_warm_up(base / "1", [predict_log(x=[1.0])] * 2)
    whole = (base / "1" / FILE).read_bytes()
    (base / "1" / FILE).write_bytes(whole[:-7])
    with pytest.raises(ExportError, match="record 1"):
        warm_up(Servable.load(base / "1", 1), base / "1")


def test_a_start_that_cannot_be(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no directory"):
        LocalServer(tmp_path / "nothing", ServerConfig(**FREE))
    with pytest.raises(ExportError, match="itself a version.*adds"):
        LocalServer(base / "1", ServerConfig(**FREE))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ExportError, match="whole numbers.*--wait"):
        LocalServer(empty, ServerConfig(**FREE)).start()
    (empty / "1").mkdir()
    (empty / "1" / "saved_model.pb").write_bytes(b"nothing")
    with pytest.raises(ExportError, match="No version in .*empty loads.*version 1:"):
        LocalServer(empty, ServerConfig(**FREE)).start()
    with LocalServer(base, ServerConfig(**FREE)) as server:
        for taken in ({"grpc_port": server.grpc_port, "rest_port": 0},
                      {"rest_port": server.rest_port, "grpc_port": 0}):  # fmt: skip
            with pytest.raises(ConfigError, match="another port"):
                LocalServer(base, ServerConfig(**taken))


@pytest.mark.parametrize(
    "settings",
    [{"grpc_port": -1}, {"rest_port": 65536}, {"grpc_port": 8501}, {"poll_seconds": 0},
     {"batch_timeout_ms": -1}, {"keep": 0}, {"max_batch_size": -1}, {"name": "a/b"}],
)  # fmt: skip
def test_settings_that_cannot_be(settings: dict) -> None:
    with pytest.raises(ConfigError):
        ServerConfig(**settings)


def test_waiting_for_the_first_version(shelf: Path, tmp_path: Path) -> None:
    server = LocalServer(tmp_path, ServerConfig(**FREE, name="adds", poll_seconds=0.02))
    server.start(wait=True)
    with Client(f"127.0.0.1:{server.grpc_port}", "adds", timeout_s=60) as client:
        with pytest.raises(ModelNotFoundError):
            client.status()
        publish(shelf / "1", tmp_path, 1)
        until(lambda: server.core.versions.available() == [1])
        assert client.predict({"x": [1.0]})["y"].tolist() == [2.0]
    assert server.stop()
