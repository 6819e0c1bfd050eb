/** Voice: how fast and how well it answers, what it could not answer, and single interactions. */
import { useEffect, useRef } from "preact/hooks";
import { API, type Meta } from "../api.ts";
import { Figures } from "../figures.tsx";
import { count, decimal, dollars, exact, millis, moment, tame } from "../format.ts";
import { Panel } from "../panel.tsx";
import type { Place } from "../place.ts";
import { literal } from "../sql.ts";
import { turnOf } from "../turn.ts";
import { VOICE_TILES } from "../tiles.ts";
import { Bars, TopList } from "../toplist.tsx";
import { ZONE, useAnswer, useReport } from "../use.ts";

interface Interaction {
  query_id: string;
  occurred_at: string;
  state: string;
  reason: string | null;
  session_id: string | null;
  site_id: string | null;
  query_text: string;
  answer_text: string | null;
  latency_ms: number | null;
  tools: string[];
  cost_usd: number | null;
  tokens: number | null;
  error_message: string | null;
  asr_confidence: number | null;
  score: number | null;
  scores: { name: string; value: number | null; label?: string | null; explanation?: string | null }[];
}

interface Interactions {
  total: number;
  counts: Record<string, number>;
  reasons: { reason: string; count: number }[];
  interactions: Interaction[];
  meta: Meta;
}

const STATES = ["answered", "unanswered", "error", "pending"];
const REASONS: Record<string, string> = {
  no_outcome: "no outcome came",
  late_outcome: "the answer came too late",
  empty_answer: "the answer was empty",
  action_failed: "the action failed",
  low_score: "judged as poor",
  error: "an error",
};

