// Alerts that are up, with what is known of each and what was said of it; and where operators say it.

import * as f from "./format.js";
import { change, operator, standing } from "./operators.js";
import { h } from "./tree.js";
import { chip, plural } from "./words.js";

const SEVERITY = { critical: "bad", warning: "warn", info: "info" };
const LENGTHS = [[3_600, "1 hour"], [14_400, "4 hours"], [86_400, "1 day"]];
/// Labels that every alert has and its card shows otherwise.
const COMMON = new Set(["rule", "condition", "facility", "subject", "severity"]);
const forms = new Map();

const redraw = () => dispatchEvent(new Event("wattledger-redraw"));

/// The raised alerts and the silences in force; nothing while there are none.
export function alertsView(snapshot, now) {
  const { may, silences } = standing();
  if (snapshot.alerts.length === 0 && silences.length === 0) return null;
  const facilities = new Map(snapshot.facilities.map((facility) => [facility.name, facility]));
  return h("section", { class: "alerts", key: "alerts", "aria-labelledby": "alerts-title", id: "alerts" },
    h("h2", { id: "alerts-title", class: "unseen" }, snapshot.alerts.length > 0 ? plural(snapshot.alerts.length, "active alert") : "Silences"),
    snapshot.alerts.map((alert) => alertCard(alert, facilities.get(alert.facility), now, may)),
    silences.length > 0 && silencesCard(silences, may));
}

function alertCard(alert, facility, now, may) {
  const tone = SEVERITY[alert.severity] ?? "warn";
  const zone = facility?.time_zone;
  const since = f.instant(alert.since);
  const whom = alert.subject || alert.facility;
  const quiet = alert.silenced_by || alert.acknowledged;
  return h("article", { class: `alert ${tone} ${quiet ? "is-quiet" : ""}`, key: `alert ${alert.id}` },
    h("div", { class: "alert-head" },
      chip(alert.severity, tone),
      h("strong", null, alert.rule),
      h("span", { class: "quiet" }, whom === alert.facility ? facility?.title ?? alert.facility : whom),
      alert.silenced_by && chip("silenced", "mute"),
      alert.acknowledged && chip("acknowledged", "mute")),
    h("p", null, alert.annotations.summary || alert.reason),
    alert.annotations.summary && h("p", { class: "quiet" }, alert.reason),
    h("p", { class: "facts" },
      h("span", null, h("b", { class: "num" }, amount(alert.value, alert.unit)), ` against ${amount(alert.limit, alert.unit, true)}`),
      (alert.what || alert.window) && h("span", null, alert.what || `window ${alert.window}`),
      h("span", null, `coverage ${f.percent(alert.coverage)}`),
      h("span", { title: f.dateTime(since, zone) }, `since ${f.clock(since, zone)}, ${f.ago((now - since) / 1000)}`)),
    alert.cause && h("p", { class: "quiet" }, alert.cause),
    alert.changed.length > 0 && h("div", { class: "quiet" }, "What changed:", h("ul", { class: "points" }, alert.changed.map((change) => h("li", null, change)))),
    alert.suppresses.length > 0 && h("p", { class: "quiet" }, `Explains, and keeps quiet: ${alert.suppresses.join(", ")}`),
    words(alert),
    alert.look_at && h("p", { class: "sub" }, "Look at ", h("code", null, alert.look_at)),
    said(alert, zone, now),
    may && actions(alert));
}

/// A value or limit in its unit. A limit of a ratio is written as in its document.
function amount(value, unit, isLimit = false) {
  if (unit === "s") return f.span(value);
  if (unit === "%") return `${f.number(value, 1)}\u00a0%`;
  if (unit === "" || unit === "1") return isLimit ? f.limit(value) : f.ratio(value);
  return `${f.number(value, 2)}\u00a0${unit}`;
}

/// The rule's own annotations and labels.
function words(alert) {
  const notes = Object.entries(alert.annotations).filter(([name]) => name !== "summary");
  const labels = Object.entries(alert.labels).filter(([name]) => !COMMON.has(name));
  if (notes.length + labels.length === 0) return null;
  return h("p", { class: "facts sub" }, [...notes, ...labels].map(([name, text]) => h("span", { key: name }, `${name} ${text}`)));
}

