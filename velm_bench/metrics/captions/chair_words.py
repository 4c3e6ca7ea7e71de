"""Words for COCO's 80 categories, in lower case and singular, and how English plurals are undone."""

from __future__ import annotations

import re

WORDS = {
    "person": (
        "man, men, woman, women, people, boy, girl, child, children, kid, baby, toddler, guy, lady, gentleman, "
        "gentlemen, adult, teenager, someone, somebody, player, batter, pitcher, catcher, umpire, referee, goalie, "
        "athlete, skier, snowboarder, surfer, skateboarder, skater, rider, cyclist, bicyclist, biker, "
        "motorcyclist, pedestrian, passenger, driver, cowboy, soldier, policeman, policemen, police officer, "
        "fireman, firemen, chef, waiter, waitress, worker, farmer, student, teacher, doctor, nurse, businessman, "
        "businessmen, bride, groom, mother, father, mom, dad, son, daughter, brother, sister, friend, crowd, "
        "spectator, swimmer"
    ),
    "bicycle": "bike, cycle",
    "car": "automobile, sedan, suv, minivan, jeep, taxi, cab, hatchback, convertible, limousine, police car",
    "motorcycle": "motorbike, scooter, moped, motor bike, motor cycle, dirt bike",
    "airplane": ("plane, aeroplane, aircraft, jet, jetliner, airliner, biplane, jumbo jet, passenger jet, fighter jet"),
    "bus": "minibus, coach bus, double decker, school bus, trolley bus",
    "train": "locomotive, tram, streetcar, steam engine, subway train",
    "truck": "lorry, pickup, fire truck, firetruck, fire engine, semi truck, tow truck",
    "boat": (
        "ship, sailboat, canoe, kayak, yacht, ferry, rowboat, raft, gondola, motorboat, speedboat, tugboat, sail boat"
    ),
    "traffic light": "traffic signal, stoplight, stop light, traffic lamp",
    "fire hydrant": "hydrant",
    "stop sign": "",
    "parking meter": "",
    "bench": "park bench",
    "bird": (
        "seagull, gull, duck, goose, geese, pigeon, parrot, owl, eagle, hawk, swan, penguin, rooster, hen, "
        "sparrow, robin, crow, pelican, flamingo, peacock, ostrich, hummingbird, cockatoo, parakeet"
    ),
    "cat": "kitten, kitty, feline",
    "dog": "puppy, pup, hound, poodle, terrier, dachshund, labrador, retriever, bulldog, collie, beagle, canine",
    "horse": "pony, foal, mare, stallion, colt",
    "sheep": "lamb, ewe",
    "cow": "cattle, bull, calf, ox, oxen, heifer",
    "elephant": "",
    "bear": "grizzly, polar bear, panda, panda bear, grizzly bear, brown bear, black bear, bear cub",
    "zebra": "",
    "giraffe": "",
    "backpack": "rucksack, knapsack, back pack",
    "umbrella": "parasol",
    "handbag": "purse, hand bag, shoulder bag, tote bag",
    "tie": "necktie, bow tie, neck tie",
    "suitcase": "luggage, suit case",
    "frisbee": "flying disc, flying disk",
    "skis": "pair of skis",
    "snowboard": "snow board",
    "sports ball": "ball, soccer ball, tennis ball, beach ball",
    "kite": "",
    "baseball bat": "bat",
    "baseball glove": "baseball mitt, catchers mitt, mitt",
    "skateboard": "skate board, longboard",
    "surfboard": "surf board, paddle board, boogie board, bodyboard",
    "tennis racket": "racket, racquet, tennis racquet",
    "bottle": "wine bottle, water bottle, beer bottle",
    "wine glass": "wineglass, champagne glass",
    "cup": "mug, teacup, tea cup, coffee cup, coffee mug",
    "fork": "",
    "knife": "butter knife",
    "spoon": "teaspoon, tablespoon",
    "bowl": "",
    "banana": "",
    "apple": "",
    "sandwich": "burger, hamburger, cheeseburger, panini, sub sandwich",
    "orange": "tangerine, clementine, mandarin",
    "broccoli": "",
    "carrot": "",
    "hot dog": "hotdog, chili dog, corn dog",
    "pizza": "",
    "donut": "doughnut, bagel",
    "cake": "carrot cake, cupcake, cheesecake, birthday cake, wedding cake",
    "chair": "armchair, recliner, stool, highchair, high chair, lawn chair, arm chair",
    "couch": "sofa, loveseat, love seat, settee",
    "potted plant": "houseplant, house plant, plant, potted flower",
    "bed": "mattress, bunk bed",
    "dining table": "table, desk, kitchen table, coffee table, picnic table, dinner table",
    "toilet": "urinal, commode",
    "tv": "television, tv set, television set, tv screen, flat screen",
    "laptop": "laptop computer, notebook computer",
    "mouse": "computer mouse, mice",
    "remote": "remote control, tv remote, television remote, wii remote, wiimote",
    "keyboard": "computer keyboard",
    "cell phone": "phone, cellphone, mobile phone, smartphone, smart phone, iphone, telephone",
    "microwave": "microwave oven",
    "oven": "stove, stovetop, stove top",
    "toaster": "toaster oven",
    "sink": "washbasin, wash basin",
    "refrigerator": "fridge, freezer",
    "book": "novel, textbook, magazine",
    "clock": "clock tower, alarm clock",
    "vase": "",
    "scissors": "scissor, pair of scissors, shears",
    "teddy bear": "teddy, stuffed bear, stuffed animal, toy bear, plush bear",
    "hair drier": "hair dryer, hairdryer, blow dryer, blow drier, hairdrier",
    "toothbrush": "tooth brush",
}
"""Synonyms and kinds of each category, apart from its own name."""
DECOYS = (
    "toilet paper, toilet brush, train track, train station, train car, railroad car, car park, car seat, bus "
    "stop, bus station, boat house, boat dock, dog house, dog bowl, dog bed, dog food, cat bed, cat food, bird "
    "house, bird cage, bird feeder, bird bath, kite string, bed sheet, bed spread, bottle opener, bottle cap, "
    "orange juice, apple juice, apple pie, banana bread, pizza box, pizza cutter, cake stand, cup holder, knife "
    "block, book shelf, book case, book bag, phone booth, phone book, telephone pole, telephone booth, table "
    "cloth, table tennis, tennis table, remote area, remote location, remote beach, remote island, remote road, remote "
    "village, remote field, remote place, remote spot, chair lift, telephone line, phone line, tv stand, tv show, dvd "
    "player, cd player, record player, video player, media player, music player, mp player, water pitcher, milk "
    "pitcher, pancake batter, cake batter, cookie batter, waffle batter"
)
"""Compounds that are none of the objects they name; those that are one, like "fire truck", are among the words."""
DRINKS = ("water", "milk", "juice", "orange juice", "tea", "iced tea", "lemonade", "beer", "sangria", "wine")
"""What a pitcher of is none who throws a ball."""
COLOURS = "white|black|gr[ae]y|brown|tan|beige|red|pink|purple|blue|teal|green|yellow|gold|silver"
OF_A_FRUIT = (
    "a|an|the|and|or|but|is|are|was|were|has|that|which|with|without|on|in|inside|into|at|of|off|to|from|by|for|near|"
    "next|beside|between|behind|under|over|above|below|as|while|still|here|there|together|sitting|lying|laying|resting|"
    "hanging|growing|being|cut|sliced|peeled|halved|placed|sits|lies|hangs|grows|slices?|wedges?|pieces?|segments?|"
    "half|halves|fruits?|peels?|rinds?|juice"
)
"""What follows the word where it is no colour: function words, and what is done to the fruit and made of it."""
COLOUR_ORANGE = re.compile(
    rf"\borange[\s-]+(?!(?:{OF_A_FRUIT})\b)(?=[^\W\d_])"
    rf"|\borange(?=,?\s+(?:(?:and|or)\s+)?(?:{COLOURS})\b)"
    rf"|\b(?:in|all|bright|painted|(?:{COLOURS})(?:,|\s+and|\s+or)*)\s+orange\b"
)
"""The colour, as far as neighbours tell: "an orange cat", "orange and white", "dressed in orange"."""

ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
AGES = ("baby", "adult", "mother", "father")
"""Persons, but not before the name of an animal."""


def coco_synonyms() -> dict[str, str]:
    """Every phrase with its category, and compounds that mean none with an empty string."""
    found = dict.fromkeys(DECOYS.split(", "), "")
    found |= {f"{vessel} of {drink}": "" for vessel in ("pitcher", "pitchers") for drink in DRINKS}
    for category, words in WORDS.items():
        phrases = [category, *filter(None, words.split(", "))]
        found |= dict.fromkeys(phrases, category)
        if category in ANIMALS:
            found |= {f"{age} {phrase}": category for age in AGES for phrase in phrases}
    return found


def singulars(word: str) -> list[str]:
    """What a word may be the plural of, itself first; they need not exist."""
    ends = (("s", ""), ("es", ""), ("ies", "y"), ("ves", "f"), ("ves", "fe"))
    return [word, *(word.removesuffix(end) + put for end, put in ends if word.endswith(end))]
