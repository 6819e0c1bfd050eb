"""The clients: `Client` for programs, and `AsyncClient` for those with an event loop.

Both take events at once and send them from a thread of their own, so `track` is the same in both, and waits for
nothing; only `flush` and `close` differ.
"""

from types import TracebackType

from auricle.client.lifecycle import EXIT_SECONDS
from auricle.client.measures import Measures


class Client(Measures):
    """Sends events from any thread. Make one, and keep it for as long as the program runs."""

    def flush(self, seconds: float = EXIT_SECONDS) -> bool:
        """Waits until what was taken so far is settled or lost; False when that took longer, and it goes on."""
        return self._flush(seconds)

    def close(self, seconds: float = EXIT_SECONDS) -> bool:
        """As `flush`, and the last thing to do; the end of the process does it by itself."""
        return self._close(seconds)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(Measures):
    """The same for programs with an event loop, which waits for nothing here but `flush` and `close`.

    NOTE: not with `when_full="block"`, which would hold the loop; it is taken for `drop_newest`.
    """

    def _may_block(self) -> bool:
        return False

    async def flush(self, seconds: float = EXIT_SECONDS) -> bool:
        """Waits until what was taken so far is settled or lost; False when that took longer, and it goes on."""
        import asyncio  # the program has it, and those without an event loop need not wait for it

        return await asyncio.to_thread(self._flush, seconds)

    async def close(self, seconds: float = EXIT_SECONDS) -> bool:
        """As `flush`, and the last thing to do; the end of the process does it by itself."""
        import asyncio

        return await asyncio.to_thread(self._close, seconds)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


AnalyticsClient = Client
"""The name that document 004 gives it."""
