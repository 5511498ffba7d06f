"""Which retrievers can start at the similarity of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder


def check_start(start: str, encoder: PromptedEncoder, similarity: str, content: float) -> None:
    """Refuses a start that the model's other options do not give.

    Args:
        start: "random" or "text".
        encoder: the model's encoder.
        similarity: "cosine" or "dot".
        content: the model's `content_weight`.

    Raises:
        ConfigError: no such start, or what would be read is no text's vector.
    """
    if start not in ("random", "text"):
        raise ConfigError(f"A start is 'random' or 'text'. Received: {start!r}.")
    if start == "random":
        return
    if similarity != "cosine":
        raise ConfigError(
            "Texts are compared by their cosine, so start='text' needs similarity='cosine'. "
            f"Received: {similarity!r}."
        )
    template = encoder.template
    if template.has_history:
        if not content:
            raise ConfigError(
                "With {history:items} start='text' corrects the similarity between an item's text "
                f"and the history's. Received: content_weight={content} with {template.source!r}. "
                "Give a content_weight, as 1.0, or write {history:text 5}."
            )
        return
    if encoder.read_out != "mean" or encoder.loaded.causal:
        raise ConfigError(
            "start='text' compares sentence vectors, the means over all tokens of an encoder. "
            f"Received: read_out={encoder.read_out!r} of {encoder.loaded.name} with "
            f"{template.source!r}. Leave {{mask}} out, or use read_out='mean'."
        )
