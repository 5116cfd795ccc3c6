//! UPSs through a real upsd with NUT's own simulated driver. Where NUT is not installed the test is
//! skipped, and says so; with `CI=true` it fails instead.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use wattledger_agent::AgentConfig;
use wattledger_agent::source::nut::NutSource;
use wattledger_agent::source::{Intake, Mapped, Source};

/// A limit for what takes seconds.
const SOON: Duration = Duration::from_secs(60);
/// Where distributions put the drivers and the daemon itself; `upsd` on Debian's path is a script that
/// asks a configuration of its own first.
const FOLDERS: [&str; 6] = [
    "/lib/nut",
    "/usr/lib/nut",
    "/usr/libexec/nut",
    "/usr/local/ups/bin",
    "/usr/local/ups/sbin",
    "/usr/sbin",
];

fn find(program: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}

/// Daemon and driver; `None`, loudly, where they are not installed.
fn installed() -> Option<(PathBuf, PathBuf)> {
    let found = find("upsd").zip(find("dummy-ups"));
    if found.is_none() {
        let told = writeln!(std::io::stderr(), "!!!! nut-server is not installed: UPSs are NOT TESTED");
        told.expect("standard error can be written");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "with CI=true nothing is skipped");
    }
    found
}

/// A child that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A NUT of its own in a folder.
struct Nut {
    folder: tempfile::TempDir,
    programs: (PathBuf, PathBuf),
    port: u16,
}

impl Nut {
    fn new(programs: (PathBuf, PathBuf)) -> Nut {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let nut = Nut { folder, programs, port };
        nut.put("ups.conf", "maxretry = 3\npollinterval = 1\n[Rack_1]\ndriver = dummy-ups\nport = rack.dev\ndesc = \"Rack \\\"one\\\"\"\n");
        nut.put(
            "rack.dev",
            "ups.status: OL CHRG\nups.realpower: 1234.5\nups.power: 1300\nups.load: 42\nbattery.charge: 99\n\
                 output.voltage: 230.1\noutput.voltage.nominal: 230\nups.mfr: Ac\"me\n",
        );
        nut.put("upsd.conf", &format!("LISTEN 127.0.0.1 {port}\nMAXAGE 5\n"));
        nut.put("upsd.users", "[agent]\npassword = hush\n");
        nut.put("password", "hush\n");
        nut
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).expect("a file can be written");
    }

    fn start(&self, program: &Path, arguments: &[&str]) -> Running {
        let log = fs::File::create(self.folder.path().join("log")).expect("a file can be made");
        let folder = self.folder.path();
        let mut command = Command::new(program);
        command.args(arguments).args(["-F", "-u", &user()]).stdin(Stdio::null());
        command.env("NUT_CONFPATH", folder).env("NUT_STATEPATH", folder).env("NUT_ALTPIDPATH", folder);
        command.stdout(log.try_clone().expect("a file")).stderr(log);
        Running(command.spawn().expect("it is installed"))
    }

    fn driver(&self) -> Running {
        self.start(&self.programs.1, &["-a", "Rack_1"])
    }

    fn daemon(&self) -> Running {
        self.start(&self.programs.0, &[])
    }

    fn source(&self) -> NutSource {
        let text = format!(
            "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n\
             [[source.nut]]\nname='room'\naddress='127.0.0.1:{}'\ninterval='200ms'\nusername='agent'\npassword_file='{}'\n",
            self.port,
            self.folder.path().join("password").display()
        );
        let config = AgentConfig::parse("agent.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        NutSource::new(config.nut.into_iter().next().expect("one daemon"))
    }
}

/// Who runs this: NUT's programs would change to a user who may not read the folder.
fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits until the status says this.
async fn until_said(intake: &mut Intake, says: &str) {
    let begun = Instant::now();
    loop {
        let detail = intake.statuses()[0].detail.clone();
        if detail.contains(says) {
            return;
        }
        assert!(begun.elapsed() < SOON, "waited for `{says}`; last: {detail}");
        // Readings come at each turn while there are any, and nothing comes while there are none.
        let _turn = tokio::time::timeout(Duration::from_millis(100), intake.next(true)).await;
    }
}

async fn next_values(intake: &mut Intake) -> Vec<String> {
    let handed_in = tokio::time::timeout(SOON, intake.next(true)).await.expect("in time").expect("running");
    let value = |mapped: Mapped| match mapped {
        Mapped::Reading { meter, reading } => {
            format!("{meter} {} {}", reading.value, reading.unit.map_or("", |unit| unit.symbol()))
        }
        Mapped::Refused(refused) => panic!("{refused:?}"),
    };
    handed_in.mapped.into_iter().map(value).collect()
}

#[tokio::test]
async fn a_real_upsd_is_read_while_it_comes_goes_and_has_no_driver() {
    let Some(programs) = installed() else { return };
    let nut = Nut::new(programs);
    let source = Box::new(nut.source());
    let mut intake = Intake::new();
    let sender = intake.sender(&*source);
    intake.close();
    let (stop, stopped) = watch::channel(false);
    let run = tokio::spawn(source.run(sender, stopped));
    until_said(&mut intake, "refused").await;

    let driver = nut.driver();
    let daemon = nut.daemon();
    let values = next_values(&mut intake).await;
    for expected in [
        "room-rack-1-ups-realpower 1234.5 W",
        "room-rack-1-ups-power 1300 VA",
        "room-rack-1-ups-load 42 %",
        "room-rack-1-battery-charge 99 %",
        "room-rack-1-output-voltage 230.1 V",
        "room-rack-1-ups-status-on-line 1 1",
        "room-rack-1-ups-status-on-battery 0 1",
    ] {
        assert!(values.iter().any(|value| value == expected), "{expected}: {values:?}");
    }
    assert!(!values.iter().any(|value| value.contains("nominal")), "{values:?}");
    until_said(&mut intake, "1 UPSs every 200ms").await;

    // The driver dies: nothing is read, and nothing is zero.
    drop(driver);
    until_said(&mut intake, "Rack_1: ").await;
    assert!(!intake.statuses()[0].healthy);
    let driver = nut.driver();
    until_said(&mut intake, "1 UPSs every 200ms").await;

    drop(daemon);
    until_said(&mut intake, &format!("daemon 127.0.0.1:{}", nut.port)).await;
    let _daemon = nut.daemon();
    until_said(&mut intake, "1 UPSs every 200ms").await;
    stop.send(true).expect("running");
    while intake.next(true).await.is_some() {}
    run.await.expect("no panic").expect("no error");
    drop(driver);
}
