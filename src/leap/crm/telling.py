"""What a sync did or would do, in JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leap.crm.diff import Change
from leap.crm.fields import PROVENANCE, TARGETS, Naming, TargetName
from leap.crm.records import Table, fitted
from leap.crm.sending import Counts
from leap.crm.syncing import Plan
from leap.crm.target import Value
from leap.scoring.tier_state import PublishedTiers

MOST_SHOWN: Final = 20
_LONGEST: Final = 60


def document_of(target: TargetName, plan: Plan, counts: Counts, *, dry_run: bool) -> dict[str, Any]:
    """The answer of the command, without tiers and alerts."""
    diff, table = plan.diff, plan.table
    return {
        "to": target,
        "dry_run": dry_run,
        "run": plan.run,
        "as_of": table.as_of,
        "version": table.model_version,
        "definition_hash": table.definition_hash,
        "records": len(table.records),
        **counts.to_json(),
        "sent_before": diff.base,
        "noticeable": len(diff.noticeable),
        "share": round(diff.share, 4),
        "texts_cleaned": table.cleaned,
        "texts_cut": table.cut,
        "changes": changes_json(diff.changes, Naming(target)),
    }


def changes_json(changes: Sequence[Change], naming: Naming) -> list[dict[str, Any]]:
    """The first changes with what was before and will be after, by the names of the CRM; those that matter first."""
    return [
        {
            "external_id": change.external_id,
            "name": change.name,
            "action": "create" if change.creates else "update",
            "fields": {naming.by_key[key]: [was, now] for key, (was, now) in change.differing.items()},
        }
        for change in _first(changes)
    ]


def _first(changes: Sequence[Change]) -> list[Change]:
    """Those of which most hangs together: another tier, then noticeable, then the rest, as they stand."""
    ranked = sorted(changes, key=lambda one: (one.creates, "tier" not in one.differing, not one.noticeable))
    return ranked[:MOST_SHOWN]


def tiers_json(before: PublishedTiers | None, now: PublishedTiers, table: Table) -> list[dict[str, Any]]:
    """Accounts whose published tier changes; new ones are none."""
    changed = now.changed_since(before)
    rows = [(account, was, tier) for account, (was, tier) in changed.items() if was is not None]
    return [
        {
            "account_id": account,
            "name": table.names.get(account, account),
            "was": was,
            "tier": tier,
            "since": now.accounts[account].since,
        }
        for account, was, tier in rows[:MOST_SHOWN]
    ]


def text_of(document: Mapping[str, Any], tier_line: str) -> str:
    """The same for people."""
    would = "would be " if document["dry_run"] else ""
    lines = [_first_line(document), *_counted(document, would), tier_line, *_tier_lines(document)]
    lines += [
        f"  failed: {one['external_id']}: {one['why']} ({one['code']})" for one in document["failed"][:MOST_SHOWN]
    ]
    more = len(document["failed"]) - MOST_SHOWN
    if more > 0:
        lines.append(f"  and {more:,} more failed; --json lists all")
    if document["dry_run"]:
        lines += _change_lines(document["changes"])
    if document.get("refused"):
        lines.append(f"Would be refused: {document['refused']['message']}")
    if document.get("folder"):
        lines.append(f"-> {document['folder']}")
    lines += _alert_lines(document.get("alerts"))
    return "\n".join(line for line in lines if line)


def _first_line(document: Mapping[str, Any]) -> str:
    said = "Nothing was sent (--dry-run). " if document["dry_run"] else ""
    return (
        f"{said}{document['records']:,} record(s) for {document['to']} as of {document['as_of']} by version "
        f"{document['version']}, run {document['run']}"
    )


def _counted(document: Mapping[str, Any], would: str) -> list[str]:
    updated = f"{document['updated']:,} {would}updated"
    parts = [
        (document["provenance_only"], "only with a later date, version or run"),
        (document["cleared"], "of accounts that left, whose scores are emptied"),
    ]
    told = ", ".join(f"{count:,} {words}" for count, words in parts if count)
    counts = f"{document['created']:,} {would}created, {updated}{f' ({told})' if told else ''}, "
    counts += f"{document['unchanged']:,} unchanged, {len(document['failed']):,} failed"
    lines = [counts]
    if document["noticeable"]:
        verbs = "would change noticeably or be new" if would else "changed noticeably or are new"
        lines.append(
            f"  {document['noticeable']:,} {verbs}, "
            f"{document['share']:.0%} of the {document['sent_before']:,} that stood there with scores"
        )
    for key, words in _LEFT.items():
        if document[key]:
            lines.append(f"  {document[key]:,} {words}")
    if document["dry_run"] and document["created"] and document["to"] != "outbox":
        lines.append("  Records are found by their id alone: one that stands there without it would be created again.")
    if document["newer_there"]:
        shown = ", ".join(document["newer_ids"][:5])
        lines.append(f"  {document['newer_there']:,} left as they are, since the CRM has later scores of them: {shown}")
    if document.get("resumed"):
        lines.append(f"  {document['resumed']:,} batch(es) of an interrupted run were settled first")
    return lines


_LEFT: Final = {
    "not_in_crm": "not in the CRM and not created ([crm.sync] create = false)",
    "already_there": "had arrived before and were not sent again",
    "texts_cleaned": "with control characters taken out of a text",
    "texts_cut": "with a text cut to the length of its field",
}


def _tier_lines(document: Mapping[str, Any]) -> list[str]:
    rows = document["tier_changes"]
    lines = [
        f"  tier {row['was']} -> {row['tier']}: {fitted(row['name'], _LONGEST)} ({row['account_id']})" for row in rows
    ]
    more = document["tiers"]["changed"] - len(rows)
    return [*lines, *([f"  and {more:,} more"] if more > 0 else [])]


def _change_lines(changes: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["The first changes:"] if changes else []
    for change in changes[:10]:
        lines.append(f"  {change['action']} {fitted(change['name'], _LONGEST)} ({change['external_id']})")
        shown = [(name, *values) for name, values in change["fields"].items() if not _is_provenance(name)]
        if change["action"] == "create":
            lines[-1] += f": {', '.join(f'{name} {_shown(now)}' for name, _, now in shown[:2])}, ..."
            continue
        lines += [f"    {name}: {_shown(was)} -> {_shown(now)}" for name, was, now in shown[:6]]
        if len(shown) > 6:
            lines.append(f"    and {len(shown) - 6} more field(s)")
        if not shown:
            lines.append("    only the date, version or run")
    return lines


def _is_provenance(name: str) -> bool:
    return any(name == Naming(target).by_key[key] for target in TARGETS for key in PROVENANCE)


def _shown(value: Value) -> str:
    return "nothing" if value is None else (fitted(str(value), _LONGEST) or "nothing")


def _alert_lines(alerts: Mapping[str, Any] | None) -> list[str]:
    if not alerts:
        return []
    lines = [f"Alerts: {alerts['delivered']:,} delivered"] if alerts["delivered"] else []
    if alerts["waiting"] or alerts["given_up"]:
        lines.append(
            f"Alerts: {alerts['waiting']:,} not delivered, tried again by the next run; {alerts['given_up']:,} given up"
        )
    return [*lines, *(f"  {problem}" for problem in alerts["problems"])]
