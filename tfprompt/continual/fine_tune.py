"""The same prompt, on and on."""

from __future__ import annotations

from tfprompt.continual.method import Method


class FineTune(Method):
    """Goes on training on each stage where the one before stopped.

    `later=("prompts",)` freezes the items' projection and the temperature after the first stage:
    what is then forgotten is forgotten by the prompt.

    Example:
        method = tp.continual.FineTune(tp.continual.Course(epochs=8), later=("prompts",))
    """

    name = "fine-tune"
