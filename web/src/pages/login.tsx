/** The log-in: by a key, or by a name and a password. */
import { useState } from "preact/hooks";
import { API, ask, wordsOf } from "../api.ts";
import { Mark } from "../mark.tsx";

export function Login({ onIn }: { onIn: () => void }) {
  const [by, choose] = useState<"key" | "name">("key");
  const [fault, tell] = useState("");
  const [busy, work] = useState(false);
  return (
    <main class="login">
      <form
        class="panel stack"
        onSubmit={(event) => {
          event.preventDefault();
          const told = Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value).trim()]));
          work(true);
          tell("");
          ask("POST", `${API}/session`, told).then(onIn, (error) => {
            tell(wordsOf(error));
            work(false);
          });
        }}
      >
        <h1>
          <Mark /> Auricle
        </h1>
        <div class="chips" role="group" aria-label="Log in by">
          <button type="button" class="chip" aria-pressed={by === "key"} onClick={() => choose("key")}>
            API key
          </button>
          <button type="button" class="chip" aria-pressed={by === "name"} onClick={() => choose("name")}>
            Name and password
          </button>
        </div>
        {by === "key" ? (
          <label key="key">
            <span>Key of kind read or admin</span>
            <input name="key" type="password" required autocomplete="off" placeholder="ak_…" autoFocus />
          </label>
        ) : (
          <>
            <label>
              <span>Tenant</span>
              <input name="tenant" required autocomplete="organization" />
            </label>
            <label>
              <span>Name</span>
              <input name="name" required autocomplete="username" />
            </label>
            <label>
              <span>Password</span>
              <input name="password" type="password" required autocomplete="current-password" />
            </label>
          </>
        )}
        {fault && (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
        <button type="submit" class="main" disabled={busy}>
          Log in
        </button>
        <p class="note">
          No key yet? On the server: <code class="whole">auricle key create --tenant acme --kind admin</code>
        </p>
      </form>
    </main>
  );
}
