"""Which stages can be asked by a batch of requests, and how they are made with another asker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

from finecops.config.find import names
from finecops.config.schema import MllmConfig
from finecops.errors import UsageError
from finecops.models.openai_mllm import Asker, OpenAiMllm
from finecops.models.server_status import is_behind_server
from finecops.records import Prediction
from finecops.runs.specification import Stage, StageSpec
from finecops.stages import mllm, order_test, select
from finecops.strategies import baselines, crs
from finecops.strategies.options import require_known
from finecops.strategies.parts import Parts

By = Literal["mllm", "crs"]
BY: Final = ("mllm", "crs")
"""Who answers: the MLLM alone (`infer mllm`), or CRS (`crs select`)."""
_MADE_WITH: Final[dict[Callable[..., Any], Callable[..., Stage[Any]]]] = {
    mllm.make: mllm.make_with,
    select.make: select.make_with,
    order_test.make_votes: order_test.make_votes_with,
}
"""How a stage is made → how it is made with a model that is there."""


@dataclass(frozen=True)
class BatchStages:
    """The stages of a batch.

    Attributes:
        model: who is asked.
        asked: the stages that ask it.
        after: stages that are made of their rows.
        part: names the run's default folder (`finecops.strategies.running.open_for`).
        command: asks the same questions at once.
    """

    model: MllmConfig
    asked: tuple[StageSpec[Any], ...]
    after: tuple[StageSpec[Prediction], ...]
    part: str | None
    command: str


def batch_stages(parts: Parts, by: str) -> BatchStages:
    """The stages that the options name.

    Raises:
        UsageError: `by` is unknown, a model is not behind a server, or they are several models.
    """
    require_known("strategy", by, BY)
    o = parts.options
    asked: list[StageSpec[Any]] = []
    after: list[StageSpec[Prediction]] = []
    if by == "mllm":
        asked.append(baselines.mllm_baseline(parts))
        command = "finecops infer mllm"
    else:
        asked.append(crs.selection(parts))
        command = "finecops crs select"
        if o.orders:
            votes, mean = crs.order_test(parts)
            asked.append(votes)
            after.append(mean)
        if o.both:
            asked.append(baselines.mllm(parts))
            command = "finecops crs run"
    return BatchStages(_model_of(asked), tuple(asked), tuple(after), None if by == "mllm" else "crs", command)


def _model_of(specs: Sequence[StageSpec[Any]]) -> MllmConfig:
    """The one model that some stages ask.

    Raises:
        UsageError: it is not behind a server, or there are several.
    """
    found: dict[str, MllmConfig] = {}
    for spec in specs:
        assert isinstance(spec.model, MllmConfig)
        found[spec.model.name] = spec.model
    for name, config in found.items():
        if not is_behind_server(config):
            there = f"{name}-server"
            instead = f"--mllm {there}" if there in names("models") else "`finecops models list` says which are"
            raise UsageError(f"a batch is for models behind servers; {name} is not one of them: {instead}")
    if len(found) > 1:
        raise UsageError(f"a batch asks one model; these stages ask {' and '.join(found)}: --mllm names one for all")
    return next(iter(found.values()))


def with_asker(spec: StageSpec[Any], asker: Asker) -> StageSpec[Any]:
    """The same stage, whose questions somebody else answers."""
    assert isinstance(spec.model, MllmConfig)
    return replace(spec, make=partial(_MADE_WITH[spec.make], OpenAiMllm(spec.model, asker)))
