"""Names of columns and files as English words: accents, camel case, compounds; German, French, Spanish and more."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORDS = {
    # German
    "kunde": "customer", "kunden": "customers", "vertrag": "contract", "vertrage": "contracts",
    "vertraege": "contracts",
    "rechnung": "invoice", "rechnungen": "invoices", "bestellung": "order", "bestellungen": "orders", "beginn": "start",
    "anfang": "start", "ende": "end", "betrag": "amount", "preis": "price", "einzelpreis": "unit_price",
    "stuckpreis": "unit_price", "stueckpreis": "unit_price", "menge": "quantity", "anzahl": "count", "datum": "date",
    "nummer": "number", "nr": "number", "firma": "company", "firmen": "companies", "unternehmen": "company",
    "branche": "industry", "land": "country", "bundesland": "state", "ort": "city", "stadt": "city", "plz": "zip",
    "mitarbeiter": "employees", "mitarbeiterzahl": "employees", "wahrung": "currency", "waehrung": "currency",
    "produkt": "product", "artikel": "product", "tarif": "plan", "umsatz": "revenue", "gebuhr": "fee",
    "gebuehr": "fee", "monat": "month", "monatlich": "monthly", "jahr": "year", "jahrlich": "annual",
    "jaehrlich": "annual", "laufzeit": "term", "laufzeitmonate": "term_months", "laufzeit_monate": "term_months",
    "monate": "months", "kundigung": "cancellation", "kuendigung": "cancellation", "gekundigt": "cancelled",
    "gekuendigt": "cancelled", "kundigungsgrund": "cancellation_reason", "kuendigungsgrund": "cancellation_reason",
    "grund": "reason", "verlangerung": "renewal", "verlaengerung": "renewal", "ansprechpartner": "contact",
    "kontakte": "contacts", "kontakt": "contact", "benutzer": "users", "nutzung": "usage", "anfragen": "tickets",
    "vorname": "first_name", "nachname": "last_name", "telefon": "phone", "strasse": "street", "notiz": "note",
    "notizen": "notes", "kosten": "costs", "groesse": "size", "grosse": "size", "erstellt": "created",
    "eroffnet": "opened", "eroeffnet": "opened", "geschlossen": "closed", "bezahlt": "paid", "verloren": "lost",
    "abgewandert": "churned", "inaktiv": "inactive", "aktiv": "active", "letzte": "last", "letzter": "last",
    "gesamt": "total", "zeitpunkt": "timestamp", "von": "from", "bis": "to", "seit": "since", "am": "on",
    "kategorie": "category", "prioritat": "priority", "prioritaet": "priority", "zahlung": "payment",
    "zahlungen": "payments", "zahlweise": "billing_period", "abrechnungszeitraum": "billing_period",
    "mandant": "tenant",
    "debitor": "debtor", "debitoren": "debtors",
    "verkaufer": "owner", "whrg": "currency", "wkz": "currency",
    "zustand": "status", "summe": "total", "abo": "subscription", "abos": "subscriptions",
    # French
    "cliente": "customer", "clientes": "customers", "debut": "start", "fin": "end", "montant": "amount",
    "mensuel": "monthly", "mensuelle": "monthly", "annuel": "annual", "annuelle": "annual", "prix": "price",
    "unitaire": "unit", "quantite": "quantity", "devise": "currency", "facture": "invoice", "factures": "invoices",
    "commande": "order", "commandes": "orders", "abonnement": "subscription", "abonnements": "subscriptions",
    "contrat": "contract", "contrats": "contracts", "resiliation": "cancellation", "resilie": "cancelled",
    "secteur": "sector", "pays": "country", "ville": "city", "effectif": "employees", "effectifs": "employees",
    "salaries": "employees", "entreprise": "company", "entreprises": "companies", "societe": "company",
    "societes": "companies", "numero": "number", "identifiant": "id", "duree": "term", "mois": "month",
    "motif": "reason", "statut": "status", "prenom": "first_name", "courriel": "email", "telephone": "phone",
    "adresse": "address", "renouvellement": "renewal", "cree": "created", "ouvert": "opened", "ferme": "closed",
    "dernier": "last", "derniere": "last", "chiffre_affaires": "revenue", "categorie": "category", "jour": "day",
    "produit": "product", "formule": "plan", "taille": "size", "couts": "costs", "paiement": "payment",
    "paiements": "payments", "perdu": "lost", "actif": "active", "utilisateurs": "users", "ventes": "sales",
    # Spanish
    "fecha": "date", "inicio": "start", "importe": "amount", "mensual": "monthly", "anual": "annual", "precio": "price",
    "unitario": "unit", "cantidad": "quantity", "moneda": "currency", "factura": "invoice", "facturas": "invoices",
    "pedido": "order", "pedidos": "orders", "suscripcion": "subscription", "suscripciones": "subscriptions",
    "contrato": "contract", "contratos": "contracts", "cancelacion": "cancellation", "baja": "cancellation",
    "alta": "signup", "pais": "country", "ciudad": "city", "empleados": "employees", "empresa": "company",
    "empresas": "companies", "codigo": "code", "duracion": "term", "mes": "month", "motivo": "reason",
    "estado": "status", "correo": "email", "telefono": "phone", "direccion": "address", "renovacion": "renewal",
    "producto": "product", "tamano": "size", "costes": "costs", "pago": "payment", "pagos": "payments",
    "perdido": "lost", "activo": "active", "usuarios": "users", "ultimo": "last", "ultima": "last", "dia": "day",
    "creado": "created", "abierto": "opened", "cerrado": "closed", "ventas": "sales", "categoria": "category",
    # Italian, Portuguese, Dutch
    "clienti": "customers", "inizio": "start", "fine": "end", "importo": "amount", "prezzo": "price",
    "settore": "sector",
    "fattura": "invoice", "fatture": "invoices", "azienda": "company", "canone": "fee", "valuta": "currency",
    "fim": "end", "valor": "amount", "preco": "price", "quantidade": "quantity", "fatura": "invoice",
    "faturas": "invoices", "assinatura": "subscription", "assinaturas": "subscriptions", "klant": "customer",
    "klanten": "customers", "begin": "start", "einde": "end", "bedrag": "amount", "factuur": "invoice",
    "facturen": "invoices", "bedrijf": "company", "setor": "sector",
    # English, written short
    "acct": "account", "accts": "accounts", "acc": "account", "cust": "customer", "custs": "customers",
    "qty": "quantity",
    "amt": "amount", "dt": "date", "ts": "timestamp", "cancel": "cancel", "canceled": "cancelled", "num": "num",
    "ccy": "currency", "prod": "product", "inv": "invoice", "yearly": "annual", "cust_no": "customer_number",
    "organisation": "organization",
    "organisations": "organizations", "licence": "license", "licences": "licenses", "opps": "opportunities",
    "unsubscribed": "cancelled", "begins": "start", "starts": "start", "ends": "end", "mgr": "manager",
}  # fmt: skip
_COMPOUNDS = {
    "kunden": "customer", "kunde": "customer", "vertrags": "contract", "vertrag": "contract", "rechnungs": "invoice",
    "rechnung": "invoice", "bestell": "order", "monats": "monthly", "jahres": "annual", "lizenz": "license",
    "kundigungs": "cancellation", "kuendigungs": "cancellation", "verlangerungs": "renewal", "liefer": "delivery",
    "verlaengerungs": "renewal", "firmen": "company", "produkt": "product", "ereignis": "event", "start": "start",
    "end": "end", "ende": "end", "beginn": "start", "betrag": "amount", "preis": "price", "datum": "date",
    "nummer": "number", "nr": "number", "name": "name", "menge": "quantity", "gebuhr": "fee", "gebuehr": "fee",
    "umsatz": "revenue", "netto": "net", "brutto": "gross", "einzel": "unit", "gesamt": "total",
    "positionen": "lines", "beleg": "document", "mitarbeiter": "employees", "anzahl": "count",
    "posten": "lines", "zeilen": "lines", "beitrag": "fee",
    "miete": "fee", "laufzeit": "term", "klant": "customer", "art": "type",
    "grosse": "size", "groesse": "size", "nutzungs": "usage", "konto": "account", "abo": "subscription",
    "account": "account", "customer": "customer", "client": "client", "company": "company", "tenant": "tenant",
    "subscription": "subscription", "contract": "contract", "invoice": "invoice", "order": "order", "unit": "unit",
    "price": "price", "product": "product", "monthly": "monthly", "annual": "annual", "amount": "amount",
    "date": "date", "id": "id", "no": "no", "number": "number", "num": "number", "created": "created",
    "closed": "closed",
    "event": "event", "type": "type", "revenue": "revenue", "usage": "usage", "signup": "signup", "churn": "churn",
}  # fmt: skip
_SMALL = frozenset(
    {"de", "du", "des", "del", "der", "die", "das", "la", "le", "el", "d", "da", "do", "di", "the", "ht"}
)
"""Words that say nothing of what a column is; `ht` (hors taxes) is what amounts of revenue are."""
_NOUN_FIRST = frozenset({"date", "id", "number", "no", "code", "uuid"})
_FOREIGN_NOUNS = frozenset({"montant", "importe", "prix", "precio", "importo", "valor", "secteur"})


def plain(name: str) -> str:
    """A name in lower case with underscores between its words, accents away.

    >>> plain("customerID"), plain("MonthlyCharges"), plain("_fivetran_synced"), plain("Paid (USD)"), plain("Größe")
    ('customer_id', 'monthly_charges', 'fivetran_synced', 'paid_usd', 'grosse')
    """
    folded = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", folded)
    return re.sub(r"[^0-9a-zA-Z]+", "_", parted).strip("_").lower()


@lru_cache(maxsize=65536)
def english(name: str) -> str:
    """The same in English words, the noun last, so that one set of patterns reads all.

    >>> english("Kundennummer"), english("date_debut"), english("ID Client"), english("Monatsbetrag")
    ('customer_number', 'start_date', 'client_id', 'monthly_amount')
    >>> english("STARTDATE"), english("fecha de inicio"), english("number_of_employees"), english("importe_mensual")
    ('start_date', 'start_date', 'number_of_employees', 'monthly_amount')
    """
    short = plain(name)
    if short in _WORDS:
        return _WORDS[short]
    tokens = [token for token in short.split("_") if token not in _SMALL]
    if len(tokens) > 1 and (tokens[0] in _FOREIGN_NOUNS or _word(tokens[0]) in _NOUN_FIRST) and tokens[1] != "of":
        tokens = [*tokens[1:], tokens[0]]
    if tokens and tokens[0] == "of":
        tokens = tokens[1:]
    return "_".join(_word(token) for token in tokens) or short


def singular(word: str) -> str:
    """The last word without its plural.

    >>> singular("support_tickets"), singular("companies"), singular("status")
    ('support_ticket', 'company', 'status')
    """
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _word(token: str) -> str:
    if token in _WORDS:
        return _WORDS[token]
    if token in _COMPOUNDS:
        return _COMPOUNDS[token]
    parts = _parts(token) if len(token) > 5 else None
    return "_".join(parts) if parts else token


def _parts(token: str) -> list[str] | None:
    """A compound in its parts, all known, the longest first; None if it is none."""
    if not token:
        return []
    for length in range(len(token), 1, -1):
        if token[:length] in _COMPOUNDS and (rest := _parts(token[length:])) is not None:
            return [_COMPOUNDS[token[:length]], *rest]
    return None
