"""Why a column should not become a feature: what its name and its values give away."""

from __future__ import annotations

import re
from collections.abc import Iterable

from leap.proposal.columns import Column
from leap.proposal.written import EITHER_SIGN, WITH_SIGNS
from leap.tables.names import RESERVED

TELLS_OUTCOME = (
    r"(^|_)(churn\w*|cancel\w*|terminat\w+|attrition|left|lost|exited|deactivat\w+|inactive|win_?back|reactivat\w+|"
    r"refund\w*|reason|offboard\w*|lapsed?|dropped|former|unsubscri\w+|non_?renew\w*|retained|retention|is_customer|"
    r"is_(active_|current_|paying_)?(customer|client)|(current|active|ex)_(customer|client))(_|$)|"
    r"renewal_(status|outcome|result)"
)
OUTCOME = (
    r"(is_|has_|customer_|account_|will_)?(churn|churned|churn_(flag|label|status|value|binary|next_\w+|in_\w+)|"
    r"attrition|"
    r"attrition_flag|exited|left|lost|is_lost|cancelled|terminated|label_churn|target_churn)|(will|did)_churn\w*|"
    r"churned?_(within|next|in)_\w+"
)

_GEOGRAPHY = r"(^|_)(country|state|region|city|continent|market)(_code)?$"
_FIRM_SIZE = (
    r"(^|_)((annual|company|estimated|est|global|yearly)_?revenue|revenue_(band|range|bracket|class)|"
    r"turnover|funding_stage|(company|business|industry|legal|entity|organi[sz]ation|industry_sub)_type)(_|$)"
)
_OF_A_PERSON = (
    r"(^|_)(birth\w*|gender|sex|ethnicity|religion|ssn|first_name|last_name|full_name|surname|marital\w*|senior_citizen|"
    r"dependents)(_|$)"
)
_CONTACT = r"(^|_)(e_?mail|phone|mobile|fax|contact|ip|ip_address|latitude|longitude|photo\w*|linkedin|iban)(_|$)"
_ADDRESS = r"(^|_)(street|address|line_?[12]|postal\w*|zip\w*|vat|tax_id\w*)(_|$)"
_FEW = 5
"""A column such as `phone_service` with so few values says what an account has, not whom to call."""
_NUMBERED = r"(^|_)(n|nr|num|row|line|index|idx|document|record|seq\w*|serial\w*|count(er)?)(_|$)"
_ENOUGH_TO_COUNT, _SKIPPED = 50, 1.2
_DISPLAY = (
    r"(account_|company_|customer_|client_|property_|organi[sz]ation_|legal_)?(name|title)|company|organi[sz]ation"
)
_TECHNICAL = (
    r"(^|_)(fivetran|synced|etl|livemode|is_deleted|deleted|metadata|record_type|updated|modified|last_viewed|"
    r"last_referenced|"
    r"loaded|ingested|inserted|import\w*|created_by|portal|pipeline|url|website|homepage|domain|logo|hash|"
    r"row_number|unnamed|index_level)(_|$)"
)
_IDENTIFIER = r"(^|_)(id|ids|uuid|guid|key|token|hash|number|no|code|slug|sku|prefix)$|(^|_)(id|uuid|guid)_"
_NUMBER_OF = r"(^|_)(number_of|no_of|num)_"
_LATER = (
    r"(^|_)(resol\w+|satisfaction|csat|closed?|escalat\w*|respons\w*|repl(y|ied)\w*|upgrad\w*|downgrad\w*|"
    r"renew(ed|al)?|"
    r"auto_renew\w*|paid|outcome|result|status|stage|is_won|won|probability|forecast\w*|remaining|active$|ended|"
    r"overdue|"
    r"last|latest|current|lifetime|ltv|clv|days_since|health|risk)(_|$)"
)
_TODAY = (
    r"(^|_)(status|stage|lifecycle|plan|tier|seats?|licen[sc]es?|usage|logins?|last|latest|current|total|"
    r"balance|mrr|arr|acv|"
    r"tcv|health\w*|score|nps|csat|owner|rating|delinquent|trial|subscriptions?|billing|payments?|contracts?|"
    r"active|is_active|"
    r"open|activity|tickets?|renew\w*|spend|spent|type|sessions?|lifetime|ltv|clv|cltv|arpa|arpu|risk\w*|end|"
    r"ended|ends|"
    r"expir\w+|(days|weeks|months|years)_(since|active|as|to|until|left)|since|tenure|engage\w*|adoption|"
    r"sentiment|overdue|"
    r"arrears|invoices?|invoiced|orders?|purchas\w*|revenue|sales|amount|fee|price|monthly|paid|paying|"
    r"csm|rep|outcome|result|account_manager|manager|executive|recency|frequency|monetary|rfm|usage\w*|users?|"
    r"upsell\w*|discount)(_|$)"
)


