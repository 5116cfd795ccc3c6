// Every window of a facility: the value as a bar from 1.0 (no overhead) against the target, with what it rests on.
// A row opens to tell all; hovering over its verdict gives the reasons.

import * as f from "./format.js";
import { h } from "./tree.js";
import { tipped } from "./tip.js";
import { bound, distance, quantity, side, status, statusChip, UNGUARDED, verdict } from "./words.js";

const open = new Set();

/// The table of windows.
export function windowTable(facility) {
  if (facility.windows.length === 0) return null;
  const top = axisTop(facility);
  const groups = [
    ["Rolling, up to the “as of” time", facility.windows.filter((window) => window.rolling)],
    ["Calendar, to date", facility.windows.filter((window) => !window.rolling)],
  ];
  return h("div", { class: "windows" },
    h("h3", null, "By window"),
    h("table", { class: "grid windows-grid", role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        column("Window"), column("PUE", "right"),
        h("th", { scope: "col", role: "columnheader", class: "bar-col" }, axis(facility, top)),
        column("Coverage", "right"), column("Total", "right"), column("IT", "right"), column("WUE", "right", "L/kWh"),
        column("CUE", "right", "kg/kWh"), column("CO₂", "right"), column("Verdict"))),
      groups.filter(([, windows]) => windows.length > 0).map(([name, windows]) =>
        h("tbody", { key: name, role: "rowgroup" },
          h("tr", { role: "row", class: "group" }, h("th", { colspan: 10, scope: "rowgroup", role: "rowheader" }, name)),
          windows.map((window) => rows(facility, window, top))))));
}

const column = (label, className, unit) => h("th", { scope: "col", role: "columnheader", class: className }, label, unit && h("span", { class: "sub" }, unit));

/// The bars share one scale that holds every sensible value and the targets.
function axisTop(facility) {
  const values = facility.windows.map((window) => window.pue.value).filter(f.isKnown);
  const limits = facility.targets.map((target) => target.limit);
  const most = Math.max(1.3, ...limits, ...values.map((value) => Math.min(value, 3)));
  return 1 + Math.ceil((most - 1) * 1.15 * 10) / 10;
}

const place = (value, top) => Math.max(0, Math.min(1, (value - 1) / (top - 1)));

function axis(facility, top) {
  // A label that would touch another is left out: its mark stays, and hovering names it.
  const labelled = facility.targets.filter((target, index, all) =>
    all.slice(0, index).every((other) => Math.abs(place(target.limit, top) - place(other.limit, top)) > 0.19) && place(target.limit, top) > 0.15 && place(target.limit, top) < 0.85);
  return h("span", { class: "axis" },
    h("span", { class: "axis-end" }, "1.0"),
    labelled.map((target) => h("span", { class: "axis-limit", key: target.id, css: { "--at": String(place(target.limit, top)) }, title: `${target.id} ${bound(target)}` }, f.limit(target.limit))),
    h("span", { class: "axis-end" }, f.number(top, 1)));
}

function rows(facility, window, top) {
  const id = `w-${facility.name}-${window.window}`;
  const key = `${facility.name} ${window.window}`;
  const isOpen = open.has(key);
  const toggle = () => {
    if (!open.delete(key)) open.add(key);
    dispatchEvent(new Event("wattledger-redraw"));
  };
  const { pue } = window;
  const known = f.isKnown(pue.value);
  return [
    h("tr", { key, role: "row", class: `row ${pue.status} ${isOpen ? "is-open" : ""}`, on: { click: (event) => event.target.closest("button") || toggle() } },
      h("th", { scope: "row", role: "rowheader", class: "w-name" },
        h("button", { type: "button", class: "opener", "aria-expanded": String(isOpen), "aria-controls": isOpen ? id : null, on: { click: toggle } }, window.label)),
      h("td", { role: "cell", class: "right num strong w-value" }, statusChip(pue.status), " ", known ? f.ratio(pue.value) : f.DASH),
      h("td", { role: "cell", class: "bar-col w-bar" }, bar(facility, pue, top)),
      h("td", { role: "cell", class: "right num w-coverage", "data-label": "Coverage" }, f.percent(pue.coverage)),
      h("td", { role: "cell", class: "right num w-more" }, quantity(f.energy(window.energy.total_kwh))),
      h("td", { role: "cell", class: "right num w-more" }, quantity(f.energy(window.energy.it_kwh))),
      h("td", { role: "cell", class: "right num w-more" }, small(window.wue)),
      h("td", { role: "cell", class: "right num w-more" }, small(window.cue)),
      h("td", { role: "cell", class: "right num w-more" }, window.carbon_kg ? quantity(f.mass(window.carbon_kg.value)) : f.DASH),
      h("td", { role: "cell", class: "w-verdict", on: tipped(() => reasons(pue)) }, verdictLine(pue))),
    isOpen && h("tr", { key: `${key} open`, role: "row", class: "detail", id },
      h("td", { colspan: 10, role: "cell" }, detail(facility, window))),
  ];
}

