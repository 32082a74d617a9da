"""Waterfalls of a trained company: lines are the portfolio that the score file has, whoever is looked at and when."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.errors import UsageError
from leap.models.composition import train_scope
from leap.reports import waterfall as report
from leap.scoring import portfolio
from leap.scoring.batch import score_customers
from leap.scoring.waterfall_asked import Asked, Version, answer
from tests.reports.markup import Markup
from tests.worlds import TrainedWorld

EXACT = 1e-9
NOW, EARLIER = "2023-09-13", "2023-05-21"
"""Dates at which some accounts are known to be leaving."""
CAUSAL = re.compile(
    r"\b(because|causes?|caused|leads? to|due to|drives|driven|impacts?|effects?|results? in|why)\b", re.I
)


@pytest.fixture(scope="module")
def champion(planted: TrainedWorld) -> Version:
    return Version(planted.bundle, "7")


@pytest.fixture(scope="module")
def older(planted: TrainedWorld) -> Version:
    """Another version: a regression of the same company that does not know of regions."""
    health = planted.health
    linear = train_scope(health.scope, health.encoder, health.trainable, only="linear")
    return Version(replace(planted.bundle, health=linear), "3")


@pytest.fixture(scope="module")
def scores(planted: TrainedWorld) -> pd.DataFrame:
    """The score file's figures with what the tables say of the accounts."""
    table = score_customers(planted.bundle, planted.tables, "7", NOW)
    frame = table.frame()
    for name in ("industry", "employees"):
        frame[name] = table.columns[name]
    return frame


def asked(planted: TrainedWorld, version: Version, then: Version | None = None, **more: Any) -> dict[str, Any]:
    return answer(version, planted.tables, Asked(**{"as_of": NOW, **more}), then)


def of_file(scores: pd.DataFrame, keep: Sequence[bool] | None = None) -> tuple[float, float]:
    """NRR and GRR of some rows of a score file: those that are leaving have no score there, and count as 0."""
    rows = scores if keep is None else scores[np.asarray(keep)]
    return tuple(float((rows["mrr"] * rows[unit].fillna(0)).sum() / rows["mrr"].sum()) for unit in ("nrr", "grr"))  # type: ignore[return-value]


def added(document: dict[str, Any], unit: str = "nrr_points") -> float:
    return sum(line[unit] for line in document["lines"]) + document["leaving"][unit]


# --- one portfolio


def test_the_lines_are_the_portfolio_of_the_score_file(planted: TrainedWorld, champion: Version, scores: pd.DataFrame):
    found = asked(planted, champion)
    whole = portfolio(score_customers(planted.bundle, planted.tables, "7", NOW))
    assert found["leaving"]["accounts"] > 0, "or the test tests less"
    nrr, grr = of_file(scores)
    assert found["nrr"] == pytest.approx(whole["nrr"], abs=EXACT) == pytest.approx(nrr, abs=EXACT)
    assert found["base"] + added(found) == pytest.approx(nrr, abs=EXACT) == found["sum"]
    assert found["base_grr"] + added(found, "grr_points") == pytest.approx(grr, abs=EXACT) == found["sum_grr"]
    assert found["grr"] == pytest.approx(whole["grr"], abs=EXACT)
    assert (found["nrr_low"], found["nrr_high"]) == pytest.approx((whole["nrr_low"], whole["nrr_high"]), abs=EXACT)
    assert (found["accounts"], found["mrr"]) == (len(scores), pytest.approx(scores["mrr"].sum()))


def test_every_line_is_the_sum_of_its_features_and_of_its_parts(planted: TrainedWorld, champion: Version):
    found = asked(planted, champion, top=3)
    assert len(found["lines"]) == 4 and re.fullmatch(r"other drivers \(\d+\)", found["lines"][-1]["label"])
    names = [one["feature"] for line in found["lines"] for one in line["features"]]
    assert len(names) == len(set(names))
    for line in found["lines"]:
        for unit in ("nrr_points", "grr_points", "money"):
            assert sum(one[unit] for one in line["features"]) == pytest.approx(line[unit], abs=EXACT)
        assert sum(line["parts"].values()) == pytest.approx(line["nrr_points"], abs=EXACT)
        assert line["money"] == pytest.approx(found["mrr"] * line["nrr_points"])
    everything = asked(planted, champion, top=0)
    assert all(line["group"] != "other" for line in everything["lines"])
    assert added(everything) == pytest.approx(added(found), abs=EXACT)


