// The meters: what each last said and how well its day is covered. Those that need a look come first.

import { noMeter } from "./empty.js";
import * as f from "./format.js";
import { h } from "./tree.js";
import { chip, plural, quantity, state } from "./words.js";

const PAGE = 20;
const asked = { text: "", show: "all", facility: "", limit: PAGE };

/// Meters that need a look.
export const meterTrouble = (meter) => meter.state !== "fresh" || (meter.assigned && meter.coverage_24h < 0.95);

const SHOWS = {
  all: ["All", () => true],
  look: ["Need a look", meterTrouble],
  unassigned: ["Unassigned", (meter) => !meter.assigned],
};

/// The section of meters.
export function metersView(snapshot, passedS) {
  return h("section", { class: "sheet", id: "meters", key: "meters", "aria-labelledby": "meters-title" },
    h("h2", { id: "meters-title" }, "Meters"),
    snapshot.meters.length === 0 ? noMeter() : [filters(snapshot), table(snapshot, passedS)]);
}

function ask(change) {
  Object.assign(asked, { limit: PAGE }, change);
  dispatchEvent(new Event("wattledger-redraw"));
}

function filters(snapshot) {
  const shows = Object.entries(SHOWS).map(([name, [label, keep]]) => {
    const count = snapshot.meters.filter(keep).length;
    return h("button", { type: "button", key: name, class: "pick", "aria-pressed": String(asked.show === name), on: { click: () => ask({ show: name }) } },
      label, h("span", { class: "count num" }, f.number(count)));
  });
  const facilities = snapshot.facilities.map((facility) => h("option", { key: facility.name, value: facility.name }, facility.title || facility.name));
  return h("div", { class: "filters", role: "search", "aria-label": "Meters", key: "filters" },
    h("input", { type: "search", class: "find", placeholder: "Find by name, role or unit", "aria-label": "Find meters", spellcheck: "false", on: { input: (event) => ask({ text: event.target.value }) } }),
    h("div", { class: "picks", role: "group", "aria-label": "Which meters" }, shows),
    facilities.length > 1 && h("select", { "aria-label": "Facility", on: { change: (event) => ask({ facility: event.target.value }) } },
      h("option", { value: "" }, "All facilities"), facilities));
}

function matches(meter) {
  if (!SHOWS[asked.show][1](meter)) return false;
  if (asked.facility && meter.facility !== asked.facility) return false;
  const text = [meter.site, meter.meter, meter.title, meter.facility, meter.role, meter.kind, meter.unit].join(" ").toLowerCase();
  return asked.text.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

const RANK = { never: 0, stale: 1, fresh: 2 };
const rank = (meter) => (meter.assigned ? (RANK[meter.state] ?? 1) * 2 + (meterTrouble(meter) ? 0 : 2) : 5);

const order = new Intl.Collator("en", { numeric: true });
let listed = { snapshot: null, asked: "", meters: [] };

/// The wanted meters in order; kept until the figures or the wish change, since a site may have thousands.
function wanted(snapshot) {
  const wish = `${asked.show} ${asked.facility} ${asked.text}`;
  if (listed.snapshot !== snapshot || listed.asked !== wish) {
    const meters = snapshot.meters.filter(matches).sort((a, b) => rank(a) - rank(b) || order.compare(a.site, b.site) || order.compare(a.meter, b.meter));
    listed = { snapshot, asked: wish, meters };
  }
  return listed.meters;
}

function table(snapshot, passedS) {
  const found = wanted(snapshot);
  if (found.length === 0) {
    return h("p", { class: "empty", key: "none" }, asked.show === "look" && !asked.text ? "Every meter is fresh and covered." : "No meter matches.");
  }
  const shown = found.slice(0, asked.limit);
  return [
    h("table", { class: "grid meters-grid", key: "table", role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        ["Meter", "Role", "State"].map((label) => h("th", { scope: "col", role: "columnheader" }, label)),
        ["Last value", "Power", "Covered, 24 h", "Resets", "Refused"].map((label) => h("th", { scope: "col", role: "columnheader", class: "right" }, label)))),
      h("tbody", { role: "rowgroup" }, shown.map((meter) => row(meter, snapshot, passedS)))),
    found.length > shown.length && h("p", { class: "more", key: "more" },
      `${f.number(shown.length)} of ${plural(found.length, "meter")} `,
      h("button", { type: "button", on: { click: () => ask({ limit: asked.limit + 5 * PAGE }) } }, "Show more")),
  ];
}

function row(meter, snapshot, passedS) {
  const facility = snapshot.facilities.find((found) => found.name === meter.facility);
  const age = f.isKnown(meter.age_s) ? meter.age_s + passedS : null;
  return h("tr", { key: `${meter.site}/${meter.meter}`, role: "row" },
    h("th", { scope: "row", role: "rowheader", class: "m-name" }, meter.title || meter.meter, h("span", { class: "sub" }, meter.title ? `${meter.site} / ${meter.meter}` : meter.site)),
    h("td", { role: "cell", class: "m-role" }, meter.assigned ? [meter.role ?? f.DASH, h("span", { class: "sub" }, facility?.title ?? meter.facility)] : chip("unassigned", "info", "No [[meter]] section claims it. Its readings are kept and count once it is claimed.")),
    h("td", { role: "cell", class: "m-state" }, state(meter.state), age !== null && h("span", { class: "sub num", title: f.dateTime(f.instant(meter.last_at), facility?.time_zone) }, f.ago(age))),
    h("td", { role: "cell", class: "right num", "data-label": "Last value" }, h("span", { class: "raw" }, meter.last_value ?? f.DASH), meter.last_value && h("span", { class: "unit" }, `\u00a0${meter.unit}`)),
    h("td", { role: "cell", class: "right num", "data-label": "Power" }, quantity(f.power(meter.power_w))),
    h("td", { role: "cell", class: "right num", "data-label": "Covered, 24 h" }, h("span", { class: meter.assigned && meter.coverage_24h < 0.95 ? "late" : "" }, f.percent(meter.coverage_24h))),
    h("td", { role: "cell", class: `right num ${meter.resets > 0 ? "late" : "faint"}`, "data-label": "Resets" }, f.number(meter.resets), meter.pending > 0 && h("span", { class: "sub", title: "A fall or jump that the next readings may still decide otherwise: its minutes are provisional." }, `${f.number(meter.pending)} pending`)),
    h("td", { role: "cell", class: `right num ${meter.refused > 0 ? "late" : "faint"}`, "data-label": "Refused" }, f.number(meter.refused), meter.conflicts > 0 && h("span", { class: "sub", title: `Readings for an instant that had another value; one an instant counts. ${plural(meter.duplicates, "reading")} came again with the same value.` }, plural(meter.conflicts, "conflict"))));
}
