"""Why this prediction: the attribution of each word by occlusion, the shortest deletion that changes it, and what-if.

What-if predicts a changed text with the classifier of every run. Nothing is computed before a button is pressed.
"""

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.errors.occlusion import Attribution, Flip, positive_probability, word_table
from closecall.analysis.formatting import count_text, listed_text, probability_text, ratio_text
from closecall.charts.colours import NEGATIVE_COLOUR, POSITIVE_COLOUR
from closecall.data.experiments.remedies import NO_REMEDY
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.encoders.checkpoints import Checkpoint, checkpoint_of, only_head, only_head_sentence
from closecall.models.explain.inference_client import parse_explanation, parse_probabilities
from closecall.pages.errors.inference_requests import cancel, finished_reply, is_sent, send_request
from closecall.pages.shared.cached_io import finished_runs
from closecall.pages.shared.escaping import escape_html, escape_markdown
from closecall.pages.shared.run_progress import run_label

SLOT, WHAT_IF_SLOT = "why", "what-if"
LONGEST_WORD = 40
STRONGEST_TINT = 55
"""Percent of the class colour behind the word with the largest attribution; the text stays readable on it."""
FAINTEST_SHARE = 0.08
"""Words with a smaller share of the largest attribution get no colour."""
SHOWN_UNREAD = 1_500
"""Characters shown of the part of the text that the classifier does not read."""
_CLASS = ("negative", "positive")
_HELP = (
    "Occlusion: the classifier predicts the text again without each word. The attribution of a word is the log-odds of "
    "the positive class with the word, minus the log-odds without it."
)
_STYLE = f"""<style>
.reading.attribution {{ max-height: 24rem; }}
.attribution span.for, .attribution span.against {{ border-radius: 3px; padding: 0.05em 0.1em; }}
.attribution span.for {{ background: color-mix(in srgb, {POSITIVE_COLOUR} var(--part), transparent); }}
.attribution span.against {{ background: color-mix(in srgb, {NEGATIVE_COLOUR} var(--part), transparent);
  text-decoration: underline dotted; text-underline-offset: 0.25em; }}
.attribution .unread {{ opacity: 0.55; }}
</style>"""


@st.fragment
def show_explanation(config: ExperimentConfig, run: Run, example: str, text: str | None, *, threshold: float) -> None:
    """The button and, after it was pressed, the explanation of an example's prediction."""
    if text is None or not text.strip():
        return
    checkpoint = checkpoint_of(run)
    if checkpoint is None:
        st.caption(_missing_checkpoint(config, run))
        return
    request = (checkpoint, text, threshold)
    if not is_sent(SLOT, request):
        icon = ":material/format_ink_highlighter:"
        st.button("Why this prediction", key="why", shortcut="W", icon=icon, on_click=_explain, args=request,
                  help=f"{_HELP} Loading the classifier takes some seconds the first time.")  # fmt: skip
        return
    reply = finished_reply(SLOT, request, doing="Predicting the text without each word")
    if reply is None:
        return
    if reply.error:
        st.error(escape_markdown(reply.error), icon=":material/error:")
        st.button("Try again", key="why-again", on_click=_explain, args=request)
        return
    attribution, flip = parse_explanation(reply.result)
    with st.container(border=True):
        title, close = st.columns([6, 1], vertical_alignment="center")
        title.markdown(f"**Why this prediction of {run_label(run)}**", help=_HELP)
        close.button("Close", key="why-close", type="tertiary", on_click=cancel, args=(SLOT, request))
        _show_attribution(attribution, flip, example)
        _show_what_if(config, example, text, threshold=threshold)


def _explain(checkpoint: Checkpoint, text: str, threshold: float) -> None:
    request = (checkpoint, text, threshold)
    send_request(SLOT, request, lambda client: client.explain(checkpoint, text, threshold=threshold))


def _missing_checkpoint(config: ExperimentConfig, run: Run) -> str:
    if config.kind == "imported":
        return "This prediction cannot be explained: it was imported without its classifier."
    if only_head(run.folder):
        return f"This prediction cannot be explained. {only_head_sentence(config.id, run.name)}"
    return f"This prediction cannot be explained: the checkpoint of {run_label(run)} was deleted."


