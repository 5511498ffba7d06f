"""The load test against a server whose delay, stall and refusals are known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import load_test
import numpy as np
import pytest
import tensorflow as tf
from loadtest import inputs
from loadtest.inputs import rest_body
from loadtest.measures import Outcome, summary
from loadtest.targets import host_and_port
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from tests.operate.prediction_server import INPUTS, PredictionServer, signatures
from tests.operate.rest_server import RestServer
from tfprompt.errors import ConfigError

ROW = {"history": ["i3", "i4"], "wish": "Amélie", "age": 31.5, "k": 2}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps(ROW) + "\n\n" + json.dumps({"wish": "robots"}) + "\n", "utf-8")
    return path


def measure(server: PredictionServer, rows: Path, *arguments: str) -> dict[str, Any]:
    output = rows.parent / "result.json"
    command = ["--target", server.address, "--model", "demo", "--inputs", str(rows),
               "--output", str(output), *arguments]  # fmt: skip
    assert load_test.main(command) == 0
    return json.loads(output.read_text("utf-8"))


def test_a_stall_is_seen_by_all_who_would_have_waited(rows: Path) -> None:
    """300 requests in 3 s, of which a stall of 0.9 s holds up 90: 30 % wait up to 0.9 s."""
    with PredictionServer(delay_s=0.002, stall_at=101, stall_s=0.9) as server:
        result = measure(server, rows, "--rate", "100", "--seconds", "3", "--arrivals", "fixed",
                         "--unmeasured", "0")  # fmt: skip
    latency = result["steps"][0]["latency_ms"]
    assert result["steps"][0]["ok"] == 300
    # The waits fall evenly from 900 to 0 ms: the slowest tenth of all waits at least 600 ms, the
    # slowest hundredth 870 ms, one step of the schedule aside. A busy machine only adds to that,
    # so that the bounds above are wide. Half of the requests never met the stall.
    assert 590 <= latency["p90"] < 2000
    assert 860 <= latency["p99"] < 2500
    assert latency["p50"] < 400


def test_one_waiting_client_hardly_sees_the_same_stall(rows: Path) -> None:
    """The contrast: a client that waits for its answer sends nothing during the stall."""
    with PredictionServer(delay_s=0.002, stall_at=101, stall_s=0.9) as server:
        result = measure(server, rows, "--clients", "1", "--requests", "300", "--unmeasured", "0")
    latency = result["steps"][0]["latency_ms"]
    assert result["loop"] == "closed" and result["steps"][0]["ok"] == 300
    # Ninety requests of the schedule above waited; here it is one.
    assert latency["p99"] < 500 and latency["max"] >= 890


def test_what_is_lost_is_counted_by_code(rows: Path) -> None:
    with PredictionServer(fail_every=10) as server:
        result = measure(server, rows, "--rate", "400", "--requests", "200", "--unmeasured", "0")
    step = result["steps"][0]
    assert (step["requests"], step["ok"], step["lost"]) == (200, 180, 20)
    assert step["codes"] == {"OK": 180, "RESOURCE_EXHAUSTED": 20}


def test_rates_rise_until_one_is_not_held(rows: Path, server: PredictionServer) -> None:
    """A step with a timeout below the server's delay loses everything."""
    fine = measure(server, rows, "--rates", "40,20", "--seconds", "0.5", "--limit-ms", "2000",
                   "--plot", str(rows.parent / "load.png"))  # fmt: skip
    assert [step["offered_rate"] for step in fine["steps"]] == [20, 40]
    assert fine["highest_rate_held"] == 40
    assert (rows.parent / "load.png").read_bytes().startswith(b"\x89PNG")
    with PredictionServer(delay_s=0.2) as slow:
        missed = measure(slow, rows, "--rates", "20,40", "--seconds", "0.5", "--limit-ms", "100",
                         "--unmeasured", "0")  # fmt: skip
    assert len(missed["steps"]) == 1 and missed["highest_rate_held"] is None


def test_a_request_that_gets_no_answer_is_given_up(rows: Path) -> None:
    with PredictionServer(delay_s=3) as server:
        result = measure(server, rows, "--rate", "20", "--requests", "5", "--timeout-s", "0.3",
                         "--unmeasured", "0")  # fmt: skip
    assert result["steps"][0]["codes"] == {"DEADLINE_EXCEEDED": 5}
    assert result["steps"][0]["latency_ms"] is None


