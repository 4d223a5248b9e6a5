"""Words of English by what they do in a referring expression. Small on purpose: function words are few and complete,
the others are the most frequent of their class, and rules that need more than these say that they are in doubt."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARTICLES = _words("a an the teh")
POSSESSIVES = _words("his her its their my your our")
DETERMINERS = ARTICLES | POSSESSIVES | _words("this that these those some another any every each both either")
NUMBERS = _words("one two three four five six seven eight nine ten several many few all")
ORDINALS = _words("first second third fourth fifth sixth seventh eighth last next other only same")
RELATIVES = _words("that which who whose whom where thats that's whos who's when")
PRONOUNS = _words("i you u we they he she it i'm you're we're they're he's she's it's me us him them")
# They name a target without a noun, and what follows is said of them.
NOBODY = _words("someone somebody anyone anybody everyone everybody nobody noone")
INDEFINITE = NOBODY | _words("something anything everything whoever whatever whichever what who")

BE = _words("is are was were be been being isn't aren't")
# Verbs that may stand between a location and its subject: "on the wall hangs a clock".
STAND = _words(
    "stands stand stood sits sit sat lies lie lay rests rest rested resides reside resided hangs hang hung "
    "appears appear appeared leans lean leaned remains remain waits wait exists exist floats flies grows sleeps "
    "walks runs towers rises stretches extends"
)
MODALS = _words("can could has have had do does did will would may might must should")
# As a noun also: "night stand", "clock face". A verb behind a plural only.
BASE_FORMS = _words("stand sit lie lay rest hang lean wait appear remain face share hold look wear carry run walk")
VERBS = (
    BE
    | STAND
    | MODALS
    | _words(
        "wears wear wore holds hold carries carry looks look seems seem faces face shares share belongs belong says "
        "reads reflects touches contains displays eats rides chases follows pulls pushes throws catches crosses "
        "surrounds occupies features includes needs wants gets gives takes makes goes comes enters smiles climbs swims "
        "sprays peeks"
    )
)
# Plural nouns also: "two drinks on the table". Verbs behind somebody who acts.
PLURAL_OR_VERB = _words(
    "walks runs plays drinks watches flies skis skates swings points kicks hits jumps cuts blocks covers shows leads "
    "leaves works serves hugs kisses helps surfs waits rests rides faces holds reads"
)
STRONG_PARTICIPLES = _words(
    "wearing wearin holding holdin carrying having facing using riding eating playing looking lookin sitting standing "
    "walking watching reading talking touching pulling pushing throwing drinking swinging hitting catching"
)
IRREGULAR_PARTICIPLES = _words(
    "worn held made seen shown hung built drawn torn broken eaten driven ridden thrown caught kept stuck bent taken "
    "hidden written fed lit frozen cut found sat strewn sewn tied shut split spread set bitten given cast"
)
# Words in -ing and -ed that are no participles.
NO_PARTICIPLES = _words(
    "building thing something anything everything nothing wedding string spring painting ceiling railing clothing "
    "awning evening morning duckling pudding dressing frosting filling topping icing stuffing lettering writing "
    "drawing crossing landing covering siding earring stocking sibling wing swing king ring sling bring during "
    "breed speed weed seed shed sled bleed greed hundred naked sacred"
)
# A participle before a noun, behind another noun: "kitchen cutting board", "beach swimming trunks".
COMPOUNDS = _words(
    "cutting-board dining-table dining-room dining-chair parking-meter parking-lot parking-sign running-shoes "
    "running-shoe swimming-pool swimming-trunks washing-machine sleeping-bag baking-dish baking-sheet mixing-bowl "
    "rolling-pin shopping-bag shopping-cart fishing-boat fishing-pole fishing-rod hiking-boots walking-stick "
    "rocking-chair riding-boots bathing-suit ironing-board living-room serving-dish playing-field playing-card "
    "playing-cards batting-cage batting-helmet skating-rink tank-top table-top counter-top stove-top crop-top "
    "halter-top roof-top hill-top mountain-top roller-coaster seat-back couch-back shopping-center"
)

PREPOSITIONS = _words(
    "to on in at by near next beside besides behind above below over under beneath underneath between among "
    "against inside outside around along across from for with without of off into onto atop before after toward "
    "towards within beyond opposite alongside amid amongst adjacent through throughout past up down out away about "
    "via like unlike despite during upon per w w/ w/o wo wit wth b/w btwn infront @ nxt behnd"
)
PARTICLES = _words("off up down out over")
NEARNESS = _words("close closest nearest closer nearer farthest furthest farther further")
# "The cup identical in color to …", but "two identical cups".
LIKENESS = _words("identical similar equal")
# They go on about the thing, or rule another out: the phrase is over.
CLAUSE_WORDS = _words("as than while because since so if but except rather not no instead whereas excluding including")
ADVERBS = _words(
    "just right almost also partly mostly barely nearly directly immediately slightly still already once only fully "
    "very too quite always currently more less all alone together apart ahead"
)
NO_ADVERBS = _words(
    "family belly jelly butterfly fly lily bully ally assembly elderly curly silly ugly lovely friendly smelly "
    "early lonely wooly woolly wrinkly bubbly daily holy jolly lively hilly only dolly trolly billy"
)

SIDES = _words("left right lft rt rght")
POSITIONS = SIDES | _words(
    "top bottom btm middle mid center centre front back rear far upper lower foreground background leftmost "
    "rightmost topmost bottommost most far-left far-right"
)
# They go on in a position, but do not begin one: "man top corner", but "table edge".
POSITION_TAILS = POSITIONS | _words("side corner edge row and hand")
MEASURES = _words(
    "pair group bottle cup glass slice piece bunch row set stack plate bowl box bag pile loaf can jar basket "
    "crowd herd flock couple part mug bucket tray pack packet carton tub pot pan tin case crate line lot bit chunk "
    "wedge sheet stick stalk bite bouquet bundle cluster team kind type pitcher carafe vase roll cone scoop "
    "serving portion dish platter container handful heap trio number sort strip block bar tube can pint shot pool "
    "patch family pack school fleet string series collection deck mound dozen pairs groups bottles cups glasses "
    "slices pieces bunches rows sets stacks plates bowls boxes bags piles loaves cans jars baskets"
)
REGIONS = _words(
    "half side top bottom back front end corner edge middle center centre rest tip rear quarter third halves"
)

COLOURS = _words(
    "red green blue yellow black white brown gray grey pink purple orange tan beige silver gold golden maroon navy "
    "turquoise teal cream blonde blond blk wht grn yellowish reddish bluish greenish colorful multicolored khaki"
)
SHADES = _words("light dark bright pale deep hot navy sky baby royal lime army forest olive mint neon")
SIZES = _words("big large small little tiny huge tall short long thin thick wide narrow giant medium skinny fat mini")
PATTERNS = _words("striped plaid spotted checkered checked dotted floral patterned flowered stripey")
STATES = _words(
    "old young new empty full open closed unlit wet dry dirty clean bald shirtless asleep visible alone blurry happy "
    "sad ready heavy soft fluffy furry shiny dusty rusty round square flat curved high low older younger white/black "
    "black/white elderly curly cracked plain fancy modern antique cute pretty beautiful nice ripe raw fresh bare"
)
MATERIALS = _words("wooden wood metal plastic leather brick stone steel glass ceramic porcelain concrete denim paper")
KINDS = _words("baby toy adult male female mother mama teenage stuffed")
# Nouns also: "traffic light", "town square".
NOUNS_TOO = _words("light square round gold silver orange cream high sky baby toy adult mother")
STRIKING = COLOURS | SIZES | PATTERNS | _words("old young bald blurry dark shiny")
COMPARABLE = COLOURS | SIZES | STATES | _words("light dark bright pale deep hot")
ADJECTIVES = COLOURS | SHADES | SIZES | PATTERNS | STATES | MATERIALS | KINDS

PEOPLE = _words(
    "man woman boy girl guy lady dude person kid child gentleman player baby toddler teen men women people gal chick "
    "male female mom dad surfer skier batter catcher umpire pitcher waiter chef skateboarder snowboarder rider fan"
)
ANIMALS = _words("dog cat horse cow sheep elephant giraffe zebra bear bird duck goat lamb calf puppy kitten pony bull")
ACTORS = PEOPLE | ANIMALS
PLURALS = _words("people men women children kids girls boys sheep guys")
# Possessors that lost their apostrophe: "guys left arm".
OWNERS = _words("mans womans guys ladys girls boys kids dudes persons babys childs moms dads cats dogs")
WORN = _words(
    "hat glasses shirt jeans coat jacket dress tie suit cap hoodie shorts pants sunglasses scarf beard backpack vest "
    "helmet sweater tshirt t-shirt skirt"
)

IMPERATIVES = _words("find locate select identify detect choose highlight localize")
# Nouns also, or verbs of other sentences: a request where a word of REQUEST_TAILS follows.
MAYBE_IMPERATIVES = _words(
    "show point pick click mark circle spot get grab look see tap give tell want need like help try"
)
REQUEST_TAILS = ARTICLES | _words("me us out at to on for this that these those which where what up")
POLITE = _words("please kindly ok okay hey now just only simply")
ASKERS = _words("can could would will do did")
