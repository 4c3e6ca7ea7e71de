"""METEOR 1.5 (Denkowski and Lavie 2014) without Java, equal to the jar that pycocoevalcap carries.

`normalise` makes words of captions, `stemmer`, `synonyms` and `paraphrases` say which words and phrases match,
`encoding` turns all of it into integers, `kernel` aligns, and `metric` scores. Function words, abbreviations, WordNet
and the paraphrase table are read from the installed pycocoevalcap.
"""

from velm_bench.metrics.captions.meteor.metric import Meteor

__all__ = ["Meteor"]
