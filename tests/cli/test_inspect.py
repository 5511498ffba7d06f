"""`tfprompt inspect` explains prompts and recommendations from a run directory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import cli

SOFT = "prompted_encoder/soft_0/prompt"


def test_a_recommendation_is_explained(trained: Path, tmp_path: Path, capsys: Any) -> None:
    request = ["--history", "i3,i4", "--wish", "love story but no war"]
    listed = json.loads(cli(capsys, "recommend", trained, *request, "--k", 1, "--json").out)
    item = listed["items"][0]
    page = tmp_path / "why.html"
    words = ["inspect", trained, "--explain", item["item_id"], *request, "--attention"]
    done = cli(capsys, *words, "--output", page, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    why = found["attribution"]
    assert why["score"] == pytest.approx(item["score"], abs=1e-5)
    total = sum(share["value"] for share in why["shares"])
    assert total == pytest.approx(why["score"] - why["baseline"], abs=why["error"] + 1e-6)
    assert {"soft prompt", "past items", "wish"} <= {row["segment"] for row in why["segments"]}
    assert sum(found["attention"]["mean_of_heads"][0]) == pytest.approx(1, abs=1e-4)
    assert f"Why {item['title']}" in page.read_text() and "Attention" in page.read_text()
    shown = cli(capsys, *words).out
    assert f"Why {item['title']}" in shown and "tensor" not in shown and "no war" in shown


def test_one_item_rather_than_another_for_a_user(trained: Path, capsys: Any) -> None:
    words = ["inspect", trained, "--explain", "i1", "--rather-than", "i2", "--user", "u7"]
    done = cli(capsys, *words)
    assert done.status == 0, done.err
    assert " rather than " in done.out and "field occupation" in done.out


def test_prompts_are_compared_between_runs(trained: Path, tmp_path: Path, capsys: Any) -> None:
    shutil.copytree(trained / "checkpoint" / "best", tmp_path / "prompts")
    picture = tmp_path / "near.png"
    done = cli(
        capsys, "inspect", trained, "--prompt", f"again={trained}", "--prompt",
        f"copy={tmp_path / 'prompts'}", "--words", 2, "--output", picture, "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    found = json.loads(done.out)
    similar = found["similarity"]
    assert similar["prompts"] == ["trained soft_0", "again soft_0", "copy soft_0"]
    assert similar["by_prompt"][0][1:] == pytest.approx([1, 1], abs=1e-4)
    assert [len(near) for near in found["words"][SOFT]] == [2, 2]
    assert picture.read_bytes().startswith(b"\x89PNG")
    shown = cli(capsys, "inspect", trained, "--words", 1).out
    assert "trained:" in shown and f"Nearest words of {SOFT}" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--explain", "i1"], "need a request"),
        (["--attention"], "need a request"),
        (["--user", "u7"], "goes with"),
        (["--rather-than", "i1"], "goes with --explain"),
        (["--explain", "gone", "--user", "u7"], "Received: gone"),
        (["--explain", "i1", "--user", "nobody"], "no user 'nobody'"),
        (["--explain", "i1", "--history", "gone"], "ids of the catalog"),
        (["--words", "-1"], "0 or more"),
        (["--layer", "1"], "--similar or --prompt"),
        (["--similar", "--layer", "9"], "here 9"),
        (["--prompt", "trained=x"], "twice"),
        (["--prompt", "x"], "NAME=VALUE"),
        (["--prompt", "x=nowhere"], "nowhere"),
        (["--output", "x.html"], "what is explained"),
        (["--similar", "--output", "x.pdf"], ".html or .png"),
    ],
)
def test_wrong_arguments_are_one_line(
    trained: Path, words: list[str], says: str, capsys: Any
) -> None:
    done = cli(capsys, "inspect", trained, *words)
    assert done.status == 2 and says in done.err
    assert done.err.count("\n") == 1 and not done.out
