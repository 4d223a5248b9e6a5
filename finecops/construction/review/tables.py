"""The summary of a review as tables, and as data for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import JsonValue

from finecops.construction.review.agreement import MIN_IMAGES, Agreement
from finecops.construction.review.planting import FAULTS
from finecops.construction.review.summary import GroupAgreement, RaterSummary, ReviewSummary, Share
from finecops.construction.review.votes import REASONS, VERDICTS
from finecops.metrics.intervals import Interval
from finecops.report.document import Cell, Column, Document, Range, Table
from finecops.text import counted, printable

VERSION: Final = 1
LEADING: Final = ("dataset", "split", "what", "of", "group", "value", "low", "high", "samples")
_PERCENT: Final = ".1f"


def review_document(summary: ReviewSummary) -> Document:
    """The summary for every writer."""
    tables = [_votes(summary), _reasons(summary), *_planted(summary), *_agreements(summary)]
    rows = [{"dataset": summary.dataset, "split": summary.split, **row} for row in _tidy(summary)]
    return Document([table for table in tables if table is not None], _data(summary), rows, LEADING)


def _votes(summary: ReviewSummary) -> Table:
    first = min((number for number, _ in summary.verdicts), default=1)
    rows: list[tuple[Cell, ...]] = []
    for (number, rater), of in summary.verdicts.items():
        later = f", round {number}" if number > first else ""
        rows.append((f"{printable(rater)}{later}", sum(of.values()), *(of.get(verdict, 0) for verdict in VERDICTS)))
    voted = f"{summary.voted} of {counted(summary.samples, 'sample')} of {summary.dataset}, {summary.split}"
    notes = (f"{voted} have a vote.", f"Open (no agreement, or somebody is unsure): {summary.disagreed}.")
    return Table("Votes", _columns(("rater", "votes", "kept", "text fixed", "dropped", "unsure")), tuple(rows), notes)


def _reasons(summary: ReviewSummary) -> Table | None:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (reason.replace("_", " "), *(one.reasons.get(reason, 0) for one in summary.raters))
        for reason in REASONS
        if any(one.reasons.get(reason) for one in summary.raters)
    )
    titles = ("reason", *(printable(one.rater) for one in summary.raters))
    return Table("Why samples were dropped", _columns(titles), rows) if rows else None


def _planted(summary: ReviewSummary) -> Iterable[Table]:
    if all(one.found is None for one in summary.raters):
        return
    header = (
        Column("rater", side="left"),
        Column("faults"),
        *(Column(title, _PERCENT) for title in ("found %", "95%", "dropped %", "alone %")),
    )
    notes = (
        "found: planted faults that were dropped or written anew.",
        "dropped: of the other samples. Some are wrong too, so wrong drops are at most as many.",
        "alone: dropped of what every other rater kept.",
    )
    yield Table("Planted faults", header, tuple(map(_planted_row, summary.raters)), notes)
    # A table of its own: together they are too wide for a terminal.
    kinds = tuple(
        (
            printable(one.rater),
            *(f"{share.part}/{share.of}" if (share := one.found_of.get(f)) else None for f in FAULTS),
        )
        for one in summary.raters
    )
    yield Table("Planted faults found, by kind", _columns(("rater", *(f.replace("_", " ") for f in FAULTS))), kinds)


def _planted_row(one: RaterSummary) -> tuple[Cell, ...]:
    found = one.found or Share(0, 0)
    alone = None if one.alone is None else _percent(one.alone.value)
    share = (_percent(found.value), _range(found.interval, 100))
    return (printable(one.rater), found.of, *share, _percent(one.dropped.value), alone)


def _agreements(summary: ReviewSummary) -> Iterable[Table]:
    if len(summary.raters) < 2:
        yield Table(notes=("Agreement needs the votes of two raters.",))
        return
    # Pairs are made of three raters and more, where Fleiss' is the number (`agreement`).
    kappa = "Fleiss' kappa" if summary.pairs else "Cohen's kappa"
    if not summary.groups or summary.groups[0].verdict is None:
        yield Table(notes=("No sample has a vote of every rater, so there is no agreement to measure.",))
    else:
        verdicts = tuple((group.group, *_cells(group.verdict)) for group in summary.groups)
        yield Table(f"Agreement on keep, fix, drop, unsure: {kappa}", _agreement_columns("samples"), verdicts)
        kept = tuple((group.group, *_cells(group.kept)) for group in summary.groups)
        notes = (
            "A fixed text is kept; samples with an unsure vote are left out.",
            f"95%: bootstrap over images, of {MIN_IMAGES} or more. No kappa: all votes are the same.",
        )
        yield Table(f"Agreement on kept or dropped: {kappa}", _agreement_columns("samples"), kept, notes)
    if summary.pairs:
        for title, part in (("keep, fix, drop, unsure", 0), ("kept or dropped", 1)):
            rows = tuple(
                (" – ".join(map(printable, pair)), *_cells((of.verdict, of.kept)[part]))
                for pair, of in summary.pairs.items()
            )
            yield Table(f"Two raters each, on {title}: Cohen's kappa", _agreement_columns("raters"), rows)


def _agreement_columns(first: str) -> tuple[Column, ...]:
    return (
        Column(first, side="left"),
        Column("votes of all"),
        Column("same %", _PERCENT),
        Column("kappa"),
        Column("95%"),
    )


def _cells(found: Agreement | None) -> tuple[Cell, ...]:
    if found is None:
        return (0, None, None, None)
    return (found.samples, _percent(found.observed), found.kappa, _range(found.interval))


def _columns(titles: Iterable[str]) -> tuple[Column, ...]:
    return tuple(Column(title, side="left" if i == 0 else "right") for i, title in enumerate(titles))


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _range(interval: Interval | None, factor: float = 1) -> Range | None:
    return None if interval is None else Range(factor * interval.low, factor * interval.high)


def _data(summary: ReviewSummary) -> dict[str, JsonValue]:
    return {
        "version": VERSION,
        "dataset": summary.dataset,
        "split": summary.split,
        "samples": summary.samples,
        "voted": summary.voted,
        "open": summary.disagreed,
        "votes": [{"round": number, "rater": rater, **of} for (number, rater), of in summary.verdicts.items()],
        "raters": [_rater_data(one) for one in summary.raters],
        "agreement": {group.group: _group_data(group) for group in summary.groups},
        "pairs": [{"raters": list(pair), **_group_data(of)} for pair, of in summary.pairs.items()],
    }


def _rater_data(one: RaterSummary) -> dict[str, JsonValue]:
    return {
        "rater": one.rater,
        "reasons": dict(one.reasons),
        "found": _share_data(one.found),
        "found_of": {fault: _share_data(share) for fault, share in one.found_of.items()},
        "dropped": _share_data(one.dropped),
        "alone": _share_data(one.alone),
    }


def _share_data(share: Share | None) -> JsonValue:
    if share is None:
        return None
    return {"part": share.part, "of": share.of, "share": share.value, **_ends(share.interval)}


def _group_data(of: GroupAgreement) -> dict[str, JsonValue]:
    return {"verdict": _agreement_data(of.verdict), "kept_or_dropped": _agreement_data(of.kept)}


def _agreement_data(found: Agreement | None) -> JsonValue:
    if found is None:
        return None
    return {"samples": found.samples, "same": found.observed, "kappa": found.kappa, **_ends(found.interval)}


def _ends(interval: Interval | None) -> dict[str, JsonValue]:
    return {"low": interval.low, "high": interval.high} if interval is not None else {"low": None, "high": None}


def _tidy(summary: ReviewSummary) -> Iterable[Mapping[str, JsonValue]]:
    for (number, rater), of in summary.verdicts.items():
        for verdict in VERDICTS:
            yield {"what": f"votes of round {number}", "of": rater, "group": verdict, "value": of.get(verdict, 0)}
    for one in summary.raters:
        for what, share in (("found", one.found), ("dropped", one.dropped), ("alone", one.alone)):
            if share is not None:
                ends = {**_ends(share.interval), "samples": share.of}
                yield {"what": what, "of": one.rater, "value": share.value, **ends}
    both = [("all raters", group) for group in summary.groups]
    both += [(" – ".join(pair), of) for pair, of in summary.pairs.items()]
    for raters, group in both:
        for what, found in (("kappa of verdicts", group.verdict), ("kappa of kept or dropped", group.kept)):
            if found is not None:
                ends = {**_ends(found.interval), "samples": found.samples}
                yield {"what": what, "of": raters, "group": group.group, "value": found.kappa, **ends}
