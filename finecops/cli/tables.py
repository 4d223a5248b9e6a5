"""Numbers of runs as text tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from finecops.evaluate_run import evaluate_run
from finecops.metrics.evaluate import Cluster

_NAMES = {"specialist": "Specialist", "mllm": "MLLM", "sfa": "SFA"}
_TYPES = {"replace": "repl", "swap": "swap", "object": "obj", "attribute": "attr", "relation": "rel"}


def print_runs(
    folders: Sequence[Path], metrics: Sequence[str] = ("p1", "r1", "auroc"), cluster: Cluster | None = None
) -> None:
    """Print the tables of some runs, one run after the other."""
    for folder in folders:
        result = evaluate_run(folder, metrics, cluster)
        dataset = result["dataset"]
        typer.secho(f"\n{folder}  ·  {dataset['name']}, {dataset['split']}, {dataset['samples']} samples", bold=True)
        for block in (
            _precision(result),
            *_negatives(result, "recall"),
            _separations(result),
            _intervals(result),
            _outcomes(result),
        ):
            if block:
                typer.echo(f"\n{block}")
        for line in (*_absent(result), *_router(result), *_speed(result)):
            typer.echo(line)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A text table: first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True)]
        return "  " + "  ".join(padded).rstrip()

    rule = "  " + "  ".join("-" * width for width in widths)
    return "\n".join([title, line(header), rule, *(line(row) for row in rows)])


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _find(evaluation: dict[str, Any], metric: str, **of: Any) -> dict[str, Any] | None:
    wanted = {"kind": None, "type": None, "level": None, "router_level": None} | of
    rows = (r for r in evaluation["rows"] if r["metric"] == metric and all(r[k] == v for k, v in wanted.items()))
    return next(rows, None)


def _value(evaluation: dict[str, Any], metric: str, **of: Any) -> str:
    row = _find(evaluation, metric, **of)
    return "–" if row is None else _percent(row["value"])


def _label(name: str, result: dict[str, Any]) -> str:
    settings = result["stages"].get(name, result["stages"].get("mllm", {})).get("settings", {})
    model = settings.get(name, {}).get("name") if isinstance(settings.get(name), dict) else None
    focus = " + focus" if settings.get("focus") else ""
    share = result["methods"][name]["samples"]
    return f"{_NAMES[name]}{f' {model}' if model else ''}{focus}" + (f" ({share} only)" if share != "all" else "")


def _precision(result: dict[str, Any]) -> str:
    wanted = sorted(
        {r["metric"] for e in result["methods"].values() for r in e["rows"] if r["metric"].startswith("precision@")},
        key=lambda name: int(name.split("@")[1]),
    )
    blocks = []
    for metric in wanted:
        header = ["", "router L1", "router L2", "All", "L1", "L2", "L3"]
        rows, counts = [], ["n"]
        for name, evaluation in result["methods"].items():
            places: list[dict[str, Any]] = [{"router_level": 1}, {"router_level": 2}, {}]
            places += [{"level": level} for level in (1, 2, 3)]
            rows.append([_label(name, result), *(_value(evaluation, metric, **place) for place in places)])
            found = [_find(evaluation, metric, **place) for place in places]
            counts = ["n", *(str(row["n"]) if row else "–" for row in found)]
        title = f"{metric.capitalize()} on positives, % (IoU > 0.5), by router level and by ground-truth level"
        blocks.append(table(title, header, [*rows, counts]))
    return "\n\n".join(blocks)


def _negatives(result: dict[str, Any], prefix: str) -> list[str]:
    blocks = []
    first = next(iter(result["methods"].values()))
    metrics = dict.fromkeys(r["metric"] for e in result["methods"].values() for r in e["rows"])
    for metric in (m for m in metrics if m.startswith(prefix)):
        for kind, what in (("text", "expressions"), ("image", "images")):
            columns = [
                (r["type"], r["level"])
                for e in (result["methods"].get("sfa", first), first)
                for r in e["rows"]
                if r["metric"] == metric and r["kind"] == kind and r["level"] is not None
            ]
            columns = list(dict.fromkeys(columns))
            if not columns:
                continue
            header = ["", *(f"{_short(type_)} {level}" for type_, level in columns), "Avg."]
            rows = [
                [
                    _label(name, result),
                    *(_value(e, metric, kind=kind, type=t, level=level) for t, level in columns),
                    _value(e, metric, kind=kind, type="mean of columns"),
                ]
                for name, e in result["methods"].items()
            ]
            counted = result["methods"].get("sfa", first)
            found = [_find(counted, metric, kind=kind, type=t, level=level) for t, level in columns]
            rows.append(["pairs", *(str(r["n"]) if r else "–" for r in found), ""])
            blocks.append(table(f"{metric.capitalize()} on negative {what}, %", header, rows))
    return blocks


def _short(type_: str) -> str:
    return " ".join(_TYPES.get(part, part) for part in type_.split("_"))


_SEPARATIONS = {"auroc": "AUROC", "aupr": "AUPR", "fpr95": "FPR at 95% recall"}


def _separations(result: dict[str, Any]) -> str:
    there = {r["metric"] for e in result["methods"].values() for r in e["rows"]}
    columns = {metric: title for metric, title in _SEPARATIONS.items() if metric in there}
    if not columns:
        return ""
    rows = []
    for name, evaluation in result["methods"].items():
        first = _find(evaluation, next(iter(columns)))
        if first is not None:
            rows.append([_label(name, result), *(_value(evaluation, m) for m in columns), str(first["n"])])
    return table("All positives against all negatives, %", ["", *columns.values(), "negatives"], rows)


def _intervals(result: dict[str, Any]) -> str:
    rows = []
    for name, evaluation in result["methods"].items():
        for row in evaluation["rows"]:
            if "ci_low" in row and row["kind"] is None and row["router_level"] is None:
                what = row["metric"] + (f", level {row['level']}" if row["level"] else "")
                interval = f"{row['ci_low']:.2f} to {row['ci_high']:.2f}"
                rows.append([f"{_label(name, result)}, {what}", _percent(row["value"]), interval, str(row["n"])])
    return table("95% bootstrap intervals", ["", "value", "interval", "n"], rows) if rows else ""


def print_comparison(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print differences of precision@1, a row each."""
    cells = [
        [
            f"{row['method']}, {'all' if row['level'] is None else 'level ' + str(row['level'])}",
            f"{row['first']:.2f}",
            f"{row['second']:.2f}",
            f"{row['difference']:+.2f}",
            f"{row['ci_low']:+.2f} to {row['ci_high']:+.2f}",
            f"{row['p_value']:.3f}",
            str(row["n"]),
        ]
        for row in rows
    ]
    header = ["", "first", "second", "difference", "95% interval", "p", "n"]
    typer.echo(table(f"Precision@1, %: {title}", header, cells))


