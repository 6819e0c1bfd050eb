/** What a tenant sees that has no event yet: how to send the first. */
import { API } from "./api.ts";

const example = () => `curl ${location.origin}${API}/events \\
  -H "X-API-Key: ak_…" -H 'Content-Type: application/json' -d '{
    "event_id": "'$(uuidgen)'",
    "event_name": "voice.first_response",
    "occurred_at": "'$(date -u +%FT%TZ)'",
    "source": "voice_ws",
    "session_id": "session-1",
    "attributes": {"voice.first_response_ms": 412}
  }'`;

export function Empty({ onSent }: { onSent: () => void }) {
  return (
    <section class="panel wide empty-state">
      <h2>No event has come in yet</h2>
      <p>Send the first one with a key of kind ingest or admin. It shows here within a second.</p>
      <pre class="sql" tabIndex={0}>
        {example()}
      </pre>
      <p>
        <button type="button" onClick={() => void navigator.clipboard?.writeText(example())}>
          Copy
        </button>{" "}
        <button type="button" class="quiet" onClick={onSent}>
          Look again
        </button>{" "}
        <a href="docs">All of the API</a>
      </p>
    </section>
  );
}
