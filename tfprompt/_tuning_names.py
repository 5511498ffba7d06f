"""How a tuning method is written, as "lora:8"; read without loading Keras."""

from __future__ import annotations

from typing import Any

from tfprompt.errors import ConfigError

# Method → what its number means and what it is by default; None where it takes no number.
NAMES: dict[str, tuple[str, int] | None] = {
    "lora": ("rank", 8),
    "adalora": ("target_rank", 4),
    "adapter": ("width", 16),
    "ia3": None,
    "bitfit": None,
    "layer_norm": None,
    "full": None,
}


def read(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Methods and their main arguments.

    Args:
        text: names, each with its number after a colon, several divided by commas.

    Raises:
        ConfigError: an unknown name, or a number where there is none or that is none.

    Example:
        >>> read("lora:4, layer_norm")
        [('lora', {'rank': 4}), ('layer_norm', {})]
    """
    return [_read_one(part.strip()) for part in text.split(",")]


def _read_one(text: str) -> tuple[str, dict[str, Any]]:
    name, colon, number = text.partition(":")
    if name not in NAMES:
        raise ConfigError(
            f"A tuning method is one of {', '.join(NAMES)}, as in 'lora:8' or "
            f"'lora:8,layer_norm'. Received: {text!r}."
        )
    takes = NAMES[name]
    if takes is None:
        if colon:
            raise ConfigError(f"The tuning method {name!r} takes no number. Received: {text!r}.")
        return name, {}
    argument, default = takes
    if not colon:
        return name, {argument: default}
    if not number.isascii() or not number.isdigit() or int(number) < 1:
        raise ConfigError(
            f"The number of {name!r} is its {argument}, 1 or more, as in '{name}:{default}'. "
            f"Received: {text!r}."
        )
    return name, {argument: int(number)}
