/** SQL: an editor, the answer as a table or a chart, and what was asked before. */
import { useState } from "preact/hooks";
import { API, ask, wordsOf } from "../api.ts";
import { Chart } from "../chart.tsx";
import { count, exact } from "../format.ts";
import { Grid } from "../panel.tsx";
import type { Place } from "../place.ts";
import { useAnswer } from "../use.ts";

interface Answer {
  meta: { name: string; type: string }[];
  data: Record<string, unknown>[];
  rows: number;
  statistics?: { elapsed: number; rows_read: number };
}

const KEPT = "auricle.sql";
const MOST = 30;
const START = "SELECT toStartOfHour(timestamp) AS t, count() AS events\nFROM events\nWHERE timestamp > NOW() - INTERVAL 1 DAY\nGROUP BY t\nORDER BY t";

export function Sql({ place, go }: { place: Place; go: (change: Partial<Place>) => void }) {
  const [text, type] = useState(place.own["q"] ?? past()[0] ?? START);
  const [answer, put] = useState<Answer | null>(null);
  const [error, tell] = useState("");
  const [busy, work] = useState(false);
  const [view, show] = useState<"table" | "chart">("table");
  const tables = useAnswer<Answer>("POST", `${API}/sql`, { query: "SHOW TABLES" });
  const run = async () => {
    work(true);
    tell("");
    try {
      put(await ask<Answer>("POST", `${API}/sql`, { query: text }));
      keep(text);
      go({ own: { ...place.own, q: text.length < 1_500 ? text : "" } });
    } catch (wrong) {
      put(null);
      tell(wordsOf(wrong));
    }
    work(false);
  };
  const drawn = answer && chartOf(answer);
  return (
    <>
      <section class="panel wide" aria-labelledby="sql-title">
        <header>
          <h2 id="sql-title">SQL</h2>
          <span class="note">
            {tables.data ? `tables: ${tables.data.data.map((row) => Object.values(row)[0]).join(", ")}` : ""} · Ctrl+Enter runs
          </span>
        </header>
        <textarea
          class="editor"
          aria-label="Statement"
          spellcheck={false}
          rows={8}
          value={text}
          onInput={(event) => type(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void run();
          }}
        />
        <p class="bar">
          <button type="button" class="main" disabled={busy} onClick={() => void run()}>
            {busy ? "Running" : "Run"}
          </button>
          <label class="inline">
            <span class="unseen">Asked before</span>
            <select value="" onChange={(event) => event.currentTarget.value && type(event.currentTarget.value)}>
              <option value="">asked before…</option>
              {past().map((one) => (
                <option key={one} value={one}>
                  {one.replace(/\s+/g, " ").slice(0, 90)}
                </option>
              ))}
            </select>
          </label>
        </p>
        {error && (
          <p class="fault" role="alert">
            {error}
          </p>
        )}
      </section>
      {answer && (
        <section class="panel wide" aria-labelledby="answer-title">
          <header>
            <h2 id="answer-title">Answer</h2>
            <span class="note" role="status">
              {exact(answer.rows)} rows{answer.statistics ? `, ${exact(answer.statistics.rows_read)} read in ${answer.statistics.elapsed.toFixed(3)} s` : ""}
            </span>
            {drawn && (
              <span class="tools">
                <button type="button" class="quiet" aria-pressed={view === "chart"} onClick={() => show(view === "chart" ? "table" : "chart")}>
                  Chart
                </button>
              </span>
            )}
          </header>
          {drawn && view === "chart" ? (
            <Chart lines={drawn} grain="1m" format={count} asOf={new Date(8.64e15).toISOString()} />
          ) : (
            <Grid
              name="Answer"
              table={{
                head: answer.meta.map((one) => one.name),
                rows: answer.data.slice(0, 1_000).map((row) => answer.meta.map((one) => cell(row[one.name]))),
              }}
            />
          )}
        </section>
      )}
    </>
  );
}

/** The lines of an answer whose first column is a time; null when it is none. */
export function chartOf(answer: Answer): { name: string; points: { t: string; value: number | null }[] }[] | null {
  const [first, ...others] = answer.meta;
  const numbers = others.filter((one) => /Int|Float|Decimal/.test(one.type));
  if (!first || !/Date/.test(first.type) || !numbers.length || answer.data.length < 2) return null;
  return numbers.slice(0, 8).map((one) => ({
    name: one.name,
    points: answer.data.map((row) => ({ t: `${String(row[first.name]).replace(" ", "T")}${/Time/.test(first.type) ? "Z" : ""}`, value: row[one.name] === null ? null : Number(row[one.name]) })),
  }));
}

function cell(value: unknown): string | number | null {
  if (value === null || value === undefined) return null;
  return typeof value === "number" || typeof value === "string" ? value : JSON.stringify(value);
}

function past(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

function keep(text: string): void {
  localStorage.setItem(KEPT, JSON.stringify([text, ...past().filter((one) => one !== text)].slice(0, MOST)));
}
