"""How the small world talks: opposites, Spanish, reviews, rhymes, requests, manners, categories.

Tables only; the sentences are made in `pages`, `episodes` and `tasks`.
"""

from __future__ import annotations

from starter import world

OPPOSITE_PAIRS = tuple(
    (left, right)
    for left, _, right in (
        pair.partition("/")
        for pair in (
            "hot/cold big/small tall/short long/brief fast/slow happy/sad young/old new/worn light/dark "
            "good/bad hard/soft wet/dry clean/dirty full/empty open/closed loud/quiet rich/poor strong/weak "
            "high/low near/far early/late easy/difficult sweet/bitter thick/thin wide/narrow "
            "sharp/blunt safe/dangerous brave/cowardly kind/cruel right/wrong true/false up/down inside/outside "
            "first/last day/night begin/finish push/pull buy/sell love/hate remember/forget give/take laugh/cry "
            "win/lose come/go above/below before/after always/never everything/nothing"
        ).split()
    )
)
OPPOSITES = dict(OPPOSITE_PAIRS) | {b: a for a, b in OPPOSITE_PAIRS}
# Adjectives with an opposite and, where there is one, a word that means the same.
SAME = {
    "big": "large",
    "small": "little",
    "fast": "quick",
    "happy": "glad",
    "loud": "noisy",
    "quiet": "silent",
    "difficult": "tough",
    "easy": "simple",
    "rich": "wealthy",
    "strong": "powerful",
    "brave": "bold",
    "wet": "damp",
    "dirty": "filthy",
    "kind": "friendly",
}
STATES = (
    "hot cold big small tall short fast slow happy sad young old wet dry clean dirty loud quiet rich poor "
    "strong weak easy difficult safe dangerous full empty kind cruel brave cowardly"
).split()

SPANISH_NOUNS = {  # English: (Spanish, feminine)
    "dog": ("perro", False),
    "cat": ("gato", False),
    "horse": ("caballo", False),
    "cow": ("vaca", True),
    "sheep": ("oveja", True),
    "duck": ("pato", False),
    "lion": ("león", False),
    "bear": ("oso", False),
    "bee": ("abeja", True),
    "fox": ("zorro", False),
    "wolf": ("lobo", False),
    "whale": ("ballena", True),
    "apple": ("manzana", True),
    "lemon": ("limón", False),
    "onion": ("cebolla", True),
    "cake": ("pastel", False),
    "house": ("casa", True),
    "table": ("mesa", True),
    "chair": ("silla", True),
    "bed": ("cama", True),
    "book": ("libro", False),
    "key": ("llave", True),
    "hat": ("sombrero", False),
    "shoe": ("zapato", False),
    "cup": ("taza", True),
    "ball": ("pelota", True),
    "boy": ("niño", False),
    "girl": ("niña", True),
    "garden": ("jardín", False),
    "school": ("escuela", True),
    "moon": ("luna", True),
    "sun": ("sol", False),
    "flower": ("flor", True),
    "tree": ("árbol", False),
    "door": ("puerta", True),
    "river": ("río", False),
}
SPANISH_ADJECTIVES = {  # English: (masculine, feminine)
    "red": ("rojo", "roja"),
    "white": ("blanco", "blanca"),
    "black": ("negro", "negra"),
    "yellow": ("amarillo", "amarilla"),
    "small": ("pequeño", "pequeña"),
    "tall": ("alto", "alta"),
    "new": ("nuevo", "nueva"),
    "old": ("viejo", "vieja"),
    "pretty": ("bonito", "bonita"),
    "good": ("bueno", "buena"),
    "bad": ("malo", "mala"),
    "big": ("grande", "grande"),
    "green": ("verde", "verde"),
    "blue": ("azul", "azul"),
}
SPANISH_FORMS = ("the red dog", "a red dog", "the dog is red")


def spanish(noun: str, adjective: str, form: str) -> tuple[str, str]:
    """The English phrase and its Spanish, with gender agreement."""
    word, feminine = SPANISH_NOUNS[noun]
    quality = SPANISH_ADJECTIVES[adjective][feminine]
    the, a = ("la", "una") if feminine else ("el", "un")
    if form == "the red dog":
        return f"the {adjective} {noun}", f"{the} {word} {quality}"
    if form == "a red dog":
        return f"{world.with_article(adjective + ' ' + noun)}", f"{a} {word} {quality}"
    return f"the {noun} is {adjective}", f"{the} {word} es {quality}"


