//! Against daemons that do what no upsd should. A real one is in `agent/tests/nut.rs`.

use super::*;
use crate::source::Intake;
use crate::source::names::NameTemplate;
use std::future::Future;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use wattledger_link::session::SecretSource;
use wattledger_model::document::{Place, Placed};

/// A daemon that answers each line with what `answer` makes of it.
async fn daemon<F>(answer: impl Fn(String, BufReader<TcpStream>) -> F + Send + 'static) -> u16
where
    F: Future<Output = Option<BufReader<TcpStream>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut open = Some(BufReader::new(stream));
            while let Some(mut stream) = open.take() {
                let mut line = String::new();
                if stream.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
                    open = answer(line.trim().to_owned(), stream).await;
                }
            }
        }
    });
    port
}

async fn say(mut stream: BufReader<TcpStream>, text: &str) -> Option<BufReader<TcpStream>> {
    stream.write_all(text.as_bytes()).await.ok().map(|()| stream)
}

/// One UPS, with these lines of variables.
async fn serve(line: &str, stream: BufReader<TcpStream>, variables: &str) -> Option<BufReader<TcpStream>> {
    match line {
        "LIST UPS" => say(stream, "BEGIN LIST UPS\nUPS rack1 \"one\"\nEND LIST UPS\n").await,
        r#"LIST VAR "rack1""# => {
            say(stream, &format!("BEGIN LIST VAR rack1\n{variables}END LIST VAR rack1\n")).await
        }
        _ => say(stream, "ERR UNKNOWN-COMMAND\n").await,
    }
}

fn reader(port: u16) -> Reader {
    Reader::new(NutConfig {
        name: "room".parse().expect("a name"),
        host: "127.0.0.1".to_owned(),
        port,
        ups: Vec::new(),
        variables: vec!["ups.*".to_owned(), "battery.charge".to_owned()],
        interval: Duration::from_millis(20),
        meter: NameTemplate::parse("{ups}", &["source", "ups", "variable"], "variable").expect("a template"),
        username: None,
        password: None,
    })
}

fn shown(turn: &Turn) -> Vec<String> {
    let one = |mapped: &Mapped| match mapped {
        Mapped::Reading { meter, reading } => {
            format!("{meter} {} {}", reading.value, reading.unit.map_or("", Unit::symbol))
        }
        Mapped::Refused(refused) => format!("refused {} {}", refused.origin, refused.cause.word()),
    };
    turn.mapped.iter().map(one).collect()
}

#[tokio::test]
async fn numbers_are_read_as_written_and_what_is_no_number_harms_only_itself() {
    let port = daemon(|line, stream| async move {
        let variables = "VAR rack1 ups.realpower \"1234.50\"\nVAR rack1 ups.load \"n/a\"\n\
                         VAR rack1 ups.power\nVAR rack1 ups.mfr \"Ac\\\"me\"\nVAR rack1 ups.load.high \"90\"\n\
                         VAR rack1 battery.charge \"99\"\nVAR rack1 battery.voltage \"54\"\n";
        serve(&line, stream, variables).await
    })
    .await;
    let turn = reader(port).turn().await;
    let expected =
        ["refused room rack1 ups.load payload", "rack1-ups-realpower 1234.50 W", "rack1-battery-charge 99 %"];
    assert_eq!(shown(&turn), expected);
    assert_eq!((turn.answered, turn.troubles.len()), (1, 0));
}

#[tokio::test]
async fn a_status_is_a_gauge_for_each_state() {
    let port =
        daemon(
            |line, stream| async move { serve(&line, stream, "VAR rack1 ups.status \"OB DISCHRG\"\n").await },
        )
        .await;
    let shown = shown(&reader(port).turn().await);
    assert_eq!(shown.len(), protocol::STATES.len());
    assert!(shown.contains(&"rack1-ups-status-on-battery 1 1".to_owned()), "{shown:?}");
    assert!(shown.contains(&"rack1-ups-status-on-line 0 1".to_owned()), "{shown:?}");
}

#[tokio::test]
async fn a_ups_without_data_has_no_readings_and_the_connection_lasts() {
    let port = daemon(|line, stream| async move {
        match line.as_str() {
            r#"LIST VAR "rack1""# => say(stream, "ERR DATA-STALE\n").await,
            line => serve(line, stream, "").await,
        }
    })
    .await;
    let mut reader = reader(port);
    reader.config.ups = vec!["rack1".to_owned(), "rack9".to_owned()];
    let turn = reader.turn().await;
    assert!(turn.mapped.is_empty() && turn.answered == 0, "missing, not zero");
    let says = |what: &str| turn.troubles.iter().find(|t| t.what == what).map(|t| t.says.as_str());
    assert!(says("rack1").is_some_and(|says| says.starts_with("stale")), "{:?}", turn.troubles);
    assert!(says("rack9").is_some_and(|says| says.ends_with("it has rack1")), "{:?}", turn.troubles);
    assert!(reader.connection.is_some());
}

async fn fails_with(port: u16, says: &str) {
    let mut reader = reader(port);
    let turn = reader.turn().await;
    assert!(turn.mapped.is_empty() && reader.connection.is_none());
    let [trouble] = &turn.troubles[..] else { panic!("{:?}", turn.troubles) };
    assert!(trouble.says.contains(says), "{says}: {trouble:?}");
}

