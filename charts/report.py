"""One self-contained HTML page with the figures, sentences and tables of an experiment, for readers without the app."""

import html
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from closecall.analysis.causes.miss_wording import chance_sentence
from closecall.analysis.causes.misses import MISS_CAUSE_BY_KEY
from closecall.analysis.formatting import prevalence_text, ratio_text, sentence_text, share_text
from closecall.analysis.metrics.metric import REPORT, RUNS, metrics_in
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.analysis.ratio.ratio_vs_threshold import ratio_vs_threshold_sentence
from closecall.charts.causes import causes_chart
from closecall.charts.colours import LIGHT
from closecall.charts.figure import Chart
from closecall.charts.precision_recall import precision_recall_chart, ratio_vs_threshold_chart
from closecall.charts.ratio_pairs import flow_chart, waterfall_chart
from closecall.charts.recall_by_ratio import recall_chart
from closecall.data.exchange.tables import provenance
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.findings import best_ratio, better_ratio, ranking_summary, ratio_summary
from closecall.models.results.measures.measure import ANSWERS
from closecall.models.results.metadata_errors import column_rows, column_sentence
from closecall.models.results.ratio_pairs import (
    TESTS_NOTE,
    drop_sentence,
    paired_test_rows,
    part_rows,
    ratio_vs_threshold_rows,
    ratio_vs_threshold_title,
    tests_sentence,
)
from closecall.models.results.ratio_table import metric_cells
from closecall.models.results.report_content import RatioComparisons, ReportContent
from closecall.models.results.verdict import finding_text


@dataclass(frozen=True)
class Section:
    """A heading with its sentences, chart and tables, all plain text; it is escaped when it is rendered."""

    title: str
    sentences: list[str]
    chart: Chart | None = None
    tables: list[pd.DataFrame] = field(default_factory=list)


def report_html(content: ReportContent) -> str:
    """The report as one HTML page, light theme, with the plotting library inside it."""
    sections = [_verdict(content), _causes(content), *_by_column(content), *_measures(content), _recall(content)]
    sections.append(_metrics(content))
    if content.comparisons is not None:
        sections += _comparisons(content, content.comparisons)
    sections += [_runs(content), _settings(content.config)]
    return render(content.config.title, sections)


def render(title: str, sections: list[Section]) -> str:
    """The sections as one page; the plotting library is included once, so that the page opens without a network."""
    library, parts = True, []
    for section in sections:
        parts.append(f"<section><h2>{html.escape(section.title)}</h2>")
        parts += [f"<p>{html.escape(sentence)}</p>" for sentence in section.sentences if sentence]
        if section.chart is not None:
            parts.append(_figure(section.chart, library=library))
            library = False
        parts += [_table(frame) for frame in section.tables]
        parts.append("</section>")
    safe = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{safe}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main><h1>{safe}</h1>{''.join(parts)}</main></body></html>"
    )


def _verdict(content: ReportContent) -> Section:
    verdict, sentences = content.verdict, [ratio_summary(content.table, q=content.q)]
    if verdict is None:
        sentences.append("A verdict needs finished runs at two ratios.")
    else:
        sentences += [verdict.headline]
        sentences += [finding_text(finding) for finding in verdict.findings]
    return Section("Summary and causes", sentences)


def _causes(content: ReportContent) -> Section:
    found = content.causes
    title = f"Missed positives at {ratio_text(found.ratio)} by cause"
    if found.examples.empty:
        return Section(title, ["There are no missed positives at threshold 0.50."])
    chart = causes_chart(found.summary, "missed positives", theme=LIGHT)
    missing = [f"Not measured, {MISS_CAUSE_BY_KEY[key].title.lower()}: {why}" for key, why in found.not_measured]
    reading = "Each missed positive counts once, for the first cause that holds."
    return Section(title, [reading, *missing], chart, [_cause_rows(found.summary)])


def _cause_rows(summary: pd.DataFrame) -> pd.DataFrame:
    """How many missed positives each cause is assigned to, and whether that is more than by chance."""
    rows = summary.to_dict("records")
    return pd.DataFrame(
        {
            "Cause": summary["title"],
            "Missed positives": [share_text(row["errors"], row["of_errors"]) for row in rows],
            "Compared with chance": [chance_sentence(row, "fn") for row in rows],
        }
    )


def _measures(content: ReportContent) -> list[Section]:
    """What the stored evidence says about the experiment as a whole; no section before it is computed."""
    if not content.measures:
        return []
    rows = pd.DataFrame(
        {
            "Question": [one.title for one in content.measures],
            "Answer": [sentence_text(ANSWERS[one.answer]) for one in content.measures],
            "Numbers": [one.sentence for one in content.measures],
        }
    )
    return [Section("What else the evidence shows", [], tables=[rows])]


def _by_column(content: ReportContent) -> list[Section]:
    """The columns with a value that has significantly more or fewer errors than the rest."""
    at = ratio_text(content.causes.ratio)
    return [
        Section(
            f"{OUTCOME_NAMES[one.outcome].capitalize()} at {at} by {one.title}",
            [column_sentence(one)],
            tables=[column_rows(one)],
        )
        for one in content.by_column
    ]


