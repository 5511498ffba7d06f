"""Checks of an artifact: whatever breaks one of them would fail its first user.

A model that breaks a rule of TensorFlow Serving often loads, is called available, and fails when
somebody asks it something. So each rule is a check with a name and a remedy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tfprompt.artifacts.lint import files, operations
from tfprompt.artifacts.lint.report import Check, LintReport
from tfprompt.artifacts.lint.running import (
    Outputs,
    check_parity,
    check_runs,
    run_in_clean_process,
)
from tfprompt.artifacts.lint.warm_up import check_warm_up
from tfprompt.artifacts.lint.weights import check_weights
from tfprompt.errors import ExportError

__all__ = ["Check", "LintReport", "lint_export"]

# What breaks one of these does not load, or does not run without Python.
_CANNOT_RUN = ("complete", "tag", "python")


def lint_export(
    directory: str | os.PathLike[str], expect: Callable[[Outputs], Sequence[str]] | None = None
) -> LintReport:
    """Checks one version of a model as TensorFlow Serving would meet it.

    Reads its files, then loads it and runs every signature in a process that has TensorFlow and
    TensorFlow Text but not this package.

    Args:
        directory: `<name>/<version>`.
        expect: compares the answers to the warm-up requests with those of a model, and gives a
            line for each that differs; None leaves parity out.

    Returns:
        A report of all checks.

    Raises:
        ExportError: the directory holds no artifact at all, or the process that runs it died.

    Example:
        report = lint_export("models/shop/7")
        print(report)
        assert report.passed
    """
    path = Path(directory)
    if not path.is_dir():
        raise ExportError(f"An artifact is a directory. Received: {path}, which is none.")
    checks = [files.check_version(path), files.check_complete(path)]
    if not (path / "saved_model.pb").is_file():
        return LintReport(str(path), tuple(checks))
    try:
        saved_model = files.read_saved_model(path)
        graph = files.serving_graph(saved_model)
    except (ExportError, IndexError) as error:
        found = (str(error) or "saved_model.pb holds no graph",)
        remedy = "The file is damaged: export again."
        broken = Check("readable", "saved_model.pb can be read", found, remedy)
        return LintReport(str(path), (*checks, broken))
    checks += [
        files.check_tag(saved_model),
        files.check_default(graph),
        files.check_inputs(graph),
        files.check_outputs(graph),
        files.check_types(graph),
        operations.check_python(graph),
        operations.check_compiled(graph),
        check_weights(path),
        check_warm_up(path, graph),
    ]
    wrong = [check.name for check in checks if check.found and check.name in _CANNOT_RUN]
    if wrong:
        checks += check_runs(None, f"put {', '.join(wrong)} right first")
        return LintReport(str(path), tuple(checks))
    ran = run_in_clean_process(path)
    checks += check_runs(ran)
    if expect is not None:
        checks.append(check_parity(ran.outputs, expect))
    return LintReport(str(path), tuple(checks))
