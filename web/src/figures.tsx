/** The figures: a row of tiles, and the chart of the one that is chosen. */
import type { Point, Series } from "./api.ts";
import { Chart } from "./chart.tsx";
import { change, moment } from "./format.ts";
import { Panel } from "./panel.tsx";
import { type Place, grainOf } from "./place.ts";
import type { Tile } from "./tiles.ts";
import { API } from "./api.ts";
import { ZONE, useAnswer, useReport } from "./use.ts";

interface Told {
  tiles: readonly Tile[];
  place: Place;
  go: (change: Partial<Place>) => void;
}

/** Tiles and chart; the chosen one stands in the address. */
export function Figures({ tiles, place, go }: Told) {
  const chosen = tiles[Number(place.own["figure"] ?? 0)] ?? tiles[0];
  if (!chosen) return null;
  return (
    <div class="figures wide">
      <div class="tiles" role="group" aria-label="Figures; the chosen one is charted">
        {tiles.map((tile, index) => (
          <Figure key={tile.name} tile={tile} place={place} pressed={tile === chosen} onPick={() => go({ own: { ...place.own, figure: index ? String(index) : "" } })} />
        ))}
      </div>
      <Over tile={chosen} place={place} />
    </div>
  );
}

function Figure({ tile, place, pressed, onPick }: { tile: Tile; place: Place; pressed: boolean; onPick: () => void }) {
  const asked = useReport<Series>("timeseries", place, { metric: tile.metric, grain: "all", filters: tile.filters ?? [], ...(place.compare ? { compare: "previous_period" } : {}) });
  const now = asked.data?.points?.[0]?.value;
  const before = asked.data?.previous?.points?.[0]?.value;
  const moved = change(now, before);
  const good = moved === null || tile.better === "neither" || Math.abs(moved) < 0.005 ? "" : moved > 0 === (tile.better === "more") ? "good" : "bad";
  return (
    <button type="button" class="tile" aria-pressed={pressed} onClick={onPick} title={asked.error || tile.metric}>
      <span>{tile.name}</span>
      <strong>{asked.data ? tile.format(now) : asked.error ? "!" : " "}</strong>
      <em class={good}>
        {moved === null ? " " : `${moved > 0 ? "↑" : moved < 0 ? "↓" : ""} ${Math.abs(moved * 100).toFixed(Math.abs(moved) < 0.1 ? 1 : 0)} %`}
        {moved !== null && <span class="unseen"> against {tile.format(before)} in the period before</span>}
      </em>
    </button>
  );
}

/** The chart of one figure. */
export function Over({ tile, place, breakdown }: { tile: Tile; place: Place; breakdown?: string }) {
  const grain = grainOf(place);
  const asked = useReport<Series>("timeseries", place, {
    metric: tile.metric,
    grain,
    filters: tile.filters ?? [],
    ...(breakdown ? { breakdown } : place.compare ? { compare: "previous_period" } : {}),
  });
  const notes = useAnswer<{ annotations: { at: string; text: string }[] }>("GET", `${API}/annotations`);
  const data = asked.data;
  const lines = data?.series?.map((one) => ({ name: one.key, points: one.points })) ?? [{ name: tile.name, points: data?.points ?? [] }];
  const before: Point[] | undefined = data?.previous?.points;
  const table = data && {
    head: ["Time", ...lines.map((one) => one.name), ...(before ? ["Before"] : [])],
    rows: (lines[0]?.points ?? []).map((one, i) => [moment(one.t, grain, ZONE), ...lines.map((line) => tile.format(line.points[i]?.value)), ...(before ? [tile.format(before[i]?.value)] : [])]),
  };
  const still = lines.every((line) => line.points.every((one) => !one.value));
  return (
    <Panel title={tile.name} wide asked={asked} table={table ?? undefined} note={before?.some((one) => one.value) ? "grey: the period before" : undefined}>
      {data && (
        <>
          <Chart lines={lines} previous={before} grain={grain} format={tile.format} asOf={data.meta.as_of} from={data.meta.from} notes={notes.data?.annotations} bars={tile.bars} />
          {still && <p class="empty over">Nothing in this time.</p>}
        </>
      )}
    </Panel>
  );
}
