/**
 * The script for pages without a build: `auricle.init(…)`, or nothing but
 * `<script src="https://the.service/sdk/auricle.js" data-key="ak_…"></script>`, which counts the view of the page and leaves
 * its client as `auricle.client`.
 */
import { AnalyticsClient } from "./client.ts";
import { init } from "./init.ts";

const script = document.currentScript as HTMLScriptElement | null;
const key = script?.dataset["key"];
/** The client that the tag of the script asks for. */
export const client = key
  ? init(script.dataset["url"] ?? new URL("..", script.src).href, key, { siteId: script.dataset["site"] })
  : undefined;
client?.track("page_view", { page: location.pathname, referrer: document.referrer });

export { AnalyticsClient, init };
