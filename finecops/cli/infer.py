"""`finecops infer`: one model alone on a dataset, the baselines."""

from __future__ import annotations

from dataclasses import replace

import typer

from finecops.cli.options import DATA, MACHINE, Choices, command, open_choices

infer_app = typer.Typer(
    help="One model alone on every sample: the baselines.", no_args_is_help=True, rich_markup_mode=None
)


@command(infer_app, "specialist", (*DATA, "specialist", "extractor", "focus", *MACHINE), focus=False)
def specialist_command(choices: Choices) -> None:
    """Answer every sample with the specialist; writes specialist.jsonl."""
    _infer(choices, "specialist")


@command(
    infer_app, "mllm", (*DATA, "mllm", "adapter", "none", "extractor", "focus", "confidence", *MACHINE), focus=False
)
def mllm_command(choices: Choices) -> None:
    """Answer every sample with the MLLM; writes mllm.jsonl.

    With --none the prompt says that the target may not be there (the paper's baseline of Table VIII).
    """
    _infer(choices, "mllm")


def _infer(choices: Choices, pathway: str) -> None:
    from finecops.strategies.sfa import SfaPipeline

    run, settings = open_choices(choices)
    changed = {"adapter": choices.adapter, "refusal": "NONE_BASELINE" if choices.none else None}
    changed = {key: value for key, value in changed.items() if value is not None}
    pipeline = SfaPipeline(run, replace(settings, mllm=settings.mllm.model_copy(update=changed)))
    if pathway == "specialist":
        pipeline.specialist(routed=False)
    else:
        pipeline.mllm(routed=False)
    typer.echo(str(run.file(pathway)))
