"""The sections of docs/results.md about few users and few examples, and their curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from render import ROOT, _origin, table

Result = dict[str, Any]
MEASURES = {"fewshot": ("ndcg@10", "NDCG@10"), "verbalizers": ("auc", "AUC")}
# Colours that people who do not tell red from green tell apart (Okabe and Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _LEGEND = 760, 380, 60, 20, 40, 190


def fewshot(result: Result) -> str:
    """What a model is worth with few users."""
    split = result["split"]
    trained = [run["recipe"] for run in result["runs"] if "steps" in run["recipe"]]
    steps = sorted({recipe["steps"] for recipe in trained})
    checks = sorted({recipe["checks"] for recipe in trained})
    about = [
        f"Columns: users that training shows, drawn by the seed, of {split['users']:,}; 0 is the "
        "model as it is made. The test requests are the same in all of them: "
        f"{split['test']['requests']:,}, {split['test']['protocol']}. Every trained row makes "
        f"{_numbers(steps)} steps whatever the number of users, is looked at on validation "
        f"{_numbers(checks)} times and once before, and ends with the weights that were best "
        "there.",
    ]
    return _section(result, f"From few users: {result['data']['name']}, {split['name']}", about)


def verbalizers(result: Result) -> str:
    """Will they like it, answered in words with few examples."""
    split = result["split"]
    about = [
        f"Columns: examples of each class, liked (a rating from {split['like']:g} on) and not; 0 "
        "is the model as it is made, the words chosen on validation. No row knows how a user or "
        f"an item rates (`bias=False`). {split['pairs']:,} test pairs of {split['users']:,} users "
        "are judged, the newest tenth of each user; the weights are those that were best on "
        "validation, those before any training included.",
    ]
    return _section(result, f"From few examples: {result['data']['name']}, liked or not", about)


def _section(result: Result, title: str, about: list[str]) -> str:
    measure, name = MEASURES[result["benchmark"]]
    sizes, rows = curve(result, measure)
    cells = [[row, *(_cell(values.get(size)) for size in sizes)] for row, values in rows.items()]
    lines = [
        f"## {title}", "", *about, "", f"{name} on test:", "", *table(["", *sizes], cells), "",
        f"![{name} by what training shows]({picture(result).name})", "",
    ]  # fmt: skip
    templates = {
        run["recipe"]["row"]: run["template"] for run in result["runs"] if "template" in run
    }
    lines += ["Templates:", "", *(f"- {row}: `{text}`" for row, text in templates.items()), ""]
    return "\n".join([*lines, *_origin(result["runs"]), ""])


def curve(result: Result, measure: str) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Sizes in order, and by row and size the summary of a measure; interval in either form."""
    rows: dict[str, dict[str, Any]] = {}
    for key, summary in result["summary"].items():
        row, _, size = key.rpartition("-")
        found = dict(summary["measures"][measure])
        if found["low"] is None:  # one seed: the bootstrap over users
            found["low"], found["high"] = summary["interval"][measure]
            found["users"] = True
        rows.setdefault(row, {})[size] = found
    sizes = {size for values in rows.values() for size in values}
    return sorted(sizes, key=lambda size: (size == "all", int(size) if size != "all" else 0)), rows


def _cell(found: Any) -> str:
    if found is None:
        return "–"
    half = (found["high"] - found["low"]) / 2
    return f"{found['mean']:.4f} " + (f"(± {half:.4f})" if "users" in found else f"± {half:.4f}")


def _numbers(found: list[int]) -> str:
    return " or ".join(map(str, found)) or "0"


def picture(result: Result) -> Path:
    """Where the curve of a result stands."""
    names = [result["benchmark"], result["data"]["name"], result["split"]["name"]]
    return ROOT / "docs" / f"{'-'.join(names).replace(' ', '-')}.svg"


def draw(result: Result) -> str:
    """The curves as SVG: a line a row over the sizes, with its mean; a dot where there is one."""
    measure, name = MEASURES[result["benchmark"]]
    sizes, rows = curve(result, measure)
    means = [found["mean"] for values in rows.values() for found in values.values()]
    low, high = min(means), max(means)
    room = (high - low or 1.0) * 0.05
    low, high = low - room, high + room
    right = _WIDTH - _LEGEND

    def across(size: str) -> float:
        return _LEFT + (right - _LEFT) * (sizes.index(size) + 0.5) / len(sizes)

    def down(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="14">{name}</text>',
    ]
    for step in range(5):
        value = low + (high - low) * step / 4
        y = down(value)
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.3f}</text>')
    for size in sizes:
        parts.append(
            f'<text x="{across(size):.1f}" y="{_HEIGHT - 14}" text-anchor="middle">{size}</text>'
        )
    for place, (row, values) in enumerate(rows.items()):
        colour = COLOURS[place % len(COLOURS)]
        dash = "" if place < len(COLOURS) else ' stroke-dasharray="5 3"'
        points = [(across(s), down(values[s]["mean"])) for s in sizes if s in values]
        if len(points) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
            )
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        y = _TOP + 18 * place + 10
        parts.append(f'<rect x="{right + 14}" y="{y - 8}" width="12" height="8" fill="{colour}"/>')
        parts.append(f'<text x="{right + 32}" y="{y}">{row}</text>')
    return "\n".join([*parts, "</svg>", ""])
