/** The panel: one question with its chart, its table and its SQL. */
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import type { Meta } from "./api.ts";
import { tame } from "./format.ts";
import type { Asked } from "./use.ts";

export interface Table {
  head: string[];
  rows: (string | number | null)[][];
}

interface Told {
  title: string;
  /** A word beside the title. */
  note?: ComponentChildren;
  asked: Asked<{ meta?: Meta }>;
  /** What the chart shows, as a table. */
  table?: Table | undefined;
  wide?: boolean;
  children: ComponentChildren;
  /** Buttons of this panel alone. */
  tools?: ComponentChildren;
}

/** A panel; what it holds shows once there is an answer. */
export function Panel({ title, note, asked, table, wide, children, tools }: Told) {
  const [view, show] = useState<"chart" | "table" | "sql">("chart");
  const id = useId();
  const sql = asked.data?.meta?.sql;
  return (
    <section class={`panel${wide ? " wide" : ""}${asked.loading && asked.data ? " stale" : ""}`} aria-labelledby={id} aria-busy={asked.loading}>
      <header>
        <h2 id={id}>{title}</h2>
        {note && <span class="note">{note}</span>}
        <span class="tools">
          {tools}
          {table && (
            <button type="button" class="quiet" aria-pressed={view === "table"} onClick={() => show(view === "table" ? "chart" : "table")}>
              Table
            </button>
          )}
          {sql && (
            <button type="button" class="quiet" aria-pressed={view === "sql"} onClick={() => show(view === "sql" ? "chart" : "sql")}>
              SQL
            </button>
          )}
        </span>
      </header>
      {asked.error ? (
        <p class="fault" role="alert">
          {asked.error}{" "}
          <button type="button" class="link" onClick={asked.again}>
            Try again
          </button>
        </p>
      ) : !asked.data ? (
        <div class="skeleton" aria-hidden="true" />
      ) : view === "sql" ? (
        <Sql text={sql ?? ""} meta={asked.data.meta} />
      ) : view === "table" && table ? (
        <Grid table={table} name={title} />
      ) : (
        <>
          {children}
          {table && (
            <div class="unseen">
              <Grid table={table} name={title} />
            </div>
          )}
        </>
      )}
    </section>
  );
}

/** A plain table. */
export function Grid({ table, name }: { table: Table; name: string }) {
  return (
    <div class="scroll" role="region" aria-label={`${name}, as a table`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {table.head.map((one, i) => (
              <th key={i} scope="col" class={i && typeof table.rows[0]?.[i] === "number" ? "number" : ""}>
                {tame(one, 80)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, i) => (
            <tr key={i}>
              {row.map((one, j) => (
                <td key={j} class={typeof one === "number" ? "number" : ""}>
                  <bdi>{one === null ? "–" : tame(String(one))}</bdi>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Sql({ text, meta }: { text: string; meta?: Meta | undefined }) {
  return (
    <div>
      <pre class="sql" tabIndex={0}>
        {text}
      </pre>
      {meta && (
        <p class="note">
          {meta.exact === true ? "Exact" : String(meta.exact)}, from {meta.rows_read.toLocaleString("en")} rows, with everything seen by {meta.as_of}
        </p>
      )}
    </div>
  );
}
