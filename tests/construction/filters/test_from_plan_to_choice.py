"""From a sentence to the chosen image: plan, tiny pipeline, tiny scorers, thresholds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finecops.construction.description import Description, Edge, Node
from finecops.construction.edits.candidates import CandidateOptions, make_candidates
from finecops.construction.edits.editor import open_editor
from finecops.construction.edits.mask import MaskOptions, grown_box
from finecops.construction.edits.plan import plan_edits
from finecops.construction.edits.world import EditWorld
from finecops.construction.filters.choose import choose_edit, thresholds_for
from finecops.construction.filters.scorers import open_scorers
from finecops.construction.filters.scoring import score_edit
from finecops.construction.graph import parse_scene_graph
from finecops.construction.samples import EditRow
from finecops.construction.truth.facts import Facts
from tests.construction.edits.test_mask import noise
from tests.construction.small_lexicon import small_lexicon
from tests.construction.tiny_models import (
    inpainting_pipeline,
    save_classifier,
    save_clip,
    save_dinov2,
    write_editor,
    write_scorer,
)

pytest.importorskip("diffusers", reason="NOT TESTED: diffusers is not installed (the extra `edit`)")
pytestmark = pytest.mark.slow

LEXICON = small_lexicon()
IMAGE = noise((203, 151))
GRAPH = parse_scene_graph(
    "7",
    {
        "width": 203,
        "height": 151,
        "objects": {
            "a": {
                "name": "cup",
                "x": 10,
                "y": 30,
                "w": 50,
                "h": 60,
                "attributes": ["red"],
                "relations": [{"name": "to the left of", "object": "b"}],
            },
            "b": {
                "name": "plate",
                "x": 120,
                "y": 30,
                "w": 60,
                "h": 60,
                "attributes": ["blue"],
                "relations": [{"name": "to the right of", "object": "a"}],
            },
        },
    },
)
SAID = Description("1_hop", (Node("cup", ("red",)), Node("plate")), (Edge("to the left of", 0, 1),))
WORDS = {"cup": ["hat"], "plate": ["bus"], "red": ["tan"]}


def test_from_plan_to_choice(tmp_path: Path) -> None:
    inpainting_pipeline().save_pretrained(tmp_path / "sd")
    editor = open_editor(
        str(write_editor(tmp_path / "tiny.yaml", "StableDiffusionInpaintPipeline", tmp_path / "sd")), "cpu"
    )
    scorers = open_scorers(
        str(write_scorer(tmp_path / "clip.yaml", "text", save_clip(tmp_path / "clip"))),
        str(write_scorer(tmp_path / "dino.yaml", "features", save_dinov2(tmp_path / "dino"))),
        str(
            write_scorer(
                tmp_path / "fake.yaml", "synthetic", save_classifier(tmp_path / "fake"), label="human", threshold=0.5
            )
        ),
        "cpu",
    )
    world = EditWorld(LEXICON, lambda graph: Facts(graph, LEXICON), lambda request, rng: WORDS[request.old])
    options = CandidateOptions(count=3)
    rows: list[EditRow] = []
    for number, edit in enumerate(plan_edits(SAID, ("a", "b"), GRAPH, world, "1")):
        row = make_candidates(edit.row(number, 1, f"neg_{number}"), IMAGE, editor, tmp_path, options)
        rows.append(EditRow.model_validate_json(row.model_dump_json()))
    kept = [row for row in rows if row.status == "kept"]
    assert {(row.type, row.level) for row in kept} == {
        ("replace_object", 1),
        ("replace_object", 2),
        ("replace_attribute", 1),
        ("swap_object", 1),
        ("swap_attribute", 1),
        ("flip", 1),
    }
    assert all(row.reason for row in rows if row.status == "dropped")
    scores = {
        row.id: score_edit(row, ("the red cup left of the plate", "the red hat left of it"), IMAGE, tmp_path, scorers)
        for row in kept
    }
    assert all(score.reason is None for score in scores.values())
    usual = thresholds_for(scorers)
    # Other thresholds, and no model is asked again.
    lenient = replace(usual, text_margin=None, edit_margin=None, synthetic=1.0, synthetic_crop=1.0)
    strict = replace(lenient, edit_margin=2.0)
    for row in kept:
        found = choose_edit(row, scores[row.id], lenient)
        assert found.kept
        best = found.candidate
        assert best is not None
        if row.type != "flip":
            similar = scores[row.id].scores["similarity"]
            assert isinstance(similar, list)
            assert similar[best] == max(value for value in similar if value is not None)
            assert not choose_edit(row, scores[row.id], strict).kept
            _check_pixels(row, tmp_path / row.candidates[best])
        # The promise can be checked from the row alone.
        assert Facts(parse_scene_graph(row.image_id, row.graph), LEXICON).is_false(SAID)


def _check_pixels(row: EditRow, path: Path) -> None:
    """Every pixel outside of the masks is the photograph's."""
    edited, before = np.asarray(Image.open(path)).copy(), np.asarray(IMAGE).copy()
    for box in row.boxes:
        left, top, right, bottom = grown_box(box, IMAGE.size, MaskOptions())
        assert (edited[top:bottom, left:right] != before[top:bottom, left:right]).any()
        edited[top:bottom, left:right] = before[top:bottom, left:right] = 0
    assert (edited == before).all()
