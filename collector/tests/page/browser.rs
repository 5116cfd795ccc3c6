//! A real Chromium, headless, spoken to over its debugging pipe.

use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// One browser with one page.
pub(crate) struct Browser {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    page: Value,
    last: u64,
    /// Exceptions, violations of the security policy and failed requests that the page caused.
    pub(crate) complaints: Vec<String>,
    _child: Child,
    _profile: TempDir,
}

/// The installed Chromium. Without one the test is skipped, loudly; under `CI=true` that is a failure.
pub(crate) fn installed() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "Chromium is missing: apt-get install chromium"
        );
        eprintln!("SKIPPED: no Chromium is installed, so the page was not opened; apt-get install chromium");
    }
    found
}

impl Browser {
    pub(crate) async fn start(program: PathBuf) -> Browser {
        let profile = tempfile::tempdir().expect("a directory for the profile");
        // Chromium wants the pipe at descriptors 3 and 4; the shell puts it there.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--hide-scrollbars", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Chromium starts");
        let to = child.stdin.take().expect("piped");
        let from = BufReader::new(child.stdout.take().expect("piped"));
        let mut browser = Browser {
            to,
            from,
            page: Value::Null,
            last: 0,
            complaints: Vec::new(),
            _child: child,
            _profile: profile,
        };
        let target = browser.send("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        browser.page = browser.send("Target.attachToTarget", attach).await["sessionId"].clone();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.send(domain, json!({})).await;
        }
        browser
    }

    /// Opens an address in a window of that width, in the light or dark scheme.
    pub(crate) async fn open(&mut self, url: &str, width: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.send("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.send("Emulation.setEmulatedMedia", scheme).await;
        self.send("Page.navigate", json!({ "url": url })).await;
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.send("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "`{expression}`: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page.
    pub(crate) async fn until(&mut self, expression: &str) {
        let waiting = async {
            // A page that is being replaced has no such element yet, or no context at all.
            let asked = json!({ "expression": format!("Boolean({expression})"), "returnByValue": true });
            while self.send("Runtime.evaluate", asked.clone()).await["result"]["value"] != true {
                self.send("Runtime.evaluate", json!({ "expression": "new Promise((done) => setTimeout(done, 30))", "awaitPromise": true })).await;
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "never true: {expression}");
    }

    async fn send(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let id = self.last;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if !self.page.is_null() {
            message["sessionId"] = self.page.clone();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).await.expect("Chromium listens");
        loop {
            let mut answer = Vec::new();
            let read =
                timeout(PATIENCE, self.from.read_until(0, &mut answer)).await.expect("Chromium answers");
            assert!(read.expect("the pipe holds") > 0, "Chromium has ended");
            answer.pop();
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            if answer["id"] == id {
                return answer["result"].clone();
            }
            self.note(&answer);
        }
    }

    fn note(&mut self, event: &Value) {
        let complaint = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => &event["params"]["exceptionDetails"],
            Some("Log.entryAdded") if event["params"]["entry"]["level"] == "error" => {
                &event["params"]["entry"]["text"]
            }
            _ => return,
        };
        self.complaints.push(complaint.to_string());
    }
}
