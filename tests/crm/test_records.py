"""Records of a score batch: rounded, cut, cleaned and named as a CRM takes them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap.config import parse_settings
from leap.crm.fields import BY_KEY, FIELDS, LONGEST_TEXT, TARGETS, Naming, fields_text, to_create
from leap.crm.records import fitted, records_of
from leap.crm.target import Remote
from leap.scoring.tier_state import Held, PublishedTiers

NAN = float("nan")
ROW: dict[str, Any] = {
    "account_id": "a", "name": "Acme", "mrr": 1000.0, "churn_probability": 0.123456, "contraction_rate": 0.01,
    "expansion_rate": 0.2, "nrr": 0.9, "nrr_low": 0.0, "nrr_high": 1.25, "grr": 0.87654321, "status": "customer",
    "value_12m": 12345.678, "value_12m_low": 1.0, "value_12m_high": 2.0, "icp_id": "established-1", "icp_tier": "C",
    "reason_1": "Seats: 3", "reason_2": "", "reason_3": "", "abstained": "", "model_version": "1",
    "definition_hash": "abc",
}  # fmt: skip
SCORES = ("churn_probability", "contraction_rate", "expansion_rate", "nrr", "nrr_low", "nrr_high", "grr", "value_12m")


def made(*rows: dict[str, Any], target: Any = "salesforce", **more: Any) -> Any:
    """The table of a batch of these rows, of which account a has a published tier."""
    batch = SimpleNamespace(
        frame=lambda: pd.DataFrame([{**ROW, **row} for row in rows]),
        customers=SimpleNamespace(version="1", bundle=SimpleNamespace(definition_hash="abc")),
    )
    tiers = PublishedTiers("Acme", "1", "2026-02-01", "2026-02-01", 0.1, {"a": Held("B", "2025-11-01", "1")})
    return records_of(batch, tiers, target, **more)  # type: ignore[arg-type]


def test_a_record_has_every_field_rounded_and_the_published_tier():
    (record,) = made({}).records
    assert record.external_id == "a"
    assert dict(record.fields) == {
        "status": "customer", "churn_probability": 0.1235, "contraction": 0.01, "expansion": 0.2, "nrr": 0.9,
        "nrr_low": 0.0, "nrr_high": 1.25, "grr": 0.8765, "value_12m": 12345.68, "value_12m_low": 1.0,
        "value_12m_high": 2.0, "mrr_at_risk": 100.0, "icp_id": "established-1", "tier": "B",
        "tier_since": "2025-11-01", "reason_1": "Seats: 3", "reason_2": None, "reason_3": None, "abstained": None,
        "as_of": "2026-02-01", "model_version": "1", "definition_hash": "abc",
    }  # fmt: skip


def test_who_is_leaving_is_a_customer_without_scores_and_a_prospect_has_no_money_at_risk():
    leaving = {**dict.fromkeys(SCORES, NAN), "status": "leaving", "abstained": "already_leaving"}
    prospect = {"account_id": "p", "status": "prospect", "mrr": NAN}
    first, second = made(leaving, prospect).records
    assert (first.fields["status"], first.fields["nrr"], first.fields["mrr_at_risk"]) == ("customer", None, None)
    assert first.fields["abstained"] == "already_leaving"
    assert (second.fields["status"], second.fields["mrr_at_risk"], second.fields["tier"]) == ("prospect", None, None)


def test_prospects_that_are_not_sent_are_known_all_the_same():
    table = made({}, {"account_id": "p", "status": "prospect"}, prospects=False)
    assert [one.external_id for one in table.records] == ["a"] and table.known == {"a", "p"}


def test_texts_are_cut_and_cleaned_and_counted():
    hostile = "Evil\x00\x1b[31m \u202eCorp\n🚀"
    table = made({"reason_1": "x" * 10_000}, {"account_id": "b", "name": hostile}, {"account_id": "c", "name": "\x07"})
    long = table.records[0].fields["reason_1"]
    assert isinstance(long, str) and len(long) == LONGEST_TEXT and long.endswith("…")
    assert table.names == {"a": "Acme", "b": "Evil[31m Corp 🚀", "c": "c"}
    assert (table.cut, table.cleaned) == (1, 2)


def test_what_is_half_of_a_character_or_none_goes():
    assert fitted("a\ud800b\ufffe\U0010ffff\u202ec", 255) == "abc"


def test_a_long_text_is_cut_in_no_time_and_between_characters():
    assert fitted("🚀" * 5_000_000, 6) == "🚀🚀…"


@given(st.text(alphabet=st.characters(), max_size=400), st.integers(1, 300))
def test_a_fitted_text_fits_is_encodable_and_stays_as_it_is(text: str, length: int):
    found = fitted(text, length)
    if found is not None:
        assert len(found.encode("utf-16-le")) <= 2 * length
        assert (found == found.strip() and found.isprintable()) or any(not c.isprintable() for c in found)
        assert fitted(found, length) == found and "\n" not in found


@pytest.mark.parametrize("account", ["", " a", "a\n", "x" * 256, "a\x00b"])
def test_ids_that_no_crm_finds_again_fail_and_the_others_are_sent(account: str):
    table = made({}, {"account_id": account})
    assert [one.external_id for one in table.records] == ["a"]
    (failure,) = table.refused
    assert failure.code == "id_unfit" and "another id" in failure.why and failure.external_id.isprintable()


def test_ids_that_differ_in_case_only_go_where_case_counts():
    rows = [{"account_id": "x1"}, {"account_id": "X1"}]
    assert [one.code for one in made(*rows, target="hubspot").refused] == ["ids_alike"] * 2
    assert len(made(*rows, target="outbox").records) == len(made(*rows, target="salesforce").records) == 2


@pytest.mark.parametrize("target", TARGETS)
def test_the_fields_to_make_are_those_that_are_sent(target: Any):
    rows = to_create(target, parse_settings({}).crm)
    names = [row["name"] for row in rows]
    assert names[1:] == list(Naming(target).names) and len(names) == len(set(names)) == len(FIELDS) + 1
    assert [row["unique"] for row in rows] == [True] + [False] * len(FIELDS)
    longest = {"salesforce": 40, "hubspot": 50, "outbox": 50}[target]
    assert all(len(row["name"]) <= longest and len(row["label"]) <= 40 for row in rows)
    assert all(name in fields_text(target, parse_settings({}).crm) for name in names)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_said_in_a_crms_names_is_heard_by_ours(target: Any):
    (record,) = made({}).records
    fields = {**record.fields, "run": "r"}
    naming = Naming(target)
    assert naming.heard(Remote("a", naming.spoken(fields))) == {key: fields[key] for key in BY_KEY}
