"""The frozen backbone with a template in front of its upper layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import keras

from tfprompt.encoders import read_out as reading
from tfprompt.encoders.candidates import candidate_layer, judge
from tfprompt.encoders.ensembles import mean_of_members, with_members
from tfprompt.encoders.layout import lay_out
from tfprompt.encoders.loading import LoadedBackbone, load_backbone
from tfprompt.encoders.prompt_layers import deep_layers, feature_layers, made_layers, soft_layers
from tfprompt.encoders.read_out import ReadOut
from tfprompt.encoders.seam import Seam, has_dropout, set_dropout
from tfprompt.encoders.starting_points import start_prompts
from tfprompt.encoders.text_plan import TextPlan, fitting_history
from tfprompt.encoders.upper import upper_states
from tfprompt.errors import ConfigError
from tfprompt.layers import (
    FeatureToken,
    HistoryRatings,
    ItemTokens,
)
from tfprompt.layers.tuning import TunedLayers, Tuning, chosen
from tfprompt.prompts.template import Template

if TYPE_CHECKING:
    from tfprompt.data.catalog import Column


class PromptedEncoder(keras.layers.Layer):
    """A request as one token sequence through the frozen upper layers, read out as one vector.

    The sequence holds the template's words and fields (their states at the seam), its soft
    prompts, features, and one token per past item. Only prompts, feature tokens and the item
    projection are trained, and what `tuning` adds inside the upper layers.

    Args:
        loaded: the frozen backbone with its tokenizer, from `load_backbone`.
        template: the template, as text or parsed.
        prompt_layer: the seam m: layers below it see text alone and their states are cached;
            prompts and items enter at the input of layer m. None takes the last layer,
            the fastest; the last two for `deep`.
        deep: fresh prompts at every upper layer instead of at the seam alone, as many as the
            template has soft ones.
        read_out: "last" (the newest item's token), "mask" (the `{mask}` token) or "mean" (all
            items; without a history, all text). None takes "mask" where the template has one,
            else "last", else, without a history, "mean".
        attention: "causal" trains every position of a history in one pass; "full" lets items see
            later ones and trains the last position only.
        max_history: items H of a history; older ones are dropped.
        sequence_length: bound on the whole sequence; the history is cut to fit it, never the
            prompts. None sets no bound.
        dropout: rate of dropout on the item tokens.
        upper_dropout: rate of dropout inside the frozen upper layers while training; 0 runs them
            as they are. None takes 0.2, or 0 for a backbone that was built without dropout.
        personal_rank: length of what `{user:personal 4}` keeps of one person or value.
        personal_dropout: share of requests in training whose person is hidden, so that the prompt
            of an unknown one is a good answer.
        ensemble: how many soft prompts are trained side by side, each on other rows; a request is
            answered by the mean of what all of them read.
        tuning: what is trained inside the upper layers beside prompts: "lora:8", "adalora:4",
            "adapter:16", "ia3", "bitfit", "layer_norm" or "full", several as "lora:8,layer_norm",
            or objects of `tfprompt.layers.tuning`. The backbone itself is not changed. None
            leaves the layers as they are.
        seed: seed of initial values and dropout.

    Raises:
        ConfigError: options that contradict each other or the template.
        TemplateError: the template does not parse.
        BackboneError: the backbone cannot be cut at `prompt_layer`, or has nothing that `tuning`
            could change (when the encoder is built).

    Example:
        encoder = PromptedEncoder.from_preset(
            "all-minilm-l6-v2", template="{soft:8} watched {history:items}", prompt_layer=5)

    References:
        Lester et al., 2021 (soft prompts); Liu et al., 2021 (P-tuning v2, deep prompts);
        Kang and McAuley, 2018 (SASRec: every position a target).
    """

    def __init__(
        self,
        loaded: LoadedBackbone,
        template: str | Template,
        prompt_layer: int | None = None,
        *,
        deep: bool = False,
        read_out: ReadOut | None = None,
        attention: Literal["causal", "full"] = "causal",
        max_history: int = 50,
        sequence_length: int | None = None,
        dropout: float = 0.3,
        upper_dropout: float | None = None,
        personal_rank: int = 8,
        personal_dropout: float = 0.2,
        ensemble: int = 1,
        tuning: str | Tuning | Mapping[str, Any] | Sequence[Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.template = Template.parse(template) if isinstance(template, str) else template
        if prompt_layer is None:
            # A backbone without layers is refused by the seam. Deep prompts need a second layer.
            layers = len(getattr(loaded.backbone, "transformer_layers", ()))
            prompt_layer = max(0, layers - (2 if deep else 1))
        self.loaded = loaded
        self.seam = Seam(loaded.backbone, prompt_layer)
        if deep and len(self.seam.upper_layers) < 2:
            raise ConfigError(
                "Deep prompts stand at the layers above the seam's, so the seam must leave one. "
                f"Received: deep=True with prompt_layer={prompt_layer}. Lower prompt_layer."
            )
        self.prompt_layer = prompt_layer
        self.width = int(loaded.backbone.hidden_dim)
        self.deep = deep
        if attention not in ("causal", "full"):
            raise ConfigError(f"Attention is 'causal' or 'full'. Received: {attention!r}.")
        self.attention = attention
        self.read_out = reading.choose(read_out, self.template)
        self.dropout_rate = dropout
        if upper_dropout is None:
            upper_dropout = 0.2 if has_dropout(self.seam.upper_layers) else 0.0
        self.upper_dropout = upper_dropout
        if upper_dropout:
            set_dropout(self.seam.upper_layers, upper_dropout, seed)
        self.tuning = TunedLayers(chosen(tuning), name="tuning")
        self.seed = seed
        self.sequence_length = sequence_length
        self.text_plan = TextPlan(self.template, loaded.tokenizer)
        self.max_history = max_history
        words = self.template.text_history
        if words is not None and not self.template.has_history:
            # What is never read need not be carried, and a training window is one prompt.
            self.max_history = min(max_history, words.count)
        if sequence_length is not None:
            others = self.text_plan.max_length + self.template.prompt_tokens
            if self.template.has_history:
                others += 1 + int(self.read_out == "mask")
                self.max_history = fitting_history(max_history, others, sequence_length)
            elif others > sequence_length:
                raise ConfigError(
                    "Prompts are never truncated, so a sequence must hold all of them and the "
                    f"text: {others} tokens here. Received: sequence_length={sequence_length}."
                )
        if ensemble < 1 or (ensemble > 1 and not self.template.prompt_length):
            raise ConfigError(
                "An ensemble has 1 member or more, each a soft prompt. Received: "
                f"ensemble={ensemble} with {self.template.source!r}."
            )
        self.ensemble = ensemble
        self.member_generator = keras.random.SeedGenerator(seed) if ensemble > 1 else None
        self.personal_rank = personal_rank
        self.personal_dropout = personal_dropout
        self.soft_prompts = soft_layers(self)
        self.deep_prompts = deep_layers(self)
        self.item_tokens = (
            ItemTokens(self.width, self.max_history, dropout, seed, name="item_tokens")
            if self.template.has_history
            else None
        )
        self.candidate_tokens = candidate_layer(self, dropout)
        self.rating_tokens: HistoryRatings | None = None
        self.feature_tokens: dict[str, FeatureToken] = {}
        self.made_prompts: dict[str, Any] = {}
        # Whether what starts from the catalog has started, see `start_from_catalog`.
        self.started = False
        # The names of layers that another model has trained: these do not start again.
        self.taken_over: set[str] = set()

    @classmethod
    def from_preset(cls, preset: str, template: str | Template, **kwargs: Any) -> PromptedEncoder:
        """Loads a backbone by name and puts `template` in front of it.

        Args:
            preset: a packaged name ("all-minilm-l6-v2"), a directory in Hugging Face layout, or
                a KerasHub preset.
            template: the template.
            **kwargs: the other arguments of `PromptedEncoder`.

        Raises:
            BackboneError: nothing can be loaded by that name.
        """
        return cls(load_backbone(preset), template, **kwargs)

    def fit_columns(self, columns: Mapping[str, Column]) -> None:
        """Checks the template against the data and creates its feature tokens.

        Args:
            columns: the data's columns by name, as in `Catalog.columns`.

        Raises:
            TemplateError: a column is missing or of the wrong kind.
        """
        self.template.check(columns)
        if self.template.shows_ratings:
            rating = columns["rating"]
            self.rating_tokens = HistoryRatings(
                self.width, rating.mean or 0.0, rating.std or 1.0, self.seed, name="history_ratings"
            )
        self.feature_tokens = feature_layers(self, columns)
        self.made_prompts = made_layers(self, columns)

    def build(self, inputs_shape: Any = None) -> None:
        """Creates and starts all trained vectors."""
        layers: list[Any] = [*self.soft_prompts, *self.deep_prompts, *self.feature_tokens.values()]
        layers += self.made_prompts.values()
        for layer in (*layers, self.candidate_tokens, self.rating_tokens):
            if layer is not None and not layer.built:
                layer.build(None)
        if self.item_tokens is not None and not self.item_tokens.built:
            self.item_tokens.build(None)
        if not self.tuning.built:
            self.tuning.attach(self.seam, self.loaded.name, self.seed)
        start_prompts(self)
        self.built = True

    def call(
        self,
        inputs: Mapping[str, Any],
        every_position: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Encodes requests.

        Args:
            inputs: `states` `[B, T, D]` (the text's states at the seam), `states_mask` bool
                `[B, T]`, `order` int `[B, T]` (from `TextPlan`); with a history `items`
                `[B, H, D]` (projected) and `items_mask` bool `[B, H]`, left-aligned, and
                `ratings` `[B, H]` (NaN where unknown) where the template shows them; each
                feature `[B]` by its name; where rows have prompts of their own `prompts`
                `[B, P, D]` and, for deep ones, `deep_prompts` `[B, L, P, D]` (L layers above the
                seam's). With an item to judge `candidates` `[B, Q, T, D]`
                (Q items of T tokens), `candidates_mask` bool `[B, Q, T]` and `moments` int
                `[B, Q]`: a candidate of moment t sees the first t items of the history.
            every_position: one query for every step of the history, for training; step 0 stands
                before the first item. Needs causal attention and a history.
            training: runs dropout on the item tokens, and `upper_dropout` where it is set.

        Returns:
            Queries `[B, D]`, or `[B, H+1, D]` with `every_position`; with an item to judge what
            is read of each `[B, Q, D]`.
        """
        if training:
            self.tuning.add_penalties()
        if self.ensemble == 1:
            return self._encode(inputs, every_position, training)
        found = self._encode(with_members(self, inputs, training), every_position, training)
        return found if training else mean_of_members(self, found)

    def _encode(
        self, inputs: Mapping[str, Any], every_position: bool, training: bool | None
    ) -> Any:
        plan, steps, columns = lay_out(self, inputs, every_position, training)
        if self.candidate_tokens is not None:
            return judge(self, plan, inputs, training)
        dropped = bool(training and self.upper_dropout)
        states = upper_states(self, plan, columns, dropped, inputs.get("deep_prompts"))
        return reading.read(self, states, plan, steps, every_position)

    def final(self, states: Any) -> Any:
        """What follows the last layer: `[..., D]` in and out."""
        with self.tuning.final():
            return self.seam.final(states)

    def options(self) -> dict[str, Any]:
        """The constructor's options besides backbone and template, as JSON."""
        return {
            "prompt_layer": self.prompt_layer,
            "deep": self.deep,
            "read_out": self.read_out,
            "attention": self.attention,
            "max_history": self.max_history,
            "sequence_length": self.sequence_length,
            "dropout": self.dropout_rate,
            "upper_dropout": self.upper_dropout,
            "personal_rank": self.personal_rank,
            "personal_dropout": self.personal_dropout,
            "ensemble": self.ensemble,
            "tuning": self.tuning.options(),
            "seed": self.seed,
        }
