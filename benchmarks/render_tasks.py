"""The section of docs/results.md about several tasks in one model."""

from __future__ import annotations

from typing import Any

from render import _origin, table

Result = dict[str, Any]
TITLES = {"ndcg@10": "NDCG@10", "hr@10": "HR@10", "rmse": "RMSE"}


def multitask(result: Result) -> str:
    """Each task alone and together, and the honest gap."""
    summary, gaps = result["summary"], result["summary"].get("gaps", {})
    baselines = [
        row for row in summary if row != "gaps" and "trained_parameters" not in summary[row]
    ]
    rows = []
    for task, measures in gaps.items():
        for name, gap in measures.items():
            known = [
                f"{row} {summary[row]['tasks'][task][name]['mean']:.4f}"
                for row in baselines
                if task in summary[row]["tasks"]
            ]
            seeds = ", ".join(f"{value:+.1%}" for value in gap["by_seed"].values())
            rows.append(
                [
                    f"{task}, {TITLES.get(name, name)}" + (" (lower is better)" * (name == "rmse")),
                    "; ".join(known) or "–",
                    f"{gap['single']:.4f}",
                    f"{gap['multi']:.4f}",
                    f"{gap['relative']:+.1%} [{gap['low']:+.1%}, {gap['high']:+.1%}]",
                    seeds,
                ]
            )
    trained = [
        [row, f"{found['trained_parameters']:,.0f}", f"{found['epochs']:.1f}",
         f"{found['seconds']:,.0f}", str(len(found["seeds"]))]
        for row, found in summary.items()
        if row != "gaps" and "trained_parameters" in found
    ]  # fmt: skip
    templates = {
        task: template
        for run in result["runs"]
        for task, template in run["recipe"].get("templates", {}).items()
    }
    lines = [
        f"## Several tasks in one model, {result['data']['name']}",
        "",
        "One model with a prompt for each task and shared items, beside a model for each task. "
        "Both make as many passes over the data; the epoch is chosen on validation, one for all "
        "tasks where they are together. The interval is a paired bootstrap over users of the mean "
        "over seeds; the last column is each seed's own difference.",
        "",
        *table(["", "baseline", "alone", "together", "difference", "by seed"], rows),
        "",
        *table(["", "trained parameters", "epochs", "seconds", "seeds"], trained),
        "",
        "Templates:",
        "",
        *(f"- {task}: `{template}`" for task, template in templates.items()),
        "",
    ]
    return "\n".join([*lines, *_origin(result["runs"]), ""])
