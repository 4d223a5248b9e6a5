"""A picture of a sample: the truth, every method's box, the candidates with their letters, and a caption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image

from finecops.datasets.image_place import ImageFolders
from finecops.drawing import Mark, captioned, draw_marks, fitted, scaled
from finecops.errors import FinecopsError
from finecops.evaluation.cases import Case, MethodAnswers, Verdict
from finecops.images import read_picture
from finecops.records import Route, Sample, Xyxy
from finecops.runs.manifest import Method
from finecops.text import counted

LONGER_SIDE = (640, 1280)
"""Smaller pictures are made as large as the first, so that labels can be read, and larger ones as small as the second;
pixels."""
SHOWN_CANDIDATES = 5
_GREY = "#8a8f98"
_WORDS: Final[Mapping[Method, str]] = {"specialist": "specialist", "mllm": "MLLM", "sfa": "SFA", "crs": "CRS"}


@dataclass(frozen=True)
class DrawnCase:
    """A picture of a sample, and why its image is a grey frame; None if it was found."""

    picture: Image.Image
    missing: str | None = None


def draw_case(case: Case, methods: Sequence[MethodAnswers], images: ImageFolders | None) -> DrawnCase:
    """The picture of a sample.

    Args:
        case: the sample, with its verdicts.
        methods: whose boxes are drawn, in this order.
        images: where its image is looked up; None: nowhere.
    """
    marks = list(_marks(case, methods))
    sample = case.sample
    if not sample.width:
        # An imported run does not know the size: without the image, all boxes are in the frame.
        right, bottom = (max((mark.xyxy[i] for mark in marks), default=1) for i in (2, 3))
        sample = sample.model_copy(update={"width": max(1, round(right)), "height": max(1, round(bottom))})
    image, width, missing = _image(sample, images, known=bool(case.sample.width))
    image = _sized(image)
    scale = image.width / max(1, width)
    drawn = draw_marks(image, [scaled(mark, scale) for mark in marks])
    lines = caption(case, methods)
    return DrawnCase(captioned(drawn, [*lines, *([f"image: {missing}"] if missing else [])]), missing)


def _image(sample: Sample, images: ImageFolders | None, known: bool) -> tuple[Image.Image, int, str | None]:
    """The image of a sample and its width, or a grey frame of its size and the reason.

    Args:
        sample: whose image.
        images: where it is looked up.
        known: whether its size is known, which the image must then have.
    """
    # FORUM's prediction files name no images.
    nameless = "the run does not name it"
    reason = "nothing says where the images are (--images FOLDER_OR_ZIP)" if sample.image else nameless
    if images is not None and sample.image:
        try:
            expected = (sample.width, sample.height) if known else None
            found = read_picture(images.path_of(sample.image), expected).pixels
            return found, found.width, None
        except (FinecopsError, OSError) as error:
            reason = str(error)
    # Not larger than what is drawn anyway: a size that a file states may be anything.
    scale = min(1.0, LONGER_SIDE[1] / max(sample.width, sample.height, 1))
    size = (max(1, round(sample.width * scale)), max(1, round(sample.height * scale)))
    return Image.new("RGB", size, _GREY), sample.width, reason


def _sized(image: Image.Image) -> Image.Image:
    """An image as large as pictures are."""
    longer = max(image.size)
    if longer >= LONGER_SIDE[0]:
        return fitted(image, LONGER_SIDE[1])[0]
    factor = LONGER_SIDE[0] / longer
    return image.resize((max(1, round(image.width * factor)), max(1, round(image.height * factor))))


def _marks(case: Case, methods: Sequence[MethodAnswers]) -> Iterator[Mark]:
    """Candidates lie below the truth, and both below the answers."""
    yield from _candidates(case, methods)
    if case.sample.box is not None:
        yield Mark(case.sample.box, "truth", "truth")
    # One label where SFA's box is its pathway's: two would hide each other.
    joined: dict[Xyxy, Mark] = {}
    for method, name in zip(methods, names_of(methods)):
        verdict = case.verdicts.get(method.key)
        # The boxes of a rejection are no answer; those of CRS are among the candidates.
        if verdict is None or verdict.outcome != "box" or verdict.box is None:
            continue
        score = "" if verdict.score is None else f" {verdict.score:.2f}"
        before = joined.get(verdict.box)
        label, role = (f"{before.label}, ", before.role) if before is not None else ("", method.method or "specialist")
        joined[verdict.box] = Mark(verdict.box, f"{label}{name}{score}", role)
    yield from joined.values()


def _candidates(case: Case, methods: Sequence[MethodAnswers]) -> Iterator[Mark]:
    """The boxes that CRS was asked about, with their letters, or else the best candidates with their ranks."""
    for method in methods:
        verdict = case.verdicts.get(method.key)
        row = verdict.row if verdict is not None else None
        if row is not None and row.letters:
            yield from (Mark(box, letter, "candidate") for box, letter in zip(row.boxes, row.letters))
            return
    if case.candidates is not None:
        best = case.candidates.best(SHOWN_CANDIDATES)
        yield from (Mark(box, str(rank), "candidate") for rank, box in enumerate(best, start=1))


def names_of(methods: Sequence[MethodAnswers]) -> list[str]:
    """What methods are called on a picture: by their kind, or by their key where several are of one kind."""
    kinds = [method.method for method in methods]
    return [
        _WORDS.get(method.method, method.key)
        if method.method is not None and kinds.count(method.method) == 1
        else method.key
        for method in methods
    ]


def caption(case: Case, methods: Sequence[MethodAnswers]) -> list[str]:
    """What is below a picture: the sample, its target, its route, and what each method answered."""
    sample = case.sample
    lines = [f"{sample.id}: {sample.expression}", facts(sample)]
    if case.target is not None:
        doubt = "" if case.target.status == "found" else f" ({case.target.status})"
        lines.append(f"target: {case.target.phrase or 'none'}{doubt}")
    if case.route is not None:
        lines.append(_route(case.route))
    return lines + verdict_lines(case, methods)


def verdict_lines(case: Case, methods: Sequence[MethodAnswers]) -> list[str]:
    """What each method answered, a line each; a method that was not asked has none."""
    named = zip(methods, names_of(methods))
    found = ((name, case.verdicts.get(method.key)) for method, name in named)
    return [f"{name}: {verdict_words(case.sample, verdict)}" for name, verdict in found if verdict is not None]


def verdicts_in_short(case: Case, methods: Sequence[MethodAnswers]) -> str:
    """Every method's verdict in a few words: right or wrong with the IoU, or the outcome."""
    found = []
    for method, name in zip(methods, names_of(methods)):
        verdict = case.verdicts.get(method.key)
        if verdict is not None:
            words = [name, *([verdict.outcome] if verdict.outcome != "box" else [])]
            words += [] if verdict.right is None else ["right" if verdict.right else "wrong"]
            words += [f"{verdict.iou:.2f}"] if verdict.iou is not None and verdict.outcome == "box" else []
            found.append(" ".join(words))
    return ", ".join(found)


