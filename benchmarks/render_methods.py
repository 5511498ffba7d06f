"""Writes docs/methods.md and docs/methods.svg from results/methods-*.json: no figure by hand.

python benchmarks/render_methods.py
python benchmarks/render_methods.py --check      # exits 1 where the page is out of date
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import method_recipes
from render import ROOT, _origin, table

RESULTS, PAGE, PLOT = (
    ROOT / "benchmarks" / "results",
    ROOT / "docs" / "methods.md",
    ROOT / "docs" / "methods.svg",
)
Result = dict[str, Any]
HEAD = """# Methods compared

Written by `python benchmarks/render_methods.py` from `benchmarks/results/methods-*.json`; edits are
lost. Rows are configured in `benchmarks/method_recipes.py`.

Every row trains the same projection of items, the same tokens' places and the same temperature, and
differs in what is trained beside these: nothing, prompts of some kind, or weights inside the frozen
layers. {budget} All items are ranked, none sampled; a tie is never a hit. The setting and the epoch
are chosen on validation; the test part is looked at once a row and seed. ± is half of a 95 %
interval, Student's t over training seeds. Every run had one core. A row with fewer than three seeds
is not finished.
"""
FAMILIES = {
    "nothing": "Nothing but the projection of items",
    "soft": "Soft prompts",
    "deep": "Deep prompts",
    "personal": "Personal prompts",
    "tasks": "Prompts of tasks",
    "pool": "Prompts from a pool",
    "beside": "Inside the frozen layers",
    "full": "Everything above the seam",
    "combined": "Together",
    "ids": "With a rank-96 embedding of item ids",
}
# The share of trained parameters up to which a prompted row is compared with a full one.
MOST = 0.02


def render(results: Iterable[Result]) -> str:
    """The page for these result files."""
    found = list(results)
    if not found:
        return HEAD.format(budget="") + "\nNothing has been measured yet.\n"
    budget = found[0]["budget"]
    rates = ", ".join(f"{trial['optimizer']['rate']:g}" for trial in method_recipes.RATES)
    text = (
        f"Each was tuned with the same budget: {budget['trials']} settings of "
        f"{budget['trial_epochs']} epochs with seed 0 (learning rates of {rates}; for LoRA and "
        "AdaLoRA three values of alpha, for full rows three speeds of the weights, all at "
        f"{method_recipes.USUAL['optimizer']['rate']:g}); rows that only start a method otherwise, "
        "or add to it, take its setting. What starts elsewhere is first trained so on another log ("
        + ", ".join(f"{log} for {name}" for name, log in method_recipes.ELSEWHERE.items())
        + "); its time there is not counted. Then each "
        f"was trained for {budget['epochs']} epochs."
    )
    return "\n".join([HEAD.format(budget=text), *(section(result) for result in found)])


def section(result: Result) -> str:
    """One data set."""
    data, split, summary = result["data"], result["split"], result["summary"]
    lines = [
        f"## {data['name']}",
        "",
        f"{data['users']:,} users, {data['items']:,} items, {data['events']:,} events; "
        f"{split['test']['requests']:,} test requests: {split['test']['protocol']}.",
        "",
        *verdict(summary),
        "",
    ]
    for family, title in FAMILIES.items():
        rows = [row for row in rows_of(summary) if method_recipes.METHODS[row][0] == family]
        if not rows:
            continue
        lines += [f"### {title}", ""]
        lines += table(
            ["", "seeds", "trained", "of these the method's", "share", "checkpoint",
             "core seconds", "peak memory", "NDCG@10", "HR@10", "NDCG@10 on validation"],
            [_row(name, summary[name]) for name in rows],
        )  # fmt: skip
        lines.append("")
    if data["name"] == "movielens-100k":
        lines += [
            "![NDCG@10 against trained parameters](methods.svg)",
            "",
            "A mark whose name would cover another has none; the tables have them all.",
            "",
        ]
    lines += ["<details><summary>What was chosen, and how it was run</summary>", ""]
    lines += table(
        ["", "template", "setting", *(f"trial {n + 1}" for n in range(3)), "best epoch"],
        [_chosen(name, result) for name in rows_of(summary)],
    )
    lines += ["", *_origin(result["runs"])]
    lines += [f"- data {data['fingerprint'][:16]}, split {split['fingerprint'][:16]}"]
    return "\n".join([*lines, "", "</details>", ""])


def rows_of(summary: Result) -> list[str]:
    """The rows that were measured, in the order of the recipes."""
    return [name for name in method_recipes.METHODS if name in summary]


def verdict(summary: Result) -> list[str]:
    """The best of each kind against training everything above the seam."""
    lines = []
    for with_ids in (False, True):
        rows = [r for r in rows_of(summary) if r.startswith("ids:") == with_ids]
        full = [r for r in rows if "full" in r]
        prompted = [
            r
            for r in rows
            if "soft" in summary[r]["template"] or ":personal" in summary[r]["template"]
            or ":task" in summary[r]["template"] or "{pool" in summary[r]["template"]
        ]  # fmt: skip
        small = [r for r in prompted if _share(summary[r]) <= MOST]
        if not full or not small:
            continue
        # By validation, so that the test part chooses nothing.
        bound = max(full, key=lambda r: summary[r]["validation_ndcg@10"])
        best = max(small, key=lambda r: summary[r]["validation_ndcg@10"])
        ours, theirs = _ndcg(summary[best]), _ndcg(summary[bound])
        lines.append(
            f"- {'With' if with_ids else 'Without'} ids: “{best}”, the prompted row of at most "
            f"{MOST:.0%} (without the id table) that validation prefers, has NDCG@10 {ours:.4f}; "
            f"“{bound}”, the best full row on validation, {theirs:.4f}: {ours / theirs - 1:+.1%}."
        )
    return lines


def _ndcg(row: Result) -> float:
    return float(row["measures"]["ndcg@10"]["mean"])


def _share(row: Result) -> float:
    return float(row["parameters"]["share_without_id_table"])


def _row(name: str, row: Result) -> list[str]:
    parameters = row["parameters"]
    return [
        name,
        str(row["n_seeds"]),
        f"{parameters['trained']:,}",
        f"{parameters['method']:,}",
        f"{parameters['share']:.2%}",
        f"{row['checkpoint_bytes'] / 1000:,.0f} kB",
        f"{row['processor_seconds']:,.0f}",
        f"{row['peak_memory_bytes'] / 2**20:,.0f} MiB",
        _with_interval(row["measures"]["ndcg@10"]),
        _with_interval(row["measures"]["hr@10"]),
        f"{row['validation_ndcg@10']:.4f}",
    ]


def _with_interval(value: Result) -> str:
    if value["low"] is None:
        return f"{value['mean']:.4f}"
    return f"{value['mean']:.4f} ± {(value['high'] - value['low']) / 2:.4f}"


def _chosen(name: str, result: Result) -> list[str]:
    run = next(run for run in reversed(result["runs"]) if run["row"] == name)
    like = method_recipes.TUNED_AS.get(name)
    trials = {t["number"]: t["validation_ndcg@10"] for t in result["trials"].get(name, ())}
    setting = method_recipes.METHODS[name][2][run["number"]]
    (part, values), *_ = setting.items()
    written = values["rate"] if part == "optimizer" else values["tuning"]
    if isinstance(written, dict):
        written = ", ".join(
            f"{k} {v}" for k, v in written.items() if k in ("alpha", "speed", "rank")
        )
    return [
        name,
        f"`{run['template']}`",
        (str(written) if part != "optimizer" else f"rate {written:g}")
        + (f", as “{like}”" if like else ""),
        *(f"{trials[n]:.4f}" if n in trials else "–" for n in range(3)),
        f"{run['best_epoch']} of {run['epochs']}",
    ]


def draw(results: list[Result], path: Path) -> None:
    """NDCG@10 against the parameters that a method trains, a panel a data set, a mark a row."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    matplotlib.rcParams["svg.hashsalt"] = "methods"  # the same picture for the same figures
    size = (9, 5.5 * len(results))
    figure, panels = plt.subplots(len(results), figsize=size, layout="constrained", squeeze=False)
    for result, axes in zip(results, panels[:, 0], strict=True):
        _panel(result, axes)
    panels[0, 0].legend(fontsize=7, loc="upper left", bbox_to_anchor=(0.47, 1))
    panels[-1, 0].set_xlabel("trained parameters beside the projection of items and the ids")
    figure.canvas.draw()  # places the axes, by which names are seen to collide
    for result, axes in zip(results, panels[:, 0], strict=True):
        _name(result["summary"], axes)
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)


