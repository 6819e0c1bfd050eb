/** Events: the newest ones as they are stored, and those that were refused. */
import { useState } from "preact/hooks";
import { API, ask, wordsOf } from "../api.ts";
import { exact, moment, tame } from "../format.ts";
import { Panel } from "../panel.tsx";
import type { Place } from "../place.ts";
import { conditionOf } from "../sql.ts";
import { ZONE, filterBy, useAnswer } from "../use.ts";

interface Row {
  at: string;
  event_name: string;
  site_id: string;
  session_id: string;
  user_id: string;
  source: string;
  attributes: string;
  context: string;
  event_id: string;
}

interface Group {
  event_name: string;
  reason: string;
  pointer: string;
  rule: string;
  message: string;
  events: number;
  replayable: number;
  last_at: string;
}

const ALL = "toString(occurred_at) AS at, event_name, site_id, session_id, user_id, source, attributes, context, toString(event_id) AS event_id";

export function Events({ place, mayChange }: { place: Place; mayChange: boolean }) {
  const conditions = place.filters.map(conditionOf).filter((one) => one !== null);
  const since = `timestamp > NOW() - INTERVAL ${place.period === "range" ? "30" : String(Math.max(1, Number.parseInt(place.period, 10)))} ${place.period.endsWith("h") ? "HOUR" : "DAY"}`;
  const query = `SELECT ${ALL} FROM events WHERE ${[since, ...conditions].join(" AND ")} ORDER BY timestamp DESC LIMIT 100`;
  const asked = useAnswer<{ data: Row[] }>("POST", `${API}/sql`, { query });
  const [open, show] = useState("");
  const left = place.filters.length - conditions.length;
  return (
    <>
      <Panel
        title="Newest events"
        wide
        asked={asked as never}
        note={left ? `${left} of the filters cannot be used here` : "a click on a name filters; on a row, opens it"}
        tools={
          <button type="button" class="quiet" onClick={asked.again}>
            Refresh
          </button>
        }
      >
        {asked.data?.data.length ? (
          <div class="scroll tall" tabIndex={0} role="region" aria-label="Newest events">
            <table class="picks">
              <thead>
                <tr>
                  {["Time", "Event", "Site", "Who", "Source", "Attributes"].map((one) => (
                    <th key={one} scope="col">
                      {one}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {asked.data.data.map((row) => (
                  <>
                    <tr key={row.event_id} onClick={() => show(open === row.event_id ? "" : row.event_id)}>
                      <td class="dim">{moment(`${row.at.replace(" ", "T")}Z`, "full", ZONE)}</td>
                      <td>
                        <button type="button" class="link" onClick={() => filterBy("event_name", row.event_name)}>
                          {tame(row.event_name, 80)}
                        </button>
                      </td>
                      <td>
                        <bdi>{tame(row.site_id, 30)}</bdi>
                      </td>
                      <td>
                        <bdi>{tame(row.user_id || row.session_id, 24)}</bdi>
                      </td>
                      <td>{tame(row.source, 20)}</td>
                      <td class="dim">
                        <bdi class="line">{tame(row.attributes, 110)}</bdi>
                      </td>
                    </tr>
                    {open === row.event_id && (
                      <tr key={`${row.event_id} open`} class="opened">
                        <td colSpan={6}>
                          <pre tabIndex={0}>{pretty(row)}</pre>
                        </td>
                      </tr>
                    )}
                  </>
                ))}
              </tbody>
            </table>
          </div>
        ) : (
          <p class="empty">No event in this time.</p>
        )}
      </Panel>
      <Refusals mayChange={mayChange} />
    </>
  );
}

/** An event in full, with every mark that would turn or hide text made visible. */
function pretty(row: Row): string {
  const told = { event_id: row.event_id, event_name: row.event_name, occurred_at: row.at, site_id: row.site_id, session_id: row.session_id, user_id: row.user_id, source: row.source };
  const shown = JSON.stringify({ ...told, attributes: parsed(row.attributes), context: parsed(row.context) }, null, 2);
  return shown.split("\n").map((line) => tame(line, 2_000)).join("\n");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function Refusals({ mayChange }: { mayChange: boolean }) {
  const asked = useAnswer<{ groups: Group[] }>("GET", `${API}/inbox`);
  const [told, tell] = useState("");
  const act = async (verb: "replay" | "discard", group: Group) => {
    if (verb === "discard" && !confirm(`Discard ${group.events} refused events for good?`)) return;
    const body = { event_name: group.event_name, reason: group.reason, pointer: group.pointer };
    try {
      const answer = await ask<Record<string, number>>("POST", `${API}/inbox/${verb}`, body);
      tell(Object.entries(answer).filter(([name, value]) => typeof value === "number" && value > 0 && name !== "next").map(([name, value]) => `${value} ${name}`).join(", ") || "Nothing changed.");
    } catch (error) {
      tell(wordsOf(error));
    }
    asked.again();
  };
  return (
    <Panel title="Refused events" wide asked={asked as never} note="kept for 30 days, redacted; replay them once the schema is mended">
      {told && (
        <p role="status" class="note">
          {told}
        </p>
      )}
      {asked.data?.groups.length ? (
        <div class="scroll" tabIndex={0} role="region" aria-label="Refused events">
          <table>
            <thead>
              <tr>
                {["Event", "Where", "Why", "Events", "Latest", ""].map((one, i) => (
                  <th key={i} scope="col">
                    {one || <span class="unseen">Actions</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {asked.data.groups.map((group) => (
                <tr key={JSON.stringify([group.event_name, group.reason, group.pointer])}>
                  <td>
                    <bdi>{tame(group.event_name, 60) || "(no name)"}</bdi>
                  </td>
                  <td>
                    <code>{tame(group.pointer, 80) || group.reason}</code>
                  </td>
                  <td>
                    <bdi>{tame(group.message, 160)}</bdi>
                  </td>
                  <td class="number">{exact(group.events)}</td>
                  <td class="dim">{moment(group.last_at, "1m", ZONE)}</td>
                  <td class="acts">
                    <button type="button" class="quiet" disabled={!mayChange || !group.replayable} onClick={() => void act("replay", group)}>
                      Replay
                    </button>
                    <button type="button" class="quiet" disabled={!mayChange} onClick={() => void act("discard", group)}>
                      Discard
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="empty">Nothing was refused.</p>
      )}
    </Panel>
  );
}
