//! A configuration in a form that can be kept, shown, compared and read again.
//!
//! The file's content with its keys sorted, without comments, and of addresses only scheme and host, since the
//! path of a webhook may be a secret. Passwords and tokens stand in files of their own.

use sha2::{Digest as _, Sha256};

/// A version of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// The canonical text, itself a configuration.
    pub text: String,
    /// SHA-256 of it, hexadecimal.
    pub digest: String,
    /// The program's version.
    pub program: String,
}

impl Version {
    /// The version that a file's text is; `None` for a text that is no TOML.
    pub fn of(text: &str) -> Option<Version> {
        let mut table: toml::Table = text.parse().ok()?;
        table.iter_mut().for_each(|(key, value)| without_secrets(key, value));
        let text = toml::to_string(&table).ok()?;
        let digest = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Version { text, digest, program: env!("CARGO_PKG_VERSION").to_owned() })
    }
}

/// Shortens addresses to scheme and host, and hides what should not stand in the file.
fn without_secrets(key: &str, value: &mut toml::Value) {
    match value {
        toml::Value::String(text) if key == "url" => {
            let host = text.find("://").map_or(0, |at| at + 3);
            if let Some(end) = text[host..].find(['/', '?', '#']) {
                text.truncate(host + end);
            }
        }
        toml::Value::String(text) if ["password", "token", "secret"].contains(&key) => {
            *text = "hidden".to_owned();
        }
        toml::Value::Array(values) => values.iter_mut().for_each(|value| without_secrets(key, value)),
        toml::Value::Table(table) => table.iter_mut().for_each(|(key, value)| without_secrets(key, value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"
        # the password is hunter2
        [collector]
        name = "campus"
        [[meter]]
        site = "hall"
        name = "main"
        scale = "1"
        [[meter]]
        site = "hall"
        name = "it"
        [channel.webhook]
        name = "ops"
        url = "https://hooks.example:8443/services/T000/secret?key=x"
    "#;

    #[test]
    fn a_version_has_no_comments_and_no_secrets_and_is_a_configuration_still() {
        let version = Version::of(ONE).expect("valid");
        for secret in ["hunter2", "T000", "key=x"] {
            assert!(!version.text.contains(secret), "{}", version.text);
        }
        assert!(version.text.contains("https://hooks.example:8443\""), "{}", version.text);
        assert_eq!(Version::of(&version.text).as_ref(), Some(&version), "the same again");
        assert_eq!(Version::of("a = = b"), None);
    }
}
