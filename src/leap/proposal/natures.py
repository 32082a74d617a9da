"""What the company can move and what only follows from a decision already taken, by names; in clear cases only.

Where an account is, what it does and how large it is, nobody can move by working on it: of such columns nothing is
said.
"""

from __future__ import annotations

import re

from leap.features import Nature
from leap.proposal.columns import Column
from leap.proposal.guess import Guess

_WORKED_ON = (
    r"(^|_)(usage|logins?|sessions?|adoption|activations?|(support_)?tickets?|(support_)?cases|incidents?|outages?|"
    r"onboarding|trainings?|workshops?|check_?ins?|qbrs?|business_reviews?|health_checks?)(_|$)"
)
_LEVER = (
    r"(^|_)(seats?|licen[sc]es?|users_invited|billing|payment_(method|terms?|frequency)|plan|tier|products?|add_?ons?|"
    r"modules?|contract|contract_(type|length|term)|auto_?pay|discount|usage|adoption|onboarding|onboarded|training|"
    r"trained|implementation|integrations?|sso|support|csm|account_manager|success_manager|sla)(_|$)"
)
_OF_A_DECISION = (
    r"(^|_)(cancel\w*|terminat\w+|offboard\w*|exit_(survey|interview|form)|data_exports?|exports?_(of_)?data|"
    r"export_requests?|(notice|letter)_(given|received|of_termination)|non_?renew\w*|churn\w*|unsubscri\w+|"
    r"contract_end(ing)?|wind_?down)(_|$)"
)
_WHY_LEVER = "the company can work on it"
_WHY_SIGN = "they follow from a decision already taken"


def of_table(guess: Guess) -> None:
    """Whether a table as a whole is something to work on, and which of its kinds are signs of a decision."""
    if guess.role is not None or guess.shape not in ("events", "periods", "history"):
        return
    if guess.of("scope") in (None, "health") and re.search(_WORKED_ON, guess.file.subject):
        guess.say("actionable", True, _WHY_LEVER)
    kind = guess.of("kind")
    if kind in guess.file.columns and guess.shape != "history":
        signs = sorted({text for value in guess.file.distinct(str(kind)) if _is_sign(text := str(value).strip())})
        guess.say("consequence_kinds", signs or None, _WHY_SIGN)


def of_column(guess: Guess, column: Column, scope: str | None) -> Nature | None:
    """What a column of this scope is, where its name says so and its table does not."""
    if _is_sign(column.english):
        return "consequence"
    of_customer = scope == "health" and "actionable" not in guess.keys
    return "actionable" if of_customer and re.search(_LEVER, column.english) else None


def _is_sign(words: str) -> bool:
    return re.search(_OF_A_DECISION, re.sub(r"\W+", "_", words.lower())) is not None
