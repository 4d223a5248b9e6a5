"""Numbers of runs as text tables for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import typer

_NAMES = {"specialist": "Specialist", "mllm": "MLLM", "sfa": "SFA", "file": "File"}
_TYPES = {"replace": "repl", "swap": "swap", "object": "obj", "attribute": "attr", "relation": "rel"}


def print_runs(folders: Sequence[Path], metrics: Sequence[str] = ("p1", "r1", "auroc")) -> None:
    """Evaluate some runs and print their tables, one run after the other."""
    from finecops.evaluation.runs import evaluate_run

    for folder in folders:
        print_result(str(folder), evaluate_run(folder, metrics))


def print_result(title: str, result: dict[str, Any], full: bool = False) -> None:
    """Print the tables of a result of `evaluate_run` or `evaluate_file`; with `full`, every column of every metric."""
    dataset = result["dataset"]
    typer.secho(f"\n{title}  ·  {dataset['name']}, {dataset['split']}, {dataset['samples']} samples", bold=True)
    blocks = (
        _precision(result),
        *(_by_tuple_type(result) if full else ()),
        *_negatives(result, lambda metric: metric.startswith("recall")),
        _separations(result),
        *(_negatives(result, lambda metric: metric in (*_SEPARATIONS, "negative_accuracy")) if full else ()),
        _single_values(result),
        _second_split(result),
        _intervals(result),
        _paper(result),
        _reference_sfa(result),
        _outcomes(result),
    )
    for block in blocks:
        if block:
            typer.echo(f"\n{block}")
    for line in (*_absent(result), *_router(result), *_speed(result)):
        typer.echo(line)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], left: bool = False) -> str:
    """A text table: first column to the left, the others to the right, or all `left`."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0])] + [
            c.ljust(w) if left else c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True)
        ]
        return "  " + "  ".join(padded).rstrip()

    rule = "  " + "  ".join("-" * width for width in widths)
    return "\n".join([title, line(header), rule, *(line(row) for row in rows)])


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _find(evaluation: dict[str, Any], metric: str, **of: Any) -> dict[str, Any] | None:
    wanted = {"kind": None, "type": None, "level": None, "router_level": None} | of
    rows = (
        r
        for r in evaluation["rows"]
        if r["metric"] == metric and not r.get("calibrated") and all(r[k] == v for k, v in wanted.items())
    )
    return next(rows, None)


def _value(evaluation: dict[str, Any], metric: str, **of: Any) -> str:
    row = _find(evaluation, metric, **of)
    return "–" if row is None else _percent(row["value"])


def _label(name: str, result: dict[str, Any]) -> str:
    settings = result["stages"].get(name, result["stages"].get("mllm", {})).get("settings", {})
    part = "mllm" if name.startswith("crs") else name
    model = settings.get(part, {}).get("name") if isinstance(settings.get(part), dict) else None
    focus = " + focus" if settings.get("focus") else ""
    share = result["methods"][name]["samples"]
    return f"{_name(name)}{f' {model}' if model else ''}{focus}" + (f" ({share} only)" if share != "all" else "")


def _name(stage: str) -> str:
    """A stage's name for people: `crs-top5-none-mini-qwen2vl` is "CRS top-5 none" of that model."""
    if not stage.startswith("crs"):
        return _NAMES[stage]
    topk, *rest = stage.removeprefix("crs-").split("-")
    # The model's name comes after them, and may have such words of its own.
    ways = [*takewhile({"router", "none", "shuffle", "marks", "both"}.__contains__, rest)]
    ways += [word for word in rest[-1:] if re.fullmatch(r"mean\d+", word)]
    return " ".join(["CRS", topk.replace("top", "top-"), *ways])


def _precision(result: dict[str, Any]) -> str:
    metrics = dict.fromkeys(
        r["metric"]
        for e in result["methods"].values()
        for r in e["rows"]
        if r["metric"].startswith(("precision@", "accuracy@", "mean_iou"))
    )
    blocks = []
    for metric in metrics:
        found = [r for e in result["methods"].values() for r in e["rows"] if r["metric"] == metric]
        places: list[dict[str, Any]] = [{"router_level": n} for n in (1, 2) if any(r["router_level"] for r in found)]
        places += [{}] if any(r["level"] is None for r in found) else []
        places += [{"level": n} for n in sorted({r["level"] for r in found} - {None})]
        header = ["", *(_place_name(place) for place in places)]
        rows = [
            [_label(name, result), *(_value(evaluation, metric, **place) for place in places)]
            for name, evaluation in result["methods"].items()
        ]
        last = list(result["methods"].values())[-1]
        counted = [_find(last, metric, **place) for place in places]
        rows.append(["n", *(str(row["n"]) if row else "–" for row in counted)])
        blocks.append(table(f"{metric.capitalize()} on positives, %{_iou_said(found)}", header, rows))
    return "\n\n".join(blocks)


def _place_name(place: dict[str, Any]) -> str:
    if "router_level" in place:
        return f"router L{place['router_level']}"
    return f"L{place['level']}" if place else "All"


