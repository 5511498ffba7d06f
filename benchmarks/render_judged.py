"""The sections of docs/results.md about rankers: ratings, likes, two stages."""

from __future__ import annotations

from typing import Any

from render import _origin, table

Result = dict[str, Any]
NAMES = {
    "rating-bias": "user and item bias",
    "rating-knn": "item-kNN on ratings",
    "matrix-factorisation": "matrix factorisation (cornac)",
    "late": "**late interaction, `{item:token}`**",
    "late-text": "**late interaction, text alone**",
    "late-unbiased": "late interaction, without bias and neighbours",
    "cross": "**cross-encoder, `{item:text}`**",
    "cross-words": "cross-encoder, ratings as words",
}


def rating(result: Result) -> str:
    """Errors of ratings."""
    measures = ("rmse", "mae", "ndcg")
    rows = [
        [
            NAMES.get(row, row),
            str(len(found["seeds"])) if "parameters" in found else "–",
            *(_figure(found, name) for name in measures),
            _trained(found),
            f"{found['seconds']:,.0f}" if "seconds" in found else "–",
        ]
        for row, found in result["summary"].items()
    ]
    lines = [
        f"## Ratings, {result['data']['name']}",
        "",
        f"{result['split']['pairs']:,} ratings of the test part, the newest tenth of each user's "
        f"(`{result['split']['name']}`). The epoch and all parameters are chosen on validation; "
        "baselines are fitted again on training and validation, rankers are not. ± is half of "
        "Student's 95 % interval over training seeds; in brackets, for one run, that of a "
        "bootstrap over users.",
        "",
        *table(["", "seeds", "RMSE", "MAE", "NDCG", "trained parameters", "seconds"], rows),
    ]
    return "\n".join([*lines, "", *_origin(result["runs"]), ""])


def likes(result: Result) -> str:
    """AUC by number of training users."""
    rows = []
    for row, found in result["summary"].items():
        form, size = row.rsplit("-", 1)
        rows.append(
            [
                NAMES.get(form, form),
                size,
                str(len(found["seeds"])) if "parameters" in found else "–",
                _figure(found, "cold_auc"),
                _figure(found, "warm_auc"),
                _figure(found, "cold_log_loss"),
                _figure(found, "cold_calibration_error"),
                _trained(found),
                f"{found['milliseconds_a_pair']:.2f}" if "milliseconds_a_pair" in found else "–",
            ]
        )
    head = ["", "users", "seeds", "AUC, cold users", "AUC, warm users", "log-loss, cold"]
    head += ["calibration error, cold", "trained parameters", "ms a pair"]
    published = "; ".join(
        f"{each['name']}: AUC {'/'.join(f'{a:.3f}' for a in each['auc'])} ({each['source']})"
        for each in result.get("published", [])
    )
    lines = [
        f"## Likes, {result['data']['name']}",
        "",
        f"{result['split']['cold pairs']:,} judged pairs of users that training never saw (cold), "
        "and the newest tenth of those that it was trained on (warm; few users, wide intervals). "
        "Settings and epoch are chosen on another tenth of the users.",
        "",
        *table(head, rows),
        "",
        *([f"For orientation, on other splits: {published}.", ""] if published else []),
    ]
    return "\n".join([*lines, *_origin(result["runs"]), ""])


def two_stage(result: Result) -> str:
    """Quality, diversity and latency of one stage and two."""
    found = result["summary"]["stages"]
    orders = [name.removesuffix("_ndcg@10") for name in found["measures"] if "_ndcg@10" in name]
    rows = [
        [order, *(_figure(found, f"{order}_{name}") for name in
                  ("ndcg@10", "hr@10", "distance", "coverage", "ms"))]
        for order in orders
    ]  # fmt: skip
    one, untrained = (
        "; ".join(f"{p['difference']:+.4f} [{p['low']:+.4f}, {p['high']:+.4f}]"
                  for run in result["runs"] if (p := run.get(f"two minus {other}, ndcg@10")))
        for other in ("one", "untrained")
    )  # fmt: skip
    alone = "; ".join(_blended(run) for run in result["runs"])
    head = ["", "NDCG@10", "HR@10", "intra-list distance", "coverage", "ms a request"]
    lines = [
        f"## Two stages, {result['data']['name']}",
        "",
        "Leave-one-out, all items ranked. 200 items are retrieved, ranked, and the best 20 put in "
        "order; the blend of both scores is chosen on validation. Distance and coverage are of the "
        f"lists of ten. {len(found['seeds'])} seeds.",
        "",
        *table(head, rows),
        "",
        f"Two stages minus one, NDCG@10, paired over users, seed by seed: {one}.",
        *(
            [f"Two stages minus an untrained second one, likewise: {untrained}."]
            if untrained
            else []
        ),
        "",
        "Validation NDCG@10 of the retriever alone, the ranker alone, and the chosen blend: "
        f"{alone}.",
        "",
    ]
    return "\n".join([*lines, *_origin(result["runs"]), ""])


def _blended(run: Result) -> str:
    by_blend = run["validation by blend"]
    chosen = next(value for weight, value in by_blend.items() if float(weight) == run["blend"])
    return f"{by_blend['0.0']:.4f}, {by_blend['1.0']:.4f}, {chosen:.4f} (at {run['blend']:.2f})"


def _figure(found: Result, name: str) -> str:
    measure = found["measures"].get(name)
    if measure is None:
        return "–"
    if measure["low"] is not None:
        return f"{measure['mean']:.4f} ± {(measure['high'] - measure['low']) / 2:.4f}"
    ends = found.get("interval", {}).get(name)
    return f"{measure['mean']:.4f}" + (f" (± {(ends[1] - ends[0]) / 2:.4f})" if ends else "")


def _trained(found: Result) -> str:
    parameters = found.get("parameters")
    return f"{parameters['trained']:,} ({parameters['share']:.1%})" if parameters else "–"
