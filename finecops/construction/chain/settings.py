"""All settings of a build, validated before anything begins, and which stage each belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from finecops.config.fields import is_plain, plain_fault
from finecops.construction.chain.stage import ORDER
from finecops.construction.edits.world import DrawnWorld
from finecops.construction.truth.draw import TUPLE_TYPES
from finecops.errors import UsageError
from finecops.names import unknown_name

NONE: Final = "none"
RULES: Final = "rules"
BRING: Final = ("none", "link", "copy")
REFINE: Final = ("none", "adversarial", "blind")
WORDS_BY: Final = ("statistics", "model")
EXPORT: Final = "export"
USUAL_SCORERS: Final = ("clip-vit-b32", "dinov2-base")
"""Of repainted images: those of the paper, in their smaller sizes."""

STAGE_OF: Final[Mapping[str, str]] = {
    **dict.fromkeys("complete_graphs types scenes keep_names drop_names min_side min_share limit".split(), "paths"),
    **dict.fromkeys("positives per_image sides".split(), "positives"),
    **dict.fromkeys("rewriter base_url api_model budget_tokens budget_usd".split(), "rewrites"),
    **dict.fromkeys("expressions negatives words_by".split(), "negatives"),
    **dict.fromkeys("editor edits flips candidates".split(), "edits"),
    **dict.fromkeys("scorers refine_scorers".split(), "scores"),
    **dict.fromkeys("synthetic_threshold refine".split(), "chosen"),
    **dict.fromkeys("votes key".split(), "reviewed"),
    **dict.fromkeys("sentences bring licence hub".split(), EXPORT),
}
"""Setting → the first stage that uses it. Those that are not here are of the whole build."""


def _name(value: str) -> str:
    if not is_plain(value):
        raise UsageError(f"--name: {plain_fault(value)}")
    return value


def _one_of(option: str, there: Sequence[str]) -> BeforeValidator:
    def check(value: str) -> str:
        if value not in there:
            raise UsageError(unknown_name(f"value of --{option}", value, there))
        return value

    return BeforeValidator(check)


def _several(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """A text with commas, or a list, as names."""
    names = value.split(",") if isinstance(value, str) else value or ()
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


class BuildSettings(BaseModel):
    """What `finecops data build gqa` is asked for.

    Raises:
        UsageError: a choice is unknown, or options do not go together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    scene_graphs: Path
    out: Path
    images: Path | None = None
    """A folder or zip file; None: no image is looked at, and no negative image made."""
    name: Annotated[str, BeforeValidator(_name)] = "test"
    complete_graphs: bool = False
    """What a graph does not say is false; else it is possible."""
    words: Path | None = None
    """A folder with the tables of another world; None: GQA's words."""
    drawn: DrawnWorld | None = None
    """A world of the program's own, whose words are asked and whose negative images are drawn."""
    seed: int = 0
    limit: int = 0
    workers: int = 1
    device: str | None = None
    # Objects.
    scenes: tuple[Path, ...] = ()
    keep_names: str | None = None
    drop_names: str | None = None
    min_side: float | None = None
    min_share: float | None = None
    # Positives.
    positives: tuple[int, int, int] = (1000, 1000, 500)
    per_image: int = 3
    sides: float = 0.3
    """Share of left and right among the relations that paths are drawn from."""
    types: Names = ()
    """Tuple types of the positives; none: all."""
    # Wording.
    rewriter: str | None = None
    base_url: str | None = None
    api_model: str | None = None
    budget_tokens: int | None = None
    budget_usd: float | None = None
    # Negative expressions.
    expressions: int = 200
    negatives: Names = ()
    words_by: Annotated[Literal["statistics", "model"], _one_of("words-by", WORDS_BY)] = "statistics"
    # Negative images.
    editor: str | None = None
    edits: int = 200
    flips: int = 200
    candidates: int = 10
    # Filters.
    scorers: Names | None = None
    """None: the usual ones, if there is an editor."""
    synthetic_threshold: float | None = None
    refine: Annotated[Literal["none", "adversarial", "blind"], _one_of("refine", REFINE)] = "none"
    refine_scorers: Names = ()
    # People.
    votes: tuple[Path, ...] = ()
    key: tuple[Path, ...] = ()
    """Which rows of a page were planted faults, and no samples."""
    # Export.
    sentences: bool = False
    bring: Annotated[Literal["none", "link", "copy"], _one_of("bring", BRING)] = "none"
    licence: str | None = None
    hub: Path | None = None

    def model_post_init(self, context: object) -> None:
        """See what does not go together."""
        for name in self.types:
            if name not in TUPLE_TYPES:
                raise UsageError(f"--types: {unknown_name('tuple type', name, TUPLE_TYPES)}")
        self._needs("a model as --rewriter", self._model_given, "base_url api_model budget_tokens budget_usd")
        if self.words_by == "model" and not self._model_given:
            raise UsageError("--words-by model asks the model of --rewriter, and none is given")
        self._needs("--editor", self.editor is not None, "candidates scorers")
        self._needs("--editor", self.editor is not None or self.drawn is not None, "edits")
        self._needs("--editor", self.editor is not None, "synthetic_threshold")
        runs = self._model_given or self.editor is not None or any(":" in name for name in self.refine_scorers)
        self._needs("a model", runs, "device")
        # A negative image is made from a photograph.
        self._needs("--images", self.images is not None, "editor flips bring")
        self._needs("--votes", bool(self.votes), "key")
        self._needs("--refine adversarial", self.refine == "adversarial", "refine_scorers")
        if self.bring != NONE and self.images is None:
            raise UsageError("--bring takes the photographs of --images along, and none are given")

    @property
    def image_scorers(self) -> tuple[str, ...]:
        """Who judges repainted images."""
        usual = USUAL_SCORERS if self.editor is not None else ()
        return tuple(name for name in (usual if self.scorers is None else self.scorers) if name != NONE)

    @property
    def _model_given(self) -> bool:
        return self.rewriter not in (None, RULES)

    def _needs(self, what: str, there: bool, names: str) -> None:
        for name in names.split():
            value, default = getattr(self, name), type(self).model_fields[name].default
            # A default that is typed changes nothing.
            if not there and name in self.model_fields_set and value != default:
                raise UsageError(f"--{name.replace('_', '-')} has no use without {what}")


def check_steps(given: Sequence[str], only: str | None, until: str | None, finished: Sequence[str]) -> None:
    """Refuse options of stages that are neither made now nor there to be compared with.

    Args:
        given: names of the settings that the user gave.
        only, until: the stage that is made alone; the last one that is made.
        finished: stages that are there.

    Raises:
        UsageError: an option would be ignored.
    """
    steps = (*ORDER, EXPORT)
    made = (only,) if only is not None else steps[: steps.index(until or EXPORT) + 1]
    for name in given:
        stage = STAGE_OF.get(name)
        if stage is not None and stage not in made and stage not in finished:
            how = f"--only {only}" if only is not None else f"--until {until}"
            raise UsageError(f"--{name.replace('_', '-')} is of the stage {stage}, which {how} does not make")
