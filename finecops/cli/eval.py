"""`finecops eval`: what a run's numbers are, or a prediction file's."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from finecops.evaluation.files import PredictionFile

_DEFAULT_METRICS = "p1,r1,auroc"


def eval_command(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Runs by name below outputs/ or by folder; the newest if none is given.")
    ] = None,
    run: Annotated[list[str] | None, typer.Option("--run", "-r", help="The same, as an option.")] = None,
    metrics: Annotated[
        str,
        typer.Option(
            "--metrics",
            help="What to print: p1 p5 p10 (any k), acc (mean over IoU 0.5 to 0.95), miou, r1 r5 r10 (any k), auroc, "
            "aupr, fpr95, reject, aurc, ece; with commas between.",
        ),
    ] = _DEFAULT_METRICS,
    iou: Annotated[float, typer.Option("--iou", min=0, max=0.999, help="A box is right above this IoU.")] = 0.5,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Add 95% bootstrap intervals, drawn by cluster.")
    ] = False,
    cluster: Annotated[
        str, typer.Option(help="What is drawn together: 'positive' with its negatives, or 'image'.")
    ] = "positive",
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Compare precision@1 sample by sample: two runs, or in one run SFA with each pathway."
        ),
    ] = False,
    route_sweep: Annotated[
        bool,
        typer.Option(
            "--route-sweep", help="What other routing rules would give, from a run with --both; runs nothing."
        ),
    ] = False,
    compat: Annotated[
        str,
        typer.Option(
            "--compat", help="Whose arithmetic: 'none' (ours), 'reference' (the paper's scripts), or 'both' in turn."
        ),
    ] = "none",
    paper: Annotated[
        bool, typer.Option("--paper", help="Put the paper's figures beside ours, where it has any.")
    ] = False,
    annotations: Annotated[
        list[Path] | None,
        typer.Option("--annotations", help="COCO annotation file; several times for several."),
    ] = None,
    predictions: Annotated[Path | None, typer.Option("--predictions", help="Prediction file to score.")] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="mmdet-npy, refexp-text, crs-letters, coco-results, or finecops (our own rows).",
        ),
    ] = None,
    box_format: Annotated[
        str | None,
        typer.Option(
            "--box-format",
            help="refexp-text: how the model writes boxes, e.g. norm1000_list.",
        ),
    ] = None,
    score: Annotated[str | None, typer.Option("--score", help="The field that holds the scores.")] = None,
    ignore_unknown: Annotated[
        bool,
        typer.Option("--ignore-unknown", help="Leave out rows whose id is not annotated."),
    ] = False,
    paper_row: Annotated[
        str | None,
        typer.Option(
            "--paper-row",
            help="With --paper: the model's row in the paper, e.g. Qwen2-VL-7B.",
        ),
    ] = None,
    val: Annotated[
        str | None,
        typer.Option("--val", help="A run of the same models on another split."),
    ] = None,
    val_annotations: Annotated[
        list[Path] | None,
        typer.Option("--val-annotations", help="Annotations of another split."),
    ] = None,
    val_predictions: Annotated[
        Path | None,
        typer.Option("--val-predictions", help="Predictions on it, same format."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Print every column of every metric, and tuple types.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON, for a program.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the tidy rows as CSV.")] = False,
    export_coco: Annotated[
        Path | None,
        typer.Option("--export-coco", help="Write each method's boxes there as COCO results."),
    ] = None,
) -> None:
    """Evaluate runs, or a prediction file from elsewhere: precision per level, recall and AUROC on negatives, outcomes.

    A run's numbers are also written to metrics.json in its folder. A file needs --annotations, --predictions and
    --format; it is scored without a run.
    """
    from finecops.errors import ConfigError

    wanted, drawn = _checked(metrics, cluster, compat)
    clustered = drawn if intervals else None
    file = _file(annotations, predictions, format_, box_format, score)
    if file is not None:
        if runs or run or compare or route_sweep or val:
            raise ConfigError("--annotations and --predictions score a file; they do not go with runs")
        second = _file(val_annotations, val_predictions, format_, box_format, score, "--val-")
        results = _file_results(file, second, wanted, clustered, iou, compat, ignore_unknown)
        folders: list[Path] = []
    else:
        from finecops.runs.folder import newest_run, run_folder

        folders = [run_folder(name) for name in (*(runs or ()), *(run or ()))] or [newest_run()]
        if route_sweep:
            _show_sweep(folders, as_json)
            return
        if compare:
            _show_comparison(folders, drawn, as_json)
            return
        results = _run_results(folders, run_folder(val) if val else None, wanted, clustered, iou, compat)
    if paper:
        for _, result in results:
            _add_paper(result, paper_row)
    if export_coco is not None:
        _export(export_coco, folders, file)
    _print(results, as_json, as_csv, full)


Results = list[tuple[str, dict[str, Any]]]
Cluster = Literal["positive", "image"]


def _checked(metrics: str, cluster: str, compat: str) -> tuple[tuple[str, ...], Cluster]:
    """The names of the metrics and of the cluster.

    Raises:
        ConfigError: one of the options is unknown.
    """
    from finecops.errors import ConfigError
    from finecops.evaluation.values import METRICS, unknown_metrics

    wanted = tuple(name.strip() for name in metrics.split(",") if name.strip())
    unknown = unknown_metrics(wanted)
    if unknown or not wanted:
        raise ConfigError(f"unknown metric {', '.join(unknown) or '(none)'}; there are: {', '.join(METRICS)}")
    if cluster not in ("positive", "image"):
        raise ConfigError(f"unknown cluster {cluster!r}; there are: positive, image")
    if compat not in ("none", "reference", "both"):
        raise ConfigError(f"unknown arithmetic {compat!r}; there are: none, reference, both")
    return wanted, "image" if cluster == "image" else "positive"


def _print(results: Results, as_json: bool, as_csv: bool, full: bool) -> None:
    from finecops.report.tables import print_result
    from finecops.report.tidy import as_csv_text, as_json_text

    if as_json:
        typer.echo(as_json_text(results))
    elif as_csv:
        typer.echo(as_csv_text(results), nl=False)
    else:
        for title, result in results:
            print_result(title, result, full)
    for _, result in results:
        _warn(result.get("problems", ()))


def _file(
    annotations: list[Path] | None,
    predictions: Path | None,
    format_: str | None,
    box_format: str | None,
    score: str | None,
    prefix: str = "--",
) -> PredictionFile | None:
    """The prediction file that the options name, or None if they name none."""
    from finecops.errors import ConfigError
    from finecops.evaluation.files import PredictionFile
    from finecops.exchange.read import FORMATS, FileFormat

    if not annotations and predictions is None:
        return None
    if not annotations or predictions is None:
        raise ConfigError(f"{prefix}annotations and {prefix}predictions go together")
    if format_ not in FORMATS:
        raise ConfigError(f"--format {format_ or '(not given)'}: there are: {', '.join(FORMATS)}")
    return PredictionFile(tuple(annotations), predictions, FileFormat(format_, box_format, score))


def _file_results(
    file: PredictionFile,
    second: PredictionFile | None,
    metrics: tuple[str, ...],
    cluster: Cluster | None,
    iou: float,
    compat: str,
    ignore_unknown: bool,
) -> Results:
    from finecops.evaluation.files import evaluate_file, evaluate_file_as_reference

    results: Results = []
    with _without_cycle_search():
        if compat != "reference":
            found = evaluate_file(file, metrics, cluster, iou, second, ignore_unknown)
            results.append((str(file.predictions), found))
        if compat != "none":
            title = f"{file.predictions}, arithmetic of the paper's scripts"
            results.append((title, evaluate_file_as_reference(file)))
    return results


@contextmanager
def _without_cycle_search() -> Iterator[None]:
    """No search for reference cycles: hundreds of thousands of small objects are made and hardly one dropped."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _run_results(
    folders: list[Path],
    val: Path | None,
    metrics: tuple[str, ...],
    cluster: Cluster | None,
    iou: float,
    compat: str,
) -> Results:
    from finecops.evaluation.runs import evaluate_run, evaluate_run_as_reference

    results: Results = []
    for folder in folders:
        if compat != "reference":
            results.append((str(folder), evaluate_run(folder, metrics, cluster, iou, val)))
        if compat != "none":
            results.append((f"{folder}, arithmetic of the paper's scripts", evaluate_run_as_reference(folder)))
    return results


