/** The application: who is here, where they are, and the frame around every page. */
import { useEffect, useRef, useState } from "preact/hooks";
import { API, type Session, ask, wordsOf } from "./api.ts";
import { tame } from "./format.ts";
import { Mark } from "./mark.tsx";
import { Ai } from "./pages/ai.tsx";
import { Boards, Shared } from "./pages/boards.tsx";
import { Events } from "./pages/events.tsx";
import { Funnels } from "./pages/funnel.tsx";
import { Login } from "./pages/login.tsx";
import { Overview } from "./pages/overview.tsx";
import { Retention } from "./pages/retention.tsx";
import { Schemas } from "./pages/schemas.tsx";
import { Settings } from "./pages/settings.tsx";
import { Sql } from "./pages/sql.tsx";
import { Voice } from "./pages/voice.tsx";
import { PERIODS, type Place, bodyOf, hashOf, wordsOfFilter } from "./place.ts";
import { switchTheme, theme } from "./theme.ts";
import { ZONE, filterBy, useKeys, usePlace } from "./use.ts";

const PAGES: readonly { id: string; name: string; scope: string; timeless?: boolean }[] = [
  { id: "overview", name: "Overview", scope: "reports:read" },
  { id: "voice", name: "Voice", scope: "reports:read" },
  { id: "funnels", name: "Funnels", scope: "reports:read" },
  { id: "retention", name: "Retention", scope: "reports:read" },
  { id: "ai", name: "AI and cost", scope: "reports:read" },
  { id: "events", name: "Events", scope: "sql:read" },
  { id: "sql", name: "SQL", scope: "sql:read", timeless: true },
  { id: "boards", name: "Dashboards", scope: "reports:read", timeless: true },
  { id: "schemas", name: "Schemas", scope: "reports:read", timeless: true },
  { id: "settings", name: "Settings", scope: "admin", timeless: true },
];
const DAY = 86_400_000;
const RENEWED = "auricle.renewed";

/** Everything. */
export function App() {
  const [place, go] = usePlace();
  const [session, put] = useState<Session | null | undefined>(undefined);
  const look = () =>
    ask<Session>("GET", `${API}/session`).then(
      (told) => {
        put(told);
        renew();
      },
      () => put(null),
    );
  useEffect(() => {
    if (place.page === "shared") return;
    void look();
    const out = () => put(null);
    addEventListener("auricle:logged-out", out);
    return () => removeEventListener("auricle:logged-out", out);
  }, [place.page === "shared"]);
  if (place.page === "shared") return <Shared place={place} />;
  if (session === undefined) return null;
  return session ? <Frame session={session} place={place} go={go} onOut={() => put(null)} /> : <Login onIn={() => void look()} />;
}

/** Once a day the session gets another text. */
function renew(): void {
  const last = Number(localStorage.getItem(RENEWED) ?? 0);
  if (Date.now() - last < DAY) return;
  localStorage.setItem(RENEWED, String(Date.now()));
  if (last) void ask("POST", `${API}/session/renew`).catch(() => {});
}

interface Told {
  session: Session;
  place: Place;
  go: (change: Partial<Place>) => void;
  onOut: () => void;
}

function Frame({ session, place, go, onOut }: Told) {
  const [help, show] = useState(false);
  const [, redraw] = useState(0);
  const pages = PAGES.filter((one) => session.scopes.includes(one.scope));
  const here = pages.find((one) => one.id === place.page) ?? pages[0];
  useEffect(() => {
    document.title = `${here?.name ?? "Auricle"} · Auricle`;
  }, [here?.name]);
  const turn = () => {
    switchTheme();
    redraw((one) => one + 1);
  };
  useKeys((key) => {
    const page = pages[key === "0" ? 9 : Number(key) - 1];
    if (page) location.hash = hashOf({ ...place, page: page.id, rest: [], own: {} });
    else if (key === "?") show(true);
    else if (key === "t") turn();
    else if (key === "c") go({ compare: !place.compare });
    else if (key === "p") go({ period: PERIODS[(PERIODS.findIndex((one) => one.id === place.period) + 1) % PERIODS.length]?.id ?? "24h" });
    else if (key === "x") go({ filters: [] });
    else if (key === "f") document.getElementById("add-filter")?.click();
  });
  const out = () =>
    ask("DELETE", `${API}/session`).then(onOut, (error) => alert(wordsOf(error)));
  return (
    <>
      <a class="skip" href="#content" onClick={(event) => (event.preventDefault(), document.getElementById("content")?.focus())}>
        To the content
      </a>
      <header class="top">
        <span class="brand">
          <Mark /> Auricle
        </span>
        <nav aria-label="Pages">
          {pages.map((one) => (
            <a key={one.id} href={hashOf({ ...place, page: one.id, rest: [], own: {} })} aria-current={one === here ? "page" : undefined}>
              {one.name}
            </a>
          ))}
        </nav>
        <span class="who">
          <span class="tenant" title="the tenant">
            {session.tenant}
          </span>
          <button type="button" class="quiet" aria-label={`Show in ${theme() === "dark" ? "light" : "dark"}`} title="t" onClick={turn}>
            {theme() === "dark" ? "☀" : "☾"}
          </button>
          <button type="button" class="quiet" aria-label="Keys of the keyboard" title="?" onClick={() => show(true)}>
            ?
          </button>
          <button type="button" class="quiet" onClick={() => void out()}>
            Log out
          </button>
        </span>
      </header>
      <main class="page" id="content" tabIndex={-1}>
        <div class="heading wide">
          <h1>{here?.name}</h1>
          {here && !here.timeless && <Controls place={place} go={go} />}
        </div>
        {here && !here.timeless && place.filters.length > 0 && <Filters place={place} go={go} />}
        {here && <Page id={here.id} session={session} place={place} go={go} />}
      </main>
      {help && <Help pages={pages.map((one) => one.name)} onClose={() => show(false)} />}
    </>
  );
}

