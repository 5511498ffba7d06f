"""Trains and measures one row of `multitask.py` with one seed, in a process of its own."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from multitask import BASELINES, MEASURES, SPLIT, pack
from recipes import Recipe

import tfprompt as tp
from tfprompt.data import Requests, Split


def run(data: str, row: str, tasks: tuple[str, ...], seed: int, recipe: Recipe) -> dict[str, Any]:
    """Trains, chooses the epoch on validation, and looks at the test part once.

    Args:
        data: name of the data set.
        row: a row of `multitask.ROWS`.
        tasks: its tasks.
        seed: of the training; the split never depends on it.
        recipe: the row's configuration.
    """
    from rows import make_split

    split = make_split(data, SPLIT)
    began = time.perf_counter()
    if row in BASELINES:
        models: dict[str, Any] = {tasks[0]: _baseline(row, split)}
        facts: dict[str, Any] = {}
    else:
        models, facts = _trained(recipe, split, seed)
    seconds = time.perf_counter() - began
    parts = {"validation": split.validation, "test": split.test}
    measured = {
        part: {task: measure(task, models[task], requests) for task in tasks}
        for part, requests in parts.items()
    }
    for figures in measured["validation"].values():
        del figures["per_user"]
    return {**measured, "seconds": seconds, **facts}


def measure(task: str, model: Any, requests: Requests) -> dict[str, Any]:
    """The figures of a task, and each user's own share in them for paired intervals."""
    if task == "rating":
        from tfprompt.evaluation import judge

        judgement = judge(model, requests)
        errors = judgement.predictions - np.asarray(requests.target_ratings, np.float64)
        per_user = {"rmse": pack(errors**2)}  # one target a user
        found = judgement.to_dict()
    else:
        report = tp.evaluate(model, requests, baselines=False)
        per_user = {name: pack(report.per_user[name]) for name in MEASURES[task]}
        found = report.to_dict()
    return {**found, "per_user": per_user}


def _baseline(row: str, split: Split) -> Any:
    from tfprompt.evaluation import ItemKNN, Popularity, RatingBias

    makers = {"popularity": Popularity, "item-knn": ItemKNN, "rating-bias": RatingBias}
    return makers[row](split.train)


def build(recipe: Recipe, split: Split, seed: int) -> dict[str, Any]:
    """The recipe's tasks by name; the second and later ones share the first one's items."""
    from tfprompt.encoders import load_backbone

    loaded, items = load_backbone(recipe["preset"]), split.train.catalog
    models: dict[str, Any] = {}
    for task, template in recipe["templates"].items():
        encoder = tp.PromptedEncoder(loaded, template, seed=seed, **recipe["encoder"])
        share = next(iter(models.values()), None)
        kind: Any = tp.Ranker if task == "rating" else tp.Retriever
        models[task] = kind(encoder, items, seed=seed, share=share, **recipe["model"])
    return models


def _trained(recipe: Recipe, split: Split, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    import keras
    from measuring import make_clock
    from prompted import scheduled_optimizer

    from tfprompt.data import number_of_batches

    models = build(recipe, split, seed)
    # Of one task alone too: then it is that task's own training, step by step.
    multi = tp.MultiTask(models, seed=seed)
    steps = sum(
        number_of_batches(
            split.train, window=model.encoder.max_history, batch_size=recipe["batch_size"]
        )
        for model in models.values()
    )
    multi.compile(scheduled_optimizer(recipe, steps * recipe["epochs"]))
    clock = make_clock()
    stop = keras.callbacks.EarlyStopping(
        "val_score", mode="max", patience=recipe["patience"], restore_best_weights=True
    )
    history = multi.fit(
        split.train,
        validation_data=split.validation,
        epochs=recipe["epochs"],
        batch_size=recipe["batch_size"],
        callbacks=[clock, stop],
        verbose=2,
    ).history
    score = history["val_score"]
    return models, {
        "trained_parameters": multi.trainable_parameters,
        "steps": steps,
        "epochs": len(score),
        "best_epoch": int(np.argmax(score)) + 1,
        "epoch_seconds": float(np.median(clock.seconds[1:] or clock.seconds)),
        "history": {name: [float(v) for v in values] for name, values in history.items()},
    }