const small = (figure) => (figure && f.isKnown(figure.value) ? f.ratio(figure.value) : f.DASH);

function bar(facility, pue, top) {
  const target = facility.targets[0];
  const known = f.isKnown(pue.value);
  const tone = target ? side(pue, target) : "plain";
  const beyond = known && pue.value > top;
  return h("span", { class: `bullet ${tone} ${pue.status} ${beyond ? "beyond" : ""}`, "aria-hidden": "true" },
    known && h("span", { class: "fill", css: { "--to": String(place(pue.value, top)) } }),
    facility.targets.map((limit) => h("span", { class: "tick", key: limit.id, title: `${limit.id} ${bound(limit)}`, css: { "--at": String(place(limit.limit, top)) } })));
}

/// The same verdict for several targets in one line.
function verdictLine(pue) {
  const grouped = new Map();
  for (const judged of pue.verdicts) {
    const ids = grouped.get(judged.verdict) ?? [];
    ids.push(judged.target);
    grouped.set(judged.verdict, ids);
  }
  if (grouped.size === 0) return h("span", { class: "quiet" }, f.DASH);
  return [...grouped].map(([word, ids]) => {
    const { label, tone } = verdict(word);
    return h("span", { class: `state ${tone}`, key: word }, word === "not_assessable" ? label : `${label} ${ids.join(", ")}`);
  });
}

function reasons(pue) {
  if (pue.verdicts.length === 0) return h("p", null, "No target applies.");
  return pue.verdicts.map((judged) => h("div", { class: "tip-verdict" },
    h("b", null, `${judged.target} (limit ${f.limit(judged.limit)}): ${verdict(judged.verdict).label.toLowerCase()}`),
    h("ul", null, why(judged).map((reason) => h("li", null, reason)))));
}

const why = (judged) => (judged.reasons.length > 0 ? judged.reasons : judged.verdict === "not_assessable" ? ["no reason given"] : [UNGUARDED]);

function detail(facility, window) {
  const { pue } = window;
  return h("div", { class: "detail-grid" },
    h("dl", null,
      fact("Figure", pue.notation, null, "wide"),
      fact("Period", f.range(f.instant(window.from), f.instant(window.to), facility.time_zone), facility.time_zone, "wide"),
      fact("Status", [status(pue.status).label || "ok", status(pue.status).meaning && h("span", { class: "sub" }, status(pue.status).meaning)]),
      fact("Total over IT", `${f.joined(f.energy(pue.numerator))} / ${f.joined(f.energy(pue.denominator))}`, "over the time that both cover"),
      fact("All that was booked", `${f.joined(f.energy(window.energy.total_kwh))} / ${f.joined(f.energy(window.energy.it_kwh))}`, "with energy that only one covers")),
    h("dl", null,
      fact("Coverage", f.percent(pue.coverage)),
      fact("Interpolated", f.percent(pue.interpolated), "split over long steps"),
      fact("Estimated", f.percent(pue.estimated), "at resets and jumps"),
      extra("WUE", window.wue, (value) => `${f.ratio(value)}\u00a0L/kWh`),
      extra("CUE", window.cue, (value) => `${f.ratio(value)}\u00a0kg/kWh`),
      extra("CO₂", window.carbon_kg, (value) => f.joined(f.mass(value)))),
    h("div", { class: "detail-verdicts" },
      pue.verdicts.map((judged) => {
        const { label, tone } = verdict(judged.verdict);
        const target = facility.targets.find((found) => found.id === judged.target) ?? { limit: judged.limit, operator: "<=" };
        return h("div", { key: judged.target, class: "judged" },
          h("p", null, h("b", null, `${judged.target} ${bound(target)} `), h("span", { class: `state ${tone}` }, label),
            f.isKnown(pue.value) && h("span", { class: "sub" }, `${distance(pue.value, target)} the limit`)),
          h("ul", null, why(judged).map((reason) => h("li", null, reason))));
      })));
}

function fact(label, value, note, width) {
  return h("div", { key: label, class: width }, h("dt", null, label), h("dd", { class: "num" }, value, note && h("span", { class: "sub" }, note)));
}

function extra(label, figure, write) {
  if (!figure) return null;
  return fact(label, [f.isKnown(figure.value) ? write(figure.value) : f.DASH, " ", statusChip(figure.status)], `coverage ${f.percent(figure.coverage)}`);
}
