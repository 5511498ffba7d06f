"""What arrives one after the other: stages over one catalog."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tfprompt.continual.stage import Stage
from tfprompt.data.catalog import Catalog
from tfprompt.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Stream:
    """T stages, each with its own training part and requests, over one catalog.

    The texts of the catalog are known from the start, since they are what the frozen encoder
    reads; what arrives stage by stage is who took what. A stage's requests are answered from the
    same items whatever has been trained (`Stage.candidates`), so its figures can be compared over
    methods and time.

    Args:
        name: how the stream was cut.
        stages: two or more, in the order of training; their names differ.

    Raises:
        ConfigError: fewer than two stages, equal names, or several catalogs.
    """

    name: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        catalogs = {stage.train.catalog.fingerprint for stage in self.stages}
        if len(names) < 2 or len(set(names)) < len(names) or len(catalogs) > 1:
            raise ConfigError(
                "A stream has two stages or more, each with a name of its own, over one catalog. "
                f"Received: {len(names)} stages, {', '.join(names)}, over {len(catalogs)} catalogs."
            )

    def __len__(self) -> int:
        return len(self.stages)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __getitem__(self, number: int) -> Stage:
        return self.stages[number]

    @property
    def names(self) -> tuple[str, ...]:
        """The stages' names."""
        return tuple(stage.name for stage in self.stages)

    @property
    def catalog(self) -> Catalog:
        """The items."""
        return self.stages[0].train.catalog

    def counts(self, number: int) -> np.ndarray:
        """Training events of each item up to and with stage `number`, int64 `[N]`."""
        return np.sum([stage.train.counts() for stage in self.stages[: number + 1]], axis=0)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the stages, in order."""
        digest = hashlib.sha256(self.name.encode())
        for stage in self.stages:
            digest.update(stage.fingerprint.encode())
        return digest.hexdigest()

    def __str__(self) -> str:
        return "\n".join([self.name, *(str(stage) for stage in self.stages)])
