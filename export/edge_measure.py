"""What one `.tflite` file costs in a process that has `ai_edge_litert` and numpy alone.

Started by `edge_sweep.py`: `python -I edge_measure.py MODEL REQUESTS.npz THREADS SECONDS`. Prints
JSON: milliseconds of each request, milliseconds of processor time a request, and memory.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

_WARM_UP = 5


def memory_bytes(what: str) -> int:
    """`VmRSS` (now) or `VmHWM` (the most so far) of this process."""
    # Not getrusage: its maximum also counts the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) * 1024


def measure(path: str, requests_path: str, threads: int, seconds: float) -> dict[str, Any]:
    """Asks the requests in turn for some seconds.

    Args:
        path: the model.
        requests_path: `.npz`, each input `[R, ...]` for R requests.
        threads: processor threads of one request.
        seconds: how long, the warm-up apart.
    """
    given = dict(np.load(requests_path))
    count = len(next(iter(given.values())))
    requests = [{name: v[row : row + 1] for name, v in given.items()} for row in range(count)]
    before = memory_bytes("VmRSS")
    start = time.perf_counter()
    runner = Interpreter(path, num_threads=threads).get_signature_runner()
    runner(**requests[0])
    first_ms = (time.perf_counter() - start) * 1e3
    for row in range(_WARM_UP):
        runner(**requests[row % count])
    times: list[float] = []
    processor, end = time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        runner(**requests[len(times) % count])
        times.append((time.perf_counter() - start) * 1e3)
    return {
        "first_ms": first_ms,
        "ms": times,
        "processor_ms": (time.process_time() - processor) * 1e3 / len(times),
        "memory_bytes": memory_bytes("VmHWM") - before,
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
