// The agents: whether each is heard, what it still holds, and how its sources do.

import { noAgent } from "./empty.js";
import * as f from "./format.js";
import { h } from "./tree.js";
import { plural, quantity, state } from "./words.js";

/// Agents that need a look.
export const agentTrouble = (agent) => agent.state !== "live" || agent.lost > 0 || agent.spool_trouble !== "" || agent.receipt.missing_batches > 0 || agent.sources.some((source) => !source.healthy);

/// The section of agents.
export function agentsView(snapshot, now) {
  return h("section", { class: "sheet", id: "agents", key: "agents", "aria-labelledby": "agents-title" },
    h("h2", { id: "agents-title" }, "Agents"),
    snapshot.agents.length === 0 ? noAgent(snapshot.collector) : h("div", { class: "cards" }, snapshot.agents.map((agent) => card(agent, now))));
}

function card(agent, now) {
  const seen = f.instant(agent.last_seen);
  const full = agent.spool_limit_bytes > 0 ? agent.spool_bytes / agent.spool_limit_bytes : 0;
  return h("article", { class: "card", key: `${agent.site}/${agent.agent}` },
    h("header", null,
      h("h3", null, agent.agent, h("span", { class: "sub" }, agent.site)),
      state(agent.state)),
    h("p", { class: "quiet" },
      h("span", null, seen === null ? "never heard" : `heard ${f.ago((now - seen) / 1000)}`),
      agent.version && h("span", null, `version ${agent.version}`)),
    h("dl", { class: "pairs" },
      pair("Taken in", f.number(agent.taken_in)),
      pair("Waiting", agent.unacknowledged === 0 ? "nothing" : plural(agent.unacknowledged, "batch", "batches")),
      pair("Committed", f.number(agent.receipt.committed)),
      pair("Came again", f.number(agent.receipt.duplicated)),
      pair("Quarantined", f.number(agent.receipt.quarantined), agent.receipt.quarantined > 0 && "warn"),
      pair("Thinned", f.number(agent.receipt.thinned), agent.receipt.thinned > 0 && "warn"),
      pair("Refused", f.number(agent.refused), agent.refused > 0 && "warn"),
      pair("Lost", f.number(agent.lost), agent.lost > 0 && "bad"),
      agent.receipt.overlapping_batches > 0 && pair("Overlapping", plural(agent.receipt.overlapping_batches, "batch", "batches"), "warn"),
      agent.receipt.missing_batches > 0 && pair("Missing", plural(agent.receipt.missing_batches, "batch", "batches"), "bad")),
    agent.spool_trouble !== "" && h("p", { class: "quiet bad" }, `${agent.spool_trouble} (${f.number(agent.held_back)} readings wait in memory)`),
    agent.clock_jumps > 0 && h("p", { class: "quiet" }, `clock set ${plural(agent.clock_jumps, "time", "times")}, last by ${f.number(agent.clock_jumped_ms / 1000)} s`),
    h("div", { class: "spool", title: "Acknowledged batches stay in the spool until the space is needed." },
      h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: `fill ${agent.unacknowledged > 0 && full > 0.8 ? "bad" : ""}`, css: { "--to": String(Math.min(1, full)) } })),
      h("span", { class: "sub num" }, "spool ", quantity(f.bytes(agent.spool_bytes)), agent.spool_limit_bytes > 0 && [" of ", quantity(f.bytes(agent.spool_limit_bytes))])),
    agent.sources.length > 0 && h("ul", { class: "sources" }, agent.sources.map((source) =>
      h("li", { key: source.name },
        h("span", { class: `state ${source.healthy ? "good" : "bad"}` }, source.name),
        h("span", { class: "sub" }, source.detail)))));
}

const pair = (label, value, tone) => h("div", { key: label }, h("dt", null, label), h("dd", { class: `num ${tone || ""}` }, value));
