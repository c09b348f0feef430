"""`closecall report`: the report of an experiment as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from closecall.cli.arguments import ExperimentId
from closecall.cli.output import print_note
from closecall.data.io.errors import UserError


def report(
    experiment: ExperimentId,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    q: Annotated[
        float, typer.Option(help="Prevalence in use: the share of positives where it is deployed.", min=0.0, max=1.0)
    ] = 1 / 11,
) -> None:
    """Write a self-contained HTML page with the results and figures of an experiment.

    Example: closecall report posts-1-1-to-1-10 --out report.html
    """
    from closecall.charts.report import report_html
    from closecall.data.io.files import write_text
    from closecall.models.results.report_content import report_content

    if out.is_dir():
        raise UserError(f"{out} is a folder. Name a file, such as {out / 'report.html'}.")
    write_text(out, report_html(report_content(experiment, q=q)))
    print_note(f"Written to {out}.")
