"""What the README shows is what the project does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.S)


def test_the_makefile_has_the_two_commands() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    shown = re.findall(r"make (\w+)", "".join(code for kind, code in BLOCKS if kind == "bash"))
    assert {"demo", "test"} <= set(shown)
    for target in shown:
        assert re.search(rf"^{target}:", makefile, flags=re.M)


def test_the_commands_exist_with_their_options() -> None:
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from tfprompt.cli.main import app

    commands = re.findall(r"^tfprompt (\w+) (.*)$", README, flags=re.M)
    assert len(commands) >= 4
    for name, rest in commands:
        shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).output
        for option in re.findall(r"--[a-z][a-z-]*", rest):
            assert option in shown, f"tfprompt {name} has no {option}"


def test_the_script_names_what_there_is() -> None:
    import tfprompt as tp

    script = next(code for kind, code in BLOCKS if kind == "python")
    tree = ast.parse(script)
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "tp"
    }
    assert used
    for name in used:
        assert hasattr(tp, name)
    assert (ROOT / "examples" / "movielens.py").read_text("utf-8").endswith(script)
    assert len([line for line in script.splitlines() if line.strip()]) <= 22


@pytest.mark.parametrize("script", ["render.py", "readme.py"])
def test_figures_come_from_the_result_files(script: str) -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / script, "--check"], capture_output=True, text=True
    )
    assert made.returncode == 0, f"run `python benchmarks/{script}`\n{made.stderr}"


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name}: {link}"
