"""Commands that explain predictions and check labels: why, audit."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from closecall.cli.arguments import ExperimentId, Json, Out, Ratio, RunRemedy, RunSeed, Threshold, one_ratio
from closecall.cli.output import print_frame, print_json, print_note, print_rows, write_or_print
from closecall.data.io.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from closecall.analysis.errors.occlusion import Attribution, Flip
    from closecall.data.experiments.runs import Run
    from closecall.models.encoders.checkpoints import Checkpoint

ExampleId = Annotated[str, typer.Argument(metavar="ID", help="The example's id; see closecall errors.")]
CAUTION = (
    "The suspects were chosen by a model that resembles the runs, so recall rises by this choice even where every "
    "label is correct. Treat the gain as an upper bound until the suspects are read."
)


def why(
    experiment: ExperimentId,
    example: ExampleId,
    ratio: Ratio,
    seed: RunSeed = None,
    remedy: RunRemedy = "none",
    threshold: Threshold = 0.5,
    text: Annotated[str | None, typer.Option(help="A changed text: its probability in every run.")] = None,
    json: Json = False,
) -> None:
    """Show the effect of each word on a prediction, and the shortest deletion that flips it.

    Example: closecall why posts-1-1-to-1-10 post-00042 --ratio 10
    """
    from closecall.data.experiments.runs import finished_run
    from closecall.models.encoders.checkpoints import checkpoint_of, only_head, only_head_sentence
    from closecall.models.runtime.extras import require_training

    require_training()
    run = finished_run(experiment, ratio=one_ratio(ratio), seed=seed, remedy=remedy)
    original = _text_of(experiment, example)
    checkpoint = checkpoint_of(run)
    if checkpoint is None:
        if only_head(run.folder):
            raise UserError(only_head_sentence(experiment, run.name))
        raise UserError(f"{run.name} of {experiment} has no checkpoint: it was imported, or it was removed.")
    if text is None:
        _explain_words(run, checkpoint, original, threshold, as_json=json)
    else:
        _compare_texts(experiment, original, text, as_json=json)


def audit(experiment: ExperimentId, out: Out = None, json: Json = False) -> None:
    """List or write the labels that look wrong, with their neighbours and near copies; recall without them.

    Example: closecall audit posts-1-1-to-1-10 --out suspects.csv
    """
    from closecall.analysis.formatting import count_text, sentence_text
    from closecall.data.annotations.label_audits import load_copies, suspect_rows
    from closecall.data.exchange.tables import provenance
    from closecall.models.explain import label_audit
    from closecall.models.runtime.progress import Progress

    shown: list[str] = []

    def report(progress: Progress) -> None:
        if progress.phase not in shown:
            shown.append(progress.phase)
            print_note(sentence_text(progress.phase))

    _, frame = label_audit.audit(experiment, report=report)
    copies, suspects = load_copies(experiment), frame[frame["flagged"]]
    positives = int((suspects["label"] == 1).sum())
    print_note(
        f"{len(suspects):,} of {len(frame):,} labels look wrong: {positives:,} positives and "
        f"{len(suspects) - positives:,} negatives. Read them before you change a label."
    )
    if len(copies):
        pairs = count_text(len(copies), "pair of near copies has", "pairs of near copies have")
        print_note(f"{pairs} opposite labels, listed first.")
    table = texts_added(experiment, suspect_rows(frame, copies))
    columns = ["id", "split", "class_name", "self_confidence", "others", "near_copy", "text"]
    write_or_print(table, provenance(experiment), out, columns, as_json=json)
    if not json and (rows := _recall_rows(experiment, suspects["id"])):
        print_rows(rows, title="Recall on test at threshold 0.50")
        print_note(CAUTION)


def _text_of(experiment: str, example: str) -> str:
    """The text of an example. UserError for an unknown id or a blank text."""
    from closecall.data.datasets.store import load_examples
    from closecall.data.experiments.store import load_experiment

    rows = load_examples(load_experiment(experiment).dataset, ["id", "text"])
    texts = rows.loc[rows["id"] == example, "text"]
    if texts.empty:
        raise UserError(f"There is no example {example} in the dataset of {experiment}.")
    if not str(texts.iloc[0]).strip():
        raise UserError(f"The example {example} has no text, so there is no word to leave out.")
    return str(texts.iloc[0])


def _explain_words(run: "Run", checkpoint: "Checkpoint", text: str, threshold: float, *, as_json: bool) -> None:
    """Print the words with the largest effect on the log-odds, and the shortest deletion that flips the prediction."""
    from closecall.analysis.errors.occlusion import positive_probability, word_table
    from closecall.analysis.formatting import probability_text, ratio_text
    from closecall.models.explain.classifiers import Classifier
    from closecall.models.explain.occlusion import explain

    attribution, flip = explain(Classifier(checkpoint), text, threshold=threshold)
    if as_json:
        print_json({"run": run.name, **_explanation_content(attribution, flip)})
        return
    prob = probability_text(float(positive_probability(attribution.logit)))
    print_note(f"{ratio_text(run.config.ratio)}, seed {run.config.seed}: probability of positive {prob}.")
    print_frame(word_table(attribution).drop(columns="place"))
    print_note("drop: log-odds of positive with the word minus log-odds without it.")
    print_note(_flip_text(attribution, flip))
    if attribution.not_read.strip():
        print_note(f"{len(attribution.not_read):,} characters at the end are beyond the token limit and were not read.")


def _explanation_content(attribution: "Attribution", flip: "Flip") -> dict[str, Any]:
    """The effect of every word and the flip, for scripts."""
    from dataclasses import asdict

    from closecall.analysis.errors.occlusion import positive_probability

    words = attribution.words
    return {
        "pos_prob": float(positive_probability(attribution.logit)),
        "logit": attribution.logit,
        "not_read": attribution.not_read,
        "words": [{"word": word, "drop": float(drop)} for word, drop in zip(words, attribution.drops, strict=True)],
        "flip": {**asdict(flip), "words": [words[place] for place in flip.removed]},
    }


def _flip_text(attribution: "Attribution", flip: "Flip") -> str:
    """The shortest deletion that flips the prediction as a sentence, or how far the search went without one."""
    from closecall.analysis.errors.occlusion import positive_probability
    from closecall.analysis.formatting import probability_text

    if not flip.removed:
        together = f", nor does removing the {flip.among} with the largest effect" if flip.among > 1 else ""
        return f"No single word flips the prediction{together}."
    words = ", ".join(attribution.words[place] for place in flip.removed)
    prob = probability_text(float(positive_probability(flip.logit)))
    shorter = "" if flip.proven else " A shorter deletion may exist: not all were tried."
    return f"Without {words} the prediction flips (probability of positive {prob}).{shorter}"


def _compare_texts(experiment: str, original: str, changed: str, *, as_json: bool) -> None:
    """Print the probability of both texts in every run that kept its classifier."""
    from closecall.analysis.errors.occlusion import positive_probability
    from closecall.data.experiments.runs import load_runs
    from closecall.models.encoders.checkpoints import checkpoint_of
    from closecall.models.explain.classifiers import ClassifierCache

    classifiers = ClassifierCache()
    rows: list[dict[str, Any]] = []
    for run in load_runs(experiment):
        checkpoint = checkpoint_of(run) if run.has_predictions else None
        if checkpoint is not None:
            before, now = positive_probability(classifiers(checkpoint).log_odds([original, changed])).tolist()
            rows.append({"run": run.name, "before": before, "now": now, "change": now - before})
    if as_json:
        print_json(rows)
    else:
        print_rows(rows)
        print_note("Probability of positive: before for the example's text, now for the changed text.")


def texts_added(experiment: str, rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows (with an id) with text and class name; both empty when the dataset was deleted."""
    from closecall.data.datasets.store import load_examples
    from closecall.data.experiments.store import load_experiment

    try:
        examples = load_examples(load_experiment(experiment).dataset, ["id", "text", "class_name"])
    except UserError:
        return rows.assign(text="", class_name="")
    return rows.merge(examples, on="id", how="left").fillna({"text": "", "class_name": ""})


