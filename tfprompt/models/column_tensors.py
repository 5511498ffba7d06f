"""Which trained tensors stand for the values of a column, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfprompt.prompts.segments import Personal, Task

if TYPE_CHECKING:
    from tfprompt.models.fits_parts import FitsParts


def meaning_of_columns(model: FitsParts) -> dict[str, Any]:
    """What feature tokens, codes and ratings mean: vocabulary, or mean and deviation."""
    columns = model.catalog.columns
    template = model.encoder.template
    objective = getattr(model, "objective", None)
    # A ranker's ratings are in standard deviations from their mean, shown or not.
    rates = template.shows_ratings or (objective is not None and objective.kind != "click")
    names = (*template.features, *(("rating",) if rates else ()))
    return {
        name: {
            "vocabulary": list(columns[name].vocabulary or ()),
            "mean": columns[name].mean,
            "std": columns[name].std,
        }
        for name in names
        if name in columns
    }


def of_other_values(model: FitsParts, other: FitsParts) -> tuple[str, ...]:
    """How the names of tensors begin whose values stand for other things in both models.

    Their shapes may agree: the codes of three ages and of three jobs, or of the same jobs where
    another one is the most frequent. What all values share, the prompt itself, is not among them.
    """
    ours, theirs = _columns_of(model), _columns_of(other)
    means, others = meaning_of_columns(model), meaning_of_columns(other)
    return tuple(
        start
        for start, name in ours.items()
        if theirs.get(start) != name or means.get(name) != others.get(name)
    )


def _columns_of(model: FitsParts) -> dict[str, str]:
    """The column behind tensors, by how their names begin."""
    found = {f"prompted_encoder/feature_{n}/": n for n in model.encoder.feature_tokens}
    for number, segment in enumerate(model.encoder.template.segments):
        if isinstance(segment, Personal):
            found[f"prompted_encoder/code_{number}/"] = segment.name
            found[f"prompted_encoder/personal_{number}/lift"] = segment.name
        elif isinstance(segment, Task):
            found[f"prompted_encoder/task_{number}/by_"] = segment.name
    return found
