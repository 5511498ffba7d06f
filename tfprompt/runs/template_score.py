"""How good a template is: a short training, and the validation part."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tfprompt.encoders.loading import load_backbone
from tfprompt.errors import ConfigError
from tfprompt.prompts.template import Template
from tfprompt.runs.building import build_model, build_optimizer
from tfprompt.runs.config import RunConfig
from tfprompt.runs.sources import load_data, split_data
from tfprompt.training.distribution import strategy

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset
    from tfprompt.data.split import Split
    from tfprompt.encoders.loading import LoadedBackbone


class TemplateScore:
    """Scores templates for `tfprompt.prompts.search` by training with each of them.

    All that is not the template, the seed included, is the same for every template. The score is
    the best NDCG@10 of validation over the epochs; the test part is not looked at.

    Args:
        config: what to train; its own template is not used.

    Example:
        ```python
        score = TemplateScore(tp.runs.RunConfig(data="movielens-100k", epochs=1))
        trials = Trials("search.json", about=score.about)
        beam_search("(a fan|someone) who liked {history:items}", score, trials=trials)
        ```
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config.resolved()
        self._data: Dataset | None = None
        self._split: Split | None = None
        self._loaded: LoadedBackbone | None = None

    @property
    def about(self) -> dict[str, Any]:
        """What a score depends on besides template and budget, for `Trials`; reads the data."""
        values = self.config.to_dict()
        for name in ("template", "epochs", "patience", "strategy", "tensorboard"):
            del values[name]
        fingerprint = self._loaded_data().fingerprint
        return {
            "measure": "val_ndcg@10", "epochs": self.config.epochs, **values,
            "data_fingerprint": fingerprint,
        }  # fmt: skip

    def check(self, template: str) -> None:
        """Refuses a template before anything is trained.

        Raises:
            TemplateError: it does not parse, or names a column that the data lacks.
        """
        Template.parse(template).check(self._loaded_data().items.columns)

    def _loaded_data(self) -> Dataset:
        if self._data is None:
            self._data = load_data(self.config)
        return self._data

    def __call__(self, template: str, budget: float = 0) -> float:
        """Trains with a template.

        Args:
            template: the template.
            budget: epochs, 0 for those of the configuration.

        Returns:
            The best validation NDCG@10, 0 … 1.

        Raises:
            TemplateError: the template does not parse or does not fit the data.
            ConfigError: a budget that is no whole number of epochs, or the loss became infinite.
        """
        epochs = budget or self.config.epochs
        if epochs != int(epochs):
            raise ConfigError(f"A budget is a number of epochs. Received: {budget}.")
        config = dataclasses.replace(self.config, template=template, epochs=int(epochs))
        data = self._loaded_data()
        if self._split is None or self._loaded is None:
            self._split = split_data(config, data)
            self._loaded = load_backbone(config.encoder)
        train, validation = self._split.train, self._split.validation
        keras.utils.set_random_seed(config.seed)
        with strategy(config.strategy).scope():
            model = build_model(config, data.items, self._loaded)
            model.compile(optimizer=build_optimizer(config, model, train))
        history = model.fit(
            train,
            validation_data=validation,
            batch_size=config.batch_size,
            epochs=config.epochs,
            seed=config.seed,
            verbose=0,
            callbacks=[keras.callbacks.TerminateOnNaN()],
        )
        if not np.isfinite(history.history["loss"]).all():
            raise ConfigError(
                f"A score needs a finite loss. Received: an infinite one with {template!r}. Lower "
                "the learning rate."
            )
        return float(max(history.history["val_ndcg_at_10"]))
