"""Many texts through the frozen network: vectors of whole texts, states at the seam."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfprompt.encoders.cache import StateCache
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.encoders.seam import Seam

_POOLINGS = ("mean", "cls", "last")


def encode_texts(
    loaded: LoadedBackbone,
    texts: Sequence[str],
    batch_size: int = 64,
    *,
    pooling: str | None = None,
    sequence_length: int | None = None,
    cache: bool = True,
    progress: bool = True,
) -> np.ndarray:
    """One unit vector a text: the pooled last states of the frozen backbone.

    Texts are sorted by length, so that short ones are not padded to long ones; what was computed
    before comes from disk.

    Args:
        loaded: the backbone.
        texts: n texts; repetitions cost nothing.
        batch_size: texts in one pass.
        pooling: "mean" of the real tokens, "cls" (the first) or "last" (the last real one).
            By default "mean" for encoders and "last" for decoders.
        sequence_length: tokens after which a text is cut; the tokenizer's own limit by default.
        cache: keep the vectors under `TFPROMPT_HOME/states` and reuse them.
        progress: show a bar on a terminal.

    Returns:
        float32 `[n, D]` of length 1 each; zeros for a text without a single token.

    Raises:
        ConfigError: unknown pooling, or `sequence_length` past the position table.

    Example:
        ```python
        vectors = encode_texts(load_backbone("all-minilm-l6-v2"), ["Heat (1995)", "Ronin (1998)"])
        vectors @ vectors.T            # [2, 2] cosines
        ```
    """
    pooling = pooling or ("last" if loaded.causal else "mean")
    if pooling not in _POOLINGS:
        raise ConfigError(f"pooling must be one of {_POOLINGS}. Received: pooling={pooling!r}")
    length = loaded.tokenizer.check_length(sequence_length or loaded.tokenizer.sequence_length)
    forward = _graph(loaded, pooling, lambda: _pooled_forward(loaded, pooling))

    def compute(part: list[str]) -> np.ndarray:
        vectors = np.zeros((len(part), loaded.width), np.float32)
        for rows, _, output in _batches(loaded, part, forward, length, batch_size, progress):
            vectors[rows] = output
        return vectors

    if not cache:
        distinct = list(dict.fromkeys(texts))
        place = {text: row for row, text in enumerate(distinct)}
        vectors = compute(distinct) if distinct else np.zeros((0, loaded.width), np.float32)
        return vectors[np.array([place[text] for text in texts], np.int64)]
    kept = StateCache(loaded.fingerprint, f"{pooling}-{length}", loaded.width)
    return kept.vectors(texts, compute)


def pooled_graph(loaded: LoadedBackbone, pooling: str | None = None) -> Callable[[Any, Any], Any]:
    """The graph behind `encode_texts`: token ids and mask `[B, T]` to unit vectors `[B, D]`.

    Args:
        loaded: the backbone.
        pooling: as in `encode_texts`.
    """
    pooling = pooling or ("last" if loaded.causal else "mean")
    return _graph(loaded, pooling, lambda: _pooled_forward(loaded, pooling))


def lower_states(
    loaded: LoadedBackbone,
    seam: Seam,
    texts: Sequence[str],
    batch_size: int = 64,
    *,
    sequence_length: int | None = None,
    cache: bool = True,
    dtype: str = "float32",
    progress: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """States of each text at the seam, special tokens included.

    Args:
        loaded: the backbone.
        seam: where it is cut.
        texts: n texts; repetitions cost nothing.
        batch_size: texts in one pass.
        sequence_length: tokens after which a text is cut.
        cache: keep the states under `TFPROMPT_HOME/states` and reuse them.
        dtype: type on disk, "float32" or "float16".
        progress: show a bar on a terminal.

    Returns:
        States float32 `[n, T, D]`, zero where padded, and mask bool `[n, T]`, T being the longest
        of these texts.

    Raises:
        ConfigError: `sequence_length` past the position table.
    """
    length = loaded.tokenizer.check_length(sequence_length or loaded.tokenizer.sequence_length)
    forward = lower_graph(loaded, seam)

    def compute(part: list[str]) -> list[np.ndarray]:
        states: list[np.ndarray] = [np.zeros((0, loaded.width), np.float32)] * len(part)
        for rows, lengths, output in _batches(loaded, part, forward, length, batch_size, progress):
            for row, tokens, state in zip(rows, lengths, output, strict=True):
                states[row] = state[:tokens]
        return states

    if cache:
        kind = f"states-{seam.prompt_layer}-{length}"
        kept = StateCache(loaded.fingerprint, kind, loaded.width, dtype=dtype)
        ragged = kept.states(texts, compute)
    else:
        distinct = list(dict.fromkeys(texts))
        found = dict(zip(distinct, compute(distinct), strict=True))
        ragged = [found[text] for text in texts]
    longest = max((len(state) for state in ragged), default=0)
    states = np.zeros((len(ragged), longest, loaded.width), np.float32)
    mask = np.zeros((len(ragged), longest), bool)
    for row, state in enumerate(ragged):
        states[row, : len(state)] = state
        mask[row, : len(state)] = True
    return states, mask


def lower_graph(loaded: LoadedBackbone, seam: Seam) -> Callable[[Any, Any], Any]:
    """The graph behind `lower_states`: token ids and mask `[B, T]` to states `[B, T, D]`.

    Args:
        loaded: the backbone.
        seam: where it is cut.
    """
    return _graph(loaded, f"lower-{seam.prompt_layer}", lambda: _traced(seam.lower_states))


def _graph(
    loaded: LoadedBackbone, name: str, build: Callable[[], Callable[[Any, Any], Any]]
) -> Callable[[Any, Any], Any]:
    """The backbone's graph of that name, traced once and kept with it: tracing costs 0.5 s."""
    if name not in loaded.graphs:
        loaded.graphs[name] = build()
    return loaded.graphs[name]


