"""Advice as tables and for programs."""

from __future__ import annotations

from finecops.evaluation.advice import Advice, StrategyResult, pair_of
from finecops.report.document import Cell, Column, Document, Range, Table
from finecops.text import counted

_MERGES = ("sfa", "sfa-crs")
"""Stages that only put rows together."""
_KINDS = {"text": "R@1 txt", "image": "R@1 img"}


def advice_document(found: Advice) -> Document:
    """Advice for every writer."""
    data = found.model_dump(mode="json")
    rows = [
        {**{name: value for name, value in strategy.items() if not isinstance(value, dict)}, **strategy["cost"]}
        for strategy in data["strategies"]
    ]
    for row in rows:
        row["stages"] = " + ".join(_share(name, share) for name, share in row["stages"].items())
    tables = [_strategies(found), _costs(found), _pairs(found), Table(notes=(f"Verdict: {found.verdict}",))]
    return Document(tables, data=data, rows=rows, leading=tuple(rows[0]))


def _strategies(found: Advice) -> Table:
    kinds = [kind for kind in _KINDS if any(kind in strategy.recall_at_1 for strategy in found.strategies)]
    negatives = found.negatives > 0
    header = [Column("", side="left"), Column("P@1", ".1f"), Column("95% interval", ".1f")]
    header += [Column(_KINDS[kind], ".1f") for kind in kinds]
    header += [Column("rej.", ".1f")] if negatives else []
    header += [Column("s", ".3g"), Column("GFLOP", ".3g"), Column("MLLM", ".1f")]
    rows: list[tuple[Cell, ...]] = []
    for strategy in found.strategies:
        cells: list[Cell] = [f"{strategy.strategy}{' *' if strategy.on_front else ''}"]
        cells += [strategy.precision_at_1, Range(strategy.ci_low, strategy.ci_high)]
        cells += [strategy.recall_at_1.get(kind) for kind in kinds]
        cells += [strategy.negatives_rejected] if negatives else []
        rows.append((*cells, strategy.cost.seconds, strategy.cost.gflops, strategy.cost.to_mllm))
    return Table(
        f"Strategies on {counted(found.positives, 'positive')} and {counted(found.negatives, 'negative')}, %",
        tuple(header),
        tuple(rows),
        tuple(_notes(found, negatives)),
        section=f"{found.run}  ·  {found.dataset}, {found.split}",
    )


def _notes(found: Advice, negatives: bool) -> list[str]:
    notes = ["s, GFLOP: seconds and 10⁹ operations a sample. MLLM: % of samples that it is asked about."]
    if negatives:
        notes.append("rej.: % of negatives that are rejected. txt, img: negative expressions and images.")
    if found.front_by is not None:
        by = "operations" if found.front_by == "gflops" else "seconds"
        notes.append(f"* on the Pareto front of P@1 and {by}: no other is as good and as cheap.")
    if any(strategy.ci_low == strategy.ci_high for strategy in found.strategies):
        notes.append("An interval without width: all answers here are alike, and a bootstrap sees no others.")
    lost = [text for strategy in found.strategies if (text := _lost(strategy))]
    return [*notes, *lost]


def _lost(strategy: StrategyResult) -> str:
    """Answers that are none, which count as wrong."""
    counts = strategy.outcomes.together
    lost = [f"{counts[name]} {name}" for name in ("unparsed", "failed", "missing") if counts.get(name)]
    return f"{strategy.strategy}: {', '.join(lost)}; these count as wrong." if lost else ""


def _costs(found: Advice) -> Table:
    """What each strategy's cost is made of."""
    lines = []
    for strategy in found.strategies:
        parts = [_share(name, share) for name, share in strategy.cost.stages.items() if name not in _MERGES]
        lines.append(f"  {strategy.strategy} = {' + '.join(parts)}")
    title = "A cost is made of stages, each with the share of the samples that it gets:"
    note = "Times are of the stages as they ran, on every sample, without loading models."
    return Table(notes=(title, *lines, note))


def _share(name: str, share: float) -> str:
    return name if share == 1 else f"{share:.2f} × {name}"


def _pairs(found: Advice) -> Table:
    """The best strategy against every other."""
    rows: list[tuple[Cell, ...]] = []
    for strategy in found.strategies:
        if strategy.strategy == found.best:
            continue
        pair = pair_of(found.pairs, found.best, strategy.strategy)
        # As the best minus the other; + 0.0 makes -0.0 a plain zero.
        sign = 1 if pair.second == found.best else -1
        ends = sorted((sign * pair.ci_low + 0.0, sign * pair.ci_high + 0.0))
        p_value = f"{pair.p_adjusted:.3f}" if pair.p_adjusted >= 0.0005 else "<0.001"
        rows.append(
            (
                strategy.strategy,
                sign * pair.difference + 0.0,
                Range(ends[0], ends[1]),
                p_value,
                "yes" if pair.clear else "no",
                pair.discordant,
                pair.positives_needed,
            )
        )
    header = (
        Column("", side="left"),
        Column("points", "+.1f"),
        Column("95% interval", "+.1f"),
        Column("adj. p"),
        Column("clear"),
        Column("one right", ".1f"),
        Column("needed"),
    )
    notes = (
        f"clear: the interval leaves out 0 and p, adjusted for all {len(found.pairs)} pairs (Holm), is below 0.05.",
        "one right (ψ): % of positives that one of the two alone has right.",
        "needed: positives for 95% confidence and a power of 80%, for one pair alone, if the",
        f"true difference δ and ψ are those seen here: {found.formula}.",
        f"Here are {found.positives} positives; the split has {found.positives_in_split}.",
    )
    return Table(f"{found.best}, which has the highest P@1, minus each other", header, tuple(rows), notes)
