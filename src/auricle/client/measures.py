"""The measures: the events of the built-in catalogue that programs send most, each by a call of its own.

The names are those of the documents that Auricle was drawn from. Each sends events with the attributes that their
schemas have, so reports need nothing more.
"""

from collections.abc import Mapping
from typing import Any

from auricle.client.tracker import Tracker


class Measures(Tracker):
    """Calls that end in `track` and take what else it takes; each gives the event's id, or None for a dropped one."""

    def track_voice_metrics(
        self,
        session_id: Any,
        *,
        first_response_ms: float | None = None,
        barge_in_ms: float | None = None,
        asr_latency_ms: float | None = None,
        turn_id: str | None = None,
        model: str | None = None,
        **more: Any,
    ) -> list[str | None]:
        """What was measured of a turn: an event each for first response, barge-in and partial transcript."""
        turn = _told(
            {"voice.session_id": session_id if session_id is None else str(session_id), "voice.turn_id": turn_id}
        )
        events = []
        if first_response_ms is not None:
            told = {"voice.first_response_ms": first_response_ms, **_told({"gen_ai.request.model": model})}
            events.append(("voice.first_response", told))
        if barge_in_ms is not None:
            events.append(("voice.barge_in", {"voice.barge_in_ms": barge_in_ms}))
        if asr_latency_ms is not None:
            events.append(("voice.asr_partial", {"voice.asr_partial_latency_ms": asr_latency_ms}))
        return [self.track(name, turn | told, session_id=session_id, **more) for name, told in events]

    def track_tool_execution(
        self,
        tool: str,
        category: str | None,
        duration_ms: float,
        success: bool,
        conversation_id: str | None = None,
        **more: Any,
    ) -> str | None:
        """A tool call of an AI agent that ended."""
        told = {
            "gen_ai.tool.name": tool,
            "ai.tool.category": category,
            "ai.tool.duration_ms": duration_ms,
            "ai.tool.success": success,
            "gen_ai.conversation.id": conversation_id,
        }
        return self.track("ai.tool_call_completed", _told(told), **more)

    def track_kb_search(
        self,
        query: str,
        results_count: int,
        latency_ms: float,
        top_score: float | None = None,
        conversation_id: str | None = None,
        **more: Any,
    ) -> str | None:
        """A search in the knowledge base; `top_score` from 0 to 1."""
        told = {
            "kb.query": query,
            "kb.results_count": results_count,
            "kb.search_latency_ms": latency_ms,
            "kb.top_score": top_score,
            "gen_ai.conversation.id": conversation_id,
        }
        return self.track("kb.search", _told(told), **more)

    def track_project_cost(self, project_id: Any, cost_type: str, amount_usd: float, **more: Any) -> str | None:
        """Money spent on a project: `time`, `ai`, `compute` or `other`. The project is the site."""
        return self.track(
            "cost.recorded", {"cost.type": cost_type, "cost.amount_usd": amount_usd}, site_id=project_id, **more
        )

    def track_ai_usage(
        self,
        model: str,
        tokens: int | None = None,
        cost_usd: float | None = None,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        **more: Any,
    ) -> str | None:
        """Tokens and cost of a call to a model; `tokens` are those of prompt and answer together."""
        told = {
            "gen_ai.request.model": model,
            "gen_ai.usage.total_tokens": tokens,
            "gen_ai.usage.input_tokens": input_tokens,
            "gen_ai.usage.output_tokens": output_tokens,
            "gen_ai.usage.cost_usd": cost_usd,
        }
        return self.track("ai.usage", _told(told), **more)

    def track_error(self, error: Any, message: str | None = None, path: str | None = None, **more: Any) -> str | None:
        """Something that failed: an exception, or the kind of error. The text of an exception is not sent by itself."""
        kind = type(error).__name__ if isinstance(error, BaseException) else error
        return self.track(
            "error_occurred", _told({"error.type": kind, "error.message": message, "url.path": path}), **more
        )


def _told(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that have a value."""
    return {name: value for name, value in attributes.items() if value is not None}
