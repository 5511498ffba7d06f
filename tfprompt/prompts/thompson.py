"""Choosing a prompt for each live request, and learning from what people do."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from tfprompt._files import read_json, write_json
from tfprompt.errors import CheckpointError, ConfigError

FORMAT = 1


class ThompsonSampling:
    """Draws a prompt for a request, as often as it is believed to be the best: a bandit.

    Each arm holds a Beta distribution of its success rate. `choose` draws a rate from each and
    takes the largest, so that what is uncertain is tried and what is bad is left alone. Its names
    are those of an artifact's prompts (`model.export(prompts={"de": …})`), of templates, or of
    models.

    Choosing and rewarding are apart: a click may come minutes later, or never, which is told as a
    reward of 0. Threads may share one object; processes have one each, with a file each.

    Args:
        names: the arms, each once.
        prior: of every rate, successes and failures that are imagined before the first; `(1, 1)`
            holds all rates for equally likely.
        discount: what is left of each past success and failure at the next reward, 1 for all;
            0.999 follows a taste that drifts, over about the last 1,000 rewards.
        seed: of the drawing; None takes one from the system.

    Raises:
        ConfigError: no names, a repeated one, or a number out of range.

    Example:
        >>> bandit = ThompsonSampling(["default", "kind"], seed=0)
        >>> name = bandit.choose()
        >>> bandit.reward("kind", 1.0)
        >>> bandit.posterior("kind"), bandit.best
        ((2.0, 1.0), 'kind')

    References:
        Thompson, 1933, "On the likelihood that one unknown probability exceeds another";
        Chapelle and Li, 2011, "An Empirical Evaluation of Thompson Sampling"; for the discount,
        Raj and Kalyani, 2017, "Taming Non-stationary Bandits: A Bayesian Approach".
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        prior: tuple[float, float] = (1.0, 1.0),
        discount: float = 1.0,
        seed: int | None = None,
    ) -> None:
        names = [names] if isinstance(names, str) else list(names)
        if not names or len(set(names)) < len(names) or not all(isinstance(n, str) for n in names):
            raise ConfigError(f"Arms have 1 name or more, each once. Received: {names!r}.")
        if len(prior) != 2 or not all(0 < number < math.inf for number in prior):
            raise ConfigError(f"A prior is two numbers above 0. Received: {prior!r}.")
        if not 0 < discount <= 1:
            raise ConfigError(f"A discount is above 0, and 1 at most. Received: {discount!r}.")
        self.prior = (float(prior[0]), float(prior[1]))
        self.discount = float(discount)
        # Of each arm: times chosen, and what is left of successes and failures.
        self._chosen = dict.fromkeys(names, 0)
        self._outcomes = {name: [0.0, 0.0] for name in names}
        self._random = np.random.default_rng(seed)
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """The arms, in order."""
        return list(self._outcomes)

    def choose(self, among: Sequence[str] | None = None) -> str:
        """The prompt for one request.

        Args:
            among: the names that are possible for this request, None for all.

        Raises:
            ConfigError: a name that is no arm, or none at all.
        """
        names = self.names if among is None else list(among)
        if not names:
            raise ConfigError("A choice is among 1 name or more. Received: none.")
        with self._lock:
            rates = [self._random.beta(*self._posterior(name)) for name in names]
            name = names[int(np.argmax(rates))]
            self._chosen[name] += 1
        return name

    def reward(self, name: str, value: float) -> None:
        """Tells what came of one choice.

        Args:
            name: the prompt that was chosen.
            value: 1 for a success, 0 for none; between them for a part of one, as the NDCG of the
                clicks.

        Raises:
            ConfigError: a name that is no arm, or a value outside of 0 … 1.
        """
        self._check(name)
        if not 0 <= value <= 1:
            raise ConfigError(f"A reward is between 0 and 1. Received: {value!r} for {name!r}.")
        with self._lock:
            if self.discount < 1:
                for outcome in self._outcomes.values():
                    outcome[:] = [self.discount * number for number in outcome]
            self._outcomes[name][0] += float(value)
            self._outcomes[name][1] += 1.0 - float(value)

    def add(self, name: str) -> None:
        """A further arm, that nothing is known of.

        Raises:
            ConfigError: there is one of that name.
        """
        if name in self._outcomes:
            raise ConfigError(f"An arm has a name of its own. Received: {name!r}, which is one.")
        with self._lock:
            self._chosen[name], self._outcomes[name] = 0, [0.0, 0.0]

    def posterior(self, name: str) -> tuple[float, float]:
        """Parameters α and β of the Beta distribution of an arm's rate."""
        self._check(name)
        return self._posterior(name)

    def mean(self, name: str) -> float:
        """The expected rate of an arm."""
        successes, failures = self.posterior(name)
        return successes / (successes + failures)

    @property
    def best(self) -> str:
        """The arm of the highest expected rate; of equals the first."""
        return max(self.names, key=self.mean)

    def __str__(self) -> str:
        """The arms as a table, the best first."""
        width = max(map(len, self.names))
        lines = [f"{'':{width}}  chosen    rate  68 %"]
        for name in sorted(self.names, key=self.mean, reverse=True):
            a, b = self.posterior(name)
            spread = (a * b / ((a + b) ** 2 * (a + b + 1))) ** 0.5
            chosen = self._chosen[name]
            lines.append(f"{name:{width}}  {chosen:6,}  {self.mean(name):.4f}  ±{spread:.4f}")
        return "\n".join(lines)

    # -- what is kept -------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The whole state, as JSON; the one that is made of it draws as this one would."""
        with self._lock:
            return {
                "format": FORMAT,
                "prior": list(self.prior),
                "discount": self.discount,
                "arms": {
                    name: {"chosen": self._chosen[name], "successes": won, "failures": lost}
                    for name, (won, lost) in self._outcomes.items()
                },
                "random": self._random.bit_generator.state,
            }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Self:
        """From what `to_dict` gave."""
        bandit = cls(list(state["arms"]), prior=tuple(state["prior"]), discount=state["discount"])
        for name, arm in state["arms"].items():
            bandit._chosen[name] = int(arm["chosen"])
            bandit._outcomes[name] = [float(arm["successes"]), float(arm["failures"])]
        bandit._random.bit_generator.state = state["random"]
        return bandit

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the state as JSON, atomically."""
        write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads what `save` wrote.

        Raises:
            CheckpointError: the file is missing or damaged.
        """
        try:
            state = read_json(path)
            if state["format"] != FORMAT:
                raise ValueError(f"format {state['format']}")
            return cls.from_dict(state)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CheckpointError(f"{path} holds no bandit, or is damaged: {error!r}.") from error

    def _posterior(self, name: str) -> tuple[float, float]:
        self._check(name)
        successes, failures = self._outcomes[name]
        return self.prior[0] + successes, self.prior[1] + failures

    def _check(self, name: str) -> None:
        if name not in self._outcomes:
            raise ConfigError(f"An arm is one of {', '.join(self.names)}. Received: {name!r}.")
