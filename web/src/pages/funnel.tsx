/** Funnels: a builder, and how many got how far. */
import { useState } from "preact/hooks";
import type { Meta, Top } from "../api.ts";
import { exact, percent, span, tame } from "../format.ts";
import { Panel } from "../panel.tsx";
import type { Place } from "../place.ts";
import { useReport } from "../use.ts";

interface Step {
  event: string;
  count: number;
  from_first: number | null;
  from_previous: number | null;
  median_seconds: number | null;
}

const START = ["commerce.view", "commerce.add_to_cart", "commerce.checkout"];
const MOST = 10;

export function Funnels({ place, go }: { place: Place; go: (change: Partial<Place>) => void }) {
  const steps = place.own["steps"] ? place.own["steps"].split(",") : START;
  const by = place.own["by"] ?? "user";
  const order = place.own["order"] ?? "sequential";
  const window = place.own["window"] ?? "1d";
  const breakdown = place.own["breakdown"] ?? "";
  const put = (own: Record<string, string>) => go({ own: { ...place.own, ...own } });
  const names = useReport<Top>("top", { ...place, filters: [] }, { field: "event_name", limit: 200 });
  const asked = useReport<{ steps?: Step[]; series?: { key: string; steps: Step[] }[]; meta: Meta }>(steps.length > 1 ? "funnel" : null, place, {
    steps,
    by,
    order,
    window,
    ...(breakdown ? { breakdown } : {}),
  });
  const shown = asked.data?.series ?? (asked.data?.steps ? [{ key: "", steps: asked.data.steps }] : []);
  const table = shown.length
    ? {
        head: [...(breakdown ? [breakdown] : []), "Step", "Reached", "Of the first", "Of the one before", "Median time"],
        rows: shown.flatMap((one) => one.steps.map((step) => [...(breakdown ? [one.key] : []), step.event, step.count, percent(step.from_first), percent(step.from_previous), span(step.median_seconds)])),
      }
    : undefined;
  return (
    <>
      <section class="panel wide" aria-label="The funnel's steps">
        <header>
          <h2>Steps</h2>
        </header>
        <ol class="steps">
          {steps.map((step, index) => (
            <li key={`${index} ${step}`}>
              <span class="nth">{index + 1}</span>
              <input
                list="event-names"
                aria-label={`Step ${index + 1}`}
                value={step}
                onChange={(event) => put({ steps: steps.map((one, i) => (i === index ? event.currentTarget.value.trim() || one : one)).join(",") })}
              />
              <button type="button" class="quiet" aria-label={`Step ${index + 1} up`} disabled={index === 0} onClick={() => put({ steps: swapped(steps, index - 1).join(",") })}>
                ↑
              </button>
              <button type="button" class="quiet" aria-label={`Remove step ${index + 1}`} disabled={steps.length <= 2} onClick={() => put({ steps: steps.filter((_, i) => i !== index).join(",") })}>
                ×
              </button>
            </li>
          ))}
        </ol>
        <Adding names={names.data?.rows.map((row) => row.value) ?? []} full={steps.length >= MOST} onAdd={(name) => put({ steps: [...steps, name].join(",") })} />
        <div class="options">
          <Choice name="Count" value={by} options={[["user", "people"], ["session", "sessions"]]} onPick={(value) => put({ by: value })} />
          <Choice name="Order" value={order} options={[["sequential", "one after the other"], ["strict", "with nothing between"], ["any", "in any order"]]} onPick={(value) => put({ order: value })} />
          <Choice name="Within" value={window} options={[["1h", "an hour"], ["1d", "a day"], ["7d", "7 days"], ["30d", "30 days"]]} onPick={(value) => put({ window: value })} />
          <Choice name="By" value={breakdown} options={[["", "all together"], ["site_id", "site"], ["source", "source"], ["context.locale", "language"]]} onPick={(value) => put({ breakdown: value })} />
        </div>
      </section>
      <Panel title="Funnel" wide asked={asked} table={table}>
        {shown.map((one) => (
          <div key={one.key}>
            {one.key && <h3>{tame(one.key, 80)}</h3>}
            <ol class="funnel">
              {one.steps.map((step, index) => (
                <li key={index}>
                  <div class="column">
                    <i style={{ height: `${Math.max(1, 100 * (step.from_first ?? 0))}%` }} />
                  </div>
                  <b>{tame(step.event, 60)}</b>
                  <span>
                    {exact(step.count)} · {percent(step.from_first)}
                  </span>
                  {index > 0 && (
                    <em>
                      {percent(step.from_previous)} go on, in {span(step.median_seconds)}
                    </em>
                  )}
                </li>
              ))}
            </ol>
            {!one.steps[0]?.count && <p class="empty">Nobody entered the funnel in this time.</p>}
          </div>
        ))}
      </Panel>
    </>
  );
}

function Adding({ names, full, onAdd }: { names: string[]; full: boolean; onAdd: (name: string) => void }) {
  const [name, type] = useState("");
  return (
    <form
      class="adding"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() && !full) onAdd(name.trim());
        type("");
      }}
    >
      <datalist id="event-names">
        {names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <input list="event-names" aria-label="Event of a next step" placeholder="an event's name" value={name} onInput={(event) => type(event.currentTarget.value)} disabled={full} />
      <button type="submit" disabled={full}>
        Add a step
      </button>
    </form>
  );
}

/** A choice of a few. */
export function Choice({ name, value, options, onPick }: { name: string; value: string; options: [string, string][]; onPick: (value: string) => void }) {
  return (
    <label>
      <span>{name}</span>
      <select value={value} onChange={(event) => onPick(event.currentTarget.value)}>
        {options.map(([id, text]) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function swapped(steps: string[], at: number): string[] {
  const [one, two] = [steps[at] ?? "", steps[at + 1] ?? ""];
  return steps.map((step, i) => (i === at ? two : i === at + 1 ? one : step));
}
