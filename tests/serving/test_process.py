"""The command as a process: what it says, how it ends, what it loads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

import tfprompt
from tests.cli.conftest import cli
from tests.serving.conftest import until
from tests.serving.process import Process
from tfprompt.errors import UnavailableError
from tfprompt.serving import Client, RetryPolicy

NEVER = RetryPolicy(attempts=1)


def test_what_runs_is_finished_and_nothing_new_begun(adds: Path) -> None:
    with Process(adds, "--grace-seconds", 60) as process:
        assert process.told["name"] == "adds" and process.told["versions"] == [1]
        places = [process.grpc_address, process.rest_address]
        clients = [Client(place, "adds", retry=NEVER, timeout_s=60) for place in places]
        for client in clients:
            client.predict({"rounds": [1]}, signature="slow")
        began = time.monotonic()
        clients[0].predict({"rounds": [50]}, signature="slow")
        # About two seconds of work, whatever the machine.
        rounds = int(100 / (time.monotonic() - began))
        answers: list[float] = []

        def ask(client: Client) -> None:
            found = client.predict({"rounds": [rounds]}, signature="slow")
            answers.append(float(found["y"][0]))

        threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        with httpx2.Client(base_url=process.rest_address, trust_env=False, timeout=60) as http:
            until(lambda: "tfprompt_serving_in_flight 2.0" in http.get("/metrics").text)
            process.signal(signal.SIGTERM)
            until(lambda: http.get("/readyz").status_code == 503)
        for place in places:
            with Client(place, "adds", retry=NEVER, timeout_s=60) as late:
                with pytest.raises(UnavailableError):
                    late.predict({"x": [1.0]})
        for thread in threads:
            thread.join(60)
        assert answers == [rounds, rounds]
        status, err = process.end()
    assert status == 0
    # One line, when it was ready.
    assert err.count("\n") == 1 and "adds (version 1): gRPC 127.0.0.1:" in err, err
    for client in clients:
        client.close()


def test_a_second_signal_does_not_wait(adds: Path) -> None:
    with Process(adds, "--grace-seconds", 600) as process:
        client = Client(process.grpc_address, "adds", retry=NEVER, timeout_s=600)
        client.metadata()

        def ask() -> None:
            with pytest.raises(UnavailableError):
                client.predict({"rounds": [10**6]}, signature="slow")

        thread = threading.Thread(target=ask)
        thread.start()
        with httpx2.Client(base_url=process.rest_address, trust_env=False, timeout=60) as http:
            until(lambda: "tfprompt_serving_in_flight 1.0" in http.get("/metrics").text)
            process.signal(signal.SIGINT)
            until(lambda: http.get("/readyz").status_code == 503)
        process.signal(signal.SIGINT)
        assert process.end()[0] == 128 + signal.SIGINT
        thread.join(60)
        client.close()


def test_a_drain_is_bounded(adds: Path) -> None:
    with Process(adds, "--grace-seconds", 0.1) as process:
        with Client(process.grpc_address, "adds", retry=NEVER, timeout_s=600) as client:
            client.metadata()
            thread = threading.Thread(
                target=lambda: pytest.raises(
                    UnavailableError, client.predict, {"rounds": [10**6]}, signature="slow"
                )
            )
            thread.start()
            with httpx2.Client(base_url=process.rest_address, trust_env=False) as http:
                until(lambda: "tfprompt_serving_in_flight 1.0" in http.get("/metrics").text)
            process.signal(signal.SIGTERM)
            status, err = process.end()
            thread.join(60)
    assert status == 1 and "cut off" in err


def test_the_server_loads_no_keras_3(adds: Path) -> None:
    code = (
        "import sys, tfprompt as tp\n"
        f"with tp.serving.LocalServer({str(adds)!r},\n"
        "        tp.serving.ServerConfig(grpc_port=0, rest_port=0)):\n"
        "    heavy = ('keras', 'keras_hub', 'tensorflow_recommenders', 'polars')\n"
        "    print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(tfprompt.__file__).parents[1])},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{tmp}/nothing"], "no directory"),
        (["{adds}/1"], "itself a version"),
        (["{tmp}"], "--wait"),
        (["{tmp}/broken"], "version 3"),
        (["{adds}", "--grpc-port", "70000"], "0 to 65535"),
        (["{adds}", "--label", "stable"], "NAME=VALUE"),
        (["{adds}", "--label", "stable=x"], "by its number"),
        (["{adds}", "--max-in-flight", "0"], "1 or more"),
    ],
)
def test_refused_in_one_line(
    adds: Path, tmp_path: Path, capsys: Any, words: list[str], said: str
) -> None:
    (tmp_path / "broken" / "3").mkdir(parents=True)
    (tmp_path / "broken" / "3" / "saved_model.pb").write_bytes(b"nothing")
    done = cli(capsys, "serve", *(word.format(tmp=tmp_path, adds=adds) for word in words))
    assert done.status == 2 and done.out == ""
    assert done.err.startswith("tfprompt serve:") and said in done.err
    assert done.err.count("\n") == 1
