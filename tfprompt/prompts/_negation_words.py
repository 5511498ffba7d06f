"""The words that the rules of `negation` go by. Lowercase, apostrophes straight."""

from __future__ import annotations


def _phrases(text: str) -> list[tuple[str, ...]]:
    """Lines of phrases with commas between, longest first so that the longest one matches."""
    phrases = {tuple(phrase.split()) for phrase in text.replace("\n", ",").split(",")} - {()}
    return sorted(phrases, key=lambda phrase: (-len(phrase), phrase))


# They hold a negative word and deny nothing that an item could have.
HARMLESS = _phrases(
    """not only, not just, not merely, not simply, not bad, not half bad, why not, or not, if not
    not to mention, not sure, not necessarily, not least, not unlike, not without, not far from
    no doubt, no matter, no one, no idea, no wonder, no problem, no less, no longer, no end
    no nonsense, no holds barred, no way, no other, no more than, no worries, no need, no good
    nothing but, nothing less, nothing to lose, nothing else, next to nothing, about nothing
    all or nothing, better than nothing, nothing better, nothing like it, nothing short of
    can't wait, cannot wait, can not wait, can't go wrong, can't get enough, don't mind
    do not mind, wouldn't mind, don't miss, don't know, do not know, don't worry, don't care
    without a doubt, without doubt, without question, without fail, without end
    without exception, no country for old men, no time to die, no strings attached, no way out
    rebel without a cause, things i hate about you, anything but ordinary, i'm not there"""
)

# What follows one of these is not wanted, wherever it stands.
CUES = _phrases(
    """no, no more, not, not any, without, without any, w/o, except, except for, excepting
    excluding, apart from, aside from, other than, anything but, everything but, rather than
    instead of, neither, nor, isn't, aren't, is not, are not, must not be, should not be
    shouldn't be, mustn't be, not be, doesn't have, doesn't contain, doesn't include
    doesn't involve, doesn't feature, does not have, does not contain, does not include
    does not involve, does not feature, don't have, don't include, do not include
    nothing, nothing too, nothing with, nothing about, nothing from, nothing by, nothing like
    nothing involving, nothing featuring, nothing that has, nothing that is, nothing that's"""
)
# The same, where the person who wishes is the one who says so: "I hate", "please avoid".
PERSONAL = _phrases(
    """hate, dislike, avoid, skip, avoiding, detest, loathe, don't want, do not want, dont want
    don't really want, don't like, do not like, dont like, don't really like, don't enjoy
    do not enjoy, don't need, do not need, don't recommend, do not recommend, don't show me
    don't give me, do not show me, do not give me, don't suggest, can't stand, cannot stand
    can not stand, can't bear, cannot bear, tired of, sick of, fed up with, had enough of
    not a fan of, not into, not interested in, not in the mood for, not looking for
    am not looking for, am not interested in, am not in the mood for, am not into
    am not a fan of, not keen on, leave out"""
)
# They may stand between the start of a clause and a personal cue, and go with it.
SUBJECTS = set(
    """i we i'm im i've we're am are please really also just definitely absolutely honestly
    personally would prefer to so and but because since as usually generally have to be that is
    that's which are it's it i'd like let's lets want wanted rather trying try""".split()
)
# One of these among them, or the start of a clause, and it is the person who speaks.
FIRST_PERSON = set("i we i'm im i've we're i'd please let's lets".split())

# A clause that begins with one of these tells what happens in the story, up to its end.
STORY = set("who whose whom where when about called titled named how why".split())
# Properties of a work: these are denied even inside of a story clause.
PROPERTIES = set(
    """violence violent gore gory blood bloody horror scary romance romantic sex sexual nudity
    nude swearing profanity drugs comedy drama musical musicals songs singing animation animated
    cartoon cartoons western westerns war documentary documentaries subtitles sequels sequel
    remakes remake jumpscares scares thriller thrillers fantasy sci-fi action explosions
    slapstick superheroes superhero kids children love sad depressing boring slow long""".split()
)

# What is not wanted ends before one of these, and a new clause begins.
ENDS = set(
    """but though although however yet instead because since preferably please just maybe perhaps
    while unless if i i'd i'm we let's lets give show looking ideally""".split()
)
# After "and", a comma or "with", these begin something that is wanted again.
RESUMES = set(
    """a an the some something anything lots plenty more many with i we my make set from only
    ideally preferably maybe perhaps just like good great funny full that which it about""".split()
)

# Left of what is not wanted: words that carry nothing of it.
LEADING = set(
    """any a an the too so very really overly much more all of from about with to see watch be
    being have having anything something that has is are it's films movies film movie kind sort
    kinds sorts those these other another one in by for set made at it them involving featuring
    another again ever me my you your also either""".split()
)
# Right of it.
TRAILING = set(
    """please thanks thank you at all in it stuff things thing ones either ever again anymore
    whatsoever though and or nor the a an of for with to involved today tonight this time
    is are no not""".split()
)
# Pairs that are one thing.
PAIRS = (
    r"black (?:and|&) white|rock (?:and|&|'?n'?) roll|sword (?:and|&) sorcery"
    r"|cops (?:and|&) robbers|cloak (?:and|&) dagger|good (?:and|&) evil|law (?:and|&) order"
)
# At the edges of what is left once something was taken out.
DANGLING = set(
    "but and or nor with that which is are it's it be also though yet still i just".split()
)
CONNECTORS = set("but and or nor though yet just instead".split())
# A wish of these words alone asks for nothing in particular.
EMPTY = DANGLING | LEADING | set(
    """please i want would like need give show recommend suggest thanks something anything just
    want i'd i'm we looking find everything nothing can could what we'd no""".split()
)  # fmt: skip
DETERMINERS = set("a an some any the".split())
DEGREES = set("too so very really overly particularly especially that terribly".split())
