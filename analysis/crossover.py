"""From which share of positives on is one classifier better than another?"""

from math import nan


def even_prevalence(recall_a: float, fpr_a: float, recall_b: float, fpr_b: float) -> float:
    """At which prevalence q do a and b have the same F1? nan when one of them is better at every q.

    From 2 q TPR / (q TPR + (1 - q) FPR + q) of both: q / (1 - q) = (TPR_b FPR_a - TPR_a FPR_b) / (TPR_a - TPR_b).
    Below it the one with the fewer false alarms has the better F1, above it the one with the greater recall.
    .92/.08 against .80/.02 are even at q = .275. Rates 0 to 1, answer strictly between 0 and 1.
    """
    gap = recall_a - recall_b
    if gap == 0:
        return nan
    odds = (recall_b * fpr_a - recall_a * fpr_b) / gap
    return odds / (1 + odds) if odds > 0 else nan
