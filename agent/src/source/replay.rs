//! Plays a CSV file of readings, as fast as they are taken or at a multiple of the speed they were
//! recorded at. An empty cell is no reading; a bad one harms only itself.
//!
//! The file is played from its beginning at each start of the agent. That adds nothing to the ledger: a
//! reading that is there already is recognised by its meter and instant.

mod csv;

use super::{IntakeSender, Mapped, Source, SourceError, SourceRun};
use crate::clock;
use crate::config::{ReplayColumn, ReplayConfig, Speed};
use crate::map::{Wrong, number_in};
use csv::{Row, Rows};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use wattledger_model::document::did_you_mean;
use wattledger_model::reading::{Quality, Reading};
use wattledger_model::time::Timestamp;

/// Rows handed in at a time when played as fast as possible.
const ROWS: usize = 256;

/// Plays one file.
#[derive(Debug)]
pub struct ReplaySource {
    config: ReplayConfig,
}

impl ReplaySource {
    /// A source for this file.
    pub fn new(config: ReplayConfig) -> ReplaySource {
        ReplaySource { config }
    }
}

impl Source for ReplaySource {
    fn name(&self) -> &str {
        self.config.name.as_str()
    }

    fn is_patient(&self) -> bool {
        true
    }

    fn run(self: Box<Self>, intake: IntakeSender, stop: watch::Receiver<bool>) -> SourceRun {
        Box::pin(async move {
            let origin = self.config.file.display().to_string();
            let failed =
                |error: std::io::Error| SourceError::Failed(format!("cannot read {origin}: {error}"));
            let mut rows = Rows::open(&self.config.file).map_err(failed)?;
            let heading = rows.next().map_err(failed)?.map(|row| row.fields).unwrap_or_default();
            let player = Player::new(&self.config, &origin, &heading).map_err(SourceError::Failed)?;
            player.play(rows, intake, stop).await
        })
    }
}

/// The columns of a file, found by its heading.
struct Player<'c> {
    config: &'c ReplayConfig,
    origin: &'c str,
    time: usize,
    columns: Vec<(usize, &'c ReplayColumn)>,
}

impl<'c> Player<'c> {
    fn new(config: &'c ReplayConfig, origin: &'c str, heading: &[String]) -> Result<Player<'c>, String> {
        let find = |name: &str| {
            heading.iter().position(|known| known == name).ok_or_else(|| {
                let near = did_you_mean(name, heading.iter().map(String::as_str));
                format!("{origin} has no column `{name}`{near}")
            })
        };
        let time = find(&config.time_column)?;
        let columns = config.columns.iter().map(|column| Ok((find(&column.column)?, column)));
        Ok(Player { config, origin, time, columns: columns.collect::<Result<_, String>>()? })
    }

    async fn play(
        &self,
        mut rows: Rows,
        mut intake: IntakeSender,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), SourceError> {
        let failed =
            |error: std::io::Error| SourceError::Failed(format!("cannot read {}: {error}", self.origin));
        let mut waiting = Vec::new();
        let mut played = 0_u64;
        let mut pace = None;
        while let Some(row) = rows.next().map_err(failed)? {
            if *stop.borrow() {
                return Ok(());
            }
            let at = self.config.time.read(cell(&row, self.time), clock::now());
            if let (Ok(at), Speed::Times(times)) = (&at, self.config.speed) {
                let due = *pace.get_or_insert((Instant::now(), *at));
                tokio::select! {
                    () = sleep_until(due.0 + until(due.1, *at, times)) => {}
                    _ = stop.changed() => return Ok(()),
                }
            }
            let at = at.map_err(|no| Wrong::new(no.cause, no.detail));
            waiting.extend(self.columns.iter().filter_map(|column| self.mapped(&row, &at, *column)));
            played += 1;
            if self.config.speed != Speed::Max || played.is_multiple_of(ROWS as u64) {
                intake.hand_in(std::mem::take(&mut waiting)).await?;
                intake.report(true, format!("{played} rows of {} played", self.origin));
            }
        }
        intake.hand_in(waiting).await?;
        intake.report(true, format!("all {played} rows of {} played", self.origin));
        Ok(())
    }

    /// What a cell gives; nothing where it is empty.
    fn mapped(
        &self,
        row: &Row,
        at: &Result<Timestamp, Wrong>,
        column: (usize, &ReplayColumn),
    ) -> Option<Mapped> {
        let (position, ReplayColumn { meter, unit, interval_ms, .. }) = column;
        let text = cell(row, position);
        if text.is_empty() {
            return None;
        }
        let arrived = clock::now();
        let made = at.clone().and_then(|at| {
            let (unit, interval_ms) = (*unit, *interval_ms);
            let value = number_in(text)?;
            Ok(Reading {
                at,
                arrived,
                value,
                unit,
                interval_ms,
                quality: Quality::Good,
                intake: None,
                evidence: None,
            })
        });
        Some(match made {
            Ok(reading) => Mapped::Reading { meter: meter.clone(), reading },
            Err(wrong) => {
                let wrong = Wrong { detail: format!("line {}: {}", row.line, wrong.detail), ..wrong };
                wrong.refused(arrived, self.origin, Some(meter.clone()), row.text.as_bytes())
            }
        })
    }
}

fn cell(row: &Row, position: usize) -> &str {
    row.fields.get(position).map(String::as_str).unwrap_or_default()
}

