"""What a ranker is made of: options that fit each other, and the head that scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ConfigError
from tfprompt.layers import ScoreHead
from tfprompt.prompts.verbalizer import Verbalizer
from tfprompt.tasks.objective import Objective

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder


def checked(
    encoder: PromptedEncoder,
    objective: str | Objective,
    verbalizer: Any,
    collaborative: int,
    max_item_tokens: int,
    steps: int | None,
) -> tuple[Objective, Verbalizer | None]:
    """Objective and verbalizer of a `Ranker` with these options.

    Raises:
        ConfigError: options that contradict each other.
    """
    candidate = encoder.template.candidate
    if candidate is None:
        raise ConfigError(
            "A ranker's template holds the item to judge, as {item:text} or {item:token}. "
            f"Received: {encoder.template.source!r}."
        )
    if not isinstance(objective, Objective):
        objective = Objective(objective)  # type: ignore[arg-type]  # checked in there
    if max_item_tokens < 1 or (steps is not None and steps < 1):
        raise ConfigError(
            "An item has 1 word piece or more, and a step judges 1 target or more. "
            f"Received: max_item_tokens={max_item_tokens}, steps={steps}."
        )
    if collaborative and candidate.form == "text" and not encoder.template.has_history:
        raise ConfigError(
            "A cross-encoder sees ids in the history alone. Received: collaborative="
            f"{collaborative} with {encoder.template.source!r}. Add {{history:items}}, or "
            "write {item:token}."
        )
    if verbalizer is not None and not isinstance(verbalizer, Verbalizer):
        verbalizer = Verbalizer.of(verbalizer)
    if verbalizer is not None and (verbalizer.values is None) == (objective.kind == "rating"):
        raise ConfigError(
            "A verbalizer of ratings maps each rating to words; one of likes or clicks is "
            f"[no, yes]. Received: {verbalizer.to_dict()} for {objective.kind!r}."
        )
    return objective, verbalizer


def score_head(encoder: PromptedEncoder, verbalizer: Verbalizer | None) -> ScoreHead:
    """A linear head, or one that compares with the words of each class."""
    if verbalizer is None:
        return ScoreHead(name="head")
    flat = [word for group in verbalizer.words for word in group]
    vectors = encode_texts(encoder.loaded, flat, cache=False, progress=False)
    classes, at = [], 0
    for group in verbalizer.words:
        mean = vectors[at : at + len(group)].mean(axis=0)
        classes.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
        at += len(group)
    return ScoreHead(
        classes, verbalizer.values, soft=verbalizer.soft, calibrated=verbalizer.calibrated,
        name="head",
    )  # fmt: skip
