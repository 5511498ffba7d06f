"""Puts the measured table into README.md, between its markers: no figure is typed by hand.

python benchmarks/readme.py
python benchmarks/readme.py --check      # exits 1 where the file is out of date
"""

from __future__ import annotations

import argparse
import sys

from readme_judged import MAKERS
from render import ROOT, Result, load, table

README = ROOT / "README.md"
START, END = "<!-- results -->", "<!-- /results -->"
# Rows of the table and what they are called there.
NAMES = {
    "popularity": "popularity",
    "content-whitened": "untrained content similarity, half whitened",
    "content-whitened-fully": "untrained content similarity, whitened",
    "item-knn": "item-kNN, recency-weighted",
    "item-knn-tuned": "item-kNN, tuned on validation",
    "sasrec-64": "SASRec, ids, full softmax, width 64",
    "sasrec": "SASRec, ids, full softmax, width 128",
    "random-backbone": "prompts on a random backbone, text alone",
    "random-upper": "prompts in a random last layer, text alone",
    "no-prompt": "no prompts, text alone",
    "text": "**prompts, text alone**",
    "text-content": "**prompts correcting content similarity**",
    "collaborative": "**prompts, text and low-rank ids**",
}


def section(results: list[Result]) -> str:
    """The tables of all results that a reader looks for first."""
    lines = []
    for result in results:
        if result["benchmark"] in MAKERS:
            lines += [*MAKERS[result["benchmark"]](result), ""]
        if result["benchmark"] != "quality":
            continue
        data, split, summary = result["data"], result["split"], result["summary"]
        seeds = max(row["n_seeds"] for row in summary.values())
        cold = split["name"] == "cold-items"
        lines += [
            f"{data['name']}, {split['name']}: all {data['items']:,} items ranked, seen items "
            f"excluded, ties are misses, mean over {seeds} seeds on the test part "
            f"({split['test']['requests']:,} requests).",
            "",
            *table(
                ["", "recall@10" if cold else "HR@10", "NDCG@10", "trained parameters"],
                [
                    _row(name, summary[row])
                    for row, name in NAMES.items()
                    if _complete(summary.get(row), seeds)
                ],
            ),
            "",
        ]
    return "\n".join(lines)


def _complete(row: Result | None, seeds: int) -> bool:
    """A baseline, or a trained row that all seeds have been run of."""
    return row is not None and ("parameters" not in row or row["n_seeds"] == seeds)


def _row(name: str, row: Result) -> list[str]:
    parameters = row.get("parameters")
    trained = f"{parameters['trained']:,}" if parameters else "–"
    if parameters and "share" in parameters:
        trained += f" ({parameters['share']:.1%})"
    measures = row["measures"]
    return [name, f"{measures['hr@10']['mean']:.4f}", f"{measures['ndcg@10']['mean']:.4f}", trained]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it differs")
    text = README.read_text("utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    made = f"{before}{START}\n{section(load())}{END}{after}"
    if parser.parse_args().check:
        return int(made != text)
    README.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