_MONTH_IN_NAME = (
    r"(.*_)?(19|20)\d\d_?(0[1-9]|1[0-2]|q[1-4])(_\d\d)?|(.*_)?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*_?"
    r"((19|20)?\d\d)|(m|month)_?\d{1,2}|(.*_)?(q[1-4]_?(19|20)\d\d)|(.+_)?(fy_?)?(19|20)\d\d"
)


def why_not(column: Column, shape: str, n_accounts: int, dated_elsewhere: dict[str, str]) -> str | None:
    """The reason to leave a column out of the features, or None.

    `dated_elsewhere` names the table that has a column of this name with dates, which says what was known when.
    """
    name = column.english
    if column.name in RESERVED:
        return "a name that Leap itself uses: give the column another to use it"
    if column.looks == "empty":
        return "all empty"
    if column.looks == "constant":
        return "one value only"
    reached = column.distinct > _FEW and not re.search(_GEOGRAPHY, name)
    if re.search(_OF_A_PERSON, name) or column.has_at_signs or (reached and re.search(_CONTACT, name)):
        return "data about a person"
    if reached and re.search(_ADDRESS, name):
        return "an address or a number of the authorities, of which hardly any is shared"
    if re.search(TELLS_OUTCOME, name):
        return "its name tells the outcome, and no date says when it was known"
    if column.looks == "date":
        return "a date: only the dates that a shape names are used"
    if re.fullmatch(_DISPLAY, name):
        return "a name to show"
    if re.search(_TECHNICAL, name) and column.looks != "boolean" and not name.endswith("_tld"):
        return "a technical column of the export"
    if re.search(r"(^|_)(fivetran|is_deleted|livemode|deleted)(_|$)", name):
        return "a technical column of the export"
    if _identifies(name):
        return "an identifier"
    if (why := _in_time(name, shape, dated_elsewhere)) is not None:
        return why
    return _by_values(column, n_accounts)


def age_of_a_person(column: Column, columns: Iterable[Column]) -> str | None:
    """Why an age is left out: beside a gender or a surname it is a person's; elsewhere a company may have one."""
    if not re.fullmatch(r"(customer_|client_|holder_)?age", column.english):
        return None
    return "data about a person" if any(re.search(_OF_A_PERSON, other.english) for other in columns) else None


def _in_time(name: str, shape: str, dated_elsewhere: dict[str, str]) -> str | None:
    """Columns that may hold what became known only later."""
    if shape == "attributes" and name in dated_elsewhere:
        return f"as it stands today; {dated_elsewhere[name]} has it with dates"
    if shape == "attributes" and re.fullmatch(_MONTH_IN_NAME, name):
        return "a time in the name of a column says nothing of when it was known: give one row an account and date"
    of_the_firm = re.search(_GEOGRAPHY, name) or re.search(_FIRM_SIZE, name)
    if shape == "attributes" and re.search(_TODAY, name) and not of_the_firm:
        return "as it stands today, which may be because of the outcome; give it with dates (shape history)"
    if shape in ("periods", "events") and re.search(_LATER, name):
        return "may be filled in after the row's own time, and no date says when"
    return None


def _identifies(name: str) -> bool:
    named = re.search(_IDENTIFIER, name) and not re.search(_NUMBER_OF, name)
    return bool(named) and not re.search(_GEOGRAPHY, name)


def _counts_rows(column: Column) -> bool:
    """Whole numbers of which none stands twice and few are skipped, called as documents and rows are numbered."""
    if not re.search(_NUMBERED, column.english):
        return False
    counted = column.looks == "number" and column.whole and column.unique and column.present >= _ENOUGH_TO_COUNT
    return bool(counted and column.high - column.low < _SKIPPED * column.present)


def _by_values(column: Column, n_accounts: int) -> str | None:
    if column.number_form in (EITHER_SIGN, WITH_SIGNS):
        shown = f" such as {column.examples[0]}" if column.examples else ""
        return f"numbers written with signs or separators{shown}: write plain numbers"
    if _counts_rows(column):
        return "an identifier: another value on every row, counted up"
    if column.looks in ("number", "boolean"):
        return None
    if column.mean_words > 5 or column.mean_length > 60:
        return "free text"
    if column.unique and column.present > 2:
        return "an identifier: another value on every row"
    if column.distinct > max(2, min(0.5 * n_accounts, 1000)):
        return f"too many different values ({column.distinct:,}) to learn from: an identifier or free text"
    return None
