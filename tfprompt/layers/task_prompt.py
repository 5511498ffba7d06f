"""One prompt for many tasks, scaled for each of them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.layers.soft_prompt import SoftPrompt


@keras.saving.register_keras_serializable("tfprompt")
class TaskPrompt(SoftPrompt):
    """`shared ∘ (u_t v_tᵀ)`: a prompt that all tasks train, times a rank-one matrix of each.

    A task costs P + D numbers in place of P·D. Tasks start alike, at ones; an unknown task gets
    the shared prompt.

    Args:
        length: number of vectors P.
        width: their width D.
        tasks: number of known tasks.
        initializer: of the shared prompt, see `SoftPrompt`.

    Call arguments:
        tasks: integers `[B]`, 0 for missing or unknown, 1 … `tasks`.

    Output shape: `[B, P, D]`.

    Raises:
        ConfigError: no task.

    Example:
        >>> prompt = TaskPrompt(length=2, width=4, tasks=3)
        >>> tuple(prompt(keras.ops.array([1, 3, 0])).shape)
        (3, 2, 4)

    Reference:
        Wang et al., 2023, "Multitask Prompt Tuning Enables Parameter-Efficient Transfer Learning"
        (MPT, equation 3).
    """

    def __init__(
        self, length: int, width: int, tasks: int, initializer: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(length, width, initializer, **kwargs)
        if tasks < 1:
            raise ConfigError(f"A prompt of tasks has 1 task or more. Received: {tasks}.")
        self.tasks = tasks

    def build(self, input_shape: Any = None) -> None:
        """Creates the shared prompt `[P, D]`, `u` `[T, P]` and `v` `[T, D]`."""
        super().build(input_shape)
        self.by_vector = self.add_weight(
            shape=(self.tasks, self.length), initializer="ones", name="by_vector"
        )
        self.by_column = self.add_weight(
            shape=(self.tasks, self.width), initializer="ones", name="by_column"
        )

    def call(self, tasks: Any) -> Any:
        """`[B]` to `[B, P, D]`."""
        known = ops.logical_and(tasks >= 1, tasks <= self.tasks)
        rows = ops.where(known, tasks - 1, ops.zeros_like(tasks))
        u = ops.expand_dims(ops.take(self.by_vector, rows, axis=0), 2)
        v = ops.expand_dims(ops.take(self.by_column, rows, axis=0), 1)
        scale = ops.where(ops.reshape(known, (-1, 1, 1)), u * v, 1.0)
        return ops.expand_dims(self.prompt, 0) * scale

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "tasks": self.tasks}
