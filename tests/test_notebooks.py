"""The notebooks of the examples: whole, executed, portable, and about names that exist.

They are executed by `make notebooks`, not here: that takes a quarter of an hour.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tfprompt

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PATHS = sorted(EXAMPLES.glob("*.ipynb"))
NOTEBOOKS = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
LARGEST_BYTES = 300_000
# A folder of a machine, the call of a kernel, an address: none means anything to a reader.
PLACES = re.compile(
    r"(?<![\w.:/])/(?:work|root|tmp|home|Users|private|var|usr|opt)/|[A-Z]:\\|ipykernel_\d|\.venv"
    r"|\b(?:\d{1,3}\.){3}\d{1,3}\b"
)


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text("utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code(path: Path) -> ast.Module:
    """All cells as one module: a name that one of them imports is known in those after it."""
    return ast.parse("\n\n".join(map(source, cells(path, "code"))))


def written(cell: dict[str, Any]) -> Iterator[str]:
    """The texts that a cell has put out; not its pictures."""
    for output in cell["outputs"]:
        yield "".join(output.get("text", ""))
        for kind, value in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield "".join(value)


def chain(node: ast.AST) -> list[str]:
    """`a.b.c` as its names; empty for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def test_there_are_notebooks_of_each_subject() -> None:
    assert {path.stem for path in PATHS} >= {"cold_start", "rank", "retrieve", "two_stage"}
    listed = re.findall(r"\]\(([^)]+\.\w+)\)", (EXAMPLES / "README.md").read_text("utf-8"))
    files = {path.name for path in EXAMPLES.glob("*") if path.suffix in (".ipynb", ".py")}
    assert files <= set(listed)


@NOTEBOOKS
def test_it_is_a_notebook_of_the_format(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(path, as_version=4))


@NOTEBOOKS
def test_it_was_executed_from_top_to_bottom(path: Path) -> None:
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))


@NOTEBOOKS
def test_no_cell_failed_or_warned(path: Path) -> None:
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            assert output["output_type"] != "error", source(cell)
            assert output.get("name") != "stderr", "".join(output["text"])


@NOTEBOOKS
def test_every_code_cell_compiles(path: Path) -> None:
    for cell in cells(path, "code"):
        compile(source(cell), path.name, "exec")


@NOTEBOOKS
def test_it_names_no_place_on_a_machine(path: Path) -> None:
    for kind in ("code", "markdown"):
        for cell in cells(path, kind):
            for text in (source(cell), *(written(cell) if kind == "code" else ())):
                found = PLACES.search(text)
                assert found is None, text[max(0, found.start() - 40) : found.end() + 40]


@NOTEBOOKS
def test_nothing_of_a_run_but_its_outputs_is_kept(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}


@NOTEBOOKS
def test_it_is_small(path: Path) -> None:
    assert path.stat().st_size < LARGEST_BYTES
    for cell in cells(path, "code"):
        for text in written(cell):
            assert "\r" not in text and "\b" not in text  # progress bars
            assert text.count("\n") < 60, source(cell)


@NOTEBOOKS
def test_the_names_that_it_uses_exist(path: Path) -> None:
    used = {
        tuple(names[1:]) for node in ast.walk(code(path)) if (names := chain(node))[:1] == ["tp"]
    }
    assert used
    for names in used:
        value: Any = tfprompt
        for name in names:
            assert hasattr(value, name), f"tp.{'.'.join(names)}"
            value = getattr(value, name)


@NOTEBOOKS
def test_what_it_imports_exists(path: Path) -> None:
    for node in ast.walk(code(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                assert importlib.util.find_spec(alias.name.split(".")[0]), alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            module = importlib.import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module}.{alias.name}"


@NOTEBOOKS
def test_it_imports_tfprompt_before_any_keras(path: Path) -> None:
    imported: list[str] = []
    for node in code(path).body:
        if isinstance(node, ast.Import):
            imported += [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.append(node.module.split(".")[0])
    first = imported.index("tfprompt")
    assert not {"keras", "keras_hub", "tensorflow"} & set(imported[:first])


@NOTEBOOKS
def test_its_links_lead_somewhere(path: Path) -> None:
    for cell in cells(path, "markdown"):
        for link in re.findall(r"\]\(([^)#]+)\)", source(cell)):
            assert link.startswith("http") or (path.parent / link).exists(), link


@NOTEBOOKS
def test_it_says_how_long_it_took(path: Path) -> None:
    last = cells(path, "code")[-1]
    assert re.search(r"\d+\.\d minutes", "".join(written(last)))


def test_execution_cleans_what_it_keeps(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    execute = _execute()
    texts = [
        ("stdout", f"1/9\r9/9\n{tmp_path}/a and {EXAMPLES}/b\n"),
        ("stderr", "INFO:tensorflow:Assets written to: /x/assets\n"),
        ("stdout", "\x1b[31mred\x1b[0m"),
    ]
    outputs = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in texts]
    cell = nbformat.v4.new_code_cell("pass", outputs=outputs, metadata={"tags": ["kept"]})
    notebook = nbformat.v4.new_notebook(
        cells=[cell], metadata={"language_info": {"name": "python", "version": "3"}}
    )
    execute.clean(notebook, [str(tmp_path)])
    assert [output.name for output in notebook.cells[0].outputs] == ["stdout"]
    assert notebook.cells[0].outputs[0].text == "9/9\n…/a and …/examples/b\nred"
    assert notebook.cells[0].metadata == {}
    assert notebook.metadata["language_info"] == {"name": "python"}


def test_execution_stops_at_a_cell_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    execute = _execute()
    cells = [nbformat.v4.new_code_cell(text) for text in ("1 + 1", "1 / 0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "bad.ipynb")
    before = (tmp_path / "bad.ipynb").read_bytes()
    monkeypatch.setattr(execute, "HERE", tmp_path)
    assert execute.main(["bad"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert (tmp_path / "bad.ipynb").read_bytes() == before


def _execute() -> Any:
    spec = importlib.util.spec_from_file_location("execute", EXAMPLES / "execute.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
