/** The list of the most frequent values of a field; a click on one filters the page by it. */
import type { Top } from "./api.ts";
import { count, exact, tame } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Filter, Place } from "./place.ts";
import { filterBy, useReport } from "./use.ts";

interface Told {
  title: string;
  place: Place;
  field: string;
  /** Filters of this list alone. */
  filters?: Filter[];
  fold?: boolean;
  limit?: number;
  /** What stands where there is nothing. */
  empty?: string;
}

/** The list. */
export function TopList({ title, place, field, filters = [], fold = false, limit = 8, empty }: Told) {
  const asked = useReport<Top>("top", place, { field, limit, filters, ...(fold ? { fold } : {}) });
  const data = asked.data;
  const table = data ? { head: [title, "Events"], rows: data.rows.map((row) => [row.value, row.count]) } : undefined;
  return (
    <Panel title={title} asked={asked} table={data?.rows.length ? table : undefined}>
      {data && (data.rows.length ? <Bars rows={data.rows} other={data.other} onPick={(value) => filterBy(field, value)} /> : <p class="empty">{empty ?? "Nothing in this time."}</p>)}
    </Panel>
  );
}

/** Rows with bars as long as their counts. */
export function Bars({ rows, other = 0, onPick }: { rows: { value: string; count: number }[]; other?: number; onPick?: (value: string) => void }) {
  const most = Math.max(1, ...rows.map((row) => row.count));
  return (
    <ol class="bars">
      {rows.map((row) => {
        const inside = (
          <>
            <i style={{ width: `${(100 * row.count) / most}%` }} />
            <bdi>{tame(row.value, 90) || "(empty)"}</bdi>
            <b title={exact(row.count)}>{count(row.count)}</b>
          </>
        );
        return (
          <li key={row.value}>
            {onPick ? (
              <button type="button" title={`Only ${tame(row.value, 60)}`} onClick={() => onPick(row.value)}>
                {inside}
              </button>
            ) : (
              <div class="row">{inside}</div>
            )}
          </li>
        );
      })}
      {other > 0 && (
        <li class="other">
          <div class="row">
            <span>all others</span>
            <b title={exact(other)}>{count(other)}</b>
          </div>
        </li>
      )}
    </ol>
  );
}
