"""What the load test makes of a target that stays silent, refuses to be filled, or is shared."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest
from loadtest import runner
from loadtest.measures import OK


class Recorder:
    """Answers every `answered`-th request at once and keeps silent on the others."""

    def __init__(self, answered: int) -> None:
        self.answered, self.taken = answered, list[str]()
        self.lock = threading.Lock()

    def send(self, request: str, done: Callable[[str], None]) -> None:
        self.taken.append(request)
        if len(self.taken) % self.answered == 0:
            done(OK)

    def call(self, request: str) -> str:
        with self.lock:
            self.taken.append(request)
        return OK


def test_silence_is_an_outcome() -> None:
    outcomes = runner.open_loop(Recorder(2), ["a", "b", "c"], [0, 0, 0.01, 0.01], timeout_s=0.01)
    assert [o.code for o in outcomes] == [runner.UNANSWERED, OK, runner.UNANSWERED, OK]
    assert outcomes[0].latency_s > 1  # until the run was given up, a second past all timeouts


def test_requests_are_taken_in_turn_at_their_times() -> None:
    target = Recorder(1)
    due = [0.0, 0.02, 0.04, 0.06]
    outcomes = runner.open_loop(target, ["a", "b", "c"], due, timeout_s=1)
    assert target.taken == ["a", "b", "c", "a"]
    gaps = [b.due_s - a.due_s for a, b in zip(outcomes, outcomes[1:], strict=False)]
    assert gaps == pytest.approx([0.02] * 3)
    assert all(o.due_s <= o.sent_s <= o.done_s for o in outcomes)


def test_what_is_under_way_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MAX_UNDER_WAY", 3)
    outcomes = runner.open_loop(Recorder(100), ["a"], [0.0] * 5, timeout_s=0.01)
    codes = [o.code for o in outcomes]
    assert codes == [runner.UNANSWERED] * 3 + [runner.NOT_SENT] * 2


def test_waiting_clients_share_a_count() -> None:
    target = Recorder(1)
    outcomes = runner.closed_loop(target, ["a", "b"], clients=3, count=10)
    assert len(outcomes) == len(target.taken) == 10
    assert target.taken.count("a") == target.taken.count("b") == 5


def test_waiting_clients_stop_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock that goes on by a tenth of a second whenever it is read: no machine is too slow.
    ticks = itertools.count()
    monkeypatch.setattr(runner.time, "perf_counter", lambda: next(ticks) / 10)
    outcomes = runner.closed_loop(Recorder(1), ["a"], clients=2, seconds=3)
    # After the first reading, 29 lie before the end; a request takes three: on?, began, done.
    assert len(outcomes) in (10, 11)
    assert all(o.due_s == o.sent_s < o.done_s for o in outcomes)
    assert max(o.due_s for o in outcomes) < 3.4  # asked just before the end, the other between