def test_clients_share_a_count(rows: Path, server: PredictionServer) -> None:
    picture = rows.parent / "load.png"
    result = measure(server, rows, "--clients", "4", "--requests", "50", "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert result["steps"][0]["ok"] == 50
    assert len(server.requests) == 60  # ten before that are not measured


def test_requests_hold_every_input_and_padding_comes_first(
    rows: Path, server: PredictionServer
) -> None:
    measure(server, rows, "--rate", "50", "--requests", "2", "--label", "stable",
            "--signature", "recommend", "--unmeasured", "0")  # fmt: skip
    with_row = next(r for r in server.requests if _values(r, "wish") == ["Amélie".encode()])
    spec = with_row.model_spec
    assert (spec.name, spec.version_label, spec.signature_name) == ("demo", "stable", "recommend")
    for request in server.requests:
        assert set(request.inputs) == set(INPUTS)
        for name, (dtype, rank) in INPUTS.items():
            array = tf.make_ndarray(request.inputs[name])
            assert request.inputs[name].dtype == dtype.as_datatype_enum
            assert array.ndim == rank and array.shape[0] == 1
    assert _values(with_row, "history") == [[b"", b"i3", b"i4"]]
    assert _values(with_row, "exclude") == [[b""]]
    assert _values(with_row, "k") == [2] and _values(with_row, "age") == [31.5]
    other = next(r for r in server.requests if r is not with_row)
    assert np.isnan(_values(other, "age")).all()


def _values(request: predict_pb2.PredictRequest, name: str) -> Any:
    return tf.make_ndarray(request.inputs[name]).tolist()


def test_the_example_of_requests_fits_any_model() -> None:
    example = Path(load_test.__file__).parent / "requests.example.jsonl"
    requests = inputs.from_json_lines(
        example, signatures().signature_def["recommend"].inputs, model_pb2.ModelSpec(name="demo")
    )
    assert len(requests) == 5 and all(set(r.inputs) == set(INPUTS) for r in requests)


def test_requests_come_from_a_warm_up_file(tmp_path: Path, server: PredictionServer) -> None:
    path = tmp_path / load_test.WARM_UP_FILE
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature, wish in (("recommend", "a"), ("encode_query", "b"), ("recommend", "c")):
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name, request.model_spec.signature_name = "old", signature
            request.inputs["wish"].CopyFrom(tf.make_tensor_proto([wish]))
            file.write(log.SerializeToString())
    measure(server, path, "--rate", "100", "--requests", "6", "--unmeasured", "0")
    assert {_values(r, "wish")[0] for r in server.requests} == {b"a", b"b", b"c"}
    assert {r.model_spec.name for r in server.requests} == {"demo"}
    server.requests.clear()
    measure(server, path, "--rate", "100", "--requests", "6", "--signature", "recommend")
    assert {_values(r, "wish")[0] for r in server.requests} == {b"a", b"c"}


def test_rest_gets_the_same_request_as_json() -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "recommend"
    request.inputs["history"].CopyFrom(tf.make_tensor_proto([["", "Amélie"]]))
    request.inputs["age"].CopyFrom(tf.make_tensor_proto([0.1, float("nan")], tf.float32))
    body = json.loads(rest_body(request))
    assert body["signature_name"] == "recommend"
    assert body["inputs"]["history"] == [["", "Amélie"]]
    assert np.float32(body["inputs"]["age"][0]) == np.float32(0.1)
    assert np.isnan(body["inputs"]["age"][1])


def test_rest_is_loaded_alike(rows: Path) -> None:
    with RestServer() as server:
        command = ["--target", server.address, "--model", "demo", "--inputs", str(rows), "--rate",
                   "50", "--requests", "20", "--output", str(rows.parent / "result.json"),
        ]  # fmt: skip
        assert load_test.main(command) == 0
        first = server.bodies[0]["inputs"]
    step = json.loads((rows.parent / "result.json").read_text("utf-8"))["steps"][0]
    assert step["codes"] == {"OK": 20}
    assert first["history"] == [["", "i3", "i4"]] and first["wish"] == ["Amélie"]
    with RestServer(silent=True) as silent:
        command[1] = silent.address
        assert load_test.main([*command, "--timeout-s", "0.3", "--unmeasured", "0"]) == 0
    step = json.loads((rows.parent / "result.json").read_text("utf-8"))["steps"][0]
    assert step["codes"] == {"TIMEOUT": 20}


def test_a_sender_that_is_late_itself_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A limit below what any machine can keep: the lateness is the sender's."""
    result = {"steps": [summary([Outcome(0.0, 0.030, 0.031, "OK")], rate=1)]}
    load_test.tell_lateness(result, limit_ms=100)
    assert "sent up to 30 ms late" in capsys.readouterr().err
    load_test.tell_lateness(result, limit_ms=200)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "http://127.9.9.9"])
def test_this_machine_is_loaded(host: str) -> None:
    assert host_and_port(f"{host}:8500")[1] == 8500


@pytest.mark.parametrize("target", ["192.0.2.1:8500", "http://example.org:80", "0.0.0.0:8500"])
def test_another_machine_only_when_told_so(target: str) -> None:
    with pytest.raises(ConfigError, match="--allow-remote"):
        host_and_port(target)
    assert host_and_port(target, allow_remote=True)


@pytest.mark.parametrize(
    ("arguments", "line", "said"),
    [
        (["--rate", "0"], "{}", "above 0"),
        (["--rate", "1", "--target", "127.0.0.1"], "{}", "host:port"),
        (["--rate", "1", "--timeout-s", "0"], "{}", "up to 600 seconds"),
        (["--clients", "5000"], "{}", "1 to 1024 clients"),
        (["--clients", "1", "--seconds", "0"], "{}", "1 to 1024 clients"),
        (["--clients", "1", "--requests", "0"], "{}", "1 to 1024 clients"),
        (["--rate", "1", "--unmeasured", "-1"], "{}", "before the measurement"),
        (["--rate", "1", "--model", "other"], "{}", "NOT_FOUND"),
        (["--rate", "1", "--signature", "rank"], "{}", "serving_default"),
        (["--rate", "1"], '{"genre": "x"}', "row 1.*genre"),
        (["--rate", "1"], '{"history": "i1"}', "row 1.*a list"),
        (["--rate", "1"], '{"age": "old"}', "row 1"),
        (["--rate", "1"], "[1]", "row 1.*JSON object"),
        (["--rate", "1"], "{", "row 1"),
        (["--rate", "1"], "", "at least one"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], line: str, said: str, tmp_path: Path, server: PredictionServer,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    rows = tmp_path / "requests.jsonl"
    rows.write_text(line)
    command = ["--target", server.address, "--model", "demo", "--inputs", str(rows), *arguments]
    assert load_test.main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("load_test: ") and error.count("\n") == 1
    assert re.search(said, error), error
    assert server.requests == []
