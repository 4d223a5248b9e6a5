"""Every strategy on the same samples, in one run: what `finecops advise` compares.

Each model answers every sample once; SFA with and without CRS are merged from these answers.
"""

from __future__ import annotations

from pathlib import Path

from finecops.errors import RunError
from finecops.records import Prediction
from finecops.runs.run import Run
from finecops.runs.specification import StageSpec
from finecops.stages.merge import merge_spec
from finecops.strategies.baselines import mllm, routes, specialist
from finecops.strategies.crs import selection
from finecops.strategies.parts import Parts
from finecops.strategies.running import do_all, open_for
from finecops.strategies.sfa import sfa

SFA_CRS = "sfa-crs"
"""The stage of SFA whose hard samples CRS answers."""


def side_by_side(parts: Parts) -> dict[str, StageSpec[Prediction]]:
    """The stage of each strategy's answers, by what tables call the strategy.

    The parts' options must have `both`: every pathway answers every sample.
    """
    answers, chosen = sfa(parts)[-1], selection(parts)
    both = merge_spec(routes(parts), specialist(parts), chosen, parts.options.focus, name=SFA_CRS, label="SFA with CRS")
    return {"specialist": specialist(parts), "MLLM": mllm(parts), "SFA": answers, "SFA+CRS": both, "CRS": chosen}


def run_side_by_side(parts: Parts) -> tuple[Run, dict[str, str]]:
    """Make every strategy's answers, or those that are missing.

    Returns:
        The run, and the name of each strategy's stage.

    Raises:
        RunError: no sample has a known box.
        FinecopsError: something that they need is missing, or too many samples failed.
    """
    specs = side_by_side(parts)
    o = parts.options
    # Models that differ from the preset's are another run: its stages would be refused there.
    named = [Path(name).stem for name in (o.specialist, o.mllm) if name is not None]
    run = open_for(parts, named=named)
    # Said before any model runs: it may take hours.
    if not any(sample.positive for sample in run.samples):
        raise RunError(f"{run.folder}/ has no positive sample: without a true box nothing says which strategy is right")
    do_all(run, list(specs.values()))
    return run, {strategy: spec.name for strategy, spec in specs.items()}
