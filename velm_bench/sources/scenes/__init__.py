"""The embedded benchmark `scenes`: rendered pictures, and everything that can be asked about them.

A scene is addressed by a split and an index; everything else follows from it, always the same.
"""

from .captions import captions, mentions, oracle_caption
from .classes import CLASSES, class_label
from .entities import entity_sentence
from .graph import Scene, Thing, scene
from .questions import Question, questions, training_questions, twin
from .raster import render
from .splits import SPLITS, VERSION
from .tags import VISUAL_TAGS, visual_tags
from .words import VOCABULARY

__all__ = [
    "CLASSES",
    "SPLITS",
    "VERSION",
    "VISUAL_TAGS",
    "VOCABULARY",
    "Question",
    "Scene",
    "Thing",
    "captions",
    "class_label",
    "entity_sentence",
    "mentions",
    "oracle_caption",
    "questions",
    "render",
    "scene",
    "training_questions",
    "twin",
    "visual_tags",
]
