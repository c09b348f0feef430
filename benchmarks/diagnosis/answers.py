"""Run the verdict over planted cases and count what was shown."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.diagnosis import score_sets, text_sets
from closecall.analysis.causes.evidence import gather_evidence
from closecall.analysis.causes.verdict import SMALLEST_RELEVANT_DROP, Verdict, reach_verdict
from closecall.analysis.intervals import smallest_detectable_drop

FEW = {"too few positives", "too few seeds"}
ANSWERS = ("named right", "too few, rightly", "too few, wrongly", "named wrong", "confident and wrong")


@dataclass(frozen=True)
class PlantedCase:
    """One case: what was planted, whether so many positives can show it, and what the verdict said."""

    source: str
    kind: str
    n_positives: int
    planted: frozenset[str]
    visible: bool
    verdict: Verdict

    @property
    def answer(self) -> str:
        """One of ANSWERS. Named right: every cause planted and no other; collapse may be followed by "too few"."""
        causes = set(self.verdict.causes)
        wrong = causes - self.planted - FEW
        if any(one.cause in wrong and one.confidence == "high" for one in self.verdict.findings):
            return "confident and wrong"
        if wrong:
            return "named wrong"
        if causes == self.planted or ("optimisation" in self.planted and "optimisation" in causes):
            return "named right"
        if causes & FEW:
            return "too few, wrongly" if self.visible else "too few, rightly"
        return "named wrong" if self.visible else "named right"


def from_scores(repeats: int) -> Iterable[PlantedCase]:
    """Every kind at every size and number of seeds, `repeats` times."""
    for repeat in range(repeats):
        for kind in score_sets.KINDS:
            for n in score_sets.SIZES:
                for seeds in score_sets.SEEDS:
                    case = score_sets.make_case(kind, n, seeds, seed=repeat)
                    verdict = _verdict(case, score_sets.RATIOS, seeds)
                    yield PlantedCase("scores", kind, n, frozenset(case.planted), case.visible, verdict)


def from_texts(repeats: int) -> Iterable[PlantedCase]:
    """Every mechanism, `repeats` times, three seeds each."""
    for repeat in range(repeats):
        for mechanism in text_sets.MECHANISMS:
            case = text_sets.make_text_case(mechanism, seed=repeat)
            n = int(case.labels.sum())
            effect = _visible_effect(case)
            visible = case.collapsed or effect > smallest_detectable_drop(n)
            yield PlantedCase("texts", mechanism, n, _planted(case), visible, _verdict(case, text_sets.RATIOS, 3))


def _planted(case: text_sets.TextCase) -> frozenset[str]:
    """What the runs suffer from on 12,000 texts: parts of a point and more count."""
    causes = {"optimisation"} if case.collapsed else set()
    if case.true_drop < SMALLEST_RELEVANT_DROP:
        return frozenset(causes | {"nothing wrong"})
    causes |= {"ranking"} if case.true_ranking > 0.01 else set()
    return frozenset(causes | ({"threshold"} if case.true_drop - case.true_ranking > 0.01 else set()))


def _visible_effect(case: text_sets.TextCase) -> float:
    if case.true_drop < SMALLEST_RELEVANT_DROP:
        return SMALLEST_RELEVANT_DROP
    return case.true_ranking if case.true_ranking > 0.01 else case.true_drop / 2


def _verdict(case: score_sets.Case | text_sets.TextCase, ratios: tuple[int, ...], seeds: int) -> Verdict:
    levels, runs = np.repeat(ratios, seeds), np.tile(np.arange(seeds), len(ratios))
    validation = {"val_labels": case.val_labels, "val_pos_probs": case.val_pos_probs}
    return reach_verdict(gather_evidence(case.labels, case.pos_probs, levels, runs, **validation, draws=300))


def matrix(cases: list[PlantedCase]) -> list[tuple[str, int, Counter[str]]]:
    """For each kind and size: how often which causes were shown."""
    rows: dict[tuple[str, int], Counter[str]] = {}
    for case in cases:
        causes = " + ".join(sorted(case.verdict.causes))
        rows.setdefault((case.kind, case.n_positives), Counter())[causes] += 1
    return [(kind, n, shown) for (kind, n), shown in rows.items()]
