// One facility: the telling figure, its history, what flows now, the year, and every window.

import * as f from "./format.js";
import { historyOf, retryHistory } from "./history.js";
import { telling } from "./overview.js";
import { hourlyTable, trend, trendKey } from "./trend.js";
import { h } from "./tree.js";
import { bound, category, distance, meets, quantity, side, statusChip, UNGUARDED, verdict } from "./words.js";
import { windowTable } from "./windows.js";
import { yearView } from "./year.js";

/// The facility's part of the page.
export function facilityView(facility, now) {
  const title = `t-${facility.name}`;
  return h("article", { class: "sheet facility", id: `f-${facility.name}`, key: `f ${facility.name}`, "aria-labelledby": title },
    heading(facility, title, now),
    facility.problem && problem(facility),
    hasFigures(facility) && h("div", { class: "front" }, hero(facility), history(facility)),
    flows(facility),
    hasFigures(facility) && yearView(facility),
    hasFigures(facility) && windowTable(facility));
}

/// A facility that cannot have a PUE is told what it lacks, not shown a dozen empty rows.
const hasFigures = (facility) => facility.problem === null || facility.windows.some((window) => f.isKnown(window.pue.value));

function heading(facility, id, now) {
  const asOf = f.instant(facility.as_of);
  const lag = asOf === null ? null : (now - asOf) / 1000;
  return h("header", { class: "facility-head" },
    h("div", null,
      h("h2", { id }, facility.title || facility.name),
      h("p", { class: "quiet" },
        h("span", null, facility.site), h("span", null, facility.time_zone),
        facility.category && h("span", { title: category(facility.category) }, `${facility.category}, ${category(facility.category)}`))),
    asOf === null
      ? h("p", { class: "as-of" }, "no complete minute yet")
      : h("p", { class: "as-of", title: `${f.dateTime(asOf, facility.time_zone)} ${facility.time_zone}` },
        "as of ", h("b", { class: "num" }, f.clock(asOf, facility.time_zone)),
        h("span", { class: lag > 900 ? "late" : "" }, `, ${f.ago(lag)}`)));
}

function problem(facility) {
  return h("div", { class: "callout" },
    h("p", null, h("b", null, facility.windows.some((window) => f.isKnown(window.pue.value)) ? "Needs a look: " : "No PUE yet: "), facility.problem, "."),
    h("p", null, "A PUE needs one meter for all that enters (role ", h("code", null, "utility"), ") and one for IT (",
      h("code", null, "ups-output"), ", ", h("code", null, "pdu-output"), " or ", h("code", null, "it-input"),
      "). Add or mend its [[meter]] section; readings that came before count too."));
}

function hero(facility) {
  const window = telling(facility);
  const pue = window?.pue;
  const known = f.isKnown(pue?.value);
  return h("div", { class: `hero ${pue?.status ?? "no-data"}` },
    h("p", { class: "label" }, window ? `PUE, ${window.rolling ? "last " : ""}${window.label}` : "PUE", " ", pue && statusChip(pue.status)),
    h("p", { class: "figure num" }, known ? f.ratio(pue.value) : f.DASH),
    h("p", { class: "notation" }, pue?.notation ?? "", uncertainty(pue)),
    h("ul", { class: "targets" }, facility.targets.map((target) => targetLine(target, pue))),
    pue && judgement(pue),
    h("dl", { class: "others" }, ["1h", "30d", "12mo"].map((name) => otherWindow(facility, name))));
}

/// How uncertain the value is, as far as the instruments are declared.
function uncertainty(pue) {
  if (pue?.resolved === false) return ", not resolved: the meters' steps are too coarse for so short a time";
  return f.isKnown(pue?.expanded) ? ` ± ${f.number(pue.expanded, 4)} (k = 2)` : null;
}

function targetLine(target, pue) {
  const tone = side(pue, target);
  const away = f.isKnown(pue?.value) ? [h("b", null, distance(pue.value, target)), " "] : null;
  return h("li", { key: target.id }, h("span", { class: `state ${tone}` }, away, `${target.id} (${bound(target)})`));
}

/// The verdict in words: alike for most targets, so said once where it is.
function judgement(pue) {
  const said = new Map();
  for (const judged of pue.verdicts) {
    const { label } = verdict(judged.verdict);
    const text = judged.verdict === "not_assessable" ? `${label}: ${judged.reasons.join("; ") || "no reason given"}` : label;
    said.set(text, [...(said.get(text) ?? []), judged.target]);
  }
  const all = said.size === 1;
  return h("p", { class: "judgement" }, [...said].map(([text, targets]) =>
    h("span", { class: "sub", key: text, title: text.includes("unguarded") ? UNGUARDED : null }, all ? text : `${targets.join(", ")}: ${text}`)));
}

