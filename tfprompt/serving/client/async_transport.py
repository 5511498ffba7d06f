"""How an asynchronous client reaches a server: over gRPC or REST."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tfprompt._extras import need
from tfprompt.errors import DeadlineError
from tfprompt.serving.client import grpc_messages, rest_messages
from tfprompt.serving.client.answers import ModelMetadata, Outputs
from tfprompt.serving.client.tls import Tls
from tfprompt.serving.client.transport import is_rest, rest_failure
from tfprompt.serving.signature import Signature
from tfprompt.serving.target import Target
from tfprompt.serving.version_status import VersionStatus


class AsyncTransport(Protocol):
    """One attempt at a time; every method raises errors of the tree."""

    async def predict(
        self, signature: Signature, inputs: Mapping[str, np.ndarray], timeout_s: float
    ) -> Outputs:
        """Runs a signature."""

    async def metadata(self, timeout_s: float) -> ModelMetadata:
        """Asks for the signatures."""

    async def status(self, timeout_s: float) -> list[VersionStatus]:
        """Asks for the versions."""

    async def close(self) -> None:
        """Ends the connections."""


def open_async_transport(address: str, target: Target, tls: Tls | None) -> AsyncTransport:
    """The transport for an address; belongs to the event loop that is running."""
    kind = AsyncRestTransport if is_rest(address) else AsyncGrpcTransport
    return kind(address, target, tls)


class AsyncGrpcTransport:
    """Calls over one gRPC channel."""

    def __init__(self, address: str, target: Target, tls: Tls | None) -> None:
        need("serving", "grpc")
        import grpc
        import grpc.aio
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        self._address, self._target, self._failure = address, target, grpc.RpcError
        self._channel = grpc_messages.open_channel(grpc.aio, address, tls)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    async def _call(self, method: Any, request: Any, timeout_s: float) -> Any:
        try:
            return await method(request, timeout=timeout_s)
        except self._failure as error:
            raise grpc_messages.read_error(error, self._address) from error

    async def predict(
        self, signature: Signature, inputs: Mapping[str, np.ndarray], timeout_s: float
    ) -> Outputs:
        """Runs a signature."""
        request = grpc_messages.predict_request(self._target, signature.name, inputs)
        return grpc_messages.read_predict(await self._call(self._stub.Predict, request, timeout_s))

    async def metadata(self, timeout_s: float) -> ModelMetadata:
        """Asks for the signatures."""
        request = grpc_messages.metadata_request(self._target)
        return grpc_messages.read_metadata(
            await self._call(self._stub.GetModelMetadata, request, timeout_s)
        )

    async def status(self, timeout_s: float) -> list[VersionStatus]:
        """Asks for the versions."""
        request = grpc_messages.status_request(self._target)
        return grpc_messages.read_status(
            await self._call(self._models.GetModelStatus, request, timeout_s)
        )

    async def close(self) -> None:
        """Ends the connection."""
        await self._channel.close()


class AsyncRestTransport:
    """Calls over a pool of HTTP connections."""

    def __init__(self, address: str, target: Target, tls: Tls | None) -> None:
        need("serving", "httpx2")
        import httpx2

        self._address, self._path = address, rest_messages.model_path(target)
        self._package = httpx2
        verify = tls.context() if tls is not None else True
        # A model server is asked directly, whatever proxy the environment names.
        self._client = httpx2.AsyncClient(base_url=address, verify=verify, trust_env=False)

    async def _call(self, path: str, timeout_s: float, body: bytes | None = None) -> bytes:
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._client.request(
                    "GET" if body is None else "POST",
                    self._path + path,
                    content=body,
                    headers={"Content-Type": "application/json"},
                    timeout=timeout_s,
                )
        except TimeoutError as error:
            raise DeadlineError(f"{self._address}: no answer within {timeout_s:.3g} s.") from error
        except self._package.TransportError as error:
            raise rest_failure(self._package, error, self._address) from error
        if response.status_code >= 400:
            raise rest_messages.read_error(response.status_code, response.content, self._address)
        return response.content

    async def predict(
        self, signature: Signature, inputs: Mapping[str, np.ndarray], timeout_s: float
    ) -> Outputs:
        """Runs a signature."""
        body = rest_messages.predict_body(signature.name, inputs)
        return rest_messages.read_predict(await self._call(":predict", timeout_s, body), signature)

    async def metadata(self, timeout_s: float) -> ModelMetadata:
        """Asks for the signatures."""
        return rest_messages.read_metadata(await self._call("/metadata", timeout_s))

    async def status(self, timeout_s: float) -> list[VersionStatus]:
        """Asks for the versions."""
        return rest_messages.read_status(await self._call("", timeout_s))

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.aclose()
