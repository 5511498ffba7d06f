"""States of word pieces where the frozen layers are used to see them: inside a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.encoders.seam import Seam


def states_in_context(loaded: LoadedBackbone, seam: Seam, pieces: Any) -> np.ndarray:
    """States at a seam of rows of word pieces, each row read as one text.

    The special tokens of a text stand around each row, since the first place of a sequence is not
    like the others: trained networks use it as a resting place of attention, and after a few layers
    its state says next to nothing of the token there. A backbone without a start token gets the
    token that divides its texts, or padding, in that place.

    Args:
        loaded: the backbone.
        seam: where it is cut.
        pieces: token ids without special ones, int `[B, n]`.

    Returns:
        Float32 `[B, n, D]`, those of the pieces alone.

    Example:
        ```python
        ids = loaded.tokenizer.pieces(["recommend the next film"]).to_tensor()
        states_in_context(loaded, Seam(loaded.backbone, 5), ids)   # [1, 4, 384]
        ```

    Reference:
        Xiao et al., 2024, "Efficient Streaming Language Models with Attention Sinks".
    """
    tokenizer = loaded.tokenizer
    first = tokenizer.cls_id
    if first is None:
        first = getattr(tokenizer.keras_tokenizer, "end_token_id", None)
    if first is None:
        first = tokenizer.pad_id
    pieces = np.asarray(pieces, np.int32)
    column = np.ones((len(pieces), 1), np.int32)
    parts = [first * column, pieces]
    if tokenizer.sep_id is not None:
        parts.append(tokenizer.sep_id * column)
    tokens = np.concatenate(parts, axis=1)
    states: np.ndarray = np.asarray(seam.lower_states(tokens, np.ones_like(tokens)), np.float32)
    return states[:, 1 : 1 + pieces.shape[1]]
