r"""Character classes of the reference BERT tokenizer, as RE2 expressions.

The reference (the `tokenizers` library) follows the tables of an older Unicode than RE2's
`\p{Mn}` and `\p{P}` do: 419 marks and 127 punctuation characters that RE2 knows are ordinary
letters there. The classes below are what the reference does to each of the 1,112,064 characters;
`tests/encoders/test_wordpiece.py` goes through all of them and fails when the reference moves.
"""

from __future__ import annotations

# Deleted: control and format characters, private use, the replacement character.
REMOVED = (
    r"[\x{0}-\x{8}\x{B}\x{C}\x{E}-\x{1F}\x{7F}-\x{9F}\x{AD}\x{600}-\x{605}\x{61C}\x{6DD}"
    r"\x{70F}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{206F}"
    r"\x{E000}-\x{F8FF}\x{FEFF}\x{FFF9}-\x{FFFB}\x{FFFD}\x{110BD}\x{1BCA0}-\x{1BCA3}"
    r"\x{1D173}-\x{1D17A}\x{E0001}\x{E0020}-\x{E007F}\x{F0000}-\x{FFFFD}\x{100000}-\x{10FFFD}]"
)

# Deleted with the accents, after canonical decomposition: non-spacing marks.
MARKS = (
    r"[\x{300}-\x{36F}\x{483}-\x{487}\x{591}-\x{5BD}\x{5BF}\x{5C1}\x{5C2}\x{5C4}\x{5C5}\x{5C7}"
    r"\x{610}-\x{61A}\x{64B}-\x{65F}\x{670}\x{6D6}-\x{6DC}\x{6DF}-\x{6E4}\x{6E7}\x{6E8}"
    r"\x{6EA}-\x{6ED}\x{711}\x{730}-\x{74A}\x{7A6}-\x{7B0}\x{7EB}-\x{7F3}\x{816}-\x{819}"
    r"\x{81B}-\x{823}\x{825}-\x{827}\x{829}-\x{82D}\x{859}-\x{85B}\x{8E3}-\x{902}\x{93A}"
    r"\x{93C}\x{941}-\x{948}\x{94D}\x{951}-\x{957}\x{962}\x{963}\x{981}\x{9BC}\x{9C1}-\x{9C4}"
    r"\x{9CD}\x{9E2}\x{9E3}\x{A01}\x{A02}\x{A3C}\x{A41}\x{A42}\x{A47}\x{A48}\x{A4B}-\x{A4D}"
    r"\x{A51}\x{A70}\x{A71}\x{A75}\x{A81}\x{A82}\x{ABC}\x{AC1}-\x{AC5}\x{AC7}\x{AC8}\x{ACD}"
    r"\x{AE2}\x{AE3}\x{B01}\x{B3C}\x{B3F}\x{B41}-\x{B44}\x{B4D}\x{B56}\x{B62}\x{B63}\x{B82}"
    r"\x{BC0}\x{BCD}\x{C00}\x{C3E}-\x{C40}\x{C46}-\x{C48}\x{C4A}-\x{C4D}\x{C55}\x{C56}"
    r"\x{C62}\x{C63}\x{C81}\x{CBC}\x{CBF}\x{CC6}\x{CCC}\x{CCD}\x{CE2}\x{CE3}\x{D01}"
    r"\x{D41}-\x{D44}\x{D4D}\x{D62}\x{D63}\x{DCA}\x{DD2}-\x{DD4}\x{DD6}\x{E31}\x{E34}-\x{E3A}"
    r"\x{E47}-\x{E4E}\x{EB1}\x{EB4}-\x{EB9}\x{EBB}\x{EBC}\x{EC8}-\x{ECD}\x{F18}\x{F19}\x{F35}"
    r"\x{F37}\x{F39}\x{F71}-\x{F7E}\x{F80}-\x{F84}\x{F86}\x{F87}\x{F8D}-\x{F97}\x{F99}-\x{FBC}"
    r"\x{FC6}\x{102D}-\x{1030}\x{1032}-\x{1037}\x{1039}\x{103A}\x{103D}\x{103E}"
    r"\x{1058}\x{1059}\x{105E}-\x{1060}\x{1071}-\x{1074}\x{1082}\x{1085}\x{1086}\x{108D}"
    r"\x{109D}\x{135D}-\x{135F}\x{1712}-\x{1714}\x{1732}-\x{1734}\x{1752}\x{1753}"
    r"\x{1772}\x{1773}\x{17B4}\x{17B5}\x{17B7}-\x{17BD}\x{17C6}\x{17C9}-\x{17D3}\x{17DD}"
    r"\x{180B}-\x{180D}\x{18A9}\x{1920}-\x{1922}\x{1927}\x{1928}\x{1932}\x{1939}-\x{193B}"
    r"\x{1A17}\x{1A18}\x{1A1B}\x{1A56}\x{1A58}-\x{1A5E}\x{1A60}\x{1A62}\x{1A65}-\x{1A6C}"
    r"\x{1A73}-\x{1A7C}\x{1A7F}\x{1AB0}-\x{1ABD}\x{1B00}-\x{1B03}\x{1B34}\x{1B36}-\x{1B3A}"
    r"\x{1B3C}\x{1B42}\x{1B6B}-\x{1B73}\x{1B80}\x{1B81}\x{1BA2}-\x{1BA5}\x{1BA8}\x{1BA9}"
    r"\x{1BAB}-\x{1BAD}\x{1BE6}\x{1BE8}\x{1BE9}\x{1BED}\x{1BEF}-\x{1BF1}\x{1C2C}-\x{1C33}"
    r"\x{1C36}\x{1C37}\x{1CD0}-\x{1CD2}\x{1CD4}-\x{1CE0}\x{1CE2}-\x{1CE8}\x{1CED}\x{1CF4}"
    r"\x{1CF8}\x{1CF9}\x{1DC0}-\x{1DF5}\x{1DFC}-\x{1DFF}\x{20D0}-\x{20DC}\x{20E1}"
    r"\x{20E5}-\x{20F0}\x{2CEF}-\x{2CF1}\x{2D7F}\x{2DE0}-\x{2DFF}\x{302A}-\x{302D}"
    r"\x{3099}\x{309A}\x{A66F}\x{A674}-\x{A67D}\x{A69E}\x{A69F}\x{A6F0}\x{A6F1}\x{A802}"
    r"\x{A806}\x{A80B}\x{A825}\x{A826}\x{A8C4}\x{A8E0}-\x{A8F1}\x{A926}-\x{A92D}"
    r"\x{A947}-\x{A951}\x{A980}-\x{A982}\x{A9B3}\x{A9B6}-\x{A9B9}\x{A9BC}\x{A9E5}"
    r"\x{AA29}-\x{AA2E}\x{AA31}\x{AA32}\x{AA35}\x{AA36}\x{AA43}\x{AA4C}\x{AA7C}\x{AAB0}"
    r"\x{AAB2}-\x{AAB4}\x{AAB7}\x{AAB8}\x{AABE}\x{AABF}\x{AAC1}\x{AAEC}\x{AAED}\x{AAF6}"
    r"\x{ABE5}\x{ABE8}\x{ABED}\x{FB1E}\x{FE00}-\x{FE0F}\x{FE20}-\x{FE2F}\x{101FD}\x{102E0}"
    r"\x{10376}-\x{1037A}\x{10A01}-\x{10A03}\x{10A05}\x{10A06}\x{10A0C}-\x{10A0F}"
    r"\x{10A38}-\x{10A3A}\x{10A3F}\x{10AE5}\x{10AE6}\x{11001}\x{11038}-\x{11046}"
    r"\x{1107F}-\x{11081}\x{110B3}-\x{110B6}\x{110B9}\x{110BA}\x{11100}-\x{11102}"
    r"\x{11127}-\x{1112B}\x{1112D}-\x{11134}\x{11173}\x{11180}\x{11181}\x{111B6}-\x{111BE}"
    r"\x{111CA}-\x{111CC}\x{1122F}-\x{11231}\x{11234}\x{11236}\x{11237}\x{112DF}"
    r"\x{112E3}-\x{112EA}\x{11300}\x{11301}\x{1133C}\x{11340}\x{11366}-\x{1136C}"
    r"\x{11370}-\x{11374}\x{114B3}-\x{114B8}\x{114BA}\x{114BF}\x{114C0}\x{114C2}\x{114C3}"
    r"\x{115B2}-\x{115B5}\x{115BC}\x{115BD}\x{115BF}\x{115C0}\x{115DC}\x{115DD}"
    r"\x{11633}-\x{1163A}\x{1163D}\x{1163F}\x{11640}\x{116AB}\x{116AD}\x{116B0}-\x{116B5}"
    r"\x{116B7}\x{1171D}-\x{1171F}\x{11722}-\x{11725}\x{11727}-\x{1172B}\x{16AF0}-\x{16AF4}"
    r"\x{16B30}-\x{16B36}\x{16F8F}-\x{16F92}\x{1BC9D}\x{1BC9E}\x{1D167}-\x{1D169}"
    r"\x{1D17B}-\x{1D182}\x{1D185}-\x{1D18B}\x{1D1AA}-\x{1D1AD}\x{1D242}-\x{1D244}"
    r"\x{1DA00}-\x{1DA36}\x{1DA3B}-\x{1DA6C}\x{1DA75}\x{1DA84}\x{1DA9B}-\x{1DA9F}"
    r"\x{1DAA1}-\x{1DAAF}\x{1E8D0}-\x{1E8D6}\x{E0100}-\x{E01EF}]"
)

