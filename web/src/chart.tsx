/** The line chart: what a metric was over time, the period before it, and what is not over yet in dots. */
import { useEffect, useRef } from "preact/hooks";
import type { Point } from "./api.ts";
import { type Format, moment, tame } from "./format.ts";
import { ZONE } from "./use.ts";

export interface Line {
  name: string;
  points: Point[];
}

interface Shown {
  lines: Line[];
  /** Points of the period before, shown under the first line. */
  previous?: Point[] | undefined;
  grain: string;
  format: Format;
  /** Up to when all events were seen; what lies after it is not over. */
  asOf: string;
  /** When the range begins. */
  from?: string | undefined;
  notes?: { at: string; text: string }[] | undefined;
  bars?: boolean | undefined;
  height?: number | undefined;
}

const HUES = ["--line", "--hue-2", "--hue-3", "--hue-4", "--hue-5", "--hue-6", "--hue-7", "--hue-8"];

/** The chart. What it shows stands in the table beside it, for who cannot see it. */
export function Chart(shown: Shown) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = place.current;
    if (!node) return;
    let over = false;
    let close = () => {};
    void import("./echarts.ts").then(({ init }) => {
      if (over) return;
      const chart = init(node, undefined, { renderer: "canvas" });
      const draw = () => chart.setOption(optionOf(shown), true);
      const fit = new ResizeObserver(() => chart.resize());
      draw();
      fit.observe(node);
      addEventListener("auricle:theme", draw);
      close = () => {
        removeEventListener("auricle:theme", draw);
        fit.disconnect();
        chart.dispose();
      };
    });
    return () => {
      over = true;
      close();
    };
  }, [JSON.stringify([shown.lines, shown.previous, shown.grain, shown.asOf, shown.notes, shown.bars])]);
  return (
    <>
      {shown.lines.length > 1 && (
        <ul class="legend" aria-hidden="true">
          {shown.lines.map((line, index) => (
            <li key={line.name}>
              <i style={{ background: `var(${HUES[index % HUES.length]})` }} />
              <bdi>{tame(line.name, 40) || "(none)"}</bdi>
            </li>
          ))}
        </ul>
      )}
      <div class="chart" ref={place} aria-hidden="true" style={{ height: `${shown.height ?? 260}px` }} />
    </>
  );
}

function optionOf(shown: Shown): Record<string, unknown> {
  const style = getComputedStyle(document.documentElement);
  const hue = (name: string) => style.getPropertyValue(name).trim();
  const times = shown.lines[0]?.points.map((one) => one.t) ?? [];
  const live = unfinished(times, shown.asOf);
  // A first bucket that began before the range is only partly in it, and told in dots as well.
  const first = shown.from !== undefined && times.length > 2 && Date.parse(times[0] ?? "") < Date.parse(shown.from) ? 1 : 0;
  const series: Record<string, unknown>[] = [];
  if (shown.previous?.length)
    series.push({ ...LINE, name: "before", data: times.map((_, i) => shown.previous?.[i]?.value ?? null), lineStyle: { color: hue("--faint"), width: 1.5 }, itemStyle: { color: hue("--faint") }, z: 1 });
  shown.lines.forEach((line, index) => {
    const color = hue(HUES[index % HUES.length] ?? "--line");
    const values = line.points.map((one) => one.value);
    if (shown.bars) {
      series.push({ type: "bar", stack: "all", name: tame(line.name, 40), data: values, itemStyle: { color }, barMaxWidth: 28 });
      return;
    }
    const area = shown.lines.length === 1 ? { areaStyle: { color, opacity: 0.09 } } : {};
    series.push({ ...LINE, ...area, name: tame(line.name, 40), data: values.map((one, i) => (i > live || i < first ? null : one)), lineStyle: { color, width: 2 }, itemStyle: { color }, ...(index === 0 ? marks(shown, times, hue("--muted")) : {}) });
    if (live < times.length - 1 || first)
      series.push({ ...LINE, name: tame(line.name, 40), data: values.map((one, i) => (i > first && i < live ? null : one)), lineStyle: { color, width: 2, type: [2, 4] }, itemStyle: { color } });
  });
  return {
    animation: false,
    grid: { left: 8, right: 12, top: 16, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      // NOTE: drawn on the canvas: as HTML it would need inline styles, which the page forbids, and could hold what events hold.
      renderMode: "richText",
      backgroundColor: hue("--raised"),
      borderColor: hue("--edge"),
      textStyle: { color: hue("--ink"), fontSize: 12 },
      axisPointer: { lineStyle: { color: hue("--edge") } },
      formatter: (told: { dataIndex: number; seriesName: string; value: number | null }[]) => tip(told, shown, times),
    },
    xAxis: { type: "category", data: times, boundaryGap: shown.bars === true, axisLine: { lineStyle: { color: hue("--edge") } }, axisTick: { show: false }, axisLabel: { color: hue("--muted"), fontSize: 11, hideOverlap: true, formatter: (t: string) => moment(t, shown.grain, ZONE) } },
    yAxis: { type: "value", splitNumber: 4, splitLine: { lineStyle: { color: hue("--hair") } }, axisLabel: { color: hue("--muted"), fontSize: 11, formatter: (value: number) => shown.format(value) } },
    series,
  };
}

const LINE = { type: "line", smooth: 0.25, smoothMonotone: "x", showSymbol: false, symbolSize: 6, connectNulls: false };

/** The number of the last point that is over; those after it are drawn in dots, joined to it. */
export function unfinished(times: readonly string[], asOf: string): number {
  const last = times.length - 1;
  const step = last > 0 ? Date.parse(times[last] ?? "") - Date.parse(times[last - 1] ?? "") : 0;
  return last > 0 && Date.parse(times[last] ?? "") + step > Date.parse(asOf) ? last - 1 : last;
}

function marks(shown: Shown, times: string[], color: string): Record<string, unknown> {
  const data = (shown.notes ?? []).flatMap((note) => {
    const at = times.findLastIndex((t) => Date.parse(t) <= Date.parse(note.at));
    return at < 0 ? [] : [{ xAxis: at, name: tame(note.text, 40) }];
  });
  if (!data.length) return {};
  return { markLine: { silent: true, symbol: "none", data, lineStyle: { color, type: "dashed" }, label: { color, fontSize: 11, formatter: "{b}" } } };
}

function tip(told: { dataIndex: number; seriesName: string; value: number | null }[], shown: Shown, times: string[]): string {
  const at = told[0]?.dataIndex ?? 0;
  const rows = new Map<string, string>();
  for (const one of told) if (one.value !== null && one.value !== undefined) rows.set(one.seriesName, shown.format(one.value));
  const live = at > unfinished(times, shown.asOf) ? " (not over yet)" : "";
  return [moment(times[at] ?? "", shown.grain, ZONE) + live, ...[...rows].map(([name, value]) => `${name}: ${value}`)].join("\n");
}
