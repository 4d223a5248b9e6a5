"""Cases for the gallery, with everything that can be in them, and the page that it stands in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from finecops.evaluation.cases import Cases, MethodAnswers
from finecops.metrics.answers import answers_of_predictions
from finecops.records import Candidates, Negative, Prediction, Route, Sample, Target
from finecops.report.gallery import Gallery
from tests.builders_runs import RIGHT, WRONG
from tests.conftest import make_negative, make_prediction, make_sample

METHODS = ("specialist", "mllm", "sfa", "crs")

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "javascript:alert(4)",
    "<!--<script>",
    "' onmouseover='alert(5)",
    "line\u2028separator\u2029and \\u003cb\\u003e",
    "{{constructor.constructor('alert(6)')()}}",
    "&lt;b&gt; &amp;lt;",
    "\u202eright to left override\u202c",
    "מכונית אדומה משמאל לבית",
    "word" * 400,
    "__proto__",
    "toString",
)
"""Texts that have become markup or code somewhere, or broken a layout."""


def method(key: str, rows: Iterable[Prediction], share: Iterable[str] | None = None, label: str = "") -> MethodAnswers:
    """A method's answers."""
    found = {row.sample_id: row for row in rows}
    return MethodAnswers(
        key=key,
        label=label or key,
        rows=found,
        answers=answers_of_predictions(found.values()),
        share=None if share is None else frozenset(share),
        method=key if key in METHODS else None,  # type: ignore[arg-type]
    )


def family_cases(positives: int = 24) -> Cases:
    """Positives with a negative expression and a negative image each, four methods, and two samples of unknown truth.

    The MLLM's answers have every outcome; SFA was asked about every other sample; CRS has letters and rejects.
    """
    samples: list[Sample] = []
    for i in range(positives):
        left = float(i % 7)
        samples.append(
            make_sample(
                f"p{i}",
                level=1 + i % 3,
                tuple_type=("0_hop", "1_hop", "and")[i % 3],
                expression=f"the red car {i} left of the house",
                box=(10.0 + left, 10.0, 50.0 + left, 50.0),
            )
        )
        text = make_negative(f"t{i}", f"p{i}", ("replace_object", "flip")[i % 2], 1 + i % 2)
        image = make_negative(f"i{i}", f"p{i}", "swap_attribute", kind="image")
        for negative, word in ((text, "boat"), (image, "car")):
            words = {"expression": f"the red {word} {i} left of the house", "level": 1 + i % 3}
            samples.append(negative.model_copy(update=words))
    samples += [make_sample(f"u{i}", truth="unknown", box=None, level=None) for i in range(2)]
    samples.append(make_sample("alone", box=None, negative=Negative(), level=None, expression="a lonely sheep"))
    rows: dict[str, list[Prediction]] = {name: [] for name in METHODS}
    for i, sample in enumerate(samples):
        rows["specialist"].append(_box_answer(sample, right=i % 3 != 1, score=(i * 37 % 100) / 100))
        rows["mllm"].append(_mllm_answer(sample, i))
        rows["sfa"].append(_box_answer(sample, right=i % 2 == 0, score=(i * 53 % 100) / 100))
        rows["crs"].append(_crs_answer(sample, i))
    shared = [sample.id for i, sample in enumerate(samples) if i % 2 == 0]
    methods = [
        method("specialist", rows["specialist"], label="Specialist toy"),
        method("mllm", [row for row in rows["mllm"] if row.sample_id != "p5"]),
        method("sfa", [row for row in rows["sfa"] if row.sample_id in shared], share=shared),
        method("crs", rows["crs"]),
    ]
    return with_details(Cases(samples, methods))


def with_details(cases: Cases) -> Cases:
    """The cases with a target, a route and candidates for each sample."""
    for i, sample in enumerate(cases.samples):
        start = sample.expression.find("car")
        span = (start, start + 3) if start >= 0 else None
        id_ = {"sample_id": sample.id}
        status = "found" if span else "unmatched"
        target = Target(**id_, status=status, phrase="car", span=span, extractor="rules")  # type: ignore[arg-type]
        counted = (RIGHT,) if i % 2 else (RIGHT, WRONG)
        route = Route(**id_, status="routed", level=1 if i % 2 else 2, boxes=counted, scores=(0.9, 0.8)[: len(counted)])
        boxes, scores = (RIGHT, WRONG, (0.0, 0.0, 9.0, 9.0)), (0.8, 0.5, 0.1)
        candidates = Candidates(**id_, status="proposed", boxes=boxes, scores=scores, kept=(0, 1))
        # `Cases` reads them from a run's files; here there is no run.
        for name, row in (("_targets", target), ("_routes", route), ("_candidates", candidates)):
            setattr(cases, name, {**getattr(cases, name), sample.id: row})
    return cases


def hostile_cases() -> Cases:
    """Every hostile text everywhere that a text goes: ids, expressions, types, labels, prompts, replies, reasons."""
    samples, rows = [], []
    for i, text in enumerate(HOSTILE):
        negative = Negative(kind="text", type=text, level=1, positive_id=text)
        samples.append(make_sample(text, expression=text, tuple_type=text, image="images/a b.png"))
        samples.append(
            make_sample(f"n {text}", expression=f"{text} {text}", box=None, negative=negative, image="images/a b.png")
        )
        for sample in samples[-2:]:
            row = make_prediction(sample.id, [RIGHT, WRONG], (0.9, 0.1), "box" if i % 2 else "reject")
            texts = dict.fromkeys(("prompt", "reply", "note", "reason", "score_kind"), text)
            rows.append(row.model_copy(update={**texts, "letters": ("A", text), "choice": text, "source": text}))
    cases = Cases(samples, [method(text, rows, label=text) for text in HOSTILE[:3]])
    return with_details(cases)


