"""From what was read of a candidate to one number."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.layers.whitening import unit_length


@keras.saving.register_keras_serializable("tfprompt")
class ScoreHead(keras.layers.Layer):
    """One number for each candidate.

    Either a linear head, or a verbalizer: the read-out is compared with vectors of words that
    stand for the classes. A scale and a bias a class are trained, with `soft` the vectors too.

    With `calibrated`, what a content-free input is told is taken off: the probabilities p of the
    classes become those of diag(q)⁻¹p, q being the classes' probabilities without content (equation
    1 of Zhao et al.). In scores that is a difference, s − log q, and q's normaliser cancels.

    Args:
        classes: vectors of the classes `[C, D]` of unit length, or None for a linear head.
        values: what each class is worth `[C]`, e.g. the ratings 1 … 5. The output is then the
            expected value; for two classes without values it is the difference of their scores, a
            logit of the second.
        scale: what the cosine with a class is multiplied with at first.
        soft: trains the vectors of the classes, from `classes` on.
        calibrated: takes off what `calibrate` measured.

    Call arguments:
        states: `[..., D]`.

    Output shape: `[...]`.

    Raises:
        ConfigError: more than two classes without values, or another number of values.

    Example:
        >>> head = ScoreHead()
        >>> tuple(head(keras.ops.ones((2, 3, 8))).shape)
        (2, 3)

    References:
        Schick and Schütze, 2021 (verbalizers); Geng et al., 2022 (ratings as words);
        Hambardzumyan et al., 2021 (trained class vectors); Zhao et al., 2021 (calibration).
    """

    def __init__(
        self,
        classes: Any = None,
        values: Any = None,
        scale: float = 10.0,
        soft: bool = False,
        calibrated: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.classes = None if classes is None else [list(map(float, row)) for row in classes]
        self.values = None if values is None else list(map(float, values))
        self.scale = scale
        self.soft = soft
        self.calibrated = calibrated
        if self.classes is None and (soft or calibrated):
            raise ConfigError(
                "Classes are trained or calibrated where there are some. "
                f"Received: soft={soft}, calibrated={calibrated} for a linear head. Give classes."
            )
        if self.classes is not None:
            count = len(self.classes)
            if count < 2 or (self.values is None and count != 2):
                raise ConfigError(
                    "A verbalizer has two classes, or several that are worth something. "
                    f"Received: {count} class{'es' * (count != 1)} "
                    f"{'without' if self.values is None else 'with'} values."
                )
            if self.values is not None and len(self.values) != count:
                raise ConfigError(
                    f"Each class has a value. Received: {count} classes, {len(self.values)} values."
                )

    def build(self, input_shape: Any) -> None:
        """Creates the kernel, or scale and biases."""
        if self.classes is None:
            self.kernel = self.add_weight(
                shape=(input_shape[-1],), initializer="zeros", name="kernel"
            )
            self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")
        else:
            self.log_scale = self.add_weight(
                shape=(), initializer=keras.initializers.Constant(0.0), name="log_scale"
            )
            self.bias = self.add_weight(
                shape=(len(self.classes),), initializer="zeros", name="bias"
            )
        if self.soft:
            start = np.asarray(self.classes, "float32")
            self.vectors = self.add_weight(
                shape=start.shape, initializer=lambda *_, **__: ops.array(start), name="classes"
            )
        if self.calibrated:
            self.content_free = self.add_weight(
                shape=(len(self.classes or ()),), initializer="zeros", trainable=False,
                name="content_free",
            )  # fmt: skip
        self.built = True

    def cosines(self, states: Any) -> Any:
        """The cosine of `[..., D]` with each class, `[..., C]`."""
        classes = ops.convert_to_tensor(self.classes, dtype=states.dtype)
        if self.soft:
            classes = unit_length(self.vectors)
        square = ops.sum(ops.square(states), axis=-1, keepdims=True)
        return ops.matmul(states * ops.rsqrt(square + 1e-12), ops.transpose(classes))

    def calibrate(self, states: Any) -> None:
        """Measures what the classes get without content, the mean over `[n, D]`.

        It is kept as cosines, so that it stays right while the scale is trained. What training adds
        to a class, its bias, is no word's leaning and stays; vectors that are trained (`soft`) are
        to be calibrated anew behind it.
        """
        self.content_free.assign(ops.mean(self.cosines(ops.convert_to_tensor(states)), axis=0))

    @property
    def is_calibrated(self) -> bool:
        """Whether there is nothing to measure, or it was."""
        return not self.calibrated or bool(ops.any(self.content_free != 0))

    def call(self, states: Any) -> Any:
        """`[..., D]` to `[...]`."""
        if self.classes is None:
            return ops.add(ops.sum(ops.multiply(states, self.kernel), axis=-1), self.bias)
        cosines = self.cosines(states)
        if self.calibrated:
            cosines = ops.subtract(cosines, self.content_free)
        scores = ops.add(self.scale * ops.exp(self.log_scale) * cosines, self.bias)
        if self.values is None:
            return scores[..., 1] - scores[..., 0]
        values = ops.convert_to_tensor(self.values, dtype=states.dtype)
        return ops.sum(ops.softmax(scores, axis=-1) * values, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape `[...]`."""
        return input_shape[:-1]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "classes": self.classes,
            "values": self.values,
            "scale": self.scale,
            "soft": self.soft,
            "calibrated": self.calibrated,
        }
