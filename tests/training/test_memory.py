"""Memory kept between steps: the same answers, less work for the system, all given back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from tfprompt.training.memory import keeps_memory, kept_memory

HERE = sys.platform.startswith("linux") and "GLIBC_TUNABLES" not in os.environ
linux = pytest.mark.skipif(not HERE, reason="the allocator of Linux alone is told")
# Blocks as a training step has them, page faults counted, in a process without other threads.
PROGRAM = """
import resource, sys
import numpy as np
from tfprompt.training.memory import kept_memory

def work():
    for _ in range(6):
        np.ones(2**23)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

work()
before = resident()
with kept_memory() as kept:
    start = work()
    faults = work() - start
print(kept, faults, resident() - before)
"""


def _run(**environment: str) -> tuple[bool, int, int]:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "TFPROMPT_KEEP"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=own | environment, capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    kept, faults, left = done.stdout.split()
    return kept == "True", int(faults), int(left)


@linux
def test_pages_are_used_again_and_given_back_unless_turned_off() -> None:
    kept, faults, left = _run()
    assert kept
    assert left < 2**25  # half a block
    for environment in ({"TFPROMPT_KEEP_MEMORY": "0"}, {"MALLOC_TRIM_THRESHOLD_": "131072"}):
        kept, without, _ = _run(**environment)
        assert not kept
        assert without > 4 * faults


def test_blocks_may_be_nested_fail_and_run_in_threads() -> None:
    @keeps_memory
    def twice(value: int) -> int:
        """Doubled."""
        with kept_memory():
            return 2 * value

    found: list[int] = []
    threads = [threading.Thread(target=lambda n=n: found.append(twice(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert twice.__doc__ == "Doubled."
    with pytest.raises(RuntimeError, match="as it is"), kept_memory():
        raise RuntimeError("as it is")
    from tfprompt.training import memory

    assert memory._users == 0
