"""Routers as a table, with the paper's Table IX beside."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from finecops.evaluation.paper_ablations import DATASETS, PaperRouter, paper_routers
from finecops.evaluation.routers import RouterResult, RoutersResult
from finecops.report.document import Cell, Column, Document, Table
from finecops.text import counted


def routers_document(found: RoutersResult, paper: bool = False) -> Document:
    """Routers for every writer; with `paper`, the rows of Table IX too."""
    papers = paper_routers() if paper else []
    data: dict[str, JsonValue] = found.model_dump(mode="json")
    if paper:
        data["paper"] = [one.model_dump(mode="json") for one in papers]
    rows = [_flat(router) for router in found.routers] + [_flat_paper(one, _key(found.dataset)) for one in papers]
    return Document([routers_table(found, papers)], data=data, rows=rows, leading=tuple(rows[0]) if rows else ())


def routers_table(found: RoutersResult, papers: list[PaperRouter]) -> Table:
    """A row a router, and the paper's own where it has the model; then what bounds them."""
    key = _key(found.dataset)
    rows: list[tuple[Cell, ...]] = []
    left = {one.name: one for one in papers}
    for router in found.routers:
        rows.append(_cells(router))
        if router.paper_row in left:
            rows.append(_paper_cells(left.pop(router.paper_row), key))
    rows += [_paper_cells(one, key) for one in left.values()]
    bounds = (("specialist alone", found.specialist), ("MLLM alone", found.mllm), ("best choice", found.oracle))
    rows += [(label, None, None, None, value, None, None) for label, value in bounds if value is not None]
    header = (
        Column("", side="left"),
        *(Column(title) for title in ("level acc.", "L2 recall", "to MLLM", "SFA P@1")),
        Column("ms", ".1f"),
        Column("GFLOP", ".4g"),
    )
    title = f"Routers on {found.dataset}, {found.split}, {counted(found.samples, 'sample')}: %, and per sample"
    return Table(title, header, tuple(rows), tuple(_notes(found, papers, key)))


def _notes(found: RoutersResult, papers: list[PaperRouter], key: str) -> Iterator[str]:
    if found.answers is not None:
        n = found.routers[0].n
        yield f"SFA's precision@1 is of {n} positives with the answers in {found.answers}."
    failed = [f"{router.name}: {router.summary.failed}" for router in found.routers if router.summary.failed]
    if failed:
        yield f"Samples that could not be routed, which go to the MLLM: {', '.join(failed)}."
    yield "ms: when the routes were made here, the model being loaded."
    if papers:
        where = "" if key in DATASETS else "; its precision is of FineCops-Ref"
        yield f"paper: Table IX, on another machine{where}."
    yield from found.notes


def _cells(router: RouterResult) -> tuple[Cell, ...]:
    s = router.summary
    share = 100 * s.to_mllm / s.n if s.n else None
    return (
        router.name,
        s.level_accuracy,
        s.level2_recall,
        share,
        router.precision_at_1,
        router.milliseconds,
        router.gflops,
    )


def _paper_cells(one: PaperRouter, key: str) -> tuple[Cell, ...]:
    precision = one.precision_at_1.get(key, one.precision_at_1[DATASETS[0]])
    return (f"paper: {one.name}", one.level_accuracy, one.level2_recall, None, precision, one.milliseconds, None)


def _flat(router: RouterResult) -> dict[str, JsonValue]:
    s = router.summary
    return {
        "router": router.name,
        "source": "ours",
        "level_accuracy": s.level_accuracy,
        "level2_recall": s.level2_recall,
        "to_mllm": 100 * s.to_mllm / s.n if s.n else None,
        "precision@1": router.precision_at_1,
        "n": router.n,
        "failed": s.failed,
        "milliseconds": router.milliseconds,
        "gflops": router.gflops,
    }


def _flat_paper(one: PaperRouter, key: str) -> dict[str, JsonValue]:
    return {
        "router": one.name,
        "source": "paper",
        "level_accuracy": one.level_accuracy,
        "level2_recall": one.level2_recall,
        "precision@1": one.precision_at_1.get(key, one.precision_at_1[DATASETS[0]]),
        "milliseconds": one.milliseconds,
    }


def _key(dataset: str) -> str:
    return dataset.casefold().replace("-", "_")
