"""Sends requests: on a schedule (open loop), or by clients that wait for answers (closed loop)."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from loadtest.measures import Outcome

# No answer and no failure came long after the request's own timeout.
UNANSWERED = "UNANSWERED"
# Not sent, since so many others were under way: memory is bounded.
NOT_SENT, MAX_UNDER_WAY = "NOT_SENT", 20_000


class Target(Protocol):
    """Where requests go."""

    def send(self, request: Any, done: Callable[[str], None]) -> None:
        """Sends without waiting; `done` gets the code, in any thread."""

    def call(self, request: Any) -> str:
        """Sends, waits, and returns the code."""


def open_loop(
    target: Target, requests: Sequence[Any], due: Sequence[float], *, timeout_s: float
) -> list[Outcome]:
    """Sends a request at each time of the schedule, whether or not others were answered.

    A server that stalls delays none of the requests after it, so that all who would have waited
    are counted (no coordinated omission).

    Args:
        target: where to.
        requests: taken in turn, from the first again after the last.
        due: seconds from the start, increasing.
        timeout_s: after which the target gives a request up.

    Returns:
        One outcome a request, in the order of the schedule.
    """
    outcomes: list[Outcome | None] = [None] * len(due)
    under_way = threading.Semaphore(MAX_UNDER_WAY)
    left = threading.Semaphore(0)
    start = time.perf_counter() + 0.01
    sent = []
    for number, (offset, request) in enumerate(zip(due, itertools.cycle(requests), strict=False)):
        at = start + float(offset)
        if (wait_s := at - time.perf_counter()) > 0:
            time.sleep(wait_s)
        now = time.perf_counter()
        sent.append(now)

        def done(code: str, number: int = number, at: float = at, now: float = now) -> None:
            # What comes after UNANSWERED was written is too late to count.
            if outcomes[number] is None:
                outcomes[number] = Outcome(at, now, time.perf_counter(), code)
            under_way.release()
            left.release()

        if under_way.acquire(blocking=False):
            target.send(request, done)
        else:
            outcomes[number] = Outcome(at, now, now, NOT_SENT)
            left.release()
    deadline = time.perf_counter() + 2 * timeout_s + 1
    for _ in due:
        if not left.acquire(timeout=max(0.0, deadline - time.perf_counter())):
            break
    ended = time.perf_counter()
    return [
        outcome or Outcome(start + float(due[number]), sent[number], ended, UNANSWERED)
        for number, outcome in enumerate(outcomes)
    ]


def closed_loop(
    target: Target,
    requests: Sequence[Any],
    clients: int,
    *,
    seconds: float | None = None,
    count: int | None = None,
) -> list[Outcome]:
    """Lets `clients` threads send one request after the other.

    It shows the throughput of so many callers. It does not show what independent users wait: no
    request falls due while a client waits, so a stall costs one request a client.

    Args:
        target: where to.
        requests: taken in turn, shared by all clients.
        clients: number of threads.
        seconds: when to stop; give this or `count`.
        count: requests in all.
    """
    outcomes: list[Outcome] = []
    end = time.perf_counter() + seconds if seconds is not None else float("inf")
    turns = iter(range(count)) if count is not None else itertools.count()
    lock = threading.Lock()

    def take() -> Iterator[Any]:
        while time.perf_counter() < end:
            with lock:
                turn = next(turns, None)
            if turn is None:
                return
            yield requests[turn % len(requests)]

    def client() -> None:
        for request in take():
            began = time.perf_counter()
            code = target.call(request)
            outcomes.append(Outcome(began, began, time.perf_counter(), code))

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
