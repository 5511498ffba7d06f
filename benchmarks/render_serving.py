"""The section of docs/results.md about a model behind the local server."""

from __future__ import annotations

from typing import Any

from render import table

Result = dict[str, Any]


def serving(result: Result) -> str:
    """Parity, load, roll-over, and what a kill leaves."""
    limit, machine = result["limit_ms"], result["machine"]
    held = result["rates"]["highest_rate_held"]
    rows = [_row(f"{step['offered_rate']:g}/s", step) for step in result["rates"]["steps"]]
    for name, label in (
        ("clients_16", "16 clients, each waiting for its answer"),
        ("clients_16_batched", "the same, requests batched by the server"),
        ("roll_over", f"{result['roll_over']['rate']:g}/s while versions are replaced"),
    ):
        rows += [_row(label, step) for step in result[name]["steps"]]
    over, kill = result["roll_over"], result["kill"]
    lines = [
        f"## Serving {result['data']['name']}",
        "",
        f"`{result['template']}`, exported in {result['export_seconds']:.0f} s with its checks and "
        "served by `tfprompt serve` (Python around TensorFlow, not TensorFlow Serving). Signature "
        "`recommend`, one request at a time, k = 10, over gRPC; server and load share "
        f"{machine['cores']} cores ({machine['cpu']}). Latency counts from the time at which a "
        "request was due.",
        "",
        *table(["load", "answers/s", "ok", "lost", "p50 ms", "p99 ms"], rows),
        "",
        f"- highest of these rates held with p99 within {limit} ms: "
        + (f"{held:g}/s" if held else "none"),
    ]
    for name, found in result["parity"].items():
        lines.append(
            f"- {name}: {found['lists']} lists of up to {found['items_each']} items beside Keras', "
            f"{len(found['differing'])} differ; scores by {found['largest_score_difference']:.1g} "
            "at most"
        )
    steps = over["steps"]
    lines += [
        f"- roll-over: {sum(step['requests'] for step in steps):,} requests while "
        f"{over['versions_published']} versions were published, "
        f"{sum(step['lost'] for step in steps)} lost",
        f"- kill -9 of server and publisher in the middle of a copy: the next start serves version "
        f"{kill['versions_after'][-1]}, the last whole one, and answers with {kill['items_after']} "
        "items",
        "",
        f"Made {result['date'][:10]} by `{result['command']}`.",
        "",
    ]
    return "\n".join(lines)


def _row(label: str, step: Result) -> list[str]:
    latency = step["latency_ms"]
    return [
        label, f"{step['achieved_rate']:.0f}", f"{step['ok']:,}", str(step["lost"]),
        f"{latency['p50']:.0f}", f"{latency['p99']:.0f}",
    ]  # fmt: skip
