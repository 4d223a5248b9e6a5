"""The paper's tables about Candidate Region Selection on finecops-mini, one command each.

    python scripts/crs_tables.py table6     # specialist, MLLM, CRS, SFA with either for level 2: precision@1 by level
    python scripts/crs_tables.py table8     # rejection: without tuning, the baseline with None, CRS with None
    python scripts/crs_tables.py table10    # the amount of tuning data
    python scripts/crs_tables.py table11    # the number of candidates

Every step is a `finecops` command, which is printed before it runs. Steps that are done are not repeated. Adapters are
written to `outputs/crs-tables`. `--model` and `--dataset` run the same on other models and data.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

MINI_TUNING = "--epochs 1 --batch-size 32 --per-device 32 --lr 1e-3 --rank 64 --alpha 64 --no-checkpointing"
MINI_QUESTIONS = "--fewest 2"
"""The small model learns to choose only among as many candidates as it has seen, so its questions have different
numbers of them. The paper's questions have five each, and so have those with None here."""
SIZES = (2000, 4000, 6000, 8000, 10_000)


class Row(TypedDict):
    """What is used of a tidy row of `finecops eval --json`."""

    method: str
    metric: str
    value: float | None


def finecops(line: str) -> str:
    """Run a command and return what it prints."""
    print(f"$ finecops {line}", file=sys.stderr, flush=True)
    done = subprocess.run([sys.executable, "-m", "finecops", *shlex.split(line)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"finecops {line}: exit code {done.returncode}")
    return done.stdout


def adapter(args: argparse.Namespace, name: str, data: str) -> Path:
    """The folder of an adapter tuned on data with these options; it is tuned if it does not exist."""
    out: Path = args.folder / name
    # The card is the last file of an adapter: a folder without it is not done, and its tuning continues.
    if not (out / "finecops.json").exists():
        rows = args.folder / f"{name}.jsonl"
        common = f"--dataset {args.dataset} --mllm {args.model} --run {args.folder}/train"
        finecops(f"crs tune-data --out {rows} {common} {data}")
        finecops(f"crs tune {rows} --mllm {args.model} --out {out} {args.tuning}")
    return out


def select(args: argparse.Namespace, options: str, name: str = "test") -> None:
    """One setting of the selection; all settings share one run folder."""
    finecops(f"crs select --dataset {args.dataset} --mllm {args.model} --run {args.folder}/{name} {options}")


def tidy_rows(args: argparse.Namespace, metrics: str, name: str = "test") -> list[Row]:
    """The tidy rows of a run."""
    rows: list[Row] = json.loads(finecops(f"eval {args.folder}/{name} --metrics {metrics} --json"))["rows"]
    return rows


def value(rows: list[Row], method: str, metric: str, **groups: str | int | None) -> str:
    """One value as text; `groups` are the group columns of its row, and the others must be empty."""
    wanted = dict.fromkeys(("kind", "type", "level", "router_level", "tuple_type")) | groups
    found = [r for r in rows if r["method"] == method and r["metric"] == metric and wanted.items() <= r.items()]
    return f"{found[0]['value']:.2f}" if found and found[0]["value"] is not None else "–"


def show(header: list[str], lines: list[list[str]]) -> None:
    """Print a table in Markdown."""
    for cells in (header, ["---"] * len(header), *lines):
        print("| " + " | ".join(cells) + " |")


def table6(args: argparse.Namespace) -> None:
    """Table VI: precision@1 by level."""
    tuned = adapter(args, "crs", f"--positives 10000 {args.questions}")
    finecops(f"crs run --both --dataset {args.dataset} --mllm {args.model} --adapter {tuned} --run {args.folder}/test")
    sfa = f"sfa run --dataset {args.dataset} --mllm {args.model} --run {args.folder}"
    finecops(f"{sfa}/sfa")
    for proposer in ("router", "specialist"):
        finecops(f"{sfa}/sfa-crs-{proposer} --slow crs --adapter {tuned} --candidates {proposer}")
    lines = []
    for label, method, run in (
        ("specialist", "specialist", "test"),
        ("MLLM", "mllm", "test"),
        ("CRS", f"crs-top5-{args.model}+{tuned.name}", "test"),
        ("SFA, MLLM for level 2", "sfa", "sfa"),
        ("SFA, CRS for level 2, router's candidates", "sfa", "sfa-crs-router"),
        ("SFA, CRS for level 2, specialist's candidates", "sfa", "sfa-crs-specialist"),
    ):
        rows = tidy_rows(args, "p1", run)
        lines.append([label, *(value(rows, method, "precision@1", level=level) for level in (1, 2, 3, None))])
    show(["", "L1", "L2", "L3", "all"], lines)


def table8(args: argparse.Namespace) -> None:
    """Table VIII: rejection."""
    select(args, "--none")
    tuned = adapter(args, "crs-none", "--positives 10000 --negatives 2500")
    select(args, f"--none --adapter {tuned}")
    base = adapter(args, "none-baseline", "--positives 10000 --negatives 2500 --style baseline")
    grounding = f"infer mllm --dataset {args.dataset} --mllm {args.model} --adapter {base} --none"
    finecops(f"{grounding} --run {args.folder}/test-baseline")
    rows, other = tidy_rows(args, "p1,r1,reject"), tidy_rows(args, "p1,r1,reject", "test-baseline")
    lines = []
    for label, found, method in (
        ("without tuning", rows, f"crs-top5-none-{args.model}"),
        ("baseline", other, "mllm"),
        ("CRS", rows, f"crs-top5-none-{args.model}+{tuned.name}"),
    ):
        recalls = [value(found, method, "recall@1", kind=kind, type="mean of columns") for kind in ("text", "image")]
        accuracies = [value(found, method, "precision@1"), value(found, method, "negative_accuracy")]
        lines.append([label, *accuracies, *recalls])
    show(["", "accuracy on positives", "accuracy on negatives", "recall@1, text", "recall@1, image"], lines)


def table10(args: argparse.Namespace) -> None:
    """Table X: the amount of tuning data."""
    lines = []
    for size in SIZES:
        # The largest one is the adapter of the other tables.
        tuned = adapter(args, "crs" if size == SIZES[-1] else f"crs-{size}", f"--positives {size} {args.questions}")
        select(args, f"--adapter {tuned}")
        lines.append([str(size), value(tidy_rows(args, "p1"), f"crs-top5-{args.model}+{tuned.name}", "precision@1")])
    show(["rows", "precision@1"], lines)


def table11(args: argparse.Namespace) -> None:
    """Table XI: the number of candidates; one adapter, tuned with five."""
    tuned = adapter(args, "crs", f"--positives 10000 {args.questions}")
    lines = []
    for k in (3, 5, 8, 10):
        select(args, f"--topk {k} --adapter {tuned}")
        found = value(tidy_rows(args, "p1"), f"crs-top{k}-{args.model}+{tuned.name}", "precision@1")
        lines.append([str(k), found])
    show(["candidates", "precision@1"], lines)


def main() -> None:
    """Make one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["table6", "table8", "table10", "table11"])
    parser.add_argument("--dataset", default="finecops-mini")
    parser.add_argument("--model", default="mini-qwen2vl")
    parser.add_argument("--folder", type=Path, default=Path("outputs/crs-tables"))
    parser.add_argument("--tuning", default=MINI_TUNING, help="Options of `finecops crs tune`.")
    parser.add_argument(
        "--questions", default=MINI_QUESTIONS, help="Options of `crs tune-data` for questions without None."
    )
    args = parser.parse_args()
    {"table6": table6, "table8": table8, "table10": table10, "table11": table11}[args.table](args)


if __name__ == "__main__":
    main()
