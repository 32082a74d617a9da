"""The made-up company is what its truth says; the figures here are computed with plain pandas alone."""

import json
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from leap.demo import DATA_UNTIL, TRUTH, MadeUpCompany, made_up_company, write_company
from leap.errors import UsageError

EXAMPLE = Path(__file__).parent.parent / "examples" / "cncf_members"
YEARS = [pd.Timestamp(year, 10, 1) for year in (2022, 2023, 2024, 2025)]

COLUMN_KEYS = {"label", "unit", "scope", "signal", "party", "available", "actionable", "consequence", "direction"}
SHARED_KEYS = {"shape", "source", "role", "key", "known_at", "scope", "signal", "party", "columns", "actionable"}
SHAPE_KEYS = {
    "attributes": set(),
    "history": {"at"},
    "periods": {"start", "end", "kind", "amount", "product", "renews", "cancelled", "currency"},
    "events": {"at", "kind", "quantity", "amount", "windows_days", "created", "closed", "won", "team", "origin"},
    "market": {"indicator", "period", "published", "value", "segment"},
}
SECTIONS = {
    "company": {
        "name",
        "currency",
        "timezone",
        "gross_margin",
        "discount_rate",
        "data_until",
        "money_note",
    },
    "outcome": {"horizon_months", "grace_days", "max_gap_days", "as_of_every", "min_uplift"},
}


@pytest.fixture(scope="module")
def company() -> MadeUpCompany:
    return made_up_company(2000, 7)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("demo")
    write_company(folder, accounts=120, seed=3)
    yield folder


def mrr_at(subscriptions: pd.DataFrame, moment: pd.Timestamp) -> pd.Series:
    running = (subscriptions["started_on"] <= moment) & ~(subscriptions["ended_on"] <= moment)
    return subscriptions[running].groupby("account_id")["mrr"].sum()


def year_from(subscriptions: pd.DataFrame, start: pd.Timestamp) -> pd.DataFrame:
    """S and E of the year that begins at `start`, one row an account with revenue then."""
    before = mrr_at(subscriptions, start)
    after = mrr_at(subscriptions, start + pd.DateOffset(years=1)).reindex(before.index).fillna(0.0)
    return pd.DataFrame({"S": before, "E": after, "churned": after == 0, "start": start})


def not_leaving_already(subscriptions: pd.DataFrame, year: pd.DataFrame) -> pd.DataFrame:
    start = year["start"].iloc[0]
    announced = (subscriptions["cancelled_at"] < start) & (subscriptions["ended_on"] > start)
    return year[~year.index.isin(subscriptions.loc[announced, "account_id"])]


