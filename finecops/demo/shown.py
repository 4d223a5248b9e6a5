"""What the page says about an answer: a `Grounding` in words. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from finecops.grounding.records import GroundAnswer, Grounding
from finecops.grounding.words import NO_BOX, box_text
from finecops.records import Prediction, Xyxy
from finecops.replies.choices import letters_for
from finecops.text import counted

_NAMES = {"sfa": "SFA", "crs": "CRS", "specialist": "Specialist", "mllm": "MLLM"}
NONE_OPTION = "None: it is not in the image"


@dataclass(frozen=True)
class About:
    """What was asked, and how.

    Attributes:
        threshold: the router counts detections with a score above this.
        topk: of CRS's candidates, so many are options.
        none: whether None is one of CRS's options.
    """

    threshold: float
    topk: int
    none: bool


@dataclass(frozen=True)
class Sentence:
    """The sentence in three parts: before the target phrase, the phrase, after it. Without a phrase all is `before`."""

    before: str
    phrase: str = ""
    after: str = ""


@dataclass(frozen=True)
class Answer:
    """One answer in a line of a table.

    Attributes:
        method: whose it is.
        said: its box, or why there is none.
        box: the box.
        score: with three decimals; a dash where there is none.
        model: who answered.
        reply: what the model wrote, if it writes.
        prompt: what it was asked.
        taken: whether SFA took it.
    """

    method: str
    said: str
    box: Xyxy | None
    score: str
    model: str
    reply: str = ""
    prompt: str = ""
    taken: bool = False


@dataclass(frozen=True)
class Router:
    """The router's detections of the target.

    Attributes:
        words: what it found, and what follows.
        boxes: what it counted, best first.
        scores: of each box.
    """

    words: str
    boxes: tuple[Xyxy, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Option:
    """One option of CRS's question.

    Attributes:
        letter: its letter.
        box: the candidate; None: the option None.
        said: the box as numbers, or what None means.
        probability: of its letter among all options'; None where the model gives none.
        chosen: whether it is the answer.
    """

    letter: str
    box: Xyxy | None
    said: str
    probability: float | None
    chosen: bool


@dataclass(frozen=True)
class Choice:
    """The question of CRS and its answer.

    Attributes:
        words: how many boxes were proposed, and which was chosen.
        question: the prompt.
        options: by their letters; without probabilities only the chosen one is known.
        reply: what the model wrote, where the letter was read from it.
        model: who chose.
    """

    words: str
    question: str
    options: tuple[Option, ...]
    reply: str
    model: str


@dataclass(frozen=True)
class Shown:
    """Everything that the page says.

    Attributes:
        headline: the final answer.
        box: the final box.
        detail: what its score means, or why there is no box.
        sentence: with the target phrase.
        target: which words were taken for the target, and by whom.
        why: who answered and why.
        router: None: no router was asked.
        answers: of the pathways.
        choice: None: CRS was not asked.
    """

    headline: str
    box: Xyxy | None
    detail: str
    sentence: Sentence
    target: str
    why: str
    router: Router | None
    answers: tuple[Answer, ...]
    choice: Choice | None


def shown(found: Grounding, about: About) -> Shown:
    """What the page says about an answer of all strategies."""
    return Shown(
        headline=_headline(found),
        box=found.box,
        detail=_detail(found),
        sentence=_sentence(found),
        target=_target(found),
        why=found.why,
        router=_router(found, about),
        answers=_answers(found),
        choice=_choice(found, about),
    )


def _headline(found: Grounding) -> str:
    if found.box is not None:
        return f"Box {box_text(found.box)}"
    return {"reject": "Not in the image", "unparsed": "No readable answer"}.get(found.status, "No answer")


def _detail(found: Grounding) -> str:
    if found.box is None:
        return found.reason or NO_BOX[found.status]
    pixels = f"x1 y1 x2 y2 in pixels of {found.width} x {found.height}"
    if found.score is None:
        return f"{pixels}; {found.model} gives no score"
    return f"{pixels}; score {found.score:.3f} ({found.score_kind or 'meaning not stated'})"


def _sentence(found: Grounding) -> Sentence:
    if found.target is None or found.target.span is None:
        return Sentence(found.sentence)
    start, end = found.target.span
    return Sentence(found.sentence[:start], found.sentence[start:end], found.sentence[end:])


def _target(found: Grounding) -> str:
    target = found.target
    if target is None:
        return "no target was looked for"
    if target.status == "failed":
        return f"no target was found ({target.reason or 'no reason given'}); the whole sentence is used"
    said = {
        "doubtful": ", doubtfully",
        "matched": "; only its noun is in the sentence",
        "unmatched": "; it is not in the sentence",
    }
    return f"target {target.phrase!r}, found by the extractor {target.extractor}{said.get(target.status, '')}"


def _router(found: Grounding, about: About) -> Router | None:
    route = found.route
    if route is None:
        return None
    if route.status == "failed":
        return Router(f"The router failed: {route.reason}. So the sample counts as hard (level 2).", (), ())
    count = counted(len(route.boxes), "box", "boxes")
    words = f"{count} above the score {about.threshold:g} after NMS: level {route.level}, "
    if route.status == "doubtful":
        words = f"{count}, but it is doubtful that this is the target: level {route.level}, "
    words += "easy, for the specialist" if route.level == 1 else "hard, for the MLLM"
    return Router(f"{words}.", route.boxes, route.scores)


def _answers(found: Grounding) -> tuple[Answer, ...]:
    final = found.answers.get("sfa")
    return tuple(
        Answer(
            method=_NAMES.get(method, method),
            said=_said(answer),
            box=answer.box,
            score="–" if answer.score is None else f"{answer.score:.3f}",
            model=answer.model,
            # CRS's question has its own place.
            reply=(answer.row.reply or "") if method == "mllm" else "",
            prompt=(answer.row.prompt or "") if method == "mllm" else "",
            taken=final is not None and method == final.row.source,
        )
        for method, answer in found.answers.items()
        if method != "sfa"
    )


def _said(answer: GroundAnswer) -> str:
    if answer.box is not None:
        return box_text(answer.box)
    return answer.row.reason or NO_BOX[answer.status]


def _choice(found: Grounding, about: About) -> Choice | None:
    answer = found.answers.get("crs")
    if answer is None:
        return None
    row, candidates = answer.row, found.candidates
    words = ""
    if candidates is not None and candidates.status == "proposed":
        asked = min(about.topk, len(candidates.kept))
        best = "The best is the option" if asked == 1 else f"The best {asked} are the options"
        boxes = counted(len(candidates.boxes), "box", "boxes")
        words = f"The specialist proposed {boxes}, {len(candidates.kept)} after NMS. {best}. "
    options = _options(row, about.none)
    return Choice(f"{words}{_chosen(row)}", row.prompt or "", options, _reply(row), answer.model)


def _chosen(row: Prediction) -> str:
    if row.status == "failed":
        return f"No choice: {row.reason}."
    if row.status == "unparsed":
        return "The reply names none of the options."
    if row.choice is None:
        return f"No question was asked: {row.note}." if row.note else "No question was asked."
    return f"The model chose {row.choice}{', None' if row.status == 'reject' else ''}."


def _reply(row: Prediction) -> str:
    # With probabilities the letter is read from them, and the model writes nothing.
    return (row.reply or "") if row.scores is None else ""


def _options(row: Prediction, none: bool) -> tuple[Option, ...]:
    letters = row.letters or ()
    scores = row.scores or (None,) * len(letters)
    found = [
        Option(letter, box, box_text(box), score, row.status == "box" and letter == row.choice)
        for letter, box, score in zip(letters, row.boxes, scores)
    ]
    rejected = row.status == "reject"
    if none and row.scores is not None and row.presence is not None:
        # None has the letter that no candidate has, wherever the shuffle put it.
        (letter,) = set(letters_for(len(letters) + 1)) - set(letters)
        found.append(Option(letter, None, NONE_OPTION, round(1 - row.presence, 6), rejected))
    elif rejected and row.choice is not None:
        found.append(Option(row.choice, None, NONE_OPTION, None, True))
    return tuple(sorted(found, key=lambda option: option.letter))
