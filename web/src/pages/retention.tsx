/** Retention: of those who came for the first time, how many came again. */
import type { Meta, Top } from "../api.ts";
import { count, exact, moment, percent } from "../format.ts";
import { Panel } from "../panel.tsx";
import type { Place } from "../place.ts";
import { ZONE, useReport } from "../use.ts";
import { Choice } from "./funnel.tsx";

interface Cohort {
  t: string;
  size: number;
  periods: { period: number; count: number | null; rate: number | null; complete: boolean }[];
}

export function Retention({ place, go }: { place: Place; go: (change: Partial<Place>) => void }) {
  const cohort = place.own["cohort"] ?? "page_view";
  const back = place.own["back"] ?? "";
  const grain = place.own["grain"] ?? "1d";
  const put = (own: Record<string, string>) => go({ own: { ...place.own, ...own } });
  const names = useReport<Top>("top", { ...place, filters: [] }, { field: "event_name", limit: 200 });
  const asked = useReport<{ cohorts: Cohort[]; meta: Meta }>("retention", place, { cohort, ...(back ? { return: back } : {}), grain, periods: 8 });
  const cohorts = asked.data?.cohorts.filter((one) => one.size > 0) ?? [];
  const unit = grain === "1d" ? "Day" : grain === "1w" ? "Week" : "Month";
  const head = [unit, "People", ...(cohorts[0]?.periods ?? []).map((one) => `${unit} ${one.period}`)];
  const rows = cohorts.map((one) => [moment(one.t, "1d", ZONE), one.size, ...one.periods.map((each) => percent(each.rate))]);
  return (
    <>
      <section class="panel wide" aria-label="What is asked">
        <div class="options">
          <Named name="Came first by" value={cohort} names={names.data} onPick={(value) => put({ cohort: value || "page_view" })} />
          <Named name="Came again by" value={back} names={names.data} empty="the same event" onPick={(value) => put({ back: value })} />
          <Choice name="By" value={grain} options={[["1d", "day"], ["1w", "week"], ["1mo", "month"]]} onPick={(value) => put({ grain: value })} />
        </div>
      </section>
      <Panel title="Retention" wide asked={asked} table={rows.length ? { head, rows } : undefined} note="of each cohort, who came again; hatched where the time is not over">
        {rows.length ? (
          <div class="scroll" tabIndex={0} role="region" aria-label="Retention">
            <table class="heat">
              <thead>
                <tr>
                  {head.map((one) => (
                    <th key={one} scope="col">
                      {one}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {cohorts.map((one) => (
                  <tr key={one.t}>
                    <th scope="row">{moment(one.t, "1d", ZONE)}</th>
                    <td class="number">{exact(one.size)}</td>
                    {one.periods.map((each) => (
                      <td key={each.period} class={each.complete ? "" : "open"} style={each.rate === null ? {} : { "--share": String(each.rate) }} title={each.count === null ? "has not begun" : `${count(each.count)} people`}>
                        {each.rate === null ? "" : percent(each.rate)}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : (
          <p class="empty">Nobody came for the first time in this time.</p>
        )}
      </Panel>
    </>
  );
}

function Named({ name, value, names, empty, onPick }: { name: string; value: string; names: Top | null; empty?: string; onPick: (value: string) => void }) {
  const known = [...new Set([value, ...(names?.rows.map((row) => row.value) ?? [])])].filter(Boolean);
  return <Choice name={name} value={value} options={[...(empty ? [["", empty] as [string, string]] : []), ...known.map((one) => [one, one] as [string, string])]} onPick={onPick} />;
}
