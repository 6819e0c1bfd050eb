"""Failed log-ins, on their way into the audit log: counted by network and key, and written down now and then.

A line for each would let anybody who can reach the service fill its disk. So a flush writes at most `TOLD` lines about
keys that were good once, which their tenants read, `TOLD` about credentials that nobody knows, each with the most
attempts first, and one for all others; between two flushes at most `KEPT` are told apart.
"""

import asyncio
from collections import Counter
from ipaddress import ip_address, ip_network

from auricle.store.audit import AuditStore

TOLD = 5
KEPT = 1_000
OTHERS = ("others", "", "")
ACTION = "login.fail"


class Failures:
    """Counts failed log-ins. Belongs to the event loop."""

    def __init__(self, audit: AuditStore) -> None:
        self._audit = audit
        self._attempts: Counter[tuple[str, str, str]] = Counter()
        """By network, tenant and id of the key; the last two are empty where nobody knows the credential."""

    def note(self, address: str, whose: tuple[str, str] = ("", "")) -> None:
        """One more bad credential came from this address; `whose` is its tenant and the id of its key, where known."""
        told = (network_of(address), *whose)
        if told not in self._attempts and len(self._attempts) >= KEPT:
            told = OTHERS
        self._attempts[told] += 1

    async def flush(self) -> None:
        """Writes down what was counted since the last time; what cannot be written is kept for the next."""
        attempts, self._attempts = self._attempts, Counter()
        others = attempts.pop(OTHERS, 0)
        ranked = [told for told, _ in attempts.most_common()]
        known = [told for told in ranked if told[1]][:TOLD]
        unknown = [told for told in ranked if not told[1]][:TOLD]
        try:
            for told in known + unknown:
                await self._write(told, attempts[told])
                del attempts[told]
            if attempts or others:
                await self._write(OTHERS, attempts.total() + others)
                attempts.clear()
                others = 0
        finally:
            self._attempts.update(attempts)
            if others:
                self._attempts[OTHERS] += others

    async def _write(self, told: tuple[str, str, str], attempts: int) -> None:
        network, tenant, key_id = told
        detail = {"attempts": attempts}
        await asyncio.to_thread(self._audit.record, tenant, f"address:{network}", ACTION, key_id, detail)


def network_of(address: str) -> str:
    """The network of an address: /24, or /48 for IPv6; never the address itself, which may be a person's."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    mapped = found.ipv4_mapped if found.version == 6 else None
    found = mapped or found
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False))