def _recall(content: ReportContent) -> Section:
    pair = content.verdict.evidence.comparison if content.verdict else None
    chart = recall_chart(
        content.runs, content.table, content.config.ratios, theme=LIGHT, prior=content.prior, pair=pair
    )
    better = better_ratio(content.table).replace("**", "")
    return Section("Recall and specificity at each ratio", [chart.reading, better], chart)


def _metrics(content: ReportContent) -> Section:
    ratios = {"Ratio": [ratio_text(ratio) for ratio in content.table["ratio"]]}
    rows = pd.DataFrame(ratios | metric_cells(content.table, metrics_in(REPORT)))
    sentences = [best_ratio(content.table, content.q), ranking_summary(content.table, content.q)]
    return Section(f"Metrics at {prevalence_text(content.q)}", sentences, tables=[rows])


def _comparisons(content: ReportContent, found: RatioComparisons) -> list[Section]:
    """The sections that need two ratios: the smallest against the largest that shares a seed with it."""
    first, positives, q = found.levels[0], content.n_positives, content.q
    reference = ratio_text(first)
    curves = precision_recall_chart(found.curves, q=q, n_positives=positives, theme=LIGHT)
    flow = flow_chart(found.flow, found.levels, theme=LIGHT)
    sections = _drop(content, found)
    sections.append(Section("Precision and recall", [curves.reading], curves))
    sections.append(Section("Lost and gained positives", [flow.reading], flow))
    tests = paired_test_rows(found.tests, reference)
    sections.append(Section("Paired tests", [tests_sentence(found.tests, reference), TESTS_NOTE], tables=[tests]))
    return sections


def _drop(content: ReportContent, found: RatioComparisons) -> list[Section]:
    """Ranking and threshold part of the widest drop, and every ratio against a threshold of the smallest."""
    last = max((ratio for ratio, parts in found.parts.items() if parts), default=None)
    if last is None or (parts := found.parts[last]) is None:
        return []
    first = found.levels[0]
    names = ratio_text(first), ratio_text(last)
    waterfall = waterfall_chart(parts, *names, theme=LIGHT)
    rows = pd.DataFrame(part_rows(parts, names))
    table = ratio_vs_threshold_rows(found.parts, first)
    chart = ratio_vs_threshold_chart(
        found.curves,
        first,
        finding=ratio_vs_threshold_title(table, first),
        q=content.q,
        n_positives=parts.n_positives,
        theme=LIGHT,
    )
    answer = ratio_vs_threshold_sentence(table, reference_ratio=first)
    return [
        Section("Why recall fell", [drop_sentence(parts, names), waterfall.reading], waterfall, [rows]),
        Section("Ratio or threshold", [answer, *table["sentence"], chart.reading], chart),
    ]


def _runs(content: ReportContent) -> Section:
    runs = content.runs
    columns: dict[str, Any] = {"Run": runs["name"]}
    columns |= {OUTCOME_NAMES[code].capitalize(): runs[code] for code in ("tp", "fn", "fp", "tn")}
    columns |= {one.title: runs[one.name].map(one.text) for one in metrics_in(RUNS)}
    columns["Collapsed"] = ["yes" if collapsed else "" for collapsed in runs["collapsed"]]
    note = "On the test set. Collapsed runs are left out of every mean."
    return Section("All runs at threshold 0.50", [note], tables=[pd.DataFrame(columns)])


def _settings(config: ExperimentConfig) -> Section:
    """Where the numbers come from."""
    rows = [(name.replace("_", " "), value) for name, value in provenance(config.id).columns.items() if value]
    training = config.training
    rows += [
        ("sweep", config.sweep),
        ("seeds", ", ".join(map(str, config.seeds))),
        ("encoder", training.encoder),
        ("epochs", "the same number of steps at every ratio" if training.equal_steps else training.epochs),
        ("maximum tokens", training.max_tokens),
        ("learning rate", f"{training.learning_rate:g}"),
    ]
    note = "Equal epochs are not equal steps: a larger ratio takes more of them."
    table = pd.DataFrame(rows, columns=["Setting", "Value"]).astype(str)
    return Section("Settings", [] if training.equal_steps else [note], tables=[table])


def _figure(chart: Chart, *, library: bool) -> str:
    drawn = chart.figure.to_html(full_html=False, include_plotlyjs=library, config={"displayModeBar": False})
    return f'<figure role="img" aria-label="{html.escape(chart.alt, quote=True)}">{drawn}</figure>'


def _table(frame: pd.DataFrame) -> str:
    with pd.option_context("display.max_colwidth", None):  # without it, cells end at 50 characters
        return f'<div class="table">{frame.to_html(index=False, border=0, escape=True)}</div>'


STYLE = f"""
body {{ margin: 0; color: {LIGHT.ink}; background: white; }}
body {{ font: 16px/1.55 "Source Sans 3", "Source Sans Pro", sans-serif; }}
main {{ max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }}
h1 {{ font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.25rem; margin: 2.5rem 0 0.5rem; }}
p {{ margin: 0.4rem 0; max-width: 46rem; }}
figure {{ margin: 1rem 0; }}
.table {{ overflow-x: auto; margin: 1rem 0; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
th, td {{ text-align: left; padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid {LIGHT.faint}; }}
th, td {{ vertical-align: top; }}
td {{ font-variant-numeric: tabular-nums; }}
@media print {{ section {{ break-inside: avoid; }} }}
"""
"""One readable column, dark text on white, also on paper."""
