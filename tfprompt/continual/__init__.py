"""A stream of periods or markets on one model: methods that learn it, and what they forget.

```python
stream = tp.continual.markets(data, "genres", ["Horror", "Romance", "Crime"])
method = tp.continual.Pool(tp.continual.Course(epochs=8))
runs = [tp.continual.run(make_model, stream, method, seed=seed) for seed in range(3)]
print(tp.continual.ContinualReport(runs))
```
"""

from tfprompt.continual.course import Course
from tfprompt.continual.fine_tune import FineTune
from tfprompt.continual.first_only import FirstOnly
from tfprompt.continual.joint import Joint
from tfprompt.continual.markets import markets
from tfprompt.continual.method import Method
from tfprompt.continual.outcome import Outcome
from tfprompt.continual.periods import periods
from tfprompt.continual.pool import Pool
from tfprompt.continual.prompt_per_stage import PromptPerStage
from tfprompt.continual.regularised import Regularised
from tfprompt.continual.replay import Replay
from tfprompt.continual.report import ContinualReport
from tfprompt.continual.running import run
from tfprompt.continual.stage import Stage
from tfprompt.continual.stream import Stream

__all__ = [
    "ContinualReport",
    "Course",
    "FineTune",
    "FirstOnly",
    "Joint",
    "Method",
    "Outcome",
    "Pool",
    "PromptPerStage",
    "Regularised",
    "Replay",
    "Stage",
    "Stream",
    "markets",
    "periods",
    "run",
]
