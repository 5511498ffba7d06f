"""Lint says what would fail on a server, and how to put it right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.artifacts.broken import BROKEN, write
from tests.cli.conftest import cli
from tfprompt.artifacts import lint_export
from tfprompt.errors import ExportError

# Each takes a process of its own; these four are of four kinds.
OFTEN = ("NaN weights", "jit_compile", "rows that leak", "bad warm-up")
assert set(OFTEN) <= set(BROKEN)


@pytest.mark.parametrize(
    "fault",
    [f if f in OFTEN else pytest.param(f, marks=pytest.mark.slow) for f in BROKEN],
)
def test_a_broken_export_is_red_with_a_remedy(fault: str, tmp_path: Path) -> None:
    build, name = BROKEN[fault]
    report = lint_export(build(tmp_path / "7"))
    check = report.check(name)
    assert not report.passed and check in report.failed
    assert check.found and check.remedy
    assert f"FAILED  {name}" in str(report) and check.remedy in str(report)


def test_a_sound_export_is_green(tmp_path: Path) -> None:
    report = lint_export(write(tmp_path / "7"))
    assert report.passed, str(report)
    assert report.failed == () and len(report.checks) == 18


def test_a_version_under_another_name_is_red(tmp_path: Path, capsys: Any) -> None:
    directory = write(tmp_path / "7.tmp")
    done = cli(capsys, "lint-export", str(directory), "--json")
    assert done.status == 1
    report = json.loads(done.out)
    failed = [check["name"] for check in report["checks"] if not check["passed"]]
    assert failed == ["version"] and report["passed"] is False
    assert "mv 7.tmp 7" in next(c["remedy"] for c in report["checks"] if c["name"] == "version")


def test_what_is_no_artifact(tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(ExportError, match="is a directory"):
        lint_export(tmp_path / "nothing")
    assert not lint_export(tmp_path).passed
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
    assert lint_export(tmp_path).check("readable").found
    assert cli(capsys, "lint-export", str(tmp_path / "nothing")).status == 2
