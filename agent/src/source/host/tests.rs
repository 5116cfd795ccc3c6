use super::sysfs::made::Tree;
use super::*;
use crate::source::names::NameTemplate;
use crate::source::{HandedIn, Intake};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;
use wattledger_model::decimal::Decimal;

fn config(tree: &Tree) -> HostConfig {
    HostConfig {
        interval: Duration::from_millis(250),
        meter: NameTemplate::parse("host-{hostname}", &["hostname", "zone"], "zone").expect("a template"),
        rapl: rapl::RaplZone::DEFAULT.into_iter().collect(),
        rapl_max_watts: 1_000.0,
        hwmon: true,
        hwmon_chips: Vec::new(),
        nvidia: true,
        nvidia_library: Some(tree.path("no-such-library.so")),
        roots: tree.roots(),
    }
}

fn meters(handed_in: &HandedIn) -> Vec<String> {
    let meter = |mapped: &Mapped| match mapped {
        Mapped::Reading { meter, .. } => meter.to_string(),
        Mapped::Refused(refused) => format!("refused: {}", refused.origin),
    };
    handed_in.mapped.iter().map(meter).collect()
}

#[tokio::test]
async fn all_that_is_there_is_handed_in_and_what_is_not_is_in_the_status() {
    let tree = Tree::new();
    for (file, says) in [("name", "package-0"), ("max_energy_range_uj", "262143328850"), ("energy_uj", "77")]
    {
        tree.put(&format!("sys/class/powercap/intel-rapl:0/{file}"), says);
    }
    tree.put("sys/class/hwmon/hwmon0/name", "acpitz");
    tree.put("sys/class/hwmon/hwmon0/temp1_input", "garbage");
    let source = Box::new(HostSource::new(config(&tree)));
    let mut intake = Intake::new();
    let sender = intake.sender(&*source);
    intake.close();
    let (stop, stopped) = watch::channel(false);
    let run = tokio::spawn(source.run(sender, stopped));
    let host = host_name();
    let mut awaited: Vec<String> =
        ["cpu", "memory", "package-0"].iter().map(|zone| format!("host-{host}-{zone}")).collect();
    awaited.push("refused: host hwmon acpitz-temp1".to_owned());
    while !awaited.is_empty() {
        let handed_in = intake.next(true).await.expect("running");
        let found = meters(&handed_in);
        awaited.retain(|awaited| !found.contains(awaited));
        for mapped in handed_in.mapped {
            if let Mapped::Reading { meter, reading } = mapped
                && meter.as_str().ends_with("package-0")
            {
                assert_eq!(
                    (reading.value, reading.unit.map(|unit| unit.symbol())),
                    (Decimal::new(77, -6), Some("J"))
                );
            }
        }
    }
    stop.send(true).expect("running");
    while intake.next(true).await.is_some() {}
    run.await.expect("no panic").expect("no error");
    let status = &intake.statuses()[0];
    assert!(status.healthy, "what is missing harms nothing else");
    assert!(
        status.detail.starts_with("every 250ms: 1 hwmon sensors, 1 RAPL registers, cpu and memory"),
        "{status:?}"
    );
    #[cfg(feature = "nvidia")]
    assert!(status.detail.contains("nvidia: no NVIDIA driver here"), "{status:?}");
}

/// A driver that does not answer until it is told to.
struct Stuck(Receiver<()>);

impl Probe for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }
    fn look(&mut self) -> Look {
        let _told = self.0.recv();
        Look::default()
    }
}

#[tokio::test]
async fn a_probe_that_hangs_holds_up_neither_the_others_nor_the_stop() {
    let tree = Tree::new();
    let config = config(&tree);
    let (answer, waits) = channel();
    let probes: Vec<Box<dyn Probe>> = vec![Box::new(Stuck(waits)), Box::new(Utilisation::new())];
    let mut intake = Intake::new();
    let source = HostSource::new(config.clone());
    let reader = Reader::new(&config, intake.sender(&source));
    intake.close();
    let (stop, stopped) = watch::channel(false);
    let every = Duration::from_millis(10);
    let run = tokio::spawn(async move { reader.run(probes, every, stopped).await });
    for _ in 0..3 {
        assert!(intake.next(true).await.is_some());
    }
    stop.send(true).expect("running");
    while intake.next(true).await.is_some() {}
    run.await.expect("no panic").expect("no error");
    answer.send(()).expect("it still waits: nobody has waited for it");
}

#[test]
fn a_probe_that_is_long_overdue_is_in_the_status() {
    let tree = Tree::new();
    let config = config(&tree);
    let mut intake = Intake::new();
    let mut reader = Reader::new(&config, intake.sender(&HostSource::new(config.clone())));
    let (answers, _answered) = mpsc::channel(WAITING);
    let (_answer, waits) = channel();
    let mut asked = ask(Box::new(Stuck(waits)), 0, config.interval, answers).expect("a thread");
    reader.check(std::slice::from_ref(&asked), config.interval);
    assert_eq!(reader.troubles.detail(), "");
    asked.answered = Instant::now() - PATIENCE - Duration::from_secs(1);
    reader.check(std::slice::from_ref(&asked), config.interval);
    assert!(intake.statuses()[0].detail.contains("stuck: does not answer"), "{:?}", intake.statuses());
}

#[test]
fn any_host_name_makes_a_part_of_a_name() {
    assert!(!host_name().is_empty());
    assert_eq!(part("Rack12_Node3"), "rack12-node3");
}
