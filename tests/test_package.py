"""The package as a whole: what an import costs, what is public, who may import whom."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tfprompt

ROOT = Path(tfprompt.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)
PACKAGES = ["tfprompt", *(f"tfprompt.{p.parent.name}" for p in sorted(ROOT.glob("*/__init__.py")))]

# The rooms from the ground up. A room may import those before it; `models` ranks in its test step
# and so stands above `evaluation`. Files of the package itself (errors, _files …) are below all.
ORDER = (
    "data", "prompts", "layers", "encoders", "tasks", "training", "evaluation", "models", "explain",
    "continual", "artifacts", "serving", "runs", "cli",
)  # fmt: skip
# data and prompts are the two ends of one contract: a template names a column.
NEVER_TENSORFLOW = ("data", "prompts", "evaluation")


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT.parent), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["tfprompt", "tfprompt.errors", "tfprompt.data",
                                  "tfprompt.prompts", "tfprompt.encoders",
                                  "tfprompt.serving", "tfprompt.serving.client.client",
                                  "tfprompt.serving.client.async_client",
                                  "tfprompt.serving.local.server",
                                  "tfprompt.serving.local.grpc_server"])  # fmt: skip
def test_an_import_loads_no_framework(name: str) -> None:
    loaded = run(
        f"import sys, {name}\n"
        "heavy = ('tensorflow', 'keras', 'keras_hub', 'tensorflow_recommenders', 'tf_keras')\n"
        "print([n for n in heavy if n in sys.modules])"
    )
    assert loaded == "[]"


def test_reading_data_loads_no_framework() -> None:
    code = (
        "import sys, polars as pl, tfprompt as tp\n"
        "events = pl.DataFrame({'user_id': ['u'] * 3, 'item_id': list('abc')})\n"
        "tp.data.read(events).leave_one_out()\n"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    assert run(code) == "False False"


def test_the_environment_is_set_but_a_choice_is_kept() -> None:
    code = "import os, tfprompt; print(os.environ['TF_USE_LEGACY_KERAS'], os.environ[{0!r}])"
    assert (
        run(code.format("KERAS_BACKEND"), KERAS_BACKEND="jax", TF_USE_LEGACY_KERAS="1") == "1 jax"
    )


def test_tfrs_after_tensorflow_says_what_to_do() -> None:
    code = (
        "import os\n"
        "os.environ.pop('TF_USE_LEGACY_KERAS', None)\n"
        "import tensorflow as tf; tf.keras.layers\n"
        "try:\n"
        "    import tfprompt.tasks\n"
        "    print('loaded')\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, 'before tensorflow' in str(error).lower())"
    )
    assert run(code, TF_USE_LEGACY_KERAS="") in ("ConfigError True", "loaded")


def test_options_of_the_models_are_reached_from_the_package() -> None:
    code = (
        "import tfprompt as tp\n"
        "print(tp.tasks.Objective('like', like=3).kind, tp.tasks.Negatives('sampled').kind)"
    )
    assert "tasks" in tfprompt.__all__ and run(code) == "like sampled"


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_resolves_and_is_documented(name: str) -> None:
    package = importlib.import_module(name)
    names = getattr(package, "__all__", [])
    assert len(set(names)) == len(names)
    for public in names:
        value = getattr(package, public)
        if not public.startswith("__") and (inspect.isclass(value) or callable(value)):
            assert (inspect.getdoc(value) or "").strip(), f"{name}.{public}"
    assert set(names) <= set(dir(package))


@pytest.mark.parametrize(
    "name", [p for p in PACKAGES if hasattr(importlib.import_module(p), "__getattr__")]
)
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = importlib.import_module(name).no_such_name


def test_public_classes_document_their_public_methods() -> None:
    bare = []
    for name in PACKAGES:
        package = importlib.import_module(name)
        for public in getattr(package, "__all__", []):
            value = getattr(package, public)
            if not inspect.isclass(value) or not value.__module__.startswith("tfprompt"):
                continue
            for method, function in vars(value).items():
                if inspect.isfunction(function) and not method.startswith("_"):
                    if not (function.__doc__ or "").strip():
                        bare.append(f"{name}.{public}.{method}")
    assert bare == []


def imports(path: Path, everywhere: bool = False) -> Iterator[tuple[int, str]]:
    """Line and module of the imports that run when `path` is imported, or of all of them."""

    def walk(node: ast.AST) -> Iterator[tuple[int, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((child.lineno, alias.name) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield child.lineno, child.module or ""
                yield from ((child.lineno, f"{child.module}.{a.name}") for a in child.names)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            elif everywhere or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from walk(child)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")))


def room_of(module: str) -> str | None:
    """The room of `tfprompt.<room>…`, None for anything else."""
    parts = module.split(".")
    return parts[1] if parts[0] == "tfprompt" and len(parts) > 1 and parts[1] in ORDER else None


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_room_imports_one_above_it(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    level = ORDER.index(room) if room in ORDER else -1
    above = [
        (line, module) for line, module in imports(path)
        if (other := room_of(module)) is not None and ORDER.index(other) > level
    ]  # fmt: skip
    assert above == []


def test_every_room_has_its_place() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} <= set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_tfrs_is_imported_in_its_room_alone(path: Path) -> None:
    found = [
        m for _, m in imports(path, everywhere=True) if m.split(".")[0] == "tensorflow_recommenders"
    ]
    assert not found or path.parent.name == "tasks"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_pickles_are_never_used(path: Path) -> None:
    modules = {module.split(".")[0] for _, module in imports(path, everywhere=True)}
    assert not modules & {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    assert "allow_pickle=True" not in path.read_text(encoding="utf-8")
