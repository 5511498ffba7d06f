"""A run on disk after each stage, so that an interrupted one goes on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.numpy import load_file, save_file

from tfprompt._files import atomic_write, read_json, write_json
from tfprompt.errors import CheckpointError

if TYPE_CHECKING:
    from tfprompt.continual.method import Method
    from tfprompt.models.retriever import Retriever

_FILE, _METHOD, _MODEL = "run.json", "method.safetensors", "model"


class Progress:
    """The figures so far and the newest model of a run.

    Args:
        directory: of the run; None keeps nothing.
        identity: all that the run depends on, as JSON.

    Raises:
        CheckpointError: the directory holds another run.
    """

    def __init__(self, directory: Path | None, identity: dict[str, Any]) -> None:
        self.directory = directory
        self.identity = identity
        self.untrained: list[float] = []
        self.rows: list[list[float]] = []
        self.seconds: list[float] = []
        if directory is None or not (directory / _FILE).exists():
            return
        found = read_json(directory / _FILE)
        if found["identity"] != identity:
            others = [k for k in identity if found["identity"].get(k) != identity[k]]
            raise CheckpointError(
                f"{directory} holds a run with other {', '.join(others)}. Choose another directory."
            )
        self.untrained, self.rows = found["untrained"], found["rows"]
        self.seconds = found["seconds"]

    def restore(self, model: Retriever, method: Method) -> None:
        """Puts the newest state into a fresh model and a started method."""
        if self.directory is not None and self.rows:
            folder = self._folder(len(self.rows))
            method.restore(model, load_file(folder / _METHOD))
            model.load_prompts(folder / _MODEL)

    def add(self, row: list[float], seconds: float, model: Retriever, method: Method) -> None:
        """Keeps a stage's figures, and the model and method as they are now."""
        self.rows.append(row)
        self.seconds.append(seconds)
        if self.directory is None:
            return
        done = len(self.rows)
        with atomic_write(self._folder(done)) as folder:
            folder.mkdir()
            model.save_prompts(folder / _MODEL)
            save_file(method.state(), folder / _METHOD)
        # Figures after the model: what was interrupted in between is trained again.
        self.keep()
        shutil.rmtree(self._folder(done - 1), ignore_errors=True)

    def keep(self) -> None:
        """Writes the figures."""
        if self.directory is not None:
            figures = {"untrained": self.untrained, "rows": self.rows, "seconds": self.seconds}
            write_json(self.directory / _FILE, {"identity": self.identity, **figures})

    def _folder(self, done: int) -> Path:
        assert self.directory is not None
        return self.directory / f"after-{done}"
