// The live stream: one connection, opened again when it breaks, with signs of life watched. While the stream cannot be
// had, single snapshots are fetched instead, so that a proxy that holds streams back does no harm.

const SILENCE_MS = 16_000;
const WAITS_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

/// Watches the collector. `onSnapshot(snapshot)` for each; `state()` says how fresh the latest is.
export function watchCollector(onSnapshot) {
  const now = () => performance.now();
  let source = null;
  let failures = 0;
  let connected = false;
  let heardAt = now();
  let snapshotAt = null;
  let retry = null;

  function take(text) {
    snapshotAt = now();
    onSnapshot(JSON.parse(text));
  }

  function heard() {
    heardAt = now();
    connected = true;
    failures = 0;
  }

  function open() {
    retry = null;
    heardAt = now();
    source = new EventSource("/api/live");
    source.addEventListener("snapshot", (event) => {
      heard();
      take(event.data);
    });
    source.addEventListener("heartbeat", (event) => {
      heard();
      // The collector knows best how old its figures are.
      snapshotAt = Math.min(snapshotAt ?? now(), now() - JSON.parse(event.data).age_ms);
    });
    source.addEventListener("error", broken);
  }

  function broken() {
    source?.close();
    source = null;
    connected = false;
    if (retry !== null) return;
    const wait = WAITS_MS[Math.min(failures, WAITS_MS.length - 1)] * (0.8 + 0.4 * Math.random());
    failures += 1;
    retry = setTimeout(open, wait);
    if (failures > 1) fetchOnce();
  }

  async function fetchOnce() {
    try {
      const answer = await fetch("/api/snapshot", { cache: "no-store" });
      if (answer.ok) take(await answer.text());
    } catch {
      // The stream's own retry goes on.
    }
  }

  setInterval(() => {
    if (source && now() - heardAt > SILENCE_MS) broken();
  }, 2_000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && retry !== null) {
      clearTimeout(retry);
      open();
    }
  });
  // A page that is left must not hold its place in the stream's limit.
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && broken());
  open();

  return {
    /// `connected`: the stream is open; `ageS`: seconds since the latest snapshot was made, null before the first.
    state: () => ({ connected, ageS: snapshotAt === null ? null : (now() - snapshotAt) / 1000 }),
  };
}
