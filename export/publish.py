"""Publishes the best checkpoint of a run as the next version of a model base directory.

```bash
python export/publish.py runs/ml models/ml        # models/ml/1, then models/ml/2, ...
```

The version is exported beside the base directory, asked the same requests as the Keras model in a
process that imports TensorFlow and TensorFlow Text alone, and moved into place only if every item
is the same and no score differs by more than 1e-5.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import tfprompt as tp

# What a server has: TensorFlow, TensorFlow Text, and the files.
CLIENT = """
import json, sys
import tensorflow as tf, tensorflow_text
requests = json.load(open(sys.argv[2]))
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
types = {name: spec.dtype for name, spec in signature.structured_input_signature[1].items()}
answers = []
for request in requests:
    inputs = {name: request.get(name, [0] if kind.is_integer else [""])
              for name, kind in types.items()}
    answer = signature(**{name: tf.constant(v, types[name]) for name, v in inputs.items()})
    answers.append([[i.decode() for i in answer["item_ids"][0].numpy()],
                    answer["scores"][0].numpy().tolist()])
json.dump(answers, sys.stdout)
"""
WISHES = ("slow science fiction with robots", "Amélie", "a present for a ten year old")


def next_version(base: Path) -> int:
    """One more than the highest version that is there."""
    versions = [int(path.name) for path in base.glob("*") if path.name.isdigit()]
    return max(versions, default=0) + 1


def differences(model: tp.Retriever, directory: Path, k: int) -> list[str]:
    """What the artifact answers otherwise than the model; empty where nothing."""
    ids = [str(item) for item in model.catalog.ids[: 3 * 7 : 7]]
    requests = [{"history": [ids], "wish": [""]}]
    requests += [{"history": [[""]], "wish": [wish]} for wish in WISHES]
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "requests.json"
        asked.write_text(json.dumps(requests))
        answered = subprocess.run(
            [sys.executable, "-c", CLIENT, str(directory.resolve()), str(asked)],
            capture_output=True, text=True, cwd=folder, check=True,
        )  # fmt: skip
    found = []
    for request, (items, scores) in zip(requests, json.loads(answered.stdout), strict=True):
        expected = tp.recommend(
            model, history=[i for i in request["history"][0] if i], wish=request["wish"][0], k=k
        )
        if items[: len(expected)] != [item.item_id for item in expected]:
            found.append(f"other items for {request}")
        elif max(abs(a - b.score) for a, b in zip(scores, expected, strict=False)) > 1e-5:
            found.append(f"other scores for {request}")
    return found


def main() -> int:
    """Exports, compares, publishes; 1 where the artifact differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="run directory, as `tfprompt fit` writes it")
    parser.add_argument("base", type=Path, help="model base directory")
    parser.add_argument("--k", type=int, default=100, help="results of a request")
    arguments = parser.parse_args()
    model = tp.runs.Run(arguments.run).model()
    arguments.base.mkdir(parents=True, exist_ok=True)
    target = arguments.base / str(next_version(arguments.base))
    with tempfile.TemporaryDirectory(prefix=".publish-", dir=arguments.base) as folder:
        made = model.export(Path(folder) / "model", k=arguments.k)
        found = differences(model, made, min(arguments.k, len(model.catalog)))
        if found:
            print(f"not published: {'; '.join(found)}", file=sys.stderr)
            return 1
        os.replace(made, target)
    print(f"published {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
