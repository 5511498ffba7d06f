"""Load on a served model: how many requests a second it answers in time, and what it loses.

```bash
# Rising rates: the highest with p99 within 100 ms and nothing lost.
python serving/load_test.py --model demo --inputs requests.jsonl --rates 10,20,40 --seconds 60 \
    --limit-ms 100 --output load.json --plot load.png
# A fixed count, while a version is being replaced: how many are lost.
python serving/load_test.py --model demo --label stable --inputs requests.jsonl \
    --rate 50 --requests 3000
# 16 callers, each of which waits for its answer before it asks again.
python serving/load_test.py --model demo --inputs requests.jsonl --clients 16 --seconds 30
```

A line of `requests.jsonl` is an object of inputs (`{"history": ["50", "181"], "k": 10}`); what it
leaves out is sent as "not given". `--inputs` also takes a model's own warm-up file,
`models/demo/1/assets.extra/tf_serving_warmup_requests`. Latency counts from the time at which a
request was due, also where the one before it was late.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtest import schedule
from loadtest.measures import Outcome, held, highest_rate_held, summary
from loadtest.plot import plot
from loadtest.runner import closed_loop, open_loop

from tfprompt import _environment
from tfprompt._files import write_json
from tfprompt.errors import ConfigError, TfpromptError

MAX_CLIENTS, MAX_TIMEOUT_S, MAX_UNMEASURED = 1024, 600, 10_000
WARM_UP_FILE = "tf_serving_warmup_requests"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n", 1)[0],
        epilog=(__doc__ or "").split("\n\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--target", default="127.0.0.1:8500", help="host:port (gRPC) or http://host:port (REST)")
    add("--allow-remote", action="store_true", help="load a server on another machine")
    add("--model", required=True)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--label", help="version by label")
    which.add_argument("--version", type=int, help="version by number")
    add("--signature", default="", help="default: serving_default, or what a warm-up file names")
    add("--inputs", type=Path, required=True, help="JSON lines, or a warm-up file")
    shape = parser.add_mutually_exclusive_group(required=True)
    shape.add_argument("--rates", type=_rates, help="rising, requests a second: 10,20,40")
    shape.add_argument("--rate", type=float, help="one rate, requests a second")
    shape.add_argument("--clients", type=int, help="callers that wait for their answers")
    add("--seconds", type=float, help="length of each step (default 30)")
    add("--requests", type=int, help="instead of --seconds: number of requests of each step")
    add("--arrivals", choices=schedule.SPACINGS, default="poisson")
    add("--limit-ms", type=float, help="p99 that a rate must keep; rates past the first that does "
        "not are left out")  # fmt: skip
    add("--timeout-s", type=float, default=5.0, help="of each request")
    add("--unmeasured", type=int, default=10, help="requests sent first and not counted")
    add("--seed", type=int, default=0, help="of the gaps between requests")
    add("--output", type=Path, help="results as JSON")
    add("--plot", type=Path, help="results as PNG")
    options = parser.parse_args(arguments)
    if options.seconds is not None and options.requests is not None:
        parser.error("--seconds and --requests exclude each other")
    if options.seconds is None and options.requests is None:
        options.seconds = 30.0
    return options


def _rates(text: str) -> list[float]:
    try:
        return sorted({float(rate) for rate in text.split(",")})
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"rates are numbers parted by commas, not {text!r}"
        ) from None


def run(options: argparse.Namespace) -> tuple[dict[str, Any], list[Outcome]]:
    """All steps: what goes into the result file, and the last step's outcomes."""
    plans = _plans(options)
    # The official messages import TensorFlow: late, so that --help and mistakes answer at once.
    _environment.load_tensorflow()
    from loadtest.targets import connect, model_spec

    spec = model_spec(options.model, options.signature, options.label, options.version)
    target = connect(
        options.target, spec, timeout_s=options.timeout_s, allow_remote=options.allow_remote
    )
    try:
        requests = _requests(options, target, spec)
        for number in range(options.unmeasured):
            target.call(requests[number % len(requests)])
        steps: list[dict[str, Any]] = []
        outcomes: list[Outcome] = []
        for rate, due in plans:
            if rate is None:
                outcomes = closed_loop(
                    target, requests, options.clients,
                    seconds=options.seconds, count=options.requests,
                )  # fmt: skip
            else:
                outcomes = open_loop(target, requests, due, timeout_s=options.timeout_s)
            steps.append(summary(outcomes, rate))
            print(_line(steps[-1]), flush=True)
            if rate is not None and options.limit_ms and not held(steps[-1], options.limit_ms):
                break
    finally:
        target.close()
    result = {
        "format": 1,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "target": options.target,
        "model": options.model,
        "version": options.label or options.version,
        "inputs": {"file": options.inputs.name, "requests": len(requests)},
        "loop": "closed" if options.clients else "open",
        "clients": options.clients,
        "arrivals": None if options.clients else options.arrivals,
        "seed": options.seed,
        "timeout_s": options.timeout_s,
        "limit_ms": options.limit_ms,
        "steps": steps,
    }
    if options.limit_ms and not options.clients:
        result["highest_rate_held"] = highest_rate_held(steps, options.limit_ms)
    return result, outcomes


