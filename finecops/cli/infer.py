"""`finecops infer`: one model alone on a dataset, the baselines."""

from __future__ import annotations

import typer

from finecops.cli.options import DATA, MACHINE, Choices, command, open_choices

infer_app = typer.Typer(
    help="One model alone on every sample: the baselines.", no_args_is_help=True, rich_markup_mode=None
)


@command(infer_app, "specialist", (*DATA, "specialist", "extractor", "focus", *MACHINE), focus=False)
def specialist_command(choices: Choices) -> None:
    """Answer every sample with the specialist; writes specialist.jsonl."""
    _infer(choices, "specialist")


@command(infer_app, "mllm", (*DATA, "mllm", "extractor", "focus", "confidence", *MACHINE), focus=False)
def mllm_command(choices: Choices) -> None:
    """Answer every sample with the MLLM; writes mllm.jsonl."""
    _infer(choices, "mllm")


def _infer(choices: Choices, pathway: str) -> None:
    from finecops.sfa.pipeline import SfaPipeline

    run, settings = open_choices(choices)
    pipeline = SfaPipeline(run, settings)
    if pathway == "specialist":
        pipeline.specialist(routed=False)
    else:
        pipeline.mllm(routed=False)
    typer.echo(str(run.file(pathway)))
