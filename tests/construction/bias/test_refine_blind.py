"""Refinement against blind classifiers: the promise is measured anew, here with scikit-learn alone."""

from __future__ import annotations

import numpy as np
import pytest

from finecops.construction.bias import refine_blind as module
from finecops.construction.bias.blind import out_of_fold, words_model, words_score
from finecops.construction.bias.dropping import METHODS
from finecops.construction.bias.pairs import TextPair, Texts
from finecops.construction.bias.refine_blind import BlindSettings, refine_blind
from finecops.errors import UsageError
from tests.construction.bias.builders import biased_pairs

PAIRS = biased_pairs(240, telling=0.4)


@pytest.mark.parametrize("method", METHODS)
def test_the_words_of_the_kept_pairs_tell_little(method: str) -> None:
    before = words_score(Texts.of_pairs(PAIRS), replicates=100).auroc
    assert before is not None
    assert before > 65
    found = refine_blind(PAIRS, BlindSettings(method=method))
    (of_type,) = found.types
    assert of_type.reason is None
    assert of_type.kept == len(found.kept) < of_type.pairs == 240
    assert found.kept == sorted(set(found.kept))
    # The audit of the kept pairs alone says the same.
    again = words_score(Texts.of_pairs([PAIRS[i] for i in found.kept]))
    assert again == of_type.after
    assert again.interval is not None
    assert again.interval.high <= 58
    # What tells them apart went.
    told = [i for i, pair in enumerate(PAIRS) if "zebra" in pair.negative or "piano" in pair.negative]
    assert len(set(told) & set(found.kept)) < len(told) / 2


def test_the_best_method_keeps_pairs_that_tell_nothing() -> None:
    kept = refine_blind(PAIRS).kept
    assert len(kept) > 0.5 * len(PAIRS)


def test_the_same_seed_keeps_the_same_pairs_and_types_do_not_touch_each_other() -> None:
    other = biased_pairs(60, telling=0, type_="relation")
    both = refine_blind([*other, *PAIRS], BlindSettings(seed=5))
    alone = refine_blind(PAIRS, BlindSettings(seed=5))
    assert [i - 60 for i in both.kept if i >= 60] == alone.kept
    assert [t.type for t in both.types] == ["relation", "object"]


def test_strict_holds_for_a_classifier_that_learned_from_the_dropped_pairs() -> None:
    usual, strict = (refine_blind(PAIRS, BlindSettings(strict=strict)).types[0] for strict in (False, True))
    assert strict.kept <= usual.kept
    assert strict.dropped_too.auroc is not None
    assert usual.dropped_too.auroc is not None
    assert strict.dropped_too.auroc <= usual.dropped_too.auroc
    assert strict.dropped_too.auroc < 58


def test_scores_by_classifiers_of_all_other_images() -> None:
    """With nothing dropped they are the ordinary scores out of fold."""
    texts, everything = Texts.of_pairs(PAIRS), range(len(PAIRS))
    found = module._scores_by_all(PAIRS, everything, seed=7)
    groups = texts.groups[: len(PAIRS)]
    for _, test in module.folds_of(groups, 7):
        members = set(groups[test].tolist())
        some = np.isin(texts.groups, list(members))
        model = words_model().fit(texts.texts[~some], texts.positive[~some])
        np.testing.assert_allclose(found[some], model.decision_function(texts.texts[some]))
    few = [3, 50, 199]
    n = len(PAIRS)
    assert module._scores_by_all(PAIRS, few, seed=7).tolist() == found[few + [i + n for i in few]].tolist()


def test_a_held_out_half_is_measured() -> None:
    held_out = refine_blind(PAIRS, BlindSettings(held_out=True)).types[0].held_out
    assert held_out is not None
    assert held_out.pairs == len(PAIRS)
    assert held_out.kept < held_out.pairs
    assert held_out.after < held_out.before


def test_pairs_that_tell_nothing_all_stay() -> None:
    pairs = biased_pairs(1000, telling=0)
    assert out_of_fold(words_model, *vars(Texts.of_pairs(pairs)).values()).any()
    assert refine_blind(pairs).kept == list(range(1000))


@pytest.mark.parametrize(
    ("pairs", "kept", "reason"),
    [
        (PAIRS[:8], 8, "fewer than 10 images"),
        # Every pair is told by its words.
        (
            [TextPair(str(i), str(i), "yes it is", "no it is not") for i in range(40)],
            None,
            "too few pairs would be left",
        ),
    ],
)
def test_what_cannot_be_refined_is_said(pairs: list[TextPair], kept: int | None, reason: str) -> None:
    (of_type,) = refine_blind(pairs, BlindSettings(held_out=True)).types
    assert of_type.reason == reason
    assert of_type.held_out is None
    assert of_type.kept == kept or (kept is None and of_type.kept < 12)


@pytest.mark.parametrize(
    "settings", [BlindSettings(method="magic"), BlindSettings(target=50), BlindSettings(target=0.58)]
)
def test_wrong_settings_are_refused(settings: BlindSettings) -> None:
    with pytest.raises(UsageError):
        refine_blind(PAIRS, settings)


def test_progress_is_told() -> None:
    told: list[tuple[str, int]] = []
    found = refine_blind(PAIRS, progress=lambda type_, left: told.append((type_, left)))
    assert [type_ for type_, _ in told] == ["object"] * len(told)
    left = [count for _, count in told]
    assert left == sorted(left, reverse=True)
    assert left[-1] <= len(found.kept)
