"""Words that wishes are made of: right as they are, and what misspelt ones are read as."""

from __future__ import annotations

# Misspelt words are corrected towards these before any other.
COMMON = frozenset(
    """about after against also always another because before behind beautiful beginning being
    believe best better between bored boring both break bring brother brothers build buy child
    children christmas city classic clever clothes coming country couple crazy dance dancing
    dangerous dark daughter death definitely detective detectives different dinner dinosaur
    dinosaurs discover doctor dragons dream dreams driver during early easy eighties emotional
    ending enemy enough escape especially evening every everyone evil excellent exciting
    experience explore fairy family famous fantastic fantasy father favourite favorite fifties
    fight fighting first forest friend friends friendship frightening from full funny future
    gangster gangsters genius gentle ghost ghosts girl girls good great group happy heart
    hilarious history holiday home horror horse horses house husband interesting island journey
    kids killer kitchen knight knights language laugh light little live lonely long love lovers
    machine magic magical marriage maybe medieval memory military monster monsters monstrous
    morning mother mountain mountains movie movies murder music musical musicians mysteries
    mysterious mystery nature night nineties nothing ocean office old other outer parents party
    peace people perfect period person philosophical pirate pirates place planet planets play
    please police political prison prisoner psychological question quiet quite rather really
    recommend relaxing relationship revenge rich road robot robots romance romantic sailor school
    science scientist scientists scary secret secrets serial serious seventies sharks ship short
    similar simple sister sisters sixties slow small soldier soldiers someone something song
    space spaceship spies sports spy story stories strange strong student students summer
    supernatural surprising suspense sweet teacher teenager teenagers television tense terrifying
    that their there they thing things thirties thought thoughtful thriller thrillers through
    time together tonight touching tragedy tragic train travel traveller treasure true twist
    under underwater uplifting vampire vampires very vietnam village violence violent warm
    watch water wedding weekend weird western westerns what when where which while wife wild
    winter with without witty woman women wonderful world would writer young zombie zombies
    action adventure adventures animated animation biography cartoon comedies comedy crime
    documentary documentaries drama dramas fiction film films game games puzzle puzzles toys
    present gift baby babies toddler doll dolls educational outdoor plastic wooden electric
    musician artist painter american british english french german italian japanese chinese
    russian hollywood characters character atmosphere scenes scene cinema director actor actress
    soundtrack original sequel costume costumes haunted cowboy cowboys courtroom
    president""".split()
)

# Words of wishes that vocabularies of pieces lack; they are no slips.
RIGHT = frozenset(
    """heist heists noir giallo whodunit whodunnit mobster mobsters dystopia dystopian quirky
    gritty heartwarming feelgood campy trippy slapstick screwball romcom biopic mockumentary
    swashbuckler tearjerker gore gory slasher slashers cyborg cyborgs werewolf werewolves robbers
    outlaws hackers hitman assassins superhero superheroes steampunk cyberpunk anime manga weepy
    moody eerie creepy spooky brainy cheesy sappy sassy edgy dreamy melancholic nostalgic
    bittersweet suspenseful thrilling raunchy goofy silly cerebral offbeat underdog underdogs
    courtroom boxing caper capers twisty plotline remake prequel whimsical surreal bleak cosy
    cozy teens tween mums dads grandma grandpa whales wolves puppies kittens ninjas samurai
    wizards witches blockbuster arthouse indie cinematography subtitle subtitles subtitled prune
    hinge lite spam login temp reuse reloaded refine rename excite halve volt mime clutter parity
    shrunk shrunken wiggle italic femme fatale animal animals""".split()
)
