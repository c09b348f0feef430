"""One self-contained page with the figures and words of an experiment, for people without the app."""

import html
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from closecall.analysis.causes.verdict import CAUSE_NAMES, NOT_MEASURED
from closecall.analysis.formatting import percent_text, probability_text, ratio_text
from closecall.analysis.ratio.ratio_vs_threshold import ratio_vs_threshold_sentence
from closecall.charts.colours import LIGHT
from closecall.charts.figure import Chart
from closecall.data.exchange.tables import provenance
from closecall.data.experiments.store import ExperimentConfig, load_experiment
from closecall.data.io.errors import UserError
from closecall.models.results.valid_runs import ValidRuns
from closecall.models.results.verdict import own_sentences
from closecall.pages.overview.findings import what_happened, which_is_better
from closecall.pages.overview.verdict import verdict_of
from closecall.pages.ratios.curves import curves_chart
from closecall.pages.ratios.decomposition import decomposed, part_rows, waterfall, what_was_lost
from closecall.pages.ratios.flow import flow_chart, flow_of
from closecall.pages.ratios.paired_tests import READING, tests_finding, tests_of, tests_rows
from closecall.pages.ratios.ratio_vs_threshold import ratio_vs_threshold_chart, ratio_vs_threshold_rows
from closecall.pages.shared.ranking_table import best_at, best_ranked, ratio_table
from closecall.pages.shared.recall_chart import main_chart
from closecall.pages.shared.runs import outcomes_by_run, valid_runs


@dataclass(frozen=True)
class Section:
    """A heading with its sentences, tables and chart; all plain text, escaped when it is written."""

    title: str
    sentences: list[str]
    chart: Chart | None = None
    tables: list[pd.DataFrame] = field(default_factory=list)


def report(experiment: str, *, q: float) -> str:
    """The whole page as HTML: verdict, recall by ratio, the parts of the drop, the knob, curves, flow, tests, runs.

    `q` is the share of positives where the classifier will be used. UserError before a first run has finished.
    """
    config = load_experiment(experiment)
    runs = outcomes_by_run(experiment)
    if runs.empty:
        raise UserError(f"No run of {experiment} has finished yet. See how far it is: closecall status {experiment}")
    sound, table = valid_runs(experiment), ratio_table(experiment, runs, q)
    sections = [_findings(config, table), _main(config, runs, table, sound, q), _worth(table, q)]
    if len(sound[0].levels) > 1:
        sections += _comparisons(config, sound, q)
    sections += [_all_runs(runs), _made(config)]
    return page(config.title, sections)


def page(title: str, sections: list[Section]) -> str:
    """The sections as one page; the drawing library comes along once, so that it opens without a network."""
    library, parts = True, []
    for section in sections:
        parts.append(f"<section><h2>{html.escape(section.title)}</h2>")
        parts += [f"<p>{html.escape(one)}</p>" for one in section.sentences if one]
        if section.chart is not None:
            parts.append(_figure(section.chart, library=library))
            library = False
        parts += [_table(one) for one in section.tables]
        parts.append("</section>")
    safe = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{safe}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main><h1>{safe}</h1>{''.join(parts)}</main></body></html>"
    )


def _findings(config: ExperimentConfig, table: pd.DataFrame) -> Section:
    verdict = verdict_of(config.id)
    told = [what_happened(table)]
    for finding in verdict.findings if verdict else ():
        told.append(f"{CAUSE_NAMES[finding.cause]} (confidence {finding.confidence}). {' '.join(own_sentences(finding))}")
    if verdict is None:
        told.append("A verdict needs runs at two ratios; they are not all there yet.")
    told.append(f"Not measured by this verdict: {'; '.join(f'{k} ({v})' for k, v in NOT_MEASURED.items())}.")
    return Section("What happened, and why", told)


def _main(
    config: ExperimentConfig, runs: pd.DataFrame, table: pd.DataFrame, sound: tuple[ValidRuns, ValidRuns], q: float
) -> Section:
    chart = main_chart(config, runs, table, sound)
    return Section("Both classes at each ratio", [chart.reading, which_is_better(table).replace("**", "")], chart)


def _worth(table: pd.DataFrame, q: float) -> Section:
    rows = pd.DataFrame(
        {
            "Ratio": [ratio_text(one) for one in table["ratio"]],
            "Found (recall)": [_interval(row, "recall") for row in table.to_dict("records")],
            "Left alone": [_interval(row, "true_negative_rate") for row in table.to_dict("records")],
            "Precision": [probability_text(one) for one in table["precision"]],
            "F1": [probability_text(one) for one in table["f1"]],
            "Alerts per 1,000": [f"{1000 * one:.1f}" for one in table["alerts"]],
            "Average precision": [probability_text(one) for one in table["average_precision"]],
            "AUC": [probability_text(one) for one in table["auc"]],
        }
    )
    return Section(f"What each ratio is worth at {100 * q:g} % positives",
                   [best_at(table, q), best_ranked(table, q)], tables=[rows])  # fmt: skip


