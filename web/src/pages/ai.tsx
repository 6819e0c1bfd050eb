/** AI and cost: what the models and the tools did, and what it cost. */
import { Figures, Over } from "../figures.tsx";
import { count, dollars, millis } from "../format.ts";
import type { Place } from "../place.ts";
import { AI_TILES } from "../tiles.ts";
import { TopList } from "../toplist.tsx";

const completed = [{ field: "event_name", op: "eq", value: "ai.tool_call_completed" }];

export function Ai({ place, go }: { place: Place; go: (change: Partial<Place>) => void }) {
  return (
    <>
      <Figures tiles={AI_TILES} place={place} go={go} />
      <Over tile={{ name: "Cost by type", metric: "cost.usd.sum", format: dollars, better: "less", bars: true }} place={place} breakdown="cost.type" />
      <Over tile={{ name: "Tokens by model", metric: "tokens.sum", format: count, better: "neither", bars: true }} place={place} breakdown="gen_ai.request.model" />
      <Over tile={{ name: "First response by model, p95", metric: "voice.first_response_ms.p95", format: millis, better: "less" }} place={place} breakdown="gen_ai.request.model" />
      <TopList title="Tools called" place={place} field="gen_ai.tool.name" filters={completed} empty="No tool was called." />
      <TopList title="Models" place={place} field="gen_ai.request.model" />
      <TopList title="Knowledge base searches" place={place} field="kb.query" fold empty="No search in this time." />
      <TopList title="Errors" place={place} field="error.type" empty="No error in this time." />
    </>
  );
}