def _traced(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """One graph for every batch shape of (token_ids, padding_mask)."""
    signature = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)]
    return tf.function(function, input_signature=signature)


def _pooled_forward(loaded: LoadedBackbone, pooling: str) -> Callable[[Any, Any], Any]:
    """Token ids and mask `[B, T]` to unit vectors `[B, D]`."""
    from tfprompt.encoders.seam import Seam

    seam = Seam(loaded.backbone, 0)

    def forward(token_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        states = loaded.backbone(seam.backbone_inputs(token_ids, padding_mask), training=False)
        if isinstance(states, dict):
            states = states["sequence_output"]
        states = tf.cast(states, tf.float32)
        weights = tf.cast(padding_mask, tf.float32)
        counts = tf.reduce_sum(weights, axis=1, keepdims=True)
        if pooling == "last":
            # The one place where the count of real tokens so far reaches the total.
            weights *= tf.cast(tf.equal(tf.cumsum(weights, axis=1), counts), tf.float32)
        elif pooling == "cls":
            weights *= tf.cast(tf.equal(tf.cumsum(weights, axis=1), 1.0), tf.float32)
        vectors = tf.einsum("bt,btd->bd", weights, states)
        # The mean's divisor does not matter under the norm; epsilon inside the root: no 0/0.
        square = tf.reduce_sum(tf.square(vectors), axis=1, keepdims=True)
        return vectors * tf.math.rsqrt(tf.maximum(square, 1e-24))

    return _traced(forward)


def _batches(
    loaded: LoadedBackbone,
    texts: list[str],
    forward: Callable[[Any, Any], Any],
    length: int,
    batch_size: int,
    progress: bool,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Runs texts sorted by length: yields rows `[b]`, token counts `[b]`, output `[b, …]`."""
    tokens = loaded.tokenizer(texts, sequence_length=length)
    token_ids, mask = tokens["token_ids"].numpy(), tokens["padding_mask"].numpy()
    if token_ids.shape[1] == 0:  # Only texts without a token, of a family without special tokens.
        token_ids = np.full((len(texts), 1), loaded.tokenizer.pad_id, np.int32)
        mask = np.zeros((len(texts), 1), bool)
    counts = mask.sum(axis=1)
    # Longest first: the batch that needs the most memory fails at once, not after an hour.
    order = np.argsort(-counts, kind="stable")
    with _Bar(len(texts), progress) as advance:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            # One graph serves every shape, so lengths need no rounding (445 texts a second on the
            # MovieLens-100K titles; rounded up to 8: 394; unsorted: 200).
            width = max(int(counts[rows[0]]), 1)
            output = forward(token_ids[rows, :width], mask[rows, :width])
            yield rows, counts[rows], output.numpy()
            advance(len(rows))


class _Bar:
    """A progress bar on a terminal's stderr; nothing anywhere else."""

    def __init__(self, total: int, wanted: bool) -> None:
        self._progress: Any = None
        if wanted and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(console=Console(stderr=True), transient=True)
            self._task = self._progress.add_task("Encoding texts", total=total)

    def __enter__(self) -> Callable[[int], None]:
        if self._progress is None:
            return lambda count: None
        self._progress.start()
        return lambda count: self._progress.advance(self._task, count)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
