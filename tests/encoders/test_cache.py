"""The state cache: only what is missing is computed, and neither a crash nor a rival harms it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tfprompt.encoders.cache import StateCache
from tfprompt.errors import ConfigError

WIDTH = 8
PRINT = "a" * 64


def vector(text: str) -> np.ndarray:
    """What the backbone would say: a function of the text alone."""
    seed = int.from_bytes(text.encode()[:8].ljust(8, b"\0"), "little") + len(text)
    return np.random.default_rng(seed).normal(size=WIDTH).astype("float32")


class Computer:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        return np.stack([vector(text) for text in texts])


def make(directory: Path, **options: object) -> StateCache:
    return StateCache(PRINT, "mean-128", WIDTH, directory=directory, **options)  # type: ignore[arg-type]


def expected(texts: list[str]) -> np.ndarray:
    return np.stack([vector(text) for text in texts])


def test_order_repetitions_and_reuse(tmp_path: Path) -> None:
    computer, cache = Computer(), make(tmp_path)
    texts = ["b", "a", "b", "", "c"]
    np.testing.assert_array_equal(cache.vectors(texts, computer), expected(texts))
    assert computer.asked == ["b", "a", "", "c"]
    # Another object over the same files: nothing is computed but the new text.
    again = make(tmp_path)
    more = ["d", "c", "a", "d"]
    np.testing.assert_array_equal(again.vectors(more, computer), expected(more))
    assert computer.asked == ["b", "a", "", "c", "d"]
    # The first object sees what the second wrote.
    np.testing.assert_array_equal(cache.vectors(["d"], computer), expected(["d"]))
    assert len(computer.asked) == 5 and len(cache) == 5


def test_no_texts(tmp_path: Path) -> None:
    assert make(tmp_path).vectors([], Computer()).shape == (0, WIDTH)
    assert make(tmp_path).states([], lambda part: []) == []
    assert not list(tmp_path.iterdir())


def test_another_backbone_kind_or_type_shares_nothing(tmp_path: Path) -> None:
    make(tmp_path).vectors(["a"], Computer())
    others = [
        StateCache("b" * 64, "mean-128", WIDTH, directory=tmp_path),
        StateCache(PRINT, "cls-128", WIDTH, directory=tmp_path),
        StateCache(PRINT, "mean-128", WIDTH, directory=tmp_path, dtype="float16"),
    ]
    assert [len(other) for other in others] == [0, 0, 0]


def test_float16_is_close_and_half_the_size(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(50)]
    cache = make(tmp_path, dtype="float16")
    found = cache.vectors(texts, Computer())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(texts), rtol=2**-10, atol=1e-7)
    assert (cache.directory / "states.bin").stat().st_size == 50 * WIDTH * 2


def test_states_of_different_lengths(tmp_path: Path) -> None:
    def compute(texts: list[str]) -> list[np.ndarray]:
        return [np.outer(np.arange(len(t)), np.ones(WIDTH)).astype("float32") for t in texts]

    cache = StateCache(PRINT, "states-2-128", WIDTH, directory=tmp_path)
    texts = ["abc", "", "a", "abcde"]
    for _ in range(2):
        found = cache.states(texts, compute)
        assert [state.shape for state in found] == [(3, WIDTH), (0, WIDTH), (1, WIDTH), (5, WIDTH)]
        np.testing.assert_array_equal(found[3], compute(["abcde"])[0])
    assert cache.states([""], compute)[0].shape == (0, WIDTH)


def test_work_is_kept_chunk_by_chunk(tmp_path: Path) -> None:
    calls = 0

    def compute(texts: list[str]) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return expected(texts)

    texts = [f"t{i}" for i in range(10)]
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, chunk=4).vectors(texts, compute)
    computer = Computer()
    np.testing.assert_array_equal(make(tmp_path).vectors(texts, computer), expected(texts))
    assert computer.asked == ["t8", "t9"]


@pytest.mark.parametrize("lost", [1, 20, 47, 48, 49, 96, 97, 150, 159, 160])
def test_a_torn_index_is_healed(tmp_path: Path, lost: int) -> None:
    texts = ["a", "b", "c"]
    cache = make(tmp_path)
    cache.vectors(texts, Computer())
    index = cache.directory / "index.bin"
    index.write_bytes(index.read_bytes()[:-lost])
    computer = Computer()
    np.testing.assert_array_equal(make(tmp_path).vectors(texts, computer), expected(texts))
    # An entry takes 48 bytes, the mark before them 16; without a mark nothing is believed.
    assert computer.asked == texts[max(0, 3 - -(-lost // 48)) :]
    np.testing.assert_array_equal(make(tmp_path).vectors(texts, Computer()), expected(texts))


def test_zeros_after_a_power_cut_are_not_taken_for_entries(tmp_path: Path) -> None:
    cache = make(tmp_path)
    cache.vectors(["a"], Computer())
    for name in ("index.bin", "states.bin"):
        with open(cache.directory / name, "ab") as handle:
            handle.write(b"\0" * 1000)
    computer = Computer()
    found = make(tmp_path).vectors(["a", "b"], computer)
    np.testing.assert_array_equal(found, expected(["a", "b"]))
    assert computer.asked == ["b"]


def test_rows_lost_behind_the_index_are_computed_again(tmp_path: Path) -> None:
    cache = make(tmp_path)
    cache.vectors(["a", "b"], Computer())
    states = cache.directory / "states.bin"
    states.write_bytes(states.read_bytes()[:-3])
    computer = Computer()
    found = make(tmp_path).vectors(["b", "a"], computer)
    np.testing.assert_array_equal(found, expected(["b", "a"]))
    assert computer.asked == ["b"]


def test_a_deleted_directory_is_noticed(tmp_path: Path) -> None:
    cache = make(tmp_path)
    cache.vectors(["a"], Computer())
    shutil.rmtree(cache.directory)
    assert len(cache) == 0
    cache.vectors(["a"], Computer())
    shutil.rmtree(cache.directory)
    # Begun anew by somebody else, longer and in another order.
    make(tmp_path).vectors(["x", "y", "z"], Computer())
    np.testing.assert_array_equal(cache.vectors(["b", "a"], Computer()), expected(["b", "a"]))


WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    sys.path.insert(0, {root!r})
    from tests.encoders.test_cache import expected, make
    directory, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    print("ready", flush=True)
    sys.stdin.readline()
    cache = make(directory, chunk=3)
    texts = [f"text {{i}}" for i in range(first, last)]
    found = cache.vectors(texts, expected)
    assert (found == expected(texts)).all()
    print("done", flush=True)
    """
).format(root=str(Path(__file__).parents[2]))


