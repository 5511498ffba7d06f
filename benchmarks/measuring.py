"""What a training run costs: seconds, parameters, bytes."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np


def make_clock() -> Any:
    """A callback that measures the training of each epoch, without its validation."""
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.began = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.latest = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seconds.append(self.latest - self.began)

    return Clock()


def peak_memory_bytes() -> int:
    """The most that this process alone has held: every run has one of its own."""
    # Linux counts kilobytes, macOS bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def count_parameters(model: Any) -> dict[str, Any]:
    """Trained numbers by part, the id table apart, and their share of the backbone."""
    from tfprompt.models.tensors import trained_variables

    parts: dict[str, int] = {}
    for name, variable in trained_variables(model).items():
        part = "/".join(name.split("/")[:-1]) or name
        parts[part] = parts.get(part, 0) + int(np.prod(variable.shape))
    table = sum(size for part, size in parts.items() if part.startswith("item_table/ids"))
    frozen = int(model.encoder.loaded.backbone.count_params())
    return {
        "by_part": parts,
        "trained": model.trainable_parameters,
        "id_table": table,
        "backbone": frozen,
        "share": model.trainable_parameters / frozen,
        "share_without_id_table": (model.trainable_parameters - table) / frozen,
    }


def checkpoint_bytes(model: Any) -> int:
    """Size of everything that `save_prompts` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = model.save_prompts(Path(folder) / "prompts")
        return sum(file.stat().st_size for file in path.iterdir())


def epochs(history: list[float], seconds: list[float]) -> dict[str, Any]:
    """What happened over the epochs: their number, the best one, validation, median seconds."""
    return {
        "epochs": len(history),
        "best_epoch": int(np.argmax(history)) + 1,
        "validation_ndcg@10": [float(value) for value in history],
        # The first epoch also traces the graph.
        "epoch_seconds": float(np.median(seconds[1:] or seconds)),
    }
