"""`finecops sfa`: Slow-Fast Adaptation, whole or stage by stage."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from finecops.cli.options import DATA, MACHINE, ROUTER, Choices, command, open_choices

if TYPE_CHECKING:
    from finecops.runs.folder import Run
    from finecops.strategies.sfa import SfaSettings

sfa_app = typer.Typer(
    help="Slow-Fast Adaptation: easy expressions to the specialist, hard ones to the MLLM.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_CRS = ("candidates", "topk", "none", "adapter")
_ANSWER = ("extractor", "specialist", "mllm", "focus", "both", "fast", "slow", *_CRS, "confidence")


@command(sfa_app, "run", (*DATA, *_ANSWER, *ROUTER, "device", "batch_size"))
def run_command(choices: Choices) -> None:
    """Extract targets, route, answer on both pathways, and print the table.

    Every stage's file is kept in the run folder; what is there already is not done again.
    """
    from finecops.cli.printing import print_runs
    from finecops.strategies.sfa import SfaPipeline

    run, settings = _open(choices)
    SfaPipeline(run, settings).infer()
    print_runs([run.folder])


@command(sfa_app, "extract", (*DATA, "extractor", "device", "batch_size"))
def extract_command(choices: Choices) -> None:
    """Find the phrase of each expression that names its target; writes targets.jsonl."""
    from finecops.strategies.sfa import SfaPipeline

    targets = SfaPipeline(*open_choices(choices)).extract()
    typer.echo(_counted(Counter(target.status for target in targets.values())))


@command(sfa_app, "route", (*DATA, "extractor", *ROUTER, *MACHINE))
def route_command(choices: Choices) -> None:
    """Count each target with the router: one is level 1, otherwise level 2; writes routes.jsonl."""
    from finecops.strategies.sfa import SfaPipeline

    routes = SfaPipeline(*open_choices(choices)).route()
    typer.echo(_counted(Counter(f"level {route.level}" for route in routes.values())))


@command(sfa_app, "infer", (*DATA, *_ANSWER, *ROUTER, *MACHINE))
def infer_command(choices: Choices) -> None:
    """Answer level 1 with the specialist and level 2 with the MLLM; writes specialist, mllm and sfa.jsonl."""
    from finecops.strategies.sfa import SfaPipeline

    run, settings = _open(choices)
    SfaPipeline(run, settings).infer()
    typer.echo(str(run.file("sfa")))


def _open(choices: Choices) -> tuple[Run, SfaSettings]:
    """As `open_choices`; refuses what says how CRS asks where CRS is not asked."""
    from finecops.errors import ConfigError

    if choices.slow != "crs" and any(getattr(choices, name) != getattr(Choices, name) for name in _CRS):
        raise ConfigError("--candidates, --topk, --none and --adapter say how CRS asks; they go with --slow crs")
    return open_choices(choices)


def _counted(counts: Counter[str]) -> str:
    total = sum(counts.values())
    return ", ".join(f"{name} {n} ({100 * n / total:.1f}%)" for name, n in sorted(counts.items()))
