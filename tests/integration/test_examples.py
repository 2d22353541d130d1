"""The examples, as the documentation runs them: from the command line, and their answers."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lume_dsl import load

EXAMPLES = Path(__file__).parents[2] / "examples"
TWISS = ("emittance", "beta", "alpha", "gamma")


def run_example(target: str, *flags: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "lume_dsl", "run", str(EXAMPLES / target), *flags, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_greeting_leaves_its_file_and_its_record() -> None:
    found = run_example("greeting.py:Greeting", "--text1", "hey")["results"]
    assert load(found["text_file"]).read() == "hey you"
    assert load(found["record"]).outputs == {"text": "hey you"}


@pytest.mark.parametrize("seed", [2003, 1])
def test_beam_size_finds_the_beam_that_was_simulated(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Twiss parameter lies within four of its own standard errors of the truth (chance: 1 in 16,000 misses)."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    quad_scan = importlib.import_module("quad_scan")
    document = run_example("beam_size.py:BeamSize", "--seed", str(seed))
    record = load(document["results"]["record"])
    truth = dict(zip("xy", quad_scan.simulated_beam(document["parameters"]["energy"]), strict=True))
    for plane, beam in truth.items():
        for name in TWISS:
            found, error = record.outputs[f"{name}_{plane}"], record.outputs[f"{name}_{plane}_error"]
            true = getattr(beam, name)
            assert abs(found - true) < 4 * error, (name, plane, found, true, error)
            assert 0 < error < 0.01 * max(abs(true), 1e-9), (name, plane, error)
    table = load(document["results"]["table"]).read()
    assert table.shape == (31,)
    assert list(table["k1"]) == sorted(table["k1"])
    assert record.outputs["picture"].read().size[0] == 1280


def test_the_same_scan_is_stored_once() -> None:
    first, second = (run_example("beam_size.py:BeamSize", "--shots", "5") for _ in range(2))
    assert first["results"]["record"] == second["results"]["record"]
    assert first["flow_run_id"] != second["flow_run_id"]
