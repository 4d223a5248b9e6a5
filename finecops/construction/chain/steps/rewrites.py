"""Stage `rewrites`: the final words of the positives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import JsonValue

from finecops.construction.chain.context import Context
from finecops.construction.chain.stage import OneByOne, Stage
from finecops.construction.chain.wording import rewriter_settings, rewritten
from finecops.construction.samples import PositiveRow, RewriteRow

NAME: Final = "rewrites"


def stage(context: Context) -> Stage[RewriteRow]:
    """The stage of a build."""
    settings: dict[str, JsonValue] = {"seed": context.settings.seed, "rewriter": rewriter_settings(context)}

    def positives() -> Iterable[PositiveRow]:
        return context.rows("positives", PositiveRow)

    def results(things: Iterator[PositiveRow]) -> Iterator[RewriteRow]:
        yield from rewritten(context, things)

    make = OneByOne(
        things=positives,
        key=lambda row: str(row.id),
        key_of_row=lambda row: str(row.id),
        results=results,
        total=lambda: context.count("positives"),
        unit="sentence",
    )
    return Stage(NAME, RewriteRow, settings, make, reads=("positives",))
