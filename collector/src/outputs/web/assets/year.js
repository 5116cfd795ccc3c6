// What the year's targets still permit a facility, and how its year will end.

import * as f from "./format.js";
import { h } from "./tree.js";
import { bound, plural, quantity } from "./words.js";

const AGAIN_MS = 300_000;
const SOON_MS = 10_000;
const known = { outlooks: null, triedAt: -Infinity, busy: false };

const STATE = {
  on_course: ["on course", "good", "The forecast meets the limit."],
  warning: ["warning", "warn", "The forecast misses the limit."],
  critical: ["critical", "bad", "The rest of the year would have to be better than the best 30 days of the last twelve months."],
  lost: ["lost", "bad", "The rest of the year would need a PUE below 1."],
  unknown: ["unknown", "mute", "Too little is known."],
};

const METHOD = {
  weather: "by outdoor temperature and last year’s weather",
  season: "by last year’s season",
  mirrored: "by the other side of this year’s summer",
  recent: "by the last 30 days",
};

function outlookOf(facility) {
  const since = performance.now() - known.triedAt;
  const made = known.outlooks?.made_at;
  const found = known.outlooks?.facilities.find((one) => one.facility === facility.name);
  if (!known.busy && since > (made && found?.outlook ? AGAIN_MS : SOON_MS)) load();
  return { made, found };
}

async function load() {
  known.busy = true;
  known.triedAt = performance.now();
  try {
    const answer = await fetch("/api/outlooks", { cache: "no-store" });
    if (answer.ok) known.outlooks = await answer.json();
  } catch {
    // The page says by itself that the collector does not answer; it is asked again.
  }
  known.busy = false;
  dispatchEvent(new Event("wattledger-redraw"));
}

/// The facility's year.
export function yearView(facility) {
  const { made, found } = outlookOf(facility);
  const outlook = found?.outlook;
  return h("div", { class: "year", key: "year" },
    h("h3", null, outlook ? `The year ${outlook.year} and its targets` : "The year and its targets"),
    outlook ? whole(outlook) : h("p", { class: "quiet" },
      made ? found?.why ?? "Nothing is foreseen for this facility." : "What is foreseen for the year is being made."));
}

function whole(outlook) {
  const { forecast, targets } = outlook;
  return [
    h("dl", { class: "year-facts" },
      fact("Year to date", f.ratio(outlook.value), `coverage ${f.percent(outlook.coverage)}`),
      fact("Whole year, foreseen", forecast ? f.ratio(forecast.value) : f.DASH,
        forecast ? `nine times in ten ${f.ratio(forecast.low)} to ${f.ratio(forecast.high)}` : outlook.days_left === 0 ? "the year is over" : "after a week of data"),
      fact("Rest of the year, foreseen", forecast ? f.ratio(forecast.remaining_pue) : f.DASH,
        forecast ? METHOD[forecast.method] ?? forecast.method : null),
      fact("Best 30 days", f.isKnown(outlook.best_month) ? f.ratio(outlook.best_month) : f.DASH, "of the last twelve months"),
      fact("Days left", f.number(outlook.days_left), `from ${outlook.now} on`)),
    targets.length === 0
      ? h("p", { class: "quiet" }, "No target limits its PUE.")
      : h("table", { class: "grid year-grid", role: "table" },
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
          column("Target"), column("Permitted for the rest", "right"), column("Overhead left", "right"), column("Lasts", "right"),
          column("Burn rate: year", "right"), column("30 d", "right"), column("7 d", "right"), column("1 d", "right"),
          column("Breach", "right"), column("State"))),
        h("tbody", { role: "rowgroup" }, targets.map(row))),
  ];
}

const fact = (label, value, note) => h("div", { key: label }, h("dt", null, label), h("dd", null, h("span", { class: "value num" }, value), h("span", { class: "sub" }, note)));

const column = (label, className) => h("th", { scope: "col", role: "columnheader", class: className }, label);

function row(budget) {
  const { permitted, overhead_left_kwh: left, lasts_days: lasts, burn_rates: rates, breach_probability: breach } = budget;
  const [label, tone, meaning] = STATE[budget.state] ?? [budget.state, "mute", ""];
  const cell = (name, content, className = "right num") => h("td", { key: name, role: "cell", class: className, "data-label": name }, content);
  return h("tr", { key: budget.target, role: "row" },
    h("th", { scope: "row", role: "rowheader" }, budget.target, h("span", { class: "sub" }, bound(budget))),
    cell("Permitted", f.ratio(permitted)),
    cell("Overhead left", quantity(f.energy(left))),
    cell("Lasts", f.isKnown(lasts) ? plural(Math.floor(lasts), "day") : f.DASH),
    ["Burn rate, year", "30 days", "7 days", "1 day"].map((name, at) => cell(name, f.number(rates[at], 2), `right num ${rates[at] > 1 ? "warn-text" : ""}`)),
    cell("Breach", f.isKnown(breach) ? probability(breach) : f.DASH),
    h("td", { key: "state", role: "cell", class: "y-state", "data-label": "State" }, h("span", { class: `state ${tone}`, title: meaning }, label)));
}

/// Nothing that is foreseen is certain.
function probability(share) {
  if (share < 0.01) return "< 1\u00a0%";
  if (share > 0.99) return "> 99\u00a0%";
  return `${f.number(share * 100)}\u00a0%`;
}
