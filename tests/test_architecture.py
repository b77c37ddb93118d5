"""The structure that docs/architecture.md draws, held by reading the code's own imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PIPELINE = ROOT / "pipeline"

# Who may import whom, within the pipeline. One direction only: nothing imports what is above it.
MAY_IMPORT = {
    "__main__": {"cli", "commands"},
    "cli": {"agreement", "commands", "config", "console", "disk", "dry_run", "environment",
            "executors", "flow", "guard", "job", "lock", "sources"},
    "dry_run": {"agreement", "checkpoint", "config", "console", "executors", "exits", "forecast",
                "lock", "models", "plan", "restart", "workforce"},
    "forecast": {"checkpoint", "config", "dispatch", "estimate", "executors", "flow", "plan",
                 "preview", "sources", "stages", "workforce"},
    "preview": {"artefacts", "checkpoint", "config", "console", "exclusions", "intake", "plan",
                "stopping", "validation"},
    "doctor": {"executors", "ffmpeg", "item", "models"},
    "commands": {"agreement", "checkpoint", "console", "disk", "doctor", "exclusions", "executors",
                 "exits", "flow", "forecast", "guard", "job", "models", "status", "validate"},
    "guard": {"checkpoint", "disk_errors", "dispatch", "exits", "lock"},
    "exits": set(),
    "environment": {"exits"},
    "exclusions": {"checkpoint", "disk"},
    "flow": set(),
    "status": {"checkpoint", "console", "estimate", "exits", "lock"},
    "estimate": {"checkpoint"},
    "job": {"agreement", "runner", "checkpoint", "lock", "artefacts", "claim", "console", "disk",
            "disk_errors", "dispatch", "exits", "flow", "forecast", "intake", "plan", "restart",
            "sources", "stopping"},
    "agreement": {"artefacts", "checkpoint", "config", "dataset", "disk", "environment",
                  "exclusions", "executors", "exits", "flow", "models", "plan", "restart",
                  "sources", "stored"},
    "stored": {"checkpoint", "config", "disk", "sources"},
    "restart": {"checkpoint", "dataset", "stored", "console", "disk", "plan"},
    "intake": {"artefacts", "checkpoint", "console", "sources"},
    "runner": {"dispatch", "validation", "publication", "talk", "plan", "artefacts", "checkpoint",
               "config", "console", "estimate", "executors", "exits", "flow", "lengths",
               "progress", "results", "stopping", "workforce"},
    "results": {"artefacts", "checkpoint", "console", "executors", "exits", "lock", "packed",
                "plan"},
    "lengths": {"checkpoint", "plan"},
    "workforce": {"config", "estimate", "executors", "models", "plan"},
    "publication": {"artefacts", "checkpoint", "plan"},
    "dispatch": {"artefacts", "checkpoint", "console", "executors", "item", "plan", "stopping"},
    "validation": {"artefacts", "checkpoint", "console", "lock", "stopping"},
    "claim": {"lock"},
    "digest": set(),
    "talk": {"checkpoint", "console", "plan", "summary"},
    "progress": {"console", "estimate", "flow"},
    "summary": {"console"},
    "decisions": {"sources"},
    "plan": {"artefacts", "checkpoint", "decisions", "exclusions", "flow", "item", "sources"},
    "artefacts": {"checkpoint", "dataset", "digest", "disk"},
    "dataset": {"checkpoint", "disk"},
    "executors": {"digest", "disk", "disk_errors", "item", "packed"},
    "standalone": {"audio", "checkpoint", "console", "executors", "item", "plan"},
    "config": {"item", "stages"},
    "stages": {"item", "audio", "ffmpeg", "models", "validate", "report", "standalone"},
    "checkpoint": {"disk", "packed"},
    "lock": {"disk"},
    "validate": {"console"},
    "report": {"console"},
    "models": set(),
    "sources": set(),
    "audio": set(),
    "ffmpeg": {"item"},
    "item": {"packed"},
    "packed": set(),
    "disk": set(),
    "disk_errors": set(),
    "console": set(),
    "stopping": set(),
}  # fmt: skip
# Knows keys, paths, bytes and YAML; nothing of audio.
PLAIN = {"checkpoint", "lock", "disk", "packed"}
STANDARD = {"yaml", "psutil"}


def modules() -> list[Path]:
    return sorted(PIPELINE.rglob("*.py"))


def part_of(path: Path) -> str:
    """Return the module or package directly under pipeline/ that a file belongs to."""
    return path.relative_to(PIPELINE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Return the full names of all that a file imports, at its head and inside functions."""
    package = ["pipeline", *path.relative_to(PIPELINE).parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            found += [f"{name}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    if part_of(path) != "__init__":
        assert of_ours(path) <= MAY_IMPORT[part_of(path)]


def test_the_table_has_no_arrow_that_is_gone():
    drawn: dict[str, set[str]] = {}
    for path in modules():
        drawn.setdefault(part_of(path), set()).update(of_ours(path))

    assert drawn.pop("__init__") == set()
    assert drawn == MAY_IMPORT


def of_ours(path: Path) -> set[str]:
    """Return the other parts of the pipeline that a file imports."""
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("pipeline.")}
    return ours - {part_of(path), "__version__"}  # `from pipeline import __version__`: no module


def test_the_picture_has_no_cycle():
    left = {part: set(below) for part, below in MAY_IMPORT.items()}
    while free := {part for part, below in left.items() if not below & left.keys()}:
        for part in free:
            del left[part]

    # stages run themselves by standalone, which is above them only through their names
    assert not left


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_stage_imports_another(path):
    parts = path.relative_to(PIPELINE).parts
    if parts[0] != "stages" or len(parts) < 2:
        return
    stage = parts[1].removesuffix(".py")
    others = {name.split(".")[2] for name in imports(path) if name.startswith("pipeline.stages.")}

    assert others <= {stage}


@pytest.mark.parametrize("part", sorted(PLAIN))
def test_checkpoint_and_lock_need_the_standard_library_yaml_and_psutil_only(part):
    import sys

    paths = [path for path in modules() if part_of(path) == part]
    tops = {name.split(".")[0] for path in paths for name in imports(path)}

    assert tops <= set(sys.stdlib_module_names) | STANDARD | {"pipeline"}


def loaded_by(folder: Path, module: str, *words: str) -> set[str]:
    """Return all modules that `python -m MODULE WORDS` has loaded at its end, in `folder`."""
    import subprocess
    import sys

    code = (
        "import atexit, runpy, sys; atexit.register(lambda: print('LOADED', *sys.modules)); "
        f"sys.argv = ['', *{words}]; runpy.run_module('{module}', run_name='__main__')"
    )
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, env=env
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stdout.partition("LOADED")[2].split())


