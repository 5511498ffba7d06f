"""Writes docs/results.md from the JSON files in benchmarks/results: no figure is typed by hand.

python benchmarks/render.py
python benchmarks/render.py --check      # exits 1 where the file is out of date
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS, PAGE = ROOT / "benchmarks" / "results", ROOT / "docs" / "results.md"
HEAD = """# Results

Written by `python benchmarks/render.py` from the files in `benchmarks/results`; edits are lost.
Each section names the commands that made it; `make bench` runs the main ones. The rows'
configurations are in `benchmarks/recipes.py`.

All items are ranked, none sampled; a tie is never a hit. The epoch, and the parameters of the
tuned baseline, are chosen on validation; the test part is looked at once a row and seed. A mean is
followed by ± half of its 95 % interval: Student's t over training seeds where there are several
(`seeds`), else, in brackets, a bootstrap over users. Shares are of the backbone's parameters.
"""
MEASURES = ("hr@10", "ndcg@10", "recall@10", "mrr")
Result = dict[str, Any]


def render(results: Iterable[Result]) -> str:
    """The page for these result files."""
    # Here, since they import this module.
    import render_continual
    import render_fewshot
    import render_judged
    import render_serving
    import render_tasks
    import render_wishes

    makers = {
        "quality": quality,
        "speed": speed,
        "paraphrases": render_wishes.paraphrases,
        "negations": render_wishes.negations,
        "languages": render_wishes.languages,
        "facts": render_wishes.facts,
        "rating": render_judged.rating,
        "likes": render_judged.likes,
        "two-stage": render_judged.two_stage,
        "continual": render_continual.continual,
        "multitask": render_tasks.multitask,
        "serving": render_serving.serving,
        "fewshot": render_fewshot.fewshot,
        "verbalizers": render_fewshot.verbalizers,
    }
    parts = [HEAD, *(makers[result["benchmark"]](result) for result in results)]
    if len(parts) == 1:
        parts.append("Nothing has been measured yet.\n")
    return "\n".join(parts)


def quality(result: Result) -> str:
    """One data set and split: quality, cost, and where the figures come from."""
    data, split, summary = result["data"], result["split"], result["summary"]
    content = best_content(summary)
    lines = [
        f"## {data['name']}, {split['name']}",
        "",
        f"{data['users']:,} users, {data['items']:,} items, {data['events']:,} events; "
        f"{split['test']['requests']:,} test requests: {split['test']['protocol']}.",
        "",
        *table(
            ["", "seeds", *map(_title, MEASURES), "NDCG@10 on validation"],
            [
                [
                    f"{name} (the best content)" if name == content else name,
                    str(row["n_seeds"]) if "parameters" in row else "–",
                    *(_mean(row, measure, _first(result, name)) for measure in MEASURES),
                    f"{row['validation_ndcg@10']:.4f}",
                ]
                for name, row in summary.items()
            ],
        ),
    ]
    lines += _ratios(summary, content)
    note = ""
    if any(_lacks_whitening(row) for row in summary.values() if "parameters" in row):
        note = (
            " A checkpoint now holds the whitening of items too, 590 kB at MiniLM's width, which "
            "older runs lack."
        )
    lines += [
        "",
        f"Cost of training (means over seeds; seconds depend on machine and load).{note}",
        "",
    ]
    lines += table(
        ["", "trained", "of which id table", "share", "share without id table", "epochs",
         "seconds", "seconds an epoch", "peak memory", "checkpoint"],
        [_cost(name, row) for name, row in summary.items() if "parameters" in row],
    )  # fmt: skip
    if result.get("published"):
        lines += ["", "Published by others, under protocols that differ in detail:", ""]
        lines += table(
            ["", "HR@10", "NDCG@10", "source"],
            [
                [p["name"], f"{p['hr@10']:.4f}", f"{p['ndcg@10']:.4f}", p["source"]]
                for p in result["published"]
            ],
        )
    templates = [
        f"- {name}: `{row['template']}`" for name, row in summary.items() if "template" in row
    ]
    if templates:
        lines += ["", "Templates:", "", *templates]
    lines += ["", "<details><summary>Every seed, and how it was run</summary>", ""]
    lines += table(
        ["", "seed", "HR@10", "NDCG@10", "best epoch", "date"],
        [
            [r["row"], str(r["seed"]), f"{r['test']['hr@10']:.4f}", f"{r['test']['ndcg@10']:.4f}",
             f"{r['best_epoch']} of {r['epochs']}" if "epochs" in r else "–", r["date"][:10]]
            for r in result["runs"]
        ],
    )  # fmt: skip
    lines += ["", *_origin(result["runs"])]
    lines += [f"- data {data['fingerprint'][:16]}, split {split['fingerprint'][:16]}"]
    backbones = {(r["backbone"]["name"], r["backbone"]["fingerprint"][:16]): 0
                 for r in result["runs"] if "backbone" in r}  # fmt: skip
    lines += [f"- backbone {name} {fingerprint}" for name, fingerprint in backbones]
    return "\n".join([*lines, "", "</details>", ""])


def _ratios(summary: Result, content: str | None) -> list[str]:
    """recall@10 of the trained rows as a multiple of content baselines."""
    key = "ratio_to_content"
    rows = {name: row for name, row in summary.items() if key in row and "parameters" in row}
    if not rows:
        return []
    recalls = {n: row["measures"]["recall@10"]["mean"] for n, row in summary.items()}
    strongest = max((n for n in summary if n.startswith("content-")), key=lambda n: recalls[n])
    return [
        "",
        f"recall@10 as a multiple of untrained content similarity: of {content}, which validation "
        f"prefers, and of {strongest}, the strongest on the test part.",
        "",
        *table(
            ["", "recall@10", f"over {content}", "95 % interval", f"over {strongest}"],
            [
                [
                    name,
                    f"{recalls[name]:.4f}",
                    f"{row[key]['ratio']:.2f}",
                    f"{row[key]['low']:.2f}–{row[key]['high']:.2f}",
                    f"{recalls[name] / recalls[strongest]:.2f}",
                ]
                for name, row in rows.items()
            ],
        ),
        "",
        "Intervals: paired bootstrap over users, ends averaged over seeds.",
    ]


def speed(result: Result) -> str:
    """Seconds a step of each variant, and ratios within that one run."""
    rows = [
        [
            name,
            f"{v['step_seconds']:.3f}" if "step_seconds" in v else f"failed: {v['error']}",
            f"{v['epoch_seconds']:.1f}" if "epoch_seconds" in v else "–",
            f"{v['speedup']:.2f}" if "speedup" in v else "–",
            f"{v['cpu_speedup']:.2f}" if "cpu_speedup" in v else "–",
            f"{v['forward_seconds']:.3f}" if "forward_seconds" in v else "–",
            f"{v['loss']:.3f}" if "loss" in v else "–",
        ]
        for name, v in result["variants"].items()
    ]
    lines = [
        f"## Speed of training, {result['data']['name']}",
        "",
        f"`Retriever.fit`, batches of {result['batch_size']} windows, {result['steps']} steps a "
        f"round, median of {result['rounds']} rounds in turn. Speed-up is against "
        f"`{result['reference']}` of the same run; forward is the floor: the same batches without "
        "gradients. Loss: mean over the steps, to see that arithmetic still agrees.",
        "",
        *table(
            ["", "s a step", "s an epoch", "speed-up", "by processor time", "s forward", "loss"],
            rows,
        ),
        "",
        *_origin([result]),
    ]
    return "\n".join([*lines, ""])


def best_content(summary: Result) -> str | None:
    """The content baseline that validation prefers."""
    found = [name for name in summary if name.startswith("content-")]
    return max(found, key=lambda name: summary[name]["validation_ndcg@10"], default=None)


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table; all columns but the first are figures."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]


def _mean(row: Result, measure: str, run: Result) -> str:
    value = row["measures"][measure]
    if value["low"] is not None:
        return (
            f"{value['mean']:.4f} ± {(value['high'] - value['low']) / 2:.4f} (sd {value['sd']:.4f})"
        )
    low, high = run["test"]["interval"][measure]
    return f"{value['mean']:.4f} (± {(high - low) / 2:.4f})"


def _first(result: Result, name: str) -> Result:
    return next(run for run in result["runs"] if run["row"] == name)


def _title(measure: str) -> str:
    return measure if measure.startswith("recall") else measure.upper()


def _lacks_whitening(row: Result) -> bool:
    """Whether a checkpoint holds little more than what was trained, as those of old versions."""
    parameters = row["parameters"]
    prompted = "share" in parameters  # of the backbone; a SASRec has none
    return prompted and row["checkpoint_bytes"] < 4 * parameters["trained"] + 100_000


def _cost(name: str, row: Result) -> list[str]:
    parameters = row["parameters"]
    shares = [
        f"{parameters[key]:.2%}" if key in parameters else "–"
        for key in ("share", "share_without_id_table")
    ]
    return [
        name,
        f"{parameters['trained']:,}",
        f"{parameters['id_table']:,}",
        *shares,
        f"{row['epochs']:.1f}",
        f"{row['seconds']:,.0f}",
        f"{row['epoch_seconds']:.1f}",
        f"{row['peak_memory_bytes'] / 2**20:,.0f} MiB",
        f"{row['checkpoint_bytes'] / 1000:,.0f} kB",
    ]


def _origin(runs: list[Result]) -> list[str]:
    """Commands, dates, machines and versions, each once."""
    commands = dict.fromkeys(run["command"] for run in runs)
    machines = dict.fromkeys(
        f"{m['cpu']}, {m['cores']} cores, {m['system']}, ONEDNN_DEFAULT_FPMATH_MODE "
        f"{m['ONEDNN_DEFAULT_FPMATH_MODE']}"
        for m in (run["machine"] for run in runs)
    )
    versions = dict.fromkeys(
        ", ".join(f"{k} {v[:16]}" for k, v in run["versions"].items()) for run in runs
    )
    dates = sorted(run["date"][:10] for run in runs)
    return [
        *(f"- `{command}`" for command in commands),
        f"- {' to '.join(dict.fromkeys((dates[0], dates[-1])))}",
        *(f"- {machine}" for machine in machines),
        *(f"- {version}" for version in versions),
    ]


def load(folder: Path = RESULTS) -> list[Result]:
    """The result files of this page, by name; docs/edge.md and docs/methods.md have their own."""
    found = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    return [result for result in found if result["benchmark"] not in ("edge", "methods")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it differs")
    import render_fewshot

    text = render(load())
    if parser.parse_args().check:
        return int(not PAGE.exists() or PAGE.read_text("utf-8") != text)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text, "utf-8")
    for result in load():
        if result["benchmark"] in render_fewshot.MEASURES:
            render_fewshot.picture(result).write_text(render_fewshot.draw(result), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