function Page({ id, session, place, go }: { id: string; session: Session; place: Place; go: (change: Partial<Place>) => void }) {
  const mayChange = session.scopes.includes("admin");
  switch (id) {
    case "voice":
      return <Voice place={place} go={go} />;
    case "funnels":
      return <Funnels place={place} go={go} />;
    case "retention":
      return <Retention place={place} go={go} />;
    case "ai":
      return <Ai place={place} go={go} />;
    case "events":
      return <Events place={place} mayChange={session.scopes.includes("schemas:write")} />;
    case "sql":
      return <Sql place={place} go={go} />;
    case "boards":
      return <Boards place={place} go={go} mayChange={mayChange} />;
    case "schemas":
      return <Schemas />;
    case "settings":
      return <Settings />;
    default:
      return <Overview place={place} go={go} />;
  }
}

function Controls({ place, go }: { place: Place; go: (change: Partial<Place>) => void }) {
  const [adding, add] = useState(false);
  const known = PERIODS.some((one) => one.id === place.period) || place.period === "range";
  const ranged = (period: string) => {
    if (period !== "range") return go({ period });
    const end = new Date();
    go({ period, from: new Date(end.getTime() - 7 * DAY).toISOString().slice(0, 10) + "T00:00:00Z", to: end.toISOString().slice(0, 10) + "T00:00:00Z" });
  };
  return (
    <div class="controls">
      <button type="button" id="add-filter" class="quiet" aria-expanded={adding} onClick={() => add(!adding)}>
        + Filter
      </button>
      <label class="inline compare">
        <input type="checkbox" checked={place.compare} onChange={(event) => go({ compare: event.currentTarget.checked })} /> compare
      </label>
      <select aria-label="Period" value={place.period} title={`p · ${JSON.stringify(bodyOf({ ...place, filters: [] }, ZONE))}`} onChange={(event) => ranged(event.currentTarget.value)}>
        {PERIODS.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
        <option value="range">From … to …</option>
        {!known && <option value={place.period}>Last {place.period}</option>}
      </select>
      {place.period === "range" && (
        <span class="range">
          <input type="date" aria-label="First day" value={place.from.slice(0, 10)} onChange={(event) => event.currentTarget.value && go({ from: `${event.currentTarget.value}T00:00:00Z` })} />
          <input type="date" aria-label="Day after the last" value={place.to.slice(0, 10)} onChange={(event) => event.currentTarget.value && go({ to: `${event.currentTarget.value}T00:00:00Z` })} />
        </span>
      )}
      {adding && (
        <form
          class="adding"
          onSubmit={(event) => {
            event.preventDefault();
            const told = new FormData(event.currentTarget);
            filterBy(String(told.get("field")).trim(), String(told.get("value")), String(told.get("op")));
            add(false);
          }}
        >
          <input name="field" required list="fields" aria-label="Field" placeholder="field" autoFocus />
          <datalist id="fields">
            {["event_name", "site_id", "source", "session_id", "user_id", "gen_ai.request.model", "gen_ai.tool.name", "context.locale"].map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
          <select name="op" aria-label="How">
            <option value="eq">is</option>
            <option value="neq">is not</option>
            <option value="contains">contains</option>
          </select>
          <input name="value" required aria-label="Value" placeholder="value" />
          <button type="submit" class="main">
            Filter
          </button>
        </form>
      )}
    </div>
  );
}

function Filters({ place, go }: { place: Place; go: (change: Partial<Place>) => void }) {
  return (
    <div class="chips wide" role="group" aria-label="Filters">
      {place.filters.map((one, index) => (
        <button key={index} type="button" class="chip on" aria-label={`Remove the filter: ${tame(wordsOfFilter(one), 80)}`} onClick={() => go({ filters: place.filters.filter((_, i) => i !== index) })}>
          <bdi>{tame(wordsOfFilter(one), 80)}</bdi> ×
        </button>
      ))}
    </div>
  );
}

function Help({ pages, onClose }: { pages: string[]; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const rows: [string, string][] = [
    ...pages.map((name, i): [string, string] => [String((i + 1) % 10), name]),
    ["p", "the next period"],
    ["c", "compare with the period before, or not"],
    ["f", "add a filter"],
    ["x", "take all filters away"],
    ["t", "light or dark"],
    ["?", "this sheet"],
  ];
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={onClose}>
      <header>
        <h2 id="help-title">Keys</h2>
        <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      <dl>
        {rows.map(([key, told]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{told}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}
