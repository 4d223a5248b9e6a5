"""Rows of the construction: what each of its stages writes, one JSON object a line.

A description is `tuple_type`, `nodes` (name and attributes; node 0 is the target) and `edges` (relation, head, tail).
Boxes are xyxy in pixels. Every row has a key: the image's id for paths, the sample's id for all others.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue

from finecops.construction.description import Description, Edge, Node
from finecops.records import Record

Status = Literal["kept", "dropped", "failed"]
"""`dropped`: made, and left out for a reason. `failed`: could not be made (no image, no answer, a fault)."""


class DescriptionRow(Record):
    """What an expression says, as in `finecops.construction.description`."""

    tuple_type: str
    nodes: list[tuple[str, list[str]]]
    edges: list[tuple[str, int, int]] = Field(default_factory=list)

    @classmethod
    def of(cls, description: Description) -> DescriptionRow:
        """The row of a description."""
        nodes = [(node.name, list(node.attributes)) for node in description.nodes]
        edges = [(edge.relation, edge.head, edge.tail) for edge in description.edges]
        return cls(tuple_type=description.tuple_type, nodes=nodes, edges=edges)

    def description(self) -> Description:
        """The description of a row."""
        return Description(
            self.tuple_type,
            tuple(Node(name, tuple(attributes)) for name, attributes in self.nodes),
            tuple(Edge(*edge) for edge in self.edges),
        )


class Phrased(Record):
    """A text and, for each node, the half-open character span of its noun phrase without the article."""

    text: str
    spans: list[tuple[int, int]]


class PathRow(Record):
    """One path: a description that fits one object of an image, provably no other."""

    said: DescriptionRow
    objects: list[str]
    """Ids of the objects that it names, the target first."""
    level: Literal[1, 2, 3]
    strict: bool = True
    """Of level 3: no single attribute or relation of the graph, named or not, would be enough."""


class PathsRow(Record):
    """What was found in one image."""

    image_id: str
    status: Status
    reason: str | None = None
    paths: list[PathRow] = Field(default_factory=list)
    dropped: dict[str, int] = Field(default_factory=dict)
    """Reason → how many objects or paths were left out for it."""


class PositiveRow(Record):
    """A chosen path in words."""

    id: int
    image_id: str
    said: DescriptionRow
    objects: list[str]
    level: Literal[1, 2, 3]
    strict: bool = True
    template: str
    picks: list[int] = Field(default_factory=list)
    """The free choices of the wording, so that a negative is worded in the same way."""
    definite: list[bool]
    """For each node: the only object of the image that its own words fit. It has "the"; others have "a"."""
    expression: Phrased


class RewriteRow(Record):
    """The final wording of a positive: a rewrite, or the template again, with the reason."""

    id: int
    expression: Phrased
    by: Literal["template", "rules", "model"]
    reason: str | None = None
    """Why the template stands."""
    rejected: str | None = None
    """The rewrite that was not taken."""
    source: dict[str, JsonValue] = Field(default_factory=dict)
    """Of a model's: its name, the prompt's hash."""


class NegativeRow(Record):
    """A negative expression: a description that fits no object of the image."""

    id: int
    positive_id: int
    image_id: str
    type: str
    """`replace_object`, …: the program's words (`finecops.benchmark_words`)."""
    level: Literal[1, 2]
    status: Status
    reason: str | None = None
    said: DescriptionRow
    changed: list[int]
    """Indices of the changed nodes; of a relation, of the changed edge."""
    expression: Phrased | None = None
    by: Literal["template", "rules", "model"] = "template"
    chosen_by: Literal["statistics", "model", "swap"] = "statistics"
    source: dict[str, JsonValue] = Field(default_factory=dict)


class EditRow(Record):
    """A negative image: the positive's expression, and an edited image in which it fits no object."""

    id: int
    positive_id: int
    image_id: str
    """That of the negative image."""
    type: str
    level: Literal[1, 2]
    status: Status
    reason: str | None = None
    changed: list[int]
    """Indices of the changed nodes of the positive's description."""
    said: DescriptionRow | None = None
    """What the expression names, as it is in the edited image: the negative text of the filters."""
    boxes: list[tuple[float, float, float, float]] = Field(default_factory=list)
    """Repainted boxes, xyxy in pixels; empty where the whole image changed (a flip, a drawing)."""
    prompts: list[str] = Field(default_factory=list)
    """What was asked for in each box."""
    before: list[str] = Field(default_factory=list)
    """What was in each box, in words of the same kind: a filter asks which of the two it looks like."""
    graph: dict[str, Any] = Field(default_factory=dict)
    """The edited scene graph in GQA's format: it proves that the expression fits nothing."""
    editor: str | None = None
    candidates: list[str] = Field(default_factory=list)
    """Files of the candidates, below the build folder; one that failed is an empty text."""
    checksums: list[str] = Field(default_factory=list)
    """SHA-256 of each file, so that nobody takes another picture for it."""
    seeds: list[int] = Field(default_factory=list)


class ScoreRow(Record):
    """Scores of one sample by name; for an edit, one value per candidate."""

    id: int
    scores: dict[str, float | list[float | None] | None] = Field(default_factory=dict)
    reason: str | None = None
    """Why a score is missing."""


class ChosenRow(Record):
    """Whether a sample stays, and why not."""

    id: int
    kept: bool
    reason: str | None = None
    candidate: int | None = None
    """Of an edit: which of its candidates."""
    details: dict[str, JsonValue] = Field(default_factory=dict)
