"""What lies beside a `.tflite` file: what its inputs mean, and how text becomes token ids."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import tfprompt
from tfprompt.encoders import _bert_characters as characters

if TYPE_CHECKING:
    from tfprompt.artifacts.litert.graph import DeviceGraph
    from tfprompt.artifacts.litert.text import DeviceText

FORMAT = 1
_CLASSES = {
    "removed": characters.REMOVED,
    "spaces": characters.SPACES,
    "ideographs": characters.IDEOGRAPHS,
    "marks": characters.MARKS,
    "punctuation": characters.PUNCTUATION,
}
_CHARACTER = re.compile(r"\\x\{([0-9A-F]+)\}|(\\[tnr])|( )")
_ESCAPES = {r"\t": "9", r"\n": "A", r"\r": "D"}


def describe(graph: DeviceGraph, quantize: str | None) -> dict[str, Any]:
    """Everything that a program on a device must know of the file, as JSON."""
    model, text, shapes = graph.retriever, graph.text, graph.shapes
    described: dict[str, Any] = {
        "format": FORMAT,
        "tfprompt": tfprompt.__version__,
        "template": text.template.source,
        "quantize": quantize,
        "inputs": {name: _input(graph, name) for name in graph.input_signature()},
        "outputs": _outputs(graph),
        "shapes": {
            "k": shapes.k,
            "history": shapes.history,
            "exclude": shapes.exclude,
            "text": text.length,
            "wish": text.wish_length,
        },
        "catalog": {
            "items": len(model.catalog),
            "fingerprint": model.catalog.fingerprint,
            "ids_sha256": ids_digest(model.catalog.ids.tolist()),
            "inside": bool(shapes.k),
        },
        "backbone": {
            "name": model.encoder.loaded.name,
            "fingerprint": model.encoder.loaded.fingerprint,
            "prompt_layer": model.encoder.prompt_layer,
        },
    }
    if text.length:
        described["text"] = text.parts()
    if text.reads_tokens:
        described["tokenizer"] = tokenizer_settings(text)
    return described


def ids_digest(ids: list[str]) -> str:
    """sha256 of the file of item ids: one a line, UTF-8."""
    return hashlib.sha256("".join(f"{item}\n" for item in ids).encode()).hexdigest()


def tokenizer_settings(text: DeviceText) -> dict[str, Any]:
    """Settings of the word pieces, character classes included.

    A class is a text of hexadecimal code points and ranges, as "0-8 B 7F-9F": the reference
    follows tables of its own, which differ from those of a device's Unicode library.
    """
    tokenizer, pieces = text.tokenizer, text.tokenizer.word_piece
    assert pieces is not None  # checked by DeviceText
    return {
        "kind": "wordpiece",
        "lowercase": pieces.lowercase,
        "strip_accents": pieces.strip_accents,
        "split_ideographs": pieces.split_ideographs,
        "unknown": pieces.unknown_token,
        "cls": tokenizer.cls_id,
        "sep": tokenizer.sep_id,
        "pad": tokenizer.pad_id,
        "mask": tokenizer.mask_id,
        "max_word_characters": pieces.max_word_characters,
        "characters": {name: ranges(written) for name, written in _CLASSES.items()},
    }


def ranges(expression: str) -> str:
    r"""A character class of RE2 as hexadecimal ranges.

    Example:
        >>> ranges(r"[\x{0}-\x{8}\x{B}]")
        '0-8 B'
    """
    body = expression[1:-1]
    points = _CHARACTER.sub(
        lambda found: f" {found[1] or _ESCAPES.get(found[2] or '', '20')}", body
    )
    return " ".join(points.replace("- ", "-").split())


def _input(graph: DeviceGraph, name: str) -> dict[str, Any]:
    spec = graph.input_signature()[name]
    said: dict[str, Any] = {"shape": list(spec.shape), "dtype": spec.dtype.name}
    column = graph.columns.get(name)
    fixed = {
        "history": "rows of the item file from 0, oldest first, -1 after the newest; the newest "
        "items where there are more",
        "history_ratings": "the rating of each item of the history, NaN where unknown",
        "exclude": "further rows that must not be recommended, -1 is padding",
        "text": "token ids, put together as `text` says, padding at the end",
        "wish": "token ids of free text between [CLS] and [SEP], padding at the end; padding "
        "alone for none",
    }
    if name in fixed:
        return {**said, "meaning": fixed[name]}
    if column is None:
        return {**said, "meaning": f"{name} of the request in UTC, from 0; -1 where unknown"}
    if column.kind == "number":
        return {**said, "meaning": f"{name}, NaN where unknown"}
    meaning = f"place of the {name} in `vocabulary`, from 0; -1 where it is not in there"
    return {**said, "meaning": meaning, "vocabulary": list(column.vocabulary or ())}


def _outputs(graph: DeviceGraph) -> dict[str, Any]:
    model, k = graph.retriever, graph.shapes.k
    width = model.query_width
    if graph.text.wish_length and not model.content_weight:
        width += model.item_table.width
    outputs = {"embedding": {"shape": [1, width], "dtype": "float32", "meaning": "the query"}}
    if k:
        meaning = "rows of the item file, best first, -1 where nothing is left"
        outputs["items"] = {"shape": [1, k], "dtype": "int32", "meaning": meaning}
        meaning = "score of each item; of no meaning where the item is -1"
        outputs["scores"] = {"shape": [1, k], "dtype": "float32", "meaning": meaning}
    return outputs
