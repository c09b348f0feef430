"""Numbers that others shown, entered as counts or as accuracy and F1: what the arithmetic says of them."""

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
    # IMDB, BERT, one run; with the digits of its result file, as three of them leave half a point of play.
    (1.0, 0.88172, 0.881933),
    (2.03, 0.86916, 0.861157),
    (3.0, 0.8538, 0.839475),
    (9.0, 0.77224, 0.712075),
    (19.0, 0.7092, 0.597319),
    (99.0, 0.56296, 0.226204),
)


def motivating_question() -> list[str]:
    """The question this product was made for: .92/.92 at 1:1, .80/.98 at 1:10, as counts of 100 each."""
    parts = decompose_counts(92, 92, 80, 98, n_pos=100, n_neg=100)
    rows = []
    for name, found, alarms in (("1:1", 0.92, 0.08), ("1:10", 0.80, 0.02)):
        rows.append(f"{name}: d' {d_prime(found, alarms):.3f}, criterion {criterion(found, alarms):.2f}")
    rows.append(
        f"drop {parts.drop:.3f} = ranking {parts.ranking:+.3f} + threshold {parts.threshold:+.3f}; other order "
        f"{parts.ranking_other_order:+.3f} + {parts.threshold_other_order:+.3f}"
    )
    found, alone = prior_shift_rates(2.81, 10)
    rows.append(f"with d' 2.81 the class prior alone predicts {found:.3f}/{alone:.3f} at 1:10")
    return rows


def gobbli() -> list[str]:
    """Observed and prior-only rates, excess drop, ranking loss and threshold part of the published table."""
    first_found, first_alarms = (float(one) for one in rates_from_accuracy_and_f1(*GOBBLI[0][1:]))
    distance = float(d_prime(first_found, first_alarms))
    rows = []
    for ratio, accuracy, f1 in GOBBLI:
        found, alarms = (float(one) for one in rates_from_accuracy_and_f1(accuracy, f1))
        expected, alone = (float(one) for one in prior_shift_rates(distance, ratio))
        parts = decompose_rates(first_found, first_alarms, found, alarms)
        tail = "" if ratio == 1 else f" {expected - found:+.3f} {parts.ranking:.3f} {parts.threshold:.3f}"
        rows.append(f"1:{ratio:<5g} {found:.3f}/{1 - alarms:.3f} {expected:.3f}/{alone:.3f}{tail}")
    return rows