#[tokio::test]
async fn what_is_not_upsd_is_let_go() {
    fails_with(
        daemon(|_, stream| async move { say(stream, "HTTP/1.1 400 Bad Request\n").await }).await,
        "this is not upsd",
    )
    .await;
    fails_with(
        daemon(|_, stream| async move { say(stream, "BEGIN LIST UPS\nVAR a b\n").await }).await,
        "this is not upsd",
    )
    .await;
    fails_with(
        daemon(|_, stream| async move { say(stream, "BEGIN LIST UPS\nUPS \"a\n").await }).await,
        "without its other half",
    )
    .await;
    fails_with(daemon(|_, _| async move { None }).await, "closed the connection").await;
    let endless_line = daemon(|_, stream| async move { say(stream, &"x".repeat(100_000)).await }).await;
    fails_with(endless_line, "a line of more than").await;
    let endless_list = daemon(|_, stream| async move {
        say(stream, &format!("BEGIN LIST UPS\n{}", "UPS a b\n".repeat(5_000))).await
    });
    fails_with(endless_list.await, "a list of more than").await;
    fails_with(
        daemon(|_, stream| async move { say(stream, "ERR ACCESS-DENIED\n").await }).await,
        "upsd denies access",
    )
    .await;
    // Nobody listens on a port that was free a moment ago.
    let free =
        TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("bound").port();
    fails_with(free, "refused").await;
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_says_nothing_or_drips_has_an_end() {
    fails_with(daemon(|_, stream| async move { Some(stream) }).await, "no answer within 5s").await;
    let drips = daemon(|_, mut stream| async move {
        loop {
            stream = say(stream, "B").await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    fails_with(drips.await, "no answer within 5s").await;
}

#[tokio::test]
async fn a_daemon_that_comes_later_is_found_and_a_stop_is_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    // It takes connections and answers nothing: a stop must not wait for it.
    let source = Box::new(NutSource::new(reader(port).config));
    let mut intake = Intake::new();
    let sender = intake.sender(&*source);
    intake.close();
    let (stop, stopped) = watch::channel(false);
    let run = tokio::spawn(source.run(sender, stopped));
    let (_held, _) = listener.accept().await.expect("it connects");
    stop.send(true).expect("running");
    run.await.expect("no panic").expect("no error");
    assert!(intake.next(true).await.is_none());

    let mut reader = reader(port);
    drop(listener);
    assert_eq!(reader.turn().await.answered, 0);
    let again = TcpListener::bind(("127.0.0.1", port)).await.expect("it was ours");
    let serves = tokio::spawn(async move {
        let mut stream = BufReader::new(again.accept().await.expect("it connects").0);
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
            stream = serve(line.trim(), stream, "VAR rack1 ups.load \"7\"\n").await.expect("it listens");
            line.clear();
        }
    });
    assert_eq!(shown(&reader.turn().await), ["rack1-ups-load 7 %"]);
    drop(reader);
    serves.await.expect("no panic");
}

#[tokio::test]
async fn a_server_that_repeats_the_password_does_not_bring_it_into_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "correct-horse\n").expect("disk");
    for repeats in ["", "ERR "] {
        let port = daemon(move |line, stream| async move {
            let answer =
                if line.starts_with("USERNAME") { "OK".to_owned() } else { format!("{repeats}{line}") };
            say(stream, &format!("{answer}\n")).await
        })
        .await;
        let mut reader = reader(port);
        reader.config.username = Some("agent".to_owned());
        let kept = SecretSource::File(file.clone());
        reader.config.password = Some(Placed { value: kept, place: Place::START });
        let turn = reader.turn().await;
        let [trouble] = &turn.troubles[..] else { panic!("{:?}", turn.troubles) };
        assert!(trouble.says.contains("repeats what it is sent"), "{trouble:?}");
        assert!(!format!("{:?}", turn.troubles).contains("horse"));
    }
}

#[tokio::test]
async fn a_user_is_named_with_the_password_of_the_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    let port = daemon(|line, stream| async move {
        match line.as_str() {
            r#"USERNAME "agent""# | r#"PASSWORD "two \"words\"""# => say(stream, "OK\n").await,
            line if line.starts_with("PASSWORD") => say(stream, "ERR ACCESS-DENIED\n").await,
            line => serve(line, stream, "VAR rack1 ups.load \"7\"\n").await,
        }
    })
    .await;
    let mut reader = reader(port);
    reader.config.username = Some("agent".to_owned());
    let kept = SecretSource::File(file.clone());
    reader.config.password = Some(Placed { value: kept, place: Place::START });
    let says = |turn: Turn| turn.troubles.first().map(|trouble| trouble.says.clone()).unwrap_or_default();
    assert!(says(reader.turn().await).contains("password: "), "the file is named");
    std::fs::write(&file, "wrong\n").expect("disk");
    assert!(says(reader.turn().await).contains("denies access"));
    std::fs::write(&file, "two \"words\"\n").expect("disk");
    assert_eq!(reader.turn().await.answered, 1);
    std::fs::write(&file, "a\u{7}b").expect("disk");
    reader.connection = None;
    let told = says(reader.turn().await);
    assert!(told.contains("control character") && !told.contains('\u{7}'), "{told}");
}
