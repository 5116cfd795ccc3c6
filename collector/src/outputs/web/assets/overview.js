// All facilities at a glance.

import * as f from "./format.js";
import { h } from "./tree.js";
import { bound, distance, plural, quantity, side, statusChip } from "./words.js";

/// The window that says most on one look: a whole daily cycle where there is one, else the longest shorter one.
export function telling(facility) {
  const order = ["24h", "1h", "15m", "7d", "30d", "12mo", "1m"];
  const found = order.map((name) => facility.windows.find((window) => window.window === name));
  return found.find((window) => window && f.isKnown(window.pue.value)) ?? found.find(Boolean) ?? facility.windows[0];
}

/// All facilities in one table; left out for a single one.
export function facilityList(snapshot) {
  if (snapshot.facilities.length < 2) return null;
  return h("section", { class: "sheet list", "aria-labelledby": "list-title" },
    h("h2", { id: "list-title" }, plural(snapshot.facilities.length, "facility", "facilities")),
    h("table", { class: "grid facilities" },
      h("thead", null, h("tr", null,
        h("th", { scope: "col" }, "Facility"),
        h("th", { scope: "col" }, "PUE"),
        h("th", { scope: "col" }, "Against target"),
        h("th", { scope: "col", class: "right" }, "Total power"),
        h("th", { scope: "col", class: "right" }, "IT power"),
        h("th", { scope: "col", class: "right" }, "Coverage, 24 h"))),
      h("tbody", null, snapshot.facilities.map(facilityRow))));
}

function facilityRow(facility) {
  const window = telling(facility);
  const value = window?.pue.value;
  const target = facility.targets[0];
  const known = f.isKnown(value);
  return h("tr", { key: `facility ${facility.name}` },
    h("th", { scope: "row", "data-label": "" },
      h("a", { href: `#f-${facility.name}` }, facility.title || facility.name),
      h("span", { class: "sub" }, facility.site)),
    h("td", { class: "num strong", "data-label": "PUE" },
      known ? f.ratio(value) : f.DASH, " ", window && statusChip(window.pue.status),
      known && h("span", { class: "sub" }, window.label)),
    h("td", { "data-label": "Target" },
      facility.problem ? h("span", { class: "state warn" }, facility.problem)
        : known && target ? h("span", { class: `state ${side(window.pue, target)}` }, `${distance(value, target)} ${target.id} (${bound(target)})`)
        : f.DASH),
    h("td", { class: "right num", "data-label": "Total power" }, quantity(f.power(facility.power.total_w))),
    h("td", { class: "right num", "data-label": "IT power" }, quantity(f.power(facility.power.it_w))),
    h("td", { class: "right num", "data-label": "Coverage, 24 h" }, f.percent(facility.last_day.coverage)));
}