export function Voice({ place, go }: { place: Place; go: (change: Partial<Place>) => void }) {
  const state = place.own["state"] ?? "";
  const asked = useReport<Interactions>("interactions", place, { limit: 50, ...(state ? { states: [state] } : {}) });
  const data = asked.data;
  const open = data?.interactions.find((one) => one.query_id === place.own["open"]);
  const put = (own: Record<string, string>) => go({ own: { ...place.own, ...own } });
  const rows = data?.interactions.map((one) => [moment(one.occurred_at, "1m", ZONE), one.query_text, one.answer_text, one.state, millis(one.latency_ms), decimal(one.score)]);
  return (
    <>
      <Figures tiles={VOICE_TILES} place={place} go={go} />
      <TopList title="What people asked" place={place} field="voice.query_text" fold limit={10} empty="No voice query in this time." />
      <Panel title="Why not answered" asked={asked} table={data ? { head: ["Reason", "Interactions"], rows: data.reasons.map((one) => [REASONS[one.reason] ?? one.reason, one.count]) } : undefined}>
        {data && (data.reasons.length ? <Bars rows={data.reasons.map((one) => ({ value: REASONS[one.reason] ?? one.reason, count: one.count }))} /> : <p class="empty">Everything was answered.</p>)}
      </Panel>
      <Panel title="Interactions" wide asked={asked} note={data ? `the newest ${data.interactions.length} of ${exact(state ? data.counts[state] : data.total)}` : undefined}>
        <div class="chips" role="group" aria-label="State">
          {["", ...STATES].map((one) => (
            <button key={one} type="button" class="chip" aria-pressed={one === state} onClick={() => put({ state: one })}>
              {one || "all"} <b>{count(one ? (data?.counts[one] ?? 0) : data?.total)}</b>
            </button>
          ))}
        </div>
        {rows?.length ? (
          <div class="scroll" tabIndex={0} role="region" aria-label="Interactions">
            <table class="picks">
              <thead>
                <tr>
                  {["Asked at", "Query", "Answer", "State", "Latency", "Score"].map((one) => (
                    <th key={one} scope="col">
                      {one}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {data?.interactions.map((one) => (
                  <tr key={one.query_id}>
                    <td class="dim">{moment(one.occurred_at, "1m", ZONE)}</td>
                    <td>
                      <button type="button" class="link" onClick={() => put({ open: one.query_id })}>
                        <bdi>{tame(one.query_text, 80) || "(empty)"}</bdi>
                      </button>
                    </td>
                    <td>
                      <bdi>{tame(one.answer_text, 70)}</bdi>
                    </td>
                    <td>
                      <span class={`state ${one.state}`}>{one.state}</span>
                    </td>
                    <td class="number">{millis(one.latency_ms)}</td>
                    <td class="number">{decimal(one.score)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : (
          <p class="empty">No interaction in this time.</p>
        )}
      </Panel>
      {open && <Opened one={open} onClose={() => put({ open: "" })} />}
    </>
  );
}

interface Told {
  at: string;
  event_name: string;
  attributes: string;
}

/** One interaction, with all that happened around it on one line of time. */
function Opened({ one, onClose }: { one: Interaction; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const at = Date.parse(one.occurred_at);
  const around = (ms: number) => new Date(at + ms).toISOString().slice(0, 19).replace("T", " ");
  const whose = one.session_id ? `session_id = ${literal(one.session_id)}` : `JSONExtractString(attributes, 'voice.query_id') = ${literal(one.query_id)}`;
  const query = `SELECT toString(occurred_at) AS at, event_name, attributes FROM events WHERE ${whose} AND timestamp >= ${literal(around(-30_000))} AND timestamp <= ${literal(around(120_000))} ORDER BY occurred_at LIMIT 60`;
  const events = useAnswer<{ data: Told[] }>("POST", `${API}/sql`, { query });
  const told = turnOf(events.data?.data.map((event) => ({ ...event, after: Date.parse(`${event.at.replace(" ", "T")}Z`) - at })) ?? []);
  return (
    <dialog ref={dialog} class="drawer" aria-labelledby="opened" onClose={onClose} onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <header>
        <h2 id="opened">
          <bdi>{tame(one.query_text, 300) || "(empty)"}</bdi>
        </h2>
        <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      <p class="answer">
        <bdi>{tame(one.answer_text, 2_000) || "No answer."}</bdi>
      </p>
      <dl>
        <Fact name="State" value={`${one.state}${one.reason ? `: ${REASONS[one.reason] ?? one.reason}` : ""}`} />
        <Fact name="Latency" value={millis(one.latency_ms)} />
        <Fact name="Cost" value={dollars(one.cost_usd)} />
        <Fact name="Tokens" value={exact(one.tokens)} />
        <Fact name="Tools" value={one.tools.map((tool) => tame(tool, 60)).join(", ") || "–"} />
        <Fact name="Session" value={tame(one.session_id, 60) || "–"} />
        {one.error_message && <Fact name="Error" value={tame(one.error_message, 400)} />}
      </dl>
      {one.scores.length > 0 && (
        <>
          <h3>Scores</h3>
          <ul class="scores">
            {one.scores.map((score) => (
              <li key={score.name}>
                <b>{tame(score.name, 40)}</b> {score.value === null ? tame(score.label ?? "unscored", 40) : decimal(score.value)}
                {score.explanation && <p class="note">{tame(score.explanation, 400)}</p>}
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>What happened</h3>
      {events.error && <p class="fault">{events.error}</p>}
      <ol class="timeline">
        {told.map((event, i) => (
          <li key={i} class={event.event_name.split(".")[0] ?? ""}>
            <time>{`${event.after < 0 ? "−" : "+"}${Math.abs(event.after / 1000).toFixed(2)} s`}</time>
            <div>
              <b>{tame(event.event_name, 80)}</b>
              <p>
                <bdi>{attributesOf(event.attributes)}</bdi>
              </p>
            </div>
          </li>
        ))}
      </ol>
    </dialog>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <bdi>{value}</bdi>
      </dd>
    </div>
  );
}

/** Attributes in one line, those of the voice protocol without their prefix. */
function attributesOf(text: string): string {
  try {
    const told = JSON.parse(text) as Record<string, unknown>;
    const shown = Object.entries(told).filter(([name]) => !/(_id|session_id)$/.test(name));
    return tame(shown.map(([name, value]) => `${name.replace(/^(voice|gen_ai|ai|kb|commerce|booking)\./, "")} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · "), 400);
  } catch {
    return tame(text, 400);
  }
}
