"""The section of one experiment: recall by ratio, the parts of the drop, the verdict, the remedies."""

from benchmarks.results.comparison import RemedyResults
from benchmarks.results.formatting import area, counted_share, pair, part, plain, seeds_text, share, table
from benchmarks.results.measures import Sweep
from closecall.analysis.formatting import (
    listed_text,
    p_text,
    percent_text,
    points_cell,
    ratio_text,
    score_difference_cell,
    score_text,
    sentence_text,
)
from closecall.analysis.remedies.gains import Gain
from closecall.analysis.remedies.methods import Measures
from closecall.data.experiments.remedies import remedy_title
from closecall.models.results.remedy_comparison import remedy_answers


def section(sweep: Sweep) -> list[str]:
    """The section as lines of Markdown."""
    lines = [f"## {plain(sweep.info.title)}", "", _texts(sweep), ""]
    if sweep.unmeasured:
        return [*lines, sweep.unmeasured, ""]
    lines += [_heading("Recall and specificity by ratio", sweep), "", *_recalls(sweep)]
    if sweep.drops:
        lines += ["### Where the drop comes from", "", *_drops(sweep)]
        lines += ["### What the class prior alone predicts", "", *_prior(sweep)]
    if sweep.verdict:
        lines += ["### The verdict", "", *(f"- {one}" for one in sweep.verdict), ""]
    return [*lines, *_remedies(sweep)]


def _heading(text: str, sweep: Sweep) -> str:
    most = max(len(one.seeds) for one in sweep.levels)
    return f"### {text}, {'one seed' if most == 1 else f'mean of {most} seeds'}"


def _texts(sweep: Sweep) -> str:
    """The classes, and the number of test examples."""
    positives, negatives = (", ".join(map(plain, one)) for one in (sweep.info.positive_classes,
                                                                   sweep.info.negative_classes))  # fmt: skip
    n_pos, n_neg = sweep.counts["test"]
    return f"Positives: {positives}. Negatives: {negatives}. Tested on {n_pos:,} positives and {n_neg:,} negatives."


def _recalls(sweep: Sweep) -> list[str]:
    n_pos, n_neg = sweep.counts["test"]
    own = n_pos / (n_pos + n_neg)
    header = ("trained at", f"recall, positives of {n_pos:,}", f"specificity, negatives of {n_neg:,}", "AUC",
              "AP, own mix", "AP, q = 1/11")  # fmt: skip
    rows = []
    most = max(len(one.seeds) for one in sweep.levels)
    for level in sweep.levels:
        shown, seeds = level.measures, len(level.seeds)
        name = ratio_text(level.ratio) + ("" if seeds == most else f", {seeds_text(seeds)}")
        rows.append((
            name,
            counted_share(shown.at_half.recall, n_pos, seeds),
            counted_share(shown.at_half.specificity, n_neg, seeds),
            area(shown.auc),
            score_text(level.own_mix),
            score_text(shown.average_precision.value),
        ))  # fmt: skip
    note = (
        "At threshold 0.50; counts are means over seeds. AP is average precision: at the "
        f"test set's own share of positives, q = {percent_text(own)}, and at one positive among ten negatives, q = "
        "1/11. A random order has an AUC of 0.5 and an AP of q."
    )
    collapsed = [f"{one.collapsed} at {ratio_text(one.ratio)}" for one in sweep.levels if one.collapsed]
    return [
        *table(header, rows),
        note + (f" Collapsed and left out: {listed_text(collapsed)}." if collapsed else ""),
        "",
    ]


def _drops(sweep: Sweep) -> list[str]:
    first = ratio_text(sweep.levels[0].ratio)
    header = ("trained at", f"drop since {first}", "threshold part", "ranking part", "ranking part, other order",
              f"recall at {first}'s false-positive rate")  # fmt: skip
    rows = [
        (
            ratio_text(recall_drop.level.ratio),
            part(recall_drop.parts.drop),
            part(recall_drop.parts.threshold),
            part(recall_drop.parts.ranking),
            part(recall_drop.parts.ranking_other) if recall_drop.parts.both_orders else "too few false positives",
            share(recall_drop.moved.recall),
        )
        for recall_drop in sweep.drops
    ]
    note = (
        "Points of recall, over the seeds that both have; below 0: a gain. Ranking: what stays lost when the ratio is "
        f"at the false-positive rate of {first}; threshold: the rest. Other order: what stays lost against "
        f"{first} at "
        "the false-positive rate of the larger ratio. Thresholds are chosen on validation."
    )
    return [*table(header, rows), note, ""]


