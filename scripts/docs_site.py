"""Build the documentation's site from docs/, without a network. Any warning is an error.

    python scripts/docs_site.py          # build/site/index.html (make docs)
    python scripts/docs_site.py --serve  # the same, and a server on this machine that shows it

The pages are gathered in build/docs: those of docs/, some of the repository's other files, and the reference, which is
made from the command line and from the docstrings. A link to a file of the repository leads to a page that shows it.
Then Zensical (extra `docs`) builds what mkdocs.yml describes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[1]
GATHERED = PROJECT / "build" / "docs"
SITE = PROJECT / "build" / "site"
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Files of the repository and the pages that they are. The first page is docs/index.md, not the README."""
LANGUAGES = {".py": "python", ".yaml": "yaml", ".sh": "bash", ".json": "json"}
NO_REFERENCE = ("cli", "models.workers")
"""Rooms without a page: the command line has its own, and the workers run in other programs."""
_LINK = re.compile(r"(?<!`)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_COMMANDS = re.compile(r"\*\*Commands\*\*:\n\n.*?\n\n", re.DOTALL)


def gather() -> None:
    """Write all pages and the configuration to build/."""
    shutil.rmtree(GATHERED, ignore_errors=True)
    shutil.copytree(PROJECT / "docs", GATHERED)
    sources = {path: GATHERED / path.relative_to(PROJECT / "docs") for path in (PROJECT / "docs").rglob("*.md")}
    for name, page in PAGES.items():
        if page != "index.md":
            sources[PROJECT / name] = GATHERED / page
    for source, page in sources.items():
        page.write_text(with_links(source.read_text(encoding="utf-8"), source, page), encoding="utf-8")
    for name, text in (command_pages() | python_pages()).items():
        page = GATHERED / "reference" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    write_configuration()


def with_links(text: str, source: Path, page: Path) -> str:
    """The text of a page whose links to files of the repository lead to pages of the site."""

    def lead(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        if re.match(r"[a-z]+:", target):
            return match[0]
        there = (source.parent / target).resolve()
        where = page_of(there)
        return match[0] if where is None else f"]({os.path.relpath(where, page.parent)}{anchor})"

    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(lead, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(lead, text[end:])])


def page_of(path: Path) -> Path | None:
    """The page of a file of the repository; made where the file is none yet. None: there is no such file.

    A broken link stays as it is, so that the builder names it.
    """
    if not path.is_relative_to(PROJECT) or not path.exists():
        return None
    name = path.relative_to(PROJECT).as_posix()
    if path.is_relative_to(PROJECT / "docs"):
        return GATHERED / path.relative_to(PROJECT / "docs")
    if name in PAGES:
        return GATHERED / PAGES[name]
    page = GATHERED / "files" / f"{name}.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"# {name}\n\n{shown(path)}", encoding="utf-8")
    return page


def shown(path: Path) -> str:
    """A file as a block of code, or a folder as the list of its files."""
    if path.is_dir():
        return "".join(f"- `{one.name}`\n" for one in sorted(path.iterdir()) if not one.name.startswith(("_", ".")))
    return f"````{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text(encoding='utf-8').rstrip()}\n````\n"


def command_pages() -> dict[str, str]:
    """Name → page, one for each command or group of commands, and one that lists them; Typer writes the text."""
    import typer
    from typer.cli import get_docs_for_click
    from typer.main import get_command

    from finecops.cli.app import app

    program: Any = get_command(app)
    context = typer.Context(program, info_name="finecops")
    pages = {}
    for name, command in sorted(program.commands.items()):
        text = get_docs_for_click(obj=command, ctx=context, name=name, call_prefix="finecops")
        pages[f"commands/{name}.md"] = as_markdown(_COMMANDS.sub("", text))
    own = get_docs_for_click(obj=program, ctx=context, name="finecops").split("**Commands**")[0]
    rows = [
        f"| [`finecops {' '.join(words)}`]({words[0]}.md#finecops-{'-'.join(words)}) | {first_sentence(command)} |"
        for words, command in each_command(program)
    ]
    table = "\n".join(["| command | what it does |", "|---|---|", *rows])
    # The first heading is the page's title, and the overview comes first in the list of pages.
    pages["commands/index.md"] = as_markdown(own.replace("# `finecops`", "# Command line")) + f"\n{table}\n"
    return pages


def each_command(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands that do something, in the order of the help; groups are not among them."""
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from each_command(command, (*before, name))
        else:
            yield (*before, name), command


def first_sentence(command: Any) -> str:
    """What a command does, in one line of a table."""
    paragraph = " ".join((command.help or "").split("\n\n")[0].split())
    return escaped(paragraph.replace("|", "\\|"))


def escaped(text: str) -> str:
    """The text with what is no code shown as it is: `<` and stars are characters of help texts."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<*_\[])", r"\\\1", part) for part in parts)


def as_markdown(text: str) -> str:
    """What Typer writes, with the help texts as plain text."""
    lines, in_code = [], False
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        plain = in_code or line.startswith(("```", "#", "**"))
        item = re.match(r"\* `[^`]*`(: )?", line)
        start = item.end() if item else 0
        lines.append(line if plain else line[:start] + escaped(line[start:]))
    return "\n".join(lines) + "\n"


