// The contract's words in plain English, each with a tone. A tone is never the only sign: the word is always there.

import * as f from "./format.js";
import { h } from "./tree.js";

const STATUS = {
  ok: ["", "good", ""],
  provisional: ["provisional", "warn", "Too little of the window is covered; the value may still move."],
  undefined: ["undefined", "warn", "IT energy is zero, so there is nothing to divide by."],
  implausible: ["implausible", "bad", "Below 1.0 a meter is missing or mislabelled. The value is shown as it is."],
  "no-data": ["no data", "mute", "Nothing in this window is covered by both total and IT energy."],
};

/// A figure's status: its word, tone and meaning.
export function status(word) {
  const [label, tone, meaning] = STATUS[word] ?? [word, "mute", ""];
  return { label, tone, meaning };
}

const VERDICT = {
  compliant: ["Compliant", "good"],
  conditional_pass: ["Pass, conditional", "warn"],
  conditional_fail: ["Fail, conditional", "warn"],
  non_compliant: ["Not compliant", "bad"],
  pass_unguarded: ["Pass, unguarded", "good"],
  fail_unguarded: ["Fail, unguarded", "bad"],
  not_assessable: ["No verdict", "mute"],
};

/// A verdict: its word and tone.
export function verdict(word) {
  const [label, tone] = VERDICT[word] ?? [word, "mute"];
  return { label, tone };
}

/// Why a verdict is called unguarded.
export const UNGUARDED = "Unguarded: judged by the value alone, since the meters' uncertainty is not known.";

const CATEGORY = {
  PUE1: "IT measured at the UPS output",
  PUE2: "IT measured at the PDU output",
  PUE3: "IT measured at the IT input",
};

/// Where a category measures IT energy.
export const category = (word) => CATEGORY[word] ?? "";

const STATE = {
  live: ["live", "good"],
  silent: ["silent", "bad"],
  fresh: ["fresh", "good"],
  stale: ["stale", "warn"],
  never: ["never seen", "bad"],
  ok: ["up to date", "good"],
  behind: ["catching up", "warn"],
  down: ["down", "bad"],
};

/// A state of an agent, meter or output as a sign with its word.
export function state(word) {
  const [label, tone] = STATE[word] ?? [word, "mute"];
  return h("span", { class: `state ${tone}` }, label);
}

/// A small label.
export const chip = (label, tone, title) => h("span", { class: `chip ${tone}`, title: title || null }, label);

/// The chip of a figure's status; nothing for an ordinary one.
export function statusChip(word) {
  const { label, tone, meaning } = status(word);
  return label ? chip(label, tone, meaning) : null;
}

/// A quantity with its unit set back.
export const quantity = ({ text, unit }) => [text, unit && h("span", { class: "unit" }, `\u00a0${unit}`)];

/// Whether a value meets a target, unrounded.
export function meets(value, target) {
  return target.operator === "<" ? value < target.limit : value <= target.limit;
}

/// On which side of a target a figure stands, as a tone. A figure that cannot be true is on neither.
export function side(figure, target) {
  if (!target || !f.isKnown(figure?.value)) return "mute";
  if (figure.status === "implausible") return "warn";
  return meets(figure.value, target) ? "good" : "bad";
}

const SIGN = { "<=": "≤", "<": "<", ">=": "≥", ">": ">" };

/// `≤ 1.30`.
export const bound = (target) => `${SIGN[target.operator] ?? target.operator}\u00a0${f.limit(target.limit)}`;

/// How far a value lies from a limit, in words.
export function distance(value, target) {
  const gap = target.limit - value;
  const size = Math.abs(gap) < 0.0005 ? (gap === 0 ? "at the limit" : "less than 0.001") : f.number(Math.abs(gap), 3);
  return gap === 0 ? size : `${size} ${gap > 0 ? "below" : "above"}`;
}

/// `1 alert`, `2 alerts`.
export const plural = (count, one, many = `${one}s`) => `${f.number(count)} ${count === 1 ? one : many}`;