def _show_attribution(attribution: Attribution, flip: Flip, example: str) -> None:
    """Two sentences, the highlighted text, and a table of the words with the largest attributions."""
    if not attribution.pieces:
        st.caption("The classifier reads no word of this text.")
        return
    st.markdown(f"{strongest_word_sentence(attribution)} {flip_sentence(attribution, flip)}")
    left, right = st.columns([3, 2], gap="medium")
    left.html(attribution_highlight(attribution))
    left.caption(
        "Orange words raise the probability of being positive, blue underlined words lower it. A stronger colour means "
        "a larger attribution."
        + (" Grey text exceeds the classifier's token limit." if attribution.not_read.strip() else "")
    )
    with right:
        _word_table(attribution, example)


def strongest_word_sentence(attribution: Attribution) -> str:
    """The probability with and without the word that has the largest attribution."""
    first = word_table(attribution, k=1).iloc[0]
    now = escape_markdown(probability_text(float(positive_probability(attribution.logit))))
    then = escape_markdown(probability_text(float(first["prob_without"])))
    if now == then:
        return f"Without any single word, the probability of being positive stays near {now}."
    return f"Without {_quoted(str(first['word']))}, the probability of being positive is {then} instead of {now}."


def flip_sentence(attribution: Attribution, flip: Flip) -> str:
    """The shortest deletion that changes the predicted class, or how far the search went."""
    positive = bool(positive_probability(attribution.logit) >= flip.threshold)
    words = attribution.words
    if not flip.removed:
        if len(words) == 1:
            return f"Without its only word the text is predicted {_CLASS[positive]} too."
        together = "both together" if flip.among == 2 else f"the 2, 3 … {flip.among} words with the largest attribution"
        return f"No single word changes the prediction to {_CLASS[not positive]}, nor do {together}."
    quoted = listed_text([_quoted(words[place]) for place in flip.removed])
    then = escape_markdown(probability_text(float(positive_probability(flip.logit))))
    change = f"Deleting {quoted} changes the prediction to {_CLASS[not positive]} ({then})"
    if len(flip.removed) == 1:
        return f"{change}."
    pairs = f" and no pair of the {flip.among} words with the largest attribution" if len(flip.removed) > 2 else ""
    doubt = "" if flip.proven else " Not all sets of fewer words were tried."
    return f"{change}; no single word{pairs} does.{doubt}"


def attribution_highlight(attribution: Attribution) -> str:
    """The text as HTML: words on orange (towards positive) or on blue and underlined (towards negative), rest in grey.

    Opacity is the share of the largest attribution, or of 1 if that is smaller.
    """
    shares = attribution.drops / max(1.0, float(np.abs(attribution.drops).max(initial=0.0)))
    words = zip(attribution.pieces, shares, attribution.drops, strict=True)
    body = "".join(_highlighted_word(piece, float(share), float(drop)) for piece, share, drop in words)
    unread, more = attribution.not_read, ""
    if len(unread) > SHOWN_UNREAD:
        more = f" … and {len(unread) - SHOWN_UNREAD:,} characters more"
    rest = f'<span class="unread" title="not read">{escape_html(unread[:SHOWN_UNREAD])}{more}</span>'
    rest = rest if unread.strip() else ""
    return f'{_STYLE}<div class="reading attribution" dir="auto" tabindex="0">{body}{rest}</div>'


def _highlighted_word(piece: str, share: float, drop: float) -> str:
    if abs(share) < FAINTEST_SHARE:
        return escape_html(piece)
    word = piece.strip()
    before, after = piece[: piece.index(word)], piece[piece.index(word) + len(word) :]
    kind = "for" if share > 0 else "against"
    style = f"--part:{STRONGEST_TINT * abs(share):.0f}%"
    span = f'<span class="{kind}" style="{style}" title="{drop:+.2f}">{escape_html(word)}</span>'
    return escape_html(before) + span + escape_html(after)