def _add_paper(result: dict[str, Any], row_name: str | None) -> None:
    """Put the paper's rows into each method of a result, as `paper`."""
    from finecops.errors import ConfigError
    from finecops.evaluation.paper import beside_paper, model_names, paper_rows

    if row_name is not None and row_name not in model_names():
        raise ConfigError(f"the paper has no row {row_name!r}; there are: {', '.join(model_names())}")
    for name, evaluation in result["methods"].items():
        dataset, model, method, focus = _paper_place(name, result)
        found = paper_rows(dataset, row_name or model or "", method, focus)
        evaluation["paper"] = beside_paper(evaluation["rows"], found)


def _paper_place(name: str, result: dict[str, Any]) -> tuple[str, str | None, str, bool]:
    """Dataset, model's row, method and focus under which the paper would have a method of a result."""
    from finecops.config.find import load_mllm, load_specialist
    from finecops.errors import ConfigError

    if name == "file":
        return "finecops-ref", None, "alone", False
    part = "specialist" if name == "specialist" else "mllm"
    settings = result["stages"].get(name if name.startswith("crs") else part, {}).get("settings", {})
    try:
        load = load_specialist if part == "specialist" else load_mllm
        model = load(settings[part]["name"]).paper_row
    except (ConfigError, KeyError):
        model = None
    method = "crs" if name.startswith("crs") else "sfa" if name == "sfa" else "alone"
    return result["dataset"]["name"], model, method, bool(settings.get("focus"))


