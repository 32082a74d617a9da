"""Where a service finds its champion and its accounts, and what it makes of them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from leap.errors import RegistryError
from serving.documents import Documents
from serving.live import Served

if TYPE_CHECKING:
    from leap.config import Settings
    from leap.registry import Store
    from leap.reviews import Review

log = logging.getLogger("bentoml.leap")  # below "bentoml": see guard.py


@dataclass(frozen=True)
class Deployment:
    """Where a service finds its champion and its accounts: `leap serve` names both in the environment."""

    store: str | None
    workspace: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Deployment:
        """`LEAP_STORE` (default: as the commands have it) and `LEAP_WORKSPACE` (default: the current folder)."""
        environment = os.environ if environment is None else environment
        workspace = Path(environment.get("LEAP_WORKSPACE") or ".")
        return cls(store=environment.get("LEAP_STORE") or None, workspace=workspace)

    def champion(self) -> str | None:
        """The champion's version: one look at a small file and the registry's table of aliases, without MLflow."""
        return self._open_store().champion()

    def load(self) -> tuple[Served, str]:
        """The champion with the accounts of the workspace, and why the registry could not be asked, or nothing.

        The store hands out only copies that have climbed the loading ladder, golden rows in a process of their own
        included; the golden rows are scored once more here.
        """
        from leap.config import load_settings

        settings = load_settings(self.workspace)
        fetched = self._open_store().load()
        return self._built(fetched.version, fetched.folder, settings), fetched.stale

    def _built(self, version: str, folder: Path, settings: Settings) -> Served:
        # Only now what takes seconds to import: without a champion the reason is told at once.
        from leap.bundle.explaining import ready_to_explain
        from leap.bundle.model_bundle import ModelBundle
        from leap.registry.versions import LocalVersions
        from leap.reviews import with_rejections
        from leap.scoring import Scorer
        from leap.sources import read_workspace

        bundle = ModelBundle.load(folder)
        # First, on the golden rows: what is compiled is then ready for the first request, and for all others.
        explaining = ready_to_explain(bundle)
        bundle.check_golden()
        reviews = self._reviews(settings)
        if reviews:
            bundle = replace(bundle, icp=with_rejections(bundle.icp, reviews))
        scorer = Scorer.build(bundle, version, read_workspace(self.workspace))
        documents = Documents(scorer, reviews, LocalVersions(self._open_store()))
        return Served(scorer, settings.company, settings.outcome.horizon_months, explaining.engine, documents)

    def _reviews(self, settings: Settings) -> tuple[Review, ...]:
        """What people decided until now. A damaged book must not keep the champion from serving."""
        from leap.reviews import ReviewBook

        try:
            return ReviewBook(self._open_store().folder).of(settings.company.name)
        except RegistryError as error:
            log.warning("reviews are left out, and rejected profiles count again: %s", error)
            return ()

    def _open_store(self) -> Store:
        from leap.registry import Store

        return Store(self.store, self.workspace)
