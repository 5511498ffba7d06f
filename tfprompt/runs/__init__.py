"""From a configuration to a trained model in a directory, and back.

```python
config = tp.runs.RunConfig(data="movielens-100k", epochs=5)
run = tp.runs.train(config, "runs/ml")     # again: goes on where it was interrupted
print(run.evaluate())
model = run.model()
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfprompt._lazy import lazy
from tfprompt.runs.config import RunConfig

if TYPE_CHECKING:
    from tfprompt.runs.run import Run
    from tfprompt.runs.template_score import TemplateScore
    from tfprompt.runs.training import train

# Resolved on first use, so that the configuration can be read without TensorFlow.
_EXPORTS = {
    "Run": "run",
    "TemplateScore": "template_score",
    "train": "training",
}

__all__ = ["Run", "RunConfig", "TemplateScore", "train"]


__getattr__ = lazy(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
