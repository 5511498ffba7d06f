"""What commands load, and what they leave on stderr, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _process(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # set by this process, which imports tfprompt
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )


def _call(*words: object) -> str:
    return f"from tfprompt.cli.main import run\nrun({[str(word) for word in words]!r})"


def test_recommend_leaves_nothing_on_stderr(trained: Path) -> None:
    done = _process(_call("recommend", trained, "--user", "u1", "--json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["items"]) == 10


def test_inspect_loads_no_tensorflow(trained: Path) -> None:
    code = f"import sys, atexit\natexit.register(lambda: print('tensorflow' in sys.modules))\n{_call('inspect', trained)}"  # noqa: E501
    done = _process(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "False"


def test_other_lines_pass_while_tensorflow_is_loaded() -> None:
    code = (
        "import os\nfrom tfprompt import _environment\n"
        "with _environment._start_up_lines_dropped():\n"
        "    os.write(2, b'I0000 00:00:1.2 3 port.cc:1] noise\\nsomething serious\\n')\n"
    )
    assert _process(code).stderr == "something serious\n"
