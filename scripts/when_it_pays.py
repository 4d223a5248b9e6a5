"""Measure when SFA and CRS pay: `finecops advise` at several budgets of visual tokens, then `finecops gains` of all.

    python scripts/when_it_pays.py --out outputs/pays     # 36, 25, 16 and 9 tokens, the whole test split
    python scripts/when_it_pays.py --out outputs/pays --tokens 256,64 --preset paper --dataset finecops-ref
    python scripts/when_it_pays.py --out outputs/pays --figure docs/when_it_pays.svg     # the README's figure too
    python scripts/when_it_pays.py --out outputs/pays --dry-run                          # print the commands alone

Other options go to `finecops advise` as they are (`--dataset`, `--mllm`, `--device`, …). Each budget has a run of its
own below `--out`; finished rows are kept, and the same command continues what was stopped. Groups in the figure are
those of the first budget. Written are `when_it_pays.svg`, `.csv`, `.json` and `.md`, with the rules that follow. The
exit code is that of the first command that fails.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAME = "when_it_pays"


def budgets(text: str) -> list[int]:
    """Numbers with commas between, each once, in their order."""
    found = list(dict.fromkeys(int(part) for part in text.split(",")))
    if min(found) < 1:
        raise ValueError
    return found


def finecops(*words: str | Path, into: Path | None = None, dry: bool = False) -> None:
    """Run a command of finecops, with its output in a file or as it comes; `dry` prints it alone.

    Raises:
        SystemExit: it failed; the code is its own.
    """
    command = [sys.executable, "-m", "finecops", *map(str, words)]
    if dry:
        print(shlex.join(["finecops", *map(str, words)]) + (f" >{into}" if into is not None else ""))
        return
    print("$ finecops", *words, file=sys.stderr)
    done = subprocess.run(command, stdout=subprocess.PIPE if into is not None else None)
    if done.returncode:
        raise SystemExit(done.returncode)
    if into is not None:
        into.write_bytes(done.stdout)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, and the results of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs and the results")
    parser.add_argument("--tokens", type=budgets, default=[36, 25, 16, 9], help="budgets, with commas between")
    parser.add_argument("--figure", type=Path, help="another place for the figure: an .svg file")
    parser.add_argument("--dry-run", action="store_true", help="print the commands, run nothing")
    asked, rest = parser.parse_known_args(arguments)
    if asked.figure is not None and asked.figure.suffix != ".svg":
        parser.error("--figure is an .svg file")
    for name in ("--run", "--visual-tokens"):
        if any(word.split("=")[0] == name for word in rest):
            parser.error(f"{name} is chosen here; --out and --tokens say where and which")
    limit = [] if any(word.split("=")[0] in ("--limit", "-n") for word in rest) else ["--limit", "0"]
    runs = [asked.out / f"{tokens}tokens" for tokens in asked.tokens]
    dry = asked.dry_run
    for tokens, run in zip(asked.tokens, runs):
        finecops("advise", *rest, *limit, "--visual-tokens", str(tokens), "--run", run, dry=dry)
    results = asked.out / NAME
    figure = results.with_suffix(".svg")
    finecops("gains", *runs, "--as", "markdown", "--figure", figure, into=results.with_suffix(".md"), dry=dry)
    for form in ("csv", "json"):
        finecops("gains", *runs, "--as", form, into=results.with_suffix(f".{form}"), dry=dry)
    if dry:
        return
    if asked.figure is not None:
        asked.figure.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(figure, asked.figure)
    print(results.with_suffix(".md").read_text())


if __name__ == "__main__":
    main()
