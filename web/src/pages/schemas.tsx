/** Schemas: the catalogue of events, each with its document. */
import { useState } from "preact/hooks";
import { API } from "../api.ts";
import { tame } from "../format.ts";
import { Panel } from "../panel.tsx";
import { useAnswer } from "../use.ts";

interface Entry {
  event_name: string;
  version: string;
  origin: string;
  mode: string;
  title: string | null;
  description: string | null;
  schema?: unknown;
}

export function Schemas() {
  const asked = useAnswer<{ schemas: Entry[] }>("GET", `${API}/schemas?documents=true`);
  const [text, type] = useState("");
  const [open, show] = useState("");
  const found = asked.data?.schemas.filter((one) => `${one.event_name} ${one.title ?? ""}`.toLowerCase().includes(text.toLowerCase())) ?? [];
  return (
    <Panel
      title="Schemas"
      wide
      asked={asked as never}
      note={asked.data ? `${asked.data.schemas.length} event names have one; others are taken with checks of the envelope` : undefined}
      tools={<input type="search" aria-label="Search schemas" placeholder="search" value={text} onInput={(event) => type(event.currentTarget.value)} />}
    >
      <div class="scroll" tabIndex={0} role="region" aria-label="Schemas">
        <table class="picks">
          <thead>
            <tr>
              {["Event", "Title", "Version", "From", "When it is broken"].map((one) => (
                <th key={one} scope="col">
                  {one}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.map((one) => (
              <>
                <tr key={one.event_name}>
                  <td>
                    <button type="button" class="link" aria-expanded={open === one.event_name} onClick={() => show(open === one.event_name ? "" : one.event_name)}>
                      {tame(one.event_name, 80)}
                    </button>
                  </td>
                  <td>
                    <bdi>{tame(one.title, 80)}</bdi>
                  </td>
                  <td class="dim">{one.version}</td>
                  <td class="dim">{one.origin}</td>
                  <td class="dim">{one.mode}</td>
                </tr>
                {open === one.event_name && (
                  <tr key={`${one.event_name} open`} class="opened">
                    <td colSpan={5}>
                      <p>
                        <bdi>{tame(one.description, 800)}</bdi>
                      </p>
                      <pre tabIndex={0}>{JSON.stringify(one.schema, null, 2).split("\n").map((line) => tame(line, 500)).join("\n")}</pre>
                    </td>
                  </tr>
                )}
              </>
            ))}
          </tbody>
        </table>
      </div>
      {asked.data && !found.length && <p class="empty">No schema of this name.</p>}
    </Panel>
  );
}
