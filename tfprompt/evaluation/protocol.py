"""`evaluate`: full ranking of all N items, beside the baselines that keep a result honest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.evaluation._describing import fingerprint_of, settings_of
from tfprompt.evaluation.baselines.content import ContentSimilarity
from tfprompt.evaluation.baselines.item_knn import ItemKNN
from tfprompt.evaluation.baselines.popularity import Popularity
from tfprompt.evaluation.intervals import bootstrap_interval
from tfprompt.evaluation.measures import check_k, per_request
from tfprompt.evaluation.report import Report
from tfprompt.evaluation.scorer import Scorer
from tfprompt.evaluation.scoring import check_scorer, rank_requests

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests


def evaluate(
    model: Scorer,
    requests: Requests,
    *,
    k: int | Iterable[int] = (5, 10, 20),
    baselines: bool | Sequence[Scorer] = True,
    batch_size: int = 256,
    bootstrap: int = 1000,
    seed: int = 0,
    progress: bool = True,
) -> Report:
    """Ranks every request's targets among all items and reports the measures.

    All N items are ranked (no sampled negatives: Krichene and Rendle 2020), seen items are
    excluded if the split says so, and a tie is never a hit, so that a model that scores
    everything alike gets zero.

    Args:
        model: a `Retriever` or anything with `name` and `scores(requests, rows)`.
        requests: `split.validation` or `split.test`, R requests.
        k: list lengths.
        baselines: True for popularity, item-kNN with its default parameters and, if the model has
            `item_vectors` [N, D], the similarity of those untrained vectors; all are fitted on
            `requests.train`. A list of scorers replaces them, for example
            `[tuned_item_knn(split.train, split.validation)]`.
        batch_size: requests per call of `scores`; one batch of scores is
            `4 * batch_size * N` bytes.
        bootstrap: resamples for the 95 % intervals over users; 0 for none.
        seed: of the bootstrap.
        progress: a counter on the terminal.

    Returns:
        The report: `print` it, read it as a dictionary, `save` it.

    Raises:
        ConfigError: an argument, or the scorer's result, breaks a rule.
        DataError: NaN scores, or requests that break a rule.

    Example:
        ```python
        report = tp.evaluate(model, split.test, k=(10,))
        report["ndcg@10"], report["baselines"]["item_knn"]["ndcg@10"]
        ```
    """
    lengths = check_k(k)
    check_scorer(model)
    if isinstance(bootstrap, bool) or bootstrap < 0:
        raise ConfigError(
            f"`bootstrap` must be a number of resamples, or 0 for none. Received: {bootstrap}. "
            "1000 is enough for 95 % intervals."
        )
    others = _baselines(model, requests, baselines)
    names = [model.name, *(other.name for other in others)]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"Model and baselines must have different names. Received: {', '.join(names)}. Set "
            "`name` on one of them."
        )
    users = np.asarray(requests.user_ids)
    fingerprint = fingerprint_of(requests)

    def report(scorer: Scorer, beside: dict[str, Report]) -> Report:
        ranked = rank_requests(
            scorer, requests, k=lengths, batch_size=batch_size, progress=progress
        )
        per_user = per_request(ranked.ranks, ranked.offsets, lengths)
        measures = {name: float(values.mean()) for name, values in per_user.items()}
        interval = {}
        if bootstrap:
            low, high = bootstrap_interval(
                np.stack(list(per_user.values()), axis=1), users, resamples=bootstrap, seed=seed
            )
            interval = {
                name: (float(a), float(b)) for name, a, b in zip(per_user, low, high, strict=True)
            }
        return Report(
            name=scorer.name,
            measures={**measures, **{f"coverage@{c}": v for c, v in ranked.coverage.items()}},
            interval=interval,
            n_items=len(requests.catalog),
            n_users=len(np.unique(users)),
            n_requests=len(users),
            protocol=requests.protocol,
            k=lengths,
            resamples=bootstrap,
            seed=seed,
            fingerprint=fingerprint,
            settings=settings_of(scorer),
            user_ids=users,
            per_user=per_user,
            ranks=ranked.ranks,
            rank_offsets=ranked.offsets,
            baselines=beside,
        )

    return report(model, {other.name: report(other, {}) for other in others})


def _baselines(
    model: Scorer, requests: Requests, baselines: bool | Sequence[Scorer]
) -> list[Scorer]:
    if not isinstance(baselines, bool):
        chosen = list(baselines)
        for each in chosen:
            check_scorer(each)
        return chosen
    if not baselines:
        return []
    found: list[Scorer] = [Popularity(requests.train), ItemKNN(requests.train)]
    vectors = getattr(model, "item_vectors", None)
    if vectors is not None:
        found.append(ContentSimilarity(np.asarray(vectors)))
    # A baseline under evaluation is not set beside itself.
    return [each for each in found if type(each) is not type(model)]
