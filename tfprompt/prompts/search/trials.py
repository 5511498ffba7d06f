"""What has been tried: a table in memory and, where a path is given, a file that survives."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tfprompt._files import read_json, write_json
from tfprompt.errors import CheckpointError, ConfigError

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Trial:
    """One template and how good it was.

    Attributes:
        template: the template.
        score: higher is better.
        seconds: how long the scoring took.
        budget: what it was given, as epochs; 0 where there is only one budget.
    """

    template: str
    score: float
    seconds: float
    budget: float = 0


class Trials:
    """Scores that are computed once.

    Args:
        path: a JSON file that is rewritten, atomically, after each trial. One that exists is
            read: its trials are not run again.
        about: what the scores depend on besides the template (data, split, epochs, seed). A file
            that was written about something else is refused.
        progress: called with each new trial.

    Raises:
        CheckpointError: the file is damaged, or about something else.

    Example:
        >>> trials = Trials()
        >>> trials.score("{history:items}", lambda template: len(template) / 10)
        1.5
        >>> trials.score("{history:items}", lambda template: 0 / 0)  # known already
        1.5
        >>> trials.best.template
        '{history:items}'
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        about: Mapping[str, Any] | None = None,
        progress: Callable[[Trial], None] | None = None,
    ) -> None:
        self.path = None if path is None else Path(path)
        self.about = dict(about or {})
        self.progress = progress
        self._trials: dict[tuple[str, float], Trial] = {}
        self._asked: float | None = None
        if self.path is not None and self.path.exists():
            self._read(self.path)

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        """In the order in which they were made."""
        return iter(self._trials.values())

    def score(self, template: str, function: Callable[..., float], budget: float = 0) -> float:
        """The score of a template, computed if it is not known.

        Args:
            template: the template.
            function: gives its score; called with the template and, where there is one, the
                budget.
            budget: 0 for none.

        Raises:
            ConfigError: the score is no finite number.
        """
        key = (template, float(budget))
        self._asked = float(budget)
        if key not in self._trials:
            began = time.monotonic()
            value = function(template, budget) if budget else function(template)
            value = float(value)
            if not math.isfinite(value):
                raise ConfigError(
                    f"A score is a finite number. Received: {value} for {template!r}."
                )
            trial = Trial(template, value, time.monotonic() - began, float(budget))
            self._trials[key] = trial
            self._write()
            if self.progress is not None:
                self.progress(trial)
        return self._trials[key].score

    @property
    def table(self) -> list[Trial]:
        """All trials: the largest budget first, within a budget the best first."""
        return sorted(self, key=lambda trial: (-trial.budget, -trial.score))

    @property
    def best(self) -> Trial:
        """The best trial of the budget that was asked for last; of equals the first.

        Where nothing was asked for yet (the trials are those of a file), of the largest budget.

        Raises:
            ConfigError: nothing was tried.
        """
        if not self._trials:
            raise ConfigError("The best of several trials needs one or more. Received: none.")
        return next(trial for trial in self.table if self._asked in (None, trial.budget))

    def __str__(self) -> str:
        """The table as text."""
        budgets = any(trial.budget for trial in self)
        rows = [("score", *(("budget",) if budgets else ()), "seconds", "template")]
        for trial in self.table:
            budget = (f"{trial.budget:g}",) if budgets else ()
            rows.append((f"{trial.score:.4f}", *budget, f"{trial.seconds:.1f}", trial.template))
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
        lines = [
            "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)),
                       row[-1]])
            for row in rows
        ]  # fmt: skip
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """What the file holds."""
        trials = [dataclasses.asdict(trial) for trial in self]
        return {"format": FORMAT, "about": self.about, "trials": trials}

    def _write(self) -> None:
        if self.path is not None:
            write_json(self.path, self.to_dict())

    def _read(self, path: Path) -> None:
        try:
            held = read_json(path)
            known = held["format"] == FORMAT
            trials = [Trial(**trial) for trial in held["trials"]]
            about = dict(held["about"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"{path} is no file of trials, or damaged: {error!r}. Give another path."
            ) from error
        if not known or about != self.about:
            different = sorted(
                name for name in {*about, *self.about} if about.get(name) != self.about.get(name)
            )
            raise CheckpointError(
                "Trials go on where the same is scored. Received: "
                f"{path}, which differs in {', '.join(different) or 'its format'}. Give another "
                "path, or delete the file."
            )
        self._trials = {(trial.template, float(trial.budget)): trial for trial in trials}
