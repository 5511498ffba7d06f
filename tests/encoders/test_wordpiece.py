"""Tokenization against the reference library: hard strings, and every character of Unicode."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from tests.encoders.hard_strings import HARD_STRINGS
from tfprompt.encoders import LoadedBackbone
from tfprompt.encoders.wordpiece import WordPiece


@pytest.fixture(scope="module")
def reference(minilm_directory: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(minilm_directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # What a user typed is text: "[SEP]" in a title must not end the sequence.
    tokenizer.encode_special_tokens = True
    return tokenizer


def test_the_list_is_long_enough() -> None:
    assert len(set(HARD_STRINGS)) == len(HARD_STRINGS) >= 200


def test_pieces_equal_the_reference(minilm: LoadedBackbone, reference: Tokenizer) -> None:
    expected = [reference.encode(text, add_special_tokens=False).ids for text in HARD_STRINGS]
    found = minilm.tokenizer.pieces(HARD_STRINGS).to_list()
    assert dict(zip(HARD_STRINGS, found, strict=True)) == dict(
        zip(HARD_STRINGS, expected, strict=True)
    )


def test_normalized_text_equals_the_reference(minilm: LoadedBackbone, reference: Tokenizer) -> None:
    assert minilm.tokenizer.word_piece is not None
    found = minilm.tokenizer.word_piece.normalize(tf.constant(HARD_STRINGS)).numpy()
    for text, ours in zip(HARD_STRINGS, found, strict=True):
        if "\u0898" in text:
            # The order of two marks of Unicode 14, which the operations' tables lack; no piece
            # of a vocabulary holds them.
            continue
        assert ours.decode() == reference.normalizer.normalize_str(text), ascii(text)


@pytest.mark.parametrize("length", [128, 16, 3])
def test_sequences_equal_the_reference(
    minilm: LoadedBackbone, reference: Tokenizer, length: int
) -> None:
    cut = Tokenizer.from_str(reference.to_str())
    cut.encode_special_tokens = True
    cut.enable_truncation(length)
    tokens = minilm.tokenizer(HARD_STRINGS, sequence_length=length)
    rows = tf.ragged.boolean_mask(tokens["token_ids"], tokens["padding_mask"]).to_list()
    assert rows == [cut.encode(text).ids for text in HARD_STRINGS]


def test_a_saved_model_gives_the_same(
    minilm: LoadedBackbone, reference: Tokenizer, tmp_path: Path
) -> None:
    module = tf.Module()
    module.tokenizer = minilm.tokenizer
    serve = tf.function(
        lambda strings: module.tokenizer(strings, pad_to_length=True),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path), signatures=serve.get_concrete_function())
    served = tf.saved_model.load(str(tmp_path)).signatures["serving_default"](
        tf.constant(HARD_STRINGS)
    )
    eager = minilm.tokenizer(HARD_STRINGS, pad_to_length=True)
    assert served["token_ids"].shape[1] == 128
    for name in ("token_ids", "padding_mask"):
        assert bool(tf.reduce_all(served[name] == eager[name]))


def test_every_character_equals_the_reference(minilm: LoadedBackbone, reference: Tokenizer) -> None:
    # 64 characters a string, kept apart by letters so that marks and sigmas meet no neighbour.
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    texts = [
        " ".join(f"a{c}b {c}" for c in characters[start : start + 64])
        for start in range(0, len(characters), 64)
    ]
    expected = [e.ids for e in reference.encode_batch(texts, add_special_tokens=False)]
    found = minilm.tokenizer.pieces(texts).to_list()
    different = [i for i, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b]
    assert not different, [hex(ord(characters[64 * i])) for i in different[:20]]


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("strip_accents", [True, False, None])
@pytest.mark.parametrize("split_ideographs", [True, False])
def test_words_equal_the_reference_for_every_setting(
    lowercase: bool, strip_accents: bool | None, split_ideographs: bool
) -> None:
    ours = WordPiece(
        ["[UNK]"], lowercase=lowercase, strip_accents=strip_accents,
        split_ideographs=split_ideographs,
    )  # fmt: skip
    theirs = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=split_ideographs,
        strip_accents=strip_accents, lowercase=lowercase,
    )  # fmt: skip
    splitter = pre_tokenizers.BertPreTokenizer()
    # Words over 100 characters become [UNK] here already; see above for the marks of Unicode 14.
    texts = [
        text
        for text in HARD_STRINGS
        if max((len(w) for w in text.split()), default=0) < 99 and "\u0898" not in text
    ]
    words = ours.words(tf.constant(texts)).to_list()
    for text, found in zip(texts, words, strict=True):
        expected = [w for w, _ in splitter.pre_tokenize_str(theirs.normalize_str(text))]
        assert [w.decode() for w in found] == expected, ascii(text)


def test_bytes_that_are_no_text_do_not_fail(minilm: LoadedBackbone) -> None:
    broken = tf.constant([b"\xff\xfefilm", b"fi\xe4lm", b"\xf0\x9f", b"film"])
    film = minilm.tokenizer.pieces(["film"]).to_list()[0]
    assert minilm.tokenizer.pieces(broken).to_list() == [film, film, [], film]


def test_a_turkish_locale_changes_nothing() -> None:
    # ICU lowers by the locale of the process: without care "I" becomes dotless under tr_TR.
    code = (
        "import tfprompt, tensorflow as tf\n"
        "from tfprompt.encoders.wordpiece import WordPiece\n"
        "for strip in (True, False):\n"
        "    w = WordPiece(['[UNK]'], lowercase=True, strip_accents=strip)\n"
        "    text = w.normalize(tf.constant(['I\u0130J\u012e\u00cc'])).numpy()\n"
        "    print([x.decode() for x in text])\n"
    )
    environment = {**os.environ, "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8",
                   "PYTHONIOENCODING": "utf-8"}  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.split("\n")[:2] == ["['iijii']", "['ii\u0307j\u012f\u00ec']"]
