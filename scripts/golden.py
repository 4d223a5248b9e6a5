"""Do two commits give the same results? Runs both on this machine and compares rows, run.json, metrics and digits.

    python scripts/golden.py BASE HEAD [--limit 60] [--keep FOLDER]

Each commit is checked out into a folder of its own and runs, from its own files,

    finecops sfa run --both --limit 60        finecops crs run --limit 60        finecops eval RUN --json
    finecops eval --annotations A --predictions P --format F --compat reference --json    for three files of the tests

Rows must be equal apart from the wording of notes and reasons (and from fields that only one side knows), settings in
run.json and every metric by value, and every digit of the reference arithmetic. What only HEAD has is listed. The
exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WORDING = {"note", "reason"}
NEW_FIELDS = {"truth", "cause", "data_sha256"}
"""Fields of rows that BASE need not have."""
PLACES = ("kind", "type", "level", "router_level", "tuple_type", "calibrated", "operating_point")
REFERENCE_FILES = """
import sys
from pathlib import Path
from tests.evaluation.test_reference import rough_files
files, letters = rough_files(Path(sys.argv[1]))
"""


def main() -> None:
    """Compare the two commits; exit with 1 if they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("head")
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--keep", type=Path, help="Leave the runs of both in this folder.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="golden-") as temporary:
        place = args.keep.resolve() if args.keep else Path(temporary)
        if args.keep and place.exists() and any(place.iterdir()):
            raise SystemExit(f"{place} is not empty: runs of other commits would go on there")
        place.mkdir(parents=True, exist_ok=True)
        files = place / "files"
        subprocess.run([sys.executable, "-c", REFERENCE_FILES, str(files)], check=True, env=_environment(Path.cwd()))
        sides = []
        for name, commit in (("base", args.base), ("head", args.head)):
            code = Path(temporary) / name
            subprocess.run(["git", "worktree", "add", "--detach", "--quiet", str(code), commit], check=True)
            try:
                sides.append(run_side(code, place / f"{name}-runs", files, args.limit))
            finally:
                subprocess.run(["git", "worktree", "remove", "--force", str(code)], check=True)
        differences = [line for part in sides[0] for line in compare(part, sides[0][part], sides[1].get(part))]
    for line in differences:
        print(line)
    compared = sum(len(part) for part in sides[0].values())
    print(f"{compared} rows, settings and values compared: {len(differences)} differ")
    raise SystemExit(1 if differences else 0)


def _environment(code: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}


def run_side(code: Path, out: Path, files: Path, limit: int) -> dict[str, dict[str, Any]]:
    """Everything that a commit gives, by part and key."""
    runs = {"sfa": ["sfa", "run", "--both"], "crs": ["crs", "run"]}
    found: dict[str, dict[str, Any]] = {}
    for name, command in runs.items():
        folder = out / name
        finecops(code, *command, "--limit", str(limit), "--run", str(folder))
        for path in sorted(folder.glob("*.jsonl")):
            found[f"{name}/{path.name}"] = dict(rows(path))
        found[f"{name}/run.json"] = dict(settings(json.loads((folder / "run.json").read_text())))
        found[f"{name}/metrics.json"] = dict(metrics_file(json.loads((folder / "metrics.json").read_text())))
        found[f"{name}/eval"] = dict(document(json.loads(finecops(code, "eval", str(folder), "--json"))))
    for kind, file, options in (
        ("texts", "texts.jsonl", ["refexp-text", "--box-format", "norm1000_list", "--score", "scores_prob_average"]),
        ("detections", "detections.npy", ["mmdet-npy"]),
        ("letters", "letters.jsonl", ["crs-letters"]),
    ):
        common = ["--annotations", str(files / "annotations.json"), "--predictions", str(files / file)]
        for compat in ("reference", "none"):
            text = finecops(code, "eval", *common, "--format", *options, "--compat", compat, "--json")
            found[f"{kind}/{compat}"] = dict(document(json.loads(text)))
    return found


def finecops(code: Path, *arguments: str) -> str:
    """Run a command from a commit's files; what it prints."""
    command = [sys.executable, "-m", "finecops", *arguments]
    done = subprocess.run(command, cwd=code, env=_environment(code), capture_output=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr.decode()[-2000:]}")
    return done.stdout.decode()


def rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Rows of a stage or samples, by id."""
    for line in path.read_text().splitlines():
        row = json.loads(line)
        kept = {key: value for key, value in row.items() if key not in WORDING | NEW_FIELDS}
        yield str(row.get("sample_id") or row.get("id")), kept


def settings(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What run.json says, whatever its version: data, environment, and per stage settings, share and rows."""
    yield "prompts", content["prompts_sha256"]
    for key, value in content["environment"].items():
        yield f"environment {key}", value
    for key in ("name", "split", "files", "sha256", "limit", "samples"):
        yield f"dataset {key}", content["dataset"][key]
    for name, stage in content["stages"].items():
        for key in ("rows", "failed", "gflops_per_sample"):
            yield f"{name} {key}", stage.get(key)
        share = stage.get("share", {}).get("router_level")
        yield f"{name} share", stage["settings"].get("samples") or (f"router level {share}" if share else "all")
        for key, value in _leaves(stage["settings"]):
            # Version 1 has share and inputs among the settings. The inputs' rows are compared themselves.
            if key != "samples" and not key.endswith("_sha256"):
                yield f"{name} {key}", value


def _leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{where}.{key}" if where else str(key))
    else:
        yield where, value


def metrics_file(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of metrics.json, whatever its version."""
    methods = content["methods"]
    named = methods.items() if isinstance(methods, dict) else ((m["stage"], m) for m in methods)
    for name, method in named:
        for row in method["rows"] if "rows" in method else method["values"]:
            yield from _values(name, row)


def document(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values, outcomes and absent metrics of `eval --json`."""
    for row in content["rows"]:
        yield from _values(row["method"], row)
    for key in ("outcomes", "absent"):
        yield from ((f"{key} {where}", value) for where, value in _leaves(content[key]))


def _values(method: str, row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    place = " ".join(f"{key}={row[key]}" for key in PLACES if row.get(key) not in (None, False))
    for key in ("value", "n", "lower", "upper", "ci_low", "ci_high"):
        if key in row:
            yield f"{method} {row['metric']} {place} {key}", row[key]


def compare(part: str, base: dict[str, Any], head: dict[str, Any] | None) -> Iterator[str]:
    """A line per difference. What only HEAD has is no difference."""
    if head is None:
        yield f"{part}: HEAD does not have it"
        return
    for key, value in base.items():
        if key not in head:
            yield f"{part}: {key}: {value!r} is not there"
        elif not _equal(value, head[key]):
            yield f"{part}: {key}: {value!r} is now {head[key]!r}"
    new = [key for key in head if key not in base]
    if new:
        print(f"({part}: new: {', '.join(new[:8])}{' …' if len(new) > 8 else ''})", file=sys.stderr)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


if __name__ == "__main__":
    main()
