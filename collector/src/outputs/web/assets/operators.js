// What operators change: silences and acknowledgements. Name and token are asked for once, and kept as long as this
// window is open; without a token in the collector's configuration nothing is offered.

const KEY = "wattledger-operator";
const AGAIN_MS = 30_000;
const known = { may: false, silences: [], triedAt: -Infinity, busy: false };

/// Whether changes may be offered, and the silences in force; asked for again when they have grown old.
export function standing() {
  if (performance.now() - known.triedAt > AGAIN_MS && !known.busy) load();
  return known;
}

async function load() {
  known.busy = true;
  known.triedAt = performance.now();
  try {
    const answer = await fetch("/api/silences", { cache: "no-store" });
    if (answer.ok) {
      const { may_change: may, silences } = await answer.json();
      Object.assign(known, { may, silences });
    }
  } catch {
    // The page says by itself that the collector does not answer; it is asked again.
  }
  known.busy = false;
  dispatchEvent(new Event("wattledger-redraw"));
}

/// Who is at this window, or null.
export function operator() {
  try {
    const { name, token } = JSON.parse(sessionStorage.getItem(KEY)) ?? {};
    return name && token ? { name, token } : null;
  } catch {
    return null;
  }
}

function remember(who) {
  try {
    if (who) sessionStorage.setItem(KEY, JSON.stringify(who));
    else sessionStorage.removeItem(KEY);
  } catch {
    // A window that may keep nothing asks again each time.
  }
}

/// Has something changed, as this operator. Throws what is to be said to them.
export async function change(path, body, who) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      cache: "no-store",
      headers: { "authorization": `Bearer ${who.token}`, "content-type": "application/json" },
      body: JSON.stringify({ ...body, by: who.name }),
    });
  } catch {
    throw new Error("The collector does not answer, or the token has letters that cannot be sent.");
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401) remember(null);
  if (!answer.ok) throw new Error(said.error ?? `The collector answered ${answer.status}.`);
  remember(who);
  load();
  return said;
}
