"""Hostile replies and phrases: time grows with the length and no faster, and no number or text breaks a row."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from finecops.config.box_pattern import BoxPattern
from finecops.config.find import load_mllm
from finecops.extraction.phrases import locate_phrase
from finecops.extraction.rules import extract_target
from finecops.records import Candidates, Prediction, Route
from finecops.replies.answer import Answer, Reply
from finecops.replies.box_text import parse_boxes
from finecops.replies.choices import parse_letter
from finecops.replies.formats import BOX_FORMATS, decode
from finecops.replies.formats.declared import declared_format
from finecops.replies.formats.florence import target_first
from finecops.replies.letters import LetterScores, letter_probabilities, letters_from_logprobs
from finecops.replies.parse import parse_reply
from finecops.stages.rows import rounded_boxes, rounded_scores
from tests.hostile.battery import Case

NAN, INF, HUGE = float("nan"), float("inf"), 10**400

# A text of n characters: what opens much and closes nothing, and what almost ends.
PATTERNS: dict[str, Callable[[int], str]] = {
    "openings": lambda n: "[" * n,
    "brackets": lambda n: "(" * n,
    "angles": lambda n: "<" * n,
    "blanks": lambda n: "[" + " " * n,
    "blanks behind a number": lambda n: "[1" + " " * n,
    "blanks between corners": lambda n: "(1,2)" + " " * n,
    "blanks between corners, often": lambda n: ("(1,2)" + " " * 1000) * (n // 1005),
    "line ends between corners": lambda n: "(1,2)" + "\n" * n + ",",
    "digits": lambda n: "[" + "1" * n,
    "digits and a full stop": lambda n: "[" + "1" * n + ".",
    "digits after a full stop": lambda n: "[0." + "1" * n,
    "numbers and commas": lambda n: "[" + "1," * (n // 2),
    "one number too few": lambda n: "[1,2,3" * (n // 6),
    "almost a box": lambda n: "[1,2,3,4" * (n // 8),
    "boxes": lambda n: "[1,2,3,4]" * (n // 9),
    "semicolons": lambda n: "[1,2,3,4;" * (n // 9),
    "corners": lambda n: "(1,2),(3,4)" * (n // 11),
    "half corners": lambda n: "(1,2)," * (n // 6),
    "bbox_2d": lambda n: '"bbox_2d"' * (n // 9),
    "bbox_2d and blanks": lambda n: '"bbox_2d"' + " " * n,
    "bbox_2d and a colon and blanks": lambda n: '"bbox_2d":' + " " * n,
    "bbox_2d boxes": lambda n: '"bbox_2d": [1,2,3,4' * (n // 19),
    "points": lambda n: "<point " * (n // 7),
    "points with attributes": lambda n: "<points x1=" * (n // 11),
    "begin of box": lambda n: "<|begin_of_box|>[" * (n // 17),
    "locations": lambda n: "<loc_1>" * (n // 7),
    "locations of digits": lambda n: "<loc_" + "1" * n,
    "location boxes": lambda n: "a<loc_1><loc_2><loc_3><loc_4>" * (n // 29),
    "locations of another model": lambda n: "<loc0001>" * (n // 9),
    "cells": lambda n: "<patch_index_0001>" * (n // 18),
    "cells and blanks": lambda n: "<patch_index_0001>" + " " * n,
    "numbers in angles": lambda n: "<1>" * (n // 3),
    "markers": lambda n: "<|box_start|>" * (n // 13),
    "letters": lambda n: "A B " * (n // 4),
    "one letter": lambda n: "A" * n,
    "letters in brackets": lambda n: "(A" * (n // 2),
    "articles": lambda n: "A car " * (n // 6),
    "articles and blanks": lambda n: "A" + " " * n,
    "options": lambda n: "option A " * (n // 9),
    "words": lambda n: "the red car " * (n // 12),
    "one word": lambda n: "a" * n,
    "words that end": lambda n: "ing" * (n // 3),
    "hyphens": lambda n: "a-" * (n // 2),
    "apostrophes": lambda n: "a'" * (n // 2),
    "lead-ins": lambda n: "there is " * (n // 9),
    "prepositions": lambda n: "to the left of " * (n // 15),
    "commas": lambda n: "a, " * (n // 3),
    "and": lambda n: "red and " * (n // 8),
    "quotes": lambda n: "\"'" * (n // 2),
    "NUL": lambda n: "\x00" * n,
    "surrogates": lambda n: "\ud800" * n,
    "other letters": lambda n: "İ" * n,
}


def _seconds(function: Callable[[], object], tries: int) -> float:
    times = []
    for _ in range(tries):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def linear(function: Callable[[str], object], pattern: Callable[[int], str], n: int = 4000) -> str:
    """Whether four times the text takes less than eight times the time: a quadratic parser takes sixteen."""
    small, large = pattern(n), pattern(4 * n)
    function(small[:100])
    for tries in (1, 3, 9):
        # The floor: below it the clock and the machine's other work decide.
        short, long = (max(_seconds(lambda text=text: function(text), tries), 0.0015) for text in (small, large))
        if long / short < 8:
            return "linear"
    return f"{n} characters take {short * 1000:.1f} ms, four times as many {long * 1000:.1f} ms"


def _read(name: str) -> Callable[[str], object]:
    return lambda text: decode(BOX_FORMATS[name], text, (640, 480))


def _read_declared(pattern: str) -> Callable[[str], object]:
    declared = declared_format(BoxPattern(text=pattern, coordinates="norm1000"))
    return lambda text: decode(declared, text, (640, 480))


DECLARED = (
    "{x1} {y1} {x2} {y2}",
    "[{x1},{y1},{x2},{y2}]",
    "(({x}({y}({w}({h}",
    "<loc_{y1}><loc_{x1}><loc_{y2}><loc_{x2}>",
    "a  a {cx} b {cy} , {w} ;{h}",
)
"""Texts of boxes as a model's file may declare them."""


