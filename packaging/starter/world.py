"""The small world: its people, places, animals, foods, objects, countries, jobs and topics, with their facts.

Only what is true in the world stands here; `words` holds how to talk about it. Facts are true of our world too,
as far as one sentence can be, so that a newcomer can check an answer at a glance.
"""

from __future__ import annotations

from dataclasses import dataclass

GIRLS = "Anna Lily Mia Sara Nina Eva Rosa Clara Ida Maya Julia Emma Zoe Lena Ruth Alice Nora Olga".split()
BOYS = "Tom Ben Max Leo Sam Paul Omar Ivan Hugo Jack Finn Karl Noah Adam Luis Peter Theo Dan".split()
PEOPLE = GIRLS + BOYS

WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
COLOURS = "red blue green yellow black white brown grey pink orange".split()
PLACES = "park market school beach library station museum garden farm forest river bakery cinema zoo lake".split()
ROOMS = "kitchen bedroom bathroom garage hall office".split()
FEELINGS = "happy sad angry tired proud afraid glad worried calm surprised".split()


@dataclass(frozen=True)
class Animal:
    name: str
    plural: str
    kind: str
    colour: str
    eats: str
    home: str
    legs: int


def _animals() -> tuple[Animal, ...]:
    rows = """
    dog,dogs,pet,brown,meat,in a house,4
    cat,cats,pet,grey,fish,in a house,4
    rabbit,rabbits,pet,white,carrots,in a hole,4
    hamster,hamsters,pet,orange,seeds,in a cage,4
    cow,cows,farm animal,brown,grass,on a farm,4
    horse,horses,farm animal,black,hay,in a stable,4
    sheep,sheep,farm animal,white,grass,on a hill,4
    pig,pigs,farm animal,pink,corn,on a farm,4
    goat,goats,farm animal,grey,leaves,on a hill,4
    donkey,donkeys,farm animal,grey,hay,in a stable,4
    hen,hens,bird,brown,corn,on a farm,2
    duck,ducks,bird,yellow,bread,on a lake,2
    owl,owls,bird,brown,mice,in a tree,2
    eagle,eagles,bird,brown,meat,on a mountain,2
    parrot,parrots,bird,green,nuts,in a jungle,2
    crow,crows,bird,black,worms,in a tree,2
    swan,swans,bird,white,plants,on a lake,2
    penguin,penguins,bird,black,fish,on the ice,2
    lion,lions,wild animal,yellow,meat,in the grassland,4
    tiger,tigers,wild animal,orange,meat,in a jungle,4
    bear,bears,wild animal,brown,honey,in a cave,4
    wolf,wolves,wild animal,grey,meat,in a forest,4
    fox,foxes,wild animal,red,mice,in a forest,4
    elephant,elephants,wild animal,grey,leaves,in the grassland,4
    monkey,monkeys,wild animal,brown,bananas,in a jungle,2
    zebra,zebras,wild animal,white,grass,in the grassland,4
    camel,camels,wild animal,yellow,plants,in the desert,4
    bee,bees,insect,yellow,honey,in a hive,6
    ant,ants,insect,black,seeds,under the ground,6
    fly,flies,insect,black,fruit,in a house,6
    beetle,beetles,insect,green,leaves,under the ground,6
    shark,sharks,sea animal,grey,fish,in the sea,0
    whale,whales,sea animal,blue,fish,in the sea,0
    crab,crabs,sea animal,red,plants,on a beach,10
    dolphin,dolphins,sea animal,grey,fish,in the sea,0
    """
    cells = (line.strip().split(",") for line in rows.strip().splitlines())
    return tuple(Animal(c[0], c[1], c[2], c[3], c[4], c[5], int(c[6])) for c in cells)


@dataclass(frozen=True)
class Food:
    name: str
    plural: str  # "" where it is not counted
    kind: str
    colour: str
    taste: str
    source: str


