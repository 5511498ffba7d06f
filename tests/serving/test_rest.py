"""The REST API against its documented formats, over real sockets."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import tensorflow as tf

from tests.serving.conftest import FREE
from tfprompt.serving import LocalServer, ServerConfig

INSTANCE = {"words": ["a", "b"], "number": 1.5, "whole": -3, "flag": True, "pair": [1, 2.5]}


@pytest.fixture(scope="module")
def kinds_http(kinds_server: LocalServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{kinds_server.rest_port}", trust_env=False, timeout=60
    ) as http:
        yield http


@pytest.fixture(scope="module")
def http(adds_server: LocalServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{adds_server.rest_port}", trust_env=False, timeout=60
    ) as http:
        yield http


def post(http: httpx2.Client, body: Any, path: str = "/v1/models/adds:predict") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.post(path, content=content)


def answer(http: httpx2.Client, body: Any, path: str = "/v1/models/adds:predict") -> Any:
    response = post(http, body, path)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()


def refused(response: Any, status: int, *words: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    message = response.json()
    assert list(message) == ["error"]
    for word in words:
        assert word in message["error"], message


# The examples of the documentation, with a model that adds 1.


def test_row_format_of_scalars(http: httpx2.Client) -> None:
    assert answer(http, {"instances": [1.0, 2.0, 5.0]}) == {"predictions": [2.0, 3.0, 6.0]}


def test_column_format_of_one_input(http: httpx2.Client) -> None:
    assert answer(http, {"inputs": [1, 2e0]}) == {"outputs": [2.0, 3.0]}
    assert answer(http, {"inputs": {"x": [1, 2]}}) == {"outputs": [2.0, 3.0]}


def test_row_format_of_one_named_input(http: httpx2.Client) -> None:
    assert answer(http, {"instances": [{"x": 1}, {"x": 2}]}) == {"predictions": [2.0, 3.0]}


def test_text_and_bytes(http: httpx2.Client) -> None:
    encoded = {"b64": base64.b64encode("zwölf".encode()).decode()}
    body = {"signature_name": "echo", "instances": [["é", encoded], ["", "\u0000"]]}
    assert answer(http, body) == {"predictions": [["é", "zwölf"], ["", "\u0000"]]}
    body = {"signature_name": "echo", "instances": [["a"], ["b"]]}
    assert answer(http, body) == {"predictions": [["a"], ["b"]]}
    empty = {"signature_name": "echo", "inputs": [[], []]}
    assert answer(http, empty) == {"outputs": [[], []]}


def test_tokens_that_are_no_json(http: httpx2.Client) -> None:
    response = post(http, b'{"instances": [NaN, Infinity, -Infinity]}')
    assert response.text == '{"predictions": [NaN, Infinity, -Infinity]}'


def test_row_format_of_several_inputs(kinds_http: httpx2.Client) -> None:
    path = "/v1/models/kinds:predict"
    other = {"words": ["", "ü"], "number": 0.1, "whole": 2**62, "flag": False, "pair": [-1e300, 0]}
    found = answer(kinds_http, {"instances": [INSTANCE, other]}, path)["predictions"]
    assert found == [
        {"joined": "a|b", "joined_bytes": {"b64": "YXxi"}, "number": 3.0, "whole": -2,
         "flag": False, "pair": [2.5, 1.0]},
        # 0.1 in 32 bits times 2, told by its shortest decimal.
        {"joined": "|ü", "joined_bytes": {"b64": base64.b64encode("|ü".encode()).decode()},
         "number": 0.2, "whole": 2**62 + 1, "flag": True, "pair": [0.0, -1e300]},
    ]  # fmt: skip


def test_column_format_of_several_inputs(kinds_http: httpx2.Client) -> None:
    columns = {name: [value] for name, value in INSTANCE.items()}
    found = answer(kinds_http, {"inputs": columns}, "/v1/models/kinds/versions/1:predict")
    assert found == {
        "outputs": {"joined": ["a|b"], "joined_bytes": [{"b64": "YXxi"}], "number": [3.0],
                    "whole": [-2], "flag": [False], "pair": [[2.5, 1.0]]}
    }  # fmt: skip


def test_answers_equal_the_model_bit_by_bit(kinds_http: httpx2.Client, kinds: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = np.concatenate(
        [rng.standard_normal(200) * 10.0 ** rng.integers(-30, 30, 200), [0.0, -0.0]]
    ).astype(np.float32)
    count = len(numbers)
    pairs = rng.standard_normal((count, 2))
    signature = tf.saved_model.load(str(kinds / "1")).signatures["serving_default"]
    wanted = signature(
        words=tf.fill([count, 2], "w"),
        number=tf.constant(numbers),
        whole=tf.range(count, dtype=tf.int64),
        flag=tf.fill([count], True),
        pair=tf.constant(pairs),
    )
    columns: dict[str, list[Any]] = {
        "words": [["w", "w"]] * count,
        "number": [float(n) for n in numbers],
        "whole": list(range(count)),
        "flag": [True] * count,
        "pair": pairs.tolist(),
    }
    rows = [{name: values[place] for name, values in columns.items()} for place in range(count)]
    path = "/v1/models/kinds:predict"
    by_column = answer(kinds_http, {"inputs": columns}, path)["outputs"]
    by_row = answer(kinds_http, {"instances": rows}, path)["predictions"]
    for name in ("number", "whole", "flag", "pair"):
        expected = wanted[name].numpy()
        for found in (by_column[name], [row[name] for row in by_row]):
            np.testing.assert_array_equal(np.array(found, expected.dtype), expected)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Parse error"),
        (b"{", "Parse error"),
        (b"[1]", "object"),
        (b'"x"', "object"),
        (b"{} {}", "Parse error"),
        (b'{"inputs": [1], }', "Parse error"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"inputs": "\xff"}', "UTF-8"),
        (b'{"inputs": ' + b"[" * 100_000, "deep"),
        (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deep"),
        (b'{"inputs": ' + b"[" * 20 + b"1" + b"]" * 20 + b"}", "deep"),
        (b'{"inputs": [' + b"1" * 10_000 + b"]}", "Parse error"),
        (b'{"inputs": [' + b"1" * 400 + b"]}", "too large"),
        (b'{"inputs": [1e39]}', "past"),
        ({}, "neither"),
        ({"inputs": [1], "instances": [1]}, "both"),
        ({"instances": []}, "1 instance or more"),
        ({"instances": {"x": 1}}, "list"),
        ({"instances": [1, {"x": 1}]}, "Instance 1"),
        ({"instances": [{"x": 1}, 1]}, "instance 1"),
        ({"instances": [{"x": 1}, {"z": 1}]}, "instance 1"),
        ({"instances": [{"z": 1}]}, "unknown: {z}"),
        ({"inputs": {"z": [1]}}, "missing: {x}"),
        ({"instances": [[1], [2, 3]]}, "one length"),
        ({"instances": [[1], 2]}, "one length"),
        ({"instances": [1, [2]]}, "one length"),
        ({"instances": [[1.0]]}, "float32 [?]"),
        ({"inputs": 1.0}, "float32 [?]"),
        ({"instances": ["1"]}, '"1"'),
        ({"instances": [None]}, "null"),
        ({"instances": [True]}, "true"),
        ({"instances": [{"b64": "AA=="}]}, "float32"),
        ({"signature_name": "echo", "instances": [["\ud800"]]}, "UTF-8"),
        ({"signature_name": "echo", "instances": [[{"b64": "%"}]]}, "base64"),
        ({"signature_name": "echo", "instances": [[{"b64": 1}]]}, "string"),
        ({"signature_name": "echo", "instances": [[1]]}, "string"),
        # The model answers bytes that are no text.
        ({"signature_name": "echo", "instances": [[{"b64": "/w=="}]]}, "UTF-8"),
        ({"signature_name": "nothing", "instances": [1]}, "serving_default"),
        ({"signature_name": 5, "instances": [1]}, "string"),
        ({"signature_name": "total", "instances": [1]}, "row format"),
        ({"signature_name": "picky", "instances": [-1]}, "x is below 0"),
        ({"instances": [0.5] * 1025}, "1024 rows"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_a_400(http: httpx2.Client, body: Any, words: str) -> None:
    refused(post(http, body), 400, words)


@pytest.mark.parametrize("value", [1.0, 2**63, True, "1", -(2**63) - 1])
def test_whole_numbers_are_whole(kinds_http: httpx2.Client, value: Any) -> None:
    body = {"instances": [{**INSTANCE, "whole": value}]}
    refused(post(kinds_http, body, "/v1/models/kinds:predict"), 400, "int64")


def test_a_fixed_dimension_is_fixed(kinds_http: httpx2.Client) -> None:
    body = {"instances": [{**INSTANCE, "pair": [1.0]}]}
    refused(post(kinds_http, body, "/v1/models/kinds:predict"), 400, "pair", "[1, 1]")


def test_an_unknown_name_in_column_format_is_passed_over(http: httpx2.Client) -> None:
    assert answer(http, {"inputs": {"x": [1], "z": [5]}}) == {"outputs": [2.0]}


def test_one_number_for_a_batch_comes_by_column_only(http: httpx2.Client) -> None:
    assert answer(http, {"signature_name": "total", "inputs": [1, 2]}) == {"outputs": 3.0}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/half:predict", 404),
        ("POST", "/v1/models/adds/versions/9:predict", 404),
        ("POST", "/v1/models/adds/versions/99999999999999999999:predict", 400),
        ("POST", "/v1/models/adds/labels/stable:predict", 400),
        ("POST", "/v1/models/adds:foo", 400),
        ("POST", "/v1/models/adds", 400),
        ("POST", "/v1/models/adds:classify", 501),
        ("GET", "/v1/models/adds:predict", 400),
        ("PUT", "/v1/models/adds:predict", 400),
        ("GET", "/v1/models/half", 404),
        ("GET", "/v1/models/adds/versions/9", 404),
        ("GET", "/v1/models/adds/versions/9/metadata", 404),
        ("GET", "/v1/models/half/metadata", 404),
        ("GET", "/v1/models", 400),
        ("GET", "/elsewhere", 404),
        ("POST", "/healthz", 405),
    ],
)
def test_a_wrong_address(http: httpx2.Client, method: str, path: str, status: int) -> None:
    body = b'{"instances": [1]}' if method != "GET" else None
    refused(http.request(method, path, content=body), status)


def test_status_and_metadata(http: httpx2.Client) -> None:
    wanted = {
        "model_version_status": [
            {"version": "1", "state": "AVAILABLE",
             "status": {"error_code": "OK", "error_message": ""}}
        ]
    }  # fmt: skip
    assert http.get("/v1/models/adds").json() == wanted
    assert http.get("/v1/Models/adds/Versions/1").json() == wanted
    found = http.get("/v1/models/adds/metadata").json()
    assert found["model_spec"] == {"name": "adds", "signature_name": "", "version": "1"}
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert signature["inputs"]["x"]["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}], "unknown_rank": False
    }  # fmt: skip
    assert signature["method_name"] == "tensorflow/serving/predict"


def test_health_and_metrics(http: httpx2.Client) -> None:
    assert http.get("/healthz").text == "ok\n" and http.get("/readyz").text == "ready\n"
    answer(http, {"instances": [1.0]})
    page = http.get("/metrics").text
    labels = '{code="OK",method="predict",model="adds",protocol="rest"}'
    counted = f"tfprompt_serving_requests_total{labels}"
    line = next(line for line in page.splitlines() if line.startswith(counted))
    assert float(line.rsplit(" ", 1)[1]) >= 1
    assert 'tfprompt_serving_version_state{model="adds",state="AVAILABLE",version="1"} 1.0' in page
    assert "tfprompt_serving_latency_seconds_bucket" in page


def test_a_page_from_elsewhere_cannot_call(http: httpx2.Client) -> None:
    for host in ("evil.example", "evil.example:8501", "[::2]:80", ""):
        refused(http.get("/v1/models/adds", headers={"Host": host}), 403, "localhost")
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8501"):
        assert http.get("/v1/models/adds", headers={"Host": host}).status_code == 200


def test_pages_and_labels(adds: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>hello</p>")
    config = ServerConfig(**FREE, name="other", pages=tmp_path, labels={"stable": 1, "next": 2})
    with LocalServer(adds, config) as server:
        start = f"http://127.0.0.1:{server.rest_port}"
        with httpx2.Client(base_url=start, trust_env=False, timeout=60) as http:
            assert http.get("/").text == "<p>hello</p>"
            assert http.get("/../conftest.py").status_code == 404
            assert http.get("/v1/models/other/labels/stable").status_code == 200
            path = "/v1/models/other/labels/{}:predict"
            assert answer(http, {"inputs": [1]}, path.format("stable")) == {"outputs": [2.0]}
            refused(post(http, {"inputs": [1]}, path.format("next")), 404)
            refused(http.get("/v1/models/other/labels/next"), 404)


def test_nan_is_told_and_finite_stays_finite(kinds_http: httpx2.Client) -> None:
    rows = [{**INSTANCE, "number": math.nan}, {**INSTANCE, "number": 3.4e38}]
    found = answer(kinds_http, {"instances": rows}, "/v1/models/kinds:predict")["predictions"]
    assert math.isnan(found[0]["number"]) and found[1]["number"] == math.inf
