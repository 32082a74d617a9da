"""The model store: MLflow keeps runs, versions and aliases, and beside it lie the copies that serving lives
on.

    STORE/mlflow.db        MLflow's runs and the registered model `leap`: one version is one whole bundle
    STORE/artifacts/       a folder a run: the bundle, plots, reports
    STORE/bundles/V-SHA/   verified local copies, one a version; V-SHA.verified says by which libraries
    STORE/champion.json    the champion as decided, written durably
    STORE/declined.json    why the latest training of a company gave no model
    STORE/tiers/           what tier each account is in since when, one file a company (`tier_file`)

Promotion is one durable write. `champion.json` names the new champion and is not yet `settled`; then the
aliases move, `previous` first, then `champion`, then `challenger` goes; then it is `settled`. Killed before
the write, nothing has happened. Killed after it, readers take the champion from the file, and the next
command that writes moves the aliases to match. While it is settled MLflow's alias counts, so that a champion
chosen in MLflow's own pages is honoured, and the file is what is left when the database is locked, lost or
without it.

Paths inside the store are kept relative to it wherever Leap reads them. MLflow stores absolute ones, which
are rewritten after a move. Only this package imports MLflow, and only inside functions: it takes seconds.
"""

from leap.registry.place import default_folder
from leap.registry.records import (
    ALIASES,
    ANYTHING,
    CHALLENGER,
    CHAMPION,
    MODEL,
    PREVIOUS,
    Fetched,
    GateRecord,
    RunRecord,
    Seen,
    StoreProblem,
    VersionInfo,
    gate_checks,
)
from leap.registry.store import Store
from leap.registry.studies import Studies

__all__ = [
    "ALIASES",
    "ANYTHING",
    "CHALLENGER",
    "CHAMPION",
    "MODEL",
    "PREVIOUS",
    "Fetched",
    "GateRecord",
    "RunRecord",
    "Seen",
    "Store",
    "StoreProblem",
    "Studies",
    "VersionInfo",
    "default_folder",
    "gate_checks",
]
