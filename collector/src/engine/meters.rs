//! Which meters the store knows, and how each is interpreted.

use crate::audit::corrections;
use crate::ledger::interpret::Interpretation;
use crate::store::MeterId;
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wattledger_model::correction::Correction;
use wattledger_model::meter::MeterKey;
use wattledger_model::unit::Unit;

/// The meters of the store: configured ones, and ones that were only heard.
#[derive(Debug, Clone, Default)]
pub struct Meters {
    by_key: HashMap<MeterKey, MeterId>,
    entries: BTreeMap<MeterId, Entry>,
    unsaved: BTreeSet<MeterId>,
}

#[derive(Debug, Clone)]
struct Entry {
    key: MeterKey,
    interpretation: Interpretation,
    configured: bool,
    /// The first of its units, in which its series is read while nobody claims the meter.
    heard_unit: Option<Unit>,
    /// What operators entered, in order.
    corrections: Vec<Correction>,
}

impl Entry {
    /// The interpretation as the configuration has it, or as the meter's own unit gives it, with the corrections.
    fn interpret(&mut self, read: Interpretation) {
        self.interpretation = read;
        self.interpretation.corrections.extend(self.corrections.iter().copied());
        corrections::in_order(&mut self.interpretation.corrections);
    }
}

/// The text by which a change of interpretation is noticed.
fn described(interpretation: &Interpretation, heard_unit: Option<Unit>) -> String {
    format!("{interpretation:?} {}", heard_unit.map_or("", Unit::symbol))
}

impl Meters {
    /// Loads what the store knows, adds what is configured and what operators entered, and says whose series
    /// must be folded again.
    pub(crate) fn load(
        connection: &Connection,
        configured: &BTreeMap<MeterKey, Interpretation>,
        corrected: &BTreeMap<MeterId, Vec<Correction>>,
    ) -> rusqlite::Result<(Meters, BTreeSet<MeterId>)> {
        let mut meters = Meters::default();
        let mut changed = BTreeSet::new();
        let mut statement =
            connection.prepare("SELECT id, site, name, interpretation FROM meter ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (site, name): (String, String) = (row.get(1)?, row.get(2)?);
            let (Ok(site), Ok(meter)) = (site.parse(), name.parse()) else { continue };
            let id: MeterId = row.get(0)?;
            let before: String = row.get(3)?;
            let heard_unit = before.rsplit(' ').next().and_then(|symbol| symbol.parse().ok());
            let key = MeterKey { site, meter };
            meters.add(id, key, configured, heard_unit, corrected.get(&id).cloned().unwrap_or_default());
            let entry = &meters.entries[&id];
            if described(&entry.interpretation, entry.heard_unit) != before {
                changed.insert(id);
                meters.unsaved.insert(id);
            }
        }
        for key in configured.keys() {
            if !meters.by_key.contains_key(key) {
                let id = meters.next_id();
                meters.add(id, key.clone(), configured, None, Vec::new());
                meters.unsaved.insert(id);
                // What operators entered is booked though the meter was never heard.
                if !meters.entries[&id].interpretation.corrections.is_empty() {
                    changed.insert(id);
                }
            }
        }
        Ok((meters, changed))
    }

    fn next_id(&self) -> MeterId {
        self.entries.last_key_value().map_or(1, |(id, _)| id + 1)
    }

    fn add(
        &mut self,
        id: MeterId,
        key: MeterKey,
        configured: &BTreeMap<MeterKey, Interpretation>,
        heard_unit: Option<Unit>,
        corrections: Vec<Correction>,
    ) {
        let declared = configured.get(&key);
        let read = declared.cloned().unwrap_or_else(|| Interpretation::unclaimed(heard_unit));
        let mut entry = Entry {
            key: key.clone(),
            interpretation: read.clone(),
            configured: declared.is_some(),
            heard_unit,
            corrections,
        };
        entry.interpret(read);
        self.by_key.insert(key, id);
        self.entries.insert(id, entry);
    }

    /// The number of the meter that a reading in `unit` is of, and whether its series must be folded again.
    ///
    /// A meter that nobody claims is read in the first of its units, in the order of the table of units:
    /// the choice depends on the set of readings, not on which came first.
    pub fn take(&mut self, key: &MeterKey, unit: Option<Unit>) -> (MeterId, bool) {
        if let Some(id) = self.by_key.get(key) {
            let entry = self.entries.get_mut(id).expect("every number has an entry");
            let earlier = match (entry.heard_unit, unit) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(there), Some(new)) => new < there,
            };
            if !earlier {
                return (*id, false);
            }
            // Remembered of a configured meter too, for the day on which nobody claims it any more.
            entry.heard_unit = unit;
            self.unsaved.insert(*id);
            if entry.configured {
                return (*id, false);
            }
            entry.interpret(Interpretation::unclaimed(unit));
            return (*id, true);
        }
        let id = self.next_id();
        self.add(id, key.clone(), &BTreeMap::new(), unit, Vec::new());
        self.unsaved.insert(id);
        (id, false)
    }

    /// Key and interpretation of a meter.
    pub fn get(&self, id: MeterId) -> (&MeterKey, &Interpretation) {
        let entry = &self.entries[&id];
        (&entry.key, &entry.interpretation)
    }

    /// The number of a meter.
    pub fn id(&self, key: &MeterKey) -> Option<MeterId> {
        self.by_key.get(key).copied()
    }

    /// What operators entered of a meter, in order.
    pub(crate) fn corrections(&self, id: MeterId) -> &[Correction] {
        &self.entries[&id].corrections
    }

    /// Replaces what operators entered of a meter. Its series must be folded again.
    pub(crate) fn correct(&mut self, id: MeterId, corrections: Vec<Correction>) {
        let entry = self.entries.get_mut(&id).expect("every number has an entry");
        let mut read = entry.interpretation.clone();
        read.corrections.retain(|correction| !entry.corrections.contains(correction));
        entry.corrections = corrections;
        entry.interpret(read);
        self.unsaved.insert(id);
    }

    /// The unit in which amounts of a meter can be given: its declared one, else the one it was heard in.
    pub fn unit(&self, id: MeterId) -> Option<Unit> {
        let entry = &self.entries[&id];
        entry.interpretation.unit.or(entry.heard_unit)
    }

    /// All numbers.
    pub fn ids(&self) -> impl Iterator<Item = MeterId> + '_ {
        self.entries.keys().copied()
    }

    /// All meters: number, key, interpretation, and whether the configuration declares it.
    pub fn all(&self) -> impl Iterator<Item = (MeterId, &MeterKey, &Interpretation, bool)> {
        self.entries.iter().map(|(id, entry)| (*id, &entry.key, &entry.interpretation, entry.configured))
    }

    /// Writes what is new. Written again after a rollback, since nothing here forgets before the commit.
    pub fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        for id in &self.unsaved {
            let entry = &self.entries[id];
            connection.prepare_cached("INSERT OR REPLACE INTO meter VALUES (?1, ?2, ?3, ?4)")?.execute(
                params![
                    id,
                    entry.key.site.as_str(),
                    entry.key.meter.as_str(),
                    described(&entry.interpretation, entry.heard_unit)
                ],
            )?;
        }
        Ok(())
    }

    /// Everything that [`Meters::save`] wrote is committed.
    pub fn saved(&mut self) {
        self.unsaved.clear();
    }
}