def _prior(sweep: Sweep) -> list[str]:
    first = ratio_text(sweep.levels[0].ratio)
    header = (
        "trained at",
        "recall",
        "recall, prior alone",
        "drop beyond it",
        "specificity",
        "specificity, prior alone",
    )
    rows = [
        (
            ratio_text(recall_drop.level.ratio),
            percent_text(recall_drop.level.measures.at_half.recall.value),
            percent_text(recall_drop.prior[0]),
            part(recall_drop.excess),
            percent_text(recall_drop.level.measures.at_half.specificity.value),
            percent_text(recall_drop.prior[1]),
        )
        for recall_drop in sweep.drops
    ]
    note = (
        f"Prior alone: what the classifiers of {first}, calibrated on validation, would show had nothing but their "
        "prior moved to the ratio. Drop beyond it: points of recall lost more than that; below 0: fewer."
    )
    return [*table(header, rows), note, ""]


def _remedies(sweep: Sweep) -> list[str]:
    results = sweep.remedies
    if results is None:
        return ["### Remedies", "", "No remedy has finished beside a baseline run.", ""]
    ratio = ratio_text(results.comparison.ratio)
    seeds = seeds_text(len(results.comparison.baseline.seeds))
    lines = [f"### Remedies at {ratio}, {seeds}", ""]
    lines += [f"- {one}" for one in remedy_answers(results.comparison, results.gains, results.measures[0])]
    return [*lines, "", *_points(results), *_gains(results)]


def _points(results: RemedyResults) -> list[str]:
    by_name = {gain.name: gain for gain in results.gains}
    header = (
        "method: recall / specificity, %",
        "at threshold 0.50",
        "at its own threshold",
        "at the baseline's false-positive rate",
        "recall gained there",
    )
    rows = [
        (_name(one, results), *(pair(point) for point in (one.at_half, one.at_own, one.at_common)),
         points_cell(by_name[one.name].recall) if one.name in by_name else "")
        for one in results.measures
    ]  # fmt: skip
    false_positives = results.gains[0].false_positives if results.gains else 0.0
    note = (
        "Own threshold: the best mean of recall and specificity on validation. Baseline's false-positive rate: that of "
        f"the baseline at threshold 0.50 on validation, {false_positives:.0f} examples on average. "
        "Recall gained: points of recall over the baseline at that rate."
    )
    if any(gain.few_false_positives for gain in results.gains):
        note += " With so few false positives, recall there is uncertain."
    return [*table(header, rows), note, ""]


def _gains(results: RemedyResults) -> list[str]:
    by_name = {gain.name: gain for gain in results.gains}
    header = ("method", "AUC", "minus baseline", "p", "AP, q = 1/11", "minus baseline", "p", "seconds")
    rows = [_gain_row(one, by_name.get(one.name), results) for one in results.measures]
    note = (
        "p after Holm: that of AUC over AUC and recall of all methods, that of AP over all methods. Seconds: "
        "training of one run, in one process on a busy machine; methods without fine-tuning use existing embeddings."
    )
    unfinished = [remedy_title(one) for one in results.comparison.unfinished]
    return [*table(header, rows), note + (f" Not finished: {listed_text(unfinished)}." if unfinished else ""), ""]


def _gain_row(one: Measures, gain: Gain | None, results: RemedyResults) -> tuple[str, ...]:
    seconds = results.comparison.seconds[one.name]
    auc, p = (score_difference_cell(gain.auc), _p(gain.auc_p)) if gain else ("", "")
    rise = results.ap_gains.get(one.name)
    ap, p_of_ap = (score_difference_cell(rise[0]), _p(rise[1])) if rise else ("", "")
    shown = score_text(one.auc.value), auc, p, score_text(one.average_precision.value), ap, p_of_ap
    return (_name(one, results), *shown, "" if seconds != seconds else f"{seconds:,.0f}" if seconds >= 1 else "under 1")


def _p(p: float) -> str:
    """The p value without spaces, so that a narrow cell does not break."""
    return p_text(p).replace(" ", "")


def _name(one: Measures, results: RemedyResults) -> str:
    """The method's title, and its number of seeds where it has fewer than the baseline."""
    fewer = len(one.seeds) < len(results.comparison.baseline.seeds)
    return sentence_text(plain(one.title)) + (f", {seeds_text(len(one.seeds))}" if fewer else "")
