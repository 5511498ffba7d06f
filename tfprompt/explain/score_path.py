"""The way from a request that says nothing to the request, at the seam.

Nothing said is, at each token's own place:

- for words and fields the states of the same text with every word piece masked: the network was
  trained to read such texts, while it never met a zero vector;
- for a past item the mean token of the catalog's items at that place of the history: an item was
  taken, and it could be any. So what an item is given is what it says beyond that;
- for prompts and features the state of a masked word, a text of its own, at the layer of each.

Each of the M members of an ensemble goes its own way; the score is that of the mean of what they
read, and the share of a token is the sum of its shares in all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from keras import ops

from tfprompt.encoders import read_out
from tfprompt.encoders.ensembles import mean_of_members
from tfprompt.encoders.seam import Seam
from tfprompt.encoders.token_plan import TokenPlan
from tfprompt.encoders.upper import upper_states
from tfprompt.explain.explained import LaidOut, plan_of_members
from tfprompt.explain.request_text import blank_state
from tfprompt.explain.wish_text import WishText
from tfprompt.layers.attention_rules import ITEM

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever

# Items that a mean token is taken over: all of a small catalog, else evenly spaced ones.
_SAMPLE, _AT_ONCE = 1024, 64


class ScorePath:
    """One item's score as a function of everything that stands at the seam.

    The function has two outputs: the trained part of the score, and the wish's own part.

    Args:
        model: a retriever.
        request: the request, laid out.
        candidate: the trained part of the item `[D]`.
        text: the item's text vector `[V]`.

    Attributes:
        start: the inputs where nothing is said: tokens `[M, S, D]`, deep prompts
            `[M, L, P, D]` where there are any, the wish's words `[n, D]` where there are any.
        end: the inputs as they are.
        wish: the wish's words, None for none.
    """

    def __init__(
        self, model: Retriever, request: LaidOut, candidate: np.ndarray, text: np.ndarray
    ) -> None:
        self._model, self._request = model, request
        self._candidate, self._text = tf.constant(candidate), tf.constant(text)
        wanted = request.wish.wish.wanted if request.wish is not None else ""
        self.wish = WishText(model, wanted) if wanted else None
        self.start = [_nothing_said(model, request)]
        self.end = [np.asarray(request.plan.embeddings)]
        if request.deep is not None:
            loaded, first = model.encoder.loaded, model.encoder.prompt_layer + 1
            prompts = np.asarray(request.deep)  # [M, L, P, D]
            blanks = [
                blank_state(loaded, Seam(loaded.backbone, first + number))
                for number in range(prompts.shape[1])
            ]
            self.start.append(np.broadcast_to(np.stack(blanks)[:, None], prompts.shape))
            self.end.append(prompts)
        if self.wish is not None:
            self.start.append(self.wish.start)
            self.end.append(self.wish.end)

    def __call__(self, *points: Any) -> Any:
        """Scores of n points on the way `[n, 2]`.

        Args:
            points: as `start`, with an axis of n points first.
        """
        given = list(points)
        tokens = given.pop(0)
        deep = None if self._request.deep is None else given.pop(0)
        own = tf.zeros(tokens.shape[:1])
        if self.wish is not None:
            vector = self.wish.vector(given.pop(0))  # [n, V]
            own = self._model.wish_weight * tf.linalg.matvec(vector, self._text)
            if (place := self._request.wish_item) is not None:
                tokens = self._with_wish(tokens, vector, place)
        return tf.stack([self._trained(tokens, deep), own], axis=1)

    def _trained(self, tokens: Any, deep: Any) -> Any:
        """The trained part of the score `[n]` of tokens `[n, M, S, D]`."""
        encoder, request = self._model.encoder, self._request
        count = tokens.shape[0]
        plan = _repeated(request.plan, count, _rows(tokens))
        deep = None if deep is None else _rows(deep)
        states = upper_states(encoder, plan, request.read, training=False, deep=deep)
        steps = None if request.steps is None else ops.tile(request.steps, (count, 1))
        read = mean_of_members(encoder, read_out.read(encoder, states, plan, steps, False))
        return tf.linalg.matvec(self._model.trained_queries(read), self._candidate)

    def _with_wish(self, tokens: Any, vector: Any, place: int) -> Any:
        """Tokens `[n, M, S, D]` with the wish as the newest item, made of its own words."""
        model, plan = self._model, self._request.plan
        wished = tf.expand_dims(model.item_tower.tokens(vector, self._no_ids(vector)), 1)
        # Items do not mix before the upper layers, so what stands before the wish is of no matter.
        items = tf.concat([tf.zeros((len(vector), place, wished.shape[-1])), wished], axis=1)
        made = _item_tokens(model, items)[:, -1]
        role, moment = np.asarray(plan.role)[0], np.asarray(plan.moment)[0]
        at = int(np.flatnonzero((role == ITEM) & (moment == place + 1))[0])
        made = tf.repeat(made[:, None, None], tokens.shape[1], axis=1)  # [n, M, 1, D]
        return tf.concat([tokens[:, :, :at], made, tokens[:, :, at + 1 :]], axis=2)

    def _no_ids(self, vector: Any) -> Any:
        rank = self._model.item_table.rank
        return None if rank is None else tf.zeros((len(vector), rank))


def _nothing_said(model: Retriever, request: LaidOut) -> np.ndarray:
    """The tokens `[M, S, D]` of a request that says nothing, see the module."""
    encoder = model.encoder
    inputs = {**request.inputs, "states": request.text.blank_states[None]}
    plan, _, _ = plan_of_members(encoder, inputs)
    tokens = np.array(plan.embeddings)
    blank = blank_state(encoder.loaded, encoder.seam)
    items = _mean_items(model, len(request.titles)) if encoder.item_tokens is not None else None
    moment = np.asarray(plan.moment)[0]
    for column in request.columns:
        if column.item is not None and items is not None:
            tokens[:, column.place] = items[moment[column.place]]
        elif not column.text:
            tokens[:, column.place] = blank
    return tokens


def _mean_items(model: Retriever, length: int) -> np.ndarray:
    """The mean token of the catalog's items at each place `[length + 1, D]`."""
    count = len(model.catalog)
    rows = np.unique(np.linspace(0, count - 1, min(count, _SAMPLE)).round()).astype(np.int32)
    total = np.zeros((length + 1, model.encoder.width))
    for at in range(0, len(rows), _AT_ONCE):
        tokens = model.item_tower.tokens(*model.item_table(rows[at : at + _AT_ONCE]))
        repeated = ops.repeat(ops.expand_dims(tokens, 1), max(length, 1), axis=1)
        total += np.asarray(_item_tokens(model, repeated))[:, : length + 1].sum(axis=0)
    return (total / len(rows)).astype(np.float32)


def _item_tokens(model: Retriever, items: Any) -> Any:
    """Projected items `[n, H, D]`, without ratings, as tokens `[n, H+1, D]`."""
    encoder: Any = model.encoder
    if encoder.rating_tokens is not None:
        ratings = ops.full(ops.shape(items)[:2], float("nan"), dtype=items.dtype)
        items = encoder.rating_tokens(items, ratings)
    return encoder.item_tokens(items)


def _rows(points: Any) -> Any:
    """`[n, M, ...]` to `[n·M, ...]`."""
    return tf.reshape(points, (-1, *points.shape[2:]))


def _repeated(plan: TokenPlan, count: int, tokens: Any) -> TokenPlan:
    """The plan of one request for n times its tokens `[n·M, S, D]`."""
    others = {
        name: ops.tile(getattr(plan, name), (count, 1))
        for name in ("valid", "role", "moment", "order")
    }
    return TokenPlan(embeddings=tokens, **others)
