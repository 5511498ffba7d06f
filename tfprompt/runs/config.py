"""Everything that decides what a training run does, with its defaults: the only such place."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from tfprompt.errors import ConfigError
from tfprompt.runs import checks

Split = Literal["leave-one-out", "temporal", "ratio", "cold-items", "cold-users"]
# Where the user gives none; of ids, where the data's own recipe gives none either.
TEMPLATE = "a person who liked these items will like next {soft:8} {history:items}"
COLLABORATIVE = 32
# What suits a named data set better than the defaults; chosen on its validation part.
RECIPES: dict[str, dict[str, Any]] = {
    "movielens-100k": {"collaborative": 96},
}


def _field(default: Any, help: str, *, identity: bool = True) -> Any:
    """A field with its help; `identity=False`: another value does not make it another run."""
    metadata = {"help": help, "identity": identity}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """What a run is made of: data, split, model, training.

    Each field is an option of `tfprompt fit` and a key of its `--config` file; the four
    `*_options`, reached by `--set`, pass anything else on to `tp.data.read`, the split,
    `tp.PromptedEncoder` and `tp.Retriever`.

    Raises:
        ConfigError: a value breaks a rule.

    Example:
        >>> config = RunConfig(data="movielens-100k", epochs=3)
        >>> config.learning_rate, config.resolved().collaborative
        (0.002, 96)
    """

    data: str | None = _field(None, "Named data set, see `tfprompt data list`.")
    interactions: str | None = _field(
        None, "Table of events: user_id, item_id[, rating, timestamp, ...]."
    )
    items: str | None = _field(None, "Table of items: item_id and their columns.")
    users: str | None = _field(None, "Table of users: user_id and their columns.")
    columns: dict[str, str] = _field({}, "A column's name in the files: user_id=UserID.")
    min_rating: float | None = _field(None, "Events with a lower rating are left out.")
    k_core: int = _field(0, "Users and items with fewer events leave, repeatedly.")
    item_text: str | None = _field(None, 'How an item reads, as "{title} ({year})".')
    read_options: dict[str, Any] = _field({}, "Other arguments of tp.data.read.")
    split: Split = _field("leave-one-out", f"How to cut the data: {', '.join(checks.SPLITS)}.")
    split_options: dict[str, Any] = _field({}, "Arguments of the split.")

    encoder: str = _field(
        "all-minilm-l6-v2", "Packaged name, Hugging Face directory or KerasHub preset."
    )
    template: str | None = _field(
        None, f'What the encoder sees of a request; by default "{TEMPLATE}".'
    )
    prompt_layer: int | None = _field(
        None, "The seam: the layer at which prompts enter; by default the last one."
    )
    deep: bool = _field(False, "Fresh prompts at every layer above the seam.")
    read_out: Literal["last", "mask", "mean"] | None = _field(
        None, "Where the query is read: last, mask or mean; by default what the template allows."
    )
    attention: Literal["causal", "full"] = _field(
        "causal", "Whether past items see only what was before them (causal) or all (full)."
    )
    max_history: int = _field(50, "Newest items of a history that are looked at.")
    dropout: float = _field(0.3, "Rate of dropout on the item tokens.")
    tuning: str | None = _field(
        None,
        "What is trained inside the upper layers beside prompts: lora:8, adalora:4, adapter:16, "
        "ia3, bitfit, layer_norm or full, several divided by commas; by default nothing.",
    )
    encoder_options: dict[str, Any] = _field({}, "Other arguments of tp.PromptedEncoder.")
    collaborative: int | None = _field(
        None,
        "Rank of the items' id embeddings, 0 for their text alone; by default the data's own, "
        f"or {COLLABORATIVE}.",
    )
    temperature: float | None = _field(
        None, "Divides the scores before the softmax; trained from there; 0.1 unless given."
    )
    negatives: Literal["catalog", "in_batch", "sampled"] = _field(
        "catalog", "What a positive is compared with: catalog, in_batch or sampled."
    )
    model_options: dict[str, Any] = _field({}, "Other arguments of tp.Retriever.")

    epochs: int = _field(10, "Passes over the training part, at most.")
    batch_size: int = _field(64, "Windows in a step, over all devices.")
    learning_rate: float = _field(2e-3, "Peak rate of AdamW.")
    schedule: Literal["cosine", "constant"] = _field(
        "cosine", "Learning rate after the warm-up: cosine (to zero) or constant."
    )
    warmup_epochs: float = _field(0.5, "Epochs in which the rate rises from zero.")
    weight_decay: float = _field(0.01, "Decay of AdamW.")
    clipnorm: float | None = _field(
        1.0, "Longest gradient of all tensors together; --set clipnorm=null for no clipping."
    )
    patience: int = _field(
        3, "Epochs without a better validation NDCG@10 before training stops; 0 never stops."
    )
    seed: int = _field(0, "Seed of initial values, order and dropout: the same gives the same.")
    strategy: Literal["auto", "one", "mirrored"] = _field(
        "auto", "Devices: auto, one or mirrored.", identity=False
    )
    tensorboard: bool = _field(False, "Also write logs for TensorBoard.", identity=False)

    def __post_init__(self) -> None:
        checks.check(self)

    @classmethod
    def names(cls) -> list[str]:
        """Names of all fields, in order."""
        return [field.name for field in dataclasses.fields(cls)]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """A configuration from a mapping; what it leaves out has its default.

        Raises:
            ConfigError: an unknown key, or a value breaks a rule.
        """
        for name in values:
            if name not in cls.names():
                near = difflib.get_close_matches(str(name), cls.names(), 1)
                raise ConfigError(
                    f"A configuration has the keys {', '.join(cls.names())}. Received: {name!r}."
                    + (f" Did you mean {near[0]!r}?" if near else "")
                )
        return cls(**values)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> dict[str, Any]:
        """The keys that a TOML or JSON file gives; `from_dict` checks them.

        Raises:
            ConfigError: the file is missing or broken.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
            values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"A configuration is a readable TOML or JSON (.json) file. Received: {path}: "
                f"{error}."
            ) from error
        if not isinstance(values, dict):
            raise ConfigError(f"A configuration file holds an object. Received: {path}.")
        return values

    def to_dict(self) -> dict[str, Any]:
        """All fields, as JSON."""
        return dataclasses.asdict(self)

    def resolved(self) -> RunConfig:
        """The same with the data's recipe filled in and paths made absolute.

        What a run stores: it means the same from every directory and in every later version.
        """
        values = self.to_dict()
        for name, value in RECIPES.get(self.data or "", {}).items():
            values[name] = value if values[name] is None else values[name]
        values["template"] = values["template"] or TEMPLATE
        if values["collaborative"] is None:
            values["collaborative"] = COLLABORATIVE
        for name in ("interactions", "items", "users"):
            if values[name] is not None:
                values[name] = str(Path(values[name]).expanduser().absolute())
        if Path(self.encoder).expanduser().is_dir():
            values["encoder"] = str(Path(self.encoder).expanduser().absolute())
        return RunConfig(**values)

    def differences(self, other: RunConfig) -> dict[str, tuple[Any, Any]]:
        """The fields that make `other` another run: name → (here, there)."""
        return {
            field.name: (getattr(self, field.name), getattr(other, field.name))
            for field in dataclasses.fields(self)
            if field.metadata["identity"]
            and getattr(self, field.name) != getattr(other, field.name)
        }
