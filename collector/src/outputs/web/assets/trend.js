// The hourly chart. Each hour is a level piece of line, as wide as the hour; hours with thin coverage are dashed,
// hours without data are hatched and empty: nothing is drawn where nothing is known.

import * as f from "./format.js";
import { h, render } from "./tree.js";
import { hideTip, showTip, speak } from "./tip.js";
import { bound } from "./words.js";

const HOUR = 3_600_000;
const THIN = 0.9;
const BOX = { left: 40, top: 10, bottom: 40, strip: 6 };
const WIDE = 520;
const charts = new WeakMap();
let chartCount = 0;

/// Changes when the chart must be drawn again.
export const trendKey = (facility, past) =>
  `${facility.name} ${past.version} ${facility.targets.map((target) => `${target.id}${target.limit}`).join()}`;

/// Draws into `host`; called at each update, and draws only what changed.
export function trend(host, value) {
  let chart = charts.get(host);
  if (!chart) {
    chartCount += 1;
    chart = { id: `c${chartCount}`, at: null, drawn: null, value };
    charts.set(host, chart);
    new ResizeObserver(() => draw(host, chart)).observe(host);
  }
  chart.value = value;
  draw(host, chart);
}

function draw(host, chart) {
  const width = Math.round(host.clientWidth);
  const height = Math.round(host.clientHeight);
  const stamp = `${chart.value.key} ${width} ${height} ${chart.at}`;
  if (width < 80 || chart.drawn === stamp) return;
  chart.drawn = stamp;
  const { facility, past } = chart.value;
  if (past.points.length === 0) {
    render(host, h("p", { class: "chart-wait" }, "No hour is complete yet. The first point appears when one is."));
    return;
  }
  const plot = scales(past.points, facility.targets, width, height);
  render(host, h("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "img", "aria-label": summary(facility, past.points),
    on: handlers(host, chart, plot),
  },
  defs(chart.id, plot),
  gridLines(plot),
  dayLines(plot, facility.time_zone),
  gaps(chart.id, plot),
  h("g", { "clip-path": `url(#${chart.id}-box)` },
    lines(plot, "", facility.targets.length > 0 ? `url(#${chart.id}-under)` : null),
    facility.targets.length > 0 && lines(plot, "over", `url(#${chart.id}-over)`)),
  limits(plot, facility.targets),
  outliers(plot),
  coverageStrip(chart.id, plot),
  cursor(plot, chart.at)));
}

function scales(points, targets, width, height) {
  const values = points.map((point) => point.value).filter(f.isKnown).sort((a, b) => a - b);
  const limitValues = targets.map((target) => target.limit);
  // A single wild hour must not flatten the week: the scale holds the middle 97 % and the targets.
  const cut = (share) => values[Math.round((values.length - 1) * share)];
  const low = Math.min(...limitValues, values.length ? cut(0.015) : 1);
  const high = Math.max(...limitValues, values.length ? cut(0.985) : 1.5);
  const pad = Math.max((high - low) * 0.14, 0.01);
  const step = niceStep((high - low + 2 * pad) / 4);
  const bottom = Math.floor((low - pad) / step) * step;
  const top = Math.ceil((high + pad) / step) * step;
  const from = points[0].t - HOUR;
  const to = points[points.length - 1].t;
  const inner = { left: BOX.left, right: width - labelRoom(width, targets), top: BOX.top, bottom: height - BOX.bottom };
  return {
    points, width, height, from, to, step, bottom, top, inner, limits: limitValues,
    x: (ms) => inner.left + ((ms - from) / (to - from)) * (inner.right - inner.left),
    y: (value) => inner.bottom - ((value - bottom) / (top - bottom)) * (inner.bottom - inner.top),
  };
}

/// Room for the targets' names beside the plot: in full where there is width for it.
const labelRoom = (width, targets) => (targets.length === 0 ? 8 : width >= WIDE ? 78 : 36);

function niceStep(rough) {
  const size = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * size).find((step) => step >= rough) ?? size * 10;
}

const round = (value) => Math.round(value * 10) / 10;

