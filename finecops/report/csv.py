"""The numbers as CSV, one a row: a form for programs that stays as it is (`docs/metrics.md`)."""

from __future__ import annotations

import csv
import io

from finecops.report.document import Document


def write_csv(document: Document) -> str:
    """The document's rows with a header; None is empty."""
    # Optional columns appear only if a row has them; their order does not depend on the rows.
    there = {key for row in document.rows for key in row}
    columns = [*document.leading, *sorted(there - set(document.leading))]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(document.rows)
    return text.getvalue().removesuffix("\n")
