/** The place: which page is shown, for which time and with which filters, as it stands behind the # of the address. */

export interface Filter {
  field: string;
  op: string;
  value?: string | number | boolean | string[];
}

export interface Place {
  page: string;
  /** What follows the page's name: an id, or the text of a link. */
  rest: string[];
  period: string;
  from: string;
  to: string;
  compare: boolean;
  filters: Filter[];
  /** What a page keeps for itself, such as the steps of a funnel. */
  own: Record<string, string>;
}

export const PERIODS: readonly { id: string; name: string; grain: string }[] = [
  { id: "1h", name: "Last hour", grain: "1m" },
  { id: "24h", name: "Last 24 hours", grain: "1h" },
  { id: "7d", name: "Last 7 days", grain: "1d" },
  { id: "30d", name: "Last 30 days", grain: "1d" },
  { id: "90d", name: "Last 90 days", grain: "1d" },
  { id: "365d", name: "Last 12 months", grain: "1w" },
];

const HOUR = 3_600_000;
const SHARED = ["p", "from", "to", "compare", "f"];

/** The place that a fragment names; whatever in it is broken is passed over. */
export function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/").map(decoded);
  const told = new URLSearchParams(query);
  const own: Record<string, string> = {};
  for (const [name, value] of told) if (!SHARED.includes(name)) own[name] = value;
  const period = told.get("p") ?? "24h";
  return {
    page: page || "overview",
    rest,
    period: /^[1-9]\d{0,3}[hd]$/.test(period) || period === "range" ? period : "24h",
    from: told.get("from") ?? "",
    to: told.get("to") ?? "",
    compare: told.get("compare") !== "0",
    filters: told.getAll("f").flatMap(filterOf),
    own,
  };
}

/** The fragment of a place: what `placeOf` reads. */
export function hashOf(place: Place): string {
  const told = new URLSearchParams();
  if (place.period !== "24h") told.set("p", place.period);
  if (place.period === "range") {
    told.set("from", place.from);
    told.set("to", place.to);
  }
  if (!place.compare) told.set("compare", "0");
  for (const one of place.filters) told.append("f", JSON.stringify([one.field, one.op, one.value ?? null]));
  for (const [name, value] of Object.entries(place.own)) if (value) told.set(name, value);
  const path = [place.page, ...place.rest].map(encodeURIComponent).join("/");
  return `#/${path}${told.size ? `?${told}` : ""}`;
}

/** The members of a report's body that the place decides. */
export function bodyOf(place: Place, zone: string): Record<string, unknown> {
  const body: Record<string, unknown> = { tz: zone };
  if (place.period === "range" && place.from && place.to) {
    body["from"] = place.from;
    body["to"] = place.to;
  } else {
    body["period"] = place.period === "range" ? "24h" : place.period;
  }
  if (place.filters.length) body["filters"] = place.filters;
  return body;
}

/** A grain that gives a chart between some ten and some hundred points. */
export function grainOf(place: Place): string {
  const known = PERIODS.find((one) => one.id === place.period);
  if (known) return known.grain;
  const hours = place.period === "range" ? (Date.parse(place.to) - Date.parse(place.from)) / HOUR : hoursOf(place.period);
  if (!(hours > 2)) return "1m";
  if (hours <= 72) return "1h";
  return hours <= 24 * 180 ? "1d" : "1w";
}

/** The filters with one more; the same field and value once, a second value of a field in the first one's place. */
export function withFilter(filters: readonly Filter[], added: Filter): Filter[] {
  return [...filters.filter((one) => !(one.field === added.field && one.op === added.op)), added];
}

/** A filter in words. */
export function wordsOfFilter(one: Filter): string {
  const ops: Record<string, string> = { eq: "is", neq: "is not", contains: "contains", gt: ">", gte: "≥", lt: "<", lte: "≤", exists: "is there" };
  const value = one.op === "exists" ? "" : ` ${String(one.value)}`;
  return `${one.field} ${ops[one.op] ?? one.op}${value}`;
}

function hoursOf(period: string): number {
  return Number.parseInt(period, 10) * (period.endsWith("d") ? 24 : 1);
}

function filterOf(text: string): Filter[] {
  try {
    const told: unknown = JSON.parse(text);
    if (!Array.isArray(told) || typeof told[0] !== "string" || typeof told[1] !== "string") return [];
    return [told[2] === null ? { field: told[0], op: told[1] } : { field: told[0], op: told[1], value: told[2] }];
  } catch {
    return [];
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