HEAVY = {"torch", "whisper", "demucs", "librosa", "spacy", "scipy", "ctranslate2", "misaki",
         "onnxruntime", "numba", "jinja2", "ray"}  # fmt: skip


def test_no_heavy_library_is_imported_for_the_command_line(tmp_path):
    """--help and a refusal must not pay the 2 s that torch costs."""
    loaded = loaded_by(tmp_path, "pipeline", "--help")

    assert "pipeline.runner" in loaded
    assert loaded & HEAVY == set()


def test_a_resume_with_nothing_to_do_imports_no_heavy_library_and_status_no_stage(tmp_path):
    """The flow is of cheap stages; the settings are those of all real ones."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").write_text("one")
    words = ("tests.cheap", "in", "--output", "out", "--resume", "--min-free-gb", "0")
    loaded_by(tmp_path, *words)

    resumed, status = loaded_by(tmp_path, *words), loaded_by(tmp_path, "pipeline", "status", "out")
    assert "pipeline.runner" in resumed
    assert resumed & HEAVY == set()
    assert "pipeline.status" in status
    assert (
        status & (HEAVY | {"numpy", "soundfile", "num2words", "rich", "pipeline.stages"}) == set()
    )


def function_lengths() -> list[tuple[int, str]]:
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                found.append((length, f"{path.relative_to(ROOT)}:{node.name}"))
    return sorted(found)


def test_functions_are_short():
    """Median at most 10 lines, nine of ten at most 28, none over 50."""
    lengths = [length for length, _ in function_lengths()]

    assert lengths[len(lengths) // 2] <= 10
    assert lengths[len(lengths) * 9 // 10] <= 28
    assert lengths[-1] <= 50, function_lengths()[-1]
