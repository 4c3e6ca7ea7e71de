"""Detection: COCO's average precision and recall of boxes, masks and body points, as weighted statistics.

Read (`fields`, `masks`, `things`), compare (`geometry`), match (`matching`), keep (`events`), sum up (`accumulate`).
"""

from velm_bench.metrics.detection.metric import Detection

__all__ = ["Detection"]
