"""The option-order test: ask again with the options in other orders, and see what hangs on the order alone.

A model that reads its options gives the same candidate whatever letter it has. The test counts how often it does
not, how much it likes each letter for itself, and what an average over the orders would answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from finecops.config.schema import MllmConfig
from finecops.metrics.answers import Floats, Ints
from finecops.models.backends import load_mllm_model
from finecops.models.protocols import Mllm
from finecops.records import Candidates, OrderVotes, Prediction, Sample
from finecops.replies.choices import letters_for
from finecops.replies.letters import LetterScores
from finecops.replies.options import Options
from finecops.runs.specification import ImageGroup, Resources, StageContext, StageSettings, StageSpec, width_of
from finecops.stages.rows import failed_prediction
from finecops.stages.select import SOURCE, Selecting, SelectionStage, SelectSettings, prediction_of


class OrderStage:
    """Asks every question in `orders` seeded orders, None in other positions too."""

    def __init__(
        self,
        model: Mllm,
        config: MllmConfig,
        candidates: Mapping[str, Candidates],
        selecting: Selecting,
        orders: int,
    ) -> None:
        self.stages = [SelectionStage(model, config, candidates, _shuffled(selecting, i)) for i in range(orders)]
        self.candidates, self.selecting = candidates, selecting

    def width(self) -> int:
        """As its model's."""
        return width_of(self.stages[0])

    def __call__(self, groups: Sequence[ImageGroup]) -> list[OrderVotes]:
        """One row per sample."""
        turns = [stage(groups) for stage in self.stages]
        samples = [sample for group in groups for sample in group.samples]
        return [self._row(sample, [rows[i] for rows in turns]) for i, sample in enumerate(samples)]

    def _row(self, sample: Sample, answers: Sequence[Prediction]) -> OrderVotes:
        failed = next((a for a in answers if a.status in ("failed", "unparsed") or a.scores is None), None)
        if failed is not None:
            reason = failed.reason or "the model gives no probabilities: orders cannot be averaged"
            return failed_votes(sample, reason).model_copy(update={"cause": failed.cause})
        boxes = self.candidates[sample.id].best(self.selecting.topk)
        orders, probabilities = [], []
        for stage, answer in zip(self.stages, answers, strict=True):
            options = stage.selecting.options(stage.config, sample, boxes)
            assert answer.scores is not None
            assert answer.letters is not None
            of_letter = dict(zip(answer.letters, answer.scores, strict=True))
            # A choice of None keeps the candidates' letters alone: None has what they leave.
            missing = round(max(0.0, 1 - sum(answer.scores)), 6)
            orders.append(options.candidate)
            probabilities.append(tuple(of_letter.get(letter, missing) for letter in options.letters))
        return OrderVotes(sample_id=sample.id, status="asked", orders=tuple(orders), probabilities=tuple(probabilities))


def _shuffled(selecting: Selecting, number: int) -> Selecting:
    """The same question with its options in another order."""
    return Selecting(
        topk=selecting.topk, none=selecting.none, order="shuffle", show=selecting.show, seed=f"order {number}/"
    )


def failed_votes(sample: Sample, reason: str) -> OrderVotes:
    """The row of a sample that could not be asked."""
    return OrderVotes(sample_id=sample.id, status="failed", orders=(), probabilities=(), reason=reason)


@dataclass(frozen=True)
class OrderReport:
    """What hangs on the order.

    Attributes:
        n: samples asked.
        flip_rate: share (per cent) of pairs of orders of one sample with different choices.
        unstable: share (per cent) of samples whose choice is not the same in all orders.
        prior: letter → mean probability beyond what its option has under other letters, in per cent points; 0 for a
            model without preference.
        chosen: letter → share (per cent) of all answers.
        even: letter → share (per cent) that a random choice would have; it differs where questions have fewer options.
    """

    n: int
    flip_rate: float | None
    unstable: float | None
    prior: dict[str, float]
    chosen: dict[str, float]
    even: dict[str, float]


def order_report(votes: Sequence[OrderVotes]) -> OrderReport:
    """The report over some rows; failed ones are left out."""
    asked = [row for row in votes if row.status == "asked" and len(row.orders) > 1]
    if not asked:
        return OrderReport(0, None, None, {}, {}, {})
    letters = letters_for(max(len(row.orders[0]) for row in asked))
    excess, seen = np.zeros(len(letters)), np.zeros(len(letters))
    chosen, even = np.zeros(len(letters)), np.zeros(len(letters))
    flips = pairs = unstable = 0
    for row in asked:
        table, picked = _by_candidate(row)
        turns, options = table.shape
        # `[orders, options]`: the letter that a candidate had. Sorting turns letter → candidate around.
        letter = np.stack([np.argsort(_columns(order)) for order in row.orders])
        for turn, probabilities in enumerate(row.probabilities):
            even[:options] += 1 / options
            chosen[int(np.argmax(probabilities))] += 1
            for column in range(options):
                # The same candidate under other letters is what this letter is compared with.
                elsewhere = table[letter[:, column] != letter[turn, column], column]
                if len(elsewhere):
                    excess[letter[turn, column]] += table[turn, column] - elsewhere.mean()
                    seen[letter[turn, column]] += 1
        # Ordered pairs of orders that chose alike: n of the same choice make n(n - 1).
        same = sum(int(np.sum(picked == value)) * (int(np.sum(picked == value)) - 1) for value in set(picked.tolist()))
        flips += turns * (turns - 1) - same
        pairs += turns * (turns - 1)
        unstable += len(set(picked.tolist())) > 1
    total = chosen.sum()

    def named(values: Floats) -> dict[str, float]:
        return {letter: float(value) for letter, value in zip(letters, values, strict=True)}

    return OrderReport(
        len(asked),
        100 * flips / pairs,
        100 * unstable / len(asked),
        named(100 * excess / np.maximum(seen, 1)),
        named(100 * chosen / total),
        named(100 * even / total),
    )


