"""From a report's content to its page. This is the one place where texts become markup.

Templates escape every value (autoescape), after control characters and direction marks were replaced. What is markup
already (charts, the gallery's frame) is made in this project, and its makers escape their own texts. The page's
security policy lets it load nothing from any network, and run nothing but what is its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from finecops.report.document import Table, cell_text
from finecops.report.page.content import Content
from finecops.report.page.folder import DATA, GENERATOR
from finecops.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment

    from finecops.report.gallery import Gallery

LONG: Final = 12
"""A table of more rows is folded."""
_ENDS_SCRIPT = re.compile(r"</script|<!--", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """A page with what belongs to it.

    Attributes:
        html: the page.
        files: path below the page's folder → text.
    """

    html: str
    files: Mapping[str, str]


def folder_page(content: Content, gallery: Gallery | None) -> Page:
    """A page whose scripts are files beside it."""
    files: dict[str, str] = {}
    if gallery is not None:
        files = {f"{DATA}/{name}": text for name, text in {**gallery.scripts, **gallery.later}.items()}
    loaded = [f"{DATA}/{quote(name)}" for name in gallery.scripts] if gallery is not None else []
    # 'self' is nothing for a page from the file system in some browsers; file: is what they understand.
    policy = {"img-src": "'self' data: file:", "script-src": "'self' file:" if loaded else "'none'"}
    return Page(_render(content, gallery, policy, loaded=loaded), files)


def single_page(content: Content, gallery: Gallery | None) -> str:
    """A page that is one file.

    Raises:
        ValueError: a script would end its own element.
    """
    scripts = [*gallery.scripts.values(), *gallery.later.values()] if gallery is not None else []
    for script in scripts:
        if _ENDS_SCRIPT.search(script):
            raise ValueError("a script of the gallery would end its element")
    # The policy names each script by its checksum, so that nothing else that stands in the page can run.
    hashes = " ".join(map(policy_hash, scripts)) or "'none'"
    return _render(content, gallery, {"img-src": "data:", "script-src": hashes}, scripts=scripts)


def _render(
    content: Content,
    gallery: Gallery | None,
    policy: Mapping[str, str],
    loaded: Sequence[str] = (),
    scripts: Sequence[str] = (),
) -> str:
    from markupsafe import Markup

    styles = _asset("page.css") + (gallery.styles if gallery is not None else "")
    if "</" in styles:
        raise ValueError("a style sheet would end its element")
    # A base or a form would lead links and inputs elsewhere, and `default-src` says nothing of them.
    rules = {
        "default-src": "'none'",
        **policy,
        "style-src": policy_hash(styles),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            content=content,
            policy="; ".join(f"{key} {value}" for key, value in rules.items()),
            generator=GENERATOR,
            styles=Markup(styles),
            gallery=Markup(gallery.markup) if gallery is not None else None,
            loaded=loaded,
            scripts=[Markup(script) for script in scripts],
        )
    )


def policy_hash(text: str) -> str:
    """A text as a security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("finecops.report.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.filters["svg"] = _markup
    environment.globals.update(cells=_cells, is_long=_is_long)
    return environment


def _plain(value: Any) -> Any:
    """A value of a template as a page may get it: a text without control characters and marks of direction."""
    from markupsafe import Markup

    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def _cells(table: Table) -> list[list[str]]:
    return [[cell_text(cell, column) for cell, column in zip(row, table.columns)] for row in table.rows]


def _is_long(table: Table) -> bool:
    return len(table.rows) > LONG


def _asset(name: str) -> str:
    from importlib import resources

    return (resources.files("finecops.report.page") / "templates" / name).read_text(encoding="utf-8")
