"""The sensitive key: which names of attributes say that their value is a person's, or a secret.

A key is judged by its last dotted segment, cut into words at `_`, `-` and capitals. What counts is its head:
`user_email`, `billingAddress` and `access_token` are sensitive; `email_opened`, `token_type`, `total_tokens` and
`ip_version` are not.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class Kind(StrEnum):
    """What was found. It stands in the text that takes its place: `[redacted:email]`."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IBAN = "iban"
    IP = "ip"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    SSN = "ssn"
    ADDRESS = "address"
    NAME = "name"
    BIRTH = "birth"
    DEPTH = "depth"
    """Nested deeper than is looked at."""

    @property
    def mark(self) -> str:
        """The text in the place of a value."""
        return f"[redacted:{self.value}]"


class Wanted(NamedTuple):
    """What is redacted."""

    kinds: frozenset[Kind] = frozenset(Kind)
    hide_ips: bool = False
    """A value that is exactly an IP is redacted like one within a text, where it is else cut."""


EVERYTHING = Wanted()


class KeyRule(NamedTuple):
    """What a key says of its value."""

    kind: Kind | None = None
    """The value is redacted whatever it looks like."""
    version: bool = False
    """Four numbers with dots are a version here, no IP."""
    query: bool = False
    """The text of a query: cut to `MAX_QUERY` characters."""
    url: bool = False
    """The value is a URL, also where it is only a path."""


_PHRASES: dict[str, Kind] = {
    phrase: kind
    for kind, phrases in {
        Kind.EMAIL: "email emails mail e_mail email_address e_mail_address mail_address",
        Kind.PHONE: "phone phones telephone tel mobile cellphone msisdn fax phone_number mobile_number",
        Kind.SECRET: "password passwords passwd pwd passcode passphrase pin otp cvv cvc token jwt bearer secret secrets"
        " authorization proxy_authorization cookie cookies set_cookie credential credentials api_key apikey x_api_key"
        " access_key private_key secret_key signing_key session_key auth_key client_secret accesstoken refreshtoken",
        Kind.SSN: "ssn social_security social_security_number national_id national_insurance tax_id passport"
        " passport_number drivers_license driver_license id_card",
        Kind.ADDRESS: "address addresses street postal_address home_address address_line",
        Kind.NAME: "first_name last_name full_name surname firstname lastname fullname given_name family_name"
        " maiden_name middle_name",
        Kind.BIRTH: "dob birthday birthdate birth_date date_of_birth",
        Kind.CARD: "card_number credit_card creditcard card_no pan cardnumber",
        Kind.IBAN: "iban bank_account account_number",
    }.items()
    for phrase in phrases.split()
}
_TAILS = frozenset(
    ["number", "no", "value", "text", "raw", "plain", "header", "line", "street", "digits", "1", "2", "3", "4"]
)
"""Words behind a sensitive one that leave it sensitive: `phone_no`, `address_line_2`."""
_ADDRESSES = frozenset(
    [
        "client.address",
        "server.address",
        "source.address",
        "destination.address",
        "network.peer.address",
        "network.local.address",
    ]
)
"""Names of OpenTelemetry that hold a host or an IP, and no person's address."""
_VERSIONS = frozenset(
    ["version", "versions", "agent", "build", "release", "firmware", "sdk", "os", "browser", "app", "platform"]
)
_QUERIES = frozenset(["query", "search"])
_URLS = frozenset(["url", "uri", "href", "referrer", "referer", "link", "page", "path"])
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NOT_SENSITIVE = KeyRule()
_LONGEST_KEY = 256


def rule_of(key: str) -> KeyRule:
    """What a key says of its value."""
    return _rule_of(key) if len(key) <= _LONGEST_KEY else _NOT_SENSITIVE


# NOTE: bounded: keys are the client's own.
@lru_cache(maxsize=8_192)
def _rule_of(key: str) -> KeyRule:
    segment = key.rpartition(".")[2]
    # NOTE: at most 12 words are looked at; the head of a key is its end.
    words = [word.lower() for word in _WORDS.findall(segment)][-12:]
    kind = None if key.lower() in _ADDRESSES else _kind_of(words)
    if kind is None and "." in key and words in (["original"], ["line"]):
        words = [word.lower() for word in _WORDS.findall(key)][-12:]
    here = set(words)
    texts = bool(words) and (words[-1] in _QUERIES or words[-2:] in (["query", "text"], ["query", "string"]))
    url = bool(words) and (words[-1] in _URLS or words[-1] == "full")
    return KeyRule(kind, not _VERSIONS.isdisjoint(here), texts or words == ["q"], url)


def _kind_of(words: list[str]) -> Kind | None:
    end = len(words)
    while end:
        for length in (3, 2, 1):
            if length <= end and (kind := _PHRASES.get("_".join(words[end - length : end]))):
                # NOTE: `ip_address` and `mac_address` name machines; the IP in them is cut like any other.
                return None if kind is Kind.ADDRESS and words[max(0, end - 2) : end - 1] == ["ip"] else kind
        if words[end - 1] not in _TAILS:
            return None
        end -= 1
    return None


def key_pattern() -> str:
    """A regular expression (RE2) that finds every sensitive key in JSON text, and some that are none."""
    # NOTE: a phrase that ends in another one is found by that.
    heads = [phrase for phrase in sorted(_PHRASES) if not any(phrase.endswith("_" + other) for other in _PHRASES)]
    names = "|".join(head.replace("_", "[_-]?") for head in heads)
    return rf'(?:{names})(?:[_-]?(?:{"|".join(sorted(_TAILS))})){{0,3}}":(?:[^tfn0-9-]|[0-9]{{3}})'
