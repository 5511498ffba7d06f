"""A run directory: what was trained, with what, on what, and how it went."""

from __future__ import annotations

import logging
import os
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tfprompt._files import read_json, write_json
from tfprompt.errors import CheckpointError, ConfigError
from tfprompt.runs.config import RunConfig
from tfprompt.runs.history import Row, Standing, read_rows, standing
from tfprompt.runs.sources import load_data, split_data

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset
    from tfprompt.data.split import Split
    from tfprompt.evaluation.report import Report
    from tfprompt.models.retriever import Retriever

FORMAT = 1
CONFIG = "config.json"
_log = logging.getLogger("tfprompt.runs")


class Run:
    """A directory that `tp.runs.train` wrote.

    ```
    runs/ml/
      config.json        configuration, fingerprints of data and backbone, versions
      log.csv            losses and validation measures, a row an epoch
      log.txt            what happened when
      curves.png         the same as log.csv, drawn
      checkpoint/best    the epoch with the best validation NDCG@10, see `Retriever.save_prompts`
      checkpoint/last    the newest epoch with the optimizer's state, to go on from
      report.json        the figures on the test part, written by `evaluate`
    ```

    Args:
        directory: the directory.

    Raises:
        CheckpointError: it holds no run, or a damaged one.

    Example:
        run = tp.runs.Run("runs/ml")
        print(run.standing.best_epoch, run.evaluate()["ndcg@10"])
        tp.recommend(run.model(), wish="slow science fiction with robots")
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self.record = _read_record(self.directory)
        try:
            self.config = RunConfig.from_dict(self.record["config"])
        except ConfigError as error:
            raise CheckpointError(
                f"{self.directory / CONFIG} is not of this version of tfprompt: {error}"
            ) from error

    @property
    def log_path(self) -> Path:
        """`log.csv`."""
        return self.directory / "log.csv"

    def checkpoint(self, which: Literal["best", "last"] = "best") -> Path:
        """Directory of a checkpoint."""
        return self.directory / "checkpoint" / which

    @property
    def rows(self) -> list[Row]:
        """The log."""
        return read_rows(self.log_path)

    @property
    def standing(self) -> Standing:
        """How far training is, and which epoch was best."""
        return standing(self.rows)

    @property
    def finished(self) -> bool:
        """Whether training has nothing left to do."""
        return self.standing.finished(self.config.epochs, self.config.patience)

    @cached_property
    def dataset(self) -> Dataset:
        """The data, as it was trained on.

        Raises:
            CheckpointError: the data has changed since.
        """
        dataset = load_data(self.config)
        self.check_data(dataset.fingerprint)
        return dataset

    @cached_property
    def split(self) -> Split:
        """The split."""
        return split_data(self.config, self.dataset)

    def check_data(self, fingerprint: str) -> None:
        """Refuses other data than that of training.

        Raises:
            CheckpointError: the fingerprints differ.
        """
        expected = self.record["data"]["fingerprint"]
        if fingerprint != expected:
            raise CheckpointError(
                f"A run goes on with the data it began with ({expected[:12]}). Received: "
                f"{self.config.data or self.config.interactions}, which is now "
                f"{fingerprint[:12]}. Restore the data, or train into a new directory."
            )

    def description(self, which: Literal["best", "last"] = "best") -> dict[str, Any]:
        """What a checkpoint says of itself; needs neither backbone nor data.

        Raises:
            CheckpointError: there is none yet, or it is damaged.
        """
        from tfprompt.models import prompt_files

        if not self.checkpoint(which).exists():
            raise CheckpointError(
                f"{self.directory} has no checkpoint yet: no epoch was finished. Train it with "
                f"`tfprompt fit --resume {self.directory}`."
            )
        return prompt_files.describe(self.checkpoint(which))

    def model(self, which: Literal["best", "last"] = "best") -> Retriever:
        """The trained model.

        Raises:
            CheckpointError: no checkpoint, a damaged one, or another backbone.
        """
        from tfprompt.models.loading import load_single

        self.description(which)
        return load_single(self.checkpoint(which), self.dataset.items, backbone=self.config.encoder)

    def evaluate(
        self,
        part: Literal["test", "validation"] = "test",
        *,
        model: Retriever | None = None,
        **options: Any,
    ) -> Report:
        """Full ranking on a part of the split; written to `report.json`.

        Args:
            part: "test", or "validation" (written to `report-validation.json`).
            model: the model, where it is loaded already; else the best checkpoint.
            **options: as for `tp.evaluate`.

        Raises:
            ConfigError: another part.
        """
        from tfprompt.evaluation.protocol import evaluate

        if part not in ("test", "validation"):
            raise ConfigError(f"A part is 'test' or 'validation'. Received: {part!r}.")
        description = self.description()
        model = self.model() if model is None else model
        report = evaluate(model, getattr(self.split, part), **options)
        write_json(
            self.report_path(part),
            {
                **report.to_dict(),
                "part": part,
                "epoch": description["epochs"],
                "trainable_parameters": model.trainable_parameters,
                "total_parameters": model.total_parameters,
                "config": self.config.to_dict(),
            },
        )
        return report

    def report_path(self, part: str = "test") -> Path:
        """Where `evaluate` writes."""
        name = "report.json" if part == "test" else f"report-{part}.json"
        return self.directory / name

    def note(self, text: str) -> None:
        """Adds a line to `log.txt`, and logs it."""
        with open(self.directory / "log.txt", "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S%z')} {text}\n")
        _log.info(text)


def _read_record(directory: Path) -> dict[str, Any]:
    path = directory / CONFIG
    try:
        record = read_json(path)
    except FileNotFoundError:
        found = "holds no such file" if directory.is_dir() else "is no directory"
        raise CheckpointError(
            f"A run directory holds {CONFIG}. Received: {directory}, which {found}. Train one "
            f"with `tfprompt fit --data movielens-100k --output {directory}`."
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read: {error}. Train into a new directory."
        ) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        received = record.get("format") if isinstance(record, dict) else None
        raise CheckpointError(
            f"This version of tfprompt reads runs of format {FORMAT}. Received: {path} of format "
            f"{received}."
        )
    if not isinstance(record.get("config"), dict) or "fingerprint" not in (
        record.get("data") or {}
    ):
        raise CheckpointError(f"{path} must hold config and data. Train into a new directory.")
    return record
