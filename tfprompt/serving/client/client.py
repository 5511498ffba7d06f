"""A client of TensorFlow Serving for recommendation."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from tfprompt.errors import RequestError, ServingError
from tfprompt.serving.client import plans
from tfprompt.serving.client.answers import ModelMetadata, Outputs, Recommendations
from tfprompt.serving.client.deadline import Deadline
from tfprompt.serving.client.requests import Request
from tfprompt.serving.client.retry import Attempts, RetryPolicy
from tfprompt.serving.client.tls import Tls
from tfprompt.serving.client.transport import Transport, check_address, open_transport
from tfprompt.serving.version_status import VersionStatus

T = TypeVar("T")


class Client:
    """Asks one model of TensorFlow Serving, or of `tfprompt serve`, over gRPC or REST.

    Signatures are learnt at the first call, and again when the server refuses a request, since a
    new version may take other inputs. What a request does not say is filled with "", NaN or 0.
    Connections are opened at the first call, kept, and may be shared by threads.

    Args:
        address: "localhost:8500" for gRPC, "http://localhost:8501" or "https://…" for REST. gRPC
            needs TensorFlow for its messages, REST does not.
        model: its name.
        version: a certain version; None for the one that the server serves.
        version_label: a label instead of a version.
        timeout_s: for a whole call, with every attempt and every wait.
        retry: when a call is tried again.
        tls: encrypts gRPC, or names certificates for "https://".

    Raises:
        ConfigError: arguments that cannot be.

    Every method raises errors of one tree: `RequestError` for a request that breaks a rule, with
    the `field` where one is known; `ModelNotFoundError`; `UnavailableError` and `DeadlineError`
    after the last attempt; `ServingError` for the rest, each with its `code`.

    Example:
        with Client("localhost:8500", model="demo") as client:
            for item in client.recommend(history=["50", "181"], wish="a comedy", k=5):
                print(item.item_id, item.score)
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
        self._opened: Transport | None = None
        self._opening = threading.Lock()
        self._metadata: ModelMetadata | None = None

    def recommend(
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
        return self.recommend_many([request], timeout_s=timeout_s)[0]

    def recommend_many(
        self, requests: Sequence[Request | Mapping[str, Any]], *, timeout_s: float | None = None
    ) -> list[Recommendations]:
        """Lists items for a batch of requests, in one call to the server."""
        return self._run(plans.recommend_plan(plans.as_requests(requests)), timeout_s)

    def score(
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
        return self.score_many([request], timeout_s=timeout_s)[0]

    def score_many(
        self, requests: Sequence[Request | Mapping[str, Any]], *, timeout_s: float | None = None
    ) -> list[list[float]]:
        """Scores for a batch of requests, in one call to the server."""
        return self._run(plans.score_plan(plans.as_requests(requests)), timeout_s)

    def encode_query(
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
        return self._run(plans.embedding_plan("encode_query", [request]), timeout_s)[0]

    def encode_item(
        self,
        text: str = "",
        item_id: str = "",
        *,
        vectors: Mapping[str, Sequence[float]] | None = None,
        timeout_s: float | None = None,
    ) -> np.ndarray:
        """The embedding `[W]` of an item, known by its id or described by text and vectors."""
        request = Request(fields={"text": text, "item_id": item_id, **(vectors or {})})
        return self._run(plans.embedding_plan("encode_item", [request]), timeout_s)[0]

    def predict(
        self,
        inputs: Mapping[str, Any],
        *,
        signature: str = "serving_default",
        timeout_s: float | None = None,
    ) -> Outputs:
        """Runs any signature on arrays or nested lists, as they are."""
        return self._run(plans.raw_plan(signature, inputs), timeout_s)

    def metadata(self, *, timeout_s: float | None = None) -> ModelMetadata:
        """Asks the server for the model's version and signatures."""
        return self._learn(self._deadline(timeout_s))

    def status(self, *, timeout_s: float | None = None) -> list[VersionStatus]:
        """Asks the server for the states of the model's versions."""
        deadline = self._deadline(timeout_s)
        return self._attempt(lambda left_s: self._transport.status(left_s), deadline)

    def _run(self, plan: plans.Plan[T], timeout_s: float | None) -> T:
        deadline = self._deadline(timeout_s)
        known = self._metadata
        try:
            return self._send(plan, known or self._learn(deadline), deadline)
        except RequestError as error:
            if known is None or not self._has_changed(known, deadline):
                raise
            assert self._metadata is not None
            try:
                return self._send(plan, self._metadata, deadline)
            except ServingError as again:
                raise again from error

    def _send(self, plan: plans.Plan[T], metadata: ModelMetadata, deadline: Deadline) -> T:
        signature = plan.choose(metadata)
        inputs = plan.build(signature)
        return plan.read(
            self._attempt(
                lambda left_s: self._transport.predict(signature, inputs, left_s), deadline
            )
        )

    def _learn(self, deadline: Deadline) -> ModelMetadata:
        self._metadata = self._attempt(lambda left_s: self._transport.metadata(left_s), deadline)
        return self._metadata

    def _has_changed(self, known: ModelMetadata, deadline: Deadline) -> bool:
        """Whether the server's signatures are others by now; a server that is silent has none."""
        try:
            return self._learn(deadline).signatures != known.signatures
        except ServingError:
            return False

    def _attempt(self, call: Callable[[float], T], deadline: Deadline) -> T:
        attempts = Attempts(self.retry, deadline)
        while True:
            left_s = attempts.begin()
            try:
                return call(left_s)
            except ServingError as error:
                time.sleep(attempts.wait_s(error))

    def _deadline(self, timeout_s: float | None) -> Deadline:
        return Deadline(self.timeout_s if timeout_s is None else timeout_s)

    @property
    def _transport(self) -> Transport:
        with self._opening:
            if self._opened is None:
                self._opened = open_transport(self.address, self.target, self._tls)
            return self._opened

    def close(self) -> None:
        """Ends the connections; a later call opens new ones."""
        with self._opening:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
