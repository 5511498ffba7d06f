"""Packages that only some parts need, and what is said where they are missing."""

from __future__ import annotations

import importlib.util

from tfprompt.errors import ConfigError


def need(extra: str, *modules: str) -> None:
    """Checks that the packages of an extra are there.

    Args:
        extra: name of the extra.
        modules: top-level modules that are about to be imported.

    Raises:
        ConfigError: one is missing; the message names the extra.
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"This needs the packages of an extra: pip install 'tfprompt[{extra}]'. "
            f"Received: {', '.join(missing)} is not installed."
        )
