"""A model behind the local server: parity, load, roll-over, a kill.

    python benchmarks/serving.py --data movielens-100k

Trains as `tfprompt fit` does, exports, serves the version with `tfprompt serve` in a process of its
own, and asks it from others on the same machine: server, clients and load share its cores.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import results

import tfprompt as tp
from tfprompt._files import write_json

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
LIMIT_MS, HISTORY = 100, 50


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures everything and writes one file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="movielens-100k")
    parser.add_argument("--epochs", type=int, default=3, help="of the model that is served")
    parser.add_argument("--seconds", type=int, default=60, help="of each rate")
    parser.add_argument("--rates", default="10,20,40,60,80,100,120,140,160,180,200")
    parser.add_argument("--roll-over", type=int, default=10_000, help="requests under roll-over")
    parser.add_argument("--users", type=int, default=200, help="whose lists are compared")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(arguments)
    data = tp.data.load(options.data)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        config = tp.runs.RunConfig(data=options.data, epochs=options.epochs)
        run = tp.runs.train(config, work / "run")
        model = run.model()
        base = work / "models" / "films"
        began = time.perf_counter()
        requests = tp.artifacts.sample_requests(data, options.users)
        model.export(base / "1", k=100, examples=requests[:32], about={"data": run.record["data"]})
        measured: dict[str, Any] = {"export_seconds": time.perf_counter() - began}
        lines = work / "requests.jsonl"
        lines.write_text("".join(json.dumps(_line(request)) + "\n" for request in requests))
        with served(base) as server:
            measured["parity"] = parity(server, model, requests)
            measured["rates"] = load(server, lines, "--rates", options.rates, "--seconds",
                                     str(options.seconds), "--limit-ms", str(LIMIT_MS))  # fmt: skip
            held = measured["rates"]["highest_rate_held"] or 10
            measured["clients_16"] = load(
                server, lines, "--clients", "16", "--seconds", str(options.seconds)
            )
            measured["roll_over"] = roll_over(server, base, lines, held / 2, options.roll_over)
        with served(base, "--max-batch-size", "32", "--batch-timeout-ms", "2") as server:
            measured["clients_16_batched"] = load(
                server, lines, "--clients", "16", "--seconds", str(options.seconds)
            )
        measured["kill"] = killed(base, requests[0])
    result = {
        "format": 1,
        "benchmark": "serving",
        "command": results.command(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "data": run.record["data"],
        "split": {"name": run.record["data"]["split"]},
        "template": model.encoder.template.source,
        "machine": results.machine(),
        "versions": results.versions(),
        "limit_ms": LIMIT_MS,
        **measured,
    }
    write_json(options.output or RESULTS / f"serving-{options.data}.json", result)


def _line(request: Any) -> dict[str, Any]:
    """A request as the load test reads it: the newest items, a wish, ten results."""
    history = [str(item) for item in (request.history or ())][-HISTORY:]
    return {"history": history, "wish": request.wish, "k": 10}


@contextlib.contextmanager
def served(base: Path, *options: str) -> Iterator[dict[str, Any]]:
    """A server process; yields its ports and the process, and drains it at the end."""
    command = [sys.executable, "-m", "tfprompt.cli.main", "serve", str(base), "--json",
               "--grpc-port", "0", "--rest-port", "0", "--poll-seconds", "1", *options]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    text = ""
    assert process.stdout is not None
    while not text.rstrip().endswith("}"):
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the server ended: {process.stderr and process.stderr.read()}")
        text += line
    # Whatever it tells later must not fill the pipe.
    threading.Thread(target=lambda: process.stderr and process.stderr.read(), daemon=True).start()
    try:
        yield {**json.loads(text), "process": process}
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)


def parity(server: dict[str, Any], model: Any, requests: Sequence[Any]) -> dict[str, Any]:
    """Lists over gRPC and REST beside those of Keras, one request at a time."""
    from tfprompt.artifacts.parity import Parity
    from tfprompt.artifacts.warm_up import WarmUp

    found = {}
    for protocol, target in (
        ("grpc", f"127.0.0.1:{server['grpc_port']}"),
        ("rest", f"http://127.0.0.1:{server['rest_port']}"),
    ):
        compared = Parity(
            model, [WarmUp("serving_default", {})] * len(requests), [[r] for r in requests]
        )
        outputs = []
        with tp.serving.Client(target, model=server["name"]) as client:
            for request in requests:
                items = client.recommend(
                    history=list(request.history or ()), wish=request.wish, k=100
                )
                outputs.append(
                    {
                        "item_ids": np.array([[item.item_id for item in items]]),
                        "scores": np.array([[item.score for item in items]], np.float32),
                    }
                )
        differing = compared(outputs)
        found[protocol] = {
            "lists": compared.compared,
            "items_each": 100,
            "differing": differing,
            "largest_score_difference": compared.largest_difference,
        }
    return found


def load(server: dict[str, Any], lines: Path, *options: str) -> dict[str, Any]:
    """What serving/load_test.py measures, without the lists of its file."""
    output = lines.with_name("load.json")
    subprocess.run(
        [sys.executable, str(ROOT / "serving" / "load_test.py"), "--model", server["name"],
         "--target", f"127.0.0.1:{server['grpc_port']}", "--inputs", str(lines),
         "--output", str(output), "--unmeasured", "50", *options],
        check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(output.read_text())
    return {
        name: found[name] for name in ("steps", "highest_rate_held", "clients") if name in found
    }


def roll_over(
    server: dict[str, Any], base: Path, lines: Path, rate: float, count: int
) -> dict[str, Any]:
    """A fixed number of requests while new versions are published one after the other."""
    stop = threading.Event()
    published: list[int] = [1]

    def publish() -> None:
        while not stop.wait(20):
            version = published[-1] + 1
            shutil.copytree(base / "1", base / f"{version}.tmp", copy_function=os.link)
            os.replace(base / f"{version}.tmp", base / str(version))
            published.append(version)

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        found = load(server, lines, "--rate", str(rate), "--requests", str(count))
    finally:
        stop.set()
        publisher.join()
    return {**found, "rate": rate, "versions_published": len(published) - 1}


def killed(base: Path, request: Any) -> dict[str, Any]:
    """Kill -9 of the server and of a publisher in the middle of a copy; then another start."""
    version = max(int(path.name) for path in base.iterdir() if path.name.isdecimal())
    code = (
        "import shutil, sys, time\n"
        "from tfprompt._files import atomic_write\n"
        "with atomic_write(sys.argv[2]) as temporary:\n"
        "    shutil.copytree(sys.argv[1], temporary)\n"
        "    print('copied', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with served(base) as server:
        publisher = subprocess.Popen(
            [sys.executable, "-c", code, str(base / "1"), str(base / str(version + 1))],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert publisher.stdout is not None
        publisher.stdout.readline()
        server["process"].kill()
        publisher.kill()
        publisher.wait()
    with (
        served(base) as server,
        tp.serving.Client(f"127.0.0.1:{server['grpc_port']}", model=server["name"]) as client,
    ):
        answered = len(client.recommend(history=list(request.history or ()), k=10))
    return {"versions_after": server["versions"], "items_after": answered}


if __name__ == "__main__":
    sys.exit(main())
