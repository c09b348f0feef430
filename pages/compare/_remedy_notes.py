"""What each remedy does, and what others have measured: for help texts."""

import streamlit as st

from data.remedies import PLAIN, REMEDIES, THRESHOLD, remedy_title

WHAT = {
    PLAIN: "Cross-entropy on every training example once an epoch.",
    THRESHOLD: "The plain run, called positive from another probability on. No training.",
    "tfidf-logistic": "Words and pairs of words, weighed, and a logistic regression. It reads what the encoder reads.",
    "frozen-logistic": "The encoder as it came and a logistic regression; its strength is chosen on validation.",
    "one-class-svm": "Knows the training positives only: a border around their frozen embeddings. Its scores become "
    "probabilities on validation.",
    "one-class-mahalanobis": "Knows the training positives only: distance from their middle (Ledoit-Wolf covariance). "
    "Its scores become probabilities on validation.",
    "one-class-knn": "Knows the training positives only: mean cosine to the nearest five. Its scores become "
    "probabilities on validation.",
    "retrained-head": "The plain run's encoder, its last layer fitted anew with both classes weighed alike (cRT, Kang "
    "2020).",
    "under-sampling": "As many negatives as positives, drawn afresh each epoch; the prior is put back afterwards.",
    "class-weights": "Each class weighs the same in all: N/(K n) for each example.",
    "root-weights": "The square root of the class weights: half the way.",
    "class-balanced": "Weights by the effective number of examples, beta .999 (Cui 2019).",
    "focal": "Examples that are right already count less, gamma 2 (Lin 2017).",
    "logit-adjusted": "The prior is added to the logits in training and left out at test (Menon 2021).",
    "dice": "A soft F1 of each example; smooth 1, alpha .01 (Li 2020). Experimental.",
    "over-sampling": "Positives drawn again until both classes are equal, afresh each epoch.",
}
EVIDENCE = (
    "Re-sampling spoils calibration and does not raise AUC; a threshold does the same (van den Goorbergh 2022).",
    "The effect of class weights fades over epochs (Byrd and Lipton 2019).",
    "Balancing does not help strong learners (Elor 2022).",
    "Against: on abusive-language sets mean macro-F1 rose by 1.9 points with weighted cross-entropy, 1.6 with "
    "over-sampling, 1.0 with a moved threshold, .2 with focal loss, most of it on two sets with 67 and 111 training "
    "positives (WOAH 2024).",
)
FAIR = (
    "A remedy that only moves the threshold finds more positives at .5 and raises more false alarms. So every arm is "
    "shown at .5, at its own threshold, and at the false alarms of the plain run; AUC needs no threshold at all."
)


def notes() -> None:
    """What each arm does, and what is known from elsewhere."""
    st.markdown(FAIR)
    names = [PLAIN, THRESHOLD, *(one.name for one in REMEDIES)]
    rows = [{"Arm": remedy_title(name), "What it does": WHAT[name]} for name in names]
    st.dataframe(rows, hide_index=True, key="remedy-notes", alt="What each arm does")
    st.markdown("What others measured:\n" + "\n".join(f"- {one}" for one in EVIDENCE))