def _export(folder: Path, runs: list[Path], file: PredictionFile | None) -> None:
    from finecops.evaluation.files import read_annotations
    from finecops.evaluation.runs import run_answers
    from finecops.exchange import coco_results
    from finecops.exchange.read import read_answers

    if file is not None:
        found = {file.predictions.stem: read_answers(file.predictions, file.how, read_annotations(file.annotations)[0])}
    else:
        found = {f"{run.name}-{name}": answers for run in runs for name, answers in run_answers(run).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, answers in found.items():
        left_out = coco_results.write(folder / f"{name}.json", answers)
        note = f" ({left_out} answers without a box cannot be held by the format)" if left_out else ""
        typer.secho(f"wrote {folder / f'{name}.json'}{note}", err=True)


def _warn(problems: Any, most: int = 5) -> None:
    for problem in problems[:most]:
        typer.secho(problem, fg=typer.colors.YELLOW, err=True)
    if len(problems) > most:
        typer.secho(f"… and {len(problems) - most} more (--json lists all)", fg=typer.colors.YELLOW, err=True)


def _show_sweep(folders: list[Path], as_json: bool) -> None:
    import json

    from finecops.evaluation.runs import route_sweep
    from finecops.report.tables import print_sweep

    for folder in folders:
        found = route_sweep(folder)
        if as_json:
            typer.echo(json.dumps({str(folder): found}, indent=1))
        else:
            print_sweep(folder, found)


def _show_comparison(folders: list[Path], cluster: Cluster, as_json: bool) -> None:
    import json

    from finecops.errors import ConfigError
    from finecops.evaluation.runs import compare_methods, compare_runs
    from finecops.report.tables import print_comparison

    if len(folders) > 2:
        raise ConfigError(f"--compare takes one run or two, not {len(folders)}")
    if len(folders) == 1:
        title, rows = f"{folders[0]}", compare_methods(folders[0], cluster)
    else:
        title, rows = f"first is {folders[0]}, second is {folders[1]}", compare_runs(folders[0], folders[1], cluster)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        print_comparison(title, rows)
