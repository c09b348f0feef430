"""`closecall report`: the report of an experiment as one HTML file."""

from pathlib import Path

from closecall.cli.output import print_note
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_text


def write_report(experiment: str, out: Path, *, q: float) -> None:
    """Write the report of an experiment at prevalence q to `out`. UserError before a first run has finished."""
    if out.is_dir():
        raise UserError(f"{out} is a folder. Name a file, such as {out / 'report.html'}.")
    # Imported here, because Plotly takes a second to import.
    from closecall.charts.report import report_html
    from closecall.models.results.report_content import report_content

    write_text(out, report_html(report_content(experiment, q=q)))
    print_note(f"Written to {out}.")
