"""`tfprompt recommend --wish`: a list and a note, or one line and exit status 2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import cli


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("中文", "Chinese or Japanese"),
        ("фильм про любовь", "Cyrillic"),
        ("?! …", "at least one word"),
        ("🎬🍿", "at least one word"),
        ("\x01\x02", "at least one word"),
        ("no", "denies nothing in particular"),
        ("x" * 10_001, "10,001"),
        ("   ", "needs a user"),
    ],
)
def test_refusals(trained: Path, wish: str, says: str, capsys: Any) -> None:
    done = cli(capsys, "recommend", trained, "--wish", wish)
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1 and says in done.err and "Traceback" not in done.err


@pytest.mark.parametrize(
    ("wish", "note"),
    [
        ("a star film but no war", "pushed down: war"),
        ("a stroy of love", "read 'stroy' as 'story'"),
        ("un film d'amour à la ville", "French"),
        ("love 🎬", "signs and pictures"),
    ],
)
def test_notes_are_one_line_on_stderr(trained: Path, wish: str, note: str, capsys: Any) -> None:
    done = cli(capsys, "recommend", trained, "--wish", wish, "--k", 3, "--json")
    assert done.status == 0, done.err
    assert len(json.loads(done.out)["items"]) == 3
    lines = [line for line in done.err.splitlines() if line.startswith("note: ")]
    assert len(lines) == 1 and note in lines[0]


def test_a_plain_wish_has_no_note(trained: Path, capsys: Any) -> None:
    done = cli(capsys, "recommend", trained, "--wish", "star wars", "--json")
    assert done.status == 0 and "note:" not in done.err
    longest = cli(capsys, "recommend", trained, "--wish", "a good story. " * 700, "--k", 2)
    assert longest.status == 0, longest.err