def voted_prediction(sample: Sample, candidates: Candidates, row: OrderVotes) -> Prediction:
    """The answer by the mean over the orders, which gives no letter an advantage."""
    if row.status == "failed":
        return Prediction(sample_id=sample.id, status="failed", source=SOURCE, reason=row.reason, cause="input")
    table, _ = _by_candidate(row)
    none = -1 in row.orders[0]
    real = table.shape[1] - none
    boxes = candidates.best(real)
    candidate = (*range(real), -1) if none else tuple(range(real))
    options = Options(letters_for(len(candidate)), candidate, "")
    answer = prediction_of(sample, boxes, options, LetterScores("", tuple(table.mean(axis=0).tolist()), None))
    kind = f"mean over {len(row.orders)} orders of the probability of the option's letter"
    # Under several orders a candidate has no letter of its own.
    return answer.model_copy(update={"letters": None, "choice": None, "score_kind": kind, "prompt": None})


def _by_candidate(row: OrderVotes) -> tuple[Floats, Ints]:
    """Probabilities by candidate, `[orders, options]` with None last, and the column each order chose, `[orders]`."""
    # By candidate and not by letter: only so are the orders comparable.
    table = np.zeros((len(row.orders), len(row.orders[0])))
    for turn, (order, probabilities) in enumerate(zip(row.orders, row.probabilities, strict=True)):
        table[turn, _columns(order)] = probabilities
    return table, table.argmax(axis=1)


def _columns(order: Sequence[int]) -> list[int]:
    return [index if index >= 0 else len(order) - 1 for index in order]


class VoteSettings(SelectSettings):
    """Who is asked how, in how many orders."""

    order: Literal["shuffle"] = "shuffle"
    orders: int


def make_votes(settings: VoteSettings, context: StageContext) -> OrderStage:
    """The stage with its model loaded."""
    return make_votes_with(load_mllm_model(settings.mllm, context.device), settings, context)


def make_votes_with(model: Mllm, settings: VoteSettings, context: StageContext) -> OrderStage:
    """The stage with a model that is there."""
    return OrderStage(model, settings.mllm, context.rows("candidates", Candidates), settings, settings.orders)


def vote_spec(
    settings: VoteSettings, resources: Resources, candidates: StageSpec[Candidates], name: str
) -> StageSpec[OrderVotes]:
    """The stage of the votes; `name` is that of the selection it belongs to."""
    return StageSpec(
        name=f"orders{settings.orders}-{name}",
        row_type=OrderVotes,
        role="votes",
        label=f"{settings.orders} orders of the options, {settings.mllm.name}",
        settings=settings,
        make=make_votes,
        failure=failed_votes,
        inputs=(candidates,),
        share=candidates.share,
        resources=resources,
        command="finecops crs select --orders",
        model=settings.mllm,
    )


class MeanSettings(StageSettings):
    """Whose votes are averaged, and the number of options that `finecops.evaluation` counts candidates by."""

    votes: str
    topk: int
    none: bool


class MeanStage:
    """The answers by the mean over the orders."""

    def __init__(self, candidates: Mapping[str, Candidates], votes: Mapping[str, OrderVotes]) -> None:
        self.candidates, self.votes = candidates, votes

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample."""
        samples = (sample for group in groups for sample in group.samples)
        return [voted_prediction(sample, self.candidates[sample.id], self.votes[sample.id]) for sample in samples]


def make_mean(settings: MeanSettings, context: StageContext) -> MeanStage:
    """The stage; no model is loaded."""
    return MeanStage(context.rows("candidates", Candidates), context.rows(settings.votes, OrderVotes))


def mean_spec(
    votes: StageSpec[OrderVotes], candidates: StageSpec[Candidates], selection: StageSpec[Prediction]
) -> StageSpec[Prediction]:
    """The stage of the answers by the mean over the orders, beside the selection in one order."""
    assert isinstance(votes.settings, VoteSettings)
    asked = votes.settings
    return StageSpec(
        name=f"{selection.name}-mean{asked.orders}",
        row_type=Prediction,
        role="answers",
        label=f"{selection.label}, mean of {asked.orders} orders",
        settings=MeanSettings(votes=votes.name, topk=asked.topk, none=asked.none),
        make=make_mean,
        failure=partial(failed_prediction, source=SOURCE),
        inputs=(candidates, votes),
        share=candidates.share,
        answering=selection.answering,
        command="finecops crs select --orders",
        reads_images=False,
        remake=True,
    )