def _plans(options: argparse.Namespace) -> list[tuple[float | None, Any]]:
    """Rate and schedule of each step, so that a wrong number is refused before anything is sent."""
    if not 0 < options.timeout_s <= MAX_TIMEOUT_S or not 0 <= options.unmeasured <= MAX_UNMEASURED:
        raise ConfigError(
            f"A request has up to {MAX_TIMEOUT_S} seconds, and 0 to {MAX_UNMEASURED} requests come "
            f"before the measurement. Received: {options.timeout_s} seconds, {options.unmeasured}."
        )
    if options.clients is None:
        rates = options.rates or [options.rate]
        return [
            (rate, schedule.arrivals(rate, seconds=options.seconds, count=options.requests,
                                     spacing=options.arrivals, seed=options.seed + step))
            for step, rate in enumerate(rates)
        ]  # fmt: skip
    if options.requests is None:
        bounded = 0 < options.seconds <= schedule.MAX_SECONDS
    else:
        bounded = 1 <= options.requests <= schedule.MAX_REQUESTS
    if not bounded or not 1 <= options.clients <= MAX_CLIENTS:
        raise ConfigError(
            f"1 to {MAX_CLIENTS} clients run for at most {schedule.MAX_SECONDS:.0f} seconds or "
            f"{schedule.MAX_REQUESTS:,} requests. Received: {options.clients} clients, "
            f"{options.seconds} seconds, {options.requests} requests."
        )
    return [(None, None)]


def _requests(options: argparse.Namespace, target: Any, spec: Any) -> list[Any]:
    from loadtest import inputs

    if options.inputs.name == WARM_UP_FILE:
        return inputs.from_warm_up(options.inputs, spec)
    signatures = target.signatures().signature_def
    name = options.signature or "serving_default"
    if name not in signatures:
        raise ConfigError(
            f"A request names a signature of the model, {sorted(signatures)}. Received: {name!r}."
        )
    return inputs.from_json_lines(options.inputs, signatures[name].inputs, spec)


def _line(step: dict[str, Any]) -> str:
    rate = f"{step['offered_rate']:g}/s" if step["offered_rate"] else "closed loop"
    latency = step["latency_ms"]
    shown = " ".join(f"{n} {latency[n]:.1f}" for n in ("p50", "p99", "p99.9")) if latency else "-"
    return (
        f"{rate}: {step['achieved_rate']:.1f} answers/s, {step['ok']} ok, {step['lost']} lost "
        f"{step['codes']}, ms: {shown}, sent late by {step['send_delay_ms']['p99']:.1f} ms (p99)"
    )


def tell_lateness(result: dict[str, Any], limit_ms: float) -> None:
    """Warns where the machine that sends took a quarter of the limit or more for itself."""
    late_ms = max(step["send_delay_ms"]["p99"] for step in result["steps"])
    if late_ms > limit_ms / 4:
        print(
            f"load_test: this machine sent up to {late_ms:.0f} ms late (p99), which counts as the "
            "server's latency. Send from another one, or when it is idle.",
            file=sys.stderr,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs all steps; 2 where the command cannot work."""
    options = parse(arguments)
    _environment.quieten()
    try:
        result, outcomes = run(options)
    except (TfpromptError, OSError) as error:
        print(f"load_test: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if options.output:
        write_json(options.output, result)
    if options.plot:
        plot(options.plot, result["steps"], outcomes, options.limit_ms)
    if "highest_rate_held" in result:
        rate = result["highest_rate_held"]
        found = "none" if rate is None else f"{rate:g}/s"
        print(f"highest rate held with p99 within {options.limit_ms:g} ms: {found}")
    if options.limit_ms:
        tell_lateness(result, options.limit_ms)
    return 0


if __name__ == "__main__":
    sys.exit(main())
