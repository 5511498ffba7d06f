"""Whatever goes wrong: one line on stderr, nothing on stdout, and the right exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Done, cli
from tests.runs.toy import command_line
from tfprompt.cli import failures


def _refused(done: Done, *parts: str, status: int = 2) -> None:
    assert done.status == status, done
    assert done.out == ""
    assert done.err.count("\n") == 1 and "Traceback" not in done.err, done.err
    for part in parts:
        assert part in done.err, done.err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["fitt"], ["tfprompt:", "fitt"]),
        (["fit", "--epoch", "3"], ["tfprompt fit:", "--epoch", "tfprompt fit --help"]),
        (["fit", "--epochs", "three"], ["tfprompt fit:", "'--epochs'", "integer"]),
        (["fit", "--data", "movielens-100k"], ["--output"]),
        (["fit", "--output", "x"], ["--data", "--interactions"]),
        (["fit", "--output", "x", "--data", "nothing"], ["movielens-100k", "nothing"]),
        (["fit", "--output", "x", "--epochs", "0"], ["epochs must be 1 or more"]),
        (["fit", "--output", "x", "--set", "epochs"], ["NAME=VALUE", "'epochs'"]),
        (["fit", "--output", "x", "--set", "epoch=3"], ["Did you mean 'epochs'"]),
        (["fit", "--output", "x", "--column", "user"], ["--column is written NAME=VALUE"]),
        (["fit", "--output", "x", "--config", "no.toml"], ["no.toml"]),
        (["fit", "--resume", "x", "--epochs", "3"], ["stands alone"]),
        (["evaluate"], ["tfprompt evaluate"]),
        (["evaluate", "nowhere"], ["nowhere", "is no directory", "tfprompt fit"]),
        (["recommend", "nowhere", "--wish", "x"], ["nowhere"]),
        (["export", "nowhere", "models/1"], ["nowhere"]),
        (
            [
                "export",
                "x",
                "x.tflite",
                "--titles",
                "--catalog",
                "int8",
                "--tokens",
                "--prompt",
                "a=b",
                "--reuse",
                "y",
                "--items",
                "z",
                "--column",
                "item_id=sku",
            ],
            ["does not take --titles, --catalog, --tokens, --prompt, --reuse, --items, --column."],
        ),
        (["export", "x", "x.tflite", "--catalog", "float32"], ["does not take --catalog."]),
        (["export", "--reuse", "y", "--prompt", "a=b", "--k", "3"], ["--k. Received: --reuse"]),
        (
            ["export", "--reuse", "y", "--items", "z", "--titles", "--catalog", "int8", "--tokens"],
            ["does not take --titles, --catalog, --tokens."],
        ),
        (["export", "x", "m/1", "--column", "item_id=sku"], ["--column. Received: no --items"]),
        (["inspect", "nowhere"], ["nowhere"]),
        (["data", "describe", "nothing"], ["movielens-100k", "nothing"]),
        (["data", "describe", "--interactions", "no.csv"], ["no.csv"]),
        (["data", "describe", "--config", "no.toml"], ["no.toml"]),
    ],
    ids=" ".join,
)
def test_wrong_arguments(
    words: list[str], parts: list[str], capsys: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    if words == ["evaluate"]:  # Without any argument a command shows its help.
        assert "Example: tfprompt evaluate" in " ".join(cli(capsys, *words).out.split())
        return
    _refused(cli(capsys, *words), *parts)


def test_broken_tables(tmp_path: Path, capsys: Any) -> None:
    table = tmp_path / "events.csv"
    table.write_text("user_id,item_id,timestamp\nu,a,12x\n")
    _refused(cli(capsys, "data", "describe", "--interactions", table), "events.csv", "row 2")
    table.write_bytes(b"\x00\xff\xfe")
    _refused(cli(capsys, "data", "describe", "--interactions", table), "events.csv")


def test_a_template_error_names_the_character(
    settings: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    words = command_line({**settings, "template": "{soft:2} {agee} {history:items}"})
    done = cli(capsys, "fit", "--output", tmp_path / "run", *words)
    _refused(done, "no column 'agee'", "character 10", "{agee}")


def test_a_broken_backbone_directory(settings: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    words = command_line({**settings, "encoder": str(tmp_path)})
    _refused(cli(capsys, "fit", "--output", tmp_path / "run", *words), "config.json")


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    """A run to be damaged."""
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def test_truncated_tensors(copied: Path, capsys: Any) -> None:
    path = copied / "checkpoint" / "best" / "prompts.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    for words in (["evaluate", copied], ["inspect", copied], ["recommend", copied, "--wish", "a"]):
        _refused(cli(capsys, *words), "prompts.safetensors", "damaged")


def test_broken_description(copied: Path, capsys: Any) -> None:
    (copied / "checkpoint" / "best" / "prompts.json").write_text("{")
    _refused(cli(capsys, "evaluate", copied), "prompts.json")


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}', '{"format": 1}'])
def test_broken_config(copied: Path, text: str, capsys: Any) -> None:
    (copied / "config.json").write_text(text)
    _refused(cli(capsys, "evaluate", copied), "config.json")


def test_config_of_another_version(copied: Path, capsys: Any) -> None:
    record = json.loads((copied / "config.json").read_text())
    record["config"]["depth"] = 3
    (copied / "config.json").write_text(json.dumps(record))
    _refused(cli(capsys, "inspect", copied), "config.json", "depth")


def test_broken_log(copied: Path, capsys: Any) -> None:
    (copied / "log.csv").write_text("epoch\nx\n")
    _refused(cli(capsys, "fit", "--resume", copied), "log.csv")


def test_no_checkpoint_yet(copied: Path, capsys: Any) -> None:
    shutil.rmtree(copied / "checkpoint")
    _refused(cli(capsys, "evaluate", copied), "no checkpoint yet", "fit --resume")


def test_wrong_requests(trained: Path, capsys: Any) -> None:
    _refused(cli(capsys, "recommend", trained), "--wish")
    _refused(cli(capsys, "recommend", trained, "--user", "nobody"), "nobody")
    _refused(cli(capsys, "recommend", trained, "--history", "i1,zzz"), "zzz")
    _refused(cli(capsys, "recommend", trained, "--titles", "no such title"), "no such title")
    _refused(cli(capsys, "recommend", trained, "--wish", "a", "--k", "0"), "k is 1 or more")
    _refused(cli(capsys, "evaluate", trained, "--k", "ten"), "--k", "ten")
    _refused(cli(capsys, "evaluate", trained, "--part", "train"), "'test' or 'validation'")


def test_unexpected_errors(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("tfprompt.runs.run.Run.description", broken)
    done = cli(capsys, "inspect", trained)
    _refused(done, "unexpected RuntimeError: two lines", "--debug", status=1)
    done = cli(capsys, "inspect", trained, "--debug")
    assert done.status == 1 and "Traceback" in done.err


def test_interrupts(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    for error, status in ((KeyboardInterrupt, 130), (failures.Terminated, 143)):

        def interrupted(*_: object, error: type[BaseException] = error) -> None:
            raise error

        monkeypatch.setattr("tfprompt.runs.run.Run.description", interrupted)
        assert cli(capsys, "inspect", trained).status == status
