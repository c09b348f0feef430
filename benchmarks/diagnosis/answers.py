"""Compute the verdict on planted cases and count the causes that it reports."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.diagnosis import edge_sets, score_sets, text_sets
from closecall.analysis.causes.evidence import gather_evidence
from closecall.analysis.causes.verdict import SMALLEST_RELEVANT_DROP, Verdict, reach_verdict
from closecall.analysis.intervals import smallest_detectable_drop

FEW = {"too few"}
BESIDE = {"validation", "prevalence"}
"""Findings on the data beside the cause of the drop."""
ANSWERS = ("correct cause", "too few, rightly", "too few, wrongly", "wrong cause", "confident and wrong")


@dataclass(frozen=True)
class PlantedCase:
    """One case: the planted causes, whether the test set can show them, and the verdict."""

    source: str
    kind: str
    n_positives: int
    planted: frozenset[str]
    detectable: bool
    verdict: Verdict
    allowed: frozenset[str] = frozenset()
    """Causes that are right beside the planted ones: for situations with more than one description."""

    @property
    def answer(self) -> str:
        """One of ANSWERS. "Correct cause": all planted causes and no other; after collapse, others too.

        A verdict that names some planted causes and says what is undecided counts as "too few".
        """
        causes = set(self.verdict.causes) - (BESIDE - self.planted)
        wrong = causes - self.planted - self.allowed - FEW
        if any(one.cause in wrong and one.confidence == "high" for one in self.verdict.findings):
            return "confident and wrong"
        if wrong:
            return "wrong cause"
        if self.planted <= causes <= self.planted | self.allowed or (
            "optimisation" in self.planted and "optimisation" in causes
        ):
            return "correct cause"
        if causes & FEW or self.verdict.undecided:
            return "too few, wrongly" if self.detectable else "too few, rightly"
        return "wrong cause" if self.detectable else "correct cause"


def from_scores(repeats: int) -> Iterable[PlantedCase]:
    """Yield every kind with every size and number of seeds, `repeats` times."""
    for repeat in range(repeats):
        for kind in score_sets.KINDS:
            for n in score_sets.SIZES:
                for seeds in score_sets.SEEDS:
                    case = score_sets.make_case(kind, n, seeds, seed=repeat)
                    verdict = _verdict(case, score_sets.RATIOS, seeds)
                    yield PlantedCase("scores", kind, n, frozenset(case.planted), case.detectable, verdict)


def from_situations(repeats: int) -> Iterable[PlantedCase]:
    """Yield every situation of `edge_sets` with every size, `repeats` times."""
    for repeat in range(repeats):
        for situation in edge_sets.SITUATIONS:
            for n, seeds in edge_sets.SIZES:
                case = edge_sets.make_edge_set(situation, n, seeds, seed=repeat)
                verdict = _verdict(case, edge_sets.RATIOS, seeds, case.seeds)
                yield PlantedCase(
                    "situations", situation.name, n, situation.needed, n > 100, verdict, situation.allowed
                )


def from_texts(repeats: int) -> Iterable[PlantedCase]:
    """Yield every mechanism with three seeds, `repeats` times."""
    for repeat in range(repeats):
        for mechanism in text_sets.MECHANISMS:
            case = text_sets.make_text_case(mechanism, seed=repeat)
            n = int(case.labels.sum())
            effect = _detectable_effect(case)
            detectable = case.collapsed or effect > smallest_detectable_drop(n)
            yield PlantedCase("texts", mechanism, n, _planted(case), detectable, _verdict(case, text_sets.RATIOS, 3))


def _planted(case: text_sets.TextCase) -> frozenset[str]:
    """The causes that 12,000 texts show; a part of the drop counts from one point on."""
    causes = {"optimisation"} if case.collapsed else set()
    if case.true_drop < SMALLEST_RELEVANT_DROP:
        return frozenset(causes | {"nothing wrong"})
    causes |= {"ranking"} if case.true_ranking > 0.01 else set()
    return frozenset(causes | ({"threshold"} if case.true_drop - case.true_ranking > 0.01 else set()))


def _detectable_effect(case: text_sets.TextCase) -> float:
    if case.true_drop < SMALLEST_RELEVANT_DROP:
        return SMALLEST_RELEVANT_DROP
    return case.true_ranking if case.true_ranking > 0.01 else case.true_drop / 2


def _verdict(
    case: score_sets.Case | text_sets.TextCase | edge_sets.EdgeSet,
    ratios: tuple[int, ...],
    seeds: int,
    numbers: np.ndarray | None = None,
) -> Verdict:
    """`numbers`: the seed of each run; without them each ratio has the seeds 0 to `seeds` - 1."""
    levels = np.repeat(ratios, seeds)
    runs = np.tile(np.arange(seeds), len(ratios)) if numbers is None else numbers
    validation = {"val_labels": case.val_labels, "val_pos_probs": case.val_pos_probs}
    return reach_verdict(gather_evidence(case.labels, case.pos_probs, levels, runs, **validation, draws=300))


def matrix(cases: list[PlantedCase]) -> list[tuple[str, int, Counter[str]]]:
    """For each kind and size, the counts of the reported causes."""
    rows: dict[tuple[str, int], Counter[str]] = {}
    for case in cases:
        causes = " + ".join(sorted(case.verdict.causes))
        rows.setdefault((case.kind, case.n_positives), Counter())[causes] += 1
    return [(kind, n, reported) for (kind, n), reported in rows.items()]
