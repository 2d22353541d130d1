"""mypy, pyright and ty agree with the types that the documentation promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def run(*command: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["accept.py", "reject.py"])
def test_mypy(name: str) -> None:
    """It accepts accept.py, rejects each line of reject.py that is marked, and no other."""
    code, said = run("mypy", "--strict", str(HERE / name))
    assert code == 0, said


def test_pyright() -> None:
    """It accepts both files that begin with accept, rejects each line of reject.py that is marked, and no other."""
    code, said = run("pyright", "--pythonpath", sys.executable, "--project", str(HERE / "pyrightconfig.json"))
    assert code == 0, said


def test_ty() -> None:
    """It accepts both files that begin with accept, and the examples."""
    files = [HERE / "accept.py", HERE / "accept_decorated.py", ROOT / "examples"]
    code, said = run("ty", "check", "--python", sys.prefix, *map(str, files))
    assert code == 0, said


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_mark_that_is_not_needed_is_an_error(checker: str, tmp_path: Path) -> None:
    """So reject.py cannot pass by ignoring lines that are right."""
    lines = (HERE / "reject.py").read_text().splitlines()
    right = next(place for place, line in enumerate(lines) if line.strip() == "text = append_text(text1, text2)")
    lines[right] += "  # type: ignore[arg-type]"
    (tmp_path / "reject.py").write_text("\n".join(lines))
    (tmp_path / "pyrightconfig.json").write_text((HERE / "pyrightconfig.json").read_text())
    if checker == "mypy":
        code, said = run("mypy", "--strict", str(tmp_path / "reject.py"))
    else:
        config = str(tmp_path / "pyrightconfig.json")
        code, said = run("pyright", "--pythonpath", sys.executable, "--project", config)
    assert code == 1
    assert f"reject.py:{right + 1}" in said
