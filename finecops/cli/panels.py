"""Help in panels (options and commands under headings, in plain text of any width), and completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final, TypeVar

import typer
from typer.core import CompletionItem, TyperCommand, TyperGroup  # type: ignore[attr-defined]

from finecops.cli.complete import OF_PARAMETERS, Completion
from finecops.cli.metavars import metavar

Command = TypeVar("Command", bound=Callable[..., Any])
_OTHER: Final = "Options"
_COMMANDS: Final = "Commands"


class PanelCommand(TyperCommand):
    """A command whose help has its options under the headings that they name (`rich_help_panel`).

    Options and arguments with a name in `finecops.cli.complete.OF_PARAMETERS` are completed by the shell.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for parameter in self.params:
            found = OF_PARAMETERS.get(parameter.name or "")
            if found is not None:
                parameter.shell_complete = partial(_completed, found)  # type: ignore[method-assign]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, panel by panel, in the order of the command's parameters."""
        _write_panels(self.get_params(ctx), ctx, formatter)


class PanelGroup(TyperGroup):
    """A group whose help has its commands under headings, in the order of these."""

    headings: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Heading → the names of its commands. A name may be of no command; a command that has no heading stands last."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, in the order of the headings."""
        places = [name for names in self.headings.values() for name in names]
        return sorted(
            super().list_commands(ctx), key=lambda name: places.index(name) if name in places else len(places)
        )

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, then the commands."""
        self.format_commands(ctx, formatter)
        _write_panels(self.get_params(ctx), ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, heading by heading."""
        headings = {name: heading for heading, names in self.headings.items() for name in names}
        panels: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panels.setdefault(headings.get(name, _COMMANDS), []).append((name, command))
        for panel, commands in panels.items():
            # The indent, the gap, and the same on the right.
            limit = formatter.width - 6 - max(len(name) for name, _ in commands)
            with formatter.section(panel):
                formatter.write_dl([(name, command.get_short_help_str(limit)) for name, command in commands])


def _completed(names: Completion, ctx: Any, incomplete: str) -> list[Any]:
    return [CompletionItem(name) for name in names(incomplete)]


def _write_panels(parameters: list[Any], ctx: Any, formatter: Any) -> None:
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is not None:
            usual = "Arguments" if parameter.param_type_name == "argument" else _OTHER
            panel = getattr(parameter, "rich_help_panel", None) or usual
            panels.setdefault(panel, []).append((_named(parameter, record[0]), record[1]))
    # What every command has stands last.
    for panel in sorted(panels, key=lambda name: name == _OTHER):
        with formatter.section(panel):
            formatter.write_dl(panels[panel])


def _named(parameter: Any, option: str) -> str:
    if parameter.param_type_name == "argument":
        # Its name says what is to be given; the name of a type follows.
        return option.partition(" ")[0]
    first, _, typed = option.partition(" <")
    return f"{first} {metavar(parameter.name, f'<{typed}')}" if typed else option


class App(typer.Typer):
    """A group of commands with help in panels.

    Args:
        headings: for `PanelGroup.headings`: under which heading commands stand, and in which order.
        order: the same for a group that needs no headings: the names in their order.
        about: what `typer.Typer` takes.
    """

    def __init__(self, headings: Mapping[str, Sequence[str]] | None = None, order: str = "", **about: Any) -> None:
        shown = {_COMMANDS: order.split()} if headings is None else headings
        # Typer makes the group itself, from a class.
        group = type("PanelGroup", (PanelGroup,), {"headings": shown})
        super().__init__(**{"cls": group, "rich_markup_mode": None, "no_args_is_help": True} | about)

    def command(self, name: str | None = None, **about: Any) -> Callable[[Command], Command]:
        """Declare a command; see `typer.Typer.command`."""
        return super().command(name, **{"cls": PanelCommand} | about)