def _word_table(attribution: Attribution, example: str) -> None:
    table = word_table(attribution)
    rows = pd.DataFrame(
        {
            "word": [_short(word) for word in table["word"]],
            "attribution": table["drop"],
            "without": [probability_text(float(one)) for one in table["prob_without"]],
        }
    )
    column = st.column_config
    st.dataframe(
        rows,
        hide_index=True,
        key=f"why-words-{example}",
        alt="The words with the largest attributions, with their log-odds and the probability without them",
        column_config={
            "word": column.TextColumn("Word"),
            "attribution": column.NumberColumn(
                "Attribution", format="%+.2f", help=f"{_HELP} Above 0: towards positive."
            ),
            "without": column.TextColumn("Without it", help="Probability of being positive without the word."),
        },
    )


def _quoted(word: str) -> str:
    return f"“{escape_markdown(_short(word))}”"


def _short(word: str) -> str:
    return word if len(word) <= LONGEST_WORD else word[: LONGEST_WORD - 1] + "…"


def _show_what_if(config: ExperimentConfig, example: str, text: str, *, threshold: float) -> None:
    """An input with the text, and the predictions for the changed text by every run that kept its classifier."""
    with st.expander("Change the text and predict with every run", key=f"what-if-{example}"):
        # The keys contain the example, so that a changed text is kept while other examples are open.
        changed = st.text_area("Text", text, key=f"changed-{example}", height=140, label_visibility="collapsed")
        runs = [(run, one) for run in finished_runs(config.id) if (one := checkpoint_of(run)) is not None]
        request = (tuple(checkpoint for _, checkpoint in runs), text, changed)
        st.button(
            f"Predict with {count_text(len(runs), 'classifier')}",
            key="what-if-predict",
            icon=":material/refresh:",
            disabled=changed == text,
            on_click=_predict,
            args=request,
        )
        reply = finished_reply(WHAT_IF_SLOT, request, doing="Predicting with every run")
        if reply is None:
            if changed == text:
                st.caption("Change the text first. The dataset is not changed.")
        elif reply.error:
            st.error(escape_markdown(reply.error), icon=":material/error:")
        else:
            _what_if_table([run for run, _ in runs], parse_probabilities(reply.result), threshold)


def _predict(checkpoints: tuple[Checkpoint, ...], text: str, changed: str) -> None:
    request = (checkpoints, text, changed)
    send_request(WHAT_IF_SLOT, request, lambda client: client.probabilities(checkpoints, (text, changed)))


def _what_if_table(runs: list[Run], probs: np.ndarray, threshold: float) -> None:
    """`probs` has the shape (runs, 2): the original and the changed text."""
    before, now = (probs >= threshold).T
    st.markdown(
        f"{int(now.sum())}/{len(runs)} runs predict the changed text positive, {int(before.sum())}/{len(runs)} the "
        f"original. {count_text(int((before != now).sum()), 'prediction')} changed."
    )
    rows = pd.DataFrame(
        {
            "ratio": [ratio_text(run.config.ratio) for run in runs],
            "seed": [run.config.seed for run in runs],
            "before": [probability_text(one) for one in probs[:, 0]],
            "now": [probability_text(one) for one in probs[:, 1]],
            "change": probs[:, 1] - probs[:, 0],
            "predicted": [
                _CLASS[b] if b == n else f"{_CLASS[b]} → {_CLASS[n]}"
                for b, n in zip(before.astype(int), now.astype(int), strict=True)
            ],
        }
    )
    remedies = [run.config.remedy for run in runs]
    if any(one != NO_REMEDY for one in remedies):
        rows.insert(2, "remedy", remedies)
    column = st.column_config
    st.dataframe(
        rows,
        hide_index=True,
        alt="The probability of being positive at each ratio and seed, of the original and the changed text",
        column_config={
            "ratio": column.TextColumn("Ratio"),
            "seed": column.NumberColumn("Seed"),
            "remedy": column.TextColumn("Remedy"),
            "before": column.TextColumn("Original", help="Probability of being positive of the original text."),
            "now": column.TextColumn("Changed", help="Probability of being positive of the changed text."),
            "change": column.NumberColumn("Difference", format="%+.2f"),
            "predicted": column.TextColumn("Predicted"),
        },
    )
