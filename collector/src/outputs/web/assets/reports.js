// The reports that were made and issued, with their files; and what comes next.

import { noReport } from "./empty.js";
import * as f from "./format.js";
import { h } from "./tree.js";
import { chip, plural, quantity, verdict } from "./words.js";

const AGAIN_MS = 60_000;
const SOON_MS = 10_000;
/// So many are shown until somebody asks for more.
const SHOWN = 12;
const known = { list: null, error: null, triedAt: -Infinity, busy: false };
let all = false;

async function load() {
  known.busy = true;
  known.triedAt = performance.now();
  try {
    const answer = await fetch("/api/reports", { cache: "no-store" });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error ?? `status ${answer.status}`);
    known.list = body;
    known.error = null;
  } catch (error) {
    known.error = error.message;
  }
  known.busy = false;
  dispatchEvent(new Event("wattledger-redraw"));
}

const needsLook = (report) => Boolean(report.problem) || (report.mail?.given_up ?? 0) > 0;

/// Reports and schedules that need a look.
export const reportTrouble = () => known.list
  ? known.list.reports.filter(needsLook).length + known.list.schedules.filter((schedule) => schedule.problem).length
  : 0;

/// The section of reports.
export function reportsView(snapshot) {
  if (!known.busy && performance.now() - known.triedAt > (known.list && !known.error ? AGAIN_MS : SOON_MS)) load();
  return h("section", { class: "sheet", id: "reports", key: "reports", "aria-labelledby": "reports-title" },
    h("h2", { id: "reports-title" }, "Reports"),
    known.error && h("p", { class: "error" }, `The list cannot be read: ${known.error}`),
    !known.list ? !known.error && h("p", { class: "quiet" }, "The list is being read.") : whole(known.list, snapshot));
}

function whole({ schedules, reports, left_off }, snapshot) {
  if (schedules.length === 0 && reports.length === 0) return noReport(snapshot.facilities[0]?.name);
  const shown = all ? reports : reports.slice(0, SHOWN);
  return [
    schedules.length > 0 && h("ul", { class: "entries schedules", key: "schedules" }, schedules.map((schedule) => upcoming(schedule, snapshot))),
    reports.length === 0
      ? h("p", { class: "quiet", key: "none" }, "None was made yet.")
      : h("table", { class: "grid reports-grid", key: "made" },
        h("thead", null, h("tr", null,
          h("th", { scope: "col" }, "Period"),
          h("th", { scope: "col" }, "About"),
          h("th", { scope: "col" }, "State"),
          h("th", { scope: "col" }, "Files"))),
        h("tbody", null, shown.map((report) => row(report, snapshot)))),
    (reports.length > shown.length || left_off > 0) && h("div", { class: "more", key: "more" },
      reports.length > shown.length && h("button", { type: "button", on: { click: () => { all = true; dispatchEvent(new Event("wattledger-redraw")); } } },
        `Show ${f.number(reports.length - shown.length)} more`),
      left_off > 0 && h("span", null, `${plural(left_off, "earlier report")} not listed`)),
  ];
}

/// What a schedule makes next.
function upcoming(schedule, snapshot) {
  return h("li", { key: `schedule ${schedule.name}` },
    h("div", { class: "entry-head" }, h("b", null, schedule.name),
      h("span", { class: "quiet" }, `each ${schedule.every}, ${about(schedule.about, snapshot)}`),
      !schedule.problem && h("span", { class: "quiet num" }, schedule.next_period
        ? `next ${schedule.next_period}, made ${f.dateTime(f.instant(schedule.next_at))} your time if all is known by then`
        : "waits for the first readings")),
    schedule.problem && h("p", { class: "error" }, schedule.problem));
}

function row(report, snapshot) {
  return h("tr", { key: `${report.schedule ?? ""} ${report.id}` },
    h("th", { scope: "row", class: "num r-period" }, report.period,
      h("span", { class: "sub" }, report.schedule ?? report.id)),
    h("td", { "data-label": "About" }, about(report.about, snapshot),
      report.form && h("span", { class: "sub" }, `form ${report.form}`),
      report.headline && h("span", { class: "sub num" }, report.headline),
      report.verdicts.length > 0 && h("span", { class: "r-verdicts" }, report.verdicts.map(([target, word]) => {
        const { label, tone } = verdict(word);
        return h("span", { class: `state ${tone}`, key: target }, `${target} ${label.toLowerCase()}`);
      }))),
    h("td", { "data-label": "State" }, state(report)),
    h("td", { "data-label": "Files", class: "r-files" }, report.files.length === 0 ? f.DASH
      : h("ul", null, report.files.map((file) => h("li", { key: file.name },
        h("a", { href: `/reports/${encodeURIComponent(report.id)}/${encodeURIComponent(file.name)}`, title: `${file.name}\nSHA-256 ${file.sha256}` }, kind(file.name)),
        h("span", { class: "faint num" }, " ", quantity(f.bytes(file.bytes))))))));
}

function state(report) {
  const issued = report.issued;
  return [
    report.at && h("span", { class: "num", key: "at" }, `${report.schedule ? "made" : "issued"} ${f.dateTime(f.instant(report.at))}`),
    issued && h("span", { class: "r-chips", key: "issued" },
      chip(report.schedule ? `issued ${issued.id}` : "issued", "info", "Frozen: what comes late never changes it."),
      issued.signed === true && chip("signed", "info"),
      issued.restates && chip(`restates ${issued.restates}`, "info"),
      issued.restated_by && chip(`restated by ${issued.restated_by}`, "warn", "A later issue takes its place.")),
    report.problem && h("span", { class: `r-problem ${report.again_at ? "error" : "warn-text"}`, key: "problem" }, report.problem,
      report.again_at && h("span", { class: "sub" }, `tried again ${f.dateTime(f.instant(report.again_at))}`)),
    report.mail && mail(report.mail),
  ];
}

function mail({ sent, waiting, given_up, problem }) {
  const parts = [
    sent > 0 && `mailed to ${plural(sent, "reader")}`,
    waiting > 0 && `${plural(waiting, "letter")} on the way`,
    given_up > 0 && `${plural(given_up, "letter")} given up`,
  ].filter(Boolean);
  return h("span", { class: `sub ${given_up > 0 ? "late" : ""}`, key: "mail" }, parts.join(", "), problem && `: ${problem}`);
}

/// `facility hall-1` by the facility's title.
function about(text, snapshot) {
  const [, name] = text.match(/^facility (.+)$/) ?? [];
  const facility = name && snapshot.facilities.find((one) => one.name === name);
  return facility?.title || name || text;
}

/// What a file is: the end of its name, and its language.
function kind(name) {
  const [, lang, end] = name.match(/\.(en|zh)\.([a-z]+)$/) ?? [null, null, name.split(".").at(-1)];
  const word = { txt: "Text", json: "JSON", csv: "CSV", html: "HTML", xlsx: "XLSX", pdf: "PDF" }[end] ?? name;
  return lang ? `${word}, ${lang === "zh" ? "中文" : "English"}` : word;
}