def _iou_said(rows: Sequence[dict[str, Any]]) -> str:
    if any(r.get("arithmetic") == "reference" for r in rows):
        return " (IoU >= 0.5)"
    thresholds = {r["iou"] for r in rows if "iou" in r}
    return f" (IoU > {thresholds.pop():g})" if len(thresholds) == 1 else ""


def _by_tuple_type(result: dict[str, Any]) -> list[str]:
    blocks = []
    found = [r for e in result["methods"].values() for r in e["rows"] if r["tuple_type"] is not None]
    for metric in dict.fromkeys(r["metric"] for r in found):
        types = list(dict.fromkeys(r["tuple_type"] for r in found))
        rows = [
            [_label(name, result), *(_value(e, metric, tuple_type=t) for t in types)]
            for name, e in result["methods"].items()
        ]
        blocks.append(table(f"{metric.capitalize()} by tuple type, %", ["", *types], rows))
    return blocks


def _negatives(result: dict[str, Any], wanted: Callable[[str], bool]) -> list[str]:
    blocks = []
    first = next(iter(result["methods"].values()))
    metrics = dict.fromkeys(r["metric"] for e in result["methods"].values() for r in e["rows"])
    for metric in filter(wanted, metrics):
        averaged = metric.startswith("recall")
        for kind, what in (("text", "expressions"), ("image", "images")):
            columns = [
                (r["type"], r["level"])
                for e in (result["methods"].get("sfa", first), first)
                for r in e["rows"]
                if r["metric"] == metric and r["kind"] == kind and r["level"] is not None and not r.get("calibrated")
            ]
            columns = list(dict.fromkeys(columns))
            if not columns:
                continue
            header = ["", *(f"{_short(type_)} {level}" for type_, level in columns), *(["Avg."] if averaged else [])]
            rows = [
                [
                    _label(name, result),
                    *(_value(e, metric, kind=kind, type=t, level=level) for t, level in columns),
                    *([_value(e, metric, kind=kind, type="mean of columns")] if averaged else []),
                ]
                for name, e in result["methods"].items()
            ]
            counted = result["methods"].get("sfa", first)
            found = [_find(counted, metric, kind=kind, type=t, level=level) for t, level in columns]
            rows.append(["n", *(str(r["n"]) if r else "–" for r in found), *([""] if averaged else [])])
            title = _SEPARATIONS.get(metric, metric.capitalize().replace("_", " "))
            blocks.append(table(f"{title} on negative {what}, %", header, rows))
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


_SINGLE = {
    "negative_accuracy": "negatives rejected",
    "false_rejection_rate": "positives rejected",
    "aurc": "AURC",
    "ece": "calibration error",
}


def _single_values(result: dict[str, Any]) -> str:
    there = {r["metric"] for e in result["methods"].values() for r in e["rows"] if not r.get("calibrated")}
    columns = {metric: title for metric, title in _SINGLE.items() if metric in there}
    if not columns:
        return ""
    rows = [[_label(name, result), *(_value(e, m) for m in columns)] for name, e in result["methods"].items()]
    return table("Rejections, risk and calibration, %", ["", *columns.values()], rows)


def _second_split(result: dict[str, Any]) -> str:
    """Calibrated values beside raw ones, then the operating points."""
    blocks = []
    rows = []
    for name, evaluation in result["methods"].items():
        for row in evaluation["rows"]:
            overall = row["kind"] is None or row["type"] == "mean of columns"
            if row.get("calibrated") and "operating_point" not in row and overall:
                raw = _value(evaluation, row["metric"], kind=row["kind"], type=row["type"])
                what = row["metric"] + (f", {row['kind']}, {row['type']}" if row["kind"] else "")
                rows.append([f"{_label(name, result)}, {what}", raw, _percent(row["value"]), str(row["n"])])
    if rows:
        blocks.append(table("Scores calibrated on the other split, %", ["", "raw", "calibrated", "n"], rows))
    points: dict[tuple[str, str, bool], list[dict[str, Any]]] = {}
    for name, evaluation in result["methods"].items():
        for row in evaluation["rows"]:
            if "operating_point" in row:
                points.setdefault((name, row["operating_point"], row["calibrated"]), []).append(row)
    if points:
        rows = []
        for (name, point, calibrated), found in points.items():
            at = found[0]["threshold"]
            said = at if isinstance(at, str) else f"{at:.4f}"
            label = f"{_label(name, result)}, {point}{', calibrated' if calibrated else ''}"
            rows.append([label, said, *(_percent(row["value"]) for row in found)])
        header = ["", "threshold", "positives right", "negatives rejected", "positives rejected"]
        blocks.append(table("Operating points chosen on the other split, %", header, rows))
    return "\n\n".join(blocks)


