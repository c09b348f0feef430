"""Measure how often the verdict names the planted cause.

    python -m benchmarks.diagnosis [REPEATS_OF_SCORES] [REPEATS_OF_TEXTS] [REPEATS_OF_SITUATIONS]

The script prints the confusion matrix of planted and reported causes, the share of correct answers by number of
positives, and the published numbers of the motivating question and of gobbli. The defaults make 384 sets of scores, 40
experiments on texts and 192 sets of scores in situations that a simple verdict gets wrong.
"""

import argparse
from collections import Counter

from benchmarks.diagnosis.answers import ANSWERS, PlantedCase, from_scores, from_situations, from_texts, matrix
from benchmarks.diagnosis.published import gobbli, motivating_question
from closecall.analysis.formatting import share_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repeats_of_scores", nargs="?", type=int, default=4)
    parser.add_argument("repeats_of_texts", nargs="?", type=int, default=8)
    parser.add_argument("repeats_of_situations", nargs="?", type=int, default=2)
    options = parser.parse_args()
    situations = list(from_situations(options.repeats_of_situations))
    print(f"{len(situations)} sets of scores by situation")
    for name in dict.fromkeys(case.kind for case in situations):
        _answers(name, [case for case in situations if case.kind == name])
    _answers("all situations", situations)
    cases = [*from_scores(options.repeats_of_scores), *from_texts(options.repeats_of_texts)]
    print(f"{len(cases)} cases. Planted cause, test positives: reported causes (count)")
    for kind, n, shown in matrix(cases):
        print(f"  {kind:28s} {n:5,d}  " + ", ".join(f"{name} ({count})" for name, count in shown.most_common()))
    print("\nBy test positives")
    for n in sorted({case.n_positives for case in cases}):
        _answers(f"{n:,} positives", [case for case in cases if case.n_positives == n])
    _answers("all", cases)
    _answers("effect detectable", [case for case in cases if case.detectable])
    _answers("effect not detectable", [case for case in cases if not case.detectable])
    print("\nThe counts of the motivating question")
    print("\n".join(f"  {row}" for row in motivating_question()))
    print("\nThe published table: ratio, observed, class prior alone, excess, ranking, threshold")
    print("\n".join(f"  {row}" for row in gobbli()))


def _answers(name: str, cases: list[PlantedCase]) -> None:
    counts = Counter(case.answer for case in cases)
    correct = counts["correct cause"] + counts["too few, rightly"]
    rest = ", ".join(f"{answer} {counts[answer]}" for answer in ANSWERS if counts[answer])
    print(f"  {name}: correct {share_text(correct, len(cases))} ({rest})")


if __name__ == "__main__":
    main()
