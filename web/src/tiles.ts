/** The figures of the overview: a row each. */
import { type Format, count, dollars, formatOf, millis, percent } from "./format.ts";
import type { Filter } from "./place.ts";

export interface Tile {
  name: string;
  metric: string;
  filters?: Filter[];
  format: Format;
  /** Whether less is better, so that a rise shows as bad; none where neither is. */
  better: "more" | "less" | "neither";
  bars?: boolean;
}

const only = (value: string): Filter[] => [{ field: "event_name", op: "eq", value }];

export const TILES: readonly Tile[] = [
  { name: "Visitors", metric: "users.count", format: count, better: "more" },
  { name: "Voice turns", metric: "events.count", filters: only("voice.turn_started"), format: count, better: "more" },
  { name: "Response p95", metric: "voice.first_response_ms.p95", format: millis, better: "less" },
  { name: "Tool success", metric: "ai.tool_calls.success_rate", format: percent, better: "more" },
  { name: "KB hit rate", metric: "kb.hit_rate", format: percent, better: "more" },
  { name: "Conversion", metric: "commerce.conversion_rate", format: percent, better: "more" },
  { name: "Errors", metric: "system.error_rate", format: percent, better: "less" },
  { name: "Cost", metric: "cost.usd.sum", format: dollars, better: "less" },
];

export const AI_TILES: readonly Tile[] = [
  { name: "Cost", metric: "cost.usd.sum", format: dollars, better: "less" },
  { name: "Tokens", metric: "tokens.sum", format: count, better: "neither" },
  { name: "Tool calls", metric: "ai.tool_calls.count", format: count, better: "more" },
  { name: "Tool success", metric: "ai.tool_calls.success_rate", format: percent, better: "more" },
  { name: "Tools in a chain", metric: "ai.tool_chain_length.avg", format: formatOf("x.avg"), better: "neither" },
  { name: "KB hit rate", metric: "kb.hit_rate", format: percent, better: "more" },
  { name: "Search, p95", metric: "kb.search_latency_ms.p95", format: millis, better: "less" },
  { name: "Judged score", metric: "evaluation.score.avg", format: formatOf("x.avg"), better: "more" },
];

export const VOICE_TILES: readonly Tile[] = [
  { name: "Turns", metric: "events.count", filters: only("voice.turn_started"), format: count, better: "more" },
  { name: "First response, p50", metric: "voice.first_response_ms.p50", format: millis, better: "less" },
  { name: "First response, p95", metric: "voice.first_response_ms.p95", format: millis, better: "less" },
  { name: "Recognition, p95", metric: "voice.asr_partial_latency_ms.p95", format: millis, better: "less" },
  { name: "Interruptions", metric: "voice.barge_in_count", format: count, better: "less" },
  { name: "Judged score", metric: "evaluation.score.avg", format: formatOf("x.avg"), better: "more" },
];
