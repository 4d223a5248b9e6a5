"""Candidate Region Selection (paper, IV-B): the specialist proposes, the MLLM picks a letter."""

from __future__ import annotations

from finecops.records import Candidates, OrderVotes, Prediction
from finecops.runs.manifest import ALL, Share
from finecops.runs.specification import StageSpec
from finecops.stages.candidates import CandidateSettings, Proposer, candidate_spec
from finecops.stages.order_test import VoteSettings, mean_spec, vote_spec
from finecops.stages.select import SelectSettings, select_spec
from finecops.strategies.baselines import focus_targets, mllm, routes, specialist
from finecops.strategies.parts import Parts


def crs(parts: Parts) -> list[StageSpec[Prediction]]:
    """CRS's answers; with `both` also those of the specialist and of the plain MLLM alone, to be compared."""
    alone = [specialist(parts), mllm(parts)] if parts.options.both else []
    return [selection(parts), *alone]


def candidates(parts: Parts, share: Share = ALL, proposer: Proposer = "specialist") -> StageSpec[Candidates]:
    """The candidates of every sample, or of a share."""
    needs_routes = proposer == "router" or share.router_level is not None
    settings = CandidateSettings(
        specialist=parts.specialist,
        nms_iou=parts.options.candidate_nms_iou,
        focus=parts.options.focus,
        proposer=proposer,
    )
    return candidate_spec(
        settings,
        parts.resources(parts.specialist.batch_size),
        targets=focus_targets(parts),
        share=share,
        routes=routes(parts) if needs_routes else None,
    )


def selection(parts: Parts, share: Share = ALL, proposer: Proposer = "specialist") -> StageSpec[Prediction]:
    """The MLLM's choices among the candidates."""
    o, config = parts.options, parts.selector
    return select_spec(
        SelectSettings(mllm=config, topk=o.topk, none=o.none, order=o.order, show=o.show, focus=o.focus),
        parts.mllm_resources(config),
        candidates(parts, share, proposer),
        routes=routes(parts) if share.router_level else None,
    )


def order_test(parts: Parts) -> tuple[StageSpec[OrderVotes], StageSpec[Prediction]]:
    """The votes in several orders of the options, and the answers by their mean."""
    o, config, chosen = parts.options, parts.selector, selection(parts)
    settings = VoteSettings(mllm=config, topk=o.topk, none=o.none, show=o.show, focus=o.focus, orders=o.orders)
    votes = vote_spec(settings, parts.mllm_resources(config), candidates(parts), chosen.name)
    return votes, mean_spec(votes, candidates(parts), chosen)
