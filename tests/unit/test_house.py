"""The house rules that no linter knows: lengths, what is caught, what an import costs, what a clone tells."""

import ast
import contextlib
import functools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "src" / "ndoki"
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 80
# Where one bad file must not cost another, and where the last word is said.
MAY_CATCH_ALL = {"cli/main.py", "batch/hands.py"}
# What takes long to import or must not be needed at all.
HEAVY = {"torch", "onnxruntime", "scipy", "soundfile", "PIL", "rich", "fsspec", "fastapi", "dask"}
UNTRACKED = {".venv", ".git", "build", "dist", "out", "__pycache__", ".hypothesis"}
MACHINE_PATH = re.compile(r"(?<![\w.~/>}])/(?:root|work)/\w")
INDEX_HOST = re.compile(r"(?:pypi|pythonhosted|download\.pytorch)\.org")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((CHECKOUT / folder).rglob("*.py"))]
    assert found, f"no Python files below {folders}"
    return found


@functools.cache
def tracked_texts() -> dict[str, str]:
    """What a clone holds, told without git: all text outside build output and caches."""
    texts = {}
    for folder, subfolders, files in os.walk(CHECKOUT):
        subfolders[:] = [
            d for d in subfolders if d not in UNTRACKED and not d.endswith(("_cache", ".egg-info"))
        ]
        for path in (Path(folder, name) for name in files):
            with contextlib.suppress(UnicodeDecodeError):
                texts[path.relative_to(CHECKOUT).as_posix()] = path.read_text(encoding="utf-8")
    return texts


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """Functions and methods that a reader of the module may call."""
    for node in tree.body:
        owners = [node] if isinstance(node, Function) else []
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            owners = [child for child in node.body if isinstance(child, Function)]
        yield from (owner for owner in owners if not owner.name.startswith("_"))


def too_long(tree: ast.AST) -> list[str]:
    return [
        f"{node.lineno} {node.name}"
        for node in functions(tree)
        if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]


