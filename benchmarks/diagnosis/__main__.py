"""How often does the verdict name the cause that was planted?

    python -m benchmarks.diagnosis [REPEATS_OF_SCORES] [REPEATS_OF_TEXTS]

Prints the confusion matrix of planted against reported causes, the shares of correct answers by number of positives,
and the published numbers of the motivating question and of gobbli. The defaults make 384 sets of scores and 40
experiments on texts.
"""

import sys
from collections import Counter

from benchmarks.diagnosis.answers import ANSWERS, PlantedCase, from_scores, from_texts, matrix
from benchmarks.diagnosis.published import gobbli, motivating_question
from closecall.analysis.formatting import share_text


def main() -> None:
    repeats = [int(one) for one in sys.argv[1:]] + [4, 8][len(sys.argv) - 1 :]
    cases = [*from_scores(repeats[0]), *from_texts(repeats[1])]
    print(f"{len(cases)} cases. Planted, test positives: shown (how often)")
    for kind, n, shown in matrix(cases):
        print(f"  {kind:28s} {n:5,d}  " + ", ".join(f"{name} ({count})" for name, count in shown.most_common()))
    print("\nBy test positives")
    for n in sorted({case.n_positives for case in cases}):
        _answers(f"{n:,} positives", [case for case in cases if case.n_positives == n])
    _answers("all", cases)
    _answers("the effect can be seen", [case for case in cases if case.visible])
    _answers("it cannot", [case for case in cases if not case.visible])
    print("\nThe counts of the motivating question")
    print("\n".join(f"  {row}" for row in motivating_question()))
    print("\nThe published table: ratio, observed, prior-only, excess, ranking, threshold")
    print("\n".join(f"  {row}" for row in gobbli()))


def _answers(name: str, cases: list[PlantedCase]) -> None:
    counts = Counter(case.answer for case in cases)
    right = counts["named right"] + counts["too few, rightly"]
    rest = ", ".join(f"{answer} {counts[answer]}" for answer in ANSWERS if counts[answer])
    print(f"  {name}: right {share_text(right, len(cases))} ({rest})")


if __name__ == "__main__":
    main()
