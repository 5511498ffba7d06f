"""What cleaning did to the tables, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class CleaningStep:
    """One step: what it was, how many rows there were before and after, and why."""

    name: str
    before: int
    after: int
    detail: str = ""


@dataclass
class CleaningReport:
    """Every step between the files and the data set, in the order in which it was taken.

    Example:
        >>> report = CleaningReport()
        >>> report.add("duplicate events", 10, 8, "the first of each user and item stays")
        >>> print(report)
        duplicate events: 10 -> 8 rows (2 removed); the first of each user and item stays
    """

    steps: list[CleaningStep] = field(default_factory=list)

    def add(self, name: str, before: int, after: int, detail: str = "") -> None:
        """Notes one step.

        Args:
            name: what was done, in two or three words.
            before: rows that went in.
            after: rows that came out.
            detail: the rule, and the first place where it applied.
        """
        self.steps.append(CleaningStep(name, before, after, detail))

    def removed(self, name: str) -> int:
        """Rows that the steps called `name` removed, together."""
        return sum(step.before - step.after for step in self.steps if step.name == name)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain lists and dictionaries, ready for JSON."""
        return {
            "steps": [
                {"name": s.name, "before": s.before, "after": s.after, "detail": s.detail}
                for s in self.steps
            ]
        }

    def __str__(self) -> str:
        lines = []
        for step in self.steps:
            change = step.before - step.after
            effect = f"{change:,} removed" if change else "none removed"
            line = f"{step.name}: {step.before:,} -> {step.after:,} rows ({effect})"
            lines.append(f"{line}; {step.detail}" if step.detail else line)
        return "\n".join(lines) if lines else "nothing was changed"