def _panel(result: Result, axes: Any) -> None:
    summary = result["summary"]
    marks = "os^Dv<>Ph*"
    for (family, title), mark in zip(FAMILIES.items(), marks, strict=True):
        rows = [row for row in rows_of(summary) if method_recipes.METHODS[row][0] == family]
        values = [summary[row]["measures"]["ndcg@10"] for row in rows]
        half = [0.0 if v["low"] is None else (v["high"] - v["low"]) / 2 for v in values]
        axes.errorbar(  # without rows too, so that a family has one colour in all panels
            [summary[row]["parameters"]["method"] for row in rows],
            [value["mean"] for value in values],
            yerr=half, fmt=mark, markersize=6, capsize=2, elinewidth=0.7, label=title,
        )  # fmt: skip
    axes.set_xscale("symlog", linthresh=300)  # some methods train nothing of their own
    axes.set_xlim(-60, 3e7)
    axes.set_title(result["data"]["name"], fontsize=9)
    axes.set_ylabel("test NDCG@10, all items ranked")
    axes.grid(alpha=0.3)


def _name(summary: Result, axes: Any) -> None:
    """Names the marks, as far as names do not cover each other."""
    named: list[Any] = []
    for row in rows_of(summary):
        point = summary[row]["parameters"]["method"], summary[row]["measures"]["ndcg@10"]["mean"]
        name = row.removeprefix("ids: ").removeprefix("personal: ")
        place = {"fontsize": 6, "xytext": (4, 3), "textcoords": "offset points"}
        text = axes.annotate(name, point, **place)
        box = text.get_window_extent()
        if any(box.overlaps(other) for other in named):
            text.remove()
        else:
            named.append(box)


def load(folder: Path = RESULTS) -> list[Result]:
    """The result files of this page; MovieLens-100K first."""
    found = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("methods-*.json"))]
    found = [result for result in found if result["summary"]]
    return sorted(found, key=lambda result: result["data"]["name"] != "movielens-100k")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it differs")
    results = load()
    text = render(results)
    if parser.parse_args().check:
        return int(not PAGE.exists() or PAGE.read_text("utf-8") != text)
    PAGE.write_text(text, "utf-8")
    if results:
        draw(results, PLOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
