import { Tracker } from "./tracker.ts";
import type { Attributes } from "./catalogue.ts";
import type { DataPoint } from "./options.ts";

/** What a voice turn took, in milliseconds. */
export interface VoiceMetrics {
  firstResponseMs?: number | undefined;
  bargeInMs?: number | undefined;
  asrLatencyMs?: number | undefined;
  turnId?: string | undefined;
  model?: string | undefined;
}

/** The client with a method for each thing that is measured often; each sends events of the built-in catalogue. */
export class AnalyticsClient extends Tracker {
  /** How fast a voice assistant was: an event for each figure that is given. */
  trackVoiceMetrics(sessionId: string, metrics: VoiceMetrics): void {
    const turn = { "voice.session_id": sessionId, ...(metrics.turnId && { "voice.turn_id": metrics.turnId }) };
    const { firstResponseMs, bargeInMs, asrLatencyMs, model } = metrics;
    const more = { sessionId };
    if (firstResponseMs !== undefined) {
      this.track("voice.first_response", { ...turn, "voice.first_response_ms": firstResponseMs, ...(model && { "gen_ai.request.model": model }) }, more);
    }
    if (bargeInMs !== undefined) this.track("voice.barge_in", { ...turn, "voice.barge_in_ms": bargeInMs }, more);
    if (asrLatencyMs !== undefined) {
      this.track("voice.asr_partial", { "voice.session_id": sessionId, "voice.asr_partial_latency_ms": asrLatencyMs }, more);
    }
  }

  /** A tool call that has ended. */
  trackToolExecution(tool: string, category: string | null, durationMs: number, success: boolean, conversationId?: string): void {
    this.track("ai.tool_call_completed", {
      "gen_ai.tool.name": tool,
      "ai.tool.category": category,
      "ai.tool.duration_ms": durationMs,
      "ai.tool.success": success,
      "gen_ai.conversation.id": conversationId ?? null,
    });
  }

  /** A search of the knowledge base. */
  trackKBSearch(query: string, resultsCount: number, latencyMs: number, topScore?: number, conversationId?: string): void {
    this.track("kb.search", {
      "kb.query": query,
      "kb.results_count": resultsCount,
      "kb.search_latency_ms": latencyMs,
      "kb.top_score": topScore ?? null,
      "gen_ai.conversation.id": conversationId ?? null,
    });
  }

  /** Money spent on a project, in US dollars. */
  trackProjectCost(projectId: string, costType: Attributes<"cost.recorded">["cost.type"], amountUsd: number): void {
    this.track("cost.recorded", { "cost.type": costType, "cost.amount_usd": amountUsd }, { siteId: projectId });
  }

  /** Tokens and cost, in US dollars, of a call to a model. */
  trackAIUsage(model: string, tokens: number | { input?: number; output?: number; total?: number }, costUsd?: number): void {
    const { input, output, total } = typeof tokens === "number" ? { total: tokens } : tokens;
    this.track("ai.usage", {
      "gen_ai.request.model": model,
      "gen_ai.usage.input_tokens": input ?? null,
      "gen_ai.usage.output_tokens": output ?? null,
      "gen_ai.usage.total_tokens": total ?? null,
      "gen_ai.usage.cost_usd": costUsd ?? null,
    });
  }

  /** Something that failed. */
  trackError(errorType: string, message?: string, path?: string): void {
    this.track("error_occurred", {
      "error.type": errorType,
      ...(message !== undefined && { "error.message": message }),
      ...(path !== undefined && { "url.path": path }),
    });
  }

  /** The dataset of this name, in the shape of a binding of Workers Analytics Engine. */
  dataset(name: string): { writeDataPoint(point: DataPoint): void } {
    return { writeDataPoint: (point) => void this.writeDataPoint(name, point) };
  }
}
