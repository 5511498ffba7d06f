"""TLS in front: a real nginx with the repository's configuration."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.operate.conftest import SERVING
from tests.operate.prediction_server import PredictionServer
from tests.operate.rest_server import RestServer

TEXT = (SERVING / "nginx.conf").read_text("utf-8")


class Proxy(http.client.HTTPSConnection):
    """HTTPS over the socket file that nginx listens on."""

    def __init__(self, path: Path, certificate: Path) -> None:
        self.trusted = ssl.create_default_context(cafile=str(certificate))
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self) -> None:
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(20)
        plain.connect(str(self.path))
        self.sock = self.trusted.wrap_socket(plain, server_hostname="localhost")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the test's own."""
    openssl = shutil.which("openssl")
    if not shutil.which("nginx") or not openssl:
        pytest.skip("nginx and openssl are not installed")
    made = tmp_path_factory.mktemp("nginx")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
               "subjectAltName=DNS:localhost", "-keyout", str(made / "tls.key"), "-out",
               str(made / "tls.crt")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def rest() -> Iterator[RestServer]:
    with RestServer() as running:
        yield running


@pytest.fixture(scope="module")
def served() -> Iterator[PredictionServer]:
    with PredictionServer() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(folder: Path, rest: RestServer, served: PredictionServer) -> Iterator[Proxy]:
    """nginx with its ports turned into socket files and the servers into those of the test."""
    nginx = shutil.which("nginx")
    assert nginx
    text = TEXT.replace("listen 8443 ssl;", f"listen unix:{folder}/rest.sock ssl;")
    text = text.replace("listen 8444 ssl http2;", f"listen unix:{folder}/grpc.sock ssl http2;")
    text = text.replace("tensorflow-serving:8501", f"127.0.0.1:{rest.port}")
    text = text.replace("tensorflow-serving:8500", served.address)
    text = text.replace("/etc/nginx/certificates", str(folder))
    text = text.replace("/tmp/nginx.pid", f"{folder}/nginx.pid")
    temporary = "".join(
        f"  {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", f"http {{\n{temporary}", 1)
    text = text.replace("worker_processes auto", "daemon off; worker_processes 1")
    (folder / "nginx.conf").write_text(text)
    command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        # nginx opens its sockets before it writes its process number.
        for _ in range(2000):
            if (folder / "nginx.pid").exists() or process.poll() is not None:
                break
            try:
                process.wait(0.01)
            except subprocess.TimeoutExpired:
                pass
        assert process.poll() is None, (folder / "log").read_text()
        yield Proxy(folder / "rest.sock", folder / "tls.crt")
    finally:
        process.terminate()
        process.wait(20)


def ask(proxy: Proxy, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    proxy.close()
    proxy.request(method, path, body or None, {"Content-Type": "application/json"})
    answer = proxy.getresponse()
    return answer.status, answer.read()


def test_predictions_and_metadata_pass(proxy: Proxy, rest: RestServer) -> None:
    for path in ("/v1/models/demo", "/v1/models/demo/labels/stable", "/v1/models/demo/versions/12"):
        assert ask(proxy, "GET", f"{path}/metadata")[0] == 200
    row = {"history": [""], "exclude": [""], "wish": "Amélie", "occupation": "", "age": 1.5,
           "timestamp": 5, "prompt": "", "k": 2}  # fmt: skip
    status, answer = ask(
        proxy, "POST", "/v1/models/demo:predict", json.dumps({"instances": [row]}).encode()
    )
    assert status == 200 and json.loads(answer)["predictions"][0]["item_ids"][0] == "i1"
    assert rest.bodies[-1]["instances"] == [row]


def test_an_error_reaches_the_caller(proxy: Proxy) -> None:
    status, answer = ask(proxy, "POST", "/v1/models/demo:predict", b'{"instances": [{}]}')
    assert status == 400 and "keys must be equal" in json.loads(answer)["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/models",
        "/v1/models/demo/metadata/x",
        "/v1/models/a/b:predict",
        "/monitoring/prometheus/metrics",
        "/v1/models/demo/../../monitoring/prometheus/metrics",
    ],
)
def test_nothing_else_passes(proxy: Proxy, rest: RestServer, path: str) -> None:
    asked = len(rest.paths)
    assert ask(proxy, "GET", path)[0] == 404
    assert len(rest.paths) == asked


def test_a_large_body_is_refused(proxy: Proxy, rest: RestServer) -> None:
    asked = len(rest.paths)
    assert ask(proxy, "POST", "/v1/models/demo:predict", b" " * (2 << 20))[0] == 413
    assert len(rest.paths) == asked


def test_old_tls_is_refused(proxy: Proxy, folder: Path) -> None:
    old = Proxy(proxy.path, folder / "tls.crt")
    old.trusted.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.trusted.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        ask(old, "GET", "/v1/models/demo/metadata")


def test_grpc_passes_and_new_configurations_do_not(
    proxy: Proxy, folder: Path, served: PredictionServer
) -> None:
    trusted = grpc.ssl_channel_credentials((folder / "tls.crt").read_bytes())
    options = [("grpc.ssl_target_name_override", "localhost")]
    with grpc.secure_channel(f"unix:{folder}/grpc.sock", trusted, options) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "demo"
        answer = stub.Predict(request, timeout=20)
        assert answer.model_spec.name == "demo" and len(served.requests) == 1
        change = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        with pytest.raises(grpc.RpcError) as refused:
            change(model_management_pb2.ReloadConfigRequest(), timeout=20)
        # What gRPC makes of nginx's 404; the server behind knows no ModelService at all.
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert "404" in refused.value.details()


def test_the_example_runs_on_ports_that_compose_opens() -> None:
    compose = (SERVING / "compose.yaml").read_text("utf-8")
    for port in (8443, 8444):
        assert f"listen {port} ssl" in TEXT and f'"127.0.0.1:{port}:{port}"' in compose
    # What changes the server or reads its memory is not reachable over gRPC.
    assert "/tensorflow.serving.PredictionService/" in TEXT
    assert "ModelService/" not in TEXT and "ProfilerService" not in TEXT
