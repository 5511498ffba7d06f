"""What the checks of an artifact found."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Check:
    """One rule that an artifact keeps or breaks.

    Attributes:
        name: short name of the rule.
        rule: the rule in words.
        found: what breaks it, one line each; empty where nothing does.
        remedy: what to do about it.
        skipped: why the rule could not be checked; "" where it was.
    """

    name: str
    rule: str
    found: tuple[str, ...] = ()
    remedy: str = ""
    skipped: str = ""

    @property
    def passed(self) -> bool:
        """Whether the rule is kept; one that could not be checked counts as broken."""
        return not self.found and not self.skipped


@dataclasses.dataclass(frozen=True)
class LintReport:
    """All checks of one artifact.

    Attributes:
        directory: the artifact.
        checks: the checks in the order in which they ran.
    """

    directory: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every rule is kept."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that found something; those that were only skipped are not among them."""
        return tuple(check for check in self.checks if check.found)

    def check(self, name: str) -> Check:
        """The check of a name.

        Raises:
            KeyError: there is none.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "directory": self.directory,
            "passed": self.passed,
            "checks": [{**dataclasses.asdict(c), "passed": c.passed} for c in self.checks],
        }

    def __str__(self) -> str:
        """One line a check; what is broken with its remedy."""
        lines = []
        for check in self.checks:
            mark = "ok" if check.passed else "skipped" if check.skipped else "FAILED"
            lines.append(f"{mark:8}{check.name:18}{check.skipped or check.rule}")
            lines += [f"          - {line}" for line in check.found]
            if check.found:
                lines.append(f"          remedy: {check.remedy}")
        return "\n".join(lines)
