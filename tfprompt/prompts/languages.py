"""In which script and language a wish is written, as far as a few words can tell."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+")

# Pieces of a vocabulary in one script before an encoder counts as a reader of it: single letters
# of every script are in the vocabularies of English models too (bert-base-uncased, and with it
# MiniLM, has 674 Han and Kana pieces, 86 Cyrillic and 86 Arabic ones).
_PIECES_OF_A_SCRIPT = 1_000
# A vocabulary that reads this many scripts is that of a multilingual model.
_SCRIPTS_OF_A_MULTILINGUAL = 3
_ONE_WRITING = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK"}

# Words that are frequent in one language and rare in English, and in English titles.
_STOPWORDS = {
    "English": """the of and to in is for with that this a an it as on are who about like by from
        at or not no but be was his her their my me i want something some movie one set
        where which very more good story funny sad dark love""",
    "French": """le les des du un une et est dans pour avec sans sur qui que pas ne je tu il elle
        nous vous veux voudrais ma mes sa ses ce cette au aux à d l histoire où très amour comme""",
    "German": """der das und ist nicht ein eine einen einem einer mit ohne für von zu im dem auf
        ich du wir ihr sie mein möchte etwas aber oder über wie sehr nach bei kein keine filme""",
    "Spanish": """el los las una unas unos y es en para con que quiero por del al como pero su sus
        mi muy más película algo sobre donde esta este de amor""",
    "Italian": """il lo gli uno una è di da del della dei delle che non con senza vorrei voglio un
        sono nel nella molto più come ma sul amore qualcosa""",
    "Portuguese": """o os um uma e é em na nos nas da dos das com sem que não quero por como mas
        seu sua muito mais filme algo sobre onde de""",
    "Dutch": """het een en niet met zonder voor van op ik jij wij mijn wil graag iets maar zoals
        heel naar bij geen de""",
    "Polish": """w z nie jest się o bez dla chcę coś ale jak bardzo oraz od który która""",
    "Swedish": """och är inte en ett med utan för av på jag vill något eller om som mycket till
        det""",
    "Turkish": """ve bir bu için ile çok ama gibi daha olan filmi istiyorum değil""",
}
_PROFILES = {name: frozenset(words.split()) for name, words in _STOPWORDS.items()}
# One of these is enough beside a single other word.
_SURE = frozenset("une eine einen ein una uno uma een ett bir".split())
# A language needs this share of a wish's words, and more of them than English has.
_SHARE = 0.25


def script(character: str) -> str | None:
    """The script of a letter as Unicode names it: "LATIN", "CYRILLIC", "CJK" …; else None.

    Example:
        >>> [script(c) for c in "aЖ中か1!"]
        ['LATIN', 'CYRILLIC', 'CJK', 'CJK', None, None]
    """
    if not character.isalpha():
        return None
    if character.isascii():
        return "LATIN"
    name = unicodedata.name(character, "UNKNOWN").split()[0]
    return _ONE_WRITING.get(name, name)


def scripts_read(pieces: Iterable[str]) -> frozenset[str]:
    """The scripts that a vocabulary has many pieces of; Latin always is one.

    Args:
        pieces: the vocabulary, as text.

    Example:
        >>> sorted(scripts_read(["the", "##ing", "ж"]))
        ['LATIN']
    """
    counts: Counter[str] = Counter()
    for piece in pieces:
        counts.update({script(c) for c in piece} - {None})  # type: ignore[arg-type]  # no None left
    found = {name for name, count in counts.items() if count >= _PIECES_OF_A_SCRIPT}
    return frozenset(found | {"LATIN"})


def is_multilingual(scripts: frozenset[str]) -> bool:
    """Whether an encoder that reads these scripts reads more than one language."""
    return len(scripts) >= _SCRIPTS_OF_A_MULTILINGUAL


def unread_share(text: str, scripts: frozenset[str]) -> tuple[float, str | None]:
    """The share of a text's letters in other scripts, and the most frequent one of those.

    Example:
        >>> unread_share("中文 ok", frozenset({"LATIN"}))
        (0.5, 'CJK')
    """
    found = [name for name in map(script, text) if name]
    counts = Counter(name for name in found if name not in scripts)
    if not counts:
        return 0.0, None
    return sum(counts.values()) / len(found), counts.most_common(1)[0][0]


def latin_language(text: str) -> str:
    """The language of a text in Latin letters, "English" where nothing else is likelier.

    Counts words that are frequent in one language: sure of sentences, blind to two words.

    Example:
        >>> latin_language("un film d'amour à Paris"), latin_language("something like Das Boot")
        ('French', 'English')
    """
    words = _WORD.findall(text.lower())
    counts = {name: sum(w in profile for w in words) for name, profile in _PROFILES.items()}
    best = max(counts, key=lambda name: (counts[name], name == "English"))
    few = len(words) == 2 and bool(_SURE & set(words))
    enough = counts[best] >= max(2, _SHARE * len(words)) or few
    return best if enough and counts[best] > counts["English"] else "English"
