"""Who sold a deal, where it came from and what was let off are found where a column is clearly named so."""

from pathlib import Path

import pytest

from tests.proposal.test_proposal import proposed

HEADER = "account_id,created_on,closed_on,won,amount,lead_source,owner_team,discount"


def deals(tmp_path: Path, discount: str) -> dict[str, str | None]:
    """The keys of the deals table of a folder with these discounts."""
    subscriptions = "account_id,started_on,ended_on,mrr\n" + "".join(f"a{i},2022-01-0{i},,{i}00\n" for i in range(1, 9))
    cells = "".join(
        f"a{i},2022-02-0{i},2022-03-0{i},{'true' if i % 2 else 'false'},{i}000,{'event' if i % 3 else 'inbound'},"
        f"{'north' if i % 2 else 'south'},{discount}{i}\n"
        for i in range(1, 9)
    )
    found = proposed(tmp_path, subscriptions=subscriptions, deals=f"{HEADER}\n{cells}")[1].tables["deals"]
    return {"role": found.role, "team": found.team, "origin": found.origin, "discount": found.discount}


@pytest.mark.parametrize("discount", ["0.1", "1"])
def test_columns_of_deals_are_found_and_percentages_are_no_share(discount, tmp_path):
    found = deals(tmp_path, discount)
    assert (found["role"], found["team"], found["origin"]) == ("deals", "owner_team", "lead_source")
    assert found["discount"] == ("discount" if discount == "0.1" else None)
