"""Prompts from a pool, found by what a request is like."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from tfprompt.continual.course import Course
from tfprompt.continual.method import Method
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.continual.stream import Stream
    from tfprompt.models.retriever import Retriever


class Pool(Method):
    """Trains a pool of prompts, so that a stage changes those prompts that its requests choose.

    Nobody needs to say which stage a request belongs to. All that the prompts of a pool share (the
    items' projection, the temperature) is frozen after the first stage, unless `later` says
    otherwise: that keeps what was learned, and leaves a new stage no more than the prompts to learn
    in. Where the first stage was small, `Replay` with a pool in the template learns more.

    Raises:
        ConfigError: the template has no `{pool:…}`.

    Reference:
        Wang et al., 2022, "Learning to Prompt for Continual Learning" (L2P).
    """

    name = "pool"

    def __init__(
        self, course: Course | None = None, *, later: Collection[str] = ("prompts",)
    ) -> None:
        super().__init__(course, later=later)

    def start(self, model: Retriever, stream: Stream, seed: int) -> None:
        """Checks that the template has a pool."""
        super().start(model, stream, seed)
        if not model.encoder.template.has_pool:
            raise ConfigError(
                "The template must have a pool, as {pool:2x4 of 10}. Received: "
                f"{model.encoder.template.source!r}."
            )
