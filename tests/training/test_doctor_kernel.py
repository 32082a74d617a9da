"""`leap doctor` says whether scores are explained by the exact kernel here, where its code is kept, and the remedy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from training import doctor
from training.doctor import Check, contributions_kernel

Answers = Callable[..., None]
SOUND = {"reason": "", "switched_off": False, "folder": "/kept", "seconds": 0.4}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """The trial's answer in place of the trial."""

    def put(code: int = 0, stderr: str = "", **told: Any) -> None:
        out = "a library's greeting\n" + json.dumps({**SOUND, **told}) + "\n"
        done = subprocess.CompletedProcess([], code, out, stderr)
        monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: done)

    return put


def test_a_sound_installation_is_exact_and_names_its_folder() -> None:
    found = contributions_kernel()
    assert (found.name, found.ok, found.fix) == ("contributions kernel", True, "")
    assert found.found.startswith("exact, ready in ") and "__pycache__" in found.found


def test_the_switch_is_told_and_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAP_CONTRIBUTIONS", "lightgbm")
    found = contributions_kernel()
    assert found.ok and not found.fix and "LEAP_CONTRIBUTIONS=lightgbm" in found.found and "slower" in found.found


def test_a_switch_that_says_something_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAP_CONTRIBUTIONS", "shap")
    found = contributions_kernel()
    assert not found.ok and "expected 'kernel' or 'lightgbm', found 'shap'" in found.found


def test_a_kernel_that_differs_is_wrong_and_the_remedy_is_told(answers: Answers) -> None:
    answers(1, reason="the kernel differs by up to 0.1", folder=None)
    found = contributions_kernel()
    assert not found.ok and "differs by up to 0.1" in found.found and "make setup" in found.fix


def test_code_that_is_kept_nowhere_is_told_with_the_remedy(answers: Answers) -> None:
    answers(folder=None, seconds=8.2)
    found = contributions_kernel()
    assert not found.ok and "every process compiles it anew (8 s)" in found.found and "NUMBA_CACHE_DIR" in found.fix


def test_a_trial_that_crashes_is_told_by_its_code_and_last_words(answers: Answers) -> None:
    answers(-11, stderr="LLVM\nno such instruction")
    assert "ends with code -11: no such instruction" in contributions_kernel().found
    answers(-9)
    assert "it said nothing" in contributions_kernel().found


def test_a_trial_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(*_: Any, timeout: float, **__: Any) -> None:
        raise subprocess.TimeoutExpired("warm", timeout)

    monkeypatch.setattr(doctor.subprocess, "run", hangs)
    found: Check = contributions_kernel()
    assert not found.ok and "takes longer than" in found.found