def test_lines_are_the_groups_of_the_model_the_largest_first(planted: TrainedWorld, champion: Version):
    found = asked(planted, champion, top=0)
    groups = planted.bundle.groups
    assert all(
        {groups.group_of(one["feature"]) for one in line["features"]} == {line["group"]} for line in found["lines"]
    )
    sizes = [abs(line["nrr_points"]) for line in found["lines"]]
    assert sizes == sorted(sizes, reverse=True)


def test_a_line_is_called_as_the_list_of_drivers_calls_its_group(planted: TrainedWorld):
    listed = [replace(driver, label=f"{driver.label}, as listed") for driver in planted.bundle.drivers]
    found = asked(planted, Version(replace(planted.bundle, drivers=tuple(listed)), "7"), top=0)
    of_group = {driver.id: driver.label for driver in listed}
    called = {line["label"]: of_group[line["group"]] for line in found["lines"] if line["group"] in of_group}
    assert called and all(label == listed_as for label, listed_as in called.items())


@pytest.mark.parametrize(
    ("conditions", "keep"),
    [
        (["industry=retail"], lambda s: s["industry"] == "retail"),
        (["industry!=retail", "employees>=200"], lambda s: (s["industry"] != "retail") & (s["employees"] >= 200)),
        (["accounts.industry=retail"], lambda s: s["industry"] == "retail"),
        (["mrr < 500"], lambda s: s["mrr"] < 500),
        (["leaving=true"], lambda s: s["status"] == "leaving"),
        (["leaving!=yes", "employees<=100"], lambda s: (s["status"] != "leaving") & (s["employees"] <= 100)),
        (["account_id=acc-0014"], lambda s: s["account_id"] == "acc-0014"),
    ],
)  # fmt: skip
def test_a_subset_is_that_of_the_score_file(
    planted: TrainedWorld, champion: Version, scores: pd.DataFrame, conditions: list[str], keep: Any
):
    expected = keep(scores)
    found = asked(planted, champion, where=conditions)
    assert found["accounts"] == expected.sum() > 0
    assert (
        found["sum"] == pytest.approx(found["nrr"], abs=EXACT) == pytest.approx(of_file(scores, expected)[0], abs=EXACT)
    )


def test_subsets_by_health_features_are_allowed(planted: TrainedWorld, champion: Version):
    least, most = (asked(planted, champion, where=[f"usage_count_91d{op}30"]) for op in ("<", ">="))
    whole = asked(planted, champion)
    assert least["nrr"] < most["nrr"], "little usage was planted to go with leaving"
    assert (
        least["accounts"] + most["accounts"] + asked(planted, champion, where=["usage_count_91d=(none)"])["accounts"]
        == whole["accounts"]
    )


def test_nobody_is_null_with_a_reason_and_no_crash(planted: TrainedWorld, champion: Version):
    nobody = ["mrr<0"]
    for found in (
        asked(planted, champion, where=nobody),
        asked(planted, champion, where=["industry=retail"], against="some", other=nobody),
        asked(planted, champion, where=nobody, since=EARLIER),
    ):
        assert found["reason"] == "empty_cohort" and found["sum"] is None
        assert json.dumps(found, allow_nan=False)
        text = report.render_text(report.summarise(found)) + report.render_html(report.summarise(found))
        assert (
            "no NRR" in text and "none of customers with" in text and "nan" not in text.lower().replace("finance", "")
        )
        assert not len(report.frame(found))
    assert asked(planted, champion, where=nobody)["nrr"] is None


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("industri=retail", "did you mean 'industry'"),
        ("industry=retial", "did you mean 'retail'"),
        ("industry=RETAIL", "did you mean 'retail'"),
        ("industry>retail", "has no order"),
        ("employees=many", "compared with a number"),
        ("leaving=perhaps", "true or false"),
        ("employees", "expected a condition"),
        ("=5", "expected a condition"),
        ("employees>=", "expected a condition"),
        ("employees>(none)", "a missing value has no order"),
    ],
)  # fmt: skip
def test_what_cannot_be_met_is_refused_with_what_is_known(
    planted: TrainedWorld, champion: Version, where: str, said: str
):
    with pytest.raises(UsageError, match=re.escape(said)) as failed:
        asked(planted, champion, where=[where])
    assert where in str(failed.value)


# --- two subsets


def test_the_difference_of_two_subsets_is_parted_exactly(
    planted: TrainedWorld, champion: Version, scores: pd.DataFrame
):
    retail = scores["industry"] == "retail"
    for more, keep in (
        ({"against": "rest"}, ~retail),
        ({"against": "all"}, retail | True),
        ({"against": "some", "other": ["industry=finance"]}, scores["industry"] == "finance"),
    ):
        found = asked(planted, champion, where=["industry=retail"], top=2, **more)
        assert found["after"] == pytest.approx(of_file(scores, retail)[0], abs=EXACT)
        assert found["before"] == pytest.approx(of_file(scores, keep)[0], abs=EXACT)
        assert added(found) == pytest.approx(found["difference"], abs=EXACT) == found["sum"]
        assert found["sum_grr"] == pytest.approx(found["difference_grr"], abs=EXACT)
    assert found["lines"][0]["group"] == planted.bundle.groups.group_of("industry"), "retail was planted to leave more"
    assert found["difference"] < 0


