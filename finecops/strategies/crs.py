"""The chain of CRS's stages on a run folder: candidates, selection."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from finecops.config.fingerprint import model_settings
from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.errors import RunError
from finecops.models.backends import load_mllm_model, load_specialist_model
from finecops.records import Candidates, OrderVotes, Prediction, Route, Sample, Target
from finecops.runs.folder import Run
from finecops.runs.jsonl import append_rows, read_rows
from finecops.runs.runner import Stage
from finecops.runs.watch import Watch
from finecops.stages import answers as infer
from finecops.stages.candidates import NMS_IOU, CandidateStage, RoutedCandidateStage, failed_candidates
from finecops.stages.order_test import OrderReport, OrderStage, failed_votes, order_report, voted_prediction
from finecops.stages.select import SOURCE, Selecting, SelectionStage

log = logging.getLogger(__name__)

Proposer = Literal["specialist", "router"]


@dataclass(frozen=True)
class CrsSettings:
    """Everything CRS can be asked to do differently.

    Attributes:
        specialist, mllm: the models that propose and choose.
        selecting: how questions are asked.
        nms_iou: of the candidates.
        focus: focus the specialist on the target of the expression.
        proposer: the specialist, or where SFA has routed, the router: the instances of the target that it counted are
            the candidates, and only where it has found nothing the specialist proposes.
        device, batch_size, upstream: as in `SfaSettings`.
    """

    specialist: SpecialistConfig
    mllm: MllmConfig
    selecting: Selecting = field(default_factory=Selecting)
    nms_iou: float = NMS_IOU
    focus: bool = False
    proposer: Proposer = "specialist"
    device: str = "cpu"
    batch_size: int | None = None
    upstream: bool = True
    watch: bool = True


class CrsPipeline:
    """Runs CRS's stages in a run folder; selection makes the candidates first if they are not there."""

    def __init__(
        self,
        run: Run,
        settings: CrsSettings,
        make_targets: Callable[[], dict[str, Target]],
        samples: Sequence[Sample] | None = None,
        share: str = "all",
        routes: dict[str, Route] | None = None,
    ) -> None:
        """`make_targets` gives the run's targets where the specialist is focused. With `samples` only those are asked
        about; `share` says in words which they are. `routes` are the run's, where the router proposes."""
        self.run, self.settings, self.make_targets = run, settings, make_targets
        self.samples, self.share = run.samples if samples is None else samples, share
        self.routes = routes

    def candidates(self) -> dict[str, Candidates]:
        """`candidates.jsonl`."""
        s = self.settings
        told: dict[str, Any] = {"specialist": model_settings(s.specialist), "nms_iou": s.nms_iou, "focus": s.focus}
        told |= {"samples": self.share} if self.share != "all" else {}
        targets: dict[str, Target] | None = None
        if s.focus:
            targets = self.make_targets()
            told["targets_sha256"] = self.run.checksum("targets")
        if s.proposer == "router":
            told |= {"proposer": "router", "routes_sha256": self.run.checksum("routes")}
        self.run.do(
            "candidates",
            Candidates,
            self.samples,
            told,
            failed_candidates,
            s.batch_size or s.specialist.batch_size,
            lambda: self._proposing(targets),
        )
        return {row.sample_id: row for row in read_rows(self.run.file("candidates"), Candidates)}

    def _proposing(self, targets: dict[str, Target] | None) -> Stage[Candidates]:
        s = self.settings

        def specialist() -> CandidateStage:
            return CandidateStage(load_specialist_model(s.specialist, s.device), targets, s.nms_iou)

        if s.proposer == "specialist":
            return specialist()
        assert self.routes is not None
        return RoutedCandidateStage(self.routes, s.nms_iou, specialist)

    def select(self) -> str:
        """The selection's file, and the name of the stage: one per way of asking."""
        s = self.settings
        if not self.run.has("candidates"):
            if not s.upstream:
                path = self.run.file("candidates")
                raise RunError(f"{path} is not there; `finecops crs candidates` makes it")
            log.info("candidates.jsonl is not there yet: making it first")
        found = self.candidates()
        name = stage_name(s)
        chosen = s.selecting
        told = {
            "mllm": model_settings(s.mllm),
            "topk": chosen.topk,
            "none": chosen.none,
            "order": chosen.order,
            "show": chosen.show,
            "candidates_sha256": self.run.checksum("candidates"),
            "samples": self.share,
            "focus": s.focus,
        }
        self.run.do(
            name,
            Prediction,
            self.samples,
            told,
            partial(infer.failed_prediction, SOURCE),
            s.batch_size or s.mllm.batch_size,
            lambda: SelectionStage(load_mllm_model(s.mllm, s.device), s.mllm, found, chosen),
            Watch(s.mllm.name, "of a letter", self.samples) if s.watch else None,
        )
        return name

    def order_test(self, orders: int) -> tuple[OrderReport, Path]:
        """Ask in several orders; the report, and the file of answers by the mean over them."""
        s = self.settings
        found = self.candidates()
        name = f"orders{orders}-{stage_name(s)}"
        told = {
            "mllm": model_settings(s.mllm),
            "topk": s.selecting.topk,
            "none": s.selecting.none,
            "show": s.selecting.show,
            "orders": orders,
            "candidates_sha256": self.run.checksum("candidates"),
        }
        self.run.do(
            name,
            OrderVotes,
            self.samples,
            told,
            failed_votes,
            s.batch_size or s.mllm.batch_size,
            lambda: OrderStage(load_mllm_model(s.mllm, s.device), s.mllm, found, s.selecting, orders),
        )
        votes = {row.sample_id: row for row in read_rows(self.run.file(name), OrderVotes)}
        path = self.run.file(f"{stage_name(s)}-mean{orders}")
        with path.open("w", encoding="utf-8") as file:
            append_rows(file, [voted_prediction(x, found[x.id], votes[x.id]) for x in self.samples])
        return order_report(list(votes.values())), path


def stage_name(settings: CrsSettings) -> str:
    """`crs-top5`, and what is other than usual: `-router`, `-none`, `-shuffle`, `-marks`, and the MLLM."""
    s = settings.selecting
    parts = [f"crs-top{s.topk}"]
    parts += [settings.proposer] if settings.proposer != "specialist" else []
    parts += ["none"] if s.none else []
    parts += [s.order] if s.order != "rank" else []
    parts += [s.show] if s.show != "text" else []
    return "-".join([*parts, settings.mllm.name])