def fingerprint(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


# --- the files


def test_the_same_seed_writes_the_same_bytes(workspace: Path, tmp_path: Path) -> None:
    write_company(tmp_path / "again", accounts=120, seed=3)
    assert fingerprint(tmp_path / "again") == fingerprint(workspace)


def test_another_seed_writes_another_company(workspace: Path, tmp_path: Path) -> None:
    write_company(tmp_path / "other", accounts=120, seed=4)
    other, first = fingerprint(tmp_path / "other"), fingerprint(workspace)
    assert other.keys() == first.keys()
    assert not set(other.values()) & set(first.values())


def test_an_earlier_demo_may_be_written_again(tmp_path: Path) -> None:
    write_company(tmp_path, accounts=20, seed=1)
    rows = write_company(tmp_path, accounts=40, seed=1)
    assert len(pd.read_csv(tmp_path / "accounts.csv")) == rows["accounts"] == 52


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "leap.toml").write_text('[company]\nname = "Real"\n')
    before = fingerprint(tmp_path)
    with pytest.raises(UsageError, match=r"earlier demo, found leap\.toml"):
        write_company(tmp_path, accounts=20)
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("wrong", [{"accounts": 0}, {"accounts": 10**9}, {"seed": -1}])
def test_sizes_that_make_no_sense_are_refused_before_anything_is_written(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected"):
        write_company(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def known_keys_only(document: dict) -> list[str]:
    """The keys that the format does not know."""
    unknown = [f"{name}.{key}" for name, keys in SECTIONS.items() for key in document[name] if key not in keys]
    unknown += [name for name in document if name not in {*SECTIONS, "tables"}]
    for name, table in document["tables"].items():
        unknown += [f"{name}.{key}" for key in table.keys() - SHARED_KEYS - SHAPE_KEYS[table["shape"]]]
        for column, spec in table.get("columns", {}).items():
            unknown += [f"{name}.{column}.{key}" for key in spec.keys() - COLUMN_KEYS]
    return unknown


def named_columns(table: dict) -> set[str]:
    names = {value for key, value in table.items() if key in SHAPE_KEYS[table["shape"]] and isinstance(value, str)}
    return names | set(table.get("columns", {})) | ({table["known_at"]} if "known_at" in table else set())


@pytest.mark.parametrize("example", ["demo", "cncf_members"])
def test_the_settings_use_known_keys_and_columns_that_exist(example: str, workspace: Path) -> None:
    folder = workspace if example == "demo" else EXAMPLE
    document = tomllib.loads((folder / "leap.toml").read_text())
    assert known_keys_only(document) == []
    for name, table in document["tables"].items():
        path = folder / table["source"]
        columns = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, nrows=5)
        assert named_columns(table) <= set(columns), name


def test_all_shapes_and_roles_are_there(workspace: Path) -> None:
    tables = tomllib.loads((workspace / "leap.toml").read_text())["tables"].values()
    assert {table["shape"] for table in tables} == {"attributes", "history", "periods", "events", "market"}
    assert {table.get("role") for table in tables} == {None, "revenue", "deals", "costs"}
    assert {table.get("scope") for table in tables} == {"fit", "health"}


def test_the_settings_say_the_truth_in_words(workspace: Path) -> None:
    head = (workspace / "leap.toml").read_text().split("[company]")[0]
    for driver in TRUTH.drivers:
        assert driver.words in head
        assert driver.churn == 0 or f"{driver.churn:+.2f}  {driver.words}" in head
    assert "$" not in head


def test_the_command_answers_with_the_folder_and_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from training.demo import main

    assert main([str(tmp_path / "d"), "--accounts", "20", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["dir"] == str(tmp_path / "d")
    assert answer["tables"]["accounts"] == 26
    assert "seed=7" in (tmp_path / "d" / "leap.toml").read_text().splitlines()[0]
    assert main([str(tmp_path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


# --- the book


def test_terms_of_one_product_never_overlap_and_never_end_before_they_start(company: MadeUpCompany) -> None:
    terms = company.tables["subscriptions"].sort_values(["account_id", "product", "started_on"])
    following = terms.groupby(["account_id", "product"])["started_on"].shift(-1)
    assert not (terms["ended_on"].isna() & following.notna()).any()
    assert not (terms["ended_on"] > following).any()
    assert (terms["ended_on"].dropna() > terms["started_on"][terms["ended_on"].notna()]).all()
    assert (terms["mrr"] > 0).all()


def test_cancellations_lie_within_their_term_and_yearly_terms_end_or_change_by_their_renewal(
    company: MadeUpCompany,
) -> None:
    terms = company.tables["subscriptions"]
    cancelled = terms.dropna(subset=["cancelled_at"])
    assert len(cancelled) > 100
    assert (cancelled["cancelled_at"] > cancelled["started_on"]).all()
    assert (cancelled["cancelled_at"] < cancelled["ended_on"]).all()
    yearly = terms[terms["billing"] == "yearly"]
    assert (yearly["renews_on"] > yearly["started_on"]).all()
    assert (yearly["ended_on"].fillna(yearly["renews_on"]) <= yearly["renews_on"]).all()
    assert terms.loc[terms["billing"] == "monthly", "renews_on"].isna().all()


def test_nothing_is_known_after_the_end_of_the_data(company: MadeUpCompany) -> None:
    own = {
        "profiles": "observed_at",
        "subscriptions": "started_on",
        "usage": "loaded_at",
        "tickets": "opened_at",
        "technologies": "first_seen_on",
        "deals": "created_on",
        "triggers": "reported_on",
        "costs": "spent_on",
        "market": "published_at",
    }
    for name, column in own.items():
        assert company.tables[name][column].max() < pd.Timestamp(DATA_UNTIL), name
    terms = company.tables["subscriptions"]
    ends_later = terms[terms["ended_on"] >= pd.Timestamp(DATA_UNTIL)]
    assert len(ends_later) > 0
    assert (ends_later["cancelled_at"] < pd.Timestamp(DATA_UNTIL)).all()


def test_late_rows_are_loaded_after_they_happen(company: MadeUpCompany) -> None:
    usage = company.tables["usage"]
    days = (usage["loaded_at"] - usage["occurred_at"]).dt.days
    assert days.min() >= 0
    assert (days == 1).mean() > 0.99
    assert (days > 1).sum() > 100


def test_customers_have_an_acquisition_and_prospects_have_none(company: MadeUpCompany) -> None:
    tables = company.tables
    first_paid = tables["subscriptions"].groupby("account_id")["started_on"].min()
    acquired = tables["costs"][tables["costs"]["kind"] == "acquisition"].set_index("account_id")["spent_on"]
    assert acquired.index.is_unique
    pd.testing.assert_series_equal(acquired.sort_index(), first_paid, check_names=False)
    prospects = set(tables["accounts"]["account_id"]) - set(first_paid.index)
    assert len(prospects) == pytest.approx(600, abs=60)
    for name in ("costs", "usage", "tickets"):
        assert not prospects & set(tables[name]["account_id"])
    for name in ("profiles", "technologies", "triggers", "deals"):
        assert len(prospects & set(tables[name]["account_id"])) > 0.5 * len(prospects)
    assert not (
        tables["deals"].set_index("account_id")["won"].loc[list(prospects & set(tables["deals"]["account_id"]))]
        == "true"
    ).any()


def test_what_a_company_is_was_known_before_it_bought(company: MadeUpCompany) -> None:
    first_paid = company.tables["subscriptions"].groupby("account_id")["started_on"].min()
    first_seen = company.tables["profiles"].groupby("account_id")["observed_at"].min()
    assert (first_seen.reindex(first_paid.index) < first_paid).all()


def test_names_are_all_different(company: MadeUpCompany) -> None:
    assert company.tables["accounts"]["name"].is_unique
    assert company.tables["accounts"]["account_id"].is_unique


# --- the figures


def test_churn_expansion_and_retention_are_those_of_a_plausible_company(company: MadeUpCompany) -> None:
    years = [year_from(company.tables["subscriptions"], start) for start in YEARS]
    book = pd.concat(years)
    assert len(years[0]) > 800
    assert 0.11 <= book["churned"].mean() <= 0.18
    assert 0.15 <= (book["E"] > book["S"]).mean() <= 0.24
    assert 0.04 <= ((book["E"] < book["S"]) & ~book["churned"]).mean() <= 0.08
    assert 0.94 <= book["E"].sum() / book["S"].sum() <= 1.08
    for year in years:
        assert 0.09 <= year["churned"].mean() <= 0.20
        assert 0.91 <= year["E"].sum() / year["S"].sum() <= 1.08


def test_the_truth_ranks_churn_well_but_far_from_perfectly(company: MadeUpCompany) -> None:
    risk = company.states.set_index(["as_of", "account_id"])["churn_risk"]
    rows = pd.concat(
        not_leaving_already(company.tables["subscriptions"], year_from(company.tables["subscriptions"], start))
        for start in YEARS
    )
    known = risk.reindex(pd.MultiIndex.from_arrays([rows["start"], rows.index]))
    rows = rows[known.notna().to_numpy()]
    assert 0.72 <= roc_auc_score(rows["churned"], known.dropna()) <= 0.82
    assert known.mean() == pytest.approx(rows["churned"].mean(), abs=0.025)


def point_in_time_features(company: MadeUpCompany, start: pd.Timestamp, accounts: pd.Index) -> pd.DataFrame:
    """Weeks with use and urgent tickets in the quarter before; in its first year or not; in hospitality or not."""
    usage, tickets = company.tables["usage"], company.tables["tickets"]
    quarter = start - pd.Timedelta(days=91)
    used = usage[(usage["loaded_at"] < start) & (usage["occurred_at"] >= quarter)]
    urgent = tickets[(tickets["priority"] == "urgent") & tickets["opened_at"].between(quarter, start, inclusive="left")]
    first_paid = company.tables["subscriptions"].groupby("account_id")["started_on"].min()
    return pd.DataFrame(
        {
            "weeks": used.groupby("account_id")["occurred_at"].nunique().reindex(accounts).fillna(0),
            "urgent": urgent.groupby("account_id").size().reindex(accounts).fillna(0),
            "first_year": (start - first_paid.reindex(accounts)).dt.days < 365,
            "hospitality": company.tables["accounts"].set_index("account_id")["industry"].reindex(accounts)
            == TRUTH.bad_industry,
        }
    ).astype(float)


def labelled(company: MadeUpCompany, start: pd.Timestamp) -> tuple[pd.DataFrame, pd.Series]:
    terms = company.tables["subscriptions"]
    rows = not_leaving_already(terms, year_from(terms, start))
    return point_in_time_features(company, start, rows.index), rows["churned"]


def test_a_simple_model_on_four_features_finds_some_of_it_later(company: MadeUpCompany) -> None:
    then, churned_then = zip(*[labelled(company, start) for start in YEARS[:3]], strict=True)
    scaler = StandardScaler().fit(pd.concat(then))
    model = LogisticRegression().fit(scaler.transform(pd.concat(then)), pd.concat(churned_then))
    signs = dict(zip(then[0].columns, np.sign(model.coef_[0]), strict=True))
    later, churned_later = labelled(company, YEARS[3])
    auc = roc_auc_score(churned_later, model.predict_proba(scaler.transform(later))[:, 1])
    assert signs["weeks"] == -1
    assert signs["urgent"] == 1
    assert signs["hospitality"] == 1
    assert 0.65 <= auc <= 0.85


def test_the_end_cannot_be_read_from_usage_that_stops(company: MadeUpCompany) -> None:
    """Most of those who leave still use it in the four weeks before, and many who hardly use it stay."""
    usage, terms = company.tables["usage"], company.tables["subscriptions"]
    end = terms[terms["product"] == "Platform"].groupby("account_id")["ended_on"].max()
    open_still = terms[terms["ended_on"].isna()]["account_id"].unique()
    gone = end[~end.index.isin(open_still)].dropna()
    gone = gone[gone.between("2023-01-01", "2026-09-30")]
    last = usage.groupby("account_id")["occurred_at"].max().reindex(gone.index)
    assert ((gone - last).dt.days <= 28).mean() > 0.85
    features, churned = labelled(company, YEARS[3])
    quiet = features["weeks"] <= features["weeks"].quantile(0.1)
    assert 0.2 < churned[quiet].mean() < 0.6


def nrr_of(rows: pd.DataFrame) -> float:
    return float(rows["E"].sum() / rows["S"].sum())


def test_who_the_truth_favours_pays_more_a_year_later(company: MadeUpCompany) -> None:
    book = pd.concat(year_from(company.tables["subscriptions"], start) for start in YEARS)
    profiles = company.tables["profiles"].groupby("account_id")["employees"].first()
    industry = company.tables["accounts"].set_index("account_id")["industry"]
    low, high = TRUTH.sweet_spot
    sweet = profiles.reindex(book.index).between(low, high, inclusive="left")
    hospitality = industry.reindex(book.index) == TRUTH.bad_industry
    technologies = company.tables["technologies"]
    good = book.index.isin(technologies[technologies["technology"] == TRUTH.good_technology]["account_id"])
    assert nrr_of(book[sweet]) > nrr_of(book[~sweet]) + 0.05
    assert nrr_of(book[good]) > nrr_of(book[~good]) + 0.05
    assert nrr_of(book[sweet & good & ~hospitality]) > 1.03
    assert nrr_of(book[hospitality]) < nrr_of(book[~hospitality]) - 0.10


def test_hospitality_is_won_often_and_kept_seldom(company: MadeUpCompany) -> None:
    deals = company.tables["deals"]
    industry = company.tables["accounts"].set_index("account_id")["industry"].reindex(deals["account_id"])
    won = (deals["won"] == "true").to_numpy()
    bad = (industry == TRUTH.bad_industry).to_numpy()
    assert won[bad].mean() > won[~bad].mean()