def _paper(result: dict[str, Any]) -> str:
    if not any("paper" in e for e in result["methods"].values()):
        return ""
    rows = []
    for name, evaluation in result["methods"].items():
        for row in evaluation.get("paper", ()):
            places = [str(row[k]) for k in ("kind", "type") if row[k]]
            places += [f"L{row['level']}"] if row["level"] else []
            places += [f"router L{row['router_level']}"] if row["router_level"] else []
            what = ", ".join([row["metric"], *places])
            cells = [f"{row['ours']:.2f}", f"{row['value']:.2f}", f"{row['difference']:+.2f}", row["table"]]
            rows.append([f"{_label(name, result)}, {what}", *cells])
    if not rows:
        return f"The paper has no figures for these models on {result['dataset']['name']} (--paper-row names a row)."
    return table("Beside the paper, %", ["", "ours", "paper", "difference", "table"], rows)


def _reference_sfa(result: dict[str, Any]) -> str:
    if (found := result.get("reference_sfa")) is None:
        return ""
    rows = [
        ["accuracy", *(_percent(found[k]) for k in ("single", "multiple", "all"))],
        ["n", str(found["n_single"]), str(found["n_multiple"]), str(found["n_single"] + found["n_multiple"])],
    ]
    return table("SFA as its script counts it, %", ["", "single object", "multiple", "overall"], rows)


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
    costs = found["gflops_per_sample"]

    def row(label: str, rule: Sequence[str], to_mllm: float, gflops: float | None, precision: float) -> list[str]:
        regret = found["oracle"]["precision_at_1"] - precision
        cost = "–" if gflops is None else f"{gflops:.4g}"
        return [label, *rule, f"{to_mllm:.2f}", cost, f"{precision:.2f}", f"{regret:.2f}"]

    alone = ["", "", "", ""]
    rows = [row("specialist alone", alone, 0.0, costs and costs["specialist"], found["specialist"])]
    for result in found["front"]:
        rule = [f"{result['rule'][key]:g}" for key in ("score_threshold", "nms_iou", "zero_is", "min_confidence")]
        rows.append(row("rule", rule, result["to_mllm"], result["gflops"], result["precision_at_1"]))
    rows.append(row("MLLM alone", alone, 100.0, costs and costs["mllm"], found["mllm"]))
    ideal = found["oracle"]
    rows.append(row("oracle (on positives)", alone, ideal["to_mllm_of_positives"], None, ideal["precision_at_1"]))
    header = ["", "score >", "NMS", "zero is", "confidence >=", "to MLLM %", "GFLOP/sample", "precision@1", "regret"]
    title = f"{folder}: the best of {len(found['rules'])} routing rules at every cost"
    typer.echo(table(title, header, rows))


def _outcomes(result: dict[str, Any]) -> str:
    names = ("box", "reject", "unparsed", "failed", "missing")
    rows = [
        [f"{_label(name, result)}, {kind}s", *(str(e["outcomes"][kind][o]) for o in names)]
        for name, e in result["methods"].items()
        for kind in ("positive", "negative")
        if e["outcomes"] and sum(e["outcomes"][kind].values())
    ]
    return table("Outcomes, samples", ["", *names], rows) if rows else ""


def _absent(result: dict[str, Any]) -> list[str]:
    return [
        f"{_name(name)}: no {metric}: {reason}"
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
        crossed = ", ".join(f"{pair.replace('->', ' to ')}: {n}" for pair, n in router["confusion"].items())
        counts = ", ".join(f"{n} of {k}" for k, n in router["detections"].items())
        lines.append(f"Levels of positives, truth to router: {crossed}. Samples by number of detections: {counts}")
    if (ceiling := result.get("candidates")) is not None and ceiling["n"]:
        shares = ", ".join(f"@{k} {ceiling[k]:.2f}" for k in ("1", "3", "5", "8", "10", "all"))
        lines.append(f"Candidate recall, %: {shares}")
    for name, evaluation in result["methods"].items():
        if (entries := evaluation.get("ledger")) is not None:
            counted = ", ".join(f"{n} {entry.replace('_', ' ')}" for entry, n in entries.items() if n)
            lines.append(f"{_label(name, result)}: of {sum(entries.values())} positives {counted}")
    if (ledger := result["ledger"]) is not None:
        said = (
            f"{ledger[f'routed_{r}_answered_{a}']} routed {r} and answered {a}"
            for r in ("right", "wrong")
            for a in ("right", "wrong")
        )
        points = _percent(100 * ledger["other_right"] / ledger["n"])
        regret = f"the other pathway had {ledger['other_right']} of the wrong ones right"
        lines.append(f"SFA's {ledger['n']} positives: {', '.join(said)}; {regret}: regret {points} points")
    return lines


def _speed(result: dict[str, Any]) -> list[str]:
    timed = {name: stage for name, stage in result["stages"].items() if stage.get("timed_samples")}
    rows = [
        [name, str(s["timed_samples"]), f"{s['seconds']:.1f}", str(s["samples_per_second"])]
        for name, s in timed.items()
    ]
    return ["", table("Time", ["stage", "samples", "seconds", "samples/s"], rows)] if rows else []
