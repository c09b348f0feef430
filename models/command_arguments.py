"""The arguments and options that several commands of the terminal have."""

from pathlib import Path
from typing import Annotated

import typer

DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset; see closecall datasets.")]
ExperimentId = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="An experiment; see closecall experiments.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until the work is done, with live progress.")]
On = Annotated[str, typer.Option(help="Train on Ray: ray, or ray://host:10001. Without it: here.")]
Title = Annotated[str, typer.Option(help="A title to know the experiment by.")]
Out = Annotated[Path | None, typer.Option(help="File to write: .csv, .jsonl or .parquet, by its ending.")]
Run = Annotated[str | None, typer.Option(help="One run, such as r10-s0-none. Without it: all of the experiment.")]
Yes = Annotated[bool, typer.Option("--yes", help="Take the proposed columns for those not named.")]
ROLES = "id, label, probability, logit, logit_negative, logit_positive, text, ratio, seed, split."
MaxTokens = Annotated[int, typer.Option(help="Tokens of a text that are read; longer texts are cut.")]
Keep = Annotated[str, typer.Option(help="checkpoint: each run's whole classifier; head: head and predictions only.")]
RunSeed = Annotated[int | None, typer.Option(help="The run's seed. Without it: the first.")]
RunRemedy = Annotated[str, typer.Option(help="The run's remedy.")]
Threshold = Annotated[
    float, typer.Option(help="Probability from which an example is called positive.", min=0.0, max=1.0)
]
