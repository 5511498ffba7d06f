"""States that the frozen layers know: where prompts start."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tfprompt.encoders.in_context import states_in_context
from tfprompt.encoders.seam import Seam
from tfprompt.errors import ConfigError
from tfprompt.layers import PromptPool, SoftPrompt

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.prompts.segments import Soft

# Random pieces that stand in one text.
_ROW = 16
# How far a repeated start lies from the first, in deviations of word states.
_REPEATED = 0.1


def start_prompts(encoder: PromptedEncoder) -> None:
    """Starts an encoder's trained vectors among the states that its frozen layers know.

    Item tokens and random prompts get the mean and deviation of a sample of word states at their
    layer; prompts with words or a vocabulary sample get those states themselves.
    """
    loaded, seam = encoder.loaded, encoder.seam
    generator = np.random.default_rng(encoder.seed)
    mean, deviation = _moments(loaded, seam, generator)

    def drawn(count: int) -> np.ndarray:
        return _drawn(count, mean, deviation, generator)

    if encoder.item_tokens is not None:
        encoder.item_tokens.match(mean, deviation)
    if encoder.candidate_tokens is not None:
        encoder.candidate_tokens.match(mean, deviation)
    for soft, layer in zip(encoder.template.soft, encoder.soft_prompts, strict=True):
        if soft.length and soft.initializer == "words":
            _start(layer, word_states(loaded, seam, soft.words), deviation, generator)
        elif soft.length and soft.initializer == "vocabulary":
            count = soft.length * layer.members
            layer.initialize(vocabulary_states(loaded, seam, count, generator))
        elif soft.length:  # labels and items wait for the catalog, see `start_from_catalog`
            layer.initialize(drawn(soft.length * layer.members))
    for number, layer in enumerate(encoder.deep_prompts, seam.prompt_layer + 1):
        own = _moments(loaded, Seam(loaded.backbone, number), generator)
        layer.initialize(_drawn(layer.length * layer.members, *own, generator))
    for layer in encoder.made_prompts.values():
        if isinstance(layer, SoftPrompt):
            layer.initialize(drawn(layer.length))
        elif isinstance(layer, PromptPool):
            layer.initialize(drawn(layer.size * layer.each))


def needs_catalog(encoder: PromptedEncoder) -> bool:
    """Whether some prompt starts from what the catalog holds."""
    return bool(_waiting(encoder) or _waiting_pools(encoder))


def _waiting(encoder: PromptedEncoder) -> list[tuple[Soft, SoftPrompt]]:
    """Soft prompts that start from the catalog, without those that were taken over."""
    return [
        (soft, layer)
        for soft, layer in zip(encoder.template.soft, encoder.soft_prompts, strict=True)
        if soft.length and soft.initializer in ("labels", "items")
        if layer.name not in encoder.taken_over
    ]


def _waiting_pools(encoder: PromptedEncoder) -> list[PromptPool]:
    pools = [layer for layer in encoder.made_prompts.values() if isinstance(layer, PromptPool)]
    return [layer for layer in pools if layer.name not in encoder.taken_over]


def start_from_catalog(
    encoder: PromptedEncoder, catalog: Catalog, item_vectors: Any, likeness: Any = None
) -> None:
    """Starts prompts from the values of a column or from the items, and a pool's keys.

    Args:
        encoder: built; what it has trained already is lost, but for what it has taken over.
        catalog: gives the values of columns.
        item_vectors: frozen text vectors of the items `[N, D]`.
        likeness: what requests are like `[n, Q]`, by which a pool's keys are found; read where
            there is a pool.
    """
    generator = np.random.default_rng(encoder.seed)
    mean, deviation = _moments(encoder.loaded, encoder.seam, generator)
    for soft, layer in _waiting(encoder):
        if soft.initializer == "labels":
            states = label_states(encoder, labels_of(catalog, soft.column))
        else:
            centres = k_means(item_vectors, soft.length * layer.members, generator)
            vectors = np.asarray(item_vectors)
            spread = (centres - vectors.mean(axis=0)) / (vectors.std(axis=0) + 1e-6)
            states = mean + deviation * spread  # at the place and scale of words
        _start(layer, states, deviation, generator)
    for pool in _waiting_pools(encoder):
        text = np.asarray(likeness)[:, : pool.query_width]
        centres = k_means(text, pool.size, generator)
        noise = _REPEATED * text.std(axis=0) * generator.standard_normal((pool.size, text.shape[1]))
        repeated = np.arange(pool.size) >= len(centres)
        pool.start_keys(centres[np.arange(pool.size) % len(centres)] + repeated[:, None] * noise)


def labels_of(catalog: Catalog, column: str) -> list[str]:
    """The names of a column's classes, the most frequent first.

    A category has its vocabulary; a text, as "drama, war", its parts between commas or bars.
    """
    known = catalog.columns.get(column)
    if known is not None and known.vocabulary:
        return list(known.vocabulary)
    found: Counter[str] = Counter()
    if column in catalog.frame.columns:
        for value in catalog.frame[column].cast(pl.String).drop_nulls():
            found.update(part.strip() for part in re.split(r"[,|;]", value) if part.strip())
    if not found:
        raise ConfigError(f"A prompt starts from names of classes. Received: none in {column!r}.")
    return [name for name, _ in found.most_common()]


def label_states(encoder: PromptedEncoder, labels: Sequence[str]) -> np.ndarray:
    """One state a label `[n, D]`: the mean of its words' states at the seam."""
    states = [word_states(encoder.loaded, encoder.seam, label).mean(axis=0) for label in labels]
    return np.stack(states)