def print_sweep(folder: Path, found: dict[str, Any]) -> None:
    """Print the Pareto front of the router lab, between the pathways alone and the oracle."""
    rows = [["specialist alone", "", "", "", "", "0.00", f"{found['specialist']:.2f}"]]
    for result in found["front"]:
        rule = result["rule"]
        cells = [f"{rule[key]:g}" for key in ("score_threshold", "nms_iou", "zero_is", "min_confidence")]
        rows.append(["rule", *cells, f"{result['to_mllm']:.2f}", f"{result['precision_at_1']:.2f}"])
    rows.append(["MLLM alone", "", "", "", "", "100.00", f"{found['mllm']:.2f}"])
    ideal = found["oracle"]
    cost = f"{ideal['to_mllm_of_positives']:.2f}"
    rows.append(["oracle (on positives)", "", "", "", "", cost, f"{ideal['precision_at_1']:.2f}"])
    header = ["", "score >", "NMS", "zero is", "confidence >=", "to MLLM %", "precision@1"]
    title = f"{folder}: the best of {len(found['rules'])} routing rules at every cost"
    typer.echo(table(title, header, rows))


def _outcomes(result: dict[str, Any]) -> str:
    names = ("box", "reject", "unparsed", "failed", "missing")
    rows = [
        [f"{_label(name, result)}, {kind}s", *(str(counts[o]) for o in names)]
        for name, e in result["methods"].items()
        for kind, counts in e["outcomes"].items()
        if sum(counts.values())
    ]
    return table("Outcomes, samples", ["", *names], rows)


def _absent(result: dict[str, Any]) -> list[str]:
    return [
        f"{_NAMES[name]}: no {metric}: {reason}"
        for name, e in result["methods"].items()
        for metric, reason in e["absent"].items()
    ]


def _router(result: dict[str, Any]) -> list[str]:
    lines = [""]
    if (targets := result["targets"]) is not None:
        lines.append("Targets: " + ", ".join(f"{n} {status}" for status, n in targets.items() if n))
    if (router := result["router"]) is not None:
        lines.append(
            f"Router: {router['to_mllm']} of {router['n']} samples to the MLLM ({router['failed']} failed); on "
            f"positives level accuracy {_percent(router['level_accuracy'])}, "
            f"level-2 recall {_percent(router['level2_recall'])}"
        )
    if (ledger := result["ledger"]) is not None:
        said = (
            f"{ledger[f'routed_{r}_answered_{a}']} routed {r} and answered {a}"
            for r in ("right", "wrong")
            for a in ("right", "wrong")
        )
        regret = f"the other pathway had {ledger['other_right']} of the wrong ones right"
        lines.append(f"SFA's {ledger['n']} positives: {', '.join(said)}; {regret}")
    return lines


def _speed(result: dict[str, Any]) -> list[str]:
    timed = {name: stage for name, stage in result["stages"].items() if stage.get("timed_samples")}
    rows = [
        [name, str(s["timed_samples"]), f"{s['seconds']:.1f}", str(s["samples_per_second"])]
        for name, s in timed.items()
    ]
    return ["", table("Time", ["stage", "samples", "seconds", "samples/s"], rows)] if rows else []