def test_a_subset_against_itself_differs_in_nothing(planted: TrainedWorld, champion: Version):
    found = asked(planted, champion, where=["industry=retail"], against="some", other=["industry=retail"])
    assert (found["difference"], found["lines"]) == (0.0, [])


# --- two dates


def test_two_dates_differ_by_model_behaviour_and_mix(planted: TrainedWorld, champion: Version, older: Version):
    found = asked(planted, champion, older, since=EARLIER)
    then, now = (
        portfolio(score_customers(v.bundle, planted.tables, v.name, d)) for v, d in ((older, EARLIER), (champion, NOW))
    )
    assert found["before"] == pytest.approx(then["nrr"], abs=EXACT)
    assert found["after"] == pytest.approx(now["nrr"], abs=EXACT)
    restated = portfolio(score_customers(planted.bundle, planted.tables, "7", EARLIER))["nrr"]
    assert found["restated"] == pytest.approx(restated, abs=EXACT)
    model, behaviour, mix = (found[name] for name in ("model", "behaviour", "mix"))
    assert model["nrr_points"] == pytest.approx(restated - then["nrr"], abs=EXACT)
    parts = sum(part["nrr_points"] for part in (model, behaviour, mix))
    assert parts == pytest.approx(found["difference"], abs=EXACT) == found["sum"]
    assert found["sum_grr"] == pytest.approx(now["grr"] - then["grr"], abs=EXACT)
    lines = sum(line["nrr_points"] for line in model["lines"]) + model["base"]["nrr_points"]
    assert lines == pytest.approx(model["nrr_points"], abs=EXACT)
    known = behaviour["became_leaving"]["nrr_points"] + behaviour["no_longer_leaving"]["nrr_points"]
    lines = sum(line["nrr_points"] for line in behaviour["lines"])
    assert lines + known == pytest.approx(behaviour["nrr_points"], abs=EXACT)
    assert sum(line["nrr_points"] for line in mix["lines"]) == pytest.approx(mix["nrr_points"], abs=EXACT)


def test_who_is_in_both_dates_is_counted(planted: TrainedWorld, champion: Version):
    found = asked(planted, champion, since=EARLIER)
    then, now = (set(score_customers(planted.bundle, planted.tables, "7", d).account_ids) for d in (EARLIER, NOW))
    counted = {line["group"]: line["accounts"] for line in found["mix"]["lines"]}
    assert counted["moved"] == found["behaviour"]["accounts"] == len(then & now)
    assert counted["new"] == len(now - then) and counted["left"] + counted["left_as_known"] == len(then - now)
    assert (counted["entered"], counted["exited"]) == (0, 0)
    assert found["model"]["reason"] == "same_version" and found["model"]["nrr_points"] == 0


def test_a_subset_is_followed_from_one_date_to_the_other(planted: TrainedWorld, champion: Version):
    found = asked(planted, champion, since=EARLIER, where=["usage_count_91d>=30"])
    counted = {line["group"]: line["accounts"] for line in found["mix"]["lines"]}
    assert counted["entered"] > 0 and counted["exited"] > 0
    assert found["sum"] == pytest.approx(found["difference"], abs=EXACT)


def test_two_versions_of_one_date_differ_by_the_model_alone(planted: TrainedWorld, champion: Version, older: Version):
    found = asked(planted, champion, older)
    assert found["model"]["nrr_points"] == pytest.approx(found["difference"], abs=EXACT)
    assert abs(found["behaviour"]["nrr_points"]) + abs(found["mix"]["nrr_points"]) < 1e-12


