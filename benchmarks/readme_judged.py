"""The README's tables of rankers: ratings, likes, two stages, several tasks."""

from __future__ import annotations

from typing import Any

from render import table
from render_judged import NAMES

Result = dict[str, Any]


def rating(result: Result) -> list[str]:
    """Errors on ratings."""
    rows = [
        [NAMES.get(row, row), *(_mean(found, name) for name in ("rmse", "mae")), _trained(found)]
        for row, found in result["summary"].items()
    ]
    said = f"{result['data']['name']}, ratings: the newest tenth of each user's is predicted"
    return [f"{said}{_seeds(result)}.", "", *table(["", "RMSE", "MAE", "trained parameters"], rows)]


def likes(result: Result) -> list[str]:
    """AUC of users that training never saw, by the number of training users."""
    sizes = list(dict.fromkeys(row.rsplit("-", 1)[1] for row in result["summary"]))
    forms = list(dict.fromkeys(row.rsplit("-", 1)[0] for row in result["summary"]))
    rows = []
    for form in forms:
        own = [result["summary"].get(f"{form}-{size}") for size in sizes]
        last = next(found for found in reversed(own) if found)
        cost = last.get("milliseconds_a_pair")
        rows.append(
            [
                NAMES.get(form, form),
                *("–" if found is None else _mean(found, "cold_auc") for found in own),
                _trained(last),
                "–" if cost is None else f"{cost:.2f}",
            ]
        )
    said = f"{result['data']['name']}, liked or not: AUC of new users, by number of training users"
    head = ["", *sizes, "trained parameters", "ms a pair"]
    return [f"{said}{_seeds(result)}.", "", *table(head, rows)]


def two_stage(result: Result) -> list[str]:
    """One stage, two, and what diversity costs."""
    found = result["summary"]["stages"]
    orders = [name.removesuffix("_ndcg@10") for name in found["measures"] if "_ndcg@10" in name]
    columns = {"ndcg@10": "NDCG@10", "distance": "intra-list distance", "coverage": "coverage"}
    rows = [
        [order, *(_mean(found, f"{order}_{name}") for name in columns),
         _mean(found, f"{order}_ms", 0)]
        for order in orders
    ]  # fmt: skip
    said = f"{result['data']['name']}, one stage and two (retrieve 200, rank 20)"
    head = ["", *columns.values(), "ms a request"]
    return [f"{said}{_seeds(result)}.", "", *table(head, rows)]


def multitask(result: Result) -> list[str]:
    """Each task alone and in one model."""
    rows = [
        [f"{task}, {name.upper()}", f"{gap['single']:.4f}", f"{gap['multi']:.4f}",
         f"{gap['relative']:+.1%} [{gap['low']:+.1%}, {gap['high']:+.1%}]"]
        for task, measures in result["summary"].get("gaps", {}).items()
        for name, gap in measures.items()
    ]  # fmt: skip
    seeds = max(len(found["seeds"]) for n, found in result["summary"].items() if n != "gaps")
    said = f"{result['data']['name']}, a model a task and one for all, mean over {seeds} seeds."
    return [said, "", *table(["", "alone", "together", "difference"], rows)]


MAKERS = {"rating": rating, "likes": likes, "two-stage": two_stage, "multitask": multitask}


def _seeds(result: Result) -> str:
    seeds = max(len(found["seeds"]) for found in result["summary"].values())
    return f", mean over {seeds} seeds" if seeds > 1 else ""


def _mean(found: Result, name: str, digits: int = 4) -> str:
    measure = found["measures"].get(name)
    return "–" if measure is None else f"{measure['mean']:.{digits}f}"


def _trained(found: Result) -> str:
    parameters = found.get("parameters")
    return f"{parameters['trained']:,} ({parameters['share']:.1%})" if parameters else "–"
