"""The 4-bit file of multilingual-e5-small: numbers by hand in a small one, meanings in the real."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from tfprompt.encoders import load_backbone
from tfprompt.encoders.four_bit_e5 import unpack
from tfprompt.encoders.packaged import packaged_directory
from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import DownloadError

HIDDEN, WIDE, POSITIONS = 32, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁красный", "▁город", "▁red", "▁city", "<mask>"]


def _blocks(rows: int, columns: int, seed: int) -> tuple[bytes, np.ndarray]:
    """Random weights as Q4_0, written one nibble after the other, and their values."""
    rng = np.random.default_rng(seed)
    data, values = b"", np.zeros((rows, columns), np.float32)
    for row in range(rows):
        for begin in range(0, columns, 32):
            scale, nibbles = np.float16(rng.uniform(0.01, 0.1)), rng.integers(0, 16, 32)
            data += scale.tobytes()
            data += bytes(int(nibbles[j]) | int(nibbles[j + 16]) << 4 for j in range(16))
            values[row, begin : begin + 32] = [(int(n) - 8) * float(scale) for n in nibbles]
    return data, values


def _write(path: Path) -> dict[str, np.ndarray]:
    """A file of one layer; the tensors in it."""
    shapes = {"emb.word": (len(PIECES), HIDDEN), "emb.pos": (POSITIONS, HIDDEN),
              "emb.type": (2, HIDDEN), "emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}  # fmt: skip
    for name in ("q", "k", "v", "ao", "fi", "fo"):
        out = WIDE if name == "fi" else HIDDEN
        shapes[f"l0.{name}.w"] = (out, WIDE if name == "fo" else HIDDEN)
        shapes[f"l0.{name}.b"] = (out,)
    for name in ("aln", "oln"):
        shapes |= {f"l0.{name}.w": (HIDDEN,), f"l0.{name}.b": (HIDDEN,)}
    values, stored, rng = {}, {}, np.random.default_rng(0)
    for seed, (name, shape) in enumerate(shapes.items()):
        if len(shape) == 2 and name not in ("emb.pos", "emb.type"):
            data, values[name] = _blocks(*shape, seed)
            stored[name] = (1, data)
        else:
            values[name] = rng.normal(size=shape).astype(np.float32)
            stored[name] = (0, values[name].tobytes())
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, 1, 4, WIDE, len(PIECES), POSITIONS, 2,
                                 1e-12, 32)  # fmt: skip
    texts = [piece.encode() for piece in PIECES]
    blob, offsets = b"".join(texts), np.cumsum([0, *map(len, texts)]).astype("<u4")
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob)) + offsets.tobytes()
    head += np.array([0, 0, 0, 0, -9, -1, -1, -1, -1, 0], "<f4").tobytes() + blob
    head += struct.pack("<iIIBI", 1, 9, ord("ﬁ"), 1, ord("f")) + struct.pack("<i", len(stored))
    directory = sum(2 + len(name) + 1 + 4 + 16 for name in stored)
    offset, listed, body = len(head) + directory, b"", b""
    for name, (kind, data) in stored.items():
        listed += struct.pack(f"<H{len(name)}sBIQQ", len(name), name.encode(), kind,
                              values[name].size, offset, len(data))  # fmt: skip
        body, offset = body + data, offset + len(data)
    path.write_bytes(head + listed + body)
    return values


def test_unpacked_by_hand(tmp_path: Path) -> None:
    values = _write(tmp_path / "small.bin")
    unpack(tmp_path / "small.bin", tmp_path / "model")
    loaded = load_backbone(str(tmp_path / "model"))
    backbone = loaded.backbone
    table = np.asarray(backbone.get_layer("token_embedding").embeddings)
    np.testing.assert_allclose(table, values["emb.word"], rtol=1e-6)
    layer = backbone.transformer_layers[0]
    wide = np.asarray(layer._feedforward_intermediate_dense.kernel)
    np.testing.assert_allclose(wide, values["l0.fi.w"].T, rtol=1e-6)
    query = np.asarray(layer._self_attention_layer._query_dense.kernel).reshape(HIDDEN, HIDDEN)
    np.testing.assert_allclose(query, values["l0.q.w"].T, rtol=1e-6)
    np.testing.assert_array_equal(layer._feedforward_layer_norm.beta, values["l0.oln.b"])
    ids = loaded.tokenizer(["красный город", "red город"])["token_ids"].numpy()
    assert ids.tolist() == [[0, 5, 6, 2], [0, 7, 6, 2]]
    assert loaded.tokenizer.mask_id == PIECES.index("<mask>")
    (tmp_path / "other.bin").write_bytes(b"GGUF")
    with pytest.raises(DownloadError, match="another format"):
        unpack(tmp_path / "other.bin", tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_the_real_one_reads_languages_alike() -> None:
    try:
        packaged_directory("multilingual-e5-small")
    except DownloadError as error:
        pytest.skip(f"the packaged multilingual-e5-small cannot be fetched: {error}")
    loaded = load_backbone("multilingual-e5-small")
    assert (loaded.width, loaded.number_of_layers, loaded.family) == (384, 12, "bert")
    # Known ids of XLM-RoBERTa's vocabulary.
    ids = loaded.tokenizer(["query: Hello world"])["token_ids"].numpy()[0]
    assert ids.tolist() == [0, 41, 1294, 12, 35378, 8999, 2]
    english = ["The Silence of the Lambs", "Back to the Future", "The Lion King"]
    others = ["Das Schweigen der Lämmer", "Retour vers le futur", "Король Лев", "狮子王"]
    vectors = encode_texts(loaded, english + others, cache=False, progress=False)
    nearest = np.argmax(vectors[3:] @ vectors[:3].T, axis=1)
    assert nearest.tolist() == [0, 1, 2, 2]
