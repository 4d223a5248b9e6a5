"""Slow-Fast Adaptation (paper, IV-A): easy samples to a fast pathway, hard ones to a slow one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from finecops.errors import UsageError
from finecops.records import Prediction
from finecops.runs.manifest import ALL, Share
from finecops.runs.specification import StageSpec
from finecops.stages.merge import merge_spec
from finecops.stages.reuse import reuse_spec
from finecops.strategies.baselines import mllm, routes, specialist
from finecops.strategies.crs import selection
from finecops.strategies.options import require_known
from finecops.strategies.parts import Parts

Pathway: TypeAlias = Callable[[Parts, Share], StageSpec[Prediction]]
"""From the parts and the share of the samples to the stage that answers them."""


def _router_alone(parts: Parts, share: Share) -> StageSpec[Prediction]:
    if share.router_level != 1:
        raise UsageError("--fast router answers level 1 alone, so it does not go with --both")
    return reuse_spec(routes(parts), parts.router.name)


def _crs(parts: Parts, share: Share) -> StageSpec[Prediction]:
    return selection(parts, share, parts.options.candidates)


FAST: dict[str, Pathway] = {"specialist": specialist, "router": _router_alone}
"""Who can answer router level 1 (`--fast`). To add a pathway, enter a function from the parts to its stage."""
SLOW: dict[str, Pathway] = {"mllm": mllm, "crs": _crs}
"""Who can answer router level 2 (`--slow`)."""


def sfa(parts: Parts) -> list[StageSpec[Prediction]]:
    """SFA's answers, last; with `both` and a slow pathway other than the MLLM, also the MLLM's alone.

    Raises:
        UsageError: a pathway is unknown, or cannot answer every sample where both are asked for.
    """
    o = parts.options
    require_known("fast pathway", o.fast, FAST)
    require_known("slow pathway", o.slow, SLOW)
    easy = FAST[o.fast](parts, ALL if o.both else Share(router_level=1))
    hard = SLOW[o.slow](parts, ALL if o.both else Share(router_level=2))
    alone = [mllm(parts)] if o.both and o.slow != "mllm" else []
    return [*alone, merge_spec(routes(parts), easy, hard, o.focus)]
