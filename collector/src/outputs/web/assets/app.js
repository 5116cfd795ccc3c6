// Joins the parts: takes snapshots, keeps the clock, draws.

import { agentsView, agentTrouble } from "./agents.js";
import { alertsView } from "./alerts.js";
import { noFacility } from "./empty.js";
import { facilityView } from "./facility.js";
import * as f from "./format.js";
import { watchCollector } from "./live.js";
import { metersView, meterTrouble } from "./meters.js";
import { facilityList, telling } from "./overview.js";
import { reportsView, reportTrouble } from "./reports.js";
import { h, render } from "./tree.js";
import { outputsView, quarantineView } from "./upkeep.js";
import { plural } from "./words.js";

/// Age at which figures are marked: the collector makes new ones at least each minute.
const STALE_S = 90;

const place = Object.fromEntries(["collector", "sections", "live", "notice", "main", "foot"].map((id) => [id, document.getElementById(id)]));
let snapshot = null;
let drawn = false;

const collector = watchCollector((latest) => {
  snapshot = latest;
  redraw();
});

/// Draws soon, once for any number of calls.
function redraw() {
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(() => {
    drawn = false;
    draw();
  });
}

function draw() {
  const { connected, ageS } = collector.state();
  const stale = ageS !== null && (ageS > STALE_S || (!connected && ageS > 15));
  document.body.classList.toggle("is-stale", stale);
  render(place.live, liveSign(connected, ageS, stale));
  render(place.notice, notice(connected, ageS, stale));
  if (!snapshot) {
    render(place.main, h("p", { class: "empty", key: "waiting" }, connected || ageS === null ? "Waiting for the collector…" : "The collector does not answer."));
    return;
  }
  // The collector's clock now: browsers' clocks differ, so ages are counted from the snapshot's own time.
  const now = f.instant(snapshot.generated_at) + ageS * 1000;
  document.title = title();
  render(place.collector, snapshot.collector);
  render(place.sections, sectionLinks());
  render(place.main,
    alertsView(snapshot, now),
    snapshot.facilities.length === 0 ? h("section", { class: "sheet", key: "none" }, noFacility()) : null,
    facilityList(snapshot),
    snapshot.facilities.map((facility) => facilityView(facility, now)),
    agentsView(snapshot, now),
    metersView(snapshot, ageS),
    reportsView(snapshot),
    h("div", { class: "pair", key: "pair" }, quarantineView(snapshot, now), outputsView(snapshot)));
  render(place.foot, foot());
}

function liveSign(connected, ageS, stale) {
  if (ageS === null) return h("span", { class: "state mute" }, connected ? "connected" : "connecting");
  const word = stale ? "not live" : connected ? "live" : "reconnecting";
  return [h("span", { class: `state ${stale ? "bad" : connected ? "good pulse" : "warn"}` }, word),
    h("span", { class: "sub num", "aria-hidden": "true" }, f.ago(ageS))];
}

function notice(connected, ageS, stale) {
  if (!stale) return null;
  const made = f.instant(snapshot?.generated_at);
  return h("div", { class: "stale" },
    h("b", null, connected ? "The figures stand still." : "The collector does not answer."),
    // The growing age is for eyes only: a screen reader would say it again each second.
    h("span", { "aria-hidden": "true" }, ` What you see is ${f.span(ageS)} old.`),
    ` It is from ${f.clockSeconds(made)} your time. `,
    connected ? "See /healthz and the collector's log." : "The page tries again by itself.");
}

function title() {
  const facility = snapshot.facilities[0];
  const value = facility && telling(facility)?.pue.value;
  const figure = snapshot.facilities.length === 1 && f.isKnown(value) ? `${f.ratio(value)} ${facility.title || facility.name}, ` : "";
  return `${snapshot.alerts.length > 0 ? `(${snapshot.alerts.length}) ` : ""}${figure}Wattledger ${snapshot.collector}`;
}

function sectionLinks() {
  const trouble = (list, test) => list.filter(test).length;
  const links = [
    ["agents", "Agents", trouble(snapshot.agents, agentTrouble)],
    ["meters", "Meters", trouble(snapshot.meters, meterTrouble)],
    ["reports", "Reports", reportTrouble()],
    ["quarantine", "Quarantine", trouble(snapshot.quarantine, (entry) => entry.held > 0)],
    ["outputs", "Outputs", trouble([...snapshot.outputs, ...snapshot.channels], (output) => output.state !== "ok")],
  ];
  return links.map(([id, label, count]) => h("a", { href: `#${id}`, key: id }, label,
    count > 0 && h("span", { class: "count num", title: `${count} to look at` }, f.number(count))));
}

function foot() {
  return [
    h("p", null, `Wattledger ${snapshot.version}, collector ${snapshot.collector}, up for ${f.span(snapshot.uptime_s)}; `,
      plural(snapshot.meters.length, "meter"), ", ", plural(snapshot.agents.length, "agent"), "."),
    h("p", null, "A PUE is total energy over IT energy, each summed before dividing, over the time both cover. Without twelve months it is an interim figure (iPUE) and gets no verdict. Missing is never counted as zero."),
  ];
}

addEventListener("wattledger-redraw", redraw);
document.addEventListener("visibilitychange", redraw);
setInterval(() => document.hidden || redraw(), 1_000);
redraw();
