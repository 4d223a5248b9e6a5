"""Stage `scores`: what scorers say of edited images and of texts. Thresholds come later, in `chosen`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import JsonValue

from finecops.construction.chain.context import Context
from finecops.construction.chain.stage import OneByOne, Stage
from finecops.construction.chain.steps.chosen import positive_texts, text_pairs
from finecops.construction.chain.worlds import weights_shown
from finecops.construction.english.realise import Wording, realise
from finecops.construction.samples import EditRow, PositiveRow, ScoreRow
from finecops.errors import DataError, UsageError
from finecops.images import read_image

if TYPE_CHECKING:
    from finecops.config.building import ScorerConfig
    from finecops.construction.filters.scorers import Scorers

NAME: Final = "scores"
ADVERSARIAL: Final = "adversarial"


class _Thing(NamedTuple):
    """An edited image, or a negative expression with its texts' scores."""

    id: int
    edit: EditRow | None
    scores: dict[str, float]


def stage(context: Context) -> Stage[ScoreRow]:
    """The stage of a build."""
    asked = context.settings
    configs = scorer_configs(asked.image_scorers)
    texts = text_scorers(context)
    settings: dict[str, JsonValue] = {
        "scorers": [_said(config) for config in configs.values()],
        "scorers of texts": [f"{kind}:{weights}" if weights else kind for kind, weights in texts],
    }
    make = OneByOne(
        things=lambda: _things(context, texts),
        key=lambda thing: str(thing.id),
        key_of_row=lambda row: str(row.id),
        results=lambda things: _results(context, configs, things),
    )
    return Stage(NAME, ScoreRow, settings, make, reads=("positives", "rewrites", "negatives", "edits"))


def scorer_configs(names: Sequence[str]) -> dict[str, ScorerConfig]:
    """Kind → the scorer of images that is of it.

    Raises:
        ConfigError: there is no such scorer.
        UsageError: two are of one kind.
    """
    from finecops.config.find import load_scorer

    found: dict[str, ScorerConfig] = {}
    for name in names:
        config = load_scorer(name)
        if config.kind in found:
            raise UsageError(f"--scorers: {found[config.kind].name} and {config.name} are both of kind {config.kind}")
        found[config.kind] = config
    return found


def text_scorers(context: Context) -> list[tuple[str, str]]:
    """Kind and weights of the scorers of texts, where the refinement wants any."""
    if context.settings.refine != ADVERSARIAL:
        return []
    from finecops.construction.bias.named_scorers import check_scorers

    return check_scorers(context.settings.refine_scorers or ("ngram",))


def _said(config: ScorerConfig) -> JsonValue:
    from finecops.config.fingerprint import weights_fingerprint

    # What changes the speed or the documents alone is left out, and the threshold, which belongs to `chosen`.
    other = {"size", "proved", "batch_size", "threshold"}
    found: dict[str, JsonValue] = config.model_dump(mode="json", exclude=other, exclude_none=True)
    return found | {
        "weights": weights_shown(config.weights),
        "weights_fingerprint": weights_fingerprint(config.weights),
    }


def _things(context: Context, texts: Sequence[tuple[str, str]]) -> Iterator[_Thing]:
    if context.settings.image_scorers:
        for row in context.rows("edits", EditRow):
            # Nothing was painted in a flip.
            if row.status == "kept" and row.type != "flip":
                yield _Thing(row.id, row, {})
    if texts:
        yield from (_Thing(id_, None, scores) for id_, scores in _text_scores(context, texts))


def _text_scores(context: Context, texts: Sequence[tuple[str, str]]) -> Iterator[tuple[int, dict[str, float]]]:
    """Each negative expression's scores and those of its positive: `ngram` and `ngram/positive`.

    Some scorers learn from all texts, so all are scored together.
    """
    from finecops.construction.bias.named_scorers import load_scorers

    pairs = text_pairs(context)
    found: list[dict[str, float]] = [{} for _ in pairs]
    for scorer in load_scorers(texts, context.settings.device, False) if pairs else ():
        for scores, (positive, negative) in zip(found, scorer.of_pairs(pairs), strict=True):
            scores |= {scorer.name: float(negative), f"{scorer.name}/positive": float(positive)}
    yield from ((int(pair.id), scores) for pair, scores in zip(pairs, found, strict=True))


def _results(context: Context, configs: dict[str, ScorerConfig], things: Iterator[_Thing]) -> Iterator[ScoreRow]:
    from finecops.construction.filters.scorers import open_scorers

    scorers: Scorers | None = None
    words = _Words(context)
    for thing in things:
        if thing.edit is None:
            yield ScoreRow.model_validate({"id": thing.id, "scores": thing.scores})
            continue
        # Models are loaded for the first edit: without any, none is.
        if scorers is None:
            names = dict(zip(configs, context.settings.image_scorers, strict=True))
            scorers = open_scorers(**names, device=context.settings.device or "auto")
        yield words.scored(thing.edit, scorers)


class _Words:
    """Texts and images of edits."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._positives: dict[int, PositiveRow] = {}
        self._texts: dict[int, str] = {}

    def scored(self, edit: EditRow, scorers: Scorers) -> ScoreRow:
        """The scores of an edited image."""
        from finecops.construction.filters.scoring import score_edit

        if not self._positives:
            self._positives = {row.id: row for row in self._context.rows("positives", PositiveRow)}
            self._texts = positive_texts(self._context)
        positive, desk = self._positives[edit.positive_id], self._context.desk
        try:
            graph = desk.graphs[positive.image_id]
            photo = desk.photos.find(graph) if desk.photos is not None else None
            if photo is None:
                raise DataError(f"the image of {positive.image_id} was there and is not there now")
            image = read_image(photo.path)
        except DataError as error:
            return ScoreRow(id=edit.id, reason=str(error))
        return score_edit(edit, self._both(edit, positive), image, self._context.folder.path, scorers)

    def _both(self, edit: EditRow, positive: PositiveRow) -> tuple[str, str] | None:
        """What the expression says, and what is true of the edited image, in the same kind of words."""
        if edit.said is None:
            return None
        wording = Wording(positive.template, tuple(positive.picks))
        said = [
            realise(d.description(), wording, positive.definite, self._context.desk.lexicon).text
            for d in (positive.said, edit.said)
        ]
        return said[0], said[1]
