"""The limits: how many requests a credential may send, how many events a tenant, how many bad credentials an address.

Counted with the library `limits` by its sliding window counter, in the memory of this process: a restart forgets, and
two processes count apart. Its Redis storage would count them together, and is handed over in place of `Windows`.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_network

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from auricle import clock
from auricle.edge.exchange import current
from auricle.edge.window import Windows
from auricle.errors import TooLarge, TooManyRequests
from auricle.model.principal import Principal
from auricle.settings import Settings


class Limiter:
    """Counts what is limited, and refuses what is beyond. Belongs to the event loop."""

    def __init__(
        self,
        settings: Settings,
        storage: Storage | None = None,
        note: Callable[[str, tuple[str, str]], None] = lambda _address, _whose: None,
    ) -> None:
        """`note` is told where every bad credential came from, and whose it is where that is known."""
        # NOTE: the strategy holds its storage by a weak reference.
        self._storage = storage or Windows()
        self._window = SlidingWindowCounterRateLimiter(self._storage)
        self._note = note
        self._requests = settings.rate_limit_per_minute
        self._failures = _per_minute(settings.failed_logins_per_minute)
        quotas = (_per_minute(settings.event_quota_per_minute), _per_day(settings.event_quota_per_day))
        self._quotas = [quota for quota in quotas if quota is not None]

    def count_request(self, principal: Principal) -> None:
        """Counts one request of a credential: against its own limit, or that of the settings.

        Raises:
            TooManyRequests: it has sent as many as it may.
        """
        amount = principal.rate_limit if principal.rate_limit is not None else self._requests
        limit = _per_minute(amount)
        if limit is not None and not self._take(limit, "requests", principal.key_id):
            raise self._refusal(
                limit, "requests", principal.key_id, f"This key may send {amount} requests a minute: send fewer."
            )

    def count_events(self, tenant_id: str, events: int) -> None:
        """Counts events of a tenant against its quotas; those of one request count together or not at all.

        Raises:
            TooManyRequests: there is not room for all of them now.
            TooLarge: there never is.
        """
        if not self._quotas or not events:
            return
        for quota in self._quotas:
            if events > quota.amount:
                raise TooLarge(f"This tenant may send {quota.amount} events at once, by its quota: send fewer.")
            if not self._window.test(quota, "events", tenant_id, cost=events):
                self._tell(quota, "events", tenant_id)
                span = f"{quota.amount} events in {quota.get_expiry()} seconds"
                raise self._refusal(quota, "events", tenant_id, f"This tenant may send {span}: send them later.")
        for quota in self._quotas:
            self._take(quota, "events", tenant_id, events)

    def check_address(self, address: str) -> None:
        """Refuses an address that has sent too many bad credentials of late.

        Raises:
            TooManyRequests: it has.
        """
        limit, peer = self._failures, peer_of(address)
        if limit is not None and not self._window.test(limit, "failures", peer):
            text = "Too many bad credentials came from this address: wait, and send a good one."
            raise self._refusal(limit, "failures", peer, text)

    def count_failure(self, address: str, whose: tuple[str, str] = ("", "")) -> None:
        """Counts a bad credential against the address that it came from; `whose` as in `Unauthorized`."""
        self._note(address, whose)
        if self._failures is not None:
            self._window.hit(self._failures, "failures", peer_of(address))

    def _take(self, limit: RateLimitItem, name: str, whose: str, cost: int = 1) -> bool:
        taken = self._window.hit(limit, name, whose, cost=cost)
        self._tell(limit, name, whose)
        return taken

    def _tell(self, limit: RateLimitItem, name: str, whose: str) -> None:
        """Puts what is left into the answer: `RateLimit` and `RateLimit-Policy` of the IETF's draft."""
        exchange = current.get()
        if exchange is None:
            return
        seconds = limit.get_expiry()
        stats = self._window.get_window_stats(limit, name, whose)
        policy = f'"{name}-{seconds}s";q={limit.amount};w={seconds}'
        left = f'"{name}-{seconds}s";r={stats.remaining};t={_until(stats.reset_time)}'
        exchange.headers += [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]

    def _refusal(self, limit: RateLimitItem, name: str, whose: str, text: str) -> TooManyRequests:
        stats = self._window.get_window_stats(limit, name, whose)
        return TooManyRequests(text, retry_after=max(1, _until(stats.reset_time)))


def _until(moment: float) -> int:
    return max(0, math.ceil(moment - clock.micros() / 1_000_000))


@lru_cache(1_024)
def _per_minute(amount: int) -> RateLimitItem | None:
    return RateLimitItemPerMinute(amount) if amount > 0 else None


@lru_cache(16)
def _per_day(amount: int) -> RateLimitItem | None:
    return RateLimitItemPerDay(amount) if amount > 0 else None


@lru_cache(4_096)
def peer_of(address: str) -> str:
    """Whose an address is: itself, or for IPv6 its /64, which is what one household or machine is given."""
    return str(ip_network((address, 64), strict=False)) if ":" in address and "%" not in address else address
