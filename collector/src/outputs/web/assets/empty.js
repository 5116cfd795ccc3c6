// What a section says when it has nothing to show: what that means and what to do next.

import { h } from "./tree.js";

/// An empty state, with an example of configuration where one helps.
export function empty(title, text, example) {
  return h("div", { class: "empty" },
    h("p", { class: "empty-title" }, title),
    h("p", null, text),
    example && h("pre", null, h("code", null, example)));
}

/// No facility is configured.
export const noFacility = () => empty(
  "No facility yet",
  "A facility is a boundary with a PUE of its own. Name one in the collector's configuration, give it a meter for everything that enters and one for IT, and start the collector again.",
  `[[site]]
name = "hall"
time_zone = "Europe/Berlin"

[[facility]]
name = "hall-1"
site = "hall"

[[meter]]
name = "main-feed"
site = "hall"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"

[[meter]]
name = "ups-1-output"
site = "hall"
facility = "hall-1"
role = "ups-output"
kind = "register"
unit = "kWh"`);

/// No agent was heard.
export const noAgent = (collector) => empty(
  "No agent has reported",
  "An agent reads sensors and sends what they say to this collector. Start one with a configuration that names the same broker and this collector.",
  `[agent]
name = "hall-agent"
site = "hall"
collector = ${JSON.stringify(collector)}

[link]
broker = "mqtt://127.0.0.1:1883"`);

/// No meter is known.
export const noMeter = () => empty(
  "No meter yet",
  "Meters appear here as soon as an agent sends a reading, claimed or not. Claim one with a [[meter]] section in the collector's configuration; its past readings count too.");

/// Nothing is in quarantine.
export const noQuarantine = () => empty(
  "Nothing in quarantine",
  "Every payload so far could be read and believed. What cannot is kept here with its cause, and harms nothing else.");

/// No output is configured.
export const noOutput = () => empty(
  "No output configured",
  "Figures are shown on this page only. To chart them in Grafana, write them to InfluxDB as well.",
  `[[output.influx]]
name = "grafana"
url = "http://127.0.0.1:8086"
api = "v1"
database = "wattledger"`);

/// No report was made, and none will be.
export const noReport = (facility) => empty(
  "No report yet",
  "A report states a period’s figures with everything an auditor asks for. Have one made each month or year by a [[report]] section in the collector’s configuration: it is put into a folder, sent by mail, and listed here.",
  `[[report]]
name = "monthly"
facility = ${JSON.stringify(facility ?? "hall-1")}
every = "month"
formats = ["text", "csv"]`);
