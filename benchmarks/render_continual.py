"""The section of docs/results.md about a stream: what each method learns and forgets."""

from __future__ import annotations

from typing import Any

from render import _origin, table

Result = dict[str, Any]
TITLES = {
    "average": "average",
    "forgetting": "forgetting",
    "backward_transfer": "backward transfer",
    "forward_transfer": "forward transfer",
}


def continual(result: Result) -> str:
    """Measures by method, and what was chosen for each."""
    summary, split = result["summary"], result["split"]
    stages = "; ".join(
        f"{stage['name']} ({stage['events']:,} events, {stage['requests']:,} requests, "
        f"{stage['candidates']:,} items)"
        for stage in split["stages"]
    )
    lines = [
        f"## A stream by {split['name']}, {result['data']['name']}",
        "",
        f"Stages in order: {stages}. Each trains on its own events and asks for each user's last "
        "one; NDCG@10 among the items named, seen ones excluded. Average: of all stages after the "
        "last. Forgetting: best of a stage before the end, minus its last figure (Chaudhry et al., "
        "2018). Backward and forward transfer: Lopez-Paz and Ranzato, 2017. A method that forgets "
        "little may have learned little: `first-only` learns nothing after the first stage, "
        "`joint` sees all stages at once. Chosen on validation with seed 0, by the average; the "
        "test part is looked at once a row and seed.",
        "",
        *table(
            ["", "seeds", *TITLES.values(), "forgetting beside fine-tune", "seconds"],
            [_row(name, row, summary) for name, row in summary.items()],
        ),
        "",
        "What was trained, and chosen among what was tried (average on validation):",
        "",
        *table(["", "after the first stage", "tried"], [_tried(n, result) for n in summary]),
    ]
    newest = {run["row"]: run["recipe"]["template"] for run in result["runs"]}
    templates = {template: [n for n in newest if newest[n] == template]
                 for template in dict.fromkeys(newest.values())}  # fmt: skip
    lines += ["", "Templates:", ""]
    lines += [f"- {', '.join(names)}: `{template}`" for template, names in templates.items()]
    return "\n".join([*lines, "", *_origin(result["runs"]), ""])


def _row(name: str, row: Result, summary: Result) -> list[str]:
    cells = [name, str(len(row["seeds"]))]
    for measure in TITLES:
        value = row["measures"][measure]
        half = "" if value["low"] is None else f" ± {(value['high'] - value['low']) / 2:.4f}"
        cells.append(f"{value['mean']:.4f}{half}")
    plain = summary.get("fine-tune", row)["measures"]["forgetting"]["mean"]
    own = row["measures"]["forgetting"]["mean"]
    return [*cells, f"{own / plain:.0%}" if plain > 0 else "–", f"{row['seconds']:,.0f}"]


def _tried(name: str, result: Result) -> list[str]:
    run = next(run for run in reversed(result["runs"]) if run["row"] == name)
    tried = [
        f"{_words(t['recipe'])}: {t['outcome']['measures']['average']:.4f}"
        + (" (chosen)" if t["recipe"] == run["recipe"] else "")
        for t in result.get("tried", [])
        if t["row"] == name
    ]
    later = run["outcome"]["settings"]["later"] if name not in ("joint", "first-only") else []
    return [name, ", ".join(later) or "nothing", "; ".join(tried) or "–"]


def _words(recipe: Result) -> str:
    rate = recipe["course"].get("later_rate", recipe["course"]["rate"])
    weight = recipe["options"].get("weight")
    return f"rate {rate:g}" if weight is None else f"weight {weight:g}"
