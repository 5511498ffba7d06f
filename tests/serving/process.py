"""`tfprompt serve` as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import tfprompt


class Process:
    """Runs the command until its ports are known; `end` gives status and stderr."""

    def __init__(self, *words: object) -> None:
        command = [sys.executable, "-m", "tfprompt.cli.main", "serve", *map(str, words)]
        self._popen = subprocess.Popen(
            [*command, "--grpc-port", "0", "--rest-port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(tfprompt.__file__).parents[1])},
        )
        text = ""
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            text += line
            if line.rstrip() == "}":
                break
        if not text:
            raise AssertionError(self._popen.communicate()[1])
        self.told: dict[str, Any] = json.loads(text)
        self.grpc_address = f"127.0.0.1:{self.told['grpc_port']}"
        self.rest_address = f"http://127.0.0.1:{self.told['rest_port']}"

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def memory_bytes(self) -> int:
        """Resident memory."""
        pages = Path(f"/proc/{self._popen.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def end(self, timeout_s: float = 60.0) -> tuple[int, str]:
        err = self._popen.communicate(timeout=timeout_s)[1]
        return self._popen.returncode, err

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.alive:
            self._popen.kill()
        if self._popen.stdout is not None and not self._popen.stdout.closed:
            self._popen.communicate()
