"""scripts/measure.py on small invented folders: each breaks one limit, and a clean one breaks none."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

_SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "measure.py"


def load_measure() -> ModuleType:
    """The script as a module; it is not part of the package."""
    spec = importlib.util.spec_from_file_location("measure", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while they are made.
    sys.modules["measure"] = module
    spec.loader.exec_module(module)
    return module


measure = load_measure()

CLEAN = '"""What it is."""\n\n# A reason.\n' + "\n".join(f"VALUE_{i} = {i}" for i in range(30)) + "\n"
LONG_FUNCTION = 'def long():\n    """Long."""\n' + "    x = 1\n" * 59
MIDDLE_FUNCTION = 'def middle():\n    """Middle."""\n' + "    x = 1\n" * 23
UNTYPED = "x: dict[str, " + "Any] = {}\n"


def package(folder: Path, files: dict[str, str]) -> Path:
    """A package `toy` with these files; `__init__.py` files are made where they are missing."""
    root = folder / "toy"
    for name, text in ({"__init__.py": '"""Toy."""\n'} | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def broken(folder: Path) -> dict[str, tuple[str, ...]]:
    """The measures that a folder breaks, with their breaches."""
    return {m.name: m.breaches for m in measure.measure(folder) if m.breaches}


def test_a_clean_folder_breaks_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = package(tmp_path, {"a.py": CLEAN})
    assert broken(root) == {}
    assert measure.main([str(root)]) == 0
    assert "broken" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "name", "breach"),
    [
        (CLEAN + "\n" * 270, "lines of the longest file", "a.py: 303"),
        (CLEAN + LONG_FUNCTION, "lines of the longest function", "a.py:34 long: 61"),
        # Two functions: nine in ten of them are all.
        (CLEAN + MIDDLE_FUNCTION, "lines of functions, 90th percentile", "90th percentile: 25"),
        (
            CLEAN + 'def f(a, b, c, d, e, f, g, h, i, j, *k, l, **m):\n    """Do."""\n',
            "parameters of the longest signature",
            "a.py:34 f: 13",
        ),
        (CLEAN + UNTYPED * 31, "lines with dict[str, " + "Any]", "a.py:34"),
        (CLEAN + "def f(): ...\n" * 2, "public docstrings, %", "a.py:34 f has no docstring"),
        (CLEAN.replace("# A reason.\n", ""), "comment lines, %", "0.00% of"),
        (CLEAN + "# No.\n" * 2, "comment lines, %", "% of"),
        # A sign inside a string is no comment.
        (CLEAN.replace("# A reason.", 'S = """\n# a\n"""'), "comment lines, %", "0.00% of"),
    ],
)
def test_each_limit(text: str, name: str, breach: str, tmp_path: Path) -> None:
    found = broken(package(tmp_path, {"a.py": text}))
    assert name in found
    assert breach in found[name][0]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CLEAN + "\n" * 267, "lines of the longest file"),
        (CLEAN + LONG_FUNCTION.removesuffix("    x = 1\n"), "lines of the longest function"),
        (
            CLEAN + 'def f(a, b, c, d, e, f, g, h, i, j, *k, **m):\n    """Do."""\n',
            "parameters of the longest signature",
        ),
        (CLEAN + UNTYPED * 30, "lines with dict[str, " + "Any]"),
        (CLEAN + "def _f(): ...\n\nclass _C:\n    def f(self): ...\n" * 9, "public docstrings, %"),
        (CLEAN + 'class C:\n    """Is."""\n' + "    def __len__(self): ...\n" * 9, "public docstrings, %"),
    ],
)
def test_the_limit_itself_and_private_names_are_allowed(text: str, name: str, tmp_path: Path) -> None:
    assert name not in broken(package(tmp_path, {"a.py": text}))


def test_the_command_line_may_have_many_parameters(tmp_path: Path) -> None:
    text = CLEAN + f'def f({", ".join(f"p{i}" for i in range(20))}):\n    """Do."""\n'
    assert broken(package(tmp_path, {"cli/a.py": text})) == {}


CIRCLES = {
    "folders": {"a/x.py": "import toy.b.y\n", "b/y.py": "from toy.a import x\n"},
    "inside a function": {"a/x.py": "def f():\n    from toy.b import y\n", "b/y.py": "import toy.a.x\n"},
    "in a branch of a method": {
        "a/x.py": "class C:\n    def f(self):\n        if x:\n            a\n        else:\n            import toy.b\n",
        "b/y.py": "try:\n    pass\nexcept E:\n    with x:\n        from toy.a.x import z\nfinally:\n    pass\n",
    },
    "in a case, after all": {
        "a/x.py": "match x:\n    case 1:\n        import toy.b\n",
        "b/y.py": "try:\n    pass\nfinally:\n    import toy.a\n",
    },
    "under TYPE_CHECKING": {"a/x.py": "if TYPE_CHECKING:\n    import toy.b\n", "b/y.py": "from toy.a.x import z\n"},
    "relative": {"a/x.py": "from ..b import y\n", "b/y.py": "from ..a import x\n"},
    "relative, from a package's own file": {"a/__init__.py": "from ..b import y\n", "b/y.py": "from ..a import x\n"},
    "a module is a room": {"a/x.py": "from toy import b\n", "b.py": "from toy.a.x import z\n"},
    "of three": {"a.py": "import toy.b\n", "b.py": "import toy.c\n", "c.py": "import toy.a\n"},
}


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES.keys())
def test_a_circle_among_rooms_is_found(files: dict[str, str], tmp_path: Path) -> None:
    (circle,) = broken(package(tmp_path, files))["circles among rooms"]
    rooms = sorted({name.split("/")[0].removesuffix(".py") for name in files})
    assert circle.startswith(", ".join(rooms) + ": ")


@pytest.mark.parametrize(
    "files",
    [
        {"a/x.py": "import toy.b\n", "b/y.py": "import other.a\n"},
        {"a/x.py": "from toy.a import y\n", "a/y.py": "from toy.a import x\n"},  # inside one room
        {"a/x.py": "import toy.b.y\n", "b/y.py": "", "c.py": "import toy.a.x, toy.b.y\n"},
        {"a/x.py": "from toy import version\n"},
    ],
)
def test_no_circle(files: dict[str, str], tmp_path: Path) -> None:
    assert "circles among rooms" not in broken(package(tmp_path, files))


def test_json_and_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = package(tmp_path, {"a.py": CLEAN + LONG_FUNCTION})
    assert measure.main([str(root), "--json"]) == 1
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["lines of the longest function"]["value"] == 61
    assert rows["lines of the longest function"]["breaches"] == [f"{root / 'a.py'}:34 long: 61"]
    assert rows["circles among rooms"]["breaches"] == []


def test_a_folder_without_python_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as error:
        measure.main([str(tmp_path)])
    assert error.value.code == 2
