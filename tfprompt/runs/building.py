"""The compiled model of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from tfprompt.data.batches import number_of_batches
from tfprompt.encoders.loading import load_backbone
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.models.retriever import Retriever
from tfprompt.runs.sources import call_with_options
from tfprompt.tasks.negatives import Negatives
from tfprompt.training.schedule import warm_cosine

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.data.sequences import Sequences
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.runs.config import RunConfig


def build_model(
    config: RunConfig, items: Catalog, loaded: LoadedBackbone | None = None
) -> Retriever:
    """The untrained model, as the configuration describes it.

    Args:
        config: describes it.
        items: the catalog.
        loaded: the configuration's backbone where it is in memory already.

    Raises:
        BackboneError: the backbone cannot be loaded or cut.
        TemplateError: the template does not parse or does not fit the data.
        ConfigError: options that contradict each other.
    """
    encoder = call_with_options(
        PromptedEncoder,
        "encoder_options",
        config.encoder_options,
        loaded or load_backbone(config.encoder),
        config.template,
        prompt_layer=config.prompt_layer,
        deep=config.deep,
        read_out=config.read_out,
        attention=config.attention,
        max_history=config.max_history,
        dropout=config.dropout,
        tuning=config.tuning,
        seed=config.seed,
    )
    options = dict(config.model_options)
    negatives: Any = config.negatives
    if isinstance(options.get("negatives"), dict):
        negatives = call_with_options(
            Negatives, "model_options.negatives", options.pop("negatives"), kind=config.negatives
        )
    return call_with_options(
        Retriever,
        "model_options",
        options,
        encoder,
        items,
        temperature=config.temperature,
        negatives=negatives,
        collaborative=config.collaborative,
        item_text=config.item_text,
        seed=config.seed,
    )


def build_optimizer(
    config: RunConfig, model: Retriever, train: Sequences
) -> keras.optimizers.Optimizer:
    """AdamW with the configuration's schedule.

    The schedule is a function of the optimizer's step, which a checkpoint keeps: a resumed run
    goes on at the same rate.
    """
    steps = number_of_batches(train, window=model.encoder.max_history, batch_size=config.batch_size)
    return keras.optimizers.AdamW(
        learning_rate_schedule(config, steps),
        weight_decay=config.weight_decay,
        global_clipnorm=config.clipnorm,
    )


def learning_rate_schedule(config: RunConfig, steps_per_epoch: int) -> Any:
    """Warm-up from zero, then a cosine to 2 % of the rate, or the constant rate."""
    total = config.epochs * steps_per_epoch
    # One step of the full rate must be left.
    warmup = min(round(config.warmup_epochs * steps_per_epoch), total - 1)
    if config.schedule == "cosine":
        return warm_cosine(config.learning_rate, total, warmup)
    if not warmup:
        return config.learning_rate
    return keras.optimizers.schedules.PolynomialDecay(
        0.0, decay_steps=warmup, end_learning_rate=config.learning_rate
    )
