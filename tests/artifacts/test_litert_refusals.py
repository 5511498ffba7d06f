"""What cannot be carried to a device is refused with a remedy, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tfprompt as tp
from tests import toy
from tfprompt.artifacts.litert import export as litert
from tfprompt.artifacts.litert.description import ranges
from tfprompt.encoders import _bert_characters as characters
from tfprompt.errors import ExportError
from tfprompt.models.retriever import Retriever

WORDS = "{soft:2} watched {history:items}"


@pytest.fixture(scope="module")
def model(own_home: Path) -> Retriever:
    return toy.retriever(WORDS)


def test_a_file_is_never_overwritten(model: Retriever, tmp_path: Path) -> None:
    (tmp_path / "x.items.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"never overwritten.*x\.items\.txt"):
        model.export(tmp_path / "x.tflite", format="litert")
    assert [path.name for path in tmp_path.iterdir()] == ["x.items.txt"]
    assert (tmp_path / "x.items.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quantize": "int4"}, "quantize is one of"),
        ({"catalog": "nowhere"}, "'inside' or 'beside'"),
        ({"quantize": "int8", "catalog": "inside"}, "too few to rank a catalog"),
        ({"k": 0}, "k is 1 or more"),
        ({"max_history": 7}, "history of this model 1 to 6"),
        ({"max_history": 6, "wish": True}, "a wish takes one place"),
        ({"exclude": -1}, "exclude 0 or more"),
        ({"wish": True, "wish_tokens": 2}, "a wish 1 more than the special tokens"),
    ],
)
def test_options_out_of_range(
    model: Retriever, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ExportError, match=words):
        model.export(tmp_path / "x.tflite", format="litert", **options)
    assert list(tmp_path.iterdir()) == []


def test_the_name_says_what_it_is(model: Retriever, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"ends in \.tflite"):
        model.export(tmp_path / "x.bin", format="litert")


def test_formats(model: Retriever, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="'saved_model' or 'litert'"):
        model.export(tmp_path / "x", format="onnx")  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="quantize"):
        model.export(tmp_path / "1", quantize="dynamic")


def test_a_ranker_is_refused(own_home: Path, tmp_path: Path) -> None:
    from tests import rated

    ranker = tp.Ranker(
        toy.encoder("{soft:2} {history:items} then {item:token}"), rated.rated().items
    )
    with pytest.raises(ExportError, match="A device gets a tp.Retriever.*Ranker"):
        ranker.export(tmp_path / "x.tflite", format="litert")


def test_a_decoder_is_refused(own_home: Path, tmp_path: Path) -> None:
    model = Retriever(toy.encoder(WORDS, family="gpt2"), toy.dataset().items)
    with pytest.raises(ExportError, match="decoder"):
        model.export(tmp_path / "x.tflite", format="litert")


def test_text_needs_word_pieces(own_home: Path, tmp_path: Path) -> None:
    model = Retriever(
        toy.encoder("{soft:2} a {occupation} {history:items}", family="roberta"),
        toy.dataset().items,
    )
    with pytest.raises(ExportError, match="word pieces.*roberta"):
        model.export(tmp_path / "x.tflite", format="litert")


def test_a_file_that_answers_otherwise_is_not_published(
    model: Retriever, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The bytes of another model, as if the converter had lost the weights.
    other = toy.retriever("{soft:2} other words {history:items}", seed=7)
    convert = litert.convert

    def wrong(graph: Any, *rest: Any) -> bytes:
        return convert(litert.DeviceGraph(other, graph.text, graph.shapes), *rest)

    monkeypatch.setattr(litert, "convert", wrong)
    with pytest.raises(ExportError, match="answers otherwise"):
        model.export(tmp_path / "x.tflite", format="litert", k=3)
    assert list(tmp_path.iterdir()) == []


def test_character_classes_are_written_whole() -> None:
    # Against Python's own reading of the same expression.
    import re

    for expression in (characters.REMOVED, characters.SPACES, characters.PUNCTUATION):
        pattern = re.compile(
            re.sub(r"\\x\{([0-9A-F]+)\}", lambda m: re.escape(chr(int(m[1], 16))), expression)
        )
        points = set()
        for part in ranges(expression).split():
            ends = [int(end, 16) for end in part.split("-")]
            points.update(range(ends[0], ends[-1] + 1))
        assert points == {c for c in range(0x110000) if pattern.match(chr(c))}