function otherWindow(facility, name) {
  const window = facility.windows.find((found) => found.window === name);
  if (!window || window === telling(facility)) return null;
  return h("div", { key: name, class: window.pue.status },
    h("dt", null, window.label),
    h("dd", { class: "num" }, f.isKnown(window.pue.value) ? f.ratio(window.pue.value) : f.DASH,
      window.pue.status === "provisional" && h("abbr", { title: "provisional: too little is covered", class: "mark" }, "prov.")));
}

function history(facility) {
  const past = historyOf(facility);
  const key = trendKey(facility, past);
  return h("figure", { class: "history" },
    h("figcaption", { class: "label" }, "Hourly PUE, last 7 days"),
    past.points === null
      ? h("div", { class: "chart-wait" }, past.error
        ? [h("p", null, `The history could not be read: ${past.error}`), h("button", { type: "button", on: { click: () => retryHistory(facility) } }, "Try again")]
        : h("p", null, "Reading the history…"))
      : h("div", { class: "chart", mount: trend, value: { facility, past, key } }),
    past.points !== null && legend(facility, past),
    past.points !== null && past.points.length > 0 && hourlyTable(facility, past));
}

function legend(facility, past) {
  const thin = past.points.some((point) => f.isKnown(point.value) && point.coverage < 0.9);
  const gaps = past.points.some((point) => !f.isKnown(point.value));
  const over = facility.targets[0] && past.points.some((point) => f.isKnown(point.value) && !meets(point.value, facility.targets[0]));
  return h("ul", { class: "legend", "aria-hidden": "true" },
    h("li", null, h("i", { class: "key line" }), "one hour each"),
    over && h("li", null, h("i", { class: "key line over" }), "above the target"),
    thin && h("li", null, h("i", { class: "key dashed" }), "under 90\u00a0% covered"),
    gaps && h("li", null, h("i", { class: "key gap" }), "nothing measured"),
    h("li", null, h("i", { class: "key strip-key" }), "coverage of the hour"),
    facility.targets.map((target) => h("li", { key: target.id, class: "narrow-only" }, h("i", { class: "key limit" }), `${target.id} ${bound(target)}`)),
    past.error && h("li", { class: "late" }, "not refreshed: ", past.error));
}

function flows(facility) {
  const { power, last_day: day } = facility;
  const window = facility.windows.find((found) => found.window === "24h") ?? telling(facility);
  const overhead = f.isKnown(power.total_w) && f.isKnown(power.it_w) ? power.total_w - power.it_w : null;
  return h("dl", { class: "flows" },
    tile("Total power", quantity(f.power(power.total_w)), "15 min mean"),
    tile("IT power", quantity(f.power(power.it_w)), "15 min mean"),
    tile("Overhead", quantity(f.power(overhead)), "cooling, losses, the rest"),
    tile("Energy, 24 h", quantity(f.energy(day.total_kwh)), f.isKnown(day.it_kwh) ? `IT ${f.joined(f.energy(day.it_kwh))}` : null),
    tile("Coverage, 24 h", f.percent(day.coverage), coverageNote(window)),
    figureTile("WUE", window?.wue, "L/kWh", "water / IT, 24 h", "no water meter"),
    figureTile("CUE", window?.cue, "kg/kWh", "CO₂ / IT, 24 h", "no emission factor"),
    carbonTile(window?.carbon_kg));
}

function coverageNote(window) {
  const { interpolated = 0, estimated = 0 } = window?.pue ?? {};
  const parts = [interpolated > 0 && `${f.percent(interpolated)} interpolated`, estimated > 0 && `${f.percent(estimated)} estimated`];
  return parts.filter(Boolean).join(", ") || "total and IT alike";
}

function tile(label, value, note) {
  return h("div", { key: label }, h("dt", null, label), h("dd", null, h("span", { class: "value num" }, value), h("span", { class: "sub" }, note)));
}

function figureTile(label, figure, unit, note, missing) {
  if (!figure) return tile(label, f.DASH, missing);
  const known = f.isKnown(figure.value);
  return tile(label, known ? quantity({ text: f.ratio(figure.value), unit }) : f.DASH, [note, " ", statusChip(figure.status)]);
}

function carbonTile(figure) {
  if (!figure) return tile("CO₂, 24 h", f.DASH, "no emission factor");
  return tile("CO₂, 24 h", quantity(f.mass(figure.value)), ["location-based", " ", statusChip(figure.status)]);
}

