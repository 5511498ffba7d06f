"""Recommendations from a `.tflite` file with `ai_edge_litert` and numpy alone, as on a device.

```bash
pip install ai-edge-litert numpy
python export/edge_client.py films.tflite --history 50 181 --k 5
python export/edge_client.py films.tflite --wish "slow science fiction" --set occupation=artist
```

Copy this file and `edge_tokenizer.py`: they need nothing else of this repository.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from edge_tokenizer import WordPieces


class DeviceModel:
    """One exported model.

    Args:
        path: `x.tflite`, with `x.json`, `x.items.txt` and the rest beside it.
        threads: processor threads of one request.

    Example:
        model = DeviceModel("films.tflite")
        model.recommend(history=["50", "181"], values={"age": 24}, k=5)   # [(id, score), ...]
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        stem = Path(path).with_suffix("")
        self.description: dict[str, Any] = json.loads(Path(f"{stem}.json").read_text("utf-8"))
        self.ids = Path(f"{stem}.items.txt").read_bytes().decode().split("\n")[:-1]
        self.rows = {item: row for row, item in enumerate(self.ids)}
        reads_text = "tokenizer" in self.description
        self.tokenizer = WordPieces.read(path) if reads_text else None
        outside = Path(f"{stem}.candidates.npy")
        self.candidates = np.load(outside, mmap_mode="r") if outside.exists() else None
        self.runner = Interpreter(str(path), num_threads=threads).get_signature_runner()

    def recommend(
        self,
        history: Sequence[str] = (),
        values: Mapping[str, Any] | None = None,
        wish: str = "",
        exclude: Sequence[str] = (),
        k: int = 10,
    ) -> list[tuple[str, float]]:
        """At most k item ids and scores, best first, without items of the history.

        Args:
            history: item ids, oldest first; unknown ones are skipped.
            values: the columns that the template names.
            wish: free text, where the file takes it.
            exclude: ids that must not be recommended.
            k: length of the list, at most what was exported.
        """
        known = [self.rows[item] for item in history if item in self.rows]
        hidden = {self.rows[item] for item in (*history, *exclude) if item in self.rows}
        given = self.inputs(known, values or {}, wish, sorted(hidden - set(known)))
        answer = self.runner(**given)
        if self.candidates is not None:
            scores = self.candidates @ answer["embedding"][0]
            order = np.argsort(-scores, kind="stable")
            pairs = zip(order.tolist(), scores[order].tolist(), strict=True)
        else:
            pairs = zip(answer["items"][0].tolist(), answer["scores"][0].tolist(), strict=True)
        best = [(row, score) for row, score in pairs if row >= 0 and row not in hidden]
        return [(self.ids[row], score) for row, score in best[:k]]

    def inputs(
        self,
        history: Sequence[int],
        values: Mapping[str, Any],
        wish: str = "",
        exclude: Sequence[int] = (),
    ) -> dict[str, np.ndarray]:
        """The arrays of one request; `x.json` says what each of them means."""
        given: dict[str, np.ndarray] = {}
        rows = {"history": history, "exclude": exclude, "history_ratings": ()}
        for name, of in self.description["inputs"].items():
            missing = np.nan if of["dtype"] == "float32" else -1
            given[name] = np.full(of["shape"], missing, of["dtype"])
            if name in rows:
                newest = list(rows[name])[-of["shape"][1] :]
                given[name][0, : len(newest)] = newest
            elif name == "text":
                given[name][:] = self.text({**values, "wish": wish}, of["shape"][1])
            elif name == "wish" and self.tokenizer is not None:
                given[name][:] = self.tokenizer.row(wish, of["shape"][1])
            elif values.get(name) is not None:
                known = of.get("vocabulary")
                value = values[name]
                if known is not None:
                    value = known.index(str(value)) if str(value) in known else -1
                given[name][0] = value
        return given

    def text(self, values: Mapping[str, Any], length: int) -> list[int]:
        """Words and fields of the template as one row of token ids."""
        assert self.tokenizer is not None
        ids: list[int] = []
        for part in self.description["text"]:
            if "ids" in part:
                ids += part["ids"]
            else:
                value = values.get(part["field"])
                ids += self.tokenizer.pieces("" if value is None else str(value))[: part["max"]]
        return ids + [self.tokenizer.settings["pad"]] * (length - len(ids))


def main() -> None:
    """Prints a list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="x.tflite")
    parser.add_argument("--history", nargs="*", default=[], help="item ids, oldest first")
    parser.add_argument("--wish", default="", help="free text")
    parser.add_argument("--set", nargs="*", default=[], metavar="COLUMN=VALUE")
    parser.add_argument("--k", type=int, default=10)
    given = parser.parse_args()
    values = dict(pair.split("=", 1) for pair in given.set)
    for item, score in DeviceModel(given.model).recommend(
        given.history, values, given.wish, k=given.k
    ):
        print(f"{score:.3f} {item}")


if __name__ == "__main__":
    main()