/// How long after the first row a row is due. Rows that go back in time are due at once.
fn until(first: Timestamp, at: Timestamp, times: u32) -> Duration {
    Duration::from_millis(u64::try_from(at.0 - first.0).unwrap_or_default()) / times
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Intake;
    use std::path::PathBuf;
    use wattledger_model::reading::Cause;

    fn config(file: PathBuf, speed: &str) -> ReplayConfig {
        let format = "%Y-%m-%d %H:%M:%S".parse().expect("format");
        let column = |column: &str, meter: &str, unit: &str| ReplayColumn {
            column: column.to_owned(),
            meter: meter.parse().expect("name"),
            unit: Some(unit.parse().expect("unit")),
            interval_ms: None,
        };
        ReplayConfig {
            name: "pzem".parse().expect("name"),
            file,
            time_column: "datetime".to_owned(),
            time: crate::instant::TimeRule { format, zone: Some(chrono_tz::Tz::UTC) },
            speed: speed.parse().expect("speed"),
            columns: vec![column("energy_wh", "pzem", "Wh"), column("power_w", "pzem-power", "W")],
        }
    }

    async fn played(config: ReplayConfig) -> (Vec<Mapped>, Result<(), SourceError>) {
        let source = Box::new(ReplaySource::new(config));
        let mut intake = Intake::new();
        let sender = intake.sender(&*source);
        intake.close();
        let (_stop, stopped) = watch::channel(false);
        let run = tokio::spawn(source.run(sender, stopped));
        let mut all = Vec::new();
        while let Some(handed_in) = intake.next(true).await {
            all.extend(handed_in.mapped);
        }
        (all, run.await.expect("no panic"))
    }

    fn write(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("readings.csv");
        std::fs::write(&path, text).expect("disk");
        (dir, path)
    }

    #[tokio::test]
    async fn a_recorded_register_is_played_through_its_reset() {
        let file =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/pzem_usb1_2025-08-05_reset.csv");
        let (all, end) = played(config(file, "max")).await;
        end.expect("the whole file");
        let of = |wanted: &str| -> Vec<(String, String)> {
            let wanted = |mapped: &Mapped| match mapped {
                Mapped::Reading { meter, reading } if meter.as_str() == wanted => {
                    Some((reading.at.to_string(), reading.value.to_string()))
                }
                _ => None,
            };
            all.iter().filter_map(wanted).collect()
        };
        let register = of("pzem");
        assert_eq!((register.len(), of("pzem-power").len(), all.len()), (47, 47, 94));
        assert_eq!(register[0], ("2025-08-05T18:02:06Z".to_owned(), "1.0".to_owned()));
        assert_eq!(register[46], ("2025-08-05T20:38:13Z".to_owned(), "0.0".to_owned()));
        let falls = register.windows(2).filter(|pair| pair[0].1 == "1.0" && pair[1].1 == "0.0").count();
        assert_eq!(falls, 1);
    }

    #[tokio::test]
    async fn an_empty_cell_is_no_reading_and_a_bad_one_harms_only_itself() {
        let (_dir, path) = write(
            "datetime,power_w,energy_wh\n\
             2025-08-05 18:00:00,,5\n\
             2025-08-05 18:00:01,NaN,6\n\
             noon,7,\n\
             2025-08-05 18:00:02\n\
             2025-08-05 18:00:03,8,x\n",
        );
        let (all, end) = played(config(path, "max")).await;
        end.expect("the whole file");
        let told: Vec<String> = all
            .iter()
            .map(|mapped| match mapped {
                Mapped::Reading { meter, reading } => format!("{meter} {}", reading.value),
                Mapped::Refused(refused) => format!("{} {}", refused.cause.word(), refused.detail),
            })
            .collect();
        assert_eq!(told[0], "pzem 5");
        assert_eq!(told[1], "pzem 6");
        assert!(told[2].starts_with("not-finite line 3: "), "{}", told[2]);
        assert!(told[3].starts_with("time line 4: "), "{}", told[3]);
        assert!(told[4].starts_with("payload line 6: "), "{}", told[4]);
        assert_eq!((told[5].as_str(), told.len()), ("pzem-power 8", 6));
        let Mapped::Refused(refused) = &all[3] else { panic!("{:?}", all[3]) };
        assert_eq!((refused.cause, refused.sample.as_slice()), (Cause::Time, &b"noon,7,"[..]));
    }

    #[tokio::test(start_paused = true)]
    async fn sixty_times_as_fast_takes_a_sixtieth_of_the_time() {
        let (_dir, path) =
            write("datetime,power_w,energy_wh\n2025-08-05 18:00:00,1,1\n2025-08-05 19:00:00,1,2\n");
        let start = Instant::now();
        let (all, end) = played(config(path, "60x")).await;
        end.expect("the whole file");
        assert_eq!((all.len(), start.elapsed().as_secs()), (4, 60));
    }

    #[tokio::test]
    async fn a_missing_file_or_column_is_said_with_its_name() {
        let (_, end) = played(config(PathBuf::from("/nowhere/x.csv"), "max")).await;
        assert!(end.expect_err("no file").to_string().contains("/nowhere/x.csv"));
        let (_dir, path) = write("datetime,power_w,energy_w\n");
        let (_, end) = played(config(path, "max")).await;
        assert!(
            end.expect_err("no column")
                .to_string()
                .contains("no column `energy_wh`; did you mean `energy_w`?")
        );
    }
}
