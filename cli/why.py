"""`closecall why`: which words carry a prediction, and what the runs say of another text."""

from dataclasses import asdict
from typing import Any

from closecall.analysis.formatting import ratio_text
from closecall.cli.arguments import one_ratio
from closecall.cli.output import print_json, print_note, print_rows
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import Run, finished_run, load_runs
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.encoders.checkpoints import Checkpoint, checkpoint_of, only_head, only_head_sentence
from closecall.models.runtime.extras import require_training


def why(
    experiment: str,
    example: str,
    ratio: str,
    *,
    seed: int | None,
    remedy: str,
    threshold: float,
    text: str | None,
    as_json: bool,
) -> None:
    """The words of an example by what they carry; with another `text`, what every run says of it instead."""
    require_training()
    if not 0 <= threshold <= 1:
        raise UserError(f"The threshold is {threshold:g}; it must lie between 0 and 1.")
    run = finished_run(experiment, ratio=one_ratio(ratio), seed=seed, remedy=remedy)
    own = _text_of(experiment, example)
    checkpoint = checkpoint_of(run)
    if checkpoint is None:
        if only_head(run.folder):
            raise UserError(only_head_sentence(experiment, run.name))
        raise UserError(f"{run.name} of {experiment} has no checkpoint to ask: it was imported, or it was removed.")
    if text is None:
        _show_words(run, checkpoint, own, threshold, as_json=as_json)
    else:
        _show_other(experiment, own, text, as_json=as_json)


def _text_of(experiment: str, example: str) -> str:
    rows = load_examples(load_experiment(experiment).dataset, ["id", "text"])
    found = rows.loc[rows["id"] == example, "text"]
    if found.empty:
        raise UserError(f"There is no example {example} in the dataset of {experiment}.")
    if not str(found.iloc[0]).strip():
        raise UserError(f"The example {example} has no text: there is no word to leave out.")
    return str(found.iloc[0])


def _show_words(run: Run, checkpoint: Checkpoint, text: str, threshold: float, *, as_json: bool) -> None:
    from closecall.analysis.errors.occlusion import positive_probability, word_table
    from closecall.models.explain.classifiers import Classifier
    from closecall.models.explain.occlusion import explain

    attribution, flip = explain(Classifier(checkpoint), text, threshold=threshold)
    prob = float(positive_probability(attribution.logit))
    words = attribution.words
    removed = [words[place] for place in flip.removed]
    if as_json:
        content = {"run": run.name, "pos_prob": prob, "logit": attribution.logit, "not_read": attribution.not_read}
        told = [{"word": word, "drop": float(drop)} for word, drop in zip(words, attribution.drops, strict=True)]
        print_json({**content, "words": told, "flip": {**asdict(flip), "words": removed}})
        return
    print_note(f"{ratio_text(run.config.ratio)}, seed {run.config.seed}: positive with probability {prob:.3f}.")
    table = word_table(attribution).drop(columns="place").to_dict("records")
    print_rows([{str(name): value for name, value in row.items()} for row in table])
    print_note("drop: log-odds of being positive with the word less those without it.")
    if flip.removed:
        then = float(positive_probability(flip.logit))
        doubt = "" if flip.proven else " Fewer other words may do it too: not all were tried."
        print_note(f"Without {', '.join(removed)} the prediction turns ({then:.3f}).{doubt}")
    else:
        together = f", nor do the {flip.among} that carry it most together" if flip.among > 1 else ""
        print_note(f"No single word turns the prediction{together}.")
    if attribution.not_read.strip():
        print_note(f"{len(attribution.not_read):,} characters at the end lie beyond the tokens that are read.")


def _show_other(experiment: str, own: str, other: str, *, as_json: bool) -> None:
    """The probability of both texts at every ratio and seed that kept its classifier."""
    from closecall.analysis.errors.occlusion import positive_probability
    from closecall.models.explain.classifiers import ClassifierCache

    classifiers = ClassifierCache()
    rows: list[dict[str, Any]] = []
    for run in load_runs(experiment):
        checkpoint = checkpoint_of(run) if run.has_predictions else None
        if checkpoint is not None:
            before, now = positive_probability(classifiers(checkpoint).log_odds([own, other])).tolist()
            rows.append({"run": run.name, "before": before, "now": now, "change": now - before})
    if as_json:
        print_json(rows)
    else:
        print_rows(rows)
        print_note("The probability of being positive: of the example's text, and of the other text.")
