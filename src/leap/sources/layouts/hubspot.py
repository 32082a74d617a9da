"""HubSpot: companies, deals with their company and stage, and tickets, as Fivetran's connector names them.

Deleted rows are set aside, and so is a deal or ticket of no company or of several without a primary one. A company's
present state (lifecycle stage, last contact) is left out: it may tell how the account ended. Moments are in UTC.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from leap.sources.layouts.declared import (
    CURRENT,
    IDENTIFIER,
    PERSONAL,
    SYNC,
    Declared,
    mapped,
    moment,
    selected,
    text,
    true,
    utc,
)  # fmt: skip
from leap.sources.layouts.exported import Export
from leap.sources.raw import RawTable, Remark

_PERSONAL = (
    "phone", "website", "domain", "description", "address", "address_2", "about_us", "facebook_company_page", "content",
    "subject", "twitterhandle", "linkedin_company_page", "dealname",
)  # fmt: skip
_LEFT_OUT = {
    "lifecyclestage|hs_lead_status|closedate|closed_date|hs_analytics.*|hs_last.*|notes_.*|num_.*|recent_.*": CURRENT,
    "total_.*|first_.*|hs_object_.*|hs_num_.*|hs_predictive.*|hs_is_target_account|type|days_to_close": CURRENT,
    "_?fivetran.*|is_deleted|.*lastmodifieddate|portal_id": SYNC,
    "(hs_)?pipeline.*|deal_pipeline.*|hs_pipeline_stage|dealstage|hs_deal_stage.*|hs_is_closed.*|hs_closed.*": (
        "changes until it closes, so it tells the result"
    ),
    "|".join(_PERSONAL): PERSONAL,
    "zip|city": "an address; the country and state stand for it",
    ".*owner.*|.*_id|id": IDENTIFIER,
    "name": "the name shown, no feature",
    "createdate": "when the record was made; history before it may be missing",
    "hs_ticket_priority": "may be changed while the ticket is open",
}
_REMEDIES = {
    "deleted": "Deleted in HubSpot; restore the record there if it counts.",
    "no_company": "No company is named by the associations; export them all, or associate it in HubSpot.",
    "several_companies": "Several companies and none of them primary; mark one as primary in HubSpot.",
}
_PRIMARY_TYPES = {"deal": "5", "ticket": "26"}
"""HubSpot's number of the association with the primary company."""
_WON, _LOST = ("closedwon", "closed_won", "won"), ("closedlost", "closed_lost", "lost")


def is_export(export: Export) -> bool:
    """Whether the files have the columns that only HubSpot gives."""
    of_deals = export.has("deal") and {"deal_id", "deal_pipeline_stage_id"} <= set(export.columns("deal"))
    of_tickets = export.has("ticket") and "hs_pipeline" in export.columns("ticket")
    companies = export.has("company") and "createdate" in export.columns("company")
    return of_deals or of_tickets or (companies and "is_deleted" in export.columns("company"))


def companies(export: Export) -> RawTable:
    """One row per company, as it stands at the export."""
    raw = export.read("company", "id")
    frame = _open(raw.frame).rename(columns={"id": "account_id"})
    return selected(raw, frame, {"deleted": true(frame, "is_deleted")}, _REMEDIES)


def _open(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[column for column in _PERSONAL if column in frame])


def deals(export: Export) -> RawTable:
    """Deals of the company they are associated with; the result is what their stage says."""
    raw = export.read("deal", "createdate")
    frame = _open(raw.frame)
    ids = text(frame, "deal_id" if "deal_id" in frame else "id")
    company, refused = _companies_of(export, "deal", ids)
    won, closed = _results(export, frame)
    entered, remarks = _entered(export, ids, closed)
    typed = "They may have changed until the deal closed; leave the amount out if the audit names it."
    remarks = (*remarks, ("amounts_at_export", f"{len(frame):,} deals", typed))
    expected = utc(frame, "closedate")
    frame = frame.assign(
        account_id=company,
        created_at=utc(frame, "createdate"),
        closed_at=entered.where(entered != "", expected).where(closed, ""),
        won=won,
        amount=text(frame, "amount"),
    )
    return selected(raw, frame, {"deleted": true(frame, "is_deleted"), **refused}, _REMEDIES, remarks)