# Each one is a word of its own: ASCII symbols and Unicode punctuation.
PUNCTUATION = (
    r"[\x{21}-\x{2F}\x{3A}-\x{40}\x{5B}-\x{60}\x{7B}-\x{7E}\x{A1}\x{A7}\x{AB}\x{B6}\x{B7}"
    r"\x{BB}\x{BF}\x{37E}\x{387}\x{55A}-\x{55F}\x{589}\x{58A}\x{5BE}\x{5C0}\x{5C3}\x{5C6}"
    r"\x{5F3}\x{5F4}\x{609}\x{60A}\x{60C}\x{60D}\x{61B}\x{61E}\x{61F}\x{66A}-\x{66D}\x{6D4}"
    r"\x{700}-\x{70D}\x{7F7}-\x{7F9}\x{830}-\x{83E}\x{85E}\x{964}\x{965}\x{970}\x{AF0}\x{DF4}"
    r"\x{E4F}\x{E5A}\x{E5B}\x{F04}-\x{F12}\x{F14}\x{F3A}-\x{F3D}\x{F85}\x{FD0}-\x{FD4}"
    r"\x{FD9}\x{FDA}\x{104A}-\x{104F}\x{10FB}\x{1360}-\x{1368}\x{1400}\x{166D}\x{166E}"
    r"\x{169B}\x{169C}\x{16EB}-\x{16ED}\x{1735}\x{1736}\x{17D4}-\x{17D6}\x{17D8}-\x{17DA}"
    r"\x{1800}-\x{180A}\x{1944}\x{1945}\x{1A1E}\x{1A1F}\x{1AA0}-\x{1AA6}\x{1AA8}-\x{1AAD}"
    r"\x{1B5A}-\x{1B60}\x{1BFC}-\x{1BFF}\x{1C3B}-\x{1C3F}\x{1C7E}\x{1C7F}\x{1CC0}-\x{1CC7}"
    r"\x{1CD3}\x{2010}-\x{2027}\x{2030}-\x{2043}\x{2045}-\x{2051}\x{2053}-\x{205E}"
    r"\x{207D}\x{207E}\x{208D}\x{208E}\x{2308}-\x{230B}\x{2329}\x{232A}\x{2768}-\x{2775}"
    r"\x{27C5}\x{27C6}\x{27E6}-\x{27EF}\x{2983}-\x{2998}\x{29D8}-\x{29DB}\x{29FC}\x{29FD}"
    r"\x{2CF9}-\x{2CFC}\x{2CFE}\x{2CFF}\x{2D70}\x{2E00}-\x{2E2E}\x{2E30}-\x{2E42}"
    r"\x{3001}-\x{3003}\x{3008}-\x{3011}\x{3014}-\x{301F}\x{3030}\x{303D}\x{30A0}\x{30FB}"
    r"\x{A4FE}\x{A4FF}\x{A60D}-\x{A60F}\x{A673}\x{A67E}\x{A6F2}-\x{A6F7}\x{A874}-\x{A877}"
    r"\x{A8CE}\x{A8CF}\x{A8F8}-\x{A8FA}\x{A8FC}\x{A92E}\x{A92F}\x{A95F}\x{A9C1}-\x{A9CD}"
    r"\x{A9DE}\x{A9DF}\x{AA5C}-\x{AA5F}\x{AADE}\x{AADF}\x{AAF0}\x{AAF1}\x{ABEB}"
    r"\x{FD3E}\x{FD3F}\x{FE10}-\x{FE19}\x{FE30}-\x{FE52}\x{FE54}-\x{FE61}\x{FE63}\x{FE68}"
    r"\x{FE6A}\x{FE6B}\x{FF01}-\x{FF03}\x{FF05}-\x{FF0A}\x{FF0C}-\x{FF0F}\x{FF1A}\x{FF1B}"
    r"\x{FF1F}\x{FF20}\x{FF3B}-\x{FF3D}\x{FF3F}\x{FF5B}\x{FF5D}\x{FF5F}-\x{FF65}"
    r"\x{10100}-\x{10102}\x{1039F}\x{103D0}\x{1056F}\x{10857}\x{1091F}\x{1093F}"
    r"\x{10A50}-\x{10A58}\x{10A7F}\x{10AF0}-\x{10AF6}\x{10B39}-\x{10B3F}\x{10B99}-\x{10B9C}"
    r"\x{11047}-\x{1104D}\x{110BB}\x{110BC}\x{110BE}-\x{110C1}\x{11140}-\x{11143}"
    r"\x{11174}\x{11175}\x{111C5}-\x{111C9}\x{111CD}\x{111DB}\x{111DD}-\x{111DF}"
    r"\x{11238}-\x{1123D}\x{112A9}\x{114C6}\x{115C1}-\x{115D7}\x{11641}-\x{11643}"
    r"\x{1173C}-\x{1173E}\x{12470}-\x{12474}\x{16A6E}\x{16A6F}\x{16AF5}\x{16B37}-\x{16B3B}"
    r"\x{16B44}\x{1BC9F}\x{1DA87}-\x{1DA8B}]"
)

# Every one of these becomes a plain space (tab, line breaks, no-break and wide spaces).
SPACES = r"[\t\n\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]"

# Each ideograph is a word of its own. The reference's extension E begins at 2B920, not 2B820.
IDEOGRAPHS = (
    r"[\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{2A6DF}"
    r"\x{2A700}-\x{2B81F}\x{2B920}-\x{2CEAF}\x{2F800}-\x{2FA1F}]"
)
