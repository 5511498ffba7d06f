"""Runs a `.tflite` file as a device does: a process with `ai_edge_litert` and numpy alone.

Started as a script by `check.py`; it imports neither TensorFlow nor tfprompt.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main(path: str, requests_path: str) -> dict[str, Any]:
    """Answers every request.

    Args:
        path: the model.
        requests_path: JSON, a list of requests, each input name → nested lists.

    Returns:
        `answers` (output name → nested lists), `operations` (names, sorted) and `foreign`: modules
        in the process that a device does not have.
    """
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    with open(requests_path, encoding="utf-8") as file:
        requests = json.load(file)
    interpreter = Interpreter(path, num_threads=1)
    runner = interpreter.get_signature_runner()
    types = {name: of["dtype"] for name, of in runner.get_input_details().items()}
    answers = []
    for request in requests:
        # JSON has no NaN: None is a number that nobody knows.
        given = {name: np.array(request[name], types[name]) for name in types}
        answers.append({name: value.tolist() for name, value in runner(**given).items()})
    operations = sorted({step["op_name"] for step in interpreter._get_ops_details()})
    return {
        "answers": answers,
        "operations": operations,
        "foreign": [name for name in ("tensorflow", "keras", "tfprompt") if name in sys.modules],
    }


if __name__ == "__main__":
    json.dump(main(sys.argv[1], sys.argv[2]), sys.stdout)