/// Who silenced it and who looks after it.
function said(alert, zone, now) {
  const { silenced_by: silence, acknowledged: ack } = alert;
  const lines = [
    silence && `Nobody is told until ${until(silence, zone)} (${silence.id}): ${silence.reason}, says ${silence.by}`,
    ack && `${ack.by} looks after it, ${f.ago((now - f.instant(ack.at)) / 1000)}: ${ack.note}`,
  ].filter(Boolean);
  return lines.length > 0 && h("div", { class: "said" }, lines.map((line) => h("p", null, line)));
}

const until = (silence, zone) => f.dateTime(f.instant(silence.until), zone);

function silencesCard(silences, may) {
  return h("article", { class: "alert plain", key: "silences" },
    h("div", { class: "alert-head" }, h("strong", null, plural(silences.length, "silence"), " in force")),
    h("ul", { class: "silences" }, silences.map((silence) => {
      const key = `end ${silence.id}`;
      return h("li", { key },
        h("p", null, h("code", null, silence.matchers.join(" ")), ` until ${until(silence)}`),
        h("p", { class: "sub" }, `${silence.id}, ${silence.by}: ${silence.reason}`),
        may && (forms.has(key)
          ? form(key, "End it now", (_, who) => change("/api/alerts/silence/end", { id: silence.id }, who))
          : h("p", { class: "actions" }, button("End it", `End silence ${silence.id}`, () => open(key)))));
    })));
}

function actions(alert) {
  const [silencing, acking] = [`silence ${alert.id}`, `ack ${alert.id}`];
  if (forms.has(silencing)) {
    const matchers = [`rule=${alert.rule}`, `subject=${alert.subject || alert.facility}`];
    return form(silencing, "Silence", (fields, who) =>
      change("/api/alerts/silence", { matchers, for_s: forms.get(silencing).lasts, reason: fields.words.value }, who), "Why, such as chiller service", true);
  }
  if (forms.has(acking)) {
    return form(acking, "Acknowledge", (fields, who) =>
      change("/api/alerts/ack", { alert: alert.id, note: fields.words.value }, who), "What is done about it");
  }
  return h("p", { class: "actions" },
    !alert.silenced_by && button("Silence", `Silence ${alert.rule}`, () => open(silencing)),
    !alert.acknowledged && button("Acknowledge", `Acknowledge ${alert.rule}`, () => open(acking)));
}

const button = (label, spoken, click) => h("button", { type: "button", key: label, "aria-label": spoken, on: { click } }, label);

/// The name of a form's first field, for the focus.
const idOf = (key) => `form-${key.replaceAll(/[^A-Za-z0-9-]/g, "-")}`;

function open(key) {
  forms.set(key, { lasts: LENGTHS[0][0], busy: false, error: null });
  redraw();
  // After the drawing that the redraw asks for.
  requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector(`#${idOf(key)} input, #${idOf(key)} button`)?.focus()));
}

function close(key) {
  forms.delete(key);
  redraw();
}

/// A form for what is said, and for who says it where that is not known yet.
function form(key, label, send, hint, hasLength) {
  const state = forms.get(key);
  const who = operator();
  const submit = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    const fields = event.target.elements;
    Object.assign(state, { busy: true, error: null });
    redraw();
    try {
      await send(fields, operator() ?? { name: fields.name.value, token: fields.token.value });
      forms.delete(key);
    } catch (error) {
      Object.assign(state, { busy: false, error: error.message });
    }
    redraw();
  };
  const field = (name, label_, type, most) => h("label", { key: name }, label_,
    h("input", { name, type, required: true, maxlength: most, autocomplete: "off", spellcheck: "false" }));
  return h("form", { class: "say", id: idOf(key), key: `form ${key}`, on: { submit, keydown: (event) => event.key === "Escape" && close(key) } },
    hasLength && h("div", { class: "picks", role: "group", "aria-label": "For how long" }, LENGTHS.map(([seconds, name]) =>
      h("button", { type: "button", class: "pick", key: name, "aria-pressed": String(state.lasts === seconds), on: { click: () => { state.lasts = seconds; redraw(); } } }, name))),
    hint && field("words", hint, "text", 500),
    !who && field("name", "Your name, so that others know whom to ask", "text", 60),
    !who && field("token", "The operators’ token, kept until this window is closed", "password", 500),
    state.error && h("p", { class: "error", role: "alert" }, state.error),
    h("p", { class: "actions" },
      h("button", { type: "submit", class: "main-action", disabled: state.busy }, label),
      button("Cancel", null, () => close(key))));
}
