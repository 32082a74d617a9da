"""What the columns of exported tables mean, in a sentence each, and how a spreadsheet shows them: their one home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from leap.bundle.flat_bundle import FlatBundle
from leap.bundle.model_bundle import ModelBundle
from leap.config import Company
from leap.exports import About, Column, Form
from leap.features import FeatureCatalog
from leap.reports.glossary import TERMS
from leap.scoring.reasons import REASONS_IN_FILE

_SHARE, _MONEY, _WHOLE = Form.SHARE, Form.MONEY, Form.WHOLE

SCORE_COLUMNS: Mapping[str, Column] = {
    "account_id": Column("The account's id, as in your tables."),
    "name": Column("Its name; its id where no name is known."),
    "as_of": Column("The date of the score: nothing known at or after it was used."),
    "mrr": Column("Monthly recurring revenue at that date; empty for prospects.", _MONEY),
    "churn_probability": Column("Probability of losing the account within the horizon.", _SHARE),
    "contraction_rate": Column("Expected loss as a share of its MRR, if it stays.", _SHARE),
    "expansion_rate": Column("Expected growth as a share of its MRR, if it stays.", _SHARE),
    "expansion_probability": Column("Probability of growing, if it stays.", _SHARE),
    "nrr": Column(
        "Expected NRR: 1 - churn_probability - (1 - churn_probability) * contraction_rate + (1 - churn_probability) * "
        "expansion_rate.",
        _SHARE,
    ),
    "nrr_low": Column("Lower end of where the account's own NRR is expected.", _SHARE),
    "nrr_high": Column("Upper end of where the account's own NRR is expected.", _SHARE),
    "nrr_direct": Column("What a model of NRR itself says, beside the composition.", _SHARE),
    "grr": Column("Expected GRR: (1 - churn_probability) * (1 - contraction_rate).", _SHARE),
    "win_probability": Column(
        "Prospects: probability that a deal with it is won; empty where none is claimed.", _SHARE
    ),
    "status": Column("customer, prospect, or leaving: its end is known already, so it has no score."),
    "value_12m": Column("Expected value of the next 12 months: discounted margin less costs.", _MONEY),
    "value_12m_low": Column("Lower end of the interval of value_12m.", _MONEY),
    "value_12m_high": Column("Upper end of the interval of value_12m.", _MONEY),
    "value_36m": Column("Expected value of the next 36 months: discounted margin less costs.", _MONEY),
    "icp_id": Column("The ideal customer profile that it belongs to."),
    "icp_tier": Column("A: meets a profile; B: meets none; D: meets a negative one; empty if there are no profiles."),
    **{
        f"reason_{k}": Column(
            "What moves its expected NRR most, in words: an association, not a cause."
            if k == 1
            else f"What moves its expected NRR, number {k} by size."
        )
        for k in range(1, REASONS_IN_FILE + 1)
    },
    "abstained": Column("Why there is no score; empty where there is one."),
    "expected_gain": Column("What contacting it with an offer to stay is expected to earn.", _MONEY),
    "contact": Column("TRUE: the expected gain is positive and within the capacity of the settings' [policy]."),
    "model_version": Column("The version of the model that made the score."),
    "definition_hash": Column("Changes when a definition behind the numbers does; equal hashes can be compared."),
    "nrr_before": Column("Expected NRR at the earlier date.", _SHARE),
    "nrr_change": Column("nrr less nrr_before.", _SHARE),
    **{f"change_reason_{k}": Column(f"What changed it, number {k} by size.") for k in range(1, 4)},
}
"""Columns of a score file (`leap score`), in its order, with those of `--since` last."""

MORE_COLUMNS: Mapping[str, Column] = {
    "rank": Column("Place on the list; 1 is first.", _WHOLE),
    "part": Column("Why the row is here: the part of the list or of the sum that it belongs to."),
    "who_score": Column("Whom to sell to: the expected worth less its cost.", _MONEY),
    "when_score": Column("When to sell: buying signals lately, from 0 to 1."),
    "value_low": Column("Lower end of the interval of value_12m.", _MONEY),
    "value_high": Column("Upper end of the interval of value_12m.", _MONEY),
    "worth_if_won": Column("What it is expected to be worth if the deal is won.", _MONEY),
    "cost": Column("What working on the account costs.", _MONEY),
    "expected_new_mrr": Column("New MRR a month that working on it is expected to bring.", _MONEY),
    "propensity": Column("The chance that it had to be on the list: 1 unless drawn at random.", _SHARE),
    "who_reasons": Column("What speaks for and against the company, in words."),
    "when_reasons": Column("What happened lately, in words."),
    "for": Column("What speaks for working on it."),
    "against": Column("What speaks against working on it."),
    "override_owner": Column("Who decided that it is kept or left out."),
    "override_reason": Column("Why."),
    "currency": Column("Of all amounts of money."),
    "group": Column("The group of features that say nearly the same."),
    "label": Column("In words."),
    "feature": Column("The feature's name in the catalog."),
    "nrr_points": Column(
        "What it adds to NRR, as a fraction; all rows together are the NRR (or the difference).", _SHARE
    ),
    "grr_points": Column("What it adds to GRR, as a fraction.", _SHARE),
    "churn": Column("The part of nrr_points through the probability of leaving.", _SHARE),
    "contraction": Column("The part of nrr_points through paying less.", _SHARE),
    "expansion": Column("The part of nrr_points through paying more.", _SHARE),
    "money": Column("nrr_points as MRR a month.", _MONEY),
    "accounts": Column("How many accounts.", _WHOLE),
    "at_risk": Column("MRR a month that the low market is expected to take, against the base market.", _MONEY),
    "at_risk_low": Column("Lower end of at_risk over refits of the model.", _MONEY),
    "at_risk_high": Column("Upper end of at_risk over refits of the model.", _MONEY),
    "from": Column("The tier of then."),
    "to": Column("The tier of now."),
    "cause": Column("What changed it most: data, model or policy."),
    "why": Column("The change in words."),
    "part_data": Column("The part that the account's data made.", _SHARE),
    "part_model": Column("The part that the model made.", _SHARE),
    "part_policy": Column("The part that the settings made.", _SHARE),
}
"""Columns of the other tables."""

_TOLD = ("MRR", "NRR", "GRR", "Churn, logo churn", "Contraction", "Expansion", "ICP", "Definition hash")


def about_scores(bundle: ModelBundle, version: str, as_of: str, *, told: Sequence[tuple[str, str]] = ()) -> About:
    """The sheet beside a score file; `told` says which accounts it has, where they are not all."""
    facts = {
        "as_of": as_of,
        "horizon": f"{bundle.settings.outcome.horizon_months} months",
        "interval": f"{bundle.intervals.level:.0%} of accounts are expected between nrr_low and nrr_high",
        "trained_on": bundle.trained_on,
        "version": version,
        "company": bundle.company,
        "currency": bundle.settings.company.currency,
        "money_note": bundle.settings.company.money_note,
        "definition_hash": bundle.definition_hash,
    }
    made = about("Scores", facts, sheet="Accounts")
    return replace(made, facts=[*made.facts, *told])


def about_flat_scores(bundle: FlatBundle, version: str) -> About:
    """The same for a flat table."""
    facts = {"company": bundle.company, "version": version, "definition_hash": bundle.definition_hash}
    form = _SHARE if bundle.outcome.key.endswith("_probability") else Form.AS_IS
    outcome = Column(f"What is predicted of {bundle.outcome.words}.", form)
    made = about("Scores", facts, sheet="Accounts")
    return About(made.title, made.facts, {**made.columns, bundle.outcome.key: outcome}, made.terms, made.sheet)


def about_features(catalog: FeatureCatalog, company: Company) -> About:
    """The sheet beside a feature matrix: every feature in words."""
    columns = {
        feature.name: Column(f"{feature.label}{f' [{feature.unit}]' if feature.unit else ''}")
        for feature in catalog.features
    }
    facts = {"company": company.name, "currency": company.currency, "money_note": company.money_note}
    made = about("Features", facts, sheet="Features")
    return replace(made, columns={**_of(("account_id", "as_of")), **columns}, terms=())


def about(title: str, facts: Mapping[str, Any], *, sheet: str = "Data") -> About:
    """The sheet beside any table, from the keys that documents of commands have."""
    words = {
        "company": "Company",
        "as_of": "As of",
        "version": "Model version",
        "trained_on": "Trained on data until",
        "horizon": "Horizon",
        "interval": "Interval",
        "currency": "Currency",
        "money_note": "About the money",
        "definition_hash": "Definition hash",
    }
    told = [(said, str(facts[key])) for key, said in words.items() if facts.get(key)]
    terms = [(term, meaning) for term, meaning in TERMS if term in _TOLD]
    return About(title, told, {**MORE_COLUMNS, **SCORE_COLUMNS}, terms, sheet)


def _of(names: Iterable[str]) -> dict[str, Column]:
    return {name: SCORE_COLUMNS[name] for name in names}