def asserts(tree: ast.AST) -> list[str]:
    return [f"{node.lineno} assert" for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def catches_all(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {ast.unparse(one) if one else "everything" for one in caught}
            found += [
                f"{node.lineno} {name}" for name in names & {"everything", "Exception", "BaseException"}
            ]
    return found


def unfinished(tree: ast.AST) -> list[str]:
    raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc]
    return [f"{node.lineno} {ast.unparse(node)}" for node in raised if "NotImplemented" in ast.unparse(node)]


def undocumented(tree: ast.Module) -> list[str]:
    return [f"{node.lineno} {node.name}" for node in public_functions(tree) if not ast.get_docstring(node)]


def unannotated(tree: ast.Module) -> list[str]:
    found = []
    for node in functions(tree):
        a = node.args
        arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
        bare = [one.arg for one in arguments if one and not one.annotation and one.arg not in ("self", "cls")]
        if bare or not node.returns:
            found.append(f"{node.lineno} {node.name}")
    return found


CHECKS = {
    "too_long": (too_long, "def f() -> None:\n" + "    pass\n" * MAX_FUNCTION_LINES),
    "asserts": (asserts, "assert x > 0, 'x'"),
    "catches_all": (catches_all, "try:\n    f()\nexcept (OSError, Exception):\n    g()"),
    "catches_everything": (catches_all, "try:\n    f()\nexcept:\n    g()"),
    "unfinished": (unfinished, "def f() -> int:\n    raise NotImplementedError"),
    "undocumented": (undocumented, "class A:\n    def f(self) -> int:\n        return 1"),
    "unannotated": (unannotated, "def f(a: int, *, b) -> int:\n    return a"),
    "unannotated_result": (unannotated, "def f(a: int):\n    return a"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_sees_a_breach(name: str) -> None:
    check, breach = CHECKS[name]
    assert check(ast.parse(breach))
    assert not check(ast.parse('def f(a: int) -> int:\n    """Double."""\n    return 2 * a'))


@pytest.mark.parametrize("name", ["too_long", "unfinished"])
def test_all_code_passes(name: str) -> None:
    check = CHECKS[name][0]
    found = [f"{p.relative_to(CHECKOUT)}:{one}" for p in all_code() for one in check(parse(p))]
    assert not found


@pytest.mark.parametrize("name", ["asserts", "catches_all", "undocumented", "unannotated"])
def test_the_package_passes(name: str) -> None:
    check = CHECKS[name][0]
    allowed = MAY_CATCH_ALL if name == "catches_all" else set()
    found = [
        f"{p.relative_to(PACKAGE)}:{one}"
        for p in sources("src", "tools")
        if p.is_relative_to(PACKAGE) is False or p.relative_to(PACKAGE).as_posix() not in allowed
        for one in check(parse(p))
    ]
    assert not found


def all_code() -> list[Path]:
    return sources("src", "tools", "tests", *(["benchmarks"] if (CHECKOUT / "benchmarks").is_dir() else []))


def test_no_file_is_too_long() -> None:
    counts = {str(p.relative_to(CHECKOUT)): p.read_text(encoding="utf-8").count("\n") for p in all_code()}
    assert not {name: n for name, n in counts.items() if n > MAX_FILE_LINES}


def test_modules_are_named_for_what_they_hold() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert not [p.relative_to(PACKAGE) for p in sources("src") if p.stem in vague or p.parent.name in vague]


def test_nothing_is_left_to_do() -> None:
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    assert not [name for name, text in tracked_texts().items() if name.endswith(".py") and marks.search(text)]


def run_python(code: str) -> list[str]:
    """Lines that a fresh interpreter prints to stderr; its stdout is left to the code under test."""
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_import_is_light() -> None:
    loaded = run_python("import ndoki, sys; print(*sys.modules, sep='\\n', file=sys.stderr)")
    assert "ndoki" in loaded
    assert not HEAVY.intersection(loaded)


def test_help_is_light() -> None:
    loaded = run_python(
        "import sys\nfrom ndoki.cli.main import main\nsys.argv = ['ndoki', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    assert "ndoki.cli.main" in loaded
    assert not (HEAVY - {"rich"}).intersection(loaded)


def test_import_writes_nothing_and_starts_nothing() -> None:
    """Seen through the interpreter's own audit events."""
    events = run_python(
        "import sys\n"
        "def hook(event, args):\n"
        "    writes = event == 'open' and any(c in str(args[1]) for c in 'wax+')\n"
        "    starts = event.startswith(('socket.', 'subprocess.', 'os.mkdir', '_thread.start'))\n"
        "    if writes or starts:\n"
        "        print(event, args, file=sys.stderr)\n"
        "sys.addaudithook(hook)\n"
        "import ndoki\n"
    )
    assert not events


def test_a_clone_tells_nothing_of_the_machine_it_was_made_on() -> None:
    texts = tracked_texts()
    assert {"pyproject.toml", "constraints.txt", "Makefile", "tests/unit/test_house.py"} <= set(texts)
    own = [CHECKOUT, Path.home()]
    found = [name for name, text in texts.items() if MACHINE_PATH.search(text)]
    found += [n for n, t in texts.items() for path in own if len(path.parts) > 2 and f"{path}/" in t]
    assert not found


def test_no_file_names_a_package_index() -> None:
    assert not [name for name, text in tracked_texts().items() if INDEX_HOST.search(text)]


def test_every_package_is_under_contract() -> None:
    """A new package has to be named in the contracts, or nothing would watch it."""
    tool = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    layers, torch_free, web_free = tool["importlinter"]["contracts"]
    modules = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    modules -= {"__init__", "__main__"}
    layered = {name.strip(" ()") for layer in layers["layers"] for name in layer.split("|")}
    assert modules <= layered
    assert {f"ndoki.{name}" for name in modules - {"training"}} == set(torch_free["source_modules"])
    assert {f"ndoki.{name}" for name in modules - {"batch", "review"}} == set(web_free["source_modules"])


def test_licence_files_are_there() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    for name in project["license-files"]:
        assert (CHECKOUT / name).stat().st_size > 0
    assert "CC BY 4.0" in (CHECKOUT / "docs/models/ATTRIBUTION.md").read_text(encoding="utf-8")


def test_decisions_are_listed() -> None:
    folder = CHECKOUT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(p.name for p in folder.glob("[0-9]*.md"))
    assert [name[:4] for name in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    assert re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index) == records
    for name in records:
        headings = re.findall(r"^## (\w+)", (folder / name).read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], name
