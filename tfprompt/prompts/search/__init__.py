"""Searching among templates: alternatives are written into them, and scored on validation.

```python
from tfprompt.prompts.search import Slots, Trials, beam_search

slots = Slots.parse("(a person|someone) who (liked|watched) these will like next {history:items}")
trials = Trials("search.json")                    # goes on where it was interrupted
best = beam_search(slots, score, trials=trials).best.template
```
"""

from tfprompt.prompts.search.beam import beam_search
from tfprompt.prompts.search.halving import successive_halving
from tfprompt.prompts.search.slots import Slots
from tfprompt.prompts.search.trials import Trial, Trials

__all__ = ["Slots", "Trial", "Trials", "beam_search", "successive_halving"]