def _foods() -> tuple[Food, ...]:
    rows = """
    apple,apples,fruit,red,sweet,from a tree
    pear,pears,fruit,green,sweet,from a tree
    banana,bananas,fruit,yellow,sweet,from a tree
    cherry,cherries,fruit,red,sweet,from a tree
    lemon,lemons,fruit,yellow,sour,from a tree
    plum,plums,fruit,blue,sweet,from a tree
    grape,grapes,fruit,green,sweet,from a bush
    strawberry,strawberries,fruit,red,sweet,from a bush
    carrot,carrots,vegetable,orange,sweet,from the ground
    potato,potatoes,vegetable,brown,plain,from the ground
    onion,onions,vegetable,white,hot,from the ground
    tomato,tomatoes,vegetable,red,fresh,from a bush
    bean,beans,vegetable,green,plain,from a bush
    pea,peas,vegetable,green,sweet,from a bush
    pepper,peppers,vegetable,red,hot,from a bush
    cake,cakes,sweet,brown,sweet,from a bakery
    cookie,cookies,sweet,brown,sweet,from a bakery
    candy,candies,sweet,pink,sweet,from a shop
    milk,,drink,white,fresh,from a cow
    tea,,drink,brown,bitter,from leaves
    coffee,,drink,black,bitter,from beans
    juice,,drink,orange,sweet,from fruit
    water,,drink,clear,plain,from a river
    """
    return tuple(Food(*line.strip().split(",")) for line in rows.strip().splitlines())


@dataclass(frozen=True)
class Thing:
    name: str
    plural: str
    kind: str
    use: str
    material: str
    room: str


def _things() -> tuple[Thing, ...]:
    rows = """
    knife,knives,tool,cutting bread,metal,kitchen
    hammer,hammers,tool,hitting nails,metal,garage
    saw,saws,tool,cutting wood,metal,garage
    brush,brushes,tool,painting walls,wood,garage
    broom,brooms,tool,cleaning the floor,wood,hall
    spoon,spoons,tool,eating soup,metal,kitchen
    ball,balls,toy,playing games,rubber,garage
    doll,dolls,toy,playing house,cloth,bedroom
    kite,kites,toy,flying in the wind,paper,garage
    puzzle,puzzles,toy,training the mind,paper,bedroom
    drum,drums,toy,making music,wood,bedroom
    table,tables,piece of furniture,eating dinner,wood,kitchen
    chair,chairs,piece of furniture,sitting down,wood,kitchen
    bed,beds,piece of furniture,sleeping,wood,bedroom
    desk,desks,piece of furniture,writing letters,wood,office
    sofa,sofas,piece of furniture,resting,cloth,hall
    coat,coats,piece of clothing,staying warm,cloth,hall
    hat,hats,piece of clothing,covering the head,cloth,hall
    shoe,shoes,piece of clothing,walking outside,leather,hall
    glove,gloves,piece of clothing,warming the hands,leather,hall
    belt,belts,piece of clothing,holding up trousers,leather,bedroom
    book,books,thing for the office,reading stories,paper,office
    pen,pens,thing for the office,writing words,plastic,office
    lamp,lamps,thing for the office,making light,glass,office
    key,keys,small thing,opening doors,metal,hall
    cup,cups,small thing,drinking tea,glass,kitchen
    bag,bags,small thing,carrying books,leather,hall
    clock,clocks,small thing,telling the time,plastic,office
    soap,soaps,small thing,washing the hands,oil,bathroom
    mirror,mirrors,small thing,seeing your face,glass,bathroom
    """
    return tuple(Thing(*line.strip().split(",")) for line in rows.strip().splitlines())


@dataclass(frozen=True)
class Country:
    name: str
    capital: str
    language: str
    continent: str


