"""The tokenizer's frame around the pieces: special tokens, lengths, padding, families, export."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import FAMILIES, tiny_loaded_backbone
from tfprompt.encoders import LoadedBackbone, TextTokenizer
from tfprompt.errors import ConfigError

TEXTS = ["The toy story", "drama!", "", "a good king of the red city"]


# Tracing a byte-pair tokenizer takes seconds; these two differ from the rest in the layers only.
@pytest.mark.parametrize("family", sorted({*FAMILIES} - {"llama3", "qwen3"}))
def test_frame_of_every_family(family: str) -> None:
    tokenizer = tiny_loaded_backbone(layers=2, family=family).tokenizer
    pieces = tokenizer.pieces(TEXTS).to_list()
    tokens = tokenizer(TEXTS)
    assert tokens["token_ids"].dtype == tf.int32 and tokens["padding_mask"].dtype == tf.bool
    rows = tf.ragged.boolean_mask(tokens["token_ids"], tokens["padding_mask"]).to_list()
    before = [] if tokenizer.cls_id is None else [tokenizer.cls_id]
    after = [] if tokenizer.sep_id is None else [tokenizer.sep_id]
    assert rows == [[*before, *row, *after] for row in pieces]
    padding = tokens["token_ids"].numpy()[~tokens["padding_mask"].numpy()]
    assert (padding == tokenizer.pad_id).all()
    assert pieces[0] and tokenizer.specials == len(before) + len(after)


@pytest.mark.parametrize(
    "family", ["bert", pytest.param("roberta", marks=pytest.mark.slow), "xlm_roberta"]
)
def test_a_saved_model_gives_the_same(family: str, tmp_path: Path) -> None:
    module = tf.Module()
    module.tokenizer = tiny_loaded_backbone(layers=2, family=family).tokenizer
    serve = tf.function(
        lambda strings: module.tokenizer(strings),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path), signatures=serve.get_concrete_function())
    served = tf.saved_model.load(str(tmp_path)).signatures["serving_default"](tf.constant(TEXTS))
    for name, value in module.tokenizer(TEXTS).items():
        np.testing.assert_array_equal(served[name], value)


@pytest.mark.parametrize("family", ["xlm_roberta", "llama"])
def test_a_global_seed_does_not_take_the_model_away(family: str) -> None:
    tokenizer = tiny_loaded_backbone(layers=2, family=family).tokenizer
    before = tokenizer(TEXTS)["token_ids"].numpy()
    # Sets TensorFlow's seed and with it empties the cache of kernels.
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(tokenizer(TEXTS)["token_ids"], before)


def test_special_ids(tiny: LoadedBackbone) -> None:
    tokenizer = tiny.tokenizer
    assert (tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) == (0, 2, 3, 4)
    decoder = tiny_loaded_backbone(layers=2, family="llama").tokenizer
    assert decoder.cls_id == 1 and decoder.sep_id is None and decoder.mask_id is None


def test_a_long_text_is_cut_and_keeps_its_end_token(tiny: LoadedBackbone) -> None:
    tokens = tiny.tokenizer(["word " * 50], sequence_length=10)
    row = tokens["token_ids"].numpy()[0]
    assert len(row) == 10 and row[0] == tiny.tokenizer.cls_id and row[-1] == tiny.tokenizer.sep_id
    assert tokens["padding_mask"].numpy().all()


def test_padding_to_a_static_length(tiny: LoadedBackbone) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def tokenize(strings: tf.Tensor) -> dict[str, tf.Tensor]:
        tokens = tiny.tokenizer(strings, sequence_length=12, pad_to_length=True)
        assert tokens["token_ids"].shape[1] == tokens["padding_mask"].shape[1] == 12
        return tokens

    assert tokenize(tf.constant(TEXTS))["token_ids"].shape == (4, 12)


def test_default_length_respects_a_short_table(tiny: LoadedBackbone) -> None:
    keras_tokenizer = tiny.tokenizer.keras_tokenizer
    assert TextTokenizer(keras_tokenizer, max_sequence_length=40).sequence_length == 40
    assert TextTokenizer(keras_tokenizer).sequence_length == 128


def test_a_length_past_the_position_table_is_refused(tiny: LoadedBackbone) -> None:
    with pytest.raises(ConfigError, match=r"128 positions. Received: sequence_length=129"):
        tiny.tokenizer(["a"], sequence_length=129)


def test_a_length_without_room_is_refused(tiny: LoadedBackbone) -> None:
    with pytest.raises(ConfigError, match="at least 3: 2 special.*Received: sequence_length=2"):
        tiny.tokenizer(["a"], sequence_length=2)
