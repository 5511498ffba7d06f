"""Searching among templates, against exhaustive search and counts by hand."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from tfprompt.errors import CheckpointError, ConfigError, TemplateError
from tfprompt.prompts.search import Slots, Trial, Trials, beam_search, successive_halving

SOURCE = '(a person|someone|a fan) who (liked|watched) (these |)films {soft:8 "a (b|c)"} (x) next'


def test_alternatives_are_read_where_they_are_meant() -> None:
    slots = Slots.parse(SOURCE)
    assert slots.choices == (3, 2, 2) and len(slots) == 12
    assert slots.template((1, 1, 1)) == 'someone who watched films {soft:8 "a (b|c)"} (x) next'
    every = [slots.template(choice) for choice in slots]
    assert len(set(every)) == 12 and all("  " not in text for text in every)
    assert Slots.parse("{history:items}").choices == ()
    doubled = Slots.parse("a set {{ (a|b {{|}}) {history:items}")
    assert doubled.choices == (3,) and doubled.template((1,)) == "a set {{ b {{ {history:items}"
    assert Slots.parse("({soft:2}|{soft:4}) x").template((1,)) == "{soft:4} x"
    same = Slots.of([["a person", "someone", "a fan"], " who ", ["liked", "watched"]])
    assert same.template((2, 0)) == "a fan who liked"


@pytest.mark.parametrize("source", ["(a|b", "(a|(b|c))"])
def test_broken_alternatives(source: str) -> None:
    with pytest.raises(TemplateError):
        Slots.parse(source)


def test_a_template_that_does_not_parse_costs_nothing() -> None:
    scored: list[str] = []

    def score(template: str) -> float:
        scored.append(template)
        return 0.0

    with pytest.raises(TemplateError):
        beam_search("(a|b) ({soft:2}|{sft:2}) x", score)
    with pytest.raises(TemplateError):
        successive_halving(["{a", "b"], lambda template, budget: score(template), [1])
    assert not scored


def _score(slots: Slots, seed: int, interaction: float) -> dict[str, float]:
    """A score for each template: a sum over slots, and an interaction of neighbours."""
    rng = np.random.default_rng(seed)
    own = [rng.normal(size=count) for count in slots.choices]
    pairs = [rng.normal(size=(a, b)) for a, b in itertools.pairwise(slots.choices)]
    found = {}
    for choice in slots:
        value = sum(part[number] for part, number in zip(own, choice, strict=True))
        for place, table in enumerate(pairs):
            value += interaction * table[choice[place], choice[place + 1]]
        found[slots.template(choice)] = float(value)
    return found


def test_beam_against_all() -> None:
    slots = Slots.of([[f"{name}{n} " for n in range(4)] for name in "abc"])
    # Where slots are independent the narrowest beam is exact.
    for seed in range(20):
        table = _score(slots, seed, interaction=0.0)
        trials = beam_search(slots, table.__getitem__, width=1)
        assert trials.best.template == max(table, key=table.__getitem__)
        assert len(trials) == 1 + 3 + 3 + 3
    # Where they are not, a wider beam finds more, and the widest finds all.
    found = dict.fromkeys((1, 3, 16), 0.0)
    for seed, width in itertools.product(range(40), found):
        table = _score(slots, seed, interaction=1.0)
        best = beam_search(slots, table.__getitem__, width=width).best.score
        found[width] += best == max(table.values())
    assert found[1] < found[3] < found[16] == 40


def test_halving_keeps_the_better_half() -> None:
    calls: list[tuple[str, float]] = []

    def score(template: str, budget: float) -> float:
        calls.append((template, budget))
        return int(template[1:]) * budget

    trials = successive_halving([f"t{n}" for n in range(7)], score, [1, 2, 4])
    counts = [sum(budget == each for _, budget in calls) for each in (1, 2, 4)]
    assert counts == [7, 4, 2]
    assert trials.best == Trial("t6", 24.0, trials.best.seconds, 4.0)
    # A template that overtakes late is found as long as it is in the better half.
    late = successive_halving(["t1", "t2", "t3"], lambda t, b: 9 if (t, b) == ("t2", 2) else
                              int(t[1:]), [1, 2])  # fmt: skip
    assert late.best.template == "t2"
    with pytest.raises(ConfigError, match="rise"):
        successive_halving(["a", "b"], score, [2, 1])


def test_interrupted_search_goes_on(tmp_path: Path) -> None:
    path, seen = tmp_path / "search.json", []

    def fails_at_third(template: str) -> float:
        seen.append(template)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return float(len(template))

    about = {"data": "toy", "epochs": 1}
    shown: list[Trial] = []
    with pytest.raises(KeyboardInterrupt):
        beam_search("(a|bb|ccc) x", fails_at_third,
                    trials=Trials(path, about=about, progress=shown.append))  # fmt: skip
    assert [trial["template"] for trial in json.loads(path.read_text())["trials"]] == seen[:2]
    assert len(shown) == 2
    trials = Trials(path, about=about)
    assert beam_search("(a|bb|ccc) x", fails_at_third, trials=trials).best.template == "ccc x"
    assert seen == ["a x", "bb x", "ccc x", "ccc x"]  # the known ones were not run again
    assert str(trials).splitlines()[1].split() == ["5.0000", "0.0", "ccc", "x"]
    with pytest.raises(CheckpointError, match="differs in epochs"):
        Trials(path, about={**about, "epochs": 2})
    path.write_text("{}")
    with pytest.raises(CheckpointError, match="damaged"):
        Trials(path, about=about)


def test_a_score_is_a_number() -> None:
    with pytest.raises(ConfigError, match="finite"):
        beam_search("a", lambda template: math.nan)
    with pytest.raises(ConfigError, match="none"):
        _ = Trials().best


def test_the_best_is_that_of_the_search_that_was_made_last() -> None:
    trials = Trials()
    templates = [f"{word} {{history:items}}" for word in ("a", "bb", "ccc")]
    successive_halving(templates, lambda t, budget: 10 * budget - len(t), [1, 2, 4], trials=trials)
    assert trials.best.budget == 4
    successive_halving(templates, lambda t, budget: -1.0, [1, 2], trials=trials)
    assert trials.best.budget == 2
    beam_search("(a|bb|ccc) {history:items}", len, trials=trials)
    assert trials.best.template == templates[2] and trials.best.budget == 0
