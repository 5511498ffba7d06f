"""The text of a request as word pieces, and the same text with nothing in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfprompt.encoders.in_context import states_in_context
from tfprompt.encoders.text_plan import ORDER_STEP
from tfprompt.models.request_fields import as_text, history_texts
from tfprompt.models.request_inputs import known_history, request_frame
from tfprompt.prompts.segments import USER, WISH, TextHistory

if TYPE_CHECKING:
    from tfprompt.data.request import Request
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.encoders.seam import Seam
    from tfprompt.encoders.tokenizer import TextTokenizer
    from tfprompt.models.retriever import Retriever


@dataclasses.dataclass(frozen=True, eq=False)
class RequestText:
    """Words and fields of one request.

    Attributes:
        token_ids: int32 `[T]`.
        order: int32 `[T]`, each token's place in the template.
        blank_states: float32 `[T, D]`, the states at the seam of the same text with every word
            piece masked.
        values: the text of each field by name.
        past: of a history as words each token's item, by the token's order: its number and title.
            A comma belongs to the item before it.
    """

    token_ids: np.ndarray
    order: np.ndarray
    blank_states: np.ndarray
    values: dict[str, str]
    past: dict[int, tuple[int, str]]


def request_text(model: Retriever, request: Request, wanted: str) -> RequestText:
    """Tokenizes a request as `request_inputs` does.

    Args:
        model: has an encoder and a catalog.
        request: who asks, checked already.
        wanted: what its wish wants, "" for none.
    """
    encoder = model.encoder
    given = {USER: request.user, **request.values, WISH: wanted}
    frame = request_frame(given, model.catalog.columns)
    values = {
        name: as_text(frame[name][0] if name in frame.columns else None)
        for name in (*encoder.template.fields, *encoder.template.features)
    }
    fields = {name: tf.constant([values[name]]) for name in encoder.template.fields}
    rows = known_history(model.catalog, request)[0]
    texts = history_texts(encoder.template, model.catalog, model.item_text)
    read = [texts[row] for row in rows] if texts else []
    plan = encoder.text_plan(fields, 1, tf.ragged.constant([read], tf.string, ragged_rank=1))
    ids, mask = np.asarray(plan["token_ids"]), np.asarray(plan["padding_mask"])
    masked = blank_ids(encoder.loaded.tokenizer, ids)
    states = np.asarray(encoder.seam.lower_states(masked, mask))
    order = np.asarray(plan["order"])[0]
    titles = model.catalog.titles()
    past = {
        token: (place, titles[rows[place]])
        for token, place in _items_of_tokens(encoder, order, read).items()
    }
    return RequestText(ids[0], order, states[0], values, past)


def _items_of_tokens(
    encoder: PromptedEncoder, order: np.ndarray, read: Sequence[str]
) -> dict[int, int]:
    """For each token of a history as words, by its order, which item of `read` it belongs to."""
    segments = encoder.template.segments
    number = next((n for n, s in enumerate(segments) if isinstance(s, TextHistory)), None)
    history = encoder.template.text_history
    if number is None or history is None or not read:
        return {}
    first = max(0, len(read) - history.count)
    lengths = encoder.loaded.tokenizer.pieces(list(read[first:])).row_lengths().numpy()
    lengths = np.minimum(lengths, encoder.text_plan.item_tokens)
    tokens = order[order // ORDER_STEP == number]
    if len(lengths) > 1:  # what is left of them stands between the items
        lengths[:-1] += (len(tokens) - lengths.sum()) // (len(lengths) - 1)
    places = np.repeat(np.arange(first, len(read)), lengths)
    return dict(zip(tokens.tolist(), places.tolist(), strict=True))


def blank_ids(tokenizer: TextTokenizer, token_ids: np.ndarray) -> np.ndarray:
    """The same tokens `[..., T]` with every piece but the special ones masked.

    A backbone without a mask token gets its padding token, which it sees here.
    """
    kept = [i for i in (tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) if i is not None]
    blank = tokenizer.pad_id if tokenizer.mask_id is None else tokenizer.mask_id
    return np.where(np.isin(token_ids, kept), token_ids, blank).astype(np.int32)


def blank_state(loaded: LoadedBackbone, seam: Seam) -> np.ndarray:
    """The state `[D]` at a seam of a masked word that is a text of its own."""
    tokenizer = loaded.tokenizer
    token = tokenizer.pad_id if tokenizer.mask_id is None else tokenizer.mask_id
    state: np.ndarray = states_in_context(loaded, seam, [[token]])[0, 0]
    return state


def pieces(tokenizer: TextTokenizer, token_ids: np.ndarray) -> list[str]:
    """The vocabulary's own writing of some tokens `[T]`."""
    return [str(tokenizer.keras_tokenizer.id_to_token(int(i))) for i in token_ids]


def words(written: list[str]) -> list[tuple[int, str]]:
    """Pieces put together to words.

    Args:
        written: pieces as their vocabulary writes them: "film", "##maker"; "Ġfilm", "maker".

    Returns:
        For each piece the number of its word, and the word's text.
    """
    marked = any(piece.startswith(("Ġ", "▁")) for piece in written)
    numbers: list[int] = []
    texts: list[str] = []
    for piece in written:
        inside = not piece.startswith(("Ġ", "▁")) if marked else piece.startswith("##")
        text = piece.removeprefix("##") if not marked else piece.lstrip("Ġ▁")
        if inside and texts:
            texts[-1] += text
        else:
            texts.append(text)
        numbers.append(len(texts) - 1)
    # A byte-pair vocabulary has a space as a piece of its own.
    return [(number, texts[number] or "␣") for number in numbers]
