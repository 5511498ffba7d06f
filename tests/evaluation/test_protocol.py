"""`evaluate` end to end on tables whose ranks are known."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.evaluation.toy import Fixed, ranks_by_sorting, requests, sequences
from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation import ItemKNN, Popularity, Report, compare, evaluate, summarise_seeds


@pytest.fixture
def made():
    """100 requests over 30 items with unequal histories and several targets each."""
    generator = np.random.default_rng(0)
    histories, targets = (
        [generator.permutation(30)[: generator.integers(*size)].tolist() for _ in range(100)]
        for size in ((0, 12), (1, 4))
    )
    scores = generator.integers(10, size=[100, 30]).astype(np.float32)
    return scores, histories, targets


def test_ranks_in_the_order_of_the_requests(made):
    scores, histories, targets = made
    expected = ranks_by_sorting(scores, targets, histories)
    for batch_size in (7, 256):
        report = evaluate(
            Fixed(scores), requests(30, histories, targets), baselines=False,
            batch_size=batch_size, bootstrap=0, progress=False,
        )  # fmt: skip
        assert report.ranks.tolist() == expected
    assert report["mrr"] == pytest.approx(report.per_user["mrr"].mean())


def test_numbers_by_hand():
    scores = np.array([[0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.3]])
    asked = requests(4, [[0], []], [[2], [3]])
    report = evaluate(Fixed(scores), asked, k=(1, 2), baselines=False)
    # Request 0: item 0 is seen, rank 2. Request 1: tied with item 2, rank 2.
    assert report["hr@1"] == 0.0 and report["hr@2"] == 1.0
    assert report["ndcg@2"] == pytest.approx(1 / np.log2(3))
    assert report["mrr"] == 0.5
    assert report["coverage@1"] == 2 / 4  # lists [1] and [2]
    assert report["coverage@2"] == 3 / 4  # lists [1, 2] and [2, 3]
    assert report["n_items"] == 4 and report["n_users"] == report["n_requests"] == 2
    assert report["ties"] == "a tie is never a hit"


def test_constant_scores_get_exactly_nothing(made):
    _, histories, targets = made
    report = evaluate(Fixed(np.zeros([100, 30])), requests(30, histories, targets), k=(5, 10))
    for name in ("hr@5", "hr@10", "recall@10", "ndcg@10"):
        assert report[name] == 0.0
        assert report["interval"][name] == (0.0, 0.0)


def test_random_scores_are_at_chance():
    generator = np.random.default_rng(0)
    scores = generator.random([4000, 100], np.float32)
    asked = requests(100, [[]] * 4000, [[int(t)] for t in generator.integers(100, size=4000)],
                     train=sequences(100, [[0]]))  # fmt: skip
    report = evaluate(Fixed(scores), asked, k=10, baselines=False, bootstrap=0)
    # Binomial, p = 0.1, n = 4000: three standard deviations.
    assert report["hr@10"] == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / 4000))


def test_a_repeated_target_counts_once():
    asked = requests(5, [[0]], [[2, 2, 3]])
    report = evaluate(Fixed([[0, 1, 5, 4, 3]]), asked, k=2, baselines=False)
    assert report.ranks.tolist() == [1, 2] and report["recall@2"] == 1.0


def test_default_baselines(made):
    scores, histories, targets = made
    asked = requests(30, histories, targets)
    plain = evaluate(Fixed(scores), asked, bootstrap=20)
    assert list(plain["baselines"]) == ["popularity", "item_knn"]
    model = Fixed(scores)
    model.item_vectors = np.random.default_rng(1).normal(size=[30, 4])
    report = evaluate(model, asked, bootstrap=20)
    assert list(report.baselines) == ["popularity", "item_knn", "content"]
    alone = evaluate(Popularity(asked.train), asked, baselines=False, bootstrap=20)
    assert alone["ndcg@10"] == report["baselines"]["popularity"]["ndcg@10"]
    assert list(evaluate(Popularity(asked.train), asked, bootstrap=0).baselines) == ["item_knn"]
    chosen = evaluate(model, asked, baselines=[ItemKNN(asked.train, neighbours=2)], bootstrap=0)
    assert chosen["baselines"]["item_knn"]["settings"]["neighbours"] == 2


def test_report_as_mapping_json_and_table(made, tmp_path):
    scores, histories, targets = made
    asked = requests(30, histories, targets)
    report = evaluate(Fixed(scores, "mine"), asked, k=(5, 40), bootstrap=50)
    assert isinstance(report, Report) and dict(report)["ndcg@5"] == report["ndcg@5"]
    with pytest.raises(KeyError, match="ndcg@7"):
        report["ndcg@7"]
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved == json.loads(json.dumps(report.to_dict(), allow_nan=False))
    needed = ["hr@5", "ndcg@5", "recall@5", "mrr", "coverage@5", "n_items", "n_users",
              "protocol", "ties", "interval", "baselines"]  # fmt: skip
    assert set(needed) <= set(saved) and set(needed) <= set(saved["baselines"]["popularity"])
    assert "ranks" not in saved and "per_user" not in saved
    table = str(report)
    assert "100 requests of 100 users, N = 30 items" in table
    assert "toy protocol" in table and "a tie is never a hit" in table
    assert "k = 40 is the whole catalog" in table
    assert f"{report['ndcg@5']:.4f} ±" in table
    lines = table.splitlines()
    assert max(map(len, lines)) <= 100
    start = next(line for line in lines if "hr@5" in line).index("hr@5")
    rows = [line for line in lines if line.startswith(("mine", "popularity", "item_knn"))][:3]
    assert all(row[start - 1] == " " and row[start] == "0" for row in rows)


def test_recall_is_shown_only_where_it_differs(made):
    scores, histories, targets = made
    single = requests(30, histories, [t[:1] for t in targets])
    report = evaluate(Fixed(scores), single, baselines=False, bootstrap=0)
    assert "recall@10" not in str(report) and report["recall@10"] == report["hr@10"]
    assert "recall@10" in str(
        evaluate(Fixed(scores), requests(30, histories, targets), baselines=False, bootstrap=0)
    )


def test_compare(made):
    scores, histories, targets = made
    asked = requests(30, histories, targets)
    better = scores.copy()
    for row, wanted in enumerate(targets):
        better[row, wanted] = 20
    good = evaluate(Fixed(better, "good"), asked, baselines=False, k=10)
    plain = evaluate(Fixed(scores, "plain"), asked, baselines=False, k=10)
    found = compare(good, plain)
    assert found["ndcg@10"]["difference"] == pytest.approx(good["ndcg@10"] - plain["ndcg@10"])
    assert found["ndcg@10"]["low"] > 0 and found["ndcg@10"]["probability"] == 1.0
    back = compare(plain, good)["ndcg@10"]
    assert back["low"] == pytest.approx(-found["ndcg@10"]["high"]) and back["probability"] == 0.0
    assert "good minus plain" in str(found)
    json.dumps(found.to_dict())
    with pytest.raises(ConfigError, match="same requests"):
        compare(good, evaluate(Fixed(scores), requests(30, histories, targets, exclude_seen=False),
                               baselines=False, k=10))  # fmt: skip


def test_summarise_seeds(made):
    _, histories, targets = made
    asked = requests(30, histories, targets)
    generator = np.random.default_rng(5)
    reports = [
        evaluate(Fixed(generator.random([100, 30])), asked, baselines=False, bootstrap=0)
        for _ in range(3)
    ]
    values = [report["mrr"] for report in reports]
    found = summarise_seeds(reports)["measures"]["mrr"]
    assert found["mean"] == pytest.approx(sum(values) / 3)
    variance = sum((value - found["mean"]) ** 2 for value in values) / 2
    assert found["sd"] == pytest.approx(variance**0.5)
    # t(0.975, 2) = 4.3027
    assert found["high"] - found["mean"] == pytest.approx(4.3027 * variance**0.5 / 3**0.5, rel=1e-4)
    assert summarise_seeds(reports[:1])["measures"]["mrr"]["sd"] is None
    with pytest.raises(ConfigError, match="same requests"):
        summarise_seeds([])


def test_student_points_agree_with_published_ones():
    from tfprompt.evaluation.seeds import _t_point

    # Table values at 40, 60 and 120 degrees of freedom, three decimals.
    for freedom, expected in ((10, 2.228), (40, 2.021), (60, 2.000), (120, 1.980)):
        assert _t_point(freedom) == pytest.approx(expected, abs=6e-4)


def test_refusals(made):
    scores, histories, targets = made
    asked = requests(30, histories, targets)
    with pytest.raises(ConfigError, match=r"scores\(requests, rows\).*Received: object"):
        evaluate(object(), asked)
    with pytest.raises(ConfigError, match=r"\(100, 30\).*\(100, 31\)"):
        evaluate(Fixed(np.zeros([100, 31])), asked)
    with pytest.raises(DataError, match="NaN"):
        evaluate(Fixed(np.full([100, 30], np.nan)), asked)
    with pytest.raises(ConfigError, match="different names"):
        evaluate(Fixed(scores, "popularity"), asked)
    with pytest.raises(ConfigError, match="batch_size"):
        evaluate(Fixed(scores), asked, batch_size=0)
    with pytest.raises(ConfigError, match="number of resamples"):
        evaluate(Fixed(scores), asked, bootstrap=-1)
    with pytest.raises(DataError, match="at least one request"):
        evaluate(Fixed(scores), requests(30, [], [], train=asked.train), baselines=False)


def test_importing_the_room_loads_neither_tensorflow_nor_keras():
    code = (
        "import sys, tfprompt.evaluation; "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
