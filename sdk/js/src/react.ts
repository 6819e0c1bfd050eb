import { useMemo } from "react";
import type { AnalyticsClient } from "./client.ts";
import { init } from "./init.ts";
import type { Options } from "./options.ts";

/** What a component needs of the client; the same functions at every drawing, so they may stand in dependencies. */
export type Analytics = Pick<AnalyticsClient, "track" | "flush" | "identify" | "consent" | "writeDataPoint"> & {
  client: AnalyticsClient;
};

/**
 * The client of this page, as a hook: `const { track } = useAnalytics(url, key)`. All components share one client, which
 * sends by itself when the page is hidden or closed.
 */
export function useAnalytics(url: string, key: string, options?: Options): Analytics {
  const client = init(url, key, options);
  return useMemo(
    () => ({
      client,
      track: client.track.bind(client),
      flush: client.flush.bind(client),
      identify: client.identify.bind(client),
      consent: client.consent.bind(client),
      writeDataPoint: client.writeDataPoint.bind(client),
    }),
    [client],
  );
}
