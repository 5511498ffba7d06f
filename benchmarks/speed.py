"""Seconds a training step of `Retriever.fit`: arithmetic, compilation and the seam's place.

    python benchmarks/speed.py

Every variant is a process of its own, since oneDNN reads its mode when TensorFlow loads. Rounds go
over all variants in turn and the median counts, so that other load on the machine falls on all of
them alike; trust the ratios, not the seconds. The processor's time of the same steps, over all its
cores, hardly depends on other load.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import results

from tfprompt._files import write_json

REFERENCE = "m=4, fp32"
# Name → (seam, jit_compile, oneDNN's mode).
VARIANTS: dict[str, tuple[int, bool, str]] = {
    REFERENCE: (4, False, "STRICT"),
    "m=4, bf16": (4, False, "BF16"),
    "m=4, XLA": (4, True, "STRICT"),
    "m=0, fp32": (0, False, "STRICT"),
    "m=2, fp32": (2, False, "STRICT"),
    "m=5, fp32": (5, False, "STRICT"),
    "m=5, bf16": (5, False, "BF16"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k")
    parser.add_argument("--steps", type=int, default=20, help="steps that are measured a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--variants", default=";".join(VARIANTS), help="names, parted by ;")
    default = Path(__file__).parent / "results" / "speed.json"
    parser.add_argument("--output", type=Path, default=default)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.data, options.one, options.steps)))
        return
    names = options.variants.split(";")
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number, name in itertools.product(range(options.rounds), names):
        found = _in_own_process(name, options)
        print(f"round {number + 1}, {name}: {found}", flush=True)
        rounds[name].append(found)
    variants = {name: _median(found) for name, found in rounds.items()}
    reference = variants.get(REFERENCE, {})
    for variant in variants.values():
        if "step_seconds" in reference and "step_seconds" in variant:
            variant["speedup"] = reference["step_seconds"] / variant["step_seconds"]
            variant["cpu_speedup"] = reference["step_cpu_seconds"] / variant["step_cpu_seconds"]
    write_json(
        options.output,
        {
            "format": 1,
            "benchmark": "speed",
            "date": results.now(),
            **results.origin(),
            "data": {"name": options.data},
            "reference": REFERENCE,
            "steps": options.steps,
            "rounds": options.rounds,
            "batch_size": 64,
            "variants": variants,
        },
    )


def measure(data: str, name: str, steps: int) -> dict[str, Any]:
    """Seconds of a training and of a forward step, from the same batches in every variant."""
    import numpy as np
    import prompted
    import recipes
    import rows

    from tfprompt.data import number_of_batches

    seam, jit, _ = VARIANTS[name]
    recipe = recipes.recipe(data, "leave-one-out", "text")
    recipe["encoder"] |= {"prompt_layer": seam}
    split = rows.make_split(data, "leave-one-out")
    model = prompted.build(recipe, split, seed=0)
    model.compile(optimizer=prompted.make_optimizer(recipe, split), jit_compile=jit)
    warm = 3  # the first steps trace the graph and fill caches
    clock = _step_clock()
    model.fit(split.train, steps_per_epoch=steps + warm, callbacks=[clock], verbose=0)
    batches = number_of_batches(split.train, window=50, batch_size=64)
    step = float(np.mean(clock.seconds[warm:]))
    return {
        "step_seconds": step,
        "step_cpu_seconds": float(np.mean(clock.cpu_seconds[warm:])),
        "epoch_seconds": step * batches,
        "forward_seconds": _forward(model, split, steps, warm),
        "loss": float(clock.loss),
    }


def _forward(model: Any, split: Any, steps: int, warm: int) -> float:
    """Mean seconds of a forward pass over every position and the catalog."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def forward(x: Any) -> Any:
        queries = model(x, every_position=True, training=False)
        return tf.reduce_sum(tf.matmul(queries, model.candidates(), transpose_b=True))

    data = model.pipeline.training(split.train, batch_size=64, seed=0, epoch=lambda: 0)
    seconds = []
    for x, _ in data.take(steps + warm):
        began = time.perf_counter()
        forward(x).numpy()
        seconds.append(time.perf_counter() - began)
    return statistics.fmean(seconds[warm:])


def _step_clock() -> Any:
    import keras

    class StepClock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []
            self.cpu_seconds: list[float] = []
            self.loss = float("nan")

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.began, self.cpu_began = time.perf_counter(), time.process_time()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.loss = float(logs["loss"])  # waits for the step
            self.seconds.append(time.perf_counter() - self.began)
            self.cpu_seconds.append(time.process_time() - self.cpu_began)

    return StepClock()


def _in_own_process(name: str, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--data", options.data, "--steps", str(options.steps)]
    done = subprocess.run(
        [*command, "--one", name],
        env={**os.environ, "ONEDNN_DEFAULT_FPMATH_MODE": VARIANTS[name][2]},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "Error" in line]
        return {"error": (lines or ["unknown"])[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def _median(found: list[dict[str, Any]]) -> dict[str, Any]:
    if failed := [each for each in found if "error" in each]:
        return failed[0]
    middle = {key: statistics.median(each[key] for each in found) for key in found[0]}
    return {**middle, "rounds": [each["step_seconds"] for each in found]}


if __name__ == "__main__":
    main()
