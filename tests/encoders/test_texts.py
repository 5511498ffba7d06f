"""Vectors and states of texts: against a BERT written in numpy, and against themselves."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.tiny import tiny_loaded_backbone
from tfprompt.encoders import LoadedBackbone, Seam, encode_texts, lower_states
from tfprompt.errors import ConfigError

TEXTS = [
    "Toy Story (1995). Genres: Animation Children's Comedy",
    "Heat",
    "a reader who liked quiet science fiction and long winters",
    "",
    "Amélie",
    "Heat",
]


def numpy_bert(weights: dict[str, np.ndarray], ids: list[int], heads: int = 12) -> np.ndarray:
    """BERT after Devlin et al. 2019 on one unpadded sequence, exact GELU: `[T]` to `[T, D]`."""
    erf = np.vectorize(math.erf)

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T.astype(np.float64) + weights[f"{name}.bias"]

    embeddings = "embeddings.{}_embeddings.weight"
    x = weights[embeddings.format("word")][ids].astype(np.float64)
    x += weights[embeddings.format("position")][: len(ids)]
    x += weights[embeddings.format("token_type")][0]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(sum(name.endswith("intermediate.dense.bias") for name in weights)):
        name = f"encoder.layer.{layer}."
        q, k, v = (
            dense(x, f"{name}attention.self.{part}").reshape(len(ids), heads, -1)
            for part in ("query", "key", "value")
        )
        logits = np.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[-1])
        attention = np.exp(logits - logits.max(-1, keepdims=True))
        attention /= attention.sum(-1, keepdims=True)
        mixed = np.einsum("hqk,khd->qhd", attention, v).reshape(len(ids), -1)
        x += dense(mixed, f"{name}attention.output.dense")
        x = norm(x, f"{name}attention.output.LayerNorm")
        hidden = dense(x, f"{name}intermediate.dense")
        hidden *= 0.5 * (1 + erf(hidden / math.sqrt(2)))
        x = norm(x + dense(hidden, f"{name}output.dense"), f"{name}output.LayerNorm")
    return x


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_minilm_equals_bert_written_in_numpy(
    minilm: LoadedBackbone, minilm_directory: Path
) -> None:
    weights = load_file(minilm_directory / "model.safetensors")
    found = encode_texts(minilm, TEXTS, cache=False)
    for text, vector in zip(TEXTS[:3], found, strict=False):
        ids = minilm.tokenizer([text])["token_ids"].numpy()[0].tolist()
        expected = unit(numpy_bert(weights, ids).mean(axis=0))
        # KerasHub approximates BERT's GELU with tanh: 2e-4 in a vector of length 1.
        np.testing.assert_allclose(vector, expected, atol=5e-4)
        assert vector @ expected > 0.99999


def test_batching_changes_nothing(minilm: LoadedBackbone) -> None:
    together = encode_texts(minilm, TEXTS, cache=False)
    for batch_size in (1, 2):
        apart = encode_texts(minilm, TEXTS, batch_size, cache=False)
        assert (together * apart).sum(axis=1).min() > 0.999999
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(together[1], together[5])


def test_cached_equals_computed(
    tiny: LoadedBackbone, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = encode_texts(tiny, TEXTS)
    np.testing.assert_allclose(first, encode_texts(tiny, TEXTS, cache=False), atol=1e-6)
    monkeypatch.setitem(tiny.graphs, "mean", None)  # Any computation would fail now.
    np.testing.assert_array_equal(encode_texts(tiny, TEXTS[::-1]), first[::-1])
    with pytest.raises(TypeError):
        encode_texts(tiny, ["new"])
    assert (home / "states").is_dir()


def test_pooling_by_hand(tiny: LoadedBackbone) -> None:
    tokens = tiny.tokenizer(TEXTS)
    seam = Seam(tiny.backbone, 0)
    output = tiny.backbone(seam.backbone_inputs(**tokens), training=False)
    states = output["sequence_output"].numpy()
    rows = [state[mask] for state, mask in zip(states, tokens["padding_mask"].numpy(), strict=True)]
    by_hand = {
        "mean": [row.mean(axis=0) for row in rows],
        "cls": [row[0] for row in rows],
        "last": [row[-1] for row in rows],
    }
    for pooling, expected in by_hand.items():
        found = encode_texts(tiny, TEXTS, pooling=pooling, cache=False)
        np.testing.assert_allclose(found, unit(np.stack(expected)), atol=1e-5)
    default = encode_texts(tiny, TEXTS, cache=False)
    np.testing.assert_array_equal(default, encode_texts(tiny, TEXTS, pooling="mean", cache=False))


def test_a_decoder_takes_the_last_token() -> None:
    loaded = tiny_loaded_backbone(layers=2, family="llama")
    found = encode_texts(loaded, TEXTS, cache=False)
    last = encode_texts(loaded, TEXTS, pooling="last", cache=False)
    np.testing.assert_array_equal(found, last)


def test_a_text_without_tokens_is_a_zero_vector(home: Path) -> None:
    loaded = tiny_loaded_backbone(layers=2, family="qwen")
    assert loaded.tokenizer.specials == 0
    for texts in (["", "toy"], [""]):
        found = encode_texts(loaded, texts, cache=False)
        assert np.isfinite(found).all() and not found[0].any()
    seam = Seam(loaded.backbone, 1)
    for _ in range(2):
        states, mask = lower_states(loaded, seam, [""])
        assert states.shape == (1, 0, 32) and mask.shape == (1, 0)


def test_no_texts(tiny: LoadedBackbone, home: Path) -> None:
    for cache in (True, False):
        assert encode_texts(tiny, [], cache=cache).shape == (0, 32)
        states, mask = lower_states(tiny, Seam(tiny.backbone, 1), [], cache=cache)
        assert states.shape == (0, 0, 32) and mask.shape == (0, 0)


@pytest.mark.parametrize("cache", [True, False])
def test_lower_states_are_the_states_at_the_seam(
    tiny: LoadedBackbone, home: Path, cache: bool
) -> None:
    seam = Seam(tiny.backbone, 2)
    tokens = tiny.tokenizer(TEXTS)
    expected = seam.lower_states(**tokens).numpy()
    for _ in range(2):
        states, mask = lower_states(tiny, seam, TEXTS, batch_size=2, cache=cache)
        np.testing.assert_array_equal(mask, tokens["padding_mask"].numpy())
        np.testing.assert_allclose(states[mask], expected[mask], atol=1e-5)
        assert not states[~mask].any()


def test_sequence_length_cuts(tiny: LoadedBackbone) -> None:
    long, cut = "toy story " * 20, "toy story toy"
    found = encode_texts(tiny, [long, cut], sequence_length=5, cache=False)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    with pytest.raises(ConfigError, match="128 positions"):
        encode_texts(tiny, TEXTS, sequence_length=1000)


def test_unknown_pooling(tiny: LoadedBackbone) -> None:
    with pytest.raises(ConfigError, match="Received: pooling='max'"):
        encode_texts(tiny, TEXTS, pooling="max")
