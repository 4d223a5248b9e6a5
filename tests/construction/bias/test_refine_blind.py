"""Refinement against blind classifiers: what is promised of the kept pairs is measured anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finecops.construction.bias import dropping
from finecops.construction.bias.blind import WordsModel, folds_of, word_scores, words_score
from finecops.construction.bias.choosing import BlindSettings, scores_by_all
from finecops.construction.bias.dropping import METHODS
from finecops.construction.bias.pairs import TextPair, Texts
from finecops.construction.bias.refine_blind import BlindRefinement, refine_blind
from finecops.errors import UsageError
from tests.construction.bias.builders import biased_pairs

PAIRS = biased_pairs(100, telling=0.5)
QUICK = BlindSettings(target=66, replicates=50)


@pytest.fixture(autouse=True)
def large_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropping, "STEP", 0.15)


@pytest.fixture(scope="module")
def usual() -> BlindRefinement:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dropping, "STEP", 0.15)
        return refine_blind(PAIRS, QUICK)


@pytest.mark.parametrize(
    "method", ["drop", *(pytest.param(name, marks=pytest.mark.slow) for name in METHODS if name != "drop")]
)
def test_the_words_of_the_kept_pairs_tell_little(method: str, usual: BlindRefinement) -> None:
    found = usual if method == "drop" else refine_blind(PAIRS, replace(QUICK, method=method))
    (of_type,) = found.types
    words = of_type.readings["words"]
    assert words.before.auroc is not None
    assert words.before.auroc > 65
    assert of_type.reason is None
    assert of_type.kept == len(found.kept) < of_type.pairs == len(PAIRS)
    assert found.kept == sorted(set(found.kept))
    # The audit of the kept pairs alone says the same.
    again = words_score(Texts.of_pairs([PAIRS[i] for i in found.kept]), replicates=50)
    assert again.auroc == pytest.approx(words.after.auroc)
    assert again.interval is not None
    assert again.interval.high <= 66
    # Most of what tells them apart went, and most of the rest stayed.
    noticed = {i for i, pair in enumerate(PAIRS) if "zebra" in pair.negative or "piano" in pair.negative}
    assert len(noticed & set(found.kept)) / len(noticed) < len(set(found.kept) - noticed) / (len(PAIRS) - len(noticed))


def test_the_same_seed_keeps_the_same_pairs_and_types_do_not_touch_each_other(usual: BlindRefinement) -> None:
    noticed: list[tuple[str, int]] = []
    other = biased_pairs(8, telling=0, type_="relation")
    both = refine_blind([*other, *PAIRS], QUICK, lambda type_, left: noticed.append((type_, left)))
    assert [i - 8 for i in both.kept if i >= 8] == usual.kept
    assert [t.type for t in both.types] == ["relation", "object"]
    # Progress: after each round, what is left.
    left = [count for type_, count in noticed if type_ == "object"]
    assert left == sorted(left, reverse=True)
    assert left[-1] <= len(usual.kept)


@pytest.mark.slow
def test_strict_holds_for_a_classifier_that_learned_from_the_dropped_pairs() -> None:
    pairs, settings = biased_pairs(240, telling=0.5), replace(QUICK, target=60)
    strict, loose = (refine_blind(pairs, replace(settings, strict=strict)).types[0] for strict in (True, False))
    assert strict.kept < loose.kept
    there, here = (one.readings["words"].dropped_too for one in (strict, loose))
    assert there.auroc is not None
    assert here.auroc is not None
    assert there.auroc < here.auroc
    assert there.auroc < 60


def test_scores_by_classifiers_of_all_other_images() -> None:
    """With nothing dropped they are the ordinary scores out of fold."""
    texts, n = Texts.of_pairs(PAIRS), len(PAIRS)
    found = scores_by_all(texts, np.arange(n), seed=7)
    for _, test in folds_of(texts.groups[:n], 7):
        some = np.isin(texts.groups, texts.groups[test])
        model = WordsModel()
        model.fit(texts.counts[~some], texts.positive[~some])
        np.testing.assert_allclose(found[some], model.decision_function(texts.counts[some]))
    few = np.array([3, 50, 99])
    assert scores_by_all(texts, few, seed=7).tolist() == found[[*few, *(few + n)]].tolist()


def test_some_of_the_texts_are_what_reading_them_alone_gives() -> None:
    kept = [1, 4, 5, 40, 41, 42, 43, 60, *range(70, 90)]
    some, alone = Texts.of_pairs(PAIRS).kept_pairs(kept), Texts.of_pairs([PAIRS[i] for i in kept])
    assert some.groups.tolist() == alone.groups.tolist()
    np.testing.assert_allclose(word_scores(some), word_scores(alone))


@pytest.mark.slow
def test_a_held_out_half_is_measured() -> None:
    held_out = refine_blind(PAIRS, replace(QUICK, target=70, held_out=True)).types[0].held_out
    assert held_out is not None
    assert held_out.pairs == len(PAIRS)
    assert held_out.kept < held_out.pairs
    assert held_out.after["words"] < held_out.before["words"]


def test_pairs_that_tell_nothing_all_stay() -> None:
    pairs = biased_pairs(200, telling=0)
    assert word_scores(Texts.of_pairs(pairs)).any()
    assert refine_blind(pairs, QUICK).kept == list(range(200))


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (PAIRS[:8], "fewer than 10 images"),
        # Every pair is noticed by its words.
        ([TextPair(str(i), str(i), "yes it is", "no it is not") for i in range(11)], "too few pairs would be left"),
    ],
)
def test_what_cannot_be_refined_is_said(pairs: list[TextPair], reason: str) -> None:
    found = refine_blind(pairs, replace(QUICK, held_out=True))
    assert found.types[0].reason == reason
    assert found.types[0].held_out is None
    assert len(found.kept) == min(len(pairs), 10)


@pytest.mark.parametrize(
    "settings",
    [
        BlindSettings(method="magic"),
        BlindSettings(target=50),
        BlindSettings(target=0.58),
        BlindSettings(readings=("x",)),
    ],
)
def test_wrong_settings_are_refused(settings: BlindSettings) -> None:
    with pytest.raises(UsageError):
        refine_blind(PAIRS, settings)


@pytest.mark.slow
def test_a_full_stop_that_tells_is_seen_in_the_writing_alone() -> None:
    """Negatives end in a full stop, as a language model writes them; a third of the positives do."""
    pairs = [
        replace(p, positive=p.positive + ("." if i % 3 == 0 else ""), negative=p.negative + ".")
        for i, p in enumerate(biased_pairs(100, telling=0))
    ]
    by_words, by_both = (
        refine_blind(pairs, replace(QUICK, readings=readings)) for readings in (("words",), ("words", "writing"))
    )
    assert len(by_words.kept) == 100
    writing = by_words.types[0].readings["writing"]
    assert writing.after.auroc is not None
    assert writing.after.auroc > 75
    # Those with a full stop on both sides stay.
    assert sum(i % 3 == 0 for i in by_both.kept) == 34
    assert len(by_both.kept) < 80
    again = by_both.types[0].readings["writing"].after.interval
    assert again is not None
    assert again.high <= 66
