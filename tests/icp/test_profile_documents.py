"""What a bundle stores of profiles, hypotheses and the review of the best customers is read back as it was."""

import json
from dataclasses import replace

from leap.features import FeatureCatalog
from leap.icp import ICPSearch
from leap.icp.best_customers import BestCustomer, BestCustomers, Difference, Seen
from leap.icp.hypotheses import ProfileHypothesis
from leap.icp.pooling import Pooled
from leap.icp.ranking import OrderOfWork, Rank, Shares
from leap.icp.saturation import Newest, Saturation
from leap.icp.segments import Described
from tests.reports.searches import BAD, CLOUD, EMPLOYEES, GOOD, INDUSTRY, search

POOLED = Pooled(40, 1.1, 0.95, 1.05, 0.98, 1.12, 0.66)


def whole_search() -> ICPSearch:
    """Every part that can be there is there."""
    found = search()
    good = replace(
        found.profiles[0],
        because="Its part of the base is 40 %.",
        pooled=POOLED,
        shares=Shares(30, 31, 90, 5, 20, 0, 0),
        rank=Rank(1, 30, 20, 45, None, 0, 0, 1.05, 1200.0, "revenue", 1.0, {"win_rate": "no_closed_deals"}),
        segment=Described((2, 4), 50, 0.8, 0.7, 0.9, ("Employees",), POOLED),
        saturation=Saturation(0.6, 5, 4, "2022-01-01", 25, 60, Newest(0.9, 1.0, -0.2, 0.1), None, "steady", "Steady."),
    )
    condition = GOOD.conditions[0]
    difference = Difference(condition, 10, 40, 2, 30, 0.25, 0.07, 0.02, 0.3, 0.04)
    return replace(
        found,
        profiles=(good, *found.profiles[1:]),
        hypotheses=(ProfileHypothesis("hypothesis-1", BAD, "segment", 40, POOLED, "To be tried."),),
        order_of_work=OrderOfWork("established-1", None, False, 0.6, 0.5, "Work on it."),
        best_customers=BestCustomers(
            90, (BestCustomer("a", 0.9, 1.0, 0.9, None, None),), ("retention", "expansion"),
            {"margin": "no_gross_margin"}, 40, 30, 12, (difference,), (condition,), "hypothesis", "Of 90.",
            (Seen("usage_sum_91d", "Usage", "actions", 40, 30, 12.0, 3.0, 0.7, 0.6, 0.8, 0.01),),
        ),
    )  # fmt: skip


def test_every_part_of_a_search_is_read_back_as_it_was():
    found, catalog = whole_search(), FeatureCatalog((INDUSTRY, EMPLOYEES, CLOUD))
    stored = json.loads(json.dumps(found.to_json()))
    read = ICPSearch.from_json(stored, catalog)
    assert read.to_json() == found.to_json()
    assert read.best_customers == found.best_customers
    assert read.hypotheses == found.hypotheses
    assert read.order_of_work == found.order_of_work
    assert read.profiles[0].saturation == found.profiles[0].saturation
    assert read.profiles[0].rank == found.profiles[0].rank
    assert read.profiles[0].segment == found.profiles[0].segment


def test_the_penetration_of_a_profile_is_of_those_that_meet_it():
    good = whole_search().profiles[0]
    assert good.penetration == 30 / 50
    assert replace(good, size={"customers": 30, "prospects": 0}).penetration is None
