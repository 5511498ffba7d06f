"""Does the same wish in other words give a similar list?

    python benchmarks/paraphrases.py
    python benchmarks/paraphrases.py --seeds 3 --epochs 10 --model runs/wishes-10

`paraphrases.jsonl` holds wishes about films in four wordings each, and the first wording once more
with slips of the pen; in the group "negated" every wording denies something. Measured is the share
of the top ten that two lists have in common: of two wordings of a wish, of wordings of two wishes,
of the first wording and its misspelt form, of the second wording and the same with slips drawn at
random ("slips": nobody chose them, so no list of words was made for them), and of the first wording
and the other three at great length: said over and over ("long"), or lost in chatter about something
else ("rambling"). Intervals: bootstrap over wishes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import wishing

from tfprompt._files import write_json
from tfprompt.evaluation.intervals import bootstrap_interval

HERE = Path(__file__).parent
WISHES = HERE / "paraphrases.jsonl"
Lists = dict[str, list[list[int]]]
MEASURES = ("same", "different", "misspelt", "slips", "long", "rambling")
CHATTER = """It was a long day at the office and I am tired. My sister called this morning and we
talked for an hour. Dinner is in the oven and it smells wonderful. The weather has been grey all
week. We moved the sofa, so the television stands at the window. My neighbour lent me his old
armchair. Tomorrow I have to get up early for the train. I finally finished the book about
gardening. The kettle is on and the biscuits are on the table. Last weekend we painted the hall in
a pale yellow."""


def main(arguments: list[str] | None = None) -> None:
    default = HERE / "results" / f"paraphrases-{wishing.DATA}.json"
    parser = wishing.options(__doc__.split("\n", 1)[0], default)
    settings = parser.parse_args(arguments)
    wishes = read(WISHES)
    values: dict[str, list[dict[str, np.ndarray]]] = {row: [] for row in wishing.ROWS}
    for seed in range(settings.seeds):
        model = wishing.trained(settings.model, seed, settings.epochs)
        for row, (kind, as_read) in wishing.ROWS.items():
            lists = {
                wish["id"]: [
                    wishing.best(wishing.scores(model, text, kind, as_read))
                    for text in (
                        *wish["wordings"],
                        wish["misspelt"],
                        slipped(wish["wordings"][1]),
                        *at_length(wish),
                    )  # fmt: skip
                ]
                for wish in wishes
            }
            values[row].append(overlaps(lists))
            print(row, {k: round(float(v.mean()), 4) for k, v in values[row][-1].items()})
    groups = np.array([wish["group"] for wish in wishes])
    result = wishing.header("paraphrases", settings) | {
        "wishes": {
            "sha256": hashlib.sha256(WISHES.read_bytes()).hexdigest(),
            "count": {str(name): int((groups == name).sum()) for name in np.unique(groups)},
            "wordings": len(wishes[0]["wordings"]),
        },
        "summary": {row: summary(found, groups) for row, found in values.items()},
    }
    write_json(settings.output, result)


def read(path: Path) -> list[dict[str, Any]]:
    """The wishes of a file, one a line."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def at_length(wish: dict[str, Any]) -> tuple[str, str]:
    """All but the first wording: said 20 times, and three times in as much chatter as fits."""
    said = [text.rstrip("?.") + "." for text in wish["wordings"][1:]]
    chatter = CHATTER.replace("\n", " ").replace(". ", ".|").split("|")
    rambling = []
    for turn in range(3):
        for text in said:
            rambling += [*random.Random(turn).sample(chatter, 10), text]
    return " ".join(said * 20), " ".join(rambling)


def slipped(text: str, count: int = 2) -> str:
    """A text with one slip in each of `count` words of five letters and more, drawn at random.

    A letter goes missing, is doubled, or changes place with the next; never the first one.
    """
    draw = random.Random(text)
    words = text.split()
    long = [place for place, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    for place in draw.sample(long, min(count, len(long))):
        word, at = words[place], draw.randrange(1, len(words[place]) - 1)
        words[place] = draw.choice(
            [
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            ]
        )
    return " ".join(words)


def overlaps(lists: Lists) -> dict[str, np.ndarray]:
    """Shares that lists have in common, one value a wish `[W]`.

    Args:
        lists: of each wish those of its wordings, of the misspelt form, of `slipped` and of
            `at_length`.

    Returns:
        `same`: mean over pairs of wordings; `different`: mean over pairs with wordings of other
        wishes; `misspelt`, `long` and `rambling`: those forms and the first wording;
        `slips`: that form and the second wording.
    """
    worded = {name: found[:-4] for name, found in lists.items()}
    same = [
        np.mean([shared(a, b) for a, b in itertools.combinations(found, 2)])
        for found in worded.values()
    ]
    different = [
        np.mean(
            [
                shared(a, b)
                for other, theirs in worded.items()
                if other != name
                for a, b in itertools.product(found, theirs)
            ]
        )
        for name, found in worded.items()
    ]
    forms = {
        name: np.array([shared(found[name == "slips"], found[at]) for found in lists.values()])
        for at, name in enumerate(MEASURES[2:], start=-4)
    }
    return {"same": np.array(same), "different": np.array(different), **forms}


def shared(first: list[int], second: list[int]) -> float:
    """The share of the first list that stands in the second too."""
    return len(set(first) & set(second)) / len(first)


def summary(runs: list[dict[str, np.ndarray]], groups: np.ndarray) -> dict[str, Any]:
    """Means over seeds and wishes with intervals over wishes: of all, and of each group."""
    found = {}
    for group in ("all", *sorted(set(groups.tolist()))):
        chosen = np.ones(len(groups), bool) if group == "all" else groups == group
        found[group] = {}
        for measure in MEASURES:
            values = np.mean([run[measure] for run in runs], axis=0)[chosen][:, None]
            low, high = bootstrap_interval(values)
            found[group][measure] = {
                "mean": float(values.mean()), "low": float(low[0]), "high": float(high[0]),
            }  # fmt: skip
    return found


if __name__ == "__main__":
    sys.exit(main())
