"""Labels of what can be seen in a scene, for an auxiliary loss: many at once, each there or not."""

from __future__ import annotations

from .graph import BACKGROUNDS, COLOURS, ICON_KINDS, SHAPES, SIZES, TEXTURES, Scene

_KINDS = (*SHAPES, *ICON_KINDS)
_QUARTERS = ("top left", "top right", "bottom left", "bottom right")
_MOST = 8


def _all_tags() -> tuple[str, ...]:
    pairs = [f"{colour} {kind}" for colour in COLOURS for kind in _KINDS]
    sized = [f"{word} {shape}" for word in (*SIZES, *TEXTURES) for shape in SHAPES]
    placed = [f"{name} {quarter}" for name in (*COLOURS, *_KINDS) for quarter in _QUARTERS]
    counted = [f"{least}+ {name}" for name in (*COLOURS, *SHAPES) for least in (2, 3, 4)]
    totals = [f"{count} things" for count in range(1, _MOST + 1)]
    return (*COLOURS, *_KINDS, *BACKGROUNDS, *totals, *pairs, *sized, *placed, *counted)


VISUAL_TAGS: tuple[str, ...] = _all_tags()
"""Every tag, in a fixed order: colours, kinds, backgrounds, totals, pairs, sizes and textures, quarters, counts."""


def visual_tags(scene: Scene) -> frozenset[str]:
    """The tags that are true of a scene."""
    things = scene.things
    tags = {scene.background.name, f"{min(len(things), _MOST)} things"}
    for thing in things:
        tags |= {thing.colour, thing.shape, f"{thing.colour} {thing.shape}"}
        quarter = _QUARTERS[2 * (thing.y >= 512) + (thing.x >= 512)]
        tags |= {f"{thing.colour} {quarter}", f"{thing.shape} {quarter}"}
        if not thing.is_icon:
            tags |= {f"{thing.size} {thing.shape}", f"{thing.texture} {thing.shape}"}
    for name in (*COLOURS, *SHAPES):
        count = sum(name in (thing.colour, thing.shape) for thing in things)
        tags.update(f"{least}+ {name}" for least in (2, 3, 4) if count >= least)
    return frozenset(tags)
