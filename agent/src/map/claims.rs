//! Whom a meter's name stands for. Folding, and putting several levels together, can make one name of what
//! two devices are called. The first whose readings come under it keeps the name; the other is refused, so
//! that two devices are never booked as one. Asked anew after each start of the agent.

use super::Wrong;
use super::topic::{MeterTemplate, Part, level};
use std::collections::HashMap;
use std::sync::Arc;
use wattledger_model::name::Name;
use wattledger_model::reading::Cause;

/// Names that are kept at most: a bound on memory, far beyond the meters behind one broker.
const LIMIT: usize = 100_000;

/// The names that are taken, of those that two devices could come to.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    by_meter: HashMap<Name, Claim>,
}

#[derive(Debug, Clone)]
struct Claim {
    parts: Arc<[Part]>,
    /// What filled the placeholders, in their order.
    levels: Vec<String>,
    /// Both together, before anything was folded.
    spelled: String,
}

impl Claims {
    /// Claims a name that a template made of these levels.
    pub(crate) fn claim(
        &mut self,
        template: &MeterTemplate,
        captured: &[&str],
        meter: &Name,
    ) -> Result<(), Wrong> {
        if !template.can_coincide() {
            return Ok(());
        }
        if let Some(claim) = self.by_meter.get(meter) {
            if claim.is_of(template, captured) {
                return Ok(());
            }
            let (ours, theirs) = (template.spelled(captured), &claim.spelled);
            return Err(Wrong::new(
                Cause::Name,
                format!(
                    "the meter of `{ours}` would be `{meter}`, which is that of `{theirs}` already; give one of \
                     them a rule of its own, or start the agent anew where that one is gone"
                ),
            ));
        }
        if self.by_meter.len() >= LIMIT {
            let detail = format!("{LIMIT} meters behind one broker have been named; no more are");
            return Err(Wrong::new(Cause::Name, detail));
        }
        let claim = Claim {
            parts: Arc::clone(template.parts()),
            levels: template.levels().map(|at| level(captured, at).to_owned()).collect(),
            spelled: template.spelled(captured),
        };
        self.by_meter.insert(meter.clone(), claim);
        Ok(())
    }
}

impl Claim {
    /// Whether it is the same thing: from the same levels or, where another template names it, by the same
    /// words.
    fn is_of(&self, template: &MeterTemplate, captured: &[&str]) -> bool {
        if self.parts == *template.parts() {
            template.levels().map(|at| level(captured, at)).eq(self.levels.iter().map(String::as_str))
        } else {
            template.spelled(captured) == self.spelled
        }
    }
}
