"""Why this prediction: which words carry it, the shortest deletion that turns it round, and other words tried."""

import pandas as pd
import streamlit as st

from analysis.attribution import Attribution, Flip, positive_probability, word_table
from data.experiments import ExperimentConfig
from data.runs import Run
from models.checkpoints import Checkpoint, checkpoint_of, only_head, only_head_sentence
from models.reading import explained
from pages.shared.asking import answer, ask, is_asked, take_back
from pages.shared.run_progress import run_label
from pages.shared.tinted import tinted
from pages.shared.what_if import change_the_text
from pages.shared.words import plain, probability

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
        st.error(plain(reply.error), icon=":material/error:")
        st.button("Ask again", key="why-again", on_click=_ask, args=question)
        return
    attribution, flip = explained(reply.result)
    with st.container(border=True):
        _head(run, question)
        _show(attribution, flip, example)
        change_the_text(config, example, text, threshold=threshold)


def _ask(checkpoint: Checkpoint, text: str, threshold: float) -> None:
    question = (checkpoint, text, threshold)
    ask(SLOT, question, lambda reader: reader.why(checkpoint, text, threshold=threshold))


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
    left.html(tinted(attribution))
    left.caption(
        "Orange words speak for positive, blue underlined ones for negative, the stronger the more."
        + (" Grey: not read, beyond the tokens that this classifier reads." if attribution.not_read.strip() else "")
    )
    with right:
        _table(attribution, example)


def heaviest_sentence(attribution: Attribution) -> str:
    """What the word that carries most does to the probability."""
    first = word_table(attribution, k=1).iloc[0]
    now = plain(probability(float(positive_probability(attribution.logit))))
    then = plain(probability(float(first["prob_without"])))
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
    then = plain(probability(float(positive_probability(flip.logit))))
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
            "without": [probability(float(one)) for one in table["prob_without"]],
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
    return f"“{plain(_short(word))}”"


def _short(word: str) -> str:
    return word if len(word) <= LONGEST_WORD else word[: LONGEST_WORD - 1] + "…"
