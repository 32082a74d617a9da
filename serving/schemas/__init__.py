"""Bodies of requests and answers, as types: what is refused, and what `/docs.json` promises.

Requests are checked against these types. Answers are written from the plain values of `leap.scoring` without a second
pass over them; the tests hold them against these types instead.
"""

from serving.schemas.answers import Answer, ErrorAnswer, ErrorBody, Headed, ModelHeader, OfCompany
from serving.schemas.differences import DiffQuery, IcpDiffAnswer
from serving.schemas.examples import example_requests
from serving.schemas.figures import KpisAnswer
from serving.schemas.model import ModelAnswer, Ready
from serving.schemas.profiles import Condition, Evidence, Icp, IcpAnswer
from serving.schemas.requests import (
    MAX_ACCOUNTS,
    MAX_TABLE_ROWS,
    MAX_TEXT,
    AccountQuery,
    AccountRows,
    Prospect,
    ProspectsRequest,
    ScoreRequest,
)
from serving.schemas.scores import AccountAnswer, Score, ScoresAnswer
from serving.schemas.targets import TargetQuery, TargetsAnswer

__all__ = [
    "MAX_ACCOUNTS",
    "MAX_TABLE_ROWS",
    "MAX_TEXT",
    "AccountAnswer",
    "AccountQuery",
    "AccountRows",
    "Answer",
    "Condition",
    "DiffQuery",
    "ErrorAnswer",
    "ErrorBody",
    "Evidence",
    "Headed",
    "Icp",
    "IcpAnswer",
    "IcpDiffAnswer",
    "KpisAnswer",
    "ModelAnswer",
    "ModelHeader",
    "OfCompany",
    "Prospect",
    "ProspectsRequest",
    "Ready",
    "Score",
    "ScoreRequest",
    "ScoresAnswer",
    "TargetQuery",
    "TargetsAnswer",
    "example_requests",
]
