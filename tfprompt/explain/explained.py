"""Which models can be explained request by request, and one request laid out for it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from tfprompt.encoders.ensembles import with_members
from tfprompt.encoders.layout import lay_out
from tfprompt.encoders.token_plan import TokenPlan
from tfprompt.errors import ConfigError
from tfprompt.explain.columns import Column, columns_of
from tfprompt.explain.request_text import RequestText, request_text
from tfprompt.models.request_inputs import known_history, request_inputs
from tfprompt.models.retriever import Retriever
from tfprompt.models.wish_reading import ReadWish, read_wish

if TYPE_CHECKING:
    from tfprompt.data.request import Request
    from tfprompt.encoders.prompted import PromptedEncoder


@dataclasses.dataclass(frozen=True, eq=False)
class LaidOut:
    """One request at the seam, once for each of the M members of an ensemble.

    Attributes:
        inputs: as `request_inputs` gives them, and what the model makes of them: `items`
            `[1, H, D]` and `content` `[1, H, V]`.
        plan: what stands where, a batch of M that differ in their soft prompts alone.
        deep: the deep prompts `[M, L, P, D]`, None without any.
        steps: the step that is read out `[M, 1]`, None without a history.
        read: how many columns at the end of the plan are read, None for all.
        columns: the real columns in words.
        text: the word pieces.
        wish: the wish as it was read, None for none.
        titles: what the past items are called, a wish among them.
    """

    inputs: dict[str, Any]
    plan: TokenPlan
    deep: Any
    steps: Any
    read: int | None
    columns: list[Column]
    text: RequestText
    wish: ReadWish | None
    titles: list[str]

    @property
    def wish_item(self) -> int | None:
        """Place of the wish among the past items, None where it is none of them."""
        held = self.wish is not None and self.wish.wish.wanted and "items" in self.inputs
        return len(self.titles) - 1 if held else None


def laid_out(model: Any, request: Request) -> LaidOut:
    """Lays a request out as the model does to recommend.

    Args:
        model: a retriever.
        request: who asks.

    Raises:
        ConfigError: another model, or a request that the model cannot take.
    """
    check_retriever(model)
    request.check(model.catalog, model.encoder.template)
    model.prepare()
    read = read_wish(model, request.wish) if request.wish else None
    wanted = "" if read is None else read.wish.wanted
    inputs = request_inputs(model, request, read)
    inputs["content"] = inputs["vectors"]  # as `Retriever.call` says what past items are like
    if model.encoder.item_tokens is not None:
        inputs["items"] = model.item_tower.tokens(inputs["vectors"], inputs["ids"])
    plan, steps, count = plan_of_members(model.encoder, inputs)
    text = request_text(model, request, wanted)
    titles = _titles(model, request, np.shape(inputs["vectors"])[1], wanted)
    columns = columns_of(model.encoder, plan, text, titles)
    return LaidOut(
        inputs, plan, _deep(model.encoder), steps, None if count is None else int(count), columns,
        text, read, titles,
    )  # fmt: skip


def plan_of_members(encoder: PromptedEncoder, inputs: dict[str, Any]) -> tuple[TokenPlan, Any, Any]:
    """One request as `lay_out` plans it, a row for each member of an ensemble."""
    given = with_members(encoder, inputs, False) if encoder.ensemble > 1 else inputs
    return lay_out(encoder, given, False, False)


def _deep(encoder: PromptedEncoder) -> Any:
    """The deep prompts of each member `[M, L, P, D]`, None without any."""
    if not encoder.deep_prompts:
        return None
    prompts = ops.stack([layer.vectors() for layer in encoder.deep_prompts], axis=-3)
    return ops.reshape(prompts, (-1, *prompts.shape[-3:]))


def check_retriever(model: Any) -> None:
    """Refuses what is no retriever.

    Raises:
        ConfigError: the remedy names the part that can be explained.
    """
    if isinstance(model, Retriever):
        return
    rule = "Scores and attention are explained of a tp.Retriever."
    if hasattr(model, "retriever"):
        raise ConfigError(
            f"{rule} Received: a {type(model).__name__}. Pass its first stage: model.retriever."
        )
    if isinstance(tasks := getattr(model, "tasks", None), dict):
        raise ConfigError(
            f"{rule} Received: a {type(model).__name__}. Pass one of its tasks: "
            f"{', '.join(f'model.tasks[{name!r}]' for name in tasks)}."
        )
    raise ConfigError(
        f"{rule} Received: a {type(model).__name__}, which has prompts all the same: "
        "tp.explain.nearest_words and prompt_similarity take it."
    )


def _titles(model: Retriever, request: Request, items: int, wanted: str) -> list[str]:
    """What the newest `items` past items are called; a wish is the last of them."""
    names = model.catalog.titles()
    rows = known_history(model.catalog, request)[0]
    titles = [names[row] for row in rows] + ([f'the wish "{wanted}"'] if wanted else [])
    return titles[len(titles) - items :]
