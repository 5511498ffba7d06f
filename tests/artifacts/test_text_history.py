"""Item ids in, their titles as words in the graph: against sentences put together by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests import toy
from tests.artifacts.test_saved_model import ask
from tfprompt.artifacts import reuse_artifact
from tfprompt.data import read_items
from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ExportError

TEMPLATE = "user {age} liked {history:titles 2} next"
HISTORIES = [["i3", "gone", "i1", "i0"], ["", "", "", "i4"], ["", "", "", ""]]
TITLES = dict(zip((f"i{n}" for n in range(toy.ITEMS)), toy.TITLES, strict=True))
REQUEST = {"history": HISTORIES, "wish": [""] * 3, "age": ["24", "", "30"]}
SAID = ["user 24 liked star wars, toy story next", "user liked good night next",
        "user 30 liked next"]  # fmt: skip


def cosines(titles: list[str]) -> np.ndarray:
    """Of the sentences above with some titles, by the frozen encoder alone."""
    queries, items = (encode_texts(toy.backbone(), texts, cache=False) for texts in (SAID, titles))
    return queries @ items.T


def by_id(answer: dict, row: int) -> dict[str, float]:
    pairs = zip(answer["item_ids"][row], answer["scores"][row], strict=True)
    return {item: score for item, score in pairs if item}


def test_an_artifact_reads_titles(own_home: Path, tmp_path: Path) -> None:
    model = toy.retriever(TEMPLATE, start="text", shrinkage=None)
    version = model.export(tmp_path / "words" / "1", k=toy.ITEMS, check=False)
    answer = ask(version, REQUEST)
    assert answer["inputs"] == ["age", "exclude", "history", "k", "prompt", "wish"]
    expected = cosines(list(TITLES.values()))
    for row, history in enumerate(HISTORIES):
        found = by_id(answer, row)
        assert set(found) == TITLES.keys() - set(history)
        for item, score in found.items():
            assert score == pytest.approx(expected[row, int(item[1:])], abs=1e-4)

    # Another catalog: titles that the model never saw are read too.
    frame = pl.DataFrame(
        {"item_id": ["n1", "i1", "i0", "i4"],
         "title": ["blue war", TITLES["i1"], TITLES["i0"], TITLES["i4"]]}
    )  # fmt: skip
    items = read_items(frame, item_text="{title}")
    made = reuse_artifact(version, tmp_path / "words" / "2", items=items, check=False)
    history = [*HISTORIES, ["n1", "i1", "i0"], ["", "", "n1"], ["", "", ""]]
    longest = max(map(len, history))
    history = [[""] * (longest - len(row)) + row for row in history]
    both = {name: values * 2 for name, values in REQUEST.items()} | {"history": history}
    asked = ask(made.directory, both)
    again = by_id(asked, 1)
    expected = cosines(frame["title"].to_list())[1]
    assert again == pytest.approx(dict(zip(["n1", "i1", "i0"], expected, strict=False)), abs=1e-4)
    said = encode_texts(toy.backbone(), ["user liked blue war next"], cache=False)
    new = by_id(asked, 4)
    items_now = encode_texts(toy.backbone(), frame["title"].to_list()[1:], cache=False)
    assert [new[item] for item in ("i1", "i0", "i4")] == pytest.approx(
        (said @ items_now.T)[0].tolist(), abs=1e-4
    )


@pytest.mark.slow
def test_token_ids_need_no_tokenizer_for_titles_either(own_home: Path, tmp_path: Path) -> None:
    model = toy.retriever("liked {history:text 2} {mask} {history:items}")
    # The check compares its lists with those of `tp.recommend`.
    version = model.export(tmp_path / "words" / "1", k=5, tokens=True)
    graph = (version / "saved_model.pb").read_bytes()
    assert b"WordpieceTokenize" not in graph and b"FastWordpiece" not in graph


def test_a_device_reads_no_titles(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="(?s)by their rows.*history:titles 2"):
        toy.retriever(TEMPLATE).export(tmp_path / "words.tflite", format="litert")
