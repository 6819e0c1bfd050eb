/** The overview: the figures that matter, and what they are made of. */
import type { Series } from "../api.ts";
import { Figures } from "../figures.tsx";
import type { Place } from "../place.ts";
import { TILES } from "../tiles.ts";
import { TopList } from "../toplist.tsx";
import { useAnswer, useReport } from "../use.ts";
import { API } from "../api.ts";
import { Empty } from "../empty.tsx";

export function Overview({ place, go }: { place: Place; go: (change: Partial<Place>) => void }) {
  const any = useReport<Series>("timeseries", place, { metric: "events.count", grain: "all" });
  const stats = useAnswer<{ events: { received: number }; tenant: string }>("GET", `${API}/stats`);
  if (any.data && !any.data.points?.[0]?.value && !place.filters.length && stats.data && !stats.data.events.received) return <Empty onSent={() => location.reload()} />;
  return (
    <>
      <Figures tiles={TILES} place={place} go={go} />
      <TopList title="Events" place={place} field="event_name" />
      <TopList title="What people asked" place={place} field="voice.query_text" fold empty="No voice query in this time." />
      <TopList title="Sites" place={place} field="site_id" />
      <TopList title="Pages" place={place} field="page" filters={[{ field: "event_name", op: "eq", value: "page_view" }]} empty="No page view in this time." />
      <TopList title="Sources" place={place} field="source" />
      <TopList title="Products looked at" place={place} field="commerce.product_id" filters={[{ field: "event_name", op: "eq", value: "commerce.view" }]} empty="No product was looked at." />
    </>
  );
}