def facts(sample: Sample) -> str:
    """What a sample is, in a line."""
    if sample.truth == "unknown":
        return "truth unknown"
    negative = sample.negative
    words = ["positive" if sample.positive else "negative, the target is absent"]
    words += [f"level {sample.level}"] if sample.level is not None else []
    words += [sample.tuple_type] if sample.tuple_type is not None else []
    if negative is not None:
        words += [f"{negative.kind} changed"] if negative.kind is not None else []
        words += [f"{negative.type} {negative.level or ''}".rstrip()] if negative.type is not None else []
        words += [f"of {negative.positive_id}"] if negative.positive_id is not None else []
    return ", ".join(words)


def _route(route: Route) -> str:
    to = "specialist" if route.level == 1 else "MLLM"
    why = counted(len(route.boxes), "instance") if route.status == "routed" else route.status
    reason = f": {route.reason}" if route.reason else ""
    return f"router: level {route.level} ({why}{reason}), to the {to}"


def verdict_words(sample: Sample, verdict: Verdict) -> str:
    """An answer in words: right or wrong, with IoU and score, or why there is none."""
    row = verdict.row
    if verdict.outcome in ("unparsed", "failed"):
        reason = f": {row.reason}" if row is not None and row.reason else ""
        return f"{verdict.outcome}{reason}"
    if verdict.outcome == "missing":
        return "no row"
    judged = {True: ", right", False: ", wrong", None: ""}[verdict.right]
    words = ["rejected" if verdict.outcome == "reject" else f"letter {row.choice}" if row and row.choice else "box"]
    if verdict.outcome == "box" and verdict.iou is not None:
        words.append(f"IoU {verdict.iou:.2f}")
    if verdict.outcome == "box" and verdict.score is not None:
        words.append(f"score {verdict.score:.2f}")
    elif row is not None and row.presence is not None:
        words.append(f"presence {row.presence:.2f}")
    return f"{words[0]}{judged}{''.join(f', {word}' for word in words[1:])}"
