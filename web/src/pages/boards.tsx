/** Saved dashboards: made of charts that were saved from here, and shown to others by a link. */
import { useState } from "preact/hooks";
import { API, type Point, type Top, ask, wordsOf } from "../api.ts";
import type { Meta } from "../api.ts";
import { Chart } from "../chart.tsx";
import { count, exact, formatOf, moment, percent, tame } from "../format.ts";
import { Grid, Panel } from "../panel.tsx";
import type { Place } from "../place.ts";
import { Bars } from "../toplist.tsx";
import { ZONE, useAnswer } from "../use.ts";
import { Choice } from "./funnel.tsx";

interface Widget {
  title: string;
  chart: string;
  report: string;
  ask: Record<string, unknown>;
}

interface Board {
  id: string;
  name: string;
  widgets: Widget[];
}

interface Link {
  id: string;
  expires_at: string;
}

const FIELDS = ["event_name", "site_id", "source", "voice.query_text", "gen_ai.tool.name", "gen_ai.request.model", "page"];
const PERIODS: [string, string][] = [["24h", "last 24 hours"], ["7d", "last 7 days"], ["30d", "last 30 days"]];

export function Boards({ place, go, mayChange }: { place: Place; go: (change: Partial<Place>) => void; mayChange: boolean }) {
  const asked = useAnswer<{ dashboards: Board[] }>("GET", `${API}/dashboards`);
  const [fault, tell] = useState("");
  const chosen = asked.data?.dashboards.find((one) => one.id === place.rest[0]) ?? asked.data?.dashboards[0];
  const act = async (work: () => Promise<unknown>) => {
    tell("");
    try {
      await work();
    } catch (error) {
      tell(wordsOf(error));
    }
    asked.again();
  };
  return (
    <>
      <section class="panel wide" aria-label="Saved dashboards">
        <div class="chips" role="group" aria-label="Dashboards">
          {asked.data?.dashboards.map((one) => (
            <button key={one.id} type="button" class="chip" aria-pressed={one === chosen} onClick={() => go({ rest: [one.id] })}>
              <bdi>{tame(one.name, 40)}</bdi>
            </button>
          ))}
          {asked.data && !asked.data.dashboards.length && <span class="dim">Nothing is saved yet.</span>}
        </div>
        {mayChange && (
          <form
            class="adding"
            onSubmit={(event) => {
              event.preventDefault();
              const form = event.currentTarget;
              const name = String(new FormData(form).get("name"));
              void act(async () => {
                const made = await ask<Board>("POST", `${API}/dashboards`, { name, widgets: [] });
                form.reset();
                go({ rest: [made.id] });
              });
            }}
          >
            <input name="name" required maxLength={128} aria-label="Name of a new dashboard" placeholder="a name" />
            <button type="submit">New dashboard</button>
          </form>
        )}
        {fault && (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
      </section>
      {chosen && <Shown key={chosen.id} board={chosen} />}
      {chosen && mayChange && <Editing key={`${chosen.id} edit`} board={chosen} act={act} />}
    </>
  );
}

/** What a dashboard shows, to whoever is logged in or has a link. */
export function Shown({ board, link }: { board: Board; link?: string }) {
  return (
    <>
      {board.widgets.map((widget, index) => (
        <One key={`${index} ${JSON.stringify(widget)}`} widget={widget} path={`${API}/dashboards/${board.id}/widgets/${index}`} link={link} />
      ))}
      {!board.widgets.length && <p class="empty panel wide">This dashboard has no chart yet.</p>}
    </>
  );
}

type Answered = { meta: Meta; points?: Point[]; series?: { key: string; points?: Point[] }[]; rows?: Top["rows"]; other?: number; grain?: string } & Record<string, unknown>;

function One({ widget, path, link }: { widget: Widget; path: string; link?: string | undefined }) {
  const asked = useAnswer<Answered>("GET", path, undefined, link);
  const data = asked.data;
  const format = formatOf(String(widget.ask["metric"] ?? ""));
  const grain = data?.grain ?? "1d";
  return (
    <Panel title={tame(widget.title, 120)} wide={widget.chart === "line" || widget.chart === "bar"} asked={asked} note={tame(widget.ask["period"] ?? "", 20)}>
      {data &&
        (widget.chart === "number" && data.points ? (
          <p class="big">{format(data.points.at(-1)?.value)}</p>
        ) : data.points || data.series?.[0]?.points ? (
          <>
            <Chart lines={data.series?.map((one) => ({ name: one.key, points: one.points ?? [] })) ?? [{ name: widget.title, points: data.points ?? [] }]} grain={grain} format={format} asOf={data.meta.as_of} from={data.meta.from} bars={widget.chart === "bar"} />
            <div class="unseen">
              <Grid name={widget.title} table={{ head: ["Time", "Value"], rows: (data.points ?? []).map((one) => [moment(one.t, grain, ZONE), format(one.value)]) }} />
            </div>
          </>
        ) : data.rows ? (
          <Bars rows={data.rows} other={data.other ?? 0} />
        ) : (
          <Plain data={data} />
        ))}
    </Panel>
  );
}

/** Any other report: its first list of objects as a table. */
function Plain({ data }: { data: Record<string, unknown> }) {
  const list = Object.values(data).find((one): one is Record<string, unknown>[] => Array.isArray(one) && typeof one[0] === "object");
  if (!list) return <p class="empty">Nothing in this time.</p>;
  const head = Object.keys(list[0] ?? {}).slice(0, 8);
  const shown = (name: string, value: unknown) => (typeof value === "number" ? (/rate|from_/.test(name) ? percent(value) : exact(value)) : value === null || value === undefined ? null : tame(value, 80));
  return <Grid name="Report" table={{ head, rows: list.slice(0, 100).map((row) => head.map((name) => shown(name, row[name]))) }} />;
}

function Editing({ board, act }: { board: Board; act: (work: () => Promise<unknown>) => Promise<void> }) {
  const metrics = useAnswer<{ metrics: { name: string }[] }>("GET", `${API}/reports/metrics`);
  const links = useAnswer<{ links: Link[] }>("GET", `${API}/dashboards/${board.id}/links`);
  const [made, tell] = useState("");
  const [chart, draw] = useState("line");
  const [what, choose] = useState("events.count");
  const [period, span] = useState("24h");
  const path = `${API}/dashboards/${board.id}`;
  const save = (widgets: Widget[]) => act(() => ask("PUT", path, { name: board.name, widgets }));
  const add = () => {
    const grain = chart === "number" ? "all" : period === "24h" ? "1h" : "1d";
    const widget = chart === "table" ? { report: "top", ask: { field: what, period } } : { report: "timeseries", ask: { metric: what, period, grain } };
    return save([...board.widgets, { title: what, chart, ...widget }]);
  };
  const known = metrics.data?.metrics.map((one) => one.name) ?? [what];
  return (
    <section class="panel wide" aria-labelledby="edit-title">
      <header>
        <h2 id="edit-title">Change and share</h2>
      </header>
      <div class="options">
        <Choice
          name="Show"
          value={chart}
          options={[["line", "a line"], ["bar", "bars"], ["number", "a number"], ["table", "a list"]]}
          onPick={(value) => {
            draw(value);
            choose(value === "table" ? "event_name" : "events.count");
          }}
        />
        <Choice name="Of" value={what} options={(chart === "table" ? FIELDS : known).map((one) => [one, one])} onPick={choose} />
        <Choice name="In the" value={period} options={PERIODS} onPick={span} />
        <button type="button" class="main" onClick={() => void add()}>
          Add the chart
        </button>
      </div>
      <ul class="plain">
        {board.widgets.map((widget, index) => (
          <li key={`${index} ${widget.title}`}>
            <bdi>{tame(widget.title, 80)}</bdi>
            <button type="button" class="quiet" aria-label={`Remove ${tame(widget.title, 40)}`} onClick={() => void save(board.widgets.filter((_, i) => i !== index))}>
              Remove
            </button>
          </li>
        ))}
      </ul>
      <p class="bar">
        <button
          type="button"
          onClick={() =>
            void act(async () => {
              const told = await ask<{ path: string }>("POST", `${path}/links`, {});
              tell(`${location.origin}${location.pathname.replace(/\/$/, "")}${told.path}`);
              links.again();
            })
          }
        >
          Make a link to share
        </button>
        <button type="button" class="quiet" onClick={() => confirm("Remove this dashboard and its links?") && void act(() => ask("DELETE", path))}>
          Remove the dashboard
        </button>
      </p>
      {made && (
        <p role="status">
          Whoever has this link sees this dashboard, and nothing else. It is shown this once: <code class="made">{made}</code>
        </p>
      )}
      {!!links.data?.links.length && (
        <ul class="plain">
          {links.data.links.map((one) => (
            <li key={one.id}>
              <span class="dim">
                link {one.id.slice(0, 8)}, until {moment(one.expires_at, "1d", ZONE)}
              </span>
              <button
                type="button"
                class="quiet"
                onClick={() =>
                  void act(async () => {
                    await ask("DELETE", `${path}/links/${one.id}`);
                    links.again();
                  })
                }
              >
                Revoke
              </button>
            </li>
          ))}
        </ul>
      )}
      <p class="note">{count(board.widgets.length)} of 24 charts</p>
    </section>
  );
}

/** The page of a shared link: one dashboard, without anything around it. */
export function Shared({ place }: { place: Place }) {
  const [id = "", link = ""] = place.rest;
  const asked = useAnswer<Board>("GET", `${API}/dashboards/${encodeURIComponent(id)}`, undefined, link);
  return (
    <main class="page shared">
      <h1 class="wide">
        <bdi>{tame(asked.data?.name ?? "Auricle", 120)}</bdi>
      </h1>
      {asked.error && <p class="fault panel wide">{asked.error}</p>}
      {asked.data && <Shown board={asked.data} link={link} />}
    </main>
  );
}