def _interval(row: dict[Any, Any], name: str) -> str:
    low, high = ("recall_low", "recall_high") if name == "recall" else ("tnr_low", "tnr_high")
    return f"{percent_text(row[name])} ({100 * row[low]:.1f} to {100 * row[high]:.1f})"


def _comparisons(config: ExperimentConfig, sound: tuple[ValidRuns, ValidRuns], q: float) -> list[Section]:
    """Everything that needs two ratios: the smallest against the largest that shares a seed with it."""
    test = sound[0]
    first = test.levels[0]
    pairs = {ratio: decomposed(*sound, first, ratio) for ratio in test.levels[1:]}
    last = max((ratio for ratio, parts in pairs.items() if parts), default=None)
    sections = []
    if last is not None and (parts := pairs[last]) is not None:
        names = ratio_text(first), ratio_text(last)
        chart = waterfall(parts, *names)
        rows = pd.DataFrame(part_rows(parts, names))
        sections.append(Section("Why recall fell", [what_was_lost(parts, names), chart.reading], chart, [rows]))
        table = ratio_vs_threshold_rows(*sound, first)
        knob = ratio_vs_threshold_chart(config, first, q, parts.n_positives)
        told = [ratio_vs_threshold_sentence(table, reference_ratio=first), *table["sentence"], knob.reading]
        sections.append(Section("The ratio as a knob", told, knob))
    curves, flow, tests = curves_chart(config, q), flow_chart(flow_of(test), test.levels), tests_of(test)
    told = [tests_finding(tests, ratio_text(first)), READING]
    return [
        *sections,
        Section("Precision and recall", [curves.reading], curves),
        Section("Who was lost", [flow.reading], flow),
        Section("Paired tests", told, tables=[_named_tests(tests_rows(tests), ratio_text(first))]),
    ]


def _named_tests(rows: pd.DataFrame, reference: str) -> pd.DataFrame:
    names = ["What", f"Right only at {reference}", "Right only at this ratio", "Fewer right (95 % interval)", "p",
             "p after Holm"]  # fmt: skip
    return rows.set_axis(names, axis=1)


def _all_runs(runs: pd.DataFrame) -> Section:
    shown = pd.DataFrame(
        {
            "Run": runs["name"],
            "Hits": runs["tp"],
            "Misses": runs["fn"],
            "False alarms": runs["fp"],
            "Correct rejections": runs["tn"],
            "Collapsed": ["yes" if one else "" for one in runs["collapsed"]],
        }
    )
    return Section(
        "All runs, cut at .5", ["On the test set. Collapsed runs are left out of every mean."], tables=[shown]
    )


def _made(config: ExperimentConfig) -> Section:
    """Where the numbers come from."""
    rows = [(name.replace("_", " "), value) for name, value in provenance(config.id).columns.items() if value]
    training = config.training
    rows += [
        ("sweep", config.sweep),
        ("seeds", ", ".join(map(str, config.seeds))),
        ("encoder", training.encoder),
        ("epochs", "as many steps at every ratio" if training.equal_steps else training.epochs),
        ("tokens read", training.max_tokens),
        ("learning rate", f"{training.learning_rate:g}"),
    ]
    told = ["Equal epochs are not equal steps: a larger ratio takes more of them."] if not training.equal_steps else []
    return Section("How it was made", told, tables=[pd.DataFrame(rows, columns=["What", "Value"]).astype(str)])


def _figure(chart: Chart, *, library: bool) -> str:
    drawn = chart.figure.to_html(full_html=False, include_plotlyjs=library, config={"displayModeBar": False})
    return f'<figure role="img" aria-label="{html.escape(chart.alt, quote=True)}">{drawn}</figure>'


def _table(frame: pd.DataFrame) -> str:
    return f'<div class="table">{frame.to_html(index=False, border=0, escape=True)}</div>'


# How the report looks: one readable column, dark ink on white, also on paper.

STYLE = f"""
body {{ margin: 0; color: {LIGHT.ink}; background: white; font: 16px/1.55 "Source Sans 3", "Source Sans Pro", sans-serif; }}
main {{ max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }}
h1 {{ font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.25rem; margin: 2.5rem 0 0.5rem; }}
p {{ margin: 0.4rem 0; max-width: 46rem; }}
figure {{ margin: 1rem 0; }}
.table {{ overflow-x: auto; margin: 1rem 0; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
th, td {{ text-align: left; padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid {LIGHT.faint}; vertical-align: top; }}
td {{ font-variant-numeric: tabular-nums; }}
@media print {{ section {{ break-inside: avoid; }} }}
"""
