"""Executes the notebooks of this folder in place, and keeps of their outputs what anybody would get.

    python examples/execute.py                # all of them
    python examples/execute.py rank retrieve  # some

Times of cells, the kernel's version and paths of this machine are taken out. A cell that fails ends
the run with its traceback, and leaves the notebook as it was.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

HERE = Path(__file__).resolve().parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# What a cell is called in a warning's first line.
CELL = re.compile(r"\S*ipykernel_\d+[\\/]\d+\.py")
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Lines of other libraries that say nothing about the cell.
NOISE = re.compile(
    r"^(?:.*TqdmWarning: IProgress not found.*\n(?:  from .*\n)?"  # of KerasHub's downloads
    r"|INFO:tensorflow:Assets written to: .*\n)",
    re.M,
)


def main(arguments: list[str] | None = None) -> int:
    names = sorted(path.stem for path in HERE.glob("*.ipynb"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds that a cell may take")
    options = parser.parse_args(arguments)
    chosen = [Path(name).stem for name in options.names] or names
    if unknown := sorted(set(chosen) - set(names)):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(names)}")
    for name in chosen:
        began = time.perf_counter()
        try:
            execute(HERE / f"{name}.ipynb", options.timeout)
        except CellExecutionError as error:
            shown = ESCAPES.sub("", str(error))
            print(f"{name}: a cell failed; the notebook is as it was\n{shown}", file=sys.stderr)
            return 1
        size = (HERE / f"{name}.ipynb").stat().st_size
        print(f"{name}: {time.perf_counter() - began:.0f} s, {size / 1000:.0f} kB", flush=True)
    return 0


def execute(path: Path, timeout: int) -> None:
    """Runs a notebook in a fresh kernel of this interpreter, and writes it cleaned.

    Raises:
        CellExecutionError: a cell raised an exception; nothing is written.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["kernelspec"] = dict(KERNEL)
    config = Config()
    # A folder of its own: a notebook that writes where it stands leaves nothing behind.
    with tempfile.TemporaryDirectory() as folder:
        if os.name == "posix":  # Sockets in that folder: nobody else on the machine can listen.
            config.KernelManager.transport = "ipc"
            config.KernelManager.ip = os.path.join(folder, "kernel")
        client = NotebookClient(
            notebook, timeout=timeout, startup_timeout=300, kernel_name="python3", record_timing=False,
            resources={"metadata": {"path": folder}}, config=config,
        )  # fmt: skip
        client.execute()
        clean(notebook, [folder])
    nbformat.validate(notebook)
    written = path.with_suffix(".ipynb.part")
    nbformat.write(notebook, written)
    os.replace(written, path)


def clean(notebook: nbformat.NotebookNode, folders: list[str]) -> None:
    """Takes out what differs from machine to machine and from run to run.

    Args:
        notebook: is changed in place.
        folders: temporary folders; their names, and those of this machine's, leave all texts.
    """
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}}
    )
    # Longest first: one may lie in another.
    places = {*folders, str(HERE.parent), str(Path.home()), sys.prefix, tempfile.gettempdir()}
    longest_first = "|".join(map(re.escape, sorted(places, key=len, reverse=True)))
    place = re.compile(rf"(?<![\w.])(?:{longest_first})(?![\w-])")
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = _portable(output.text, place)
            elif "data" in output:
                output.metadata = nbformat.from_dict({})
                for kind, value in output.data.items():
                    if kind.startswith("text/"):
                        output.data[kind] = _portable(value, place)


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Without noise; neighbours of one stream as one output."""
    found: list[nbformat.NotebookNode] = []
    for output in outputs:
        if output.output_type != "stream":
            found.append(output)
            continue
        output.text = NOISE.sub("", output.text)
        if not output.text:
            continue
        if found and found[-1].output_type == "stream" and found[-1].name == output.name:
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def _portable(text: str, place: re.Pattern[str]) -> str:
    text = place.sub("…", CELL.sub("<cell>", ESCAPES.sub("", text)))
    # Of a line that was written over and over, the last state.
    return "\n".join(line.rsplit("\r", 1)[-1] for line in text.replace("\r\n", "\n").split("\n"))


if __name__ == "__main__":
    sys.exit(main())