def _florence(text: str) -> object:
    starts = [span[0] for span in decode(BOX_FORMATS["loc_tokens_xyxy1000"], text, (640, 480)).spans]
    return target_first(text, starts, "the red car")


def _confident(text: str) -> object:
    tokens = tuple(text[i : i + 4] for i in range(0, len(text), 4))
    reply = Reply("", text, tokens, (0.5,) * len(tokens), (1.0,) * len(tokens))
    return parse_reply(load_mllm("mini-qwen2vl"), reply, (640, 480), "mean_prob")


READERS: dict[str, Callable[[str], object]] = {
    **{f"decode {name}": _read(name) for name in BOX_FORMATS},
    **{f"decode {text}": _read_declared(text) for text in DECLARED},
    "Florence's labels": _florence,
    "parse_reply": _confident,
    "parse_letter": lambda text: parse_letter(text, "ABCD", "D"),
    "extract_target": extract_target,
    "locate_phrase in an expression": lambda text: locate_phrase(text, "red car"),
    "locate_phrase of half": lambda text: locate_phrase(text, text[: len(text) // 2]),
    "locate_phrase of half and more": lambda text: locate_phrase(text, text[: len(text) // 2] + "b"),
    "locate_phrase of all": lambda text: locate_phrase("the red car", text),
}


def _linear_case(name: str) -> Case:
    def run(folder: Path) -> str:
        slow = []
        for what, pattern in PATTERNS.items():
            said = linear(READERS[name], pattern)
            if said != "linear":
                slow.append(f"{what}: {said}")
        return "; ".join(slow) or "linear"

    return Case("time of parsers", name, run, "^linear$")


def stored(answer: Answer) -> str:
    """An answer as a row, written and read again, as the stages do it."""
    row = Prediction(
        sample_id="1", status=answer.status, boxes=rounded_boxes(answer), scores=rounded_scores(answer),
        source="x", reason=answer.reason, note=answer.note,
    )  # fmt: skip
    again = Prediction.model_validate_json(row.model_dump_json())
    assert again == row, f"{again} is not {row}"
    return f"{row.status}: {row.reason}"


BAD_NUMBERS = (NAN, INF, -INF, 1e308, -1e308, HUGE)


def _number_case(name: str, make: Callable[[], Answer], pattern: str = "^(failed|unparsed): .+") -> Case:
    return Case("numbers in rows", name, lambda folder: stored(make()), pattern)


def _probabilities(value: Any) -> str:
    logits = np.array([value, 1.0, 2.0])
    probabilities, mass = letter_probabilities(logits, [[0], [1], [2]])
    scores = LetterScores("p", probabilities, mass)
    if scores.probabilities is None:
        return f"failed: {scores.error}"
    assert np.isfinite(scores.probabilities).all()
    return "finite"


def _token_case(value: Any, confidence: Any) -> Case:
    def run(folder: Path) -> str:
        text = "(100,100),(200,200)"
        tokens = tuple(text)
        numbers = (0.5,) * (len(tokens) - 3) + (value,) * 3
        reply = Reply("", text, tokens, numbers, numbers)
        return stored(parse_reply(load_mllm("mini-qwen2vl"), reply, (640, 480), confidence))

    return Case("numbers in rows", f"{confidence} of {str(value)[:9]}", run, "^(failed|unparsed): .+")


def _refused_row(name: str, make: Callable[[], Any]) -> Case:
    def run(folder: Path) -> str:
        from pydantic import ValidationError

        try:
            row = make()
        except ValidationError:
            return "refused"
        assert type(row).model_validate_json(row.model_dump_json()) == row
        return "read again"

    return Case("numbers in rows", name, run, "^refused$|^read again$")


TEXTS = ("\ud800", "a\udfffb", "\x00", "\x1b[31m", "\u202e", "\ud83d\ude00", "x" * 10**6, "\x85", "😀")


def _text_row(field: str, text: str) -> Case:
    def run(folder: Path) -> str:
        row = Prediction(sample_id="1", status="unparsed", source="x", **{field: text})
        assert Prediction.model_validate_json(row.model_dump_json()) == row
        return "read again"

    return Case("texts in rows", f"{field} {text[:8]!r}", run, "^read again$")


def _long_reply(folder: Path) -> str:
    answer = parse_boxes(load_mllm("mini-qwen2vl"), "x" * 10**7 + "(1,1),(200,200)", (640, 480))
    return f"{answer.status}: {answer.reason}"


def _fuzz(seed: int, count: int) -> str:
    """Random texts of pieces that parsers look for, through every format."""
    chosen = random.Random(seed)
    pieces = ["[", "]", "(", ")", "<", ">", ",", ";", " ", ".", "1", "999", "1000", "<loc_", "<point ", '"bbox_2d"', ":",
              "<patch_index_0001>", "<|begin_of_box|>", "A", "none", "\x00", "\ud800", "é", "-", "e9", "NaN"]  # fmt: skip
    readers = list(READERS.values())
    for number in range(count):
        text = "".join(chosen.choices(pieces, k=chosen.randrange(30)))
        try:
            readers[number % len(readers)](text)
        except Exception as error:
            raise AssertionError(f"seed {seed}, text {text!r}: {error!r}") from error
    return f"{count} texts"


CASES = [
    *map(_linear_case, READERS),
    *(_number_case(f"a box of {str(v)[:9]}", lambda v=v: Answer("box", ((1.0, 1.0, v, 2.0),), (0.5,))) for v in BAD_NUMBERS),
    *(_number_case(f"a score of {str(v)[:9]}", lambda v=v: Answer("box", ((1.0, 1.0, 3.0, 2.0),), (v,))) for v in (*BAD_NUMBERS[:5], HUGE)),
    *(_number_case(f"an array of {v}", lambda v=v: Answer.of_arrays(np.array([[1, 1, v, 2]]), np.array([0.5]))) for v in BAD_NUMBERS[:5]),
    *(_number_case(f"scores of {v}", lambda v=v: Answer.of_arrays(np.array([[1, 1, 3, 2]]), np.array([v]))) for v in BAD_NUMBERS[:5]),
    _number_case("more scores than boxes", lambda: Answer("box", ((1.0, 1.0, 3.0, 2.0),), (0.5, 0.4))),
    _number_case("a good answer", lambda: Answer("box", ((1.0, 1.0, 3.0, 2.0),), (0.5,)), "^box: None"),
    _number_case("a good answer without scores", lambda: Answer("box", ((1.0, 1.0, 3.0, 2.0),)), "^box: None"),
    *(_token_case(v, kind) for v in (NAN, INF, -INF, 1e308) for kind in ("mean_prob", "product", "mean_logit") if (v, kind) != (1e308, "product")),
    *(Case("numbers in rows", f"a logit of {v}", lambda folder, v=v: _probabilities(v), "^failed: .+") for v in (NAN, INF)),
    Case("numbers in rows", "a logit of -inf", lambda folder: _probabilities(-INF), "^finite$"),
    Case("numbers in rows", "log-probabilities of nan", lambda folder: str(letters_from_logprobs({"A": NAN, "B": -1.0}, "AB")[0]), r"^\(0.0, 1.0\)"),
    Case("numbers in rows", "log-probabilities of 1e308", lambda folder: str(letters_from_logprobs({"A": 1e308, "B": -1.0}, "AB")), "^.None|0.0, 1.0"),
    *(_refused_row(f"{name} of {str(v)[:9]}", lambda make=make, v=v: make(v)) for v in BAD_NUMBERS for name, make in {
        "Prediction.scores": lambda v: Prediction(sample_id="1", status="box", boxes=((1, 1, 2, 2),), scores=(v,), source="x"),
        "Prediction.boxes": lambda v: Prediction(sample_id="1", status="box", boxes=((1, 1, v, 2),), source="x"),
        "Prediction.presence": lambda v: Prediction(sample_id="1", status="box", presence=v, source="x"),
        "Prediction.mass": lambda v: Prediction(sample_id="1", status="box", mass=v, source="x"),
        "Route": lambda v: Route(sample_id="1", status="routed", level=1, boxes=((1, 1, v, 2),), scores=(v,)),
        "Candidates": lambda v: Candidates(sample_id="1", status="proposed", boxes=((1, 1, v, 2),), scores=(v,), kept=(0,)),
    }.items()),
    *(_text_row(field, text) for field in ("reason", "prompt", "reply", "note", "score_kind", "choice") for text in TEXTS),
    Case("texts in rows", "a reply of 10^7 characters", _long_reply, "^unparsed: .*characters"),
    *(Case("texts in rows", f"fuzzed texts, seed {seed}", lambda folder, seed=seed: _fuzz(seed, 3000), "^3000 texts$") for seed in range(3)),
]  # fmt: skip
