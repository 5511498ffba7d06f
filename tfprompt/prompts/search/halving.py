"""Many templates at a small budget, few at a large one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tfprompt.errors import ConfigError
from tfprompt.prompts.search.slots import Slots
from tfprompt.prompts.search.trials import Trials
from tfprompt.prompts.template import Template


def successive_halving(
    templates: Sequence[str] | Slots | str,
    score_at_budget: Callable[[str, float], float],
    budgets: Sequence[float],
    *,
    trials: Trials | None = None,
) -> Trials:
    """Scores all templates at the first budget, the best half at the second, and so on.

    With N templates and budgets that double, each round costs about as much as the first, where
    scoring all at the last budget costs `budgets[-1] / budgets[0]` times as much. A template that
    starts slowly is lost: the smallest budget must say something about the largest.

    Args:
        templates: two or more; or a template with alternatives, all of which are tried.
        score_at_budget: gives the score of a template at a budget, as the epochs of a training;
            higher is better; on validation, never on test.
        budgets: rising, above 0.
        trials: where the scores are kept, for example in a file, see `Trials`.

    Returns:
        All trials; `trials.best.template` is the best at the last budget.

    Raises:
        TemplateError: one of the templates does not parse; before anything is scored.
        ConfigError: no templates, budgets that do not rise, or a score that is no finite number.

    Example:
        >>> templates = ["a {history:items}", "bb {history:items}", "ccc {history:items}"]
        >>> found = successive_halving(templates, lambda t, budget: len(t) * budget, [1, 2])
        >>> [(trial.template[:3], trial.budget) for trial in found.table]
        [('ccc', 2.0), ('bb ', 2.0), ('ccc', 1.0), ('bb ', 1.0), ('a {', 1.0)]

    Reference:
        Jamieson and Talwalkar, 2016, "Non-stochastic Best Arm Identification and Hyperparameter
        Optimization".
    """
    if isinstance(templates, str):
        templates = Slots.parse(templates)
    if isinstance(templates, Slots):
        templates = [templates.template(choice) for choice in templates]
    left = list(dict.fromkeys(templates))
    if not left:
        raise ConfigError("Halving starts with 1 template or more. Received: none.")
    rising = all(low < high for low, high in zip(budgets, budgets[1:], strict=False))
    if not budgets or not rising or not budgets[0] > 0:
        raise ConfigError(f"Budgets rise, and are above 0. Received: {list(budgets)}.")
    for template in left:
        Template.parse(template)
    trials = Trials() if trials is None else trials
    for number, budget in enumerate(budgets):
        if number:
            left = left[: math.ceil(len(left) / 2)]
        scores = {each: trials.score(each, score_at_budget, budget) for each in left}
        left = sorted(left, key=scores.__getitem__, reverse=True)
    return trials
