"""Text to token ids on a device: the reference to port, in Python's standard library alone.

It reads `x.vocab.txt` and the `tokenizer` of `x.json`, which `model.export("x.tflite",
format="litert")` writes, and gives the ids that the model was trained with. The character classes
come from the file: a device's own Unicode tables are newer than the model's.

```bash
python export/edge_tokenizer.py films.tflite "Amélie, or something like it"
```
"""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any


class WordPieces:
    """The tokenizer of one exported model.

    Args:
        settings: the object `tokenizer` of the description.
        vocabulary: the pieces in id order.

    Example:
        tokenizer = WordPieces.read("films.tflite")
        tokenizer.pieces("Toy Story")       # ids without special tokens
        tokenizer.row("Toy Story", 32)      # [CLS] ids [SEP] and padding: the input `wish`
    """

    def __init__(self, settings: dict[str, Any], vocabulary: list[str]) -> None:
        self.settings = settings
        self.ids = {piece: row for row, piece in enumerate(vocabulary)}
        self.unknown = self.ids[settings["unknown"]]
        classes = settings["characters"]
        self.classes = {name: _expand(classes[name]) for name in classes}

    @classmethod
    def read(cls, model: str | Path) -> WordPieces:
        """The tokenizer beside `x.tflite`."""
        stem = Path(model).with_suffix("")
        description = json.loads(stem.with_suffix(".json").read_text("utf-8"))
        lines = Path(f"{stem}.vocab.txt").read_bytes().decode().split("\n")[:-1]
        return cls(description["tokenizer"], lines)

    def words(self, text: str) -> list[str]:
        """Cleaned, lowered words; each mark of punctuation is a word of its own."""
        classes = self.classes
        text = "".join(c for c in text if ord(c) not in classes["removed"])
        text = "".join(" " if ord(c) in classes["spaces"] else c for c in text)
        if self.settings["split_ideographs"]:
            text = "".join(f" {c} " if ord(c) in classes["ideographs"] else c for c in text)
        if self.settings["strip_accents"]:
            text = unicodedata.normalize("NFD", text)
            text = "".join(c for c in text if ord(c) not in classes["marks"])
        if self.settings["lowercase"]:
            # One by one: a whole word would turn its last Σ into ς.
            text = "".join(c.lower() for c in text)
        marks = classes["punctuation"]
        return "".join(f" {c} " if ord(c) in marks else c for c in text).split(" ")

    def pieces(self, text: str) -> list[int]:
        """Ids of the longest pieces that build each word, from its start."""
        return [piece for word in self.words(text) if word for piece in self._word(word)]

    def _word(self, word: str) -> list[int]:
        found, start = [], 0
        if len(word) > self.settings["max_word_characters"]:
            return [self.unknown]
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if prefix + word[start:e] in self.ids), None)
            if end is None:
                return [self.unknown]
            found.append(self.ids[prefix + word[start:end]])
            start = end
        return found

    def row(self, text: str, length: int) -> list[int]:
        """`length` ids: [CLS], pieces, [SEP], padding; padding alone for an empty text."""
        if not text.strip():
            return [self.settings["pad"]] * length
        ids = [self.settings["cls"], *self.pieces(text)[: length - 2], self.settings["sep"]]
        return ids + [self.settings["pad"]] * (length - len(ids))


def _expand(written: str) -> frozenset[int]:
    """Code points of hexadecimal ranges, as "0-8 B"."""
    ends = [[int(end, 16) for end in part.split("-")] for part in written.split()]
    return frozenset(point for end in ends for point in range(end[0], end[-1] + 1))


if __name__ == "__main__":
    print(WordPieces.read(sys.argv[1]).pieces(" ".join(sys.argv[2:])))
