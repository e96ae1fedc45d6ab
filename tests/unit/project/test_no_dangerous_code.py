"""The shipped code runs no text as code and starts no shell; the one place that opens a pickle is guarded by a sha256."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHIPPED = [
    path
    for part in ("streams", "bridge", "agents", "web", "commands", "models", "dev", "container", "bench")
    for path in (ROOT / part).rglob("*.py")
]
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "joblib.load", "np.load", "pd.read_pickle"}
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "code", "telnetlib", "xmlrpc"}
ALLOWED = {("models/pickle_file.py", "joblib.load")}


def dangerous(tree: ast.AST) -> Iterator[str]:
    """Yield every name of CALLS that is called, module of MODULES that is imported, and shell that is asked for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if (name := ast.unparse(node.func)) in CALLS:
                yield name
            shell = [word.value for word in node.keywords if word.arg == "shell"]
            if any(not (isinstance(value, ast.Constant) and value.value is False) for value in shell):
                yield "shell"
            if name.endswith("create_subprocess_shell") or name.endswith("getoutput"):
                yield name
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            yield node.module or ""


def test_there_is_code_to_look_at():
    assert len(SHIPPED) > 100


@pytest.mark.slow
def test_no_shipped_code_is_dangerous():
    found = {(str(path.relative_to(ROOT)), what) for path in SHIPPED for what in dangerous(ast.parse(path.read_text()))}
    assert found == ALLOWED


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "import pickle",
        "from pickle import loads",
        "import os\nos.system('x')",
        "run('x', shell=True)",
        "run('x', shell=flag)",
        "asyncio.create_subprocess_shell('x')",
        "joblib.load(f)",
        "exec(code)",
    ],
)
def test_this_test_would_see_it(source):
    assert list(dangerous(ast.parse(source)))
