"""`tfprompt search`: a table of templates, a file that goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import cli
from tests.runs.toy import command_line
from tfprompt.cli.options import gather

TEMPLATE = "(a user|{age} year old) who (liked|watched) {soft:1} {history:items}"


def _words(settings: dict[str, Any]) -> list[str]:
    known = {name: value for name, value in settings.items() if name != "template"}
    plain = ("interactions", "items", "users", "encoder", "item_text", "epochs", "batch_size",
             "collaborative", "max_history", "learning_rate")  # fmt: skip
    words = command_line({name: known[name] for name in plain})
    return [*words, "--set", "strategy=one"]


def test_beam_goes_on_and_says_what_next(
    settings: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "search.json"
    words = ["search", *_words({**settings, "epochs": 1}), "--template", TEMPLATE, "--width", 1]
    done = cli(capsys, *words, "--output", path)
    assert done.status == 0, done.err
    held = json.loads(path.read_text())
    assert len(held["trials"]) == 3  # of four templates
    best = max(held["trials"], key=lambda trial: trial["score"])
    assert f"next: tfprompt fit --template '{best['template']}'" in done.out
    assert f"{best['score']:.4f}" in done.out and len(done.err.splitlines()) == 3
    # Everything is known: no training, and the same answer.
    again = cli(capsys, *words, "--output", path, "--json")
    assert again.status == 0 and not again.err
    assert json.loads(again.out)["best"] == best["template"]
    other = cli(capsys, *words, "--output", path, "--seed", 3)
    assert other.status == 2 and "differs in seed" in other.err


@pytest.mark.slow
def test_halving(settings: dict[str, Any], capsys: Any) -> None:
    words = ["search", *_words(settings), "--template", TEMPLATE, "--method", "halving"]
    done = cli(capsys, *words, "--budget", 1, "--budget", 2, "--json")
    assert done.status == 0, done.err
    trials = json.loads(done.out)["trials"]
    assert [trial["epochs"] for trial in trials] == [2, 2, 1, 1, 1, 1]
    kept = {trial["template"] for trial in trials[:2]}
    assert kept == {t["template"] for t in sorted(trials[2:], key=lambda t: -t["val_ndcg@10"])[:2]}


def test_a_file_says_how_many_epochs(tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text('{"epochs": 5}')
    for path, setting, option, epochs in (
        (None, None, None, 1),
        (tmp_path / "search.json", None, None, 5),
        (tmp_path / "search.json", ["epochs=4"], None, 4),
        (tmp_path / "search.json", ["epochs=4"], 3, 3),
    ):
        given = {"data": "movielens-100k", "epochs": option}
        assert gather(path, setting, given, {"epochs": 1}).epochs == epochs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "A search has a template"),
        (["--template", "a", "--method", "best"], "one of beam, halving"),
        (["--template", "a", "--budget", "2"], "--budget belongs to --method halving"),
        (["--template", "a", "--method", "halving", "--width", "2"], "--width belongs to"),
        (["--template", "(a|b {history:items}"], "must be closed"),
        (["--template", "(a|{nobody}) {history:items}"], "nobody"),
    ],
)
def test_refusals(settings: dict[str, Any], words: list[str], message: str, capsys: Any) -> None:
    done = cli(capsys, "search", *_words({**settings, "epochs": 1}), *words)
    assert done.status == 2 and message in done.err and "Traceback" not in done.err