def _companies_of(export: Export, what: str, ids: pd.Series) -> tuple[pd.Series, dict[str, pd.Series]]:
    """The company of each deal or ticket, and where there is none or no one that is meant."""
    links = export.read(f"{what}_company", f"{what}_id", "company_id").frame
    frame = pd.DataFrame({"what": text(links, f"{what}_id"), "company": text(links, "company_id")})
    primary = (text(links, "type_id") == _PRIMARY_TYPES[what]) | text(links, "category").str.lower().eq("primary")
    primary |= text(links, "type").str.lower().str.contains("primary", regex=False)
    frame = frame[frame["company"] != ""]
    chosen = frame[primary.reindex(frame.index)].drop_duplicates()
    marked = chosen[~chosen["what"].duplicated(keep=False)].set_index("what")["company"]
    pairs = frame.drop_duplicates()
    several = pairs["what"][pairs["what"].duplicated()].unique()
    sole = pairs[~pairs["what"].isin(several)].set_index("what")["company"]
    meant: dict[Any, str] = {**sole.to_dict(), **marked.to_dict()}
    company = mapped(ids, meant)
    unclear = ids.isin(several) & (company == "")
    return company, {"several_companies": unclear, "no_company": (company == "") & ~unclear}


def _results(export: Export, frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """true, false or nothing for each deal, and whether it is closed."""
    stage = text(frame, "deal_pipeline_stage_id")
    stage = stage.where(stage != "", text(frame, "dealstage")).where(lambda s: s != "", text(frame, "hs_deal_stage"))
    won, lost = _won_and_lost(export)
    is_won = stage.isin(won) | true(frame, "hs_is_closed_won")
    is_lost = ~is_won & (stage.isin(lost) | true(frame, "hs_is_closed_lost") | true(frame, "hs_is_closed"))
    result = pd.Series("", index=frame.index, dtype="str")
    return result.mask(is_won, "true").mask(is_lost, "false"), is_won | is_lost


def _won_and_lost(export: Export) -> tuple[set[str], set[str]]:
    """Ids of the stages that end a deal: HubSpot's own, and those whose label, flag or probability says so."""
    won, lost = set(_WON), set(_LOST)
    if not export.has("deal_pipeline_stage"):
        return won, lost
    stages = export.read("deal_pipeline_stage").frame
    ids = text(stages, "stage_id" if "stage_id" in stages else "id")
    label = text(stages, "label").str.lower().str.replace(r"[^a-z]+", "", regex=True)
    chance = pd.to_numeric(text(stages, "probability"), errors="coerce")
    closed_won = true(stages, "closed_won") | (chance == 1) | label.isin(("closedwon", "won"))
    closed_lost = (true(stages, "is_closed") | label.isin(("closedlost", "lost")) | (chance == 0)) & ~closed_won
    return won | set(ids[closed_won]), lost | set(ids[closed_lost])


def _entered(export: Export, ids: pd.Series, closed: pd.Series) -> tuple[pd.Series, tuple[Remark, ...]]:
    """When each closed deal came to its last stage, which is when its result was known; else nothing."""
    nothing = pd.Series("", index=ids.index, dtype="str")
    if not export.has("deal_stage"):
        remedy = "It is typed by people and may be set back; export deal_stage to have the moment of the stage."
        return nothing, (("closing_date_as_typed", f"{int(closed.sum()):,} closed deals", remedy),)
    stages = export.read("deal_stage", "deal_id", "date_entered").frame
    entered = pd.DataFrame({"deal": text(stages, "deal_id"), "at": moment(stages, "date_entered")})
    last = entered.dropna().groupby("deal")["at"].max().dt.strftime("%Y-%m-%d %H:%M:%SZ")
    return mapped(ids, last.to_dict()), ()


def tickets(export: Export) -> RawTable:
    """Support tickets of the company they are associated with, at their creation."""
    raw = export.read("ticket", "id", "createdate")
    frame = _open(raw.frame)
    company, refused = _companies_of(export, "ticket", text(frame, "id"))
    kind = text(frame, "hs_ticket_category")
    frame = frame.assign(
        account_id=company, occurred_at=utc(frame, "createdate"), kind=kind.where(kind != "", "ticket")
    )
    return selected(raw, frame, {"deleted": true(frame, "is_deleted"), **refused}, _REMEDIES)


TABLES = (
    Declared(
        "companies", ("company",), "attributes", companies, keys={"scope": "fit", "signal": "fit"},
        columns={
            "industry": "Industry", "numberofemployees": "Employees", "annualrevenue": "Annual revenue",
            "country": "Country", "state": "State", "founded_year": "Year of foundation", "is_public": "Listed",
        },
        left_out=_LEFT_OUT, used=("id",),
    ),
    Declared(
        "deals", ("deal", "deal_company"), "events", deals, role="deals",
        keys={"created": "created_at", "closed": "closed_at", "won": "won", "amount": "amount", "signal": "buying"},
        left_out=_LEFT_OUT, used=("deal_id", "createdate", "closedate", "amount", "deal_pipeline_stage_id"),
    ),
    Declared(
        "tickets", ("ticket", "ticket_company"), "events", tickets,
        keys={"at": "occurred_at", "kind": "kind"}, left_out=_LEFT_OUT, used=("id", "createdate", "hs_ticket_category"),
    ),
)  # fmt: skip
