"""Beam search over the slots of a template."""

from __future__ import annotations

from collections.abc import Callable

from tfprompt.errors import ConfigError
from tfprompt.prompts.search.slots import Slots
from tfprompt.prompts.search.trials import Trials


def beam_search(
    slots: Slots | str,
    score: Callable[[str], float],
    *,
    width: int = 3,
    trials: Trials | None = None,
) -> Trials:
    """Fills slot after slot, keeping the best templates of each round.

    A slot that has not been reached holds its first alternative, so that every score is that of a
    whole template: write the likeliest first. With S slots of A alternatives, about
    `width · S · (A - 1) + 1` templates are scored where trying all takes A^S; a width of A^(S-1)
    tries all. Known scores are not computed again.

    Args:
        slots: the alternatives, or a template that holds them.
        score: gives the score of a template, higher is better; on validation, never on test.
        width: templates that a round keeps.
        trials: where the scores are kept, for example in a file, see `Trials`.

    Returns:
        All trials; `trials.best.template` is the best.

    Raises:
        TemplateError: one of the templates does not parse; before anything is scored.
        ConfigError: a width below 1, or a score that is no finite number.

    Example:
        >>> wanted = "someone who watched {history:items}"
        >>> slots = "(a fan|someone) who (liked|watched) {history:items}"
        >>> beam_search(slots, lambda template: -abs(len(template) - len(wanted))).best.template
        'someone who watched {history:items}'

    Reference:
        Gao et al., 2021, "Making Pre-trained Language Models Better Few-shot Learners", 5.2,
        which generates candidates with T5 and chooses among them on a development set.
    """
    if isinstance(width, bool) or width < 1:
        raise ConfigError(f"A beam keeps 1 template or more. Received: width={width}.")
    slots = Slots.parse(slots) if isinstance(slots, str) else slots
    slots.check()
    trials = Trials() if trials is None else trials

    def value(choice: tuple[int, ...]) -> float:
        return trials.score(slots.template(choice), score)

    beam = [(0,) * len(slots.choices)]
    value(beam[0])
    for slot, count in enumerate(slots.choices):
        wider = [
            (*choice[:slot], number, *choice[slot + 1 :])
            for choice in beam
            for number in range(count)
        ]
        beam = sorted(wider, key=value, reverse=True)[:width]
    return trials
