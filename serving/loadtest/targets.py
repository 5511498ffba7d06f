"""TensorFlow Serving over gRPC and over REST."""

from __future__ import annotations

import http.client
import ipaddress
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from loadtest.inputs import rest_body
from loadtest.measures import OK
from tfprompt.errors import ConfigError

HTTP = "http://"
REST_CONNECTIONS = 256


def model_spec(
    model: str, signature: str = "", label: str | None = None, version: int | None = None
) -> model_pb2.ModelSpec:
    """Which model, signature and version a request asks for."""
    spec = model_pb2.ModelSpec(name=model, signature_name=signature)
    if label:
        spec.version_label = label
    elif version is not None:
        spec.version.value = version
    return spec


def connect(
    target: str, spec: model_pb2.ModelSpec, *, timeout_s: float, allow_remote: bool = False
) -> GrpcTarget | RestTarget:
    """A target for `host:port` (gRPC) or `http://host:port` (REST), see `host_and_port`."""
    address = host_and_port(target, allow_remote=allow_remote)
    kind = RestTarget if target.startswith(HTTP) else GrpcTarget
    return kind(address, spec, timeout_s)


def host_and_port(target: str, *, allow_remote: bool = False) -> tuple[str, int]:
    """Parts of `host:port` or `http://host:port`.

    Raises:
        ConfigError: no port, or a host that is not this machine without `allow_remote`.

    Example:
        >>> host_and_port("http://127.0.0.1:8501")
        ('127.0.0.1', 8501)
    """
    host, colon, port = target.removeprefix(HTTP).rstrip("/").rpartition(":")
    if not colon or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ConfigError(
            f"A target is host:port for gRPC, or http://host:port. Received: {target!r}."
        )
    host = host.strip("[]")
    if not allow_remote and not _is_loopback(host):
        raise ConfigError(
            f"Load goes to this machine unless told otherwise. Received: {target!r}. Add "
            "--allow-remote if that server is yours to load."
        )
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class GrpcTarget:
    """One channel for all requests.

    Args:
        address: host and port.
        spec: model, and a version or label.
        timeout_s: after which a request fails with `DEADLINE_EXCEEDED`.
    """

    def __init__(
        self, address: tuple[str, int], spec: model_pb2.ModelSpec, timeout_s: float
    ) -> None:
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        self._channel = grpc.insecure_channel(f"{host}:{address[1]}")
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._spec, self._timeout_s = spec, timeout_s

    def send(self, request: predict_pb2.PredictRequest, done: Callable[[str], None]) -> None:
        """Sends without waiting; `done` gets the code."""
        future = self._stub.Predict.future(request, timeout=self._timeout_s)
        future.add_done_callback(lambda answer: done(answer.code().name))

    def call(self, request: predict_pb2.PredictRequest) -> str:
        """Sends, waits, and returns the code."""
        try:
            self._stub.Predict(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            return error.code().name
        return OK

    def signatures(self) -> get_model_metadata_pb2.SignatureDefMap:
        """The model's signatures by name."""
        question = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._spec, metadata_field=["signature_def"]
        )
        try:
            answer = self._stub.GetModelMetadata(question, timeout=self._timeout_s)
        except grpc.RpcError as error:
            raise ConfigError(
                f"The model must be served. Received: {error.code().name}, {error.details()}"
            ) from None
        found = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        return found

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()


class RestTarget:
    """A connection a thread, at most 256 of them; a request that waits for one waits for real.

    Args:
        address: host and port.
        spec: model, and a version or label.
        timeout_s: after which a request fails with `TIMEOUT`.
    """

    def __init__(
        self, address: tuple[str, int], spec: model_pb2.ModelSpec, timeout_s: float
    ) -> None:
        self._address, self._timeout_s = address, timeout_s
        self._path = f"/v1/models/{spec.name}"
        if spec.version_label:
            self._path += f"/labels/{spec.version_label}"
        elif spec.HasField("version"):
            self._path += f"/versions/{spec.version.value}"
        self._threads = ThreadPoolExecutor(REST_CONNECTIONS)
        self._own = threading.local()

    def send(self, request: predict_pb2.PredictRequest, done: Callable[[str], None]) -> None:
        """Sends without waiting; `done` gets the code."""
        self._threads.submit(lambda: done(self.call(request)))

    def call(self, request: predict_pb2.PredictRequest) -> str:
        """Sends, waits, and returns the code."""
        try:
            status, _ = self._ask("POST", f"{self._path}:predict", rest_body(request))
        except TimeoutError:
            return "TIMEOUT"
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        return OK if status == 200 else f"HTTP_{status}"

    def signatures(self) -> get_model_metadata_pb2.SignatureDefMap:
        """The model's signatures by name."""
        try:
            status, body = self._ask("GET", f"{self._path}/metadata", None)
        except (OSError, http.client.HTTPException) as error:
            raise ConfigError(f"The model must be served. Received: {error!r}") from None
        if status != 200:
            raise ConfigError(
                f"The model must be served. Received: HTTP {status}, {body[:200].decode()}"
            )
        shown: dict[str, Any] = json.loads(body)["metadata"]["signature_def"]
        shown.pop("@type", None)
        return json_format.ParseDict(shown, get_model_metadata_pb2.SignatureDefMap())

    def close(self) -> None:
        """Waits for what is under way."""
        self._threads.shutdown()

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(*self._address, timeout=self._timeout_s)
            self._own.connection = connection
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._own.connection = None
            raise
