"""The client examples, each run as shown against a server that is strict about its inputs."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.operate.conftest import SERVING
from tests.operate.prediction_server import PredictionServer
from tests.operate.rest_server import RestServer

FOLDER = SERVING / "clients"
GIVEN = {"history": ["i3", "Amélie"], "occupation": "artist", "age": 31.5, "k": 2}
PRINTED = "i1\t0.9000\ni2\t0.5000\n"


def tool(name: str) -> str:
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed")
    return path


def run(command: list[str], timeout_s: str = "10", **environment: str) -> Any:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120,
        env={**os.environ, "TIMEOUT_S": timeout_s, "no_proxy": "127.0.0.1", **environment},
    )  # fmt: skip


@pytest.fixture
def rest() -> Iterator[RestServer]:
    with RestServer() as running:
        yield running


@pytest.fixture(scope="session")
def go_client(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Go example, compiled once."""
    go = tool("go")
    binary = tmp_path_factory.mktemp("go") / "recommend"
    environment = {"GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    checked = run([go, "vet", str(FOLDER / "recommend.go")], **environment)
    assert checked.returncode == 0, checked.stderr
    built = run([go, "build", "-o", str(binary), str(FOLDER / "recommend.go")], **environment)
    assert built.returncode == 0, built.stderr
    return str(binary)


@pytest.fixture(params=["javascript", "go"])
def client(request: pytest.FixtureRequest) -> list[str]:
    """The command of a client that reads the model's inputs over REST."""
    if request.param == "go":
        return [request.getfixturevalue("go_client")]
    return [tool("node"), str(FOLDER / "recommend.mjs")]


def test_curl_sends_every_input(rest: RestServer) -> None:
    tool("curl")
    columns = '"age": 31.5, "occupation": "artist", "timestamp": 1000000000'
    done = run([str(FOLDER / "recommend.sh"), rest.address, "demo", columns])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["predictions"][0]["item_ids"] == ["i1", "i2", ""]
    assert rest.paths == ["/v1/models/demo/labels/stable:predict"]
    (row,) = rest.bodies[0]["instances"]
    assert row["history"][0] == row["exclude"][0] == "" and row["age"] == 31.5


def test_curl_says_what_is_missing(rest: RestServer) -> None:
    tool("curl")
    done = run([str(FOLDER / "recommend.sh"), rest.address, "demo"])
    assert done.returncode == 1 and done.stdout == ""
    assert "HTTP 400" in done.stderr and "keys must be equal" in done.stderr


def test_curl_gives_up() -> None:
    tool("curl")
    with RestServer(silent=True) as server:
        done = run([str(FOLDER / "recommend.sh"), server.address, "demo"], timeout_s="0.3")
    assert done.returncode == 28  # curl's own code for a time-out
    assert "timed out" in done.stderr


def test_inputs_are_read_from_the_model_and_all_sent(client: list[str], rest: RestServer) -> None:
    done = run([*client, rest.address, "demo", json.dumps(GIVEN)])
    assert done.returncode == 0, done.stderr
    assert done.stdout == PRINTED  # the padding at the end is left out
    (row,) = rest.bodies[0]["instances"]
    assert rest.bodies[0]["signature_name"] == "recommend"
    assert row["history"] == ["", "i3", "Amélie"] and row["exclude"] == [""]
    assert (row["occupation"], row["age"], row["k"]) == ("artist", 31.5, 2)
    assert row["wish"] == row["prompt"] == "" and row["timestamp"] > 1_600_000_000


def test_a_number_that_is_not_given_is_nan(client: list[str], rest: RestServer) -> None:
    done = run([*client, rest.address, "demo", '{"wish": "\\"NaN\\""}'])
    assert done.returncode == 0, done.stderr
    (row,) = rest.bodies[0]["instances"]
    assert row["age"] != row["age"] and row["wish"] == '"NaN"'


@pytest.mark.parametrize(
    ("model", "given", "said"),
    [
        ("demo", '{"genre": "x"}', "no input genre"),
        ("demo", '{"k": "two"}', "HTTP 400.*int32"),
        ("other", "{}", "HTTP 404.*not found"),
        ("demo", "{", "recommend: "),
    ],
)
def test_errors_are_told(
    client: list[str], rest: RestServer, model: str, given: str, said: str
) -> None:
    done = run([*client, rest.address, model, given])
    assert done.returncode == 1 and done.stdout == ""
    assert re.search(said, done.stderr, flags=re.S), done.stderr
    assert "    at " not in done.stderr and "goroutine" not in done.stderr  # no stack


def test_a_silent_server_is_given_up(client: list[str]) -> None:
    with RestServer(silent=True) as server:
        done = run([*client, server.address, "demo", "{}"], timeout_s="0.5")
    assert done.returncode == 1 and re.search("timeout|Timeout", done.stderr), done.stderr


def test_no_server_is_told(client: list[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused
        done = run([*client, f"http://127.0.0.1:{free.getsockname()[1]}", "demo"])
    assert (
        done.returncode == 1 and "refused" in done.stderr.lower() or "ECONNREFUSED" in done.stderr
    )


def test_python_sends_every_input(server: PredictionServer) -> None:
    script = str(FOLDER / "recommend.py")
    code = (
        f"import runpy, sys; sys.argv = [{script!r}, *sys.argv[1:]]\n"
        f"try:\n    runpy.run_path({script!r}, run_name='__main__')\n"
        "finally:\n    assert 'tfprompt' not in sys.modules"
    )
    done = run([sys.executable, "-c", code, server.address, "demo", json.dumps(GIVEN)])
    assert done.returncode == 0, done.stderr
    assert done.stdout == PRINTED
    (request,) = server.requests
    spec = request.model_spec
    assert (spec.name, spec.version_label, spec.signature_name) == ("demo", "stable", "recommend")
    sent = {name: tf.make_ndarray(tensor).tolist() for name, tensor in request.inputs.items()}
    assert sent["history"] == [[b"", b"i3", "Amélie".encode()]] and sent["exclude"] == [[b""]]
    assert sent["occupation"] == [b"artist"] and sent["age"] == [31.5] and sent["k"] == [2]
    assert sent["wish"] == sent["prompt"] == [b""] and sent["timestamp"][0] > 1_600_000_000


@pytest.mark.parametrize(
    ("options", "given", "said"),
    [
        ({"fail_every": 1}, "{}", "recommend: RESOURCE_EXHAUSTED: full\n"),
        ({"delay_s": 5}, "{}", "recommend: DEADLINE_EXCEEDED: "),
        ({}, '{"genre": ""}', "recommend: the model has no input genre\n"),
        ({}, "{", "recommend: "),
    ],
)
def test_python_tells_errors(
    options: dict[str, Any], given: str, said: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("TIMEOUT_S", "0.5" if "delay_s" in options else "10")
    client = runpy.run_path(str(FOLDER / "recommend.py"))
    with PredictionServer(**options) as server:
        assert client["main"]([server.address, "demo", given]) == 1
    assert capsys.readouterr().err.startswith(said)


def test_every_example_is_in_the_readme() -> None:
    readme = (SERVING / "README.md").read_text("utf-8")
    for path in Path(FOLDER).iterdir():
        if path.suffix in (".sh", ".mjs", ".go", ".py"):
            assert f"clients/{path.name}" in readme
