"""The verdict and the causes of errors, with texts and HTML that a notebook shows."""

from dataclasses import dataclass, fields
from math import isnan
from typing import Any

import pandas as pd

from closecall.analysis.causes.miss_wording import CausesOfErrors, causes_table, errors_sentence
from closecall.analysis.causes.misses import MISS_CAUSE_BY_KEY
from closecall.analysis.causes.verdict import CAUSE_BY_KEY, Verdict
from closecall.analysis.formatting import (
    listed_text,
    p_text,
    ratio_text,
    sentence_text,
    share_text,
)
from closecall.analysis.metrics.outcomes import OUTCOME_NAME
from closecall.api.html import escaped, paragraph, table
from closecall.models.results.verdict import verdict_words


@dataclass(frozen=True, repr=False)
class ShownVerdict(Verdict):
    """A verdict that prints as its sentences."""

    def __repr__(self) -> str:
        return "\n".join(verdict_words(self))

    def _repr_html_(self) -> str:
        parts = [paragraph(self.headline, strong=True)]
        for finding in self.findings:
            at = f", {ratio_text(finding.ratio)}" if finding.ratio is not None else ""
            name = f"{CAUSE_BY_KEY[finding.cause].title} ({finding.confidence} confidence{at})"
            parts.append(f"<p>{escaped(name)}<br>{escaped(' '.join(finding.sentences))}</p>")
        return "".join(parts)


@dataclass(frozen=True, repr=False)
class ShownCauses(CausesOfErrors):
    """The causes of errors, which print as a table with counts and intervals."""

    def table(self) -> pd.DataFrame:
        """One row for each error: id, cause, evidence as text, and the numbers behind it."""
        return causes_table(self)

    def __repr__(self) -> str:
        lines = [f"  {name}: {share}{f', p {p}' if p else ''}" for name, share, p in self._rows()]
        return "\n".join([errors_sentence(self), *lines, *self._not_measured()])

    def _repr_html_(self) -> str:
        heads, rows = ["Cause", f"{sentence_text(OUTCOME_NAME[self.outcome])}s", "p (Holm)"], self._rows()
        shown = 3 if any(p for _, _, p in rows) else 2
        cells = table(heads[:shown], [row[:shown] for row in rows])
        return paragraph(errors_sentence(self), strong=True) + cells + "".join(map(paragraph, self._not_measured()))

    def _rows(self) -> list[tuple[str, str, str]]:
        """Cause, share of the errors with counts, and p where the cause was tested."""
        return [
            (
                str(row["title"]),
                share_text(row["errors"], row["of_errors"]),
                "" if isnan(row["p_holm"]) else p_text(row["p_holm"]),
            )
            for row in self.summary.to_dict("records")
        ]

    def _not_measured(self) -> list[str]:
        """A sentence for each reason why causes were not measured."""
        causes: dict[str, list[str]] = {}
        for key, reason in self.not_measured:
            causes.setdefault(reason, []).append(MISS_CAUSE_BY_KEY[key].title.lower())
        return [f"Not measured, {listed_text(titles)}: {reason}" for reason, titles in causes.items()]


def shown_verdict(verdict: Verdict) -> ShownVerdict:
    """The verdict with texts and HTML."""
    return ShownVerdict(**_values(verdict))


def shown_causes(found: CausesOfErrors) -> ShownCauses:
    """The causes with texts and HTML."""
    return ShownCauses(**_values(found))


def _values(result: Any) -> dict[str, Any]:
    return {one.name: getattr(result, one.name) for one in fields(result)}
