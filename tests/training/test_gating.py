"""How a training ends: promoted, kept as challenger, or told who was promoted meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from leap.gate import Check, Gate, Incumbent
from leap.registry import Store
from tests.registry.conftest import begun, store  # noqa: F401 (fixtures)
from tests.registry.stores import training
from training.console import Console
from training.gating import Decision, champion_of, decide

Ending = Callable[..., Decision]
GOOD = (Check("claim", True, "skill."), Check("golden_rows", True, "scored."))
WORSE = Check("champion.auc", False, "AUC 0.60, the champion's 0.70.", 0.60, 0.70)


@pytest.fixture
def ending(store: Store) -> Ending:  # noqa: F811
    def ending(version: str, *checks: Check, company: str = "Acme", promote: bool = True, **more: object) -> Decision:
        gate = Gate((*GOOD, *checks))
        known = {
            "began_with": store.champion(),
            "judge": lambda incumbent, folder: gate,
            "tell": lambda gate: (),
            **more,
        }
        return decide(Console(quiet=True), store, version, company, promote=promote, **known)  # type: ignore[arg-type]

    return ending


@pytest.fixture
def versions(store: Store, tmp_path: Path) -> list[str]:  # noqa: F811
    return [store.log_training(training(tmp_path, name)) for name in ("first", "second", "third")]


def test_a_gate_that_passes_promotes_and_is_kept(store: Store, ending: Ending, versions: list[str]) -> None:  # noqa: F811
    found = ending("1")
    assert (found.promoted, found.reason, found.exit_code(True)) == (True, None, 0)
    assert store.champion() == "1" and store.versions()[-1].gate == "passed"


def test_a_gate_that_fails_leaves_the_champion_and_names_the_challenger(
    store: Store,  # noqa: F811
    ending: Ending,
    versions: list[str],
) -> None:
    ending("1")
    found = ending("2", WORSE)
    assert (found.promoted, found.exit_code(True)) == (False, 1)
    assert found.reason == "The gate did not pass. champion.auc: AUC 0.60, the champion's 0.70."
    assert store.aliases() == {"champion": "1", "challenger": "2", "previous": None}
    assert store.versions()[1].gate == "failed: champion.auc"


def test_without_promote_a_version_stands_by_whatever_the_gate_says(
    store: Store,  # noqa: F811
    ending: Ending,
    versions: list[str],
) -> None:
    for version, checks in (("1", ()), ("2", (WORSE,))):
        found = ending(version, *checks, promote=False)
        assert (found.promoted, found.reason, found.exit_code(False)) == (False, None, 0)
        assert store.aliases()["challenger"] == version
    assert store.champion() is None


def test_a_version_that_cannot_be_loaded_again_stands_ready_for_nothing(
    store: Store,  # noqa: F811
    ending: Ending,
    versions: list[str],
) -> None:
    ending("1", judge=lambda incumbent, folder: Gate((GOOD[0], Check("golden_rows", False, "they differ."))))
    assert set(store.aliases().values()) == {None}


def test_who_is_promoted_meanwhile_is_judged_beside_and_named(
    store: Store,  # noqa: F811
    ending: Ending,
    versions: list[str],
) -> None:
    """Another trainer promotes version 2 while version 3 is judged: it is judged again, beside version 2."""
    ending("1")
    met: list[tuple[str, bool]] = []

    def judge(incumbent: Incumbent, folder: Path) -> Gate:
        met.append((incumbent.version, incumbent.meanwhile))
        if incumbent.version == "1":
            store.promote("2", by_hand=False, gate="passed", expected_champion="1")
            return Gate(GOOD)
        return Gate((*GOOD, WORSE))

    found = ending("3", judge=judge)
    assert met == [("1", False), ("2", True)]
    assert not found.promoted and found.exit_code(True) == 1
    assert str(found.reason).startswith("Version 2 was promoted meanwhile; compared with it: The gate did not pass.")
    assert store.aliases() == {"champion": "2", "challenger": "3", "previous": "1"}
    assert store.versions()[0].gate == "failed: champion.auc"


def test_one_that_is_better_than_what_was_promoted_meanwhile_is_promoted(
    store: Store,  # noqa: F811
    ending: Ending,
    versions: list[str],
) -> None:
    ending("1")
    store.promote("2", by_hand=False, gate="passed")
    assert ending("3", began_with="1").promoted
    assert store.aliases() == {"champion": "3", "challenger": None, "previous": "2"}


def test_another_companys_champion_is_not_loaded_and_its_name_is_told(
    store: Store,  # noqa: F811
    ending: Ending,
    versions: list[str],
) -> None:
    ending("1")
    found = champion_of(store, "Bolt", "1")
    assert found is not None and (found.company, found.bundle, found.meanwhile) == ("Acme", None, False)
    assert ending("2", company="Bolt").replaces == "Acme"
    assert ending("3").replaces is None


def test_a_champion_that_is_no_bundle_any_more_is_met_with_its_trouble(
    store: Store,  # noqa: F811
    ending: Ending,
    versions: list[str],
) -> None:
    ending("1")
    found = champion_of(store, "Acme", None)
    assert found is not None and found.bundle is None and found.meanwhile
    assert "bundle.json" in found.trouble


def test_what_tells_of_the_gate_is_kept_in_the_run_in_place_of_what_was_written_before_it(
    store: Store,  # noqa: F811
    ending: Ending,
    tmp_path: Path,
) -> None:
    card = tmp_path / "model_card.md"
    card.write_text("not judged yet")
    version = store.log_training(training(tmp_path, "first", files=[card]))

    def tell(gate: Gate) -> list[Path]:
        card.write_text(f"the gate: {gate.verdict}")
        return [card]

    assert not ending(version, WORSE, tell=tell).promoted
    kept = [path.read_text() for path in (store.folder / "artifacts").rglob("model_card.md")]
    assert kept == ["the gate: failed: champion.auc"]
