"""A bounded memory of past windows, mixed into each stage."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.continual._joined import joined, piece
from tfprompt.continual.course import Course
from tfprompt.continual.method import Method
from tfprompt.errors import ConfigError
from tfprompt.models.parts import PARTS

if TYPE_CHECKING:
    from tfprompt.continual.stage import Stage
    from tfprompt.continual.stream import Stream
    from tfprompt.data.sequences import Sequences
    from tfprompt.models.retriever import Retriever


class Replay(Method):
    """Trains each stage together with a uniform sample of the windows of all stages before.

    The sample is drawn as a reservoir (Vitter's algorithm R): whatever has passed, each window is
    in it with the same chance, and it never holds more than `size`.

    Args:
        course: how each stage is trained.
        size: windows that are remembered, at most; each epoch sees each of them once.
        later: what is trained from the second stage on.

    Raises:
        ConfigError: a size below 1.

    References:
        Vitter, 1985, "Random Sampling with a Reservoir"; Rolnick et al., 2019, "Experience Replay
        for Continual Learning".
    """

    name = "replay"

    def __init__(
        self, course: Course | None = None, *, size: int = 200, later: Collection[str] = PARTS
    ) -> None:
        super().__init__(course, later=later)
        if size < 1:
            raise ConfigError(f"A memory holds one window or more. Received: size={size}.")
        self.size = size

    def settings(self) -> dict[str, Any]:
        """All that a run depends on, as JSON."""
        return {**super().settings(), "size": self.size}

    def start(self, model: Retriever, stream: Stream, seed: int) -> None:
        """Empties the memory."""
        super().start(model, stream, seed)
        # Of each window the stage, the user's row, the first event and past the last.
        self.memory = np.zeros((0, 4), np.int64)
        self._passed = 0

    def fit_stage(self, model: Retriever, stage: Stage, number: int) -> bool:
        """Trains on the stage and the memory, and then lets the stage's windows pass."""
        super().fit_stage(model, stage, number)
        kept = list(self.memory)
        random = np.random.default_rng([self.seed, number])
        for window in _windows(stage.train, number, model.encoder.max_history):
            self._passed += 1
            if len(kept) < self.size:
                kept.append(window)
            elif (place := int(random.integers(self._passed))) < self.size:
                kept[place] = window
        self.memory = np.array(kept, np.int64).reshape(-1, 4)
        return True

    def training_part(self, model: Retriever, stage: Stage, number: int) -> Sequences:
        """The stage's events, and the windows that are remembered as further rows."""
        parts = [stage.train]
        for past in np.unique(self.memory[:, 0]):
            _, rows, begins, ends = self.memory[self.memory[:, 0] == past].T
            parts.append(piece(self.stream[int(past)].train, rows, begins, ends))
        return joined(parts)

    def state(self) -> dict[str, np.ndarray]:
        """The memory, as places in the stream."""
        return {"memory": self.memory, "passed": np.array([self._passed])}

    def restore(self, model: Retriever, state: dict[str, np.ndarray]) -> None:
        """Takes the memory back."""
        self.memory, self._passed = state["memory"], int(state["passed"][0])


def _windows(sequences: Sequences, number: int, length: int) -> np.ndarray:
    """Each user's events in windows of `length` pairs, `[n, 4]` as the memory has them."""
    found = [
        (number, row, begin, min(begin + length + 1, end))
        for row, (start, end) in enumerate(
            zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True)
        )
        for begin in range(start, end - 1, length)
    ]
    return np.array(found, np.int64).reshape(-1, 4)
