"""How a client reaches a server: over gRPC or REST, here for blocking calls."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tfprompt._extras import need
from tfprompt.errors import ConfigError, DeadlineError, ServingError, UnavailableError
from tfprompt.serving.client import grpc_messages, rest_messages
from tfprompt.serving.client.answers import ModelMetadata, Outputs
from tfprompt.serving.client.tls import Tls
from tfprompt.serving.signature import Signature
from tfprompt.serving.target import Target
from tfprompt.serving.version_status import VersionStatus


class Transport(Protocol):
    """One attempt at a time; every method raises errors of the tree."""

    def predict(
        self, signature: Signature, inputs: Mapping[str, np.ndarray], timeout_s: float
    ) -> Outputs:
        """Runs a signature."""

    def metadata(self, timeout_s: float) -> ModelMetadata:
        """Asks for the signatures."""

    def status(self, timeout_s: float) -> list[VersionStatus]:
        """Asks for the versions."""

    def close(self) -> None:
        """Ends the connections."""


def is_rest(address: str) -> bool:
    """Whether an address is a URL; else it is host and port for gRPC."""
    return address.startswith(("http://", "https://"))


def check_address(address: str, tls: Tls | None) -> str:
    """The address, if it can be one.

    Raises:
        ConfigError: no address, or TLS for "http://", which would go unencrypted.
    """
    if not address or (is_rest(address) and not address.partition("://")[2]):
        raise ConfigError(
            'An address is "localhost:8500" for gRPC, or "http://localhost:8501" for REST. '
            f"Received: {address!r}."
        )
    if tls is not None and address.startswith("http://"):
        raise ConfigError(f'TLS needs an address that begins with "https://". Received: {address}.')
    return address


def open_transport(address: str, target: Target, tls: Tls | None) -> Transport:
    """The transport for an address."""
    kind = RestTransport if is_rest(address) else GrpcTransport
    return kind(address, target, tls)


class GrpcTransport:
    """Calls over one gRPC channel, which threads may share."""

    def __init__(self, address: str, target: Target, tls: Tls | None) -> None:
        need("serving", "grpc")
        import grpc
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        self._address, self._target, self._failure = address, target, grpc.RpcError
        self._channel = grpc_messages.open_channel(grpc, address, tls)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def _call(self, method: Any, request: Any, timeout_s: float) -> Any:
        try:
            return method(request, timeout=timeout_s)
        except self._failure as error:
            raise grpc_messages.read_error(error, self._address) from error

    def predict(
        self, signature: Signature, inputs: Mapping[str, np.ndarray], timeout_s: float
    ) -> Outputs:
        """Runs a signature."""
        request = grpc_messages.predict_request(self._target, signature.name, inputs)
        return grpc_messages.read_predict(self._call(self._stub.Predict, request, timeout_s))

    def metadata(self, timeout_s: float) -> ModelMetadata:
        """Asks for the signatures."""
        request = grpc_messages.metadata_request(self._target)
        return grpc_messages.read_metadata(
            self._call(self._stub.GetModelMetadata, request, timeout_s)
        )

    def status(self, timeout_s: float) -> list[VersionStatus]:
        """Asks for the versions."""
        request = grpc_messages.status_request(self._target)
        return grpc_messages.read_status(
            self._call(self._models.GetModelStatus, request, timeout_s)
        )

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()


class RestTransport:
    """Calls over a pool of HTTP connections, which threads may share."""

    def __init__(self, address: str, target: Target, tls: Tls | None) -> None:
        need("serving", "httpx2")
        import httpx2

        self._address, self._path = address, rest_messages.model_path(target)
        self._package = httpx2
        # A model server is asked directly, whatever proxy the environment names.
        verify = tls.context() if tls is not None else True
        self._client = httpx2.Client(base_url=address, verify=verify, trust_env=False)

    def _call(self, path: str, timeout_s: float, body: bytes | None = None) -> bytes:
        ends = time.monotonic() + timeout_s
        parts: list[bytes] = []
        try:
            with self._client.stream(
                "GET" if body is None else "POST",
                self._path + path,
                content=body,
                headers={"Content-Type": "application/json"},
                timeout=timeout_s,
            ) as response:
                # The library bounds each read; an answer in many pieces needs this one too.
                for part in response.iter_bytes():
                    parts.append(part)
                    if time.monotonic() > ends:
                        raise DeadlineError(f"{self._address}: no answer within {timeout_s:.3g} s.")
                status = response.status_code
        except self._package.TransportError as error:
            raise rest_failure(self._package, error, self._address) from error
        content = b"".join(parts)
        if status >= 400:
            raise rest_messages.read_error(status, content, self._address)
        return content

    def predict(
        self, signature: Signature, inputs: Mapping[str, np.ndarray], timeout_s: float
    ) -> Outputs:
        """Runs a signature."""
        body = rest_messages.predict_body(signature.name, inputs)
        return rest_messages.read_predict(self._call(":predict", timeout_s, body), signature)

    def metadata(self, timeout_s: float) -> ModelMetadata:
        """Asks for the signatures."""
        return rest_messages.read_metadata(self._call("/metadata", timeout_s))

    def status(self, timeout_s: float) -> list[VersionStatus]:
        """Asks for the versions."""
        return rest_messages.read_status(self._call("", timeout_s))

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()


def rest_failure(package: Any, error: Exception, address: str) -> ServingError:
    """The error of the tree for a connection that failed."""
    message = f"{address}: {type(error).__name__}: {error}"
    if isinstance(error, package.ConnectTimeout | package.PoolTimeout):
        return UnavailableError(message)
    if isinstance(error, package.TimeoutException):
        return DeadlineError(message)
    return UnavailableError(message)
