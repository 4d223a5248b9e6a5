"""One question of the page: from an uploaded picture and a sentence to the markup of its answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finecops.demo.pictures import choice_marks, final_marks, pathway_marks, picture, router_marks
from finecops.demo.shown import About, shown
from finecops.errors import FinecopsError
from finecops.grounding.grounder import Grounder
from finecops.grounding.questions import of_image
from finecops.grounding.records import Grounding
from finecops.images import forget_images, read_image
from finecops.models.redaction import redact
from finecops.stages.route import RouteSettings
from finecops.strategies.options import Options
from finecops.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment

log = logging.getLogger(__name__)


class Asker:
    """Answers questions one after the other; nothing of one is kept for the next.

    Args:
        grounder: of all strategies.
        options: as the command was given them.
    """

    def __init__(self, grounder: Grounder, options: Options) -> None:
        self._grounder = grounder
        self._about = About(threshold=_threshold(grounder), topk=options.topk, none=options.none)
        self._one_at_a_time = threading.Lock()

    def __call__(self, image: str | None, sentence: str | None) -> str:
        """The markup of an answer. What cannot be asked or went wrong is said in words.

        Args:
            image: the uploaded file; None: there is none yet.
            sentence: what shall be found.
        """
        if image is None:
            return notice("No picture yet: drop one on the left, or choose an example.")
        if not (sentence or "").strip():
            return notice("No sentence yet: type what shall be found, for example “the red car on the left”.")
        path = Path(image)
        try:
            with self._one_at_a_time:
                return self._answered(path, str(sentence))
        except FinecopsError as error:
            return notice(_without_folder(str(error), path), fault=True)
        except Exception as error:
            # A page that is silent after a fault is worse than a word about it; the terminal has the rest.
            log.exception("the question failed")
            return notice(f"The program failed ({type(error).__name__}). The terminal shows where.", fault=True)

    def _answered(self, path: Path, sentence: str) -> str:
        try:
            (found,) = self._grounder.ask(of_image(path, [sentence]))
            return answer_markup(found, self._about, path)
        finally:
            # The next question is another user's.
            forget_images()


def answer_markup(found: Grounding, about: About, path: Path) -> str:
    """An answer as markup, all texts escaped.

    Raises:
        DataError: the image cannot be read.
    """
    if not found.width:
        return notice(_without_folder(found.reason or "The picture cannot be read.", path), fault=True)
    said, image = shown(found, about), read_image(path)
    return (
        _environment()
        .get_template("answer.html.j2")
        .render(
            said=said,
            found=found,
            final=picture(image, final_marks(said)),
            router=picture(image, router_marks(said)) if said.router and said.router.boxes else None,
            pathways=picture(image, marks) if (marks := pathway_marks(said)) else None,
            choice=picture(image, marks) if said.choice and (marks := choice_marks(said.choice)) else None,
        )
    )


def notice(text: str, fault: bool = False) -> str:
    """A sentence in place of an answer."""
    return _environment().get_template("notice.html.j2").render(lines=text.splitlines(), fault=fault)


def intro(models: Sequence[str], remarks: Sequence[str], folder: Path) -> str:
    """What stands at the head of the page.

    Args:
        models: role and name of each.
        remarks: warnings about them.
        folder: where uploaded pictures are.
    """
    return _environment().get_template("intro.html.j2").render(models=models, remarks=remarks, folder=str(folder))


def _threshold(grounder: Grounder) -> float:
    settings = (spec.settings for spec in grounder.pipeline.specs)
    return next((each.score_threshold for each in settings if isinstance(each, RouteSettings)), 0.0)


def _without_folder(text: str, path: Path) -> str:
    """A message with the picture's name instead of its place on this machine."""
    return text.replace(str(path), path.name)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("finecops.demo", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )


def _plain(value: Any) -> Any:
    """A text as the page may get it: without control characters, marks of direction and keys."""
    from markupsafe import Markup

    # What a macro made is escaped already; a picture's address is long, and made here.
    if not isinstance(value, str) or isinstance(value, Markup) or value.startswith("data:image/jpeg;base64,"):
        return value
    return "\n".join(map(printable, redact(value).splitlines()))
