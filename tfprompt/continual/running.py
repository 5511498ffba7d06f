"""A method over a stream: train a stage, ask all of them, go on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tfprompt.continual.asking import figure_of
from tfprompt.continual.method import Method
from tfprompt.continual.outcome import Outcome
from tfprompt.continual.progress import Progress
from tfprompt.continual.stream import Stream
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever


def run(
    make_model: Callable[[int], Retriever],
    stream: Stream,
    method: Method,
    *,
    seed: int = 0,
    part: Literal["validation", "test"] = "test",
    measure: str = "ndcg@10",
    directory: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Outcome:
    """Trains a model on a stream, and after each stage asks the requests of all stages.

    Args:
        make_model: gives an untrained retriever over the stream's catalog for a seed.
        stream: the stages.
        method: how they are learned.
        seed: of the model and of all that training draws.
        part: whose requests are asked; choose settings on "validation".
        measure: of `tp.evaluate`, at 10: "ndcg@10", "hr@10", "recall@10" or "mrr".
        directory: keeps the run after each stage, so that an interrupted one goes on, with the
            result of one that was not; None keeps nothing.
        progress: a line for each stage.

    Returns:
        The matrix of all stages by all stages, and what it says.

    Raises:
        ConfigError: an unknown part or measure, or a model that the method cannot train.
        CheckpointError: the directory holds another run.

    Example:
        ```python
        def make_model(seed):
            encoder = tp.PromptedEncoder.from_preset("all-minilm-l6-v2", template, seed=seed)
            return tp.Retriever(encoder, stream.catalog, seed=seed)


        outcome = tp.continual.run(make_model, stream, tp.continual.FineTune(), directory="runs/ft")
        outcome.measures["forgetting"]
        ```
    """
    if part not in ("validation", "test"):
        raise ConfigError(f"A part is 'validation' or 'test'. Received: {part!r}.")
    model = make_model(seed)
    model.check_catalog(stream[0].train)
    model.prepare()
    method.start(model, stream, seed)
    identity = {
        "stream": stream.fingerprint,
        "settings": method.settings(),
        "seed": seed,
        "part": part,
        "measure": measure,
        "template": model.encoder.template.source,
        "encoder": model.encoder.options(),
        "model": model.options(),
        "backbone": model.encoder.loaded.fingerprint,
    }
    kept = Progress(None if directory is None else Path(directory), identity)
    kept.restore(model, method)

    def figures(newest: int) -> list[float]:
        row = []
        for number, stage in enumerate(stream):
            method.answer_as(model, number)
            row.append(figure_of(model, stage, part, measure))
        method.answer_as(model, newest)
        return row

    if not kept.untrained:
        kept.untrained = figures(0)
        kept.keep()
    for number, stage in enumerate(stream):
        if number < len(kept.rows):
            continue
        began = time.perf_counter()
        trained = method.fit_stage(model, stage, number)
        seconds = time.perf_counter() - began
        row = figures(number) if trained else list(kept.rows[-1])
        kept.add(row, seconds, model, method)
        if progress:
            shown = " ".join(f"{value:.4f}" for value in row)
            print(
                f"{method.name}, seed {seed}, stage {number + 1} of {len(stream)} ({stage.name}): "
                f"{seconds:.0f} s; {measure} on {part} {shown}",
                flush=True,
            )
    return Outcome(
        method=method.name,
        seed=seed,
        stages=stream.names,
        measure=measure,
        part=part,
        untrained=np.array(kept.untrained),
        matrix=np.array(kept.rows),
        seconds=tuple(kept.seconds),
        settings=method.settings(),
        stream=stream.fingerprint,
    )
