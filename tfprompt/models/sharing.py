"""Items that several models know together: one table, one tower, one id embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfprompt.errors import ConfigError
from tfprompt.layers import ItemTower
from tfprompt.models.item_table import ItemTable

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.models.fits_parts import FitsParts


def item_parts(
    encoder: PromptedEncoder,
    items: Catalog,
    share: FitsParts | None,
    *,
    collaborative: int,
    id_dropout: float,
    shrinkage: float | None,
    item_text: str,
    tied: bool = True,
    start: str = "random",
    seed: int = 0,
    item_vectors: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[ItemTable, ItemTower]:
    """What a model knows of its items: its own table and tower, or those of another model.

    Args:
        encoder: the model's encoder.
        items: the catalog.
        share: whose parts to take; None makes new ones.
        collaborative: rank R of the items' id embedding, 0 for none.
        id_dropout: share of ids hidden in training.
        shrinkage: of the whitening of the items' text vectors.
        item_text: how an item reads.
        tied: one projection for candidates and tokens.
        start: "random", or "text": training corrects the similarity of texts, from zero.
        seed: of the initial values of new parts.
        item_vectors: what the catalog's vectors count, see `item_vector_options`.

    Raises:
        ConfigError: the models differ in what would be shared.
    """
    from_text = start == "text"
    residual = from_text and not encoder.template.has_history
    if share is None:
        table = ItemTable(
            len(items), encoder.loaded.width, collaborative or None, id_dropout, shrinkage, seed,
            item_vectors, name="item_table",
        )  # fmt: skip
        scale = 0.0 if from_text else 0.05
        tower = ItemTower(encoder.width, tied, scale, seed, residual=residual, name="item_tower")
        return table, tower
    if share.encoder.loaded.backbone is not encoder.loaded.backbone:
        raise ConfigError(
            "Models that share items stand on one frozen backbone in memory. Received: encoders "
            f"on two, {share.encoder.loaded.name} and {encoder.loaded.name}. Load it once with "
            "load_backbone(...) and make both encoders of it, PromptedEncoder(loaded, template)."
        )
    if share.encoder is encoder:
        raise ConfigError(
            "Models that share items have prompts of their own. Received: one encoder for both. "
            "Make a second PromptedEncoder of the same loaded backbone."
        )
    if share.catalog.fingerprint != items.fingerprint:
        raise ConfigError(
            f"Models that share items know the same catalog. Received: {len(share.catalog)} items "
            f"({share.catalog.fingerprint[:12]}) and {len(items)} ({items.fingerprint[:12]})."
        )
    table, tower = share.item_table, share.item_tower
    same: dict[str, tuple[Any, Any]] = {
        "collaborative": (table.rank or 0, collaborative),
        "id_dropout": (table.id_dropout, id_dropout),
        "shrinkage": (table.shrinkage, shrinkage),
        "tied": (tower.tied, tied),
        "start": (getattr(share, "start", "random"), start),
        "item_text": (share.item_text, item_text),
        "item_vectors": (table.extra, dict(item_vectors or {})),
    }
    for name, (theirs, ours) in same.items():
        if theirs != ours:
            raise ConfigError(
                f"Models that share items agree in `{name}`. Received: {theirs!r} in the shared "
                f"model and {ours!r} here. Give both the same value."
            )
    if tower.residual != residual:
        raise ConfigError(
            "With start='text', models that share items all have a history in their templates, or "
            "none has: a correction starts from zero in the one case, from the text itself in the "
            f"other. Received: {share.encoder.template.source!r} and {encoder.template.source!r}."
        )
    if not (uses_tower(encoder) and uses_tower(share.encoder)):
        raise ConfigError(
            "A ranker that reads {item:text} beside no history projects no items, so there is "
            "nothing to share. Write {item:token}, or add {history:items}."
        )
    if collaborative and reads_text(encoder) != reads_text(share.encoder):
        raise ConfigError(
            "A ranker that reads {item:text} trains no ids of candidates, and so shares them with "
            f"no other kind of model. Received: collaborative={collaborative}. Write {{item:token}}"
            ", or use text alone."
        )
    return table, tower


def uses_tower(encoder: PromptedEncoder) -> bool:
    """Whether a model with this encoder projects item vectors."""
    return encoder.template.has_history or not reads_text(encoder)


def reads_text(encoder: PromptedEncoder) -> bool:
    """Whether the item to judge is read as word pieces."""
    candidate = encoder.template.candidate
    return candidate is not None and candidate.form == "text"


def check_tasks(tasks: Mapping[str, FitsParts], model: Any) -> None:
    """Refuses models that cannot be trained as tasks of one.

    Args:
        tasks: the models by name.
        model: what trains them; made under the same `tf.distribute` strategy.

    Raises:
        ConfigError: no task, a bad name, or models that do not belong together.
    """
    names = list(tasks)
    if not names or not all(isinstance(n, str) and n.isascii() and n.isidentifier() for n in names):
        raise ConfigError(
            "There is one task or more, each with a name that a directory and a metric can bear, "
            f"such as 'rating'. Received: {names}."
        )
    first = tasks[names[0]]
    encoders = {id(task.encoder) for task in tasks.values()}
    for name, task in tasks.items():
        if task.item_table is not first.item_table or task.item_tower is not first.item_tower:
            raise ConfigError(
                f"The tasks of one model share their items. Received: {names[0]!r} and {name!r} "
                f"with two item tables. Make {name!r} with share=<the model of {names[0]!r}>."
            )
        # The public property of a model made in no scope names the current one.
        if task._distribute_strategy is not model._distribute_strategy:
            raise ConfigError(
                "The tasks and what trains them are made in one strategy.scope(). Received: "
                f"{name!r} made under {_name(task)}, and MultiTask under {_name(model)}."
            )
    if len(encoders) != len(names) or len({id(task) for task in tasks.values()}) != len(names):
        raise ConfigError(
            f"Each task has a model and prompts of its own. Received: {len(encoders)} encoders "
            f"for {len(names)} tasks."
        )


def _name(model: Any) -> str:
    strategy = model._distribute_strategy
    return "no strategy" if strategy is None else type(strategy).__name__