def _recall_rows(experiment: str, suspects: "pd.Series") -> list[dict[str, Any]]:
    """Recall at each ratio with the labels as they are, suspects dropped and suspects relabelled; over valid seeds."""
    import numpy as np

    from closecall.models.results.valid_runs import valid_runs

    test, _ = valid_runs(experiment)
    flagged = np.isin(test.ids, suspects.to_numpy(dtype=object))
    if not flagged.any():
        return []
    return [_recall_row(ratio, test.labels, test.at(ratio), flagged) for ratio in test.levels]


def _recall_row(ratio: float, labels: "np.ndarray", probs: "np.ndarray", flagged: "np.ndarray") -> dict[str, Any]:
    from closecall.analysis.causes.label_audit import flagged_share_of_false_negatives, recall_without_suspects
    from closecall.analysis.formatting import interval_text, percent_text, ratio_text, share_text

    recalls = {
        str(one["labels"]): f"{percent_text(one['recall'])} ({interval_text(one['low'], one['high'])})"
        for one in recall_without_suspects(labels, probs, flagged).to_dict("records")
    }
    share = flagged_share_of_false_negatives(labels, probs, flagged)
    suspects = share_text(share.flagged, share.false_negatives)
    return {"ratio": ratio_text(ratio), **recalls, "false negatives that are suspects": suspects}
