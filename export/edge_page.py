"""Puts the figures of a sweep into docs/edge.md and draws docs/edge.svg: none is typed by hand.

```bash
python export/edge_page.py
python export/edge_page.py --check      # exits 1 where the page is out of date
```
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "edge-movielens-100k.json"
PAGE, PLOT = ROOT / "docs" / "edge.md", ROOT / "docs" / "edge.svg"
BEGIN, END = "<!-- figures: python export/edge_page.py -->", "<!-- end of figures -->"
NAMES = {None: "float32", "fp16": "fp16", "dynamic": "dynamic", "int8": "int8"}
MARKS = {None: "o", "fp16": "s", "dynamic": "^", "int8": "x"}
Row = dict[str, Any]


def settings(rows: list[Row]) -> dict[str, dict[str | None, Row]]:
    """The rows by setting, in words, and quantization."""
    found: dict[str, dict[str | None, Row]] = {}
    for row in rows:
        parts = [f"seam {row['prompt_layer']} of {row['layers']}", f"H {row['history']}"]
        if row["text"]:
            parts.append(f"fields, T {row['text']}")
        if row["wish"]:
            parts.append(f"wishes, T {row['wish']}")
        if row["variant"] == "beside":
            parts.append("catalog beside")
        found.setdefault(", ".join(parts), {})[row["quantize"]] = row
    return found


def figures(result: Row) -> str:
    """The generated part of the page."""
    data, rows = result["data"], result["rows"]
    lines = [
        f"{data['name']}, {data['items']:,} items, {rows[0]['users']:,} test requests: "
        f"{result['protocol']}. Files with k = {result['k']}.",
        "",
        "In short, as a share of the same setting's float32 file. With int8 the candidates lie "
        "beside in float32: their bytes count here, comparing the query with them is not timed.",
        "",
        *_table(["", "bytes", "NDCG@10", "ms, 1 thread", "processor time"], _ratios(rows)),
        "",
        "Size and quality. Cosine: of the file's queries with those of Keras for the same history. "
        "Keras: NDCG@10 of the model itself, with the longest history that it takes.",
        "",
        *_table(
            ["setting", "", "MB", "beside, MB", "cosine", "lowest", "Keras", "NDCG@10", "HR@10"],
            [
                [
                    name,
                    NAMES[quantize],
                    f"{row['bytes'] / 1e6:.2f}",
                    f"{row['bytes_beside'] / 1e6:.2f}" if row["bytes_beside"] else "–",
                    f"{row['cosine_mean']:.4f}",
                    f"{row['cosine_min']:.4f}",
                    f"{row['keras_ndcg@10']:.4f}",
                    f"{row['ndcg@10']:.4f}",
                    f"{row['hr@10']:.4f}",
                ]
                for name, kinds in settings(rows).items()
                for quantize, row in kinds.items()
            ],
        ),
        "",
        "Milliseconds of one request, median and 99th percentile, processor milliseconds of one, "
        "and what the interpreter adds to the process's memory at its peak:",
        "",
        *_table(
            ["setting", "", "1 thread", "p99", "2 threads", "p99", "processor", "first", "MB"],
            [
                [name, NAMES[quantize], *_times(row)]
                for name, kinds in settings(rows).items()
                for quantize, row in kinds.items()
            ],
        ),
        "",
        "![Milliseconds against megabytes](edge.svg)",
        "",
        *(f"- `{command}`" for command in dict.fromkeys(row["command"] for row in rows)),
        f"- {result['date'][:10]}, {result['machine']['cpu']}, {result['machine']['cores']} cores, "
        f"{result['machine']['system']}",
        "- " + ", ".join(f"{k} {v[:16]}" for k, v in result["versions"].items()),
    ]
    return "\n".join(lines)


def _ratios(rows: list[Row]) -> list[list[str]]:
    """Lowest and highest ratio to float32 over the settings, by quantization."""
    lines = []
    for quantize in ("fp16", "dynamic", "int8"):
        pairs = [
            (kinds[quantize], kinds[None])
            for kinds in settings(rows).values()
            if {None, quantize} <= set(kinds)
        ]
        if pairs:
            ratios = [
                [measure(ours) / measure(exact) for ours, exact in pairs]
                for measure in (
                    lambda row: row["bytes"] + row["bytes_beside"],
                    lambda row: row["ndcg@10"],
                    lambda row: row["threads_1"]["p50_ms"],
                    lambda row: row["threads_1"]["processor_ms"],
                )
            ]
            lines.append([NAMES[quantize], *(_span(values) for values in ratios)])
    return lines


def _span(values: list[float]) -> str:
    low, high = f"{min(values):.1%}", f"{max(values):.1%}"
    return low if low == high else f"{low} – {high}"


def _times(row: Row) -> list[str]:
    one, two = row["threads_1"], row["threads_2"]
    milliseconds = [one["p50_ms"], one["p99_ms"], two["p50_ms"], two["p99_ms"]]
    milliseconds += [one["processor_ms"], one["first_ms"]]
    return [*(f"{value:.1f}" for value in milliseconds), f"{one['memory_bytes'] / 1e6:.0f}"]


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---", *["--:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]


def draw(result: Row, path: Path) -> None:
    """Megabytes against milliseconds, a line a setting."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    # Neither a date nor random names, so that the same figures give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "edge"
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for name, kinds in settings(result["rows"]).items():
        points = [
            (
                NAMES[q],
                MARKS[q],
                (r["bytes"] + r["bytes_beside"]) / 1e6,
                r["threads_1"]["processor_ms"],
            )
            for q, r in kinds.items()
        ]
        (line,) = axes.plot([p[2] for p in points], [p[3] for p in points], alpha=0.4, label=name)
        for _, mark, size, milliseconds in points:
            axes.plot(size, milliseconds, mark, color=line.get_color())
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="MB, candidates included",
        ylabel="processor ms a request",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
    marks = [axes.plot([], [], MARKS[q], color="gray", label=NAMES[q])[0] for q in NAMES]
    named = [line for line in axes.get_lines() if str(line.get_label()).startswith("seam")]
    axes.legend(handles=[*marks, *named], fontsize="small")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def render(page: str, result: Row) -> str:
    """The page with the generated part replaced.

    Raises:
        ValueError: the page has no place for it.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} must hold {BEGIN!r} and {END!r}.")
    return f"{before}{BEGIN}\n\n{figures(result)}\n\n{END}{after}"


def main() -> int:
    """Writes, or checks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it differs")
    check = parser.parse_args().check
    result = json.loads(RESULT.read_text("utf-8"))
    page = PAGE.read_text("utf-8")
    text = render(page, result)
    if check:
        return int(text != page)
    PAGE.write_text(text, "utf-8")
    draw(result, PLOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
