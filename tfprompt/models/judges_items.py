"""What a ranker answers: items judged for a request, pairs for `tp.judge`, lists to rank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.models.calibration import calibrate
from tfprompt.models.fits_parts import FitsParts
from tfprompt.models.ranking_pipeline import RankingPipeline, with_candidates
from tfprompt.tasks.objective import Objective

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests

# Word pieces of all candidates that are judged in one pass: bounds the memory of a request.
_TOKENS_AT_ONCE = 16_384


class JudgesItems(FitsParts):
    """A base of models that judge candidates.

    A subclass sets `objective`, `pipeline`, `reads_text` and `max_item_tokens`.
    """

    objective: Objective
    pipeline: RankingPipeline
    reads_text: bool
    max_item_tokens: int

    def calibrate(self, requests: Requests | None = None) -> None:
        """Measures what the verbalizer's words are told without content, to take it off.

        `prepare` does so once, by itself; the values are saved and exported with the model.

        Args:
            requests: unlabelled requests whose mean is taken instead; their ratings are not
                looked at. None asks for nobody, without history and columns, about 256 items of
                the catalog.

        Raises:
            ConfigError: there is no verbalizer, or it is not calibrated.

        Example:
            words = Verbalizer.of(["no", "yes"], calibrated=True)
            ranker = tp.Ranker(encoder, data.items, "like", verbalizer=words, bias=False)
            ranker.calibrate(split.validation)

        Reference:
            Zhao et al., 2021, "Calibrate Before Use: Improving Few-Shot Performance of Language
            Models".
        """
        self.prepare()  # calibrates once on its way
        calibrate(self, requests)

    def judge_items(self, inputs: Mapping[str, Any], candidates: np.ndarray) -> np.ndarray:
        """What requests will think of candidates: float32 `[B, C]`; ratings or probabilities.

        Args:
            inputs: x of a batch as the pipeline gives it, without candidates.
            candidates: int `[B, C]`, catalog rows, -1 for padding.
        """
        outputs = self.score_items(inputs, candidates)
        return outputs if self.objective.kind == "rating" else _sigmoid(outputs)

    def score_items(self, inputs: Mapping[str, Any], candidates: np.ndarray) -> np.ndarray:
        """What a list is sorted by: float32 `[B, C]`; ratings or logits.

        Args:
            inputs: x of a batch as the pipeline gives it, without candidates.
            candidates: int `[B, C]`, catalog rows, -1 for padding.
        """
        pieces = self.max_item_tokens if self.reads_text else 1
        step = max(1, _TOKENS_AT_ONCE // (pieces * max(len(candidates), 1)))
        found = []
        for at in range(0, candidates.shape[1], step):
            part = candidates[:, at : at + step]
            # One shape for all passes: a last short one would be traced anew.
            padded = np.full((len(part), min(step, candidates.shape[1])), -1, np.int32)
            padded[:, : part.shape[1]] = part
            x = with_candidates(dict(inputs), padded)
            found.append(np.asarray(self.predict_on_batch(x))[:, : part.shape[1]])
        return np.concatenate(found, axis=1)

    def predictions(self, requests: Requests) -> np.ndarray:
        """What each target of each request is thought of, float32 `[E]`: what `tp.judge` takes."""
        self.check_catalog(requests)
        self.prepare()
        fields = self.pipeline.fields_of(requests)
        result = np.empty(len(requests.targets), np.float32)
        for inputs, rows in self.pipeline.request_arrays(requests, fields, 64):
            candidates, _ = self.pipeline.targets(requests, rows)
            judged = self.judge_items(inputs, candidates)
            for place, row in enumerate(rows):
                own = slice(requests.target_offsets[row], requests.target_offsets[row + 1])
                result[own] = judged[place, : own.stop - own.start]
        return result

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """As in Keras; of requests, their `predictions`."""
        return self.predictions(x) if hasattr(x, "targets") else super().predict(x, **kwargs)

    def scores(self, requests: Requests, rows: np.ndarray) -> np.ndarray:
        """Scores of all items for some requests `[len(rows), N]`: what `tp.evaluate` ranks."""
        every = np.arange(len(self.catalog), dtype=np.int32)
        return self.scores_of(requests, rows, np.repeat(every[None], len(rows), axis=0))

    def scores_of(self, requests: Requests, rows: np.ndarray, lists: np.ndarray) -> np.ndarray:
        """Scores of some items `[len(rows), C]` for some requests.

        Args:
            requests: the requests.
            rows: int, which of them, each once.
            lists: int `[len(rows), C]`, catalog rows, -1 for padding.
        """
        self.check_catalog(requests)
        self.prepare()
        # An evaluation asks batch by batch: the texts of its requests are read once.
        if self._fields is None or self._fields[0] is not requests:
            self._fields = (requests, self.pipeline.fields_of(requests))
        result = np.empty(lists.shape, np.float32)
        for inputs, places in self.pipeline.request_arrays(requests, self._fields[1], 64, rows):
            result[places] = self.score_items(inputs, lists[places])
        return result

    _fields: Any = None


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    # Half of tanh: no overflow on either side.
    return (0.5 + 0.5 * np.tanh(0.5 * logits)).astype(np.float32)