def _countries() -> tuple[Country, ...]:
    rows = """
    France,Paris,French,Europe
    Spain,Madrid,Spanish,Europe
    Italy,Rome,Italian,Europe
    Germany,Berlin,German,Europe
    England,London,English,Europe
    Ireland,Dublin,English,Europe
    Portugal,Lisbon,Portuguese,Europe
    Greece,Athens,Greek,Europe
    Poland,Warsaw,Polish,Europe
    Norway,Oslo,Norwegian,Europe
    Sweden,Stockholm,Swedish,Europe
    Austria,Vienna,German,Europe
    Japan,Tokyo,Japanese,Asia
    China,Beijing,Chinese,Asia
    Egypt,Cairo,Arabic,Africa
    Kenya,Nairobi,English,Africa
    Peru,Lima,Spanish,America
    Cuba,Havana,Spanish,America
    """
    return tuple(Country(*line.strip().split(",")) for line in rows.strip().splitlines())


@dataclass(frozen=True)
class Job:
    name: str
    work: str
    place: str


def _jobs() -> tuple[Job, ...]:
    rows = """
    baker,bakes bread,in a bakery
    teacher,teaches children,in a school
    doctor,helps sick people,in a hospital
    nurse,cares for sick people,in a hospital
    farmer,grows corn,on a farm
    cook,makes meals,in a kitchen
    pilot,flies planes,in the air
    sailor,sails ships,on the sea
    driver,drives buses,on the road
    painter,paints pictures,in a studio
    singer,sings songs,on a stage
    builder,builds houses,in the town
    gardener,plants flowers,in a garden
    fisherman,catches fish,on a boat
    writer,writes books,at a desk
    judge,judges cases,in a court
    """
    return tuple(Job(*line.strip().split(",")) for line in rows.strip().splitlines())


@dataclass(frozen=True)
class Topic:
    """Something a child asks about: what it is, what it does, and what it is like."""

    name: str
    is_a: str
    does: str
    like: str

    @property
    def told(self) -> tuple[str, str, str]:
        """Three short sentences for a child."""
        return (
            f"{capital_first(self.name)} is {self.is_a}.",
            f"It {self.does}.",
            f"You can think of it as {self.like}.",
        )


def _topics() -> tuple[Topic, ...]:
    rows = """
    the moon|a big ball of rock|goes around the earth|a lamp in the night
    the sun|a very hot star|gives us light and heat|a big fire in the sky
    the earth|the planet we live on|goes around the sun|a blue ball
    a star|a sun far away|shines at night|a tiny lamp
    rain|water from the clouds|makes the plants grow|a shower for the garden
    snow|frozen rain|covers the ground in winter|a white blanket
    wind|moving air|pushes the clouds|a breath from the sky
    a cloud|a lot of tiny drops|brings the rain|a wet pillow
    a rainbow|sunlight in the rain|shows many colours|a bridge of colours
    ice|frozen water|melts in the sun|cold glass
    fire|very hot burning air|gives heat and smoke|a hungry animal
    a river|a long line of water|runs to the sea|a road of water
    the sea|a lot of salt water|covers most of the earth|a giant bath
    a mountain|a very high hill|reaches the clouds|a giant of stone
    a tree|a tall plant|gives us air and shade|a big umbrella
    a seed|a baby plant|grows into a flower|a small sleeping house
    a flower|the pretty part of a plant|calls the bees|a shop for bees
    winter|the cold part of the year|brings the snow|a long white night
    summer|the warm part of the year|brings long days|a big holiday
    night|the dark part of the day|lets us sleep|a dark blanket
    a shadow|a place without light|follows you in the sun|a quiet friend
    the heart|a strong muscle|moves the blood|a little pump
    a bone|a hard part of the body|holds us up|a stick inside you
    a dream|a story in your sleep|comes at night|a film in your head
    """
    return tuple(Topic(*line.strip().split("|")) for line in rows.strip().splitlines())


ANIMALS = _animals()
FOODS = _foods()
THINGS = _things()
COUNTRIES = _countries()
JOBS = _jobs()
TOPICS = _topics()


def with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"


def capital_first(text: str) -> str:
    return text[:1].upper() + text[1:]
