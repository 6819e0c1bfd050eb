import { AnalyticsClient } from "./client.ts";
import type { Options } from "./options.ts";

/** The clients of this page, also of other copies of this code in it. */
const CLIENTS = Symbol.for("auricle.clients");

/**
 * The client of this page for a service. The first call makes it; later ones give the same, and hand it their key, so a
 * component may call it each time it is drawn. Their options do not count: what may change has a method.
 */
export function init(url: string, key: string, options: Options = {}): AnalyticsClient {
  const place = globalThis as { [CLIENTS]?: Map<string, { client: AnalyticsClient; key: string }> };
  const clients = (place[CLIENTS] ??= new Map());
  const name = `${options.name ?? ""} ${url.replace(/\/+$/, "")}`;
  let known = clients.get(name);
  if (!known) clients.set(name, (known = { client: new AnalyticsClient(url, key, options), key }));
  else if (known.key !== key) known.client.key = known.key = key;
  return known.client;
}
