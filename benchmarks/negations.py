"""Does a denied genre stay away? Top tens for "GENRE but no GENRE", by the genres of the catalog.

    python benchmarks/negations.py

Thirty pairs of genres that often stand at one film, each in three wordings. Measured are the
shares of the top ten that carry the denied and the wanted genre, for several weights of what is
denied (`tfprompt.models.wishes.UNWANTED_SHARE` is the chosen one). Intervals: bootstrap over pairs.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import wishing

import tfprompt as tp
from tfprompt._files import write_json
from tfprompt.evaluation.intervals import bootstrap_interval

WORDINGS = ("{0} but no {1}", "a {0} film without {1}", "{0}, nothing with {1} please")
SHARES = (0.0, 0.5, 1.0, 1.5, 2.0)
# As a person writes them; the others are lowered.
SPOKEN = {"Children's": "children", "Sci-Fi": "science fiction", "Film-Noir": "film noir"}


def main(arguments: list[str] | None = None) -> None:
    from tfprompt.models import wishes

    default = Path(__file__).parent / "results" / f"negations-{wishing.DATA}.json"
    parser = wishing.options(__doc__.split("\n", 1)[0], default)
    settings = parser.parse_args(arguments)
    frame = tp.data.load(wishing.DATA).items.frame
    genres = [set((text or "").split(", ")) for text in frame["genres"].to_list()]
    chosen = pairs(genres)
    rows = {"wish as written": None} | {f"weight {share:g}": share for share in SHARES}
    runs: dict[str, list[np.ndarray]] = {row: [] for row in rows}
    for seed in range(settings.seeds):
        model = wishing.trained(settings.model, seed, settings.epochs)
        for row, share in rows.items():
            before = wishes.UNWANTED_SHARE
            wishes.UNWANTED_SHARE = before if share is None else share
            try:
                runs[row].append(carried(model, chosen, genres, read=share is not None))
            finally:
                wishes.UNWANTED_SHARE = before
            print(row, runs[row][-1].mean(axis=0).round(3).tolist(), flush=True)
    result = wishing.header("negations", settings) | {
        "pairs": [list(pair) for pair in chosen],
        "wordings": list(WORDINGS),
        "weight": wishes.UNWANTED_SHARE,
        "summary": {row: summary(np.mean(found, axis=0)) for row, found in runs.items()},
    }
    write_json(settings.output, result)


def pairs(genres: list[set[str]], count: int = 30, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs (wanted, denied) drawn from the 60 whose films share both genres most often.

    Of genres with 40 films and more; at least 10 films must carry both, or there is nothing to
    keep away.
    """
    names = sorted({name for each in genres for name in each} - {"", "unknown"})
    films = {name: sum(name in each for each in genres) for name in names}
    both = {
        (a, b): sum(a in each and b in each for each in genres)
        for a in names for b in names if a != b and min(films[a], films[b]) >= 40
    }  # fmt: skip
    often = sorted((p for p in both if both[p] >= 10), key=lambda p: (-both[p] / films[p[0]], p))
    return random.Random(seed).sample(often[:60], count)


def carried(
    model: Any, chosen: list[tuple[str, str]], genres: list[set[str]], read: bool
) -> np.ndarray:
    """Shares of the top ten with the denied and with the wanted genre, `[pairs, 2]`."""
    found = np.zeros((len(chosen), 2))
    for row, pair in enumerate(chosen):
        spoken = [SPOKEN.get(name, name.lower()) for name in pair]
        for wording in WORDINGS:
            scores = wishing.scores(model, wording.format(*spoken), "model", read)
            best = [genres[item] for item in wishing.best(scores)]
            for column, name in enumerate(reversed(pair)):
                found[row, column] += np.mean([name in each for each in best]) / len(WORDINGS)
    return found


def summary(values: np.ndarray) -> dict[str, Any]:
    """Means over pairs, with intervals."""
    low, high = bootstrap_interval(values)
    means = values.mean(axis=0)
    return {
        name: {"mean": float(means[at]), "low": float(low[at]), "high": float(high[at])}
        for at, name in enumerate(("denied", "wanted"))
    }


if __name__ == "__main__":
    sys.exit(main())
