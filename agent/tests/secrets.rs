//! What the agent must know of passwords it tells those who ask for them, and nobody else: not in the most
//! talkative log, not in a complaint.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

const LINK: &str = "correct-horse-battery";
const UPSD: &str = "staple-of-the-ups";
const LONG: Duration = Duration::from_secs(60);

/// A server on a port of its own: what each connection said first, after which it is answered and closed.
fn server(lines: usize, answer: &'static [u8]) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let (said, heard) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let first = read(&mut stream, lines, answer);
            if said.send(first).is_err() {
                return;
            }
        }
    });
    (port, heard)
}

/// So many reads, each answered: commands of upsd, or the one packet that opens a session of MQTT.
fn read(stream: &mut TcpStream, reads: usize, answer: &[u8]) -> String {
    let mut all = Vec::new();
    for _ in 0..reads {
        let mut part = [0; 4_096];
        let bytes = stream.read(&mut part).unwrap_or(0);
        all.extend_from_slice(&part[..bytes]);
        let _ = stream.write_all(answer);
    }
    String::from_utf8_lossy(&all).into_owned()
}

fn agent(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattledger-agent"));
    command.args(arguments).env("RUST_LOG", "trace").env_remove("CREDENTIALS_DIRECTORY");
    command.envs(environment.iter().copied());
    command
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn no_password_is_ever_in_a_log() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("ups"), UPSD).expect("written");
    // Connection refused: not authorised. MQTT 3.1.1, 3.2.
    let (broker, connects) = server(1, &[0x20, 2, 0, 5]);
    let (upsd, logins) = server(2, b"ERR ACCESS-DENIED\n");
    let path = dir.path().join("agent.toml");
    let data = dir.path().join("data");
    let text = format!(
        "[agent]\nname='a1'\nsite='hall'\ncollector='campus'\ndata_dir='{}'\n\
         [link]\nbroker='mqtt://127.0.0.1:{broker}'\nusername='u'\npassword_env='LINK_PASSWORD'\n\
         [[source.nut]]\nname='room'\naddress='127.0.0.1:{upsd}'\nusername='u'\npassword_credential='ups'\n",
        data.display()
    );
    std::fs::write(&path, text).expect("written");
    let file = path.to_str().expect("text");
    let folder = dir.path().to_str().expect("text");
    let environment = [("LINK_PASSWORD", LINK), ("CREDENTIALS_DIRECTORY", folder)];

    let checked = printed(&agent(&["check", file], &environment).output().expect("it runs"));
    assert!(checked.contains("ok") && !checked.contains(LINK) && !checked.contains(UPSD), "{checked}");

    let mut running = agent(&["run", file], &environment).stderr(Stdio::piped()).spawn().expect("it runs");
    let log = BufReader::new(running.stderr.take().expect("piped"));
    let connect = connects.recv_timeout(LONG).expect("a session is asked for");
    assert!(connect.contains(LINK), "who must know it is told it: {connect}");
    let login = logins.recv_timeout(LONG).expect("upsd is asked");
    assert!(login.contains("USERNAME"), "{login}");
    let mut told = String::new();
    let waits_for = ["not connected to the broker", "denies access"];
    for line in log.lines().map_while(Result::ok) {
        told.push_str(&line);
        told.push('\n');
        if waits_for.iter().all(|words| told.contains(words)) {
            break;
        }
    }
    running.kill().expect("it runs");
    running.wait().expect("it ends");
    assert!(waits_for.iter().all(|words| told.contains(words)), "{told}");
    assert!(!told.contains(LINK) && !told.contains(UPSD), "{told}");
}

#[test]
fn a_password_that_is_not_there_is_named_by_its_place() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("agent.toml");
    let with = |keys: &str| {
        let data = dir.path().join("data");
        let text = format!(
            "[agent]\nname='a1'\nsite='hall'\ncollector='campus'\ndata_dir='{}'\n\
             [link]\nbroker='mqtt://127.0.0.1:1'\nusername='u'\n{keys}\n",
            data.display()
        );
        std::fs::write(&path, text).expect("written");
        let run = agent(&["run", path.to_str().expect("text")], &[("TWO_LINES", "horse\nbattery")]);
        let output = { run }.output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        printed(&output)
    };
    for (keys, says) in [
        (
            "password_env='LINK_PASSWORD'",
            "the link: the environment variable LINK_PASSWORD, which is to hold",
        ),
        ("password_env='TWO_LINES'", "the environment variable TWO_LINES must hold one line"),
        ("password_credential='link'", "LoadCredential=link:"),
        ("password_file='/nowhere/link'", "cannot read the secret file /nowhere/link"),
    ] {
        let told = with(keys);
        assert!(told.contains("there is no password for the link") && told.contains(says), "{keys}: {told}");
        assert!(!told.contains("horse"), "{told}");
    }
}
