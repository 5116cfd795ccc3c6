// The hourly history of each facility: fetched when its part of the page is first drawn, again when an hour has
// passed, and kept, marked, when a fetch fails.

import * as f from "./format.js";

const HOURS = 168;
const AGAIN_MS = 30_000;
const REFRESH_MS = 300_000;
const kept = new Map();

/// `points` (null before the first answer), `error` of the latest attempt, `version` that changes with the points.
export function historyOf(facility) {
  let past = kept.get(facility.name);
  if (!past) {
    past = { points: null, error: null, version: 0, hour: null, triedAt: -Infinity, busy: false };
    kept.set(facility.name, past);
  }
  const asOf = f.instant(facility.as_of);
  const hour = asOf === null ? null : Math.floor(asOf / 3_600_000);
  const since = performance.now() - past.triedAt;
  const due = past.error || past.points === null ? since > AGAIN_MS : (hour !== past.hour && since > 5_000) || since > REFRESH_MS;
  if (due && !past.busy) load(facility, past, hour);
  return past;
}

/// Asks again at once.
export function retryHistory(facility) {
  const past = kept.get(facility.name);
  if (past && !past.busy) load(facility, past, past.hour);
}

async function load(facility, past, hour) {
  past.busy = true;
  past.triedAt = performance.now();
  try {
    const path = `/api/facilities/${encodeURIComponent(facility.name)}/series?indicator=pue&window=1h&hours=${HOURS}`;
    const answer = await fetch(path, { cache: "no-store" });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error ?? `status ${answer.status}`);
    past.points = body.points;
    past.hour = hour;
    past.version += 1;
    past.error = null;
  } catch (error) {
    past.error = error.message;
  }
  past.busy = false;
  dispatchEvent(new Event("wattledger-redraw"));
}
