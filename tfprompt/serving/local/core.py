"""What a server does, whichever protocol a request came by."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfprompt.errors import ModelNotFoundError, RequestError
from tfprompt.serving.checks import check_inputs
from tfprompt.serving.limits import InFlight, Limits
from tfprompt.serving.local.batching import Batcher
from tfprompt.serving.local.metrics import Metrics
from tfprompt.serving.local.servable import Servable
from tfprompt.serving.local.versions import VersionManager
from tfprompt.serving.signature import Signature
from tfprompt.serving.target import Target
from tfprompt.serving.version_status import VersionStatus


@dataclasses.dataclass(frozen=True)
class Answer:
    """Outputs of a request, and what computed them."""

    outputs: dict[str, np.ndarray]
    version: int
    signature: str


class ServingCore:
    """Checks a request, chooses the version, runs it alone or in a batch.

    Args:
        versions: what is served.
        limits: how much is taken on.
        batcher: merges requests; None runs each alone.
    """

    def __init__(
        self, versions: VersionManager, limits: Limits, batcher: Batcher | None = None
    ) -> None:
        self.versions = versions
        self.limits = limits
        self.in_flight = InFlight(limits.max_in_flight)
        self.metrics = Metrics(versions.name, lambda: self.in_flight.count)
        self.batcher = batcher

    def predict(
        self,
        protocol: str,
        target: Target,
        signature_name: str,
        decode: Callable[[Signature], Mapping[str, np.ndarray]],
        output_filter: Sequence[str] = (),
    ) -> Answer:
        """Runs one request.

        Args:
            protocol: "grpc" or "rest", for the metrics.
            target: the model.
            signature_name: "" for the default one.
            decode: reads the inputs, once it is known what they should be.
            output_filter: names of the outputs wanted; none for all.

        Raises:
            ServingError: with the code to answer.
        """
        with self.metrics.request(protocol, "predict"), self.in_flight.request():
            self.check_name(target)
            with self.versions.acquire(target.version, target.label) as servable:
                signature = servable.signature(signature_name)
                wanted = _wanted(signature, output_filter)
                inputs = decode(signature)
                check_inputs(signature, inputs, self.limits)
                outputs = self._run(servable, signature.name, inputs)
                return Answer(
                    {name: outputs[name] for name in wanted}, servable.version, signature.name
                )

    def _run(
        self, servable: Servable, signature: str, inputs: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        if self.batcher is not None:
            return self.batcher.run(servable, signature, inputs)
        return servable.run(signature, inputs)

    def status(self, target: Target) -> list[VersionStatus]:
        """States of all versions, or of the one that `target` names.

        Raises:
            ModelNotFoundError: another model, or a version that never was.
            RequestError: a label that is not known.
        """
        self.check_name(target)
        version = target.version
        if target.label:
            with self.versions.acquire(label=target.label) as servable:
                version = servable.version
        known = self.versions.statuses()
        if version is not None:
            known = [status for status in known if status.version == version]
        if not known:
            which = "any versions" if version is None else f"version {version}"
            raise ModelNotFoundError(f"Could not find {which} of model {target.name}")
        return known

    def check_name(self, target: Target) -> None:
        """Checks that the model is the one that is served.

        Raises:
            RequestError: no name.
            ModelNotFoundError: another name.
        """
        if not target.name:
            raise RequestError("A request names a model. Received: no name.", field="model_spec")
        if target.name != self.versions.name:
            raise ModelNotFoundError(
                f"Servable not found for request: Latest({target.name}). The model served here is "
                f"{self.versions.name!r}."
            )

    def note_versions(self) -> None:
        """Brings the figures about versions up to date."""
        self.metrics.versions({s.version: s.state for s in self.versions.statuses()})


def _wanted(signature: Signature, output_filter: Sequence[str]) -> list[str]:
    unknown = [name for name in output_filter if name not in signature.outputs]
    if unknown or len(set(output_filter)) < len(output_filter):
        raise RequestError(
            f"output_filter names outputs once each, out of {{{', '.join(signature.outputs)}}}. "
            f"Received: {', '.join(output_filter)}.",
            field="output_filter",
        )
    return list(output_filter) or list(signature.outputs)
