"""The sections of docs/results.md about wishes, languages and facts."""

from __future__ import annotations

from typing import Any

from render import _origin, table

Result = dict[str, Any]


def paraphrases(result: Result) -> str:
    """Overlaps of lists: of one wish in other words, of different wishes."""
    wishes = result["wishes"]
    counts = ", ".join(f"{count} {name}" for name, count in wishes["count"].items())
    lines = [
        f"## Wishes in other words, {result['data']['name']}",
        "",
        f"{sum(wishes['count'].values())} wishes ({counts}) in {wishes['wordings']} wordings each; "
        f"{_trained(result)}. The share of the top ten that two lists have in common: of two "
        "wordings of a wish, of different wishes, and of a wording and the wish misspelt, with two "
        'random slips, at great length, or lost in chatter. "As written": the text goes into the '
        "encoder without corrections, and is cut at its limit. In brackets the 95 % interval over "
        "wishes.",
        "",
    ]
    for group in ("all", *wishes["count"]):
        rows = [
            [name, *(_share(found[group][m]) for m in found[group])]
            for name, found in result["summary"].items()
        ]
        head = ["same wish", "other wish", "misspelt", "random slips", "long", "rambling"]
        lines += [*table([f"{group} wishes", *head], rows), ""]
    return "\n".join([*lines, *_origin([result]), ""])


def negations(result: Result) -> str:
    """Shares of denied and wanted genres in the top ten."""
    rows = [
        [
            f"**{name}** (the default)" if name == f"weight {result['weight']:g}" else name,
            _share(found["denied"]),
            _share(found["wanted"]),
        ]
        for name, found in result["summary"].items()
    ]
    return "\n".join(
        [
            f"## Wishes that deny, {result['data']['name']}",
            "",
            f'"GENRE but no GENRE": {len(result["pairs"])} pairs of genres that often stand '
            f"together, in {len(result['wordings'])} wordings each; {_trained(result)}. Shares of "
            "the top ten that carry the denied and the wanted genre, by the weight of what is "
            "denied. In brackets the 95 % interval over pairs.",
            "",
            *table(["", "denied genre", "wanted genre"], rows),
            "",
            *_origin([result]),
            "",
        ]
    )


def languages(result: Result) -> str:
    """Where a film stands for its title in other languages, by backbone."""
    spoken = list(next(iter(result["summary"].values())))
    rows = [
        [name, *(f"{_share(found[each]['hit@10'])}" for each in spoken)]
        for name, found in result["summary"].items()
    ]
    return "\n".join(
        [
            f"## Wishes in other languages, {result['data']['name']}",
            "",
            f"The titles of {result['films']} films in four languages as wishes: the share that "
            f"stands among the first ten of {result['data']['items']:,} items by the similarity "
            "that a wish adds to a score. Nothing is trained. In brackets the 95 % interval over "
            "films.",
            "",
            *table(["found", *spoken], rows),
            "",
            *_origin([result]),
            "",
        ]
    )


def facts(result: Result) -> str:
    """With and without facts: untrained, and epoch by epoch."""
    still = [[name, f"{found['ndcg@10']:.4f}"] for name, found in result["untrained"].items()]
    rows = [
        [name, *(f"{value:.4f}" for value in found["ndcg@10"]), f"{found['trained_parameters']:,}"]
        for name, found in result["summary"].items()
    ]
    epochs = [f"epoch {number + 1}" for number in range(result["epochs"])]
    return "\n".join(
        [
            f"## Facts of a knowledge graph, {result['data']['name']}, cold items",
            "",
            f"NDCG@10 on validation, {result['split']['validation_requests']:,} requests for items "
            f"that training never shows; {result['items_with_facts']:,} of "
            f"{result['data']['items']:,} films have facts of Freebase. Untrained: the similarity "
            "of an item and the mean of the history.",
            "",
            *table(["untrained", "NDCG@10"], still),
            "",
            f"A text-only retriever, seed {result['seed']}:",
            "",
            *table(["trained", *epochs, "trained parameters"], rows),
            "",
            *_origin([result]),
            "",
        ]
    )


def _trained(result: Result) -> str:
    seeds = len(result["seeds"])
    return (
        f"the text-only retriever after {result['recipe']['epochs']} epochs, {seeds} "
        f"seed{'s' * (seeds > 1)}"
    )


def _share(value: Result) -> str:
    return f"{value['mean']:.2f} [{value['low']:.2f}, {value['high']:.2f}]"
