"""What the construction promises, judged where everything is known: `tests.construction.hidden_world`.

Of complete worlds an annotator left out half of the attributes and relations, and used other words for the same things.
At most one positive in a thousand may fit another object, and at most one negative in a thousand may fit any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from finecops.construction.description import Description
from finecops.construction.negatives.make import negatives
from finecops.construction.negatives.words import CorpusWords
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.paths import find_paths
from finecops.construction.words.gqa import gqa_lexicon
from tests.construction.hidden_world import HiddenWorld, worlds, wrong_negatives, wrong_positives


@dataclass
class _Counts:
    """What is seen in the graphs, in the shape that `CorpusWords` reads."""

    names: Counter[str] = field(default_factory=Counter)
    attributes: dict[str, Counter[str]] = field(default_factory=dict)
    relations: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, made: Sequence[HiddenWorld]) -> _Counts:
        counts = cls()
        for world in made:
            objects = world.graph.objects  # type: ignore[union-attr]
            for obj in objects.values():
                counts.names[obj.name] += 1
                counts.attributes.setdefault(obj.name, Counter()).update(obj.attributes)
                counts.relations.update((obj.name, r.name, objects[r.object_id].name) for r in obj.relations)
        return counts


@dataclass
class _Judged:
    positives: int = 0
    negatives: int = 0
    wrong_positives: list[tuple[Description, set[str]]] = field(default_factory=list)
    wrong_negatives: list[tuple[Description, set[str]]] = field(default_factory=list)
    levels: Counter[int] = field(default_factory=Counter)
    columns: Counter[tuple[str, int]] = field(default_factory=Counter)


def judge(made: Sequence[HiddenWorld]) -> _Judged:
    """Everything that the construction finds in the graphs, judged in the worlds."""
    lexicon, judged = gqa_lexicon(), _Judged()
    words = CorpusWords(_Counts.of(made), lexicon).words
    for world in made:
        assert world.graph is not None
        paths = find_paths(world.graph, lexicon).paths
        facts = Facts(world.graph, lexicon)
        positives = [(path.said.description(), path.objects[0]) for path in paths]
        judged.positives += len(positives)
        judged.levels.update(path.level for path in paths)
        judged.wrong_positives += wrong_positives(world, positives)
        for number, (said, _) in enumerate(positives):
            for one in negatives(said, facts, lexicon, words, str(number)):
                if one.said is not None:
                    judged.negatives += 1
                    judged.columns[one.type, one.level] += 1
                    judged.wrong_negatives += wrong_negatives(world, [one.said])
    return judged


@pytest.mark.parametrize(
    ("count", "share"),
    [
        (40, 0.5),
        (20, 0.0),
        pytest.param(1500, 0.5, marks=pytest.mark.slow),
        pytest.param(700, 0.8, marks=pytest.mark.slow),
    ],
)
def test_hidden_worlds(count: int, share: float) -> None:
    judged = judge(list(worlds(count, "promise", share)))
    assert judged.positives > 3 * count
    assert judged.negatives > 8 * count
    assert set(judged.levels) >= {1, 2}
    assert len(judged.columns) >= 9
    # One thing of two colors, of which one was left out, makes several wrong negatives: of a few hundred, some more may
    # be wrong than one in a thousand, which the long runs keep to.
    some = 4 if count < 100 else 0
    assert len(judged.wrong_positives) <= max(some, judged.positives / 1000), judged.wrong_positives[:5]
    assert len(judged.wrong_negatives) <= max(some, judged.negatives / 1000), judged.wrong_negatives[:5]
