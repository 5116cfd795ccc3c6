// The agents: whether each is heard, what it still holds, and how its sources do.

import { noAgent } from "./empty.js";
import * as f from "./format.js";
import { h } from "./tree.js";
import { plural, quantity, state } from "./words.js";

/// Agents that need a look.
export const agentTrouble = (agent) => agent.state !== "live" || agent.lost > 0 || agent.sources.some((source) => !source.healthy);

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
      pair("Refused", f.number(agent.refused), agent.refused > 0 && "warn"),
      pair("Lost", f.number(agent.lost), agent.lost > 0 && "bad")),
    h("div", { class: "spool", title: "Acknowledged batches stay in the spool until the space is needed." },
      h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: `fill ${agent.unacknowledged > 0 && full > 0.8 ? "bad" : ""}`, css: { "--to": String(Math.min(1, full)) } })),
      h("span", { class: "sub num" }, "spool ", quantity(f.bytes(agent.spool_bytes)), agent.spool_limit_bytes > 0 && [" of ", quantity(f.bytes(agent.spool_limit_bytes))])),
    agent.sources.length > 0 && h("ul", { class: "sources" }, agent.sources.map((source) =>
      h("li", { key: source.name },
        h("span", { class: `state ${source.healthy ? "good" : "bad"}` }, source.name),
        h("span", { class: "sub" }, source.detail)))));
}

const pair = (label, value, tone) => h("div", { key: label }, h("dt", null, label), h("dd", { class: `num ${tone || ""}` }, value));
