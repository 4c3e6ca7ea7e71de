"""Short answers by A-OKVQA's rule: three annotators who say the same suffice."""

from __future__ import annotations

import numpy as np

from velm_bench.metrics.base import Array
from velm_bench.metrics.questions.gqa import bare
from velm_bench.metrics.questions.vqa import Answers, VqaMetric


class DirectAnswer(VqaMetric):
    """min(1, matches / 3) over all annotators, as A-OKVQA's evaluation (Schwenk et al. 2022) has it.

    Unlike VQA accuracy no annotator is left out, so that one match is 1/3 and not 0.3. Answers are compared without
    case, outer white space and a full stop at the end; officially to the letter, all gold being in lower case.
    """

    name = "direct_answer"
    signature = "direct-answer|norm:lower-strip-stop|consensus:min3|v:1"

    def scores(self, answers: Answers) -> Array:
        (plain,) = answers.forms(bare)
        return np.minimum(1.0, answers.matching(plain, plain) / 3)
