"""Two hundred strings that tokenizers disagree about, by category."""

from __future__ import annotations

BY_CATEGORY: dict[str, list[str]] = {
    "plain": [
        "Toy Story (1995). Genres: Animation Children's Comedy",
        "THE GOOD, THE BAD AND THE UGLY",
        "don't can't won't o'clock rock'n'roll",
        "state-of-the-art e-mail co-op",
        "Mr. & Mrs. Smith",
        "unbelievablyunsegmentedwords",
        "a",
        "##ing ## #1",
        "[CLS] hello [SEP] [MASK] [PAD] [UNK]",
        "[cls] [Mask]",
        "CamelCaseWordsAndACRONYMS",
        "hyphen - minus − dash – long — horizontal ―",
    ],
    "accents": [
        "Amélie", "Le fabuleux destin d'Amélie Poulain", "naïve façade", "Ångström", "smörgåsbord",
        "Dvořák", "Łódź", "Škoda Žižek", "São Paulo ação", "señor niño", "crème brûlée",
        "Đặng Thái Sơn", "Nguyễn Văn Ấn", "ẞ", "straße STRASSE ß", "Großmeister", "øre Ørsted",
        "æon Æsir œuvre Œuvre", "þing Þór ðe Ð", "ĳsselmeer Ĳ", "ǅ ǆ Ǆ",
    ],
    "case": [
        "İstanbul", "ISTANBUL ısı I İ i ı", "ΟΔΥΣΣΕΥΣ", "Σίσυφος ΣΊΣΥΦΟΣ Σ", "ὈΔΥΣΣΕΎΣ",
        "ᏣᎳᎩ ꮳꮃꭹ", "ﬁne ﬂow oﬃce ﬀ", "ſeveral ſ", "Kelvin K Ångström Å Ohm Ω",
        "Ⅷ ⅷ Ⓐ ⓐ", "ა Ა ႠႡ ⴀ", "ДОСТОЕВСКИЙ Ёлка йод", "ԱՐԱՄ և", "𐐀𐐨 Deseret", "ŉ ǰ ΐ ΰ", "Ǐ ǐ Ȟ",
        "µ μ Μ",
    ],
    "ideographs": [
        "千と千尋の神隠し", "你好,世界!", "漢字kanji混在", "東京2020オリンピック", "한국어 영화 기생충",
        "\u3400\u4dbf extension A", "\U00020000\U0002a6d6 extension B", "\U0002a700 extension C",
        "\U0002b740 extension D", "\U0002b820\U0002b91f\U0002b920\U0002ceaf extension E",
        "\U0002ceb0 extension F", "\U00030000 extension G", "\uf900\ufaff compatibility",
        "\U0002f800\U0002fa1f supplement", "カタカナ ｶﾀｶﾅ ひらがな ゞ々〆", "㈱ ㍿ ㎏ ㋿", "がぎぐ ガギグ",
        "「括弧」『二重』、。・…", "〇一二三", "각 각",
    ],
    "emoji": [
        "I ❤️ films 🎬", "👨‍👩‍👧‍👦 family", "🇫🇷🇯🇵 flags", "👍🏽👍🏿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿 Scotland", "😀😃😄", "☺☹ ☺️",
        "1️⃣ #️⃣ *️⃣", "🤷🏻‍♀️", "❤❥♥", "🫠🪿🩷", "™️©®",
    ],
    "control": [
        "nul\x00inside", "bell\x07 tab\tvt\x0bff\x0c", "escape\x1b[31mred\x1b[0m", "del\x7f c1\x85\x9f",
        "zero\u200bwidth\u200cnon\u200djoiner", "soft\u00adhyphen", "bom\ufeffinside", "\ufefflead",
        "word\u2060joiner", "replacement\ufffdcharacter", "private\ue000use\U000f0000",
        "noncharacter\uffff\ufdd0", "left\u200eright\u200fmarks", "bidi\u202aembed\u202c\u2066x\u2069",
        "variation\ufe0eselector\ufe0f", "tag\U000e0041\U000e007f", "hangul\u3164filler\u115f",
        "mongolian\u180evowel", "annotation\ufff9a\ufffab\ufffb", "arabic\u0600\u06ddsign",
    ],
    "spaces": [
        "", " ", "   \t\n  ", "\n", "\u00a0", "\u3000", "tab\there", "line\nbreak\r\nand\rmore",
        "no\u00a0break thin\u2009space em\u2003space", "narrow\u202fnbsp math\u205fspace",
        "ogham\u1680space", "line\u2028separator\u2029paragraph", "  lead and trail  ",
        "ideographic\u3000space", "en\u2000quad\u2001em",
    ],
    "marks": [
        "e\u0301 combining", "Z\u0351\u036b\u0343\u0321a\u0336lgo\u0334", "a\u0300\u0301\u0302\u0303", "\u0301 lone mark",
        "o\u20dd enclosed \u20e3", "q\u0307\u0323 order q\u0323\u0307", "\u1ab0x\u1dc0\ufe20",
        "\u0345 ypogegrammeni ᾳ ᾼ", "\u0898\u0899 new arabic marks", "\u1df5\u1dfb\u1dff",
    ],
    "digits": [
        "1,234,567.89", "2001: A Space Odyssey", "３４５ full-width", "٠١٢٣٤٥٦٧٨٩", "०१२३४", "½ ¾ ⅓ ⅞",
        "x² y³ 10⁻⁶ H₂O", "①②③ ⑴ ⒈", "0xDEADBEEF 1e-10 3.14f", "#1 No. 5 №7", "𝟘𝟙𝟚 𝟎𝟏",
    ],
    "width and style": [
        "Ｆｕｌｌ－ｗｉｄｔｈ！？", "𝓢𝓬𝓻𝓲𝓹𝓽 𝔉𝔯𝔞𝔨𝔱𝔲𝔯", "ᵗⁱⁿʸ ˢᵘᵖ", "🄰🅱🅲", "ₐₑᵢ", "ａｂｃ＠ｄ．ｃｏｍ",
    ],
    "symbols": [
        "^ $ ` ~ + = < > |", "$5.99 €10 £3 ¥500 ₹20 ₿ ₽ ₺", "a^b`c~d$e|f+g=h<i>j", "x ≤ y ≠ z ≈ ∞ ∑ ∫ √",
        "→ ← ⇒ ↔ ⟶", "• ‣ ◦ ▪ ■ □", "“curly” ‘quotes’ «guillemets» ‹x›", "¿Qué? ¡Olé!", "† ‡ § ¶ ‰ ′ ″",
        "… ‥ ⁇ ‽ ⸮ ⸺", "℃ ℉ № ℡ ℞", "♪♫ ♠♣♥♦ ☯ ☢", "\\ / _ { } [ ] ( ) @ & * %", "¬ ¦ ¨ ¯ ´ ¸ ° ± ·",
        "؟ ، ؛ ۔ ॥ । ၊ ።", "\u2e43\u2e52\u2e5d new punctuation", "𐄀 𐎟 𒑰 punctuation beyond the first plane",
    ],
    "long": [
        "a" * 99, "a" * 100, "a" * 101, "word " + "b" * 250 + " word", "я" * 60, "я" * 100, "я" * 101,
        "é" * 100, "é" * 101, "a" * 100 + "!" + "b" * 100, "x-" * 120, "pneumono" * 20,
    ],
    "scripts": [
        "كازابلانكا فيلم", "العَرَبِيَّة بالتشكيل", "שָׁלוֹם עולם", "mixed עברית and عربي text", "हिन्दी फ़िल्म शोले",
        "தமிழ் திரைப்படம்", "తెలుగు సినిమా", "বাংলা চলচ্চিত্র", "ภาพยนตร์ไทย", "ພາສາລາວ", "မြန်မာဘာသာ",
        "ខ្មែរ", "ქართული ფილმი", "Հայերեն", "አማርኛ ፊልም", "සිංහල", "ગુજરાતી", "ਪੰਜਾਬੀ", "ಕನ್ನಡ", "മലയാളം",
        "བོད་ཡིག", "Монгол ᠮᠣᠩᠭᠣᠯ", "ᚠᚢᚦ ᚛ᚑᚌᚐᚋ᚜", "𓀀𓁐 𐌰𐌱 𝄞",
    ],
    "web": [
        "https://example.com/a?b=c&d=%20e#f", "user.name+tag@example.co.uk", "<b>bold</b> &amp; &lt;br/&gt;",
        "#hashtag @mention", "C:\\Users\\x\\file.txt", "{\"json\": [1, 2.5, null]}", "192.168.0.1:8080 ::1",
        "SELECT * FROM films WHERE year >= 1999;", "foo_bar-baz.qux()", "\\u0041 \\x41 \\n",
        ":-) ;-P ¯\\_(ツ)_/¯", "a\u0000\u200b \u00ad",
    ],
}

HARD_STRINGS: list[str] = [text for texts in BY_CATEGORY.values() for text in texts]
