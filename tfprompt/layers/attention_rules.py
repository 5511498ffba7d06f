"""Who may look at whom above the seam.

Under causal rules a model is trained on every position of a history in one pass, so nothing that
a position sees may depend on a later item. Three roles settle it:

| looks ↓ at → | static | item s | read-out s |
|---|---|---|---|
| static (words, fields, prompts, features) | yes | no | no |
| item t | yes | s ≤ t | no |
| read-out t | yes | s ≤ t | itself |

The same rules hold at inference, so a served query equals its training position exactly.
"""

from __future__ import annotations

from typing import Any

from keras import ops

STATIC, ITEM, READOUT = 0, 1, 2


def attention_mask(valid: Any, role: Any, moment: Any, *, causal: bool) -> Any:
    """Builds the boolean attention mask of a token plan.

    A decoder's layers add that no token sees a later one; its plan is put in the template's order
    before (`TokenPlan.template_order`).

    Args:
        valid: bool `[B, S]`, False for padding.
        role: int `[B, S]`, one of `STATIC`, `ITEM`, `READOUT`.
        moment: int `[B, S]`, the step t of items and read-outs; ignored for static tokens.
        causal: True applies the table above, False lets every token see every real one.

    Returns:
        bool `[B, S, S]`; `[b, q, k]` says whether q may attend to k.

    Example:
        >>> roles = ops.array([[STATIC, ITEM, ITEM]])
        >>> mask = attention_mask(
        ...     ops.ones((1, 3), "bool"), roles, ops.array([[0, 0, 1]]), causal=True)
        >>> ops.convert_to_numpy(mask)[0].astype(int).tolist()
        [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    # expand_dims, not x[:, None, :]: the latter becomes a strided slice that LiteRT cannot run.
    allowed = ops.broadcast_to(
        ops.expand_dims(valid, 1), (ops.shape(valid)[0], ops.shape(valid)[1], ops.shape(valid)[1])
    )
    if causal:
        role_q, role_k = ops.expand_dims(role, 2), ops.expand_dims(role, 1)
        moment_q, moment_k = ops.expand_dims(moment, 2), ops.expand_dims(moment, 1)
        past = ops.logical_and(role_q != STATIC, moment_k <= moment_q)
        sees_item = ops.logical_and(role_k == ITEM, past)
        itself = ops.logical_and(
            ops.logical_and(role_q == READOUT, role_k == READOUT), moment_k == moment_q
        )
        rule = ops.logical_or(role_k == STATIC, ops.logical_or(sees_item, itself))
        allowed = ops.logical_and(allowed, rule)
    return allowed
