//! Texts that would run if any place took them for markup.

use crate::fixture;
use wattledger_collector::outputs::snapshot::{Snapshot, SourceView};
use wattledger_model::time::Timestamp;

/// A text that would run if any place took it for markup.
pub(crate) const TEXT: &str =
    "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>&amp;'\"";

/// The rich snapshot with a hostile text wherever a text comes from outside.
pub(crate) fn snapshot(now: Timestamp) -> Snapshot {
    let mut all = fixture::rich(now);
    let bad = || TEXT.to_owned();
    all.collector = bad();
    all.version = bad();
    for facility in &mut all.facilities {
        (facility.title, facility.site, facility.time_zone) = (bad(), bad(), bad());
        facility.problem = Some(bad());
        for window in &mut facility.windows {
            (window.label, window.pue.notation) = (bad(), bad());
            for verdict in &mut window.pue.verdicts {
                verdict.reasons = vec![bad()];
            }
        }
    }
    for agent in &mut all.agents {
        (agent.agent, agent.site, agent.version) = (bad(), bad(), bad());
        agent.spool_trouble = bad();
        agent.sources = vec![SourceView { name: bad(), healthy: false, detail: bad() }];
    }
    for meter in &mut all.meters {
        (meter.title, meter.unit, meter.role, meter.last_value) = (bad(), bad(), Some(bad()), Some(bad()));
    }
    for entry in &mut all.quarantine {
        (entry.detail, entry.origin) = (bad(), bad());
    }
    for output in &mut all.outputs {
        output.last_error = Some(bad());
    }
    for alert in &mut all.alerts {
        (alert.rule, alert.reason, alert.severity) = (bad(), bad(), bad());
        (alert.subject, alert.what, alert.unit) = (bad(), bad(), bad());
        (alert.cause, alert.look_at) = (bad(), bad());
        (alert.changed, alert.suppresses) = (vec![bad()], vec![bad()]);
        alert.annotations = [("summary".to_owned(), bad()), (bad(), bad())].into();
        alert.labels = [(bad(), bad())].into();
        if let Some(silence) = &mut alert.silenced_by {
            (silence.id, silence.by, silence.reason) = (bad(), bad(), bad());
        }
        if let Some(ack) = &mut alert.acknowledged {
            (ack.by, ack.note) = (bad(), bad());
        }
    }
    all
}
