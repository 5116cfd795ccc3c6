// Numbers, units and times as people read them. What is not known is a dash, never a zero; shares are
// cut, not rounded, so that 99.98 % never reads as 100 %.

const NARROW = "\u202f";
const MINUS = "\u2212";
export const DASH = "–";

/// Whether there is a number.
export const isKnown = (value) => typeof value === "number" && Number.isFinite(value);

/// A number with so many decimals, thousands set apart.
export function number(value, decimals = 0) {
  if (!isKnown(value)) return DASH;
  const [whole, rest] = Math.abs(value).toFixed(decimals).split(".");
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, NARROW) : whole;
  const text = rest ? `${grouped}.${rest}` : grouped;
  return value < 0 && Number(value.toFixed(decimals)) !== 0 ? MINUS + text : text;
}

/// A ratio such as PUE, WUE or CUE.
export const ratio = (value) => number(value, 3);

/// A limit as written in its document: at least two decimals.
export function limit(value) {
  if (!isKnown(value)) return DASH;
  const text = String(value);
  return text.includes(".") && text.split(".")[1].length > 2 ? text : value.toFixed(2);
}

const withUnit = (text, unit) => ({ text, unit });

function scaled(value, steps) {
  if (!isKnown(value)) return withUnit(DASH, "");
  const size = Math.abs(value);
  const [, factor, unit] = steps.find(([from]) => size >= from) ?? steps[steps.length - 1];
  const shown = value / factor;
  const decimals = factor === 1 && Number.isInteger(value) ? 0 : Math.abs(shown) >= 1000 ? 0 : Math.abs(shown) >= 100 ? 1 : 2;
  return withUnit(number(shown, decimals), unit);
}

/// Power from W.
export const power = (watts) => scaled(watts, [[999_500, 1e6, "MW"], [1_000, 1e3, "kW"], [0, 1, "W"]]);

/// Energy from kWh.
export const energy = (kwh) => scaled(kwh, [[9_999_500, 1e6, "GWh"], [9_999.5, 1e3, "MWh"], [1, 1, "kWh"], [0, 1e-3, "Wh"]]);

/// Mass from kg.
export const mass = (kg) => scaled(kg, [[999.5, 1e3, "t"], [1, 1, "kg"], [0, 1e-3, "g"]]);

/// Bytes.
export const bytes = (count) => scaled(count, [[2 ** 30, 2 ** 30, "GiB"], [2 ** 20, 2 ** 20, "MiB"], [2 ** 10, 2 ** 10, "KiB"], [0, 1, "B"]]);

/// A quantity in one text.
export const joined = ({ text, unit }) => (unit ? `${text}\u00a0${unit}` : text);

/// A share of 0 to 1 as per cent, cut to a tenth.
export function percent(share) {
  if (!isKnown(share)) return DASH;
  if (share >= 1) return "100\u00a0%";
  const tenths = Math.floor(Math.max(share, 0) * 1000 + 1e-9) / 10;
  return `${tenths.toFixed(tenths >= 10 && Number.isInteger(tenths) ? 0 : 1)}\u00a0%`;
}

/// A time span in its two largest units.
export function span(seconds) {
  if (!isKnown(seconds)) return DASH;
  const s = Math.max(0, Math.floor(seconds));
  if (s < 100) return `${s}\u00a0s`;
  if (s < 5_400) return `${Math.floor(s / 60)}\u00a0min`;
  if (s < 36_000) return `${Math.floor(s / 3600)}\u00a0h ${Math.floor((s % 3600) / 60)}\u00a0min`;
  if (s < 172_800) return `${Math.floor(s / 3600)}\u00a0h`;
  return `${number(Math.floor(s / 86_400))}\u00a0d`;
}

/// How long ago, in words.
export const ago = (seconds) => (isKnown(seconds) ? (seconds < 1.5 ? "just now" : `${span(seconds)} ago`) : DASH);

const formatters = new Map();

function formatter(zone, options) {
  const key = `${zone}|${JSON.stringify(options)}`;
  if (!formatters.has(key)) {
    let made;
    try {
      made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone || undefined, hourCycle: "h23" });
    } catch {
      // An older browser may not know a new zone.
      made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC", hourCycle: "h23", timeZoneName: "short" });
    }
    formatters.set(key, made);
  }
  return formatters.get(key);
}

const at = (zone, options) => (ms) => (isKnown(ms) ? formatter(zone, options).format(ms) : DASH);

/// `14:05`.
export const clock = (ms, zone) => at(zone, { hour: "2-digit", minute: "2-digit" })(ms);
/// `14:05:32`.
export const clockSeconds = (ms, zone) => at(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" })(ms);
/// `Fri 20 Nov`.
export const day = (ms, zone) => at(zone, { weekday: "short", day: "numeric", month: "short" })(ms).replace(",", "");
/// `20 Nov 2026, 14:05`.
export const dateTime = (ms, zone) => at(zone, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" })(ms);

/// `from – to`, the date of the end left out where it is the same.
export function range(from, to, zone) {
  const date = at(zone, { day: "numeric", month: "short", year: "numeric" });
  const end = date(from) === date(to) ? clock(to, zone) : dateTime(to, zone);
  return `${dateTime(from, zone)} – ${end}`;
}

/// Milliseconds since the epoch of an RFC 3339 text, or null.
export function instant(text) {
  const ms = text ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : ms;
}
