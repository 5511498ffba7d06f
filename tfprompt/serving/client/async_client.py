"""`Client` for asyncio."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from tfprompt.errors import RequestError, ServingError
from tfprompt.serving.client import plans
from tfprompt.serving.client.answers import ModelMetadata, Outputs, Recommendations
from tfprompt.serving.client.async_transport import AsyncTransport, open_async_transport
from tfprompt.serving.client.deadline import Deadline
from tfprompt.serving.client.requests import Request
from tfprompt.serving.client.retry import Attempts, RetryPolicy
from tfprompt.serving.client.tls import Tls
from tfprompt.serving.client.transport import check_address
from tfprompt.serving.version_status import VersionStatus

T = TypeVar("T")


class AsyncClient:
    """`Client` for asyncio: the same arguments, the same methods, to be awaited.

    It belongs to the event loop of its first call.

    Example:
        async with AsyncClient("localhost:8500", model="demo") as client:
            lists = await asyncio.gather(*(client.recommend(history=h) for h in histories))
    """

    def __init__(
        self,
        address: str,
        model: str,
        *,
        version: int | None = None,
        version_label: str = "",
        timeout_s: float = 5.0,
        retry: RetryPolicy | None = None,
        tls: Tls | None = None,
    ) -> None:
        self.address = check_address(address, tls)
        self.target = plans.target_of(model, version, version_label)
        self.timeout_s = Deadline(timeout_s).timeout_s
        self.retry = retry or RetryPolicy()
        self._tls = tls
        self._opened: AsyncTransport | None = None
        self._metadata: ModelMetadata | None = None

    async def recommend(
        self,
        history: Sequence[str] = (),
        *,
        wish: str = "",
        k: int | None = None,
        exclude: Sequence[str] = (),
        prompt: str = "",
        fields: Mapping[str, Any] | None = None,
        timestamp: int | float | datetime.datetime | None = None,
        timeout_s: float | None = None,
    ) -> Recommendations:
        """Lists items for one request; see `Request` for the arguments."""
        request = Request(history, wish, k, exclude, prompt, fields or {}, timestamp)
        return (await self.recommend_many([request], timeout_s=timeout_s))[0]

    async def recommend_many(
        self, requests: Sequence[Request | Mapping[str, Any]], *, timeout_s: float | None = None
    ) -> list[Recommendations]:
        """Lists items for a batch of requests, in one call to the server."""
        return await self._run(plans.recommend_plan(plans.as_requests(requests)), timeout_s)

    async def score(
        self,
        candidates: Sequence[str],
        history: Sequence[str] = (),
        *,
        wish: str = "",
        prompt: str = "",
        fields: Mapping[str, Any] | None = None,
        timestamp: int | float | datetime.datetime | None = None,
        timeout_s: float | None = None,
    ) -> list[float]:
        """Scores of candidates, in their order."""
        request = Request(history, wish, None, (), prompt, fields or {}, timestamp, candidates)
        return (await self.score_many([request], timeout_s=timeout_s))[0]

    async def score_many(
        self, requests: Sequence[Request | Mapping[str, Any]], *, timeout_s: float | None = None
    ) -> list[list[float]]:
        """Scores for a batch of requests, in one call to the server."""
        return await self._run(plans.score_plan(plans.as_requests(requests)), timeout_s)

    async def encode_query(
        self,
        history: Sequence[str] = (),
        *,
        wish: str = "",
        prompt: str = "",
        fields: Mapping[str, Any] | None = None,
        timestamp: int | float | datetime.datetime | None = None,
        timeout_s: float | None = None,
    ) -> np.ndarray:
        """The embedding `[W]` of a request."""
        request = Request(history, wish, None, (), prompt, fields or {}, timestamp)
        return (await self._run(plans.embedding_plan("encode_query", [request]), timeout_s))[0]

    async def encode_item(
        self,
        text: str = "",
        item_id: str = "",
        *,
        vectors: Mapping[str, Sequence[float]] | None = None,
        timeout_s: float | None = None,
    ) -> np.ndarray:
        """The embedding `[W]` of an item, known by its id or described by text and vectors."""
        request = Request(fields={"text": text, "item_id": item_id, **(vectors or {})})
        return (await self._run(plans.embedding_plan("encode_item", [request]), timeout_s))[0]

    async def predict(
        self,
        inputs: Mapping[str, Any],
        *,
        signature: str = "serving_default",
        timeout_s: float | None = None,
    ) -> Outputs:
        """Runs any signature on arrays or nested lists, as they are."""
        return await self._run(plans.raw_plan(signature, inputs), timeout_s)

    async def metadata(self, *, timeout_s: float | None = None) -> ModelMetadata:
        """Asks the server for the model's version and signatures."""
        return await self._learn(self._deadline(timeout_s))

    async def status(self, *, timeout_s: float | None = None) -> list[VersionStatus]:
        """Asks the server for the states of the model's versions."""
        deadline = self._deadline(timeout_s)
        return await self._attempt(lambda left_s: self._transport.status(left_s), deadline)

    async def _run(self, plan: plans.Plan[T], timeout_s: float | None) -> T:
        deadline = self._deadline(timeout_s)
        known = self._metadata
        try:
            return await self._send(plan, known or await self._learn(deadline), deadline)
        except RequestError as error:
            if known is None or not await self._has_changed(known, deadline):
                raise
            assert self._metadata is not None
            try:
                return await self._send(plan, self._metadata, deadline)
            except ServingError as again:
                raise again from error

    async def _send(self, plan: plans.Plan[T], metadata: ModelMetadata, deadline: Deadline) -> T:
        signature = plan.choose(metadata)
        inputs = plan.build(signature)
        return plan.read(
            await self._attempt(
                lambda left_s: self._transport.predict(signature, inputs, left_s), deadline
            )
        )

    async def _learn(self, deadline: Deadline) -> ModelMetadata:
        self._metadata = await self._attempt(
            lambda left_s: self._transport.metadata(left_s), deadline
        )
        return self._metadata

    async def _has_changed(self, known: ModelMetadata, deadline: Deadline) -> bool:
        """Whether the server's signatures are others by now; a server that is silent has none."""
        try:
            return (await self._learn(deadline)).signatures != known.signatures
        except ServingError:
            return False

    async def _attempt(self, call: Callable[[float], Awaitable[T]], deadline: Deadline) -> T:
        attempts = Attempts(self.retry, deadline)
        while True:
            left_s = attempts.begin()
            try:
                return await call(left_s)
            except ServingError as error:
                await asyncio.sleep(attempts.wait_s(error))

    def _deadline(self, timeout_s: float | None) -> Deadline:
        return Deadline(self.timeout_s if timeout_s is None else timeout_s)

    @property
    def _transport(self) -> AsyncTransport:
        if self._opened is None:
            self._opened = open_async_transport(self.address, self.target, self._tls)
        return self._opened

    async def close(self) -> None:
        """Ends the connections; a later call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
