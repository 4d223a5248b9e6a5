"""`finecops models new`: the file of a new model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def new_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new model's name: letters, digits and ._+-")],
    like: Annotated[str, typer.Option("--like", help="A known model whose settings are copied.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file. Default: NAME.yaml in your own folder of models.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Its weights: a folder or a Hub id; behind a server, the model's name there.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="The address of its server: http://HOST:PORT/v1.")
    ] = None,
) -> None:
    """Write a commented YAML file for a new model.

    Every setting stands in it with what it means: prompt, focus sentence and box format as text. What the known model's
    file says of licence, training data and tests is not copied. No file is overwritten.
    """
    from finecops.config.find import load_model, names
    from finecops.config.home import home
    from finecops.config.new_model import new_model_text, try_it
    from finecops.config.schema import ExtractorConfig
    from finecops.errors import ConfigError, UsageError
    from finecops.models.backends import backend_of

    known = load_model(like)
    # It also enters the names of backends and box formats.
    backend_of(known)
    changes: dict[str, object] = {}
    if weights is not None:
        changes["model" if isinstance(known, ExtractorConfig) else "weights"] = weights
    if base_url is not None:
        if known.backend != "openai":
            raise UsageError(f"--base-url is for a model behind a server; {known.name} is not one of them")
        changes["base_url"] = base_url
    if out is None and name in names("models"):
        raise UsageError(f"there is a model {name!r} already; choose another name, or a file with --out")
    path = out or home() / "configs" / "models" / f"{name}.yaml"
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--out {path}: a model's file ends in .yaml")
    text = new_model_text(name, known, changes, file=out)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} exists already; it is not overwritten") from None
    typer.echo(f"{path}: edit it, then try it:")
    typer.echo(try_it(name if out is None else str(path), known))
