"""Why this prediction: which words carry it, the shortest deletion that turns it round, and other words tried."""

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.errors.occlusion import Attribution, Flip, positive_probability, word_table
from closecall.analysis.formatting import count_text, probability_text, ratio_text
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.encoders.checkpoints import Checkpoint, checkpoint_of, only_head, only_head_sentence
from closecall.models.explain.inference_client import parse_explanation, parse_probabilities
from closecall.pages.errors.inference_requests import answer, ask, attribution_highlight, is_asked, take_back
from closecall.pages.shared.cached_io import finished_runs
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.run_progress import run_label

SLOT = "why"
LONGEST_WORD = 40
_CALLED = ("negative", "positive")


@st.fragment
def why_part(config: ExperimentConfig, run: Run, example: str, text: str | None, *, threshold: float) -> None:
    """The section of an example. Nothing is computed before the button is pressed, and nothing of torch is loaded."""
    if text is None or not text.strip():
        return
    checkpoint = checkpoint_of(run)
    if checkpoint is None:
        st.caption(_missing(config, run))
        return
    question = (checkpoint, text, threshold)
    if not is_asked(SLOT, question):
        st.button(
            "Why this prediction",
            key="why",
            shortcut="W",
            icon=":material/format_ink_highlighter:",
            on_click=_ask,
            args=question,
            help="Asks the classifier again without each word. The first time it takes some seconds to load.",
        )
        return
    reply = answer(SLOT, question, doing="Reading the text without some words")
    if reply is None:
        return
    if reply.error:
        st.error(escape_markdown(reply.error), icon=":material/error:")
        st.button("Ask again", key="why-again", on_click=_ask, args=question)
        return
    attribution, flip = parse_explanation(reply.result)
    with st.container(border=True):
        _head(run, question)
        _show(attribution, flip, example)
        change_the_text(config, example, text, threshold=threshold)


def _ask(checkpoint: Checkpoint, text: str, threshold: float) -> None:
    question = (checkpoint, text, threshold)
    ask(SLOT, question, lambda reader: reader.explain(checkpoint, text, threshold=threshold))


def _missing(config: ExperimentConfig, run: Run) -> str:
    if config.kind == "imported":
        return "Why this prediction cannot be asked: it was imported, without its classifier."
    if only_head(run.folder):
        return f"Why this prediction cannot be asked. {only_head_sentence(config.id, run.name)}"
    return f"Why this prediction cannot be asked: the checkpoint of {run_label(run)} is not there any more."


def _head(run: Run, question: tuple[Checkpoint, str, float]) -> None:
    title, close = st.columns([6, 1], vertical_alignment="center")
    title.markdown(f"**Why this prediction of {run_label(run)}**")
    close.button("Close", key="why-close", type="tertiary", on_click=take_back, args=(SLOT, question))


def _show(attribution: Attribution, flip: Flip, example: str) -> None:
    """The words tinted, what turns the prediction, and the numbers of the heaviest."""
    if not attribution.pieces:
        st.caption("The classifier reads no word of this text, so there is none to leave out.")
        return
    st.markdown(f"{heaviest_sentence(attribution)} {flip_sentence(attribution, flip)}")
    left, right = st.columns([3, 2], gap="medium")
    left.html(attribution_highlight(attribution))
    left.caption(
        "Orange words speak for positive, blue underlined ones for negative, the stronger the more."
        + (" Grey: not read, beyond the tokens that this classifier reads." if attribution.not_read.strip() else "")
    )
    with right:
        _table(attribution, example)


def heaviest_sentence(attribution: Attribution) -> str:
    """What the word that carries most does to the probability."""
    first = word_table(attribution, k=1).iloc[0]
    now = escape_markdown(probability_text(float(positive_probability(attribution.logit))))
    then = escape_markdown(probability_text(float(first["prob_without"])))
    if now == then:
        return f"Without any one word the probability of being positive stays near {now}."
    return f"Without {_quoted(str(first['word']))} the probability of being positive would be {then}, not {now}."


def flip_sentence(attribution: Attribution, flip: Flip) -> str:
    """The shortest deletion that turns the prediction, and how far the search went."""
    called = bool(positive_probability(attribution.logit) >= flip.threshold)
    other = _CALLED[1 - int(called)]
    words = attribution.words
    if not flip.removed:
        if len(words) == 1:
            return f"The text without its only word is called {_CALLED[called]} too."
        heaviest = "both together" if flip.among == 2 else f"the 2, 3 … {flip.among} that carry it most together"
        return f"No single word turns it to {other}, nor do {heaviest}."
    quoted = [_quoted(words[place]) for place in flip.removed]
    said = " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]
    then = escape_markdown(probability_text(float(positive_probability(flip.logit))))
    if len(flip.removed) == 1:
        return f"Leaving out {said} alone turns it to {other} ({then})."
    pairs = f" and no pair of the {flip.among} heaviest" if len(flip.removed) > 2 else ""
    doubt = "" if flip.proven else " Fewer other words may do it too: not all were tried."
    return f"Leaving out {said} turns it to {other} ({then}); no single word{pairs} does.{doubt}"


