"""From a configuration to a trained model in a directory, and back.

```python
config = tp.runs.RunConfig(data="movielens-100k", epochs=5)
run = tp.runs.train(config, "runs/ml")     # again: goes on where it was interrupted
print(run.evaluate())
model = run.model()
```
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfprompt.runs.config import RunConfig

if TYPE_CHECKING:
    from tfprompt.runs.run import Run
    from tfprompt.runs.template_score import TemplateScore
    from tfprompt.runs.training import train

# Resolved on first use, so that the configuration can be read without TensorFlow.
_EXPORTS = {
    "Run": "tfprompt.runs.run",
    "TemplateScore": "tfprompt.runs.template_score",
    "train": "tfprompt.runs.training",
}

__all__ = ["Run", "RunConfig", "TemplateScore", "train"]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'tfprompt.runs' has no attribute '{name}'")
    value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
