"""Trains and measures one row of the benchmark with one seed, in a process of its own."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import results
from measuring import peak_memory_bytes
from recipes import Recipe

import tfprompt as tp
from tfprompt.data import Requests, Split
from tfprompt.evaluation import ContentSimilarity, ItemKNN, Popularity, Report, tuned_item_knn
from tfprompt.evaluation.intervals import percentile_interval, resampled_means
from tfprompt.evaluation.scorer import Scorer

PRESET = "all-minilm-l6-v2"


@dataclasses.dataclass(frozen=True)
class Job:
    """One run: what is trained, on what, with which seed.

    Attributes:
        data: name of the data set.
        split: "leave-one-out" or "cold-items".
        row: name of the row.
        seed: of the training; the split never depends on it.
        recipe: the row's configuration.
        content: the best content baseline on validation, for the ratio on cold items.
    """

    data: str
    split: str
    row: str
    seed: int
    recipe: Recipe
    content: str | None = None


def make_split(data: str, split: str) -> Split:
    """The named split of a named data set."""
    loaded = tp.data.load(data)
    return {"leave-one-out": loaded.leave_one_out, "cold-items": loaded.cold_items}[split]()


def run(job: Job) -> dict[str, Any]:
    """Trains, chooses on validation, and looks at the test part once."""
    split = make_split(job.data, job.split)
    train = {"baseline": _baseline, "sasrec": _sasrec, "prompted": _prompted}[job.recipe["kind"]]
    scorer, facts = train(job, split)
    validation = tp.evaluate(scorer, split.validation, baselines=False, bootstrap=0)
    test = tp.evaluate(scorer, split.test, baselines=False)
    result = {
        "row": job.row,
        "seed": job.seed,
        "recipe": job.recipe,
        "date": results.now(),
        "validation": validation.measures,
        "test": test.to_dict(),
        **facts,
    }
    if job.split == "cold-items" and job.content:
        content = tp.evaluate(_content(job.content, split), split.test, baselines=False)
        result["ratio_to_content"] = ratio(test, content, "recall@10")
    result["peak_memory_bytes"] = peak_memory_bytes()
    return result


def ratio(report: Report, other: Report, measure: str) -> dict[str, Any]:
    """How many times better one model is, with a 95 % bootstrap interval over users."""
    values = np.stack([report.per_user[measure], other.per_user[measure]], axis=1)
    means = resampled_means(values, report.user_ids)
    low, high = percentile_interval(means[:, :1] / np.maximum(means[:, 1:], 1e-12))
    value = report[measure] / max(other[measure], 1e-12)
    return {
        "measure": measure,
        "content": other[measure],
        "ratio": value,
        "low": float(low[0]),
        "high": float(high[0]),
    }


# -- baselines ---------------------------------------------------------------------------------


def _baseline(job: Job, split: Split) -> tuple[Scorer, dict[str, Any]]:
    makers: dict[str, Callable[[], Scorer]] = {
        "popularity": lambda: Popularity(split.train),
        "item-knn": lambda: ItemKNN(split.train),
        "item-knn-tuned": lambda: tuned_item_knn(split.train, split.validation),
    }
    began = time.perf_counter()
    scorer = makers[job.row]() if job.row in makers else _content(job.row, split)
    return scorer, {"seconds": time.perf_counter() - began}


def _content(kind: str, split: Split) -> ContentSimilarity:
    from tfprompt.encoders import encode_texts, load_backbone
    from tfprompt.layers import Whitening

    vectors = encode_texts(load_backbone(PRESET), split.train.catalog.texts())
    if kind != "content-raw":
        shrinkage = {"content-whitened": 1.0, "content-whitened-fully": 0.0}[kind]
        whitening = Whitening(vectors.shape[1], shrinkage)
        whitening.adapt(vectors)
        vectors = np.asarray(whitening(vectors))
    return ContentSimilarity(vectors)


# -- SASRec ------------------------------------------------------------------------------------


def _sasrec(job: Job, split: Split) -> tuple[Scorer, dict[str, Any]]:
    from measuring import epochs
    from sasrec import train_sasrec

    options = {key: value for key, value in job.recipe.items() if key != "kind"}
    scorer = train_sasrec(split, seed=job.seed, **options)
    trained = sum(scorer.parameters.values())
    return scorer, {
        "parameters": {
            "by_part": scorer.parameters,
            "trained": trained,
            "id_table": scorer.parameters["id table"],
        },
        "checkpoint_bytes": 4 * trained,  # float32, without a file's header
        "seconds": scorer.seconds,
        **epochs(scorer.history, scorer.epoch_seconds),
    }


# -- prompted ----------------------------------------------------------------------------------


def _prompted(job: Job, split: Split) -> tuple[Scorer, dict[str, Any]]:
    from prompted import describe, train

    model, facts = train(job.recipe, split, job.seed)
    return model, {**describe(model), **facts}


def describe_requests(requests: Requests) -> dict[str, Any]:
    """What a part of a split asks."""
    return {"requests": len(requests), "protocol": requests.protocol}