def test_versions_with_other_horizons_are_not_compared(planted: TrainedWorld, champion: Version):
    settings = planted.bundle.settings
    outcome = settings.outcome.model_copy(update={"horizon_months": 12})
    other = Version(replace(planted.bundle, settings=settings.model_copy(update={"outcome": outcome})), "2")
    with pytest.raises(UsageError, match="version 2 expects NRR over 12 months, version 7 over 6"):
        asked(planted, champion, other, since=EARLIER)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"since": NOW}, "is not before"),
        ({"since": "2030-01-01"}, "is not before"),
        ({"since": "2001-01-01"}, "--since 2001-01-01 lies before the first revenue"),
        ({"as_of": "2030-01-01"}, "--as-of 2030-01-01 lies after the end"),
        ({"against": "rest"}, "name it with --where"),
        ({"against": "all", "since": EARLIER}, "give one of them"),
        ({"top": -1}, "--top -1"),
    ],
)
def test_what_cannot_be_compared_is_refused(planted: TrainedWorld, champion: Version, more: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        asked(planted, champion, **more)


# --- the report


def documents(planted: TrainedWorld, champion: Version, older: Version) -> list[dict[str, Any]]:
    return [
        asked(planted, champion, top=4),
        asked(planted, champion, where=["industry=retail"], against="rest", top=3),
        asked(planted, champion, older, since=EARLIER, top=3),
    ]


def test_rounded_figures_add_up_down_every_column_and_across_every_line(
    planted: TrainedWorld, champion: Version, older: Version
):
    for document in documents(planted, champion, older):
        start, *rows, end = report.summarise(document).rows
        tops = [row for row in rows if row.kind == "part"] or rows
        assert start.points + sum(row.points for row in tops) == end.points
        assert end.points == round(document.get("after", document.get("nrr")) * 10_000)
        for row in rows:
            assert row.parts is None or sum(row.parts) == row.points
            of_features = [(*parts, money) for _, parts, money in report.of_features(row)]
            assert not of_features or tuple(map(sum, zip(*of_features, strict=True))) == (*row.parts, row.money)
        if tops is rows:
            assert (start.money or 0) + sum(row.money or 0 for row in rows) == (
                end.money or round(document.get("money", 0))
            )
        below = 0, 0
        for row in reversed(rows):
            if row.kind == "part":
                assert (row.points, row.money) == below
                below = 0, 0
            else:
                below = below[0] + row.points, below[1] + (row.money or 0)


def test_what_the_terminal_shows_can_be_added_up_by_hand(planted: TrainedWorld, champion: Version):
    text = report.render_text(report.summarise(asked(planted, champion, top=4)))
    found = []
    for line in text.splitlines():
        # Figures stand apart; a label has single spaces.
        shown = re.findall(r"(?<= {2})[−+]?\d[\d,]*(?:\.\d+)?%?(?= {2}|$)", line)
        found.append([float(figure.strip("%").replace(",", "").replace("−", "-")) for figure in shown])
    levels = [figures for figures in found if len(figures) == 2]
    (base, leaving, end), drivers = levels, [figures for figures in found if len(figures) == 5]
    assert len(drivers) == 5
    for column in (0, -1):
        together = base[column] + sum(figures[column] for figures in drivers) + leaving[column]
        assert together == pytest.approx(end[column], abs=1e-6)
    assert all(sum(figures[1:4]) == pytest.approx(figures[0], abs=1e-6) for figures in drivers)


def test_no_form_of_it_claims_what_moves_what(planted: TrainedWorld, champion: Version, older: Version):
    for document in documents(planted, champion, older):
        summary = report.summarise(document)
        page = report.render_html(summary)
        markup = Markup(page)
        for text in (
            report.render_text(summary),
            report.render_markdown(summary),
            " ".join(markup.text),
            json.dumps(document),
        ):
            assert not CAUSAL.search(text), CAUSAL.search(text)
            assert "associated with" in text
        assert not {"script", "iframe", "object", "img", "foreignObject"} & {tag for tag, _ in markup.tags}
        assert [a["href"] for _, a in markup.tags if "href" in a] == ["data:,"]
        assert [tag for tag, a in markup.tags if tag == "svg" and a.get("role") == "img"]
        assert "prefers-color-scheme: dark" in page


def test_the_table_has_every_digit(planted: TrainedWorld, champion: Version, older: Version):
    for document in documents(planted, champion, older):
        table = report.frame(document)
        expected = document.get("difference", document.get("nrr"))
        assert table["nrr_points"].sum() == pytest.approx(expected, abs=EXACT)
        named = table[table["feature"] != ""]
        assert named[["churn", "contraction", "expansion"]].sum(axis=1).to_numpy() == pytest.approx(
            named["nrr_points"].to_numpy()
        )


def test_names_of_others_stay_names(planted: TrainedWorld, champion: Version):
    evil = '<script>alert("x")</script>'
    company = planted.bundle.settings.company.model_copy(update={"name": evil, "money_note": evil})
    settings = planted.bundle.settings.model_copy(update={"company": company})
    summary = report.summarise(asked(planted, Version(replace(planted.bundle, settings=settings), "7")))
    assert evil not in report.render_html(summary) and evil not in report.render_markdown(summary)
    assert "".join(Markup(report.render_html(summary)).text).count(evil) >= 2