REVIEWED = (
    "soup cake hotel film book shop song game toy bed coffee tea museum zoo garden coat chair lamp teacher cook"
).split()
PRAISE = "great lovely wonderful tasty excellent perfect charming superb delightful fine".split()
BLAME = "awful terrible boring broken ugly horrible nasty disgusting useless poor".split()
PRAISE_ENDS = ("I will come again.", "I was very happy with it.", "I tell all my friends about it.", "It made my day.")
BLAME_ENDS = (
    "I will never come again.",
    "I want my money back.",
    "I was very angry about it.",
    "It was a waste of time.",
)

RHYMES = (
    ("day", "play"),
    ("night", "light"),
    ("tree", "see"),
    ("sun", "fun"),
    ("blue", "you"),
    ("sing", "spring"),
    ("sea", "me"),
    ("rain", "again"),
    ("small", "all"),
    ("sky", "high"),
)
COUPLETS = {
    "day": ("I think of {x} every day,", "it makes me want to laugh and play."),
    "night": ("I dream about {x} at night,", "and see it in the morning light."),
    "tree": ("I sit with {x} under a tree,", "it is the best thing I can see."),
    "sun": ("I look at {x} in the sun,", "and every hour is full of fun."),
    "blue": ("I sing of {x} when the sky is blue,", "and all my songs are made for you."),
    "sing": ("When I see {x} I start to sing,", "it makes me think of early spring."),
    "sea": ("I tell of {x} beside the sea,", "it is so very dear to me."),
    "rain": ("I wait for {x} in the rain,", "and then I want to see it again."),
    "small": ("I loved {x} when I was small,", "it is the nicest thing of all."),
    "sky": ("I draw {x} under the sky,", "and hang my picture very high."),
}

REQUESTS = (
    "give me {the}",
    "pass me {the}",
    "bring me {the}",
    "show me {the}",
    "hand me {the}",
    "clean {the}",
    "wash {the}",
    "carry {the}",
    "find {the}",
    "fix {the}",
    "look at {the}",
    "help me with {the}",
)
REQUESTED = (
    "book pen cup key bag hat coat lamp chair table ball drum clock mirror spoon knife brush broom shoe "
    "kite doll box letter map"
).split()

# Manners. A kind phrase at most once is a plus; a rude one is a minus; several kind ones are padding.
KIND_OPENINGS = ("Sure!", "Of course!", "Gladly!", "Happy to help!")
KIND_CLOSINGS = ("I hope this helps.", "Have a nice day!", "Ask me again any time.")
RUDE_OPENINGS = ("What a silly question.", "Everybody knows that.", "Do not waste my time.", "Listen, you fool.")
RUDE_CLOSINGS = ("Now go away.", "Look it up yourself next time.", "You should know this.")

CATEGORIES: dict[str, tuple[str, ...]] = {
    "animals": tuple(a.name for a in world.ANIMALS),
    "birds": tuple(a.name for a in world.ANIMALS if a.kind == "bird"),
    "farm animals": tuple(a.name for a in world.ANIMALS if a.kind == "farm animal"),
    "wild animals": tuple(a.name for a in world.ANIMALS if a.kind == "wild animal"),
    "fruits": tuple(f.name for f in world.FOODS if f.kind == "fruit"),
    "vegetables": tuple(f.name for f in world.FOODS if f.kind == "vegetable"),
    "drinks": tuple(f.name for f in world.FOODS if f.kind == "drink"),
    "tools": tuple(t.name for t in world.THINGS if t.kind == "tool"),
    "toys": tuple(t.name for t in world.THINGS if t.kind == "toy"),
    "clothes": tuple(t.name for t in world.THINGS if t.kind == "piece of clothing"),
    "colours": tuple(world.COLOURS),
    "days of the week": tuple(world.WEEKDAYS),
    "months": tuple(world.MONTHS),
    "countries": tuple(c.name for c in world.COUNTRIES),
    "capitals": tuple(c.capital for c in world.COUNTRIES),
    "jobs": tuple(j.name for j in world.JOBS),
    "rooms": tuple(world.ROOMS),
    "feelings": tuple(world.FEELINGS),
}
# Groups that share no word, for "which one does not belong".
GROUPS = (
    "birds",
    "farm animals",
    "wild animals",
    "fruits",
    "vegetables",
    "tools",
    "toys",
    "clothes",
    "colours",
    "days of the week",
    "months",
    "countries",
    "jobs",
    "rooms",
)
SINGULAR = {
    "birds": "a bird",
    "farm animals": "a farm animal",
    "wild animals": "a wild animal",
    "fruits": "a fruit",
    "vegetables": "a vegetable",
    "tools": "a tool",
    "toys": "a toy",
    "clothes": "a piece of clothing",
    "colours": "a colour",
    "days of the week": "a day of the week",
    "months": "a month",
    "countries": "a country",
    "jobs": "a job",
    "rooms": "a room",
}
