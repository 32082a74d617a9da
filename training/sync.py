"""`leap sync`: scores and published tiers to the outbox, Salesforce or HubSpot: what differs from what stands there."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from training.alerting import Teller
from training.console import Console, Result, command_parser, day, run, whole
from training.loading import model_and_tables
from training.tiers import TierPlan

if TYPE_CHECKING:
    from leap.config import Settings
    from leap.crm.fields import Naming
    from leap.crm.sending import Counts
    from leap.crm.syncing import Plan, Sync
    from leap.crm.target import Target
    from leap.errors import LeapError
    from leap.scoring import Batch
    from leap.tables import AccountTables

TARGETS = ("outbox", "salesforce", "hubspot")
OUTBOX = "outbox"
T = TypeVar("T")


def main(argv: list[str] | None = None) -> int:
    """Send what differs."""
    description = "Send scores and published tiers to a CRM: what differs from what stands there."
    parser = command_parser("sync", description, data_until=True)
    parser.add_argument("--to", required=True, choices=TARGETS, help="where to; the outbox is a folder of files")
    parser.add_argument("--dry-run", action="store_true", help="send and write nothing; show what would change")
    parser.add_argument("--fields", action="store_true", help="list the fields that the CRM must have, and do nothing")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the outbox (default: outbox in DIR)")
    parser.add_argument(
        "--max-changes", type=whole, metavar="N", help="how many records may change noticeably in this run"
    )
    parser.add_argument(
        "--verify", action="store_true", help="compare with what stands in the CRM now, not with what was sent last"
    )
    parser.add_argument("--no-alerts", action="store_true", help="tell nobody by webhook or Slack")
    parser.add_argument("--as-of", type=day, metavar="D", help="date of the scores (default: the end of the data)")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    return run(parser, argv, sync)


def sync(args: argparse.Namespace, console: Console) -> Result:
    """List the fields, or load, score, compare and send."""
    from leap.config import load_settings
    from leap.crm.fields import fields_text, to_create
    from leap.errors import UsageError
    from leap.flat.workspace import refuse_flat

    settings = load_settings(args.workspace)
    refuse_flat(settings, "leap sync", "accounts that are customers or prospects")
    if args.fields:
        return Result({"to": args.to, "fields": to_create(args.to, settings.crm)}, fields_text(args.to, settings.crm))
    if args.out is not None and args.to != OUTBOX:
        raise UsageError("--out is the folder of the outbox.", remedy="Use it with --to outbox.")
    return Room(args, console, settings, target_of(args, settings, os.environ)).synced()


def target_of(args: argparse.Namespace, settings: Settings, environment: Mapping[str, str]) -> Target:
    """What `--to` names, set up by leap.toml and the environment; CrmError where something is lacking."""
    if args.to == "salesforce":
        from leap.crm.salesforce import salesforce_target

        return salesforce_target(settings, environment)
    if args.to == "hubspot":
        from leap.crm.hubspot import hubspot_target

        return hubspot_target(settings, environment)
    from leap.crm.outbox import Outbox

    return Outbox(args.out or args.workspace / OUTBOX)


class Room:
    """One run: the workspace, the store, the target, and who is told of it."""

    def __init__(self, args: argparse.Namespace, console: Console, settings: Settings, target: Target) -> None:
        from leap.registry import Store

        self.args, self.console, self.settings, self.target = args, console, settings, target
        self.folder = Store(args.store, args.workspace).folder
        tells = not (args.no_alerts or args.dry_run) and self.folder.is_dir()
        self.teller = Teller.of(self.folder, settings, args.to, console, os.environ if tells else None)

    @cached_property
    def naming(self) -> Naming:
        """What our fields are called there."""
        from leap.crm.fields import Naming

        return Naming(self.args.to)

    @cached_property
    def engine(self) -> Sync:
        """The engine with its ledger, once the target is known to answer."""
        from leap.crm.ledger import Ledger
        from leap.crm.syncing import Allowed, Sync, place_of

        wanted, args = self.settings.crm.sync, self.args
        ledger = Ledger.of(self.folder, self.settings.company.name, args.to, place_of(self.target))
        allowed = Allowed(wanted.create, wanted.max_changes_share, args.max_changes, args.verify)
        return Sync(ledger, self.target, self.naming, allowed, time.sleep)

    def synced(self) -> Result:
        """Check, load and score; then compare and send while nobody else does."""
        from leap import scoring
        from leap.crm.http import NOT_TRIED
        from leap.crm.records import records_of
        from leap.registry.locks import FileLock
        from leap.revenue import definition_hash

        args = self.args
        if args.to != OUTBOX:
            self.console.note(f"Note: {NOT_TRIED}")
        with self.console.stage(f"asking {args.to}"):
            self._or_told(lambda: self.target.check(self.naming.names))
        bundle, version, tables = self._or_told(lambda: model_and_tables(args, self.console))
        lock = FileLock(self.folder / f"sync-{args.to}.lock", 0.0, f"syncs to {args.to}")
        with nullcontext() if args.dry_run else lock.held(f"sync to {args.to}"):
            with self.console.stage("scoring"):
                batch = scoring.score_all(bundle, tables, version, args.as_of)
                tiers = self._tiers(batch, tables)
                table = records_of(batch, tiers.now, args.to, prospects=self.settings.crm.sync.prospects)
            self.teller.scored(table)
            with self.console.stage("comparing"):
                resumed = self._or_told(lambda: self.engine.resume(dry_run=args.dry_run))
                plan = self._or_told(lambda: self.engine.plan(table, look=args.dry_run))
            refused = self.engine.refusal(plan)
            if args.dry_run:
                return self._foreseen(plan, tiers, refused, resumed)
            if refused is not None:
                self.teller.stopped(refused, plan.run)
                raise refused
            definitions = bundle.definition_hash, definition_hash(tables.settings)
            return self._sent(plan, tiers, definitions, resumed)

    def _tiers(self, batch: Batch, tables: AccountTables) -> TierPlan:
        """The tiers to publish; a run of an earlier date than theirs is refused, and told like one."""
        from leap.errors import UsageError

        try:
            return TierPlan.of(self.args.store, self.args.workspace, batch, tables)
        except UsageError as error:
            self.teller.stopped(error, "")
            raise

    def _foreseen(self, plan: Plan, tiers: TierPlan, refused: LeapError | None, resumed: int) -> Result:
        why = {} if refused is None else {"refused": {"code": refused.code, "message": str(refused)}}
        return self._result(plan, self.engine.foreseen(plan), tiers, {"resumed": resumed, **why})

    def _sent(self, plan: Plan, tiers: TierPlan, definitions: tuple[str, str], resumed: int) -> Result:
        from leap.crm.outbox import Outbox

        self.teller.published(tiers, plan.table.names)
        with self.console.stage(f"sending to {self.args.to}"):
            counts = self._or_told(lambda: self.engine.send(plan), plan.run)
        told = self.teller.ended(tuple(counts.failed), plan.run, definitions)
        written = self.target.written if isinstance(self.target, Outbox) else None
        folder = {} if written is None else {"folder": str(written)}
        return self._result(plan, counts, tiers, {"resumed": resumed, **folder, **told})

    def _or_told(self, step: Callable[[], T], run_id: str = "") -> T:
        """A step of the run; where the target, the tables or the store stop it, people are told. What was typed wrong
        concerns only who typed it.
        """
        from leap.errors import LeapError, UnknownVersion, UsageError

        try:
            return step()
        except (UsageError, UnknownVersion):
            raise
        except LeapError as error:
            self.teller.stopped(error, run_id)
            raise

    def _result(self, plan: Plan, counts: Counts, tiers: TierPlan, more: Mapping[str, Any]) -> Result:
        from leap.crm.telling import document_of, text_of, tiers_json

        document = {
            **document_of(self.args.to, plan, counts, dry_run=self.args.dry_run),
            "tiers": tiers.to_json(),
            "tier_changes": tiers_json(tiers.before, tiers.now, plan.table),
            **more,
        }
        text = text_of(document, tiers.text(dry_run=self.args.dry_run))
        return Result(document, text, 1 if counts.failed or "refused" in document else 0)


if __name__ == "__main__":
    raise SystemExit(main())