def k_means(vectors: Any, count: int, generator: np.random.Generator) -> np.ndarray:
    """Centres `[count, D]` of vectors `[N, D]`; these themselves, once each, where they are few."""
    from scipy.cluster.vq import kmeans2  # seldom needed

    vectors = np.asarray(vectors, np.float64)
    first = np.unique(vectors, axis=0, return_index=True)[1]
    if len(first) <= count:
        return vectors[np.sort(first)]
    with warnings.catch_warnings():
        # An empty cluster keeps its centre, which does for a start.
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        centres, _ = kmeans2(vectors, count, minit="++", rng=generator)
    return np.asarray(centres)


def _start(
    layer: SoftPrompt, states: np.ndarray, deviation: np.ndarray, generator: np.random.Generator
) -> None:
    """Starts a prompt from states `[n, D]`; where they are too few, repetitions differ a little.

    Equal vectors would get equal gradients and stay equal: so many would be worth one, and the
    members of an ensemble would agree for ever.
    """
    count = layer.length * layer.members
    if len(states) < count:
        places = np.arange(count) % layer.length % len(states)
        repeated = np.arange(count) >= min(len(states), layer.length)
        noise = _REPEATED * deviation * generator.standard_normal((count, len(deviation)))
        states = states[places] + repeated[:, None] * noise
    layer.initialize(states)


def _moments(
    loaded: LoadedBackbone, seam: Seam, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation `[D]` of word states at a seam."""
    sample = vocabulary_states(loaded, seam, 256, generator)
    return sample.mean(axis=0), sample.std(axis=0)


def _drawn(
    count: int, mean: np.ndarray, deviation: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    noise = generator.standard_normal((count, len(mean)))
    return (mean + deviation * noise).astype("float32")


def vocabulary_states(
    loaded: LoadedBackbone, seam: Seam, count: int, generator: np.random.Generator
) -> np.ndarray:
    """States `[count, D]` at the seam of random pieces of the vocabulary, `_ROW` in each text."""
    tokenizer = loaded.tokenizer.keras_tokenizer
    special = set(getattr(tokenizer, "special_token_ids", ()))
    known = np.array([i for i in range(tokenizer.vocabulary_size()) if i not in special])
    rows = -(-count // _ROW)
    drawn = generator.choice(known, size=(rows, _ROW), replace=len(known) < rows * _ROW)
    return states_in_context(loaded, seam, drawn).reshape(-1, loaded.width)[:count]


def word_states(loaded: LoadedBackbone, seam: Seam, words: str) -> np.ndarray:
    """States `[n, D]` at the seam of some words as one text, without its special tokens.

    Raises:
        ConfigError: the tokenizer leaves nothing of the words.
    """
    tokenizer = loaded.tokenizer
    most = tokenizer.sequence_length - tokenizer.specials
    pieces = np.asarray(tokenizer.pieces([words]).to_tensor())[:, :most]
    if not pieces.size:
        raise ConfigError(f"No word piece is left of the prompt words {words!r}.")
    return states_in_context(loaded, seam, pieces)[0]
