"""The table of aims: each claim with its figure, interval and whether the aim is met."""

from __future__ import annotations

from finecops.evaluation.claims import Claim, Claims
from finecops.report.document import Cell, Column, Document, Table
from finecops.text import counted

_MET = {True: "yes", False: "no", None: "not measured"}


def claims_document(found: Claims) -> Document:
    """Claims for every writer."""
    header = (
        Column("claim", side="left"),
        Column("aim", side="left"),
        Column("figure"),
        Column("95% interval"),
        Column("± seeds"),
        Column("n"),
        Column("met", side="left"),
    )
    rows = [claim.model_dump(mode="json") for claim in found.claims]
    missing = [f"Not measured, {claim.claim}: {claim.said}." for claim in found.claims if claim.met is None]
    notes = (
        "Figures are points of difference, or % where they say so. Intervals are paired 95% bootstrap intervals over "
        "samples, of means over seeds; ± is the standard deviation over seeds (n − 1).",
        *found.notes,
        *missing,
    )
    about = f"{counted(found.positives, 'positive')} and {counted(found.negatives, 'negative')}"
    title = f"Claims on {found.dataset}, {found.split}: {about}"
    table = Table(title, header, tuple(_row(claim) for claim in found.claims), notes)
    return Document([table], data=found.model_dump(mode="json"), rows=rows, leading=tuple(Claim.model_fields))


def _row(claim: Claim) -> tuple[Cell, ...]:
    """Signs are printed of differences alone, so figures are texts here."""
    sign, end = ("+", "") if claim.unit == "points" else ("", "%")

    def shown(value: float) -> str:
        # + 0.0 makes -0.0 a plain zero.
        return f"{value + 0.0:{sign}.2f}{end}"

    interval = None
    if claim.ci_low is not None and claim.ci_high is not None:
        interval = f"{shown(claim.ci_low)} to {shown(claim.ci_high)}"
    spread = None if claim.deviation is None else f"{claim.deviation:.2f} ({claim.seeds})"
    figure = None if claim.value is None else shown(claim.value)
    return claim.claim, claim.aim, figure, interval, spread, claim.n, _MET[claim.met]
