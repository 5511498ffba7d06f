"""From a recipe to a model and its optimizer."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
from recipes import Recipe

import tfprompt as tp
from tfprompt.data import Split


def build(recipe: Recipe, split: Split, seed: int) -> Any:
    """The retriever that a recipe describes, with its catalog encoded."""
    from tfprompt.encoders import encode_texts, load_backbone

    kind = recipe["backbone"]
    loaded = load_backbone(recipe["preset"], random_weights_seed=seed if kind == "random" else None)
    vectors = None
    if kind == "random-upper":
        catalog = split.train.catalog
        vectors = encode_texts(loaded, catalog.texts(recipe["model"].get("item_text")))
        loaded = with_random_upper(loaded, recipe["encoder"]["prompt_layer"], seed)
    encoder = tp.PromptedEncoder(loaded, recipe["template"], seed=seed, **recipe["encoder"])
    model = tp.Retriever(encoder, split.train.catalog, seed=seed, **recipe["model"])
    if vectors is not None:
        model.item_table.fill(vectors)
    model.prepare()  # encodes nothing where the table is filled
    return model


def with_random_upper(loaded: Any, prompt_layer: int, seed: int) -> Any:
    """The backbone with random layers from `prompt_layer` on.

    Every kernel keeps its own mean and deviation, so that what is lost is what pretraining put
    into it, not the scale; norms start at gain 1 and shift 0.
    """
    from tfprompt.encoders.fingerprint import fingerprint

    generator = np.random.default_rng(seed)
    for layer in loaded.backbone.transformer_layers[prompt_layer:]:
        for weight in layer.weights:
            value = np.asarray(weight)
            if weight.name in ("gamma", "scale"):
                drawn = np.ones_like(value)
            elif weight.name in ("beta", "bias"):
                drawn = np.zeros_like(value)
            else:
                drawn = generator.normal(value.mean(), value.std(), value.shape)
            weight.assign(drawn.astype("float32"))
    return dataclasses.replace(loaded, fingerprint=fingerprint(loaded.backbone), graphs={})


def train(recipe: Recipe, split: Split, seed: int, verbose: int = 2) -> tuple[Any, dict[str, Any]]:
    """Trains as a recipe says; the epoch is the best on validation.

    Returns:
        The model, and what training took and gave.
    """
    import keras
    from measuring import epochs, make_clock

    began = time.perf_counter()
    model = build(recipe, split, seed)
    if "source" in recipe:
        start_elsewhere(model, recipe, seed)
    prepared = time.perf_counter() - began
    model.compile(optimizer=make_optimizer(recipe, split))
    clock = make_clock()
    stop = keras.callbacks.EarlyStopping(
        "val_ndcg_at_10", mode="max", patience=recipe["patience"], restore_best_weights=True
    )
    began, processor = time.perf_counter(), time.process_time()
    history = model.fit(
        split.train,
        validation_data=split.validation,
        epochs=recipe["epochs"],
        batch_size=recipe["batch_size"],
        callbacks=[clock, stop],
        verbose=verbose,
    ).history
    return model, {
        "prepare_seconds": prepared,
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - processor,
        "loss": history["loss"],
        **epochs(history["val_ndcg_at_10"], clock.seconds),
    }


def start_elsewhere(model: Any, recipe: Recipe, seed: int) -> None:
    """Starts a model from what the same recipe trains on another data set with the same seed.

    `source` of the recipe names the data set and the parts to take over, all if there are none.
    """
    own = {name: value for name, value in recipe.items() if name != "source"}
    other, _ = train(own, tp.data.load(recipe["source"]["data"]).leave_one_out(), seed, verbose=0)
    model.start_from(other, *recipe["source"]["parts"])


def describe(model: Any) -> dict[str, Any]:
    """What was trained, and on what."""
    from measuring import checkpoint_bytes, count_parameters

    return {
        "parameters": count_parameters(model),
        "checkpoint_bytes": checkpoint_bytes(model),
        "backbone": {
            "name": model.encoder.loaded.name,
            "fingerprint": model.encoder.loaded.fingerprint,
        },
        "template": model.encoder.template.source,
    }


def make_optimizer(recipe: Recipe, split: Split) -> Any:
    """AdamW with the recipe's schedule, for its epochs of the split's training part."""
    from tfprompt.data import number_of_batches

    window = recipe["encoder"].get("max_history", 50)
    steps = number_of_batches(split.train, window=window, batch_size=recipe["batch_size"])
    return scheduled_optimizer(recipe, steps * recipe["epochs"])


def scheduled_optimizer(recipe: Recipe, total: int) -> Any:
    """AdamW with the recipe's schedule over `total` steps."""
    import keras

    options = dict(recipe["optimizer"])
    rate, kind, warmup = options.pop("rate"), options.pop("schedule"), options.pop("warmup")
    warm = max(1, int(total * warmup))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, total - warm),
        alpha={"constant": 1.0, "cosine": 0.02}[kind],
        warmup_target=rate,
        warmup_steps=warm,
    )
    return keras.optimizers.AdamW(schedule, **options)
