"""Published results, entered as counts or as accuracy and F1, decomposed in closed form."""

from closecall.analysis.ratio.binormal import (
    criterion,
    d_prime,
    decompose_counts,
    decompose_rates,
    prior_shift_rates,
    rates_from_accuracy_and_f1,
)

GOBBLI = (
    # training ratio, accuracy, minority F1, on a balanced test set of 25,000: gobbli's class imbalance benchmark on
    # IMDB, BERT, one run. The digits are those of its result file: three digits would leave half a point open.
    (1.0, 0.88172, 0.881933),
    (2.03, 0.86916, 0.861157),
    (3.0, 0.8538, 0.839475),
    (9.0, 0.77224, 0.712075),
    (19.0, 0.7092, 0.597319),
    (99.0, 0.56296, 0.226204),
)


def motivating_question() -> list[str]:
    """The motivating question, as counts of 100 each: recall and specificity 0.92/0.92 at 1:1, 0.80/0.98 at 1:10."""
    parts = decompose_counts(92, 92, 80, 98, n_pos=100, n_neg=100)
    rows = []
    for name, tpr, fpr in (("1:1", 0.92, 0.08), ("1:10", 0.80, 0.02)):
        rows.append(f"{name}: d' {d_prime(tpr, fpr):.3f}, criterion {criterion(tpr, fpr):.2f}")
    rows.append(
        f"drop {parts.drop:.3f} = ranking {parts.ranking:+.3f} + threshold {parts.threshold:+.3f}; other order "
        f"{parts.ranking_other_order:+.3f} + {parts.threshold_other_order:+.3f}"
    )
    tpr, specificity = prior_shift_rates(2.81, 10)
    rows.append(f"with d' 2.81 the class prior alone predicts {tpr:.3f}/{specificity:.3f} at 1:10")
    return rows


def gobbli() -> list[str]:
    """Rates of the published table, observed and from the class prior alone, with excess drop and parts of the drop."""
    first_tpr, first_fpr = (float(one) for one in rates_from_accuracy_and_f1(*GOBBLI[0][1:]))
    distance = float(d_prime(first_tpr, first_fpr))
    rows = []
    for ratio, accuracy, f1 in GOBBLI:
        tpr, fpr = (float(one) for one in rates_from_accuracy_and_f1(accuracy, f1))
        expected, specificity = (float(one) for one in prior_shift_rates(distance, ratio))
        parts = decompose_rates(first_tpr, first_fpr, tpr, fpr)
        tail = "" if ratio == 1 else f" {expected - tpr:+.3f} {parts.ranking:.3f} {parts.threshold:.3f}"
        rows.append(f"1:{ratio:<5g} {tpr:.3f}/{1 - fpr:.3f} {expected:.3f}/{specificity:.3f}{tail}")
    return rows
