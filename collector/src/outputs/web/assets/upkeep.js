// What was refused, and how the outputs keep up.

import { noOutput, noQuarantine } from "./empty.js";
import * as f from "./format.js";
import { h } from "./tree.js";
import { plural, state } from "./words.js";

/// The section of refused payloads.
export function quarantineView(snapshot, now) {
  const causes = snapshot.quarantine.toSorted((a, b) => b.count - a.count);
  return h("section", { class: "sheet", id: "quarantine", key: "quarantine", "aria-labelledby": "quarantine-title" },
    h("h2", { id: "quarantine-title" }, "Quarantine"),
    causes.length === 0 ? noQuarantine() : h("ul", { class: "entries" }, causes.map((entry) =>
      h("li", { key: entry.cause },
        h("div", { class: "entry-head" }, h("b", null, entry.cause), h("span", { class: "num" }, `${f.number(entry.count)} refused, ${entry.held > 0 ? `${f.number(entry.held)} to decide on` : "none to decide on"}`),
          h("span", { class: "sub" }, `latest ${f.ago((now - f.instant(entry.last_at)) / 1000)}`)),
        h("p", null, entry.detail),
        h("p", { class: "sub mono" }, entry.origin)))));
}

/// The section of outputs.
export function outputsView(snapshot) {
  return h("section", { class: "sheet", id: "outputs", key: "outputs", "aria-labelledby": "outputs-title" },
    h("h2", { id: "outputs-title" }, "Outputs"),
    snapshot.outputs.length === 0 ? noOutput() : h("ul", { class: "entries" }, snapshot.outputs.map((output) =>
      h("li", { key: output.name },
        h("div", { class: "entry-head" }, h("b", null, output.name), h("span", { class: "quiet" }, output.kind), state(output.state)),
        h("p", { class: "facts num" },
          h("span", null, lagText(output)),
          h("span", null, `${f.number(output.points)} points written`),
          output.refused_points > 0 && h("span", { class: "late" }, `${f.number(output.refused_points)} refused`)),
        output.last_error && h("p", { class: "error" }, output.last_error,
          output.state === "down" && h("span", { class: "sub" }, "Nothing is lost: it goes on from here when the output answers again."))))),
    snapshot.channels.length > 0 && h("ul", { class: "entries" }, snapshot.channels.map(channelEntry)));
}

/// A channel of alerts.
function channelEntry(channel) {
  return h("li", { key: `channel ${channel.name}` },
    h("div", { class: "entry-head" }, h("b", null, channel.name), h("span", { class: "quiet" }, `alerts by ${channel.kind}`), state(channel.state)),
    h("p", { class: "facts num" },
      h("span", null, `${plural(channel.delivered, "message")} delivered`),
      channel.failed > 0 && h("span", { class: "late" }, `${plural(channel.failed, "attempt")} failed`),
      channel.given_up > 0 && h("span", { class: "late" }, `${plural(channel.given_up, "message")} given up`)),
    channel.last_error && h("p", { class: "error" }, channel.last_error));
}

function lagText(output) {
  const behind = output.head - output.cursor;
  return behind > 0 ? `${plural(behind, "change")} behind (${f.number(output.cursor)} of ${f.number(output.head)})` : `at change ${f.number(output.head)}`;
}