def many_cases(count: int = 28_000) -> Cases:
    """As many samples as the test set has, in pairs, with two methods; every pair has a picture of its own."""
    # Copies of rows that were checked once: building each anew takes many seconds.
    positive, negative = make_sample("p"), make_negative("n", "p")
    answers = [make_prediction("p", [box], (0.5,)) for box in (WRONG, RIGHT, RIGHT)]
    samples: list[Sample] = []
    rows: list[Prediction] = []
    for i in range(count // 2):
        words = {
            "image": f"many/{i}.png",
            "expression": f"the {('red', 'blue', 'green')[i % 3]} car {i} left of the house",
            "level": 1 + i % 3,
        }
        made = negative.negative.model_copy(update={"positive_id": f"p{i}"}) if negative.negative else None
        samples.append(positive.model_copy(update={**words, "id": f"p{i}"}))
        samples.append(negative.model_copy(update={**words, "id": f"n{i}", "negative": made}))
        for j, sample in enumerate(samples[-2:]):
            changes = {"sample_id": sample.id, "scores": ((i * 37 % 1000) / 1000,)}
            rows.append(answers[(i + j) % 3].model_copy(update=changes))
    return Cases(samples, [method("specialist", rows), method("mllm", rows[: count // 2])])


def write_picture(path: Path, colour: str = "steelblue") -> None:
    """A picture of 100 by 100 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 100), colour).save(path)


def relative(sample: Sample) -> str | None:
    """The URL of a picture beside the page."""
    return sample.image.replace(" ", "%20")


POLICY = "default-src 'none'; script-src {scripts}; style-src {styles}; img-src 'self' data:; base-uri 'none'"


def write_folder_page(found: Gallery, folder: Path) -> Path:
    """The gallery in a page with its files beside it, under a policy that allows nothing else."""
    data = folder / "report_data"
    data.mkdir(parents=True, exist_ok=True)
    for name, text in {**found.scripts, **found.later, "gallery.css": found.styles}.items():
        (data / name).write_text(text, encoding="utf-8", newline="")
    head = '<link rel="stylesheet" href="report_data/gallery.css">'
    tags = "".join(f'<script src="report_data/{name}"></script>' for name in found.scripts)
    return _write_page(folder, POLICY.format(scripts="'self'", styles="'self'"), head, found.markup + tags)


def write_single_page(found: Gallery, folder: Path) -> Path:
    """The gallery in one file; scripts and styles are allowed by their checksums."""
    scripts = [*found.scripts.values(), *found.later.values()]
    policy = POLICY.format(scripts=_checksums(scripts), styles=_checksums([found.styles]))
    tags = "".join(f"<script>{text}</script>" for text in scripts)
    return _write_page(folder, policy, f"<style>{found.styles}</style>", found.markup + tags)


def _checksums(texts: Iterable[str]) -> str:
    sums = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{each}'" for each in sums)


def _write_page(folder: Path, policy: str, head: str, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    page.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Report</title>'
        f'<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">{head}</head>'
        f"<body><main><h1>Report</h1>{body}</main></body></html>",
        encoding="utf-8",
        newline="",
    )
    return page


def _box_answer(sample: Sample, right: bool, score: float) -> Prediction:
    found = (sample.box or RIGHT) if right else WRONG
    row = make_prediction(sample.id, [found, (1.0, 1.0, 9.0, 9.0)], (score, score / 2))
    return row.model_copy(update={"prompt": f"Find {sample.expression}", "reply": "[1, 2]", "source": "specialist"})


def _mllm_answer(sample: Sample, i: int) -> Prediction:
    kinds: list[Callable[[], Prediction]] = [
        lambda: make_prediction(sample.id, [sample.box or RIGHT], (0.7,)),
        lambda: make_prediction(sample.id, [WRONG], (0.6,)),
        lambda: make_prediction(sample.id),
        lambda: make_prediction(sample.id, status="unparsed").model_copy(update={"reply": "I do not know"}),
        lambda: make_prediction(sample.id, status="failed").model_copy(update={"reason": "out of memory"}),
    ]
    return kinds[i % len(kinds)]()


def _crs_answer(sample: Sample, i: int) -> Prediction:
    right = sample.box or RIGHT
    boxes, scores = ([right, WRONG], (0.6, 0.3)) if i % 4 else ([WRONG, right], (0.15, 0.05))
    rejected = i % 4 == 0
    changes: dict[str, Any] = {
        "letters": ("A", "B") if i % 4 else ("B", "A"),
        "choice": "C" if rejected else "A",
        "presence": 0.2 if rejected else 0.9,
        "mass": 0.97,
        "prompt": f"{sample.expression}\nA. …\nB. …\nC. None",
        "source": "crs",
    }
    return make_prediction(sample.id, boxes, scores, "reject" if rejected else "box").model_copy(update=changes)
