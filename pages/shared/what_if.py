"""Other words for a text, and what every run's classifier says of them beside what it said before."""

import numpy as np
import pandas as pd
import streamlit as st

from data.experiments import ExperimentConfig, ratio_label
from data.runs import Run
from models.checkpoints import Checkpoint, checkpoint_of
from models.reading import probability_rows
from pages.shared.asking import answer, ask
from pages.shared.load import finished_runs
from pages.shared.words import counted, plain, probability

SLOT = "what-if"
_CALLED = ("negative", "positive")


def change_the_text(config: ExperimentConfig, example: str, text: str, *, threshold: float) -> None:
    """A box with the text; the changed text's probability at every ratio and seed that kept its classifier."""
    with st.expander("Change the text and ask every run", key=f"what-if-{example}"):
        # The box forgets nothing of an example while the page is open, and another example has its own.
        changed = st.text_area("Text", text, key=f"changed-{example}", height=140, label_visibility="collapsed")
        asked = [(run, found) for run in finished_runs(config.id) if (found := checkpoint_of(run)) is not None]
        question = (tuple(found for _, found in asked), text, changed)
        st.button(
            f"Ask {counted(len(asked), 'classifier')}",
            key="what-if-ask",
            icon=":material/refresh:",
            disabled=changed == text,
            on_click=_ask,
            args=question,
        )
        reply = answer(SLOT, question, doing="Asking the runs")
        if reply is None:
            if changed == text:
                st.caption("Change a word first. Nothing is saved: the text of the dataset stays as it is.")
        elif reply.error:
            st.error(plain(reply.error), icon=":material/error:")
        else:
            _show([run for run, _ in asked], probability_rows(reply.result), threshold)


def _ask(checkpoints: tuple[Checkpoint, ...], text: str, changed: str) -> None:
    ask(SLOT, (checkpoints, text, changed), lambda reader: reader.probabilities(checkpoints, (text, changed)))


def _show(runs: list[Run], probs: np.ndarray, threshold: float) -> None:
    """`probs` (runs x 2): before and now."""
    before, now = (probs >= threshold).T
    turned = int((before != now).sum())
    st.markdown(
        f"The changed text is called positive by {int(now.sum())} of {counted(len(runs), 'run')}, the text before by "
        f"{int(before.sum())}; {turned if turned else 'no'} prediction{'s' if turned != 1 else ''} turned."
    )
    rows = pd.DataFrame(
        {
            "ratio": [ratio_label(run.config.ratio) for run in runs],
            "seed": [run.config.seed for run in runs],
            "before": [probability(one) for one in probs[:, 0]],
            "now": [probability(one) for one in probs[:, 1]],
            "change": probs[:, 1] - probs[:, 0],
            "called": [
                _CALLED[b] if b == c else f"{_CALLED[b]} → {_CALLED[c]}"
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
