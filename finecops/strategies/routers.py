"""Several routers on the same samples: each makes routes of its own, in one run folder (paper, Table IX)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finecops.datasets.dataset import Dataset
from finecops.errors import UsageError
from finecops.records import Route
from finecops.runs.folder import OUTPUTS
from finecops.runs.manifest import RUN_JSON
from finecops.runs.run import Run
from finecops.runs.specification import StageSpec
from finecops.stages.route import RouteSettings
from finecops.strategies.baselines import routes
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.running import default_run_name, do_all, open_for

_SETTING = re.compile(r"(.+):(score|nms|zero)=([^:/]*)")
_OTHER_SETTING = re.compile(r":([A-Za-z_-]+)=[^/:]*$")
_FIELDS = {"score": "score_threshold", "nms": "router_nms_iou", "zero": "zero_is"}


@dataclass(frozen=True)
class NamedRouter:
    """A router as the user names it.

    Attributes:
        text: the user's own words, and its name in tables.
        model: a name or a YAML file, with `@WEIGHTS` or without.
        settings: its own thresholds, by the names of `Options`.
    """

    text: str
    model: str
    settings: Mapping[str, float | int]


def named_router(text: str) -> NamedRouter:
    """A router from `NAME`, a YAML file or `NAME@WEIGHTS`, with thresholds behind: `owlv2:score=0.3:nms=0.5:zero=1`.

    Raises:
        UsageError: a threshold is out of its range, or there twice.
    """
    model = text
    settings: dict[str, float | int] = {}
    while match := _SETTING.fullmatch(model):
        model, name, value = match.groups()
        field = _FIELDS[name]
        if field in settings:
            raise UsageError(f"{text}: {name} is there twice")
        settings[field] = _value(text, name, value)
    if (wrong := _OTHER_SETTING.search(model)) is not None:
        raise UsageError(f"{text}: unknown threshold {wrong[1]!r}; there are: {', '.join(_FIELDS)}")
    return NamedRouter(text, model, settings)


def _value(text: str, name: str, value: str) -> float | int:
    if name == "zero":
        if value not in ("1", "2"):
            raise UsageError(f"{text}: zero={value} is no level; there are 1 and 2")
        return int(value)
    with suppress(ValueError):
        if 0 <= float(value) <= 1:
            return float(value)
    raise UsageError(f"{text}: {name}={value} is no number from 0 to 1")


def routers_spec(router: NamedRouter, given: Mapping[str, Any]) -> tuple[Parts, StageSpec[Route]]:
    """The stage of a router's routes, and what it is made of.

    Args:
        router: with its own thresholds, which come before the command's.
        given: the command's options, for all routers.
    """
    parts = Parts(Options(**{**given, "router": router.model, **router.settings}))
    # Routes of several routers lie in one folder.
    return parts, replace(routes(parts), name=f"routes-{_plain(router.text)}", label=f"Router {router.text}")


def run_routers(routers: Sequence[NamedRouter], given: Mapping[str, Any]) -> tuple[Run, list[StageSpec[Route]]]:
    """Make every router's routes; what is done is kept.

    Raises:
        UsageError: two routers have one name, or an option has no use.
        FinecopsError: something that they need is missing, or too many samples failed.
    """
    found = [routers_spec(router, given) for router in routers]
    specs = [spec for _, spec in found]
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{', '.join(router.text for router in routers)}: two of these routers have one name")
    run = open_for(found[0][0], named=("routers",))
    do_all(run, specs)
    return run, specs


def usual_answers(given: Mapping[str, Any], dataset: Dataset) -> Path:
    """The folder where `finecops sfa run --both` with the same options puts the answers of both pathways."""
    options = {name: value for name, value in given.items() if name != "run"}
    parts = Parts(Options(**options, both=True))
    return OUTPUTS / default_run_name(parts, dataset, None)


def paper_row(spec: StageSpec[Route]) -> str | None:
    """The name of a router in the paper's tables."""
    settings = spec.settings
    return settings.router.paper_row if isinstance(settings, RouteSettings) else None


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run."""
    return (folder / RUN_JSON).is_file()


def _plain(text: str) -> str:
    """A file name's part for what a user wrote."""
    return re.sub(r"[^\w.=-]+", "-", text.removesuffix(".yaml")).strip("-.")[:80]