def python_pages() -> dict[str, str]:
    """Name → page, one for each room; mkdocstrings writes the text when the site is built."""
    package = PROJECT / "finecops"
    alone = [one.stem for one in package.glob("*.py") if not one.stem.startswith("_")]
    pages = {"python/finecops.md": room_page("finecops", ["finecops", *(f"finecops.{one}" for one in sorted(alone))])}
    for folder in sorted(one.parent for one in package.glob("*/__init__.py")):
        modules = [".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in sorted(folder.rglob("*.py"))]
        kept = [one.removesuffix(".__init__") for one in modules if not one.startswith(no_reference())]
        if kept:
            pages[f"python/{folder.name}.md"] = room_page(f"finecops.{folder.name}", kept)
    rows = [f"- [{name.removesuffix('.md')}]({name.removeprefix('python/')})" for name in pages]
    pages["python/index.md"] = (
        "# Python\n\nOne page for each room of the package ([what is in which](../../contributing.md#the-tree)), "
        "from the docstrings. What scripts can rely on is in [Run folders](../../records.md#stable-for-scripts).\n\n"
        + "\n".join(rows).replace("python/", "")
        + "\n"
    )
    return pages


def no_reference() -> tuple[str, ...]:
    """The modules without a page, as the beginnings of their names."""
    return tuple(f"finecops.{one}" for one in NO_REFERENCE)


def room_page(title: str, modules: list[str]) -> str:
    """The page of a room: a line for each module, which mkdocstrings replaces."""
    return f"# {title}\n\n" + "\n\n".join(f"::: {module}" for module in modules) + "\n"


def write_configuration() -> None:
    """Write mkdocs.yml to build/, with every folder in its `nav` replaced by its pages.

    Raises:
        SystemExit: a page is not in `nav`, or the other way round.
    """
    settings = yaml.safe_load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
    settings |= {"docs_dir": "docs", "site_dir": "site", "nav": expanded(settings["nav"])}
    settings["plugins"][1]["mkdocstrings"]["handlers"]["python"]["paths"] = [".."]
    (GATHERED.parent / "mkdocs.yml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    named = set(in_nav(settings["nav"]))
    there = {path.relative_to(GATHERED).as_posix() for path in GATHERED.rglob("*.md")}
    # Shown files are reached by the links to them.
    unnamed = sorted(one for one in there - named if not one.startswith("files/"))
    faults = [f"no such page: {one}" for one in sorted(named - there)] + [f"not in nav: {one}" for one in unnamed]
    if faults:
        raise SystemExit("mkdocs.yml: " + "; ".join(faults))


def expanded(nav: list[Any]) -> list[Any]:
    """The list of pages, where an entry `folder/` stands for all pages of a folder."""
    pages: list[Any] = []
    for entry in nav:
        title, target = next(iter(entry.items())) if isinstance(entry, dict) else (None, entry)
        if isinstance(target, list):
            pages.append({title: expanded(target)})
        elif target.endswith("/"):
            found = sorted(path.relative_to(GATHERED).as_posix() for path in (GATHERED / target).glob("*.md"))
            pages.append({title: sorted(found, key=lambda name: not name.endswith("/index.md"))})
        else:
            pages.append(entry)
    return pages


def in_nav(nav: list[Any]) -> Iterator[str]:
    """The pages of a list."""
    for entry in nav:
        target = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(target, list):
            yield from in_nav(target)
        else:
            yield target


class Resources(HTMLParser):
    """What a browser fetches by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each tag; links that a reader may follow are not resources."""
        given = dict(attrs)
        names = ("href",) if tag == "link" and given.get("rel") != "canonical" else ("src", "srcset", "data", "poster")
        self.found += [value for name in names if (value := given.get(name))]


def foreign_resources(site: Path) -> list[str]:
    """Every resource of a built page that is on another server: `page: address`."""
    faults = []
    for page in sorted(site.rglob("*.html")):
        parser = Resources()
        parser.feed(page.read_text(encoding="utf-8"))
        faults += [f"{page.relative_to(site)}: {one}" for one in parser.found if re.match(r"(https?:)?//", one)]
    return faults


def main() -> None:
    """Gather the pages, build the site, and see that it needs no other server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help="show the site on this machine afterwards")
    serve = parser.parse_args().serve
    gather()
    shutil.rmtree(SITE, ignore_errors=True)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "-f", "build/mkdocs.yml"]
    built = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if built.returncode:
        # Its own traceback says nothing beside its warnings.
        said = _COLOUR.sub("", built.stdout + built.stderr).split("Traceback (most recent call last)")
        raise SystemExit(said[0] + _COLOUR.sub("", built.stderr.strip().splitlines()[-1]))
    if faults := foreign_resources(SITE):
        raise SystemExit("pages that ask another server:\n" + "\n".join(faults))
    print(f"{SITE / 'index.html'}: {sum(1 for _ in SITE.rglob('*.html'))} pages")
    if serve:
        subprocess.run([sys.executable, "-m", "http.server", "-b", "127.0.0.1", "-d", str(SITE)])


if __name__ == "__main__":
    main()
