"""`leap.toml` as frozen, typed settings that refuse unknown keys.

Each field's docstring is its help. Paths are relative to the file's folder.
"""

from leap.config.company import Company, OutcomeSettings, Policy, ServingSettings
from leap.config.crm import Alerts, Crm, CrmFields, Hubspot, Salesforce, Sync
from leap.config.scenarios import MarketMove
from leap.config.settings import SETTINGS_FILE, Settings, load_settings, parse_settings
from leap.config.tables import (
    AmountPer,
    ColumnSpec,
    DateFormat,
    LayerName,
    Leaks,
    Lineage,
    NumberForm,
    Party,
    Role,
    ScopeName,
    Shape,
    SignalName,
    TableSpec,
    holds_password,
)

__all__ = [
    "SETTINGS_FILE",
    "Alerts",
    "AmountPer",
    "ColumnSpec",
    "Company",
    "Crm",
    "CrmFields",
    "DateFormat",
    "Hubspot",
    "LayerName",
    "Leaks",
    "Lineage",
    "MarketMove",
    "NumberForm",
    "OutcomeSettings",
    "Party",
    "Policy",
    "Role",
    "Salesforce",
    "ScopeName",
    "ServingSettings",
    "Settings",
    "Shape",
    "SignalName",
    "Sync",
    "TableSpec",
    "holds_password",
    "load_settings",
    "parse_settings",
]
