"""The foot of a report: versions, checksums, settings and the command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from finecops.evaluation.reading import RunData
from finecops.models.redaction import redact
from finecops.report.document import Table, columns
from finecops.report.page.content import Section
from finecops.runs.manifest import Manifest, StageEntry
from finecops.version import __version__


def provenance(runs: Mapping[str, RunData], command: str) -> tuple[Section, ...]:
    """Sections for the foot: the report's own, then one a run.

    Args:
        runs: by the name that the page gives them.
        command: what the user typed.
    """
    own = Table(
        "This report",
        columns("", "value", side="left"),
        (("command", redact(command)), ("finecops", __version__)),
    )
    return (
        Section("provenance", "Provenance", tables=(own,)),
        *(
            Section(f"provenance-{number}", f"Provenance of {name}", tables=tuple(_of_run(run.manifest)), folded=True)
            for number, (name, run) in enumerate(runs.items(), start=1)
        ),
    )


def _of_run(manifest: Manifest) -> Iterator[Table]:
    data = manifest.dataset
    # Without the folder of images: that is of this machine, and changes no number.
    about = {
        "finecops": manifest.finecops,
        "dataset": data.name,
        "split": data.split,
        "origin": data.origin,
        "files": ", ".join(data.files),
        "SHA-256 of the files": data.sha256,
        "limit": data.limit or "none",
        "samples": data.samples,
        "SHA-256 of samples.jsonl": manifest.samples_sha256,
        "SHA-256 of the prompts": manifest.prompts_sha256,
        **manifest.environment,
    }
    pairs = columns("", "value", side="left")
    yield Table("Data and versions", pairs, tuple((key, value) for key, value in about.items() if value is not None))
    yield Table(
        "Files",
        columns("stage", "what", "state", "rows", "failed", "SHA-256", side="left"),
        tuple((name, e.label, e.state, e.rows, e.failed, e.sha256) for name, e in manifest.stages.items()),
        notes=tuple(_repairs(manifest)),
    )
    for name, entry in manifest.stages.items():
        # Settings have no keys, but the address of a server may have a password.
        rows = tuple((key, redact(value)) for key, value in _settings(entry))
        yield Table(f"Settings of {name}", pairs, rows)


def _repairs(manifest: Manifest) -> Iterator[str]:
    for name, entry in manifest.stages.items():
        if entry.repairs:
            yield f"{name}: rows of the finished file were made again, {len(entry.repairs)} times"


def _settings(entry: StageEntry) -> Iterator[tuple[str, str]]:
    yield "fingerprint", entry.fingerprint
    yield "share", str(entry.share)
    yield from ((f"input {name}", sha256) for name, sha256 in entry.inputs.items())
    yield from _flat(entry.settings)


def _flat(settings: object, where: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as lines, `a.b` for b in a."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            yield from _flat(value, f"{where}.{key}" if where else str(key))
    else:
        yield where, str(settings)