function defs(id, plot) {
  const { left, right, top, bottom } = plot.inner;
  const split = plot.limits.length > 0 ? Math.max(top, Math.min(bottom, plot.y(plot.limits[0]))) : top;
  const clip = (name, y1, y2) => h("clipPath", { id: `${id}-${name}` }, h("rect", { x: left, y: round(y1), width: right - left, height: Math.max(0, round(y2 - y1)) }));
  return h("defs", null,
    clip("box", top - 2, bottom + 2), clip("over", top - 2, split), clip("under", split, bottom + 2),
    h("pattern", { id: `${id}-hatch`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      h("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "hatch" })));
}

function gridLines(plot) {
  const decimals = plot.step < 0.05 ? (Number.isInteger(Math.round(plot.step * 1000) / 10) ? 2 : 3) : 2;
  const marks = [];
  for (let value = plot.bottom; value <= plot.top + plot.step / 2; value += plot.step) marks.push(value);
  return h("g", { class: "axis-y" }, marks.map((value) => [
    h("line", { x1: plot.inner.left, x2: plot.inner.right, y1: round(plot.y(value)), y2: round(plot.y(value)) }),
    h("text", { x: plot.inner.left - 8, y: round(plot.y(value)) + 4, "text-anchor": "end" }, f.number(value, decimals)),
  ]));
}

/// Local midnights, found by looking: a zone's offset may change within the week.
function midnights(plot, zone) {
  const found = [];
  const quarter = HOUR / 4;
  let before = null;
  for (let ms = Math.ceil(plot.from / quarter) * quarter; ms <= plot.to; ms += quarter) {
    const date = f.day(ms, zone);
    if (before !== null && date !== before) found.push({ ms, date });
    before = date;
  }
  return found;
}

function dayLines(plot, zone) {
  const days = midnights(plot, zone);
  const room = days.length > 1 ? plot.x(days[1].ms) - plot.x(days[0].ms) : 100;
  return h("g", { class: "axis-x" }, days.map(({ ms, date }, index) => {
    const x = round(plot.x(ms));
    const next = days[index + 1] ? plot.x(days[index + 1].ms) : plot.inner.right;
    const label = room < 62 ? date.split(" ")[0] : date;
    return [
      h("line", { x1: x, x2: x, y1: plot.inner.top, y2: plot.inner.bottom + 4 }),
      next - x > label.length * 6 && h("text", { x: x + 4, y: plot.height - 6 }, label),
    ];
  }));
}

function runs(points, kind) {
  const found = [];
  points.forEach((point, index) => {
    const last = found[found.length - 1];
    if (kind(point)) {
      if (last && last.end === index - 1) last.end = index;
      else found.push({ start: index, end: index });
    }
  });
  return found;
}

function gaps(id, plot) {
  const { top, bottom } = plot.inner;
  return h("g", { class: "gaps" }, runs(plot.points, (point) => !f.isKnown(point.value)).map(({ start, end }) => {
    const x1 = plot.x(plot.points[start].t - HOUR);
    const x2 = plot.x(plot.points[end].t);
    return [
      h("rect", { x: round(x1), y: top, width: round(x2 - x1), height: bottom - top, fill: `url(#${id}-hatch)` }),
      x2 - x1 > 64 && h("text", { x: round((x1 + x2) / 2), y: round((top + bottom) / 2), "text-anchor": "middle" }, "no data"),
    ];
  }));
}

function lines(plot, tone, clip) {
  const solid = [];
  const dashed = [];
  plot.points.forEach((point, index) => {
    if (!f.isKnown(point.value)) return;
    const path = point.coverage < THIN ? dashed : solid;
    const y = round(plot.y(point.value));
    const before = plot.points[index - 1];
    const joins = before && f.isKnown(before.value);
    const start = joins && (before.coverage < THIN) === (point.coverage < THIN) ? "L" : "M";
    path.push(`${start}${round(plot.x(point.t - HOUR))} ${y}H${round(plot.x(point.t))}`);
    if (joins && start === "M") dashed.push(`M${round(plot.x(point.t - HOUR))} ${round(plot.y(before.value))}V${y}`);
  });
  return h("g", { class: `trace ${tone}`, "clip-path": clip },
    h("path", { class: "solid", d: solid.join("") || "M0 0" }), h("path", { class: "thin", d: dashed.join("") || "M0 0" }));
}

/// Target lines, named beside the plot; names too close to each other are moved apart.
function limits(plot, targets) {
  const placed = targets.map((target) => ({ target, y: plot.y(target.limit) })).sort((a, b) => a.y - b.y);
  let free = -Infinity;
  for (const line of placed) {
    line.label = Math.max(line.y, free);
    free = line.label + 13;
  }
  return h("g", { class: "limits" }, placed.map(({ target, y, label }) =>
    h("g", { key: target.id },
      h("line", { x1: plot.inner.left, x2: plot.inner.right, y1: round(y), y2: round(y) }),
      h("text", { x: plot.inner.right + 7, y: round(label) + 4 }, plot.width >= WIDE ? `${target.id} ${bound(target)}` : target.id))));
}

/// Hours beyond the scale, as arrowheads at its edge.
function outliers(plot) {
  const outside = plot.points.filter((point) => f.isKnown(point.value) && (point.value > plot.top || point.value < plot.bottom));
  return h("g", { class: "outliers" }, outside.map((point) => {
    const x = round(plot.x(point.t - HOUR / 2));
    const up = point.value > plot.top;
    const y = up ? plot.inner.top : plot.inner.bottom;
    const tip = up ? -5 : 5;
    return h("path", { d: `M${x - 4} ${y}L${x + 4} ${y}L${x} ${y + tip}Z` });
  }));
}

/// Coverage of each hour as a strip below the plot: the fuller, the darker.
function coverageStrip(id, plot) {
  const y = plot.inner.bottom + 8;
  return h("g", { class: "strip" }, alike(plot.points).map(({ start, end, coverage }) => {
    const x1 = plot.x(plot.points[start].t - HOUR);
    const width = Math.max(0.5, plot.x(plot.points[end].t) - x1);
    return h("rect", { x: round(x1), y, width: round(width), height: BOX.strip, "fill-opacity": round(coverage * 10) / 10 });
  }));
}

/// Neighbouring hours of the same coverage, to a tenth, as one.
function alike(points) {
  const found = [];
  points.forEach((point, index) => {
    const coverage = Math.floor(point.coverage * 10) / 10;
    const last = found[found.length - 1];
    if (last && last.coverage === coverage) last.end = index;
    else found.push({ start: index, end: index, coverage });
  });
  return found;
}

function cursor(plot, at) {
  const point = at === null ? null : plot.points[at];
  if (!point) return null;
  const x = round(plot.x(point.t - HOUR / 2));
  const y = f.isKnown(point.value) ? round(Math.max(plot.inner.top, Math.min(plot.inner.bottom, plot.y(point.value)))) : null;
  return h("g", { class: "cursor" },
    h("line", { x1: x, x2: x, y1: plot.inner.top, y2: plot.inner.bottom + 8 + BOX.strip }),
    y !== null && h("circle", { cx: x, cy: y, r: 4 }));
}

function handlers(host, chart, plot) {
  const last = plot.points.length - 1;
  const move = (index) => {
    chart.at = index === null ? null : Math.max(0, Math.min(last, index));
    draw(host, chart);
  };
  const point = (event) => {
    const box = host.getBoundingClientRect();
    const ms = plot.from + ((event.clientX - box.left - plot.inner.left) / (plot.inner.right - plot.inner.left)) * (plot.to - plot.from);
    move(Math.floor((ms - plot.from) / HOUR));
    showTip(event.clientX, event.clientY, reading(chart));
  };
  const leave = () => {
    move(null);
    hideTip();
  };
  const keys = { ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24, Home: -Infinity, End: Infinity };
  return {
    pointermove: point, pointerdown: point, pointerleave: leave, blur: leave,
    keydown: (event) => {
      if (!(event.key in keys)) return;
      event.preventDefault();
      // The first press shows the latest hour, unless the first one is asked for.
      move(chart.at === null && event.key !== "Home" ? last : (chart.at ?? 0) + keys[event.key]);
      const box = host.getBoundingClientRect();
      showTip(box.left + plot.x(plot.points[chart.at].t - HOUR / 2), box.top + plot.inner.top, reading(chart));
      speak(readingText(chart));
    },
  };
}

const hourOf = (point, zone) => `${f.day(point.t - HOUR, zone)}, ${f.clock(point.t - HOUR, zone)}–${f.clock(point.t, zone)}`;

function reading({ value: { facility, past }, at }) {
  const point = past.points[at];
  return [
    h("p", { class: "tip-when" }, hourOf(point, facility.time_zone)),
    h("p", { class: "tip-value num" }, f.isKnown(point.value) ? f.ratio(point.value) : "no data"),
    h("p", { class: "quiet" }, `coverage ${f.percent(point.coverage)}`),
  ];
}

function readingText({ value: { facility, past }, at }) {
  const point = past.points[at];
  const value = f.isKnown(point.value) ? `PUE ${f.ratio(point.value)}` : "no data";
  return `${hourOf(point, facility.time_zone)}: ${value}, coverage ${f.percent(point.coverage)}`;
}

function summary(facility, points) {
  const values = points.map((point) => point.value).filter(f.isKnown);
  if (values.length === 0) return `Hourly PUE of ${facility.title}: no data in ${points.length} hours.`;
  return `Hourly PUE of ${facility.title}: ${values.length} of ${points.length} hours have data, from ${f.ratio(Math.min(...values))} to ${f.ratio(Math.max(...values))}. Use the arrow keys to read the hours.`;
}

const tables = new Set();

/// The same hours as a table, made when it is opened.
export function hourlyTable(facility, past) {
  const isOpen = tables.has(facility.name);
  const toggled = (event) => {
    if (event.target.open) tables.add(facility.name);
    else tables.delete(facility.name);
    dispatchEvent(new Event("wattledger-redraw"));
  };
  return h("details", { class: "hours", on: { toggle: toggled } },
    h("summary", null, "The hours as a table"),
    isOpen && h("div", { class: "hours-scroll", tabindex: 0, role: "region", "aria-label": `Hourly PUE of ${facility.title}` },
      h("table", { class: "grid" },
        h("thead", null, h("tr", null, h("th", { scope: "col" }, "Hour"), h("th", { scope: "col", class: "right" }, "PUE"), h("th", { scope: "col", class: "right" }, "Coverage"))),
        h("tbody", null, past.points.toReversed().map((point) => h("tr", { key: String(point.t) },
          h("th", { scope: "row" }, hourOf(point, facility.time_zone)),
          h("td", { class: "right num" }, f.isKnown(point.value) ? f.ratio(point.value) : "no data"),
          h("td", { class: "right num" }, f.percent(point.coverage))))))));
}
