"""Finished trials of tuning studies in a SQLite file of the store, so that a training that was killed goes on.

Optuna's own format: its dashboard reads the file. Only whole trials are written, each in one transaction. A file that
is damaged or locked costs a warning, never a training: the studies then live in memory alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leap.registry.locks import private
from leap.registry.place import sqlite_uri

if TYPE_CHECKING:
    import optuna

FILE: Final = "tuning.db"
WAIT_SECONDS: Final = 5.0


class Studies:
    """The studies of one store; `warn` is told once if the file cannot be used."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self.path = folder / FILE
        self._warn = warn
        self._storage: optuna.storages.RDBStorage | None = None
        self._usable = True

    def finished(self, study: str) -> Sequence[optuna.trial.FrozenTrial]:
        """The trials that were kept of a study; none if there is no such one."""
        import optuna

        found: list[optuna.trial.FrozenTrial] = []

        def read(storage: optuna.storages.RDBStorage) -> None:
            if study in optuna.get_all_study_names(storage):
                kept = optuna.load_study(study_name=study, storage=storage).get_trials(deepcopy=False)
                found.extend(trial for trial in kept if trial.state.is_finished())

        self._use(read)
        return found

    def keep(self, study: str, trial: optuna.trial.FrozenTrial) -> None:
        """Add a finished trial to a study, which is created if it is new."""
        import optuna

        def write(storage: optuna.storages.RDBStorage) -> None:
            optuna.create_study(study_name=study, storage=storage, load_if_exists=True).add_trial(trial)

        self._use(write)

    def _use(self, work: Callable[[optuna.storages.RDBStorage], None]) -> None:
        if not self._usable:
            return
        from alembic.util import CommandError
        from optuna.exceptions import OptunaError
        from sqlalchemy.exc import SQLAlchemyError

        try:
            work(self._opened())
        except (SQLAlchemyError, CommandError, OptunaError, OSError, RuntimeError, ValueError, KeyError) as error:
            self._usable = False
            about = " ".join(str(error).split())[:200]
            self._warn(
                f"{self.path}: trials of this tuning are not kept, and none of before are used ({about}). "
                "Remove the file if it is damaged, or wait for the process that locks it."
            )

    def _opened(self) -> optuna.storages.RDBStorage:
        if self._storage is None:
            import optuna

            optuna.logging.set_verbosity(optuna.logging.ERROR)
            logging.getLogger("alembic").setLevel(logging.CRITICAL)
            with private():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                wait = {"connect_args": {"timeout": WAIT_SECONDS}}
                self._storage = optuna.storages.RDBStorage(sqlite_uri(self.path), engine_kwargs=wait)
        return self._storage
