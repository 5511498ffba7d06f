"""Tiny random backbones of every family, built in a second: logic tests need no real weights."""

from __future__ import annotations

import functools
import io
import string
from typing import Any

import tfprompt  # noqa: F401  (before keras_hub: it sets the environment)
from tfprompt.encoders.loading import LoadedBackbone, assemble, randomize

FAMILIES = (
    "bert",
    "roberta",
    "xlm_roberta",
    "distil_bert",
    "electra",
    "gpt2",
    "llama",
    "llama3",
    "mistral",
    "qwen",
    "qwen3",
)
# Those whose layers are of another family's class.
ALIKE = {"roberta": "bert", "xlm_roberta": "bert", "llama3": "llama"}
WORDS = (
    "the a an of and who watched liked user film films story toy star war wars comedy drama "
    "action love year old artist student engineer reads next is movie item good bad new night "
    "city man woman king queen world red blue"
).split()
_MAX_LENGTH = 128


def tiny_loaded_backbone(
    layers: int = 4, width: int = 32, family: str = "bert", seed: int = 0
) -> LoadedBackbone:
    """A random backbone that behaves like a loaded one: `layers` layers of `width`, 4 heads.

    The vocabulary (about 200 to 300 pieces) covers every printable ASCII character.
    """
    import keras_hub

    models = keras_hub.models
    tokenizer = tiny_tokenizer(family)
    size = tokenizer.vocabulary_size()
    common: dict[str, Any] = {
        "vocabulary_size": size,
        "num_layers": layers,
        "hidden_dim": width,
        "intermediate_dim": 2 * width,
        "dropout": 0.1,
    }
    absolute = {**common, "num_heads": 4, "max_sequence_length": _MAX_LENGTH}
    rotary = {**common, "num_query_heads": 4, "num_key_value_heads": 2}
    builders = {
        "bert": lambda: models.BertBackbone(**absolute),
        "roberta": lambda: models.RobertaBackbone(**absolute),
        "xlm_roberta": lambda: models.XLMRobertaBackbone(**absolute),
        "distil_bert": lambda: models.DistilBertBackbone(**absolute),
        "electra": lambda: models.ElectraBackbone(
            vocab_size=absolute.pop("vocabulary_size"), embedding_dim=width, **absolute
        ),
        "gpt2": lambda: models.GPT2Backbone(**absolute),
        "llama": lambda: models.LlamaBackbone(**rotary),
        "llama3": lambda: models.Llama3Backbone(**rotary),
        "mistral": lambda: models.MistralBackbone(**rotary, sliding_window=_MAX_LENGTH),
        "qwen": lambda: models.QwenBackbone(**rotary),
        "qwen3": lambda: models.Qwen3Backbone(**rotary, head_dim=width // 4),
    }
    backbone = builders[family]()
    loaded = assemble(f"tiny-{family}", f"tiny-{family}", backbone, tokenizer)
    # Wide weights: with the usual 0.02 all texts of so small a network look alike.
    randomize(backbone, seed, deviation=0.2)
    return assemble(loaded.name, loaded.preset, backbone, tokenizer)


def bert_vocabulary() -> list[str]:
    """About 260 word pieces: special tokens, printable ASCII, whole words."""
    symbols = [c for c in string.printable if not c.isspace() and not c.isupper()]
    inside = ["##" + c for c in string.ascii_lowercase + string.digits]
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return specials + symbols + inside + [w for w in WORDS if len(w) > 1]


def tiny_tokenizer(family: str) -> Any:
    """The KerasHub tokenizer of a family over a tiny vocabulary."""
    import keras_hub

    models = keras_hub.models
    if family in ("bert", "distil_bert", "electra"):
        classes = {
            "bert": models.BertTokenizer,
            "distil_bert": models.DistilBertTokenizer,
            "electra": models.ElectraTokenizer,
        }
        return classes[family](vocabulary=bert_vocabulary(), lowercase=True)
    if family in ("xlm_roberta", "llama", "mistral"):
        classes = {
            "xlm_roberta": models.XLMRobertaTokenizer,
            "llama": models.LlamaTokenizer,
            "mistral": models.MistralTokenizer,
        }
        return classes[family](proto=_sentence_piece_proto())
    classes = {
        "roberta": models.RobertaTokenizer,
        "gpt2": models.GPT2Tokenizer,
        "llama3": models.Llama3Tokenizer,
        "qwen": models.QwenTokenizer,
        "qwen3": models.Qwen3Tokenizer,
    }
    specials = {
        "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        "gpt2": ["<|endoftext|>"],
        "llama3": [
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eot_id|>",
        ],
    }.get(family, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    merges = ["t h", "th e", "Ġ the", "s t", "o r", "st or", "stor y"]
    pieces = specials + _byte_characters() + [merge.replace(" ", "") for merge in merges]
    return classes[family](vocabulary={p: i for i, p in enumerate(pieces)}, merges=merges)


def _byte_characters() -> list[str]:
    """The 256 printable characters that stand for bytes in byte-pair vocabularies (GPT-2)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(rest))]


@functools.cache
def _sentence_piece_proto() -> bytes:
    """A SentencePiece model over the words, with the ids that XLM-R and Llama expect."""
    import sentencepiece

    buffer = io.BytesIO()
    sentences = [" ".join(WORDS), *WORDS, string.ascii_letters, string.digits + string.punctuation]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 4),
        model_writer=buffer,
        vocab_size=200,
        model_type="unigram",
        unk_id=0,
        bos_id=1,
        eos_id=2,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return buffer.getvalue()
