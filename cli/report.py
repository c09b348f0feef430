"""The report as a file, written from the terminal: the pages' own figures without a server."""

from pathlib import Path

from streamlit.logger import set_log_level

from closecall.cli.output import print_note
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_text


def write_report(experiment: str, out: Path, *, q: float) -> None:
    """Write the report of an experiment to `out`. UserError as `charts.report.report`."""
    # Streamlit's caches work without a server, but say on every use that there is none.
    set_log_level("ERROR")
    if out.is_dir():
        raise UserError(f"{out} is a folder. Name a file, such as {out / 'report.html'}.")
    from closecall.charts.report import report

    write_text(out, report(experiment, q=q))
    print_note(f"Written to {out}.")
