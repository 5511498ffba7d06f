import numpy as np
import polars as pl
import pytest

import tfprompt as tp
from tfprompt.data import read

sasrec = pytest.importorskip("sasrec")


@pytest.fixture(scope="module")
def split():
    """Users walk round a circle of 12 items from different places: the next item is certain."""
    rows = [(f"u{u}", f"i{(u + step) % 12}", step) for u in range(48) for step in range(9)]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "position"], orient="row")
    return read(events, name="circle").leave_one_out()


@pytest.mark.slow
def test_it_learns_what_is_certain(split):
    # A short window, so that every position that is asked for has been trained.
    options = {"width": 16, "dropout": 0.0, "window": 4, "rate": 1e-2, "batch_size": 8}
    scorer = sasrec.train_sasrec(split, epochs=15, patience=15, verbose=0, **options)
    assert tp.evaluate(scorer, split.test, k=1, baselines=False, bootstrap=0)["hr@1"] > 0.9
    assert sum(scorer.parameters.values()) == scorer.model.count_params()
    assert scorer.parameters["id table"] == 13 * 16
    assert len(scorer.history) == len(scorer.epoch_seconds)


def test_a_position_sees_neither_later_items_nor_padding():
    model = sasrec.SASRec(count=12, width=16, window=8)
    short = np.asarray(model(np.array([[1, 2, 3, 0]])))
    longer = np.asarray(model(np.array([[1, 2, 3, 9, 4, 0, 0, 0]])))
    np.testing.assert_allclose(short[0, :3], longer[0, :3], atol=1e-5)
    assert not np.allclose(longer[0, 3], short[0, 3], atol=1e-3)


def test_padding_is_no_target():
    model = sasrec.SASRec(count=12, width=16, window=4)
    states = np.asarray(model(np.array([[1, 2, 0, 0]])))
    whole = model.compute_loss(y=np.array([[2, 3, 0, 0]]), y_pred=states)
    cut = model.compute_loss(y=np.array([[2, 3]]), y_pred=states[:, :2])
    assert float(whole) == pytest.approx(float(cut))
