/** Settings: keys, people, and what is done to events before they are kept. */
import { useState } from "preact/hooks";
import { API, ask, wordsOf } from "../api.ts";
import { moment, tame } from "../format.ts";
import { Panel } from "../panel.tsx";
import { ZONE, useAnswer } from "../use.ts";

interface Key {
  id: string;
  kind: string;
  state: string;
  label: string;
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
}

interface User {
  id: string;
  name: string;
  role: string;
  created_at: string;
  last_login_at: string | null;
}

export function Settings() {
  const [secret, tell] = useState<{ title: string; text: string } | null>(null);
  return (
    <>
      {secret && (
        <section class="panel wide secret" role="status">
          <h2>{secret.title}</h2>
          <p>It is shown this once: copy it now.</p>
          <pre class="sql" tabIndex={0}>
            {secret.text}
          </pre>
          <button type="button" onClick={() => void navigator.clipboard?.writeText(secret.text)}>
            Copy
          </button>{" "}
          <button type="button" class="quiet" onClick={() => tell(null)}>
            Done
          </button>
        </section>
      )}
      <Keys onMade={(title, text) => tell({ title, text })} />
      <People />
      <Options />
      <Annotations />
    </>
  );
}

function Keys({ onMade }: { onMade: (title: string, text: string) => void }) {
  const asked = useAnswer<{ keys: Key[] }>("GET", `${API}/admin/keys`);
  const [fault, tell] = useState("");
  const [label, name] = useState("");
  const [kind, choose] = useState("ingest");
  const act = async (work: () => Promise<void>) => {
    tell("");
    try {
      await work();
    } catch (error) {
      tell(wordsOf(error));
    }
    asked.again();
  };
  const keys = asked.data?.keys.toSorted((one, two) => Number(two.state === "alive") - Number(one.state === "alive")) ?? [];
  return (
    <Panel title="Keys" wide asked={asked as never} note="ingest sends events, read asks for reports, admin may do all">
      <form
        class="adding"
        onSubmit={(event) => {
          event.preventDefault();
          void act(async () => {
            const made = await ask<{ key: string }>("POST", `${API}/admin/keys`, { kind, label });
            onMade(`The new ${kind} key`, made.key);
            name("");
          });
        }}
      >
        <select aria-label="Kind of the new key" value={kind} onChange={(event) => choose(event.currentTarget.value)}>
          {["ingest", "read", "admin"].map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        <input aria-label="Label of the new key" placeholder="a label to know it by" maxLength={128} value={label} onInput={(event) => name(event.currentTarget.value)} />
        <button type="submit" class="main">
          Create a key
        </button>
      </form>
      {fault && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <div class="scroll" tabIndex={0} role="region" aria-label="Keys">
        <table>
          <thead>
            <tr>
              {["Label", "Kind", "State", "Created", "Last used", ""].map((one, i) => (
                <th key={i} scope="col">
                  {one || <span class="unseen">Actions</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {keys.slice(0, 200).map((key) => (
              <tr key={key.id} class={key.state === "alive" ? "" : "gone"}>
                <td>
                  <bdi>{tame(key.label, 60) || <span class="dim">{key.id.slice(0, 8)}</span>}</bdi>
                </td>
                <td>{key.kind}</td>
                <td>{key.state === "alive" && key.expires_at ? `until ${moment(key.expires_at, "1d", ZONE)}` : key.state}</td>
                <td class="dim">{moment(key.created_at, "1m", ZONE)}</td>
                <td class="dim">{key.last_used_at ? moment(key.last_used_at, "1m", ZONE) : "never"}</td>
                <td class="acts">
                  {key.state === "alive" && (
                    <>
                      <button
                        type="button"
                        class="quiet"
                        onClick={() =>
                          void act(async () => {
                            const made = await ask<{ key: string }>("POST", `${API}/admin/keys/${key.id}/rotate`, { overlap_hours: 24 });
                            onMade("The key in place of the old one, which ends in 24 hours", made.key);
                          })
                        }
                      >
                        Rotate
                      </button>
                      <button type="button" class="quiet" onClick={() => confirm("Revoke this key for good?") && void act(() => ask("DELETE", `${API}/admin/keys/${key.id}`))}>
                        Revoke
                      </button>
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function People() {
  const asked = useAnswer<{ users: User[] }>("GET", `${API}/admin/users`);
  const [fault, tell] = useState("");
  const act = async (work: () => Promise<unknown>) => {
    tell("");
    try {
      await work();
    } catch (error) {
      tell(wordsOf(error));
    }
    asked.again();
  };
  return (
    <Panel title="People" asked={asked as never}>
      {asked.data?.users.length ? (
        <ul class="plain">
          {asked.data.users.map((user) => (
            <li key={user.id}>
              <span>
                <b>
                  <bdi>{tame(user.name, 60)}</bdi>
                </b>{" "}
                <span class="dim">
                  {user.role}, {user.last_login_at ? `here ${moment(user.last_login_at, "1m", ZONE)}` : "not yet here"}
                </span>
              </span>
              <button type="button" class="quiet" onClick={() => confirm("Remove this person?") && void act(() => ask("DELETE", `${API}/admin/users/${user.id}`))}>
                Remove
              </button>
            </li>
          ))}
        </ul>
      ) : (
        <p class="empty">Nobody logs in by name yet.</p>
      )}
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const told = Object.fromEntries(new FormData(form));
          void act(async () => {
            await ask("POST", `${API}/admin/users`, told);
            form.reset();
          });
        }}
      >
        <label>
          <span>Name</span>
          <input name="name" required maxLength={128} autocomplete="off" />
        </label>
        <label>
          <span>Password, 10 characters or more</span>
          <input name="password" type="password" required minLength={10} autocomplete="new-password" />
        </label>
        <label>
          <span>May</span>
          <select name="role">
            <option value="read">read</option>
            <option value="admin">do everything</option>
          </select>
        </label>
        <button type="submit">Add</button>
        {fault && (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
      </form>
    </Panel>
  );
}

type Kept = { revision: number; sanitise: boolean | null; ips: string; user_ids: string; consent: string; allow_events: string[] | null; deny_events: string[] | null };

const CHOICES: { name: "ips" | "user_ids" | "consent"; told: string; options: string[] }[] = [
  { name: "ips", told: "IP addresses are", options: ["cut", "redact"] },
  { name: "user_ids", told: "Ids of users are kept as", options: ["plain", "hmac-sha256", "sha256-16"] },
  { name: "consent", told: "Consent is", options: ["opt-out", "opt-in"] },
];

function Options() {
  const asked = useAnswer<Kept>("GET", `${API}/admin/options`);
  const [fault, tell] = useState("");
  const change = async (told: Record<string, unknown>) => {
    tell("");
    try {
      await ask("PATCH", `${API}/admin/options`, { ...told, revision: asked.data?.revision });
    } catch (error) {
      tell(wordsOf(error));
    }
    asked.again();
  };
  const held = asked.data;
  return (
    <Panel title="Privacy" asked={asked as never} note="holds for events from now on">
      {held && (
        <div class="stack">
          <label>
            <span>Persons and secrets in events are</span>
            <select value={held.sanitise === null ? "" : String(held.sanitise)} onChange={(event) => void change({ sanitise: event.currentTarget.value === "" ? null : event.currentTarget.value === "true" })}>
              <option value="">as the service is set</option>
              <option value="true">redacted</option>
              <option value="false">kept</option>
            </select>
          </label>
          {CHOICES.map((one) => (
            <label key={one.name}>
              <span>{one.told}</span>
              <select value={held[one.name]} onChange={(event) => void change({ [one.name]: event.currentTarget.value })}>
                {one.options.map((option) => (
                  <option key={option}>{option}</option>
                ))}
              </select>
            </label>
          ))}
          <label>
            <span>Events that are dropped, by name, with commas between</span>
            <input
              value={held.deny_events?.join(", ") ?? ""}
              onChange={(event) => void change({ deny_events: event.currentTarget.value.split(",").map((one) => one.trim()).filter(Boolean) })}
            />
          </label>
          {fault && (
            <p class="fault" role="alert">
              {fault}
            </p>
          )}
        </div>
      )}
    </Panel>
  );
}

function Annotations() {
  const asked = useAnswer<{ annotations: { id: string; at: string; text: string }[] }>("GET", `${API}/annotations`);
  const [fault, tell] = useState("");
  const act = async (work: () => Promise<unknown>) => {
    tell("");
    try {
      await work();
    } catch (error) {
      tell(wordsOf(error));
    }
    asked.again();
  };
  return (
    <Panel title="Annotations" wide asked={asked as never} note="what happened, told on the charts">
      <form
        class="adding"
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const told = new FormData(form);
          void act(async () => {
            await ask("POST", `${API}/annotations`, { at: new Date(String(told.get("at"))).toISOString(), text: String(told.get("text")) });
            form.reset();
          });
        }}
      >
        <input name="at" type="datetime-local" required aria-label="When it happened" />
        <input name="text" required maxLength={256} aria-label="What happened" placeholder="version 2 went out" />
        <button type="submit">Annotate</button>
      </form>
      {fault && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <ul class="plain">
        {asked.data?.annotations.slice(0, 100).map((one) => (
          <li key={one.id}>
            <span>
              <bdi>{tame(one.text, 256)}</bdi> <span class="dim">{moment(one.at, "1m", ZONE)}</span>
            </span>
            <button type="button" class="quiet" onClick={() => void act(() => ask("DELETE", `${API}/annotations/${one.id}`))}>
              Remove
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
