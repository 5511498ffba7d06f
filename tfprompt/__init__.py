"""Trained prompts on a frozen text encoder, for recommendation with Keras and TensorFlow.

```python
import tfprompt as tp

data = tp.data.load("movielens-100k")
split = data.leave_one_out()
encoder = tp.PromptedEncoder.from_preset(
    "all-minilm-l6-v2",
    template="{soft:8} {age} year old {occupation} who watched {history:items}",
    prompt_layer=5)
model = tp.Retriever(encoder, data.items)
```

Importing the package is cheap: names are resolved on first use, so that neither TensorFlow nor
Keras is loaded by `import tfprompt`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfprompt import _environment

_environment.prepare()

__version__ = "0.1.0"

# Public name → the module that defines it. A module maps to itself.
_EXPORTS = {
    "MultiTask": "tfprompt.models.multi_task",
    "PromptedEncoder": "tfprompt.encoders.prompted",
    "Recommender": "tfprompt.models.recommender",
    "PromptBank": "tfprompt.models.prompt_bank",
    "Ranker": "tfprompt.models.ranker",
    "Retriever": "tfprompt.models.retriever",
    "Template": "tfprompt.prompts.template",
    "TfpromptError": "tfprompt.errors",
    "judge": "tfprompt.evaluation.judging",
    "evaluate": "tfprompt.evaluation.protocol",
    "load": "tfprompt.models.loading",
    "recommend": "tfprompt.models.recommending",
}
_MODULES = (
    "artifacts",
    "continual",
    "data",
    "encoders",
    "errors",
    "evaluation",
    "explain",
    "layers",
    "prompts",
    "runs",
    "serving",
    "tasks",
    "training",
)

# Those that load TensorFlow.
_TENSORFLOW = (
    "MultiTask",
    "PromptBank",
    "PromptedEncoder",
    "Ranker",
    "Recommender",
    "Retriever",
    "load",
    "recommend",
    "continual",
    "explain",
    "layers",
    "tasks",
    "training",
)

__all__ = ["__version__", *sorted(_EXPORTS), *_MODULES]

# ruff: noqa: F401 - what type checkers see here, __getattr__ gives at run time.
if TYPE_CHECKING:
    from tfprompt import (
        artifacts,
        continual,
        data,
        encoders,
        errors,
        evaluation,
        explain,
        layers,
        prompts,
        runs,
        serving,
        tasks,
        training,
    )
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.errors import TfpromptError
    from tfprompt.evaluation.judging import judge
    from tfprompt.evaluation.protocol import evaluate
    from tfprompt.models.loading import load
    from tfprompt.models.multi_task import MultiTask
    from tfprompt.models.prompt_bank import PromptBank
    from tfprompt.models.ranker import Ranker
    from tfprompt.models.recommender import Recommender
    from tfprompt.models.recommending import recommend
    from tfprompt.models.retriever import Retriever
    from tfprompt.prompts.template import Template


def __getattr__(name: str) -> Any:
    if name in _TENSORFLOW:
        _environment.load_tensorflow()
    if name in _MODULES:
        return importlib.import_module(f"tfprompt.{name}")
    if name in _EXPORTS:
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'tfprompt' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
