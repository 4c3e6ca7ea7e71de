"""Every task whose data lies on the hub, and what makes its fixture."""

from __future__ import annotations

from tests.tasks.hub import rows_captioning, rows_classification_ner, rows_multiple_choice, rows_reading, rows_vqa
from tests.tasks.hub.fixtures import Maker

MAKERS: dict[str, Maker] = {
    **rows_captioning.MAKERS,
    **rows_vqa.MAKERS,
    **rows_reading.MAKERS,
    **rows_multiple_choice.MAKERS,
    **rows_classification_ner.MAKERS,
}
"""Names of shipped tasks to makers."""
