"""The site's pages as they are gathered; building them is `make docs`."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from finecops.cli.app import app

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The script, with the pages gathered in a folder of the test."""
    spec = importlib.util.spec_from_file_location("docs_site", PROJECT / "scripts" / "docs_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GATHERED", tmp_path_factory.mktemp("build") / "docs")
        module.gather()
        yield module


def test_every_command_and_option_has_its_line(site: ModuleType) -> None:
    pages = "\n".join(page.read_text() for page in (site.GATHERED / "reference" / "commands").glob("*.md"))
    commands: list[tuple[tuple[str, ...], Any]] = list(site.each_command(get_command(app)))
    assert len(commands) > 20
    for words, command in commands:
        section = re.search(rf"^#+ `finecops {' '.join(words)}`$(.*?)(?=^#|\Z)", pages, re.MULTILINE | re.DOTALL)
        assert section is not None, words
        shown = [option for param in command.params if not getattr(param, "hidden", False) for option in param.opts]
        assert [option for option in shown if option.startswith("-") and option not in section[1]] == [], words


def test_links_to_files_of_the_repository_lead_to_pages(site: ModuleType) -> None:
    page = site.GATHERED / "tutorials" / "own_model.md"
    link = re.search(r"\[examples/score_list.py\]\(([^)]*)\)", page.read_text())
    assert link is not None
    shown = (page.parent / link[1]).resolve().read_text()
    assert (PROJECT / "examples" / "score_list.py").read_text().rstrip() in shown
    source = PROJECT / "docs" / "records.md"
    kept = "[x](https://example.org/a) `](../README.md)` [y](nowhere.md)\n```text\n[z](../README.md)\n```\n"
    assert site.with_links(kept, source, site.GATHERED / "records.md") == kept
    changed = site.with_links("[a](../README.md#x) [b](metrics.md)", source, site.GATHERED / "records.md")
    assert changed == "[a](index.md#x) [b](metrics.md)"


def test_a_page_that_is_not_in_nav_is_an_error(site: ModuleType) -> None:
    lost = site.GATHERED / "lost.md"
    lost.write_text("# Lost\n")
    try:
        with pytest.raises(SystemExit, match=r"not in nav: lost\.md"):
            site.write_configuration()
    finally:
        lost.unlink()


def test_text_of_the_command_line_is_no_markup(site: ModuleType) -> None:
    assert site.escaped("a <b> `<c>` *d* [e]_f") == r"a \<b> `<c>` \*d\* \[e]\_f"


def test_a_page_that_asks_another_server_is_noticed(site: ModuleType, tmp_path: Path) -> None:
    own = '<link rel="stylesheet" href="../a.css"><a href="https://example.org">x</a><img src="b.png">'
    (tmp_path / "good.html").write_text(own)
    assert site.foreign_resources(tmp_path) == []
    (tmp_path / "bad.html").write_text(own + '<script src="//cdn.example.org/x.js"></script>')
    assert site.foreign_resources(tmp_path) == ["bad.html: //cdn.example.org/x.js"]
