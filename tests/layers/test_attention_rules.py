"""The attention mask against the table of its module, token by token."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from keras import ops

from tfprompt.layers.attention_rules import ITEM, READOUT, STATIC, attention_mask

# Two rows of a plan: roles, steps, and which tokens are real.
ROLE = [[STATIC, STATIC, ITEM, ITEM, ITEM, READOUT, READOUT, READOUT]] * 2
MOMENT = [[0, 0, 0, 1, 2, 0, 1, 2]] * 2
VALID = [[1] * 8, [1, 0, 1, 1, 0, 1, 1, 0]]


def allowed(q: int, k: int, row: int, causal: bool) -> bool:
    """The table, in words."""
    if not VALID[row][k]:
        return False
    if not causal or ROLE[row][k] == STATIC:
        return True
    if ROLE[row][q] == STATIC:
        return False
    if ROLE[row][k] == ITEM:
        return MOMENT[row][k] <= MOMENT[row][q]
    return ROLE[row][q] == READOUT and MOMENT[row][q] == MOMENT[row][k]


@pytest.mark.parametrize("causal", [True, False])
def test_the_mask_is_the_table(causal: bool) -> None:
    mask = attention_mask(
        ops.array(VALID, "bool"), ops.array(ROLE), ops.array(MOMENT), causal=causal
    )
    received = ops.convert_to_numpy(mask)
    assert received.shape == (2, 8, 8)
    for row, q, k in itertools.product(range(2), range(8), range(8)):
        assert received[row, q, k] == allowed(q, k, row, causal), (row, q, k)


def test_only_static_tokens_reach_static_tokens() -> None:
    mask = attention_mask(
        ops.ones((1, 8), "bool"), ops.array(ROLE[:1]), ops.array(MOMENT[:1]), causal=True
    )
    # A power of the matrix follows every path through any number of layers.
    reach = np.linalg.matrix_power(ops.convert_to_numpy(mask)[0].astype(int), 12) > 0
    static = np.array(ROLE[0]) == STATIC
    assert not reach[np.ix_(static, ~static)].any()
    later = np.array(MOMENT[0])[None] > np.array(MOMENT[0])[:, None]
    assert not reach[np.ix_(~static, ~static)][later[np.ix_(~static, ~static)]].any()