def _table(attribution: Attribution, example: str) -> None:
    table = word_table(attribution)
    rows = pd.DataFrame(
        {
            "word": [_short(word) for word in table["word"]],
            "carries": table["drop"],
            "without": [probability_text(float(one)) for one in table["prob_without"]],
        }
    )
    st.dataframe(
        rows,
        hide_index=True,
        key=f"why-words-{example}",
        alt="The words that carry the prediction most, with their log-odds and the probability without them",
        column_config={
            "word": st.column_config.TextColumn("Word"),
            "carries": st.column_config.NumberColumn(
                "Carries",
                format="%+.2f",
                help="Log-odds of being positive with the word less those without it. Above 0: speaks for positive.",
            ),
            "without": st.column_config.TextColumn(
                "Without it", help="Probability of being positive without the word."
            ),
        },
    )


def _quoted(word: str) -> str:
    return f"“{escape_markdown(_short(word))}”"


def _short(word: str) -> str:
    return word if len(word) <= LONGEST_WORD else word[: LONGEST_WORD - 1] + "…"


# Other words for a text, and what every run's classifier says of them beside what it said before.

WHAT_IF_SLOT = "what-if"
_CALLED_AGAIN = ("negative", "positive")


def change_the_text(config: ExperimentConfig, example: str, text: str, *, threshold: float) -> None:
    """A box with the text; the changed text's probability at every ratio and seed that kept its classifier."""
    with st.expander("Change the text and ask every run", key=f"what-if-{example}"):
        # The box forgets nothing of an example while the page is open, and another example has its own.
        changed = st.text_area("Text", text, key=f"changed-{example}", height=140, label_visibility="collapsed")
        asked = [(run, found) for run in finished_runs(config.id) if (found := checkpoint_of(run)) is not None]
        question = (tuple(found for _, found in asked), text, changed)
        st.button(
            f"Ask {count_text(len(asked), 'classifier')}",
            key="what-if-ask",
            icon=":material/refresh:",
            disabled=changed == text,
            on_click=_ask_what_if,
            args=question,
        )
        reply = answer(WHAT_IF_SLOT, question, doing="Asking the runs")
        if reply is None:
            if changed == text:
                st.caption("Change a word first. Nothing is saved: the text of the dataset stays as it is.")
        elif reply.error:
            st.error(escape_markdown(reply.error), icon=":material/error:")
        else:
            _show_what_if([run for run, _ in asked], parse_probabilities(reply.result), threshold)


def _ask_what_if(checkpoints: tuple[Checkpoint, ...], text: str, changed: str) -> None:
    ask(WHAT_IF_SLOT, (checkpoints, text, changed), lambda reader: reader.probabilities(checkpoints, (text, changed)))


def _show_what_if(runs: list[Run], probs: np.ndarray, threshold: float) -> None:
    """`probs` (runs x 2): before and now."""
    before, now = (probs >= threshold).T
    turned = int((before != now).sum())
    st.markdown(
        f"The changed text is called positive by {int(now.sum())} of {count_text(len(runs), 'run')}, the text before by "
        f"{int(before.sum())}; {turned if turned else 'no'} prediction{'s' if turned != 1 else ''} turned."
    )
    rows = pd.DataFrame(
        {
            "ratio": [ratio_text(run.config.ratio) for run in runs],
            "seed": [run.config.seed for run in runs],
            "before": [probability_text(one) for one in probs[:, 0]],
            "now": [probability_text(one) for one in probs[:, 1]],
            "change": probs[:, 1] - probs[:, 0],
            "called": [
                _CALLED_AGAIN[b] if b == c else f"{_CALLED_AGAIN[b]} → {_CALLED_AGAIN[c]}"
                for b, c in zip(before.astype(int), now.astype(int), strict=True)
            ],
        }
    )
    remedies = [run.config.remedy for run in runs]
    if any(one != "none" for one in remedies):
        rows.insert(2, "remedy", remedies)
    column = st.column_config
    st.dataframe(
        rows,
        hide_index=True,
        alt="The probability of being positive at each ratio and seed, before the change and now",
        column_config={
            "ratio": column.TextColumn("Ratio"),
            "seed": column.NumberColumn("Seed"),
            "remedy": column.TextColumn("Remedy"),
            "before": column.TextColumn("Before", help="Probability of being positive of the text as it is."),
            "now": column.TextColumn("Now", help="The same of the changed text."),
            "change": column.NumberColumn("Change", format="%+.2f"),
            "called": column.TextColumn("Called"),
        },
    )
