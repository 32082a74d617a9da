"""Whom a sync tells what: changes of published tiers, and what went wrong. Its own failures never fail the sync."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from training.console import Console
from training.tiers import TierPlan

if TYPE_CHECKING:
    from leap.config import Settings
    from leap.crm.alerts import Alert, Speaker
    from leap.crm.delivery import Delivery
    from leap.crm.records import Failure, Table
    from leap.errors import LeapError

DELIVERY_SECONDS: Final = 30.0
"""How long another run that delivers alerts is waited for."""


@dataclass
class Teller:
    """The alerts of one run; `delivery` is None where nobody is to be told."""

    settings: Settings
    target: str
    console: Console
    delivery: Delivery | None
    speaker: Speaker

    @classmethod
    def of(
        cls, folder: Path, settings: Settings, target: str, console: Console, environment: Mapping[str, str] | None
    ) -> Teller:
        """Addresses from the environment; None for it where nobody is to be told."""
        from leap.crm.alerts import Speaker
        from leap.crm.delivery import Addresses, Delivery, post
        from leap.crm.ledger import Ledger

        company = settings.company.name
        delivery = None
        if environment is not None:
            ledger = Ledger.of(folder, company, target)
            delivery = Delivery(ledger, Addresses.from_environment(environment), settings.alerts.retry_days, post)
        return cls(settings, target, console, delivery, Speaker(company))

    def scored(self, table: Table) -> None:
        """From here on it is known of which scores is spoken."""
        from leap.crm.alerts import Speaker

        self.speaker = Speaker(self.settings.company.name, table.as_of, table.model_version)

    def published(self, tiers: TierPlan, names: Mapping[str, str]) -> None:
        """Publish tiers and keep what changed to be told: what was told last is kept with it, so that a run that ends
        in between leaves nothing untold.
        """
        from leap.crm.alerts import tier_changes

        # Counted before the tiers are read: of two runs that tell the same change at once, one is heard.
        kept = self._safely(self._kept, 0)
        told = self._safely(lambda: self._told(tiers), None)
        tiers.publish()
        if self.delivery is None:
            return
        wanted = self.settings.alerts.tier_changes
        changed = tier_changes(told, tiers.now, names, kept) if wanted else None
        now = {account: held.tier for account, held in tiers.now.accounts.items()}
        self._keep([changed] if changed else [], now)

    def _kept(self) -> int:
        return 0 if self.delivery is None else self.delivery.kept()

    def _told(self, tiers: TierPlan) -> dict[str, str] | None:
        if self.delivery is None:
            return None
        told = self.delivery.told_tiers()
        if told is None and tiers.before is not None:
            told = {account: held.tier for account, held in tiers.before.accounts.items()}
            self.delivery.keep(self.speaker, [], told)
        return told

    def stopped(self, error: LeapError, run: str) -> None:
        """A run that was refused or did not come to its end."""
        from leap.crm.alerts import stopped

        if self.settings.alerts.alarms:
            self._keep([stopped(self.target, error, run)])
        told = self._deliver()
        for problem in told["problems"] if told else ():
            self.console.note(f"Alerts: {problem}")

    def ended(self, failed: tuple[Failure, ...], run: str, definitions: tuple[str, str]) -> dict[str, Any]:
        """A run that came to its end, with the definitions of the model and of the tables; what was delivered."""
        from leap.crm.alerts import definitions_differ, features_stale, some_failed
        from leap.scoring.freshness import Freshness

        if self.delivery is None:
            return {}
        as_of = date.fromisoformat((self.speaker.as_of or "")[:10])
        age = Freshness.on(as_of, datetime.now(UTC), self.settings.serving.stale_after_days)
        alarms = [
            some_failed(self.target, failed, run),
            features_stale(age),
            definitions_differ(self.speaker.version or "", *definitions),
        ]
        if self.settings.alerts.alarms:
            self._keep([alarm for alarm in alarms if alarm is not None])
        return {"alerts": self._deliver()}

    def _keep(self, alerts: list[Alert], tiers: Mapping[str, str] | None = None) -> None:
        delivery = self.delivery
        if delivery is not None and (tiers is not None or (alerts and delivery.addresses.of)):
            self._safely(lambda: delivery.keep(self.speaker, alerts, tiers), None)

    def _deliver(self) -> dict[str, Any]:
        delivery = self.delivery
        nothing = {"delivered": 0, "waiting": 0, "given_up": 0, "problems": []}
        return nothing if delivery is None else self._safely(lambda: self._alone(delivery), nothing)

    def _alone(self, delivery: Delivery) -> dict[str, Any]:
        """Syncs to other targets tell of the same company: one after another, or each would tell what waits."""
        from leap.registry.locks import FileLock

        lock = FileLock(delivery.ledger.file.path.with_name("alerts.lock"), DELIVERY_SECONDS, "delivers alerts")
        with lock.held("alerts"):
            return delivery.deliver()

    def _safely(self, step: Callable[[], Any], otherwise: Any) -> Any:
        """A step that the sync does not depend on."""
        from leap.errors import LeapError

        try:
            return step()
        except LeapError as error:
            self.console.note(f"Alerts: {error}")
            return otherwise
