"""Failed log-ins, on their way into the audit log: counted by network, and written down now and then.

A line for each would let anybody who can reach the service fill its disk. So a flush writes at most `TOLD` networks,
those with the most attempts, and one line for all others; between two flushes at most `KEPT` networks are told apart.
"""

import asyncio
from collections import Counter
from ipaddress import ip_address, ip_network

from auricle.store.audit import AuditStore

TOLD = 5
KEPT = 1_000
OTHERS = "others"
ACTION = "login.fail"


class Failures:
    """Counts failed log-ins. Belongs to the event loop."""

    def __init__(self, audit: AuditStore) -> None:
        self._audit = audit
        self._attempts: Counter[str] = Counter()

    def note(self, address: str) -> None:
        """One more bad credential came from this address."""
        network = network_of(address)
        if network not in self._attempts and len(self._attempts) >= KEPT:
            network = OTHERS
        self._attempts[network] += 1

    async def flush(self) -> None:
        """Writes down what was counted since the last time; what cannot be written is kept for the next."""
        attempts, self._attempts = self._attempts, Counter()
        others = attempts.pop(OTHERS, 0)
        try:
            for network, count in attempts.most_common(TOLD):
                await self._write(network, {"attempts": count})
                del attempts[network]
            if attempts or others:
                await self._write(OTHERS, {"attempts": attempts.total() + others})
                attempts.clear()
                others = 0
        finally:
            self._attempts.update(attempts)
            if others:
                self._attempts[OTHERS] += others

    async def _write(self, network: str, detail: dict[str, int]) -> None:
        await asyncio.to_thread(self._audit.record, "", f"address:{network}", ACTION, "", detail)


def network_of(address: str) -> str:
    """The network of an address: /24, or /48 for IPv6; never the address itself, which may be a person's."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    mapped = found.ipv4_mapped if found.version == 6 else None
    found = mapped or found
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False))