def start(directory: Path, first: int, last: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory), str(first), str(last)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_at_once(tmp_path: Path) -> None:
    writers = [start(tmp_path, 0, 300), start(tmp_path, 150, 450)]
    for writer in writers:
        go(writer)
    assert [writer.wait(60) for writer in writers] == [0, 0]
    texts = [f"text {i}" for i in range(450)]
    computer, cache = Computer(), make(tmp_path)
    np.testing.assert_array_equal(cache.vectors(texts, computer), expected(texts))
    assert not computer.asked and len(cache) == 450
    # What both computed is stored once.
    assert (cache.directory / "states.bin").stat().st_size == 450 * WIDTH * 4


def test_killed_in_the_middle(tmp_path: Path) -> None:
    cache = make(tmp_path)
    size = 3000
    for attempt in range(3):
        writer = start(tmp_path, 0, size)
        before = len(cache)
        go(writer)
        while len(cache) < before + 40 * (attempt + 1) and writer.poll() is None:
            pass
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(60) == -signal.SIGKILL, "it finished before it was killed"
        kept = len(make(tmp_path))
        assert before < kept < size
    texts = [f"text {i}" for i in range(size)]
    computer = Computer()
    np.testing.assert_array_equal(make(tmp_path).vectors(texts, computer), expected(texts))
    assert computer.asked == texts[kept:]


def test_bad_arguments_and_results(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Received: dtype='bfloat16'"):
        make(tmp_path, dtype="bfloat16")
    with pytest.raises(ConfigError, match=r"file name.*Received: '\.\./x'"):
        StateCache(PRINT, "../x", WIDTH, directory=tmp_path)
    with pytest.raises(ConfigError, match=r"rows of 8 numbers. Received: \(1, 3\)"):
        make(tmp_path).vectors(["a"], lambda texts: np.zeros((1, 3)))
    with pytest.raises(ConfigError, match="Received: 2 for 1"):
        make(tmp_path).vectors(["a"], lambda texts: np.zeros((2, WIDTH)))
    with pytest.raises(ConfigError, match="finite as float32"):
        make(tmp_path).vectors(["a"], lambda texts: np.full((1, WIDTH), np.nan))
    with pytest.raises(ConfigError, match="finite as float16"):
        make(tmp_path, dtype="float16").vectors(["a"], lambda texts: np.full((1, WIDTH), 1e6))
    assert len(make(tmp_path)) == 0
