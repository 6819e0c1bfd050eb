/** Texts for statements of SQL. */
import type { Filter } from "./place.ts";

const COLUMNS = ["event_id", "event_name", "site_id", "session_id", "user_id", "source"];

/** A text as a literal of ClickHouse. */
export function literal(text: string): string {
  return `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;
}

/** The condition of a filter on the table `events`; null where SQL has none for it here. */
export function conditionOf(one: Filter): string | null {
  const field = COLUMNS.includes(one.field) ? one.field : `JSONExtractString(attributes, ${literal(one.field)})`;
  const value = literal(String(one.value ?? ""));
  if (one.op === "eq") return `${field} = ${value}`;
  if (one.op === "neq") return `${field} != ${value}`;
  if (one.op === "contains") return `position(${field}, ${value}) > 0`;
  return null;
}
