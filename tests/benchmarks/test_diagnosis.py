"""The benchmark of the verdict: planted cases and their answers, and the published numbers to their printed digits."""

from benchmarks.diagnosis import score_sets
from benchmarks.diagnosis.answers import ANSWERS, from_scores
from benchmarks.diagnosis.published import gobbli, motivating_question


def test_published_tables_are_reproduced_to_the_printed_digits() -> None:
    assert gobbli() == [
        "1:1     0.884/0.880 0.882/0.882",
        "1:2.03  0.812/0.927 0.812/0.931 +0.000 0.006 0.066",
        "1:3     0.765/0.943 0.764/0.950 -0.000 0.013 0.106",
        "1:9     0.563/0.981 0.601/0.983 +0.038 0.027 0.293",
        "1:19    0.431/0.987 0.476/0.992 +0.045 0.073 0.379",
        "1:99    0.128/0.998 0.224/0.999 +0.097 0.160 0.596",
    ]
    assert (
        motivating_question()[0].startswith("1:1: d' 2.810")
        and motivating_question()[1] == "1:10: d' 2.895, criterion 0.61"
    )
    assert "ranking -0.012 + threshold +0.132" in motivating_question()[2]


def test_few_positives_cannot_show_a_small_loss_and_many_can() -> None:
    detectable = {n: score_sets.make_case("small ranking loss", n, 1, seed=0).detectable for n in score_sets.SIZES}
    assert detectable == {25: False, 100: False, 400: True, 1000: True}


def test_every_answer_has_a_name(monkeypatch) -> None:
    monkeypatch.setattr(score_sets, "SIZES", (25, 400))
    monkeypatch.setattr(score_sets, "SEEDS", (3,))
    cases = list(from_scores(1))
    assert len(cases) == 2 * len(score_sets.KINDS)
    assert {case.answer for case in cases} <= set(ANSWERS)
    assert sum(case.answer == "correct cause" for case in cases if case.detectable) >= 7
