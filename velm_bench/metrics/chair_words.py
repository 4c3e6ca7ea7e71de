"""Words for COCO's 80 categories, in lower case and singular, and how English plurals are undone."""

from __future__ import annotations

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
    "cloth, table tennis, tennis table, remote area, remote location, chair lift, "
    "telephone line, phone line, tv stand, tv show"
)
"""Compounds that are none of the objects they name; those that are one, like "fire truck", are among the words."""
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
AGES = ("baby", "adult", "mother", "father")
"""Persons, but not before the name of an animal."""


def coco_synonyms() -> dict[str, str]:
    """Every phrase with its category, and compounds that mean none with an empty string."""
    found = dict.fromkeys(DECOYS.split(", "), "")
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
