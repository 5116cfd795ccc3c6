//! Where passwords and tokens are kept: never in a configuration, and never printed.

use super::Secret;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use wattledger_model::document::{self, Placed, Table, Value};

/// No password or token is longer than this: what is longer is something else.
const LONGEST_BYTES: u64 = 64 << 10;
/// The folder in which systemd puts the credentials of a service. Source: systemd.exec(5).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Where a secret is kept. It is read when it is needed, so that it can be changed meanwhile; white space around
/// it is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file with nothing else in it; a relative path is taken from the working directory.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A credential that systemd hands to the service (`LoadCredential=`, `SetCredentialEncrypted=`).
    Credential(String),
}

/// The keys of a configuration that say where one secret is kept.
#[derive(Debug, Clone, Copy)]
pub struct SecretKeys {
    file: &'static str,
    environment: &'static str,
    credential: &'static str,
}

impl SecretKeys {
    /// `password_file`, `password_env`, `password_credential`.
    pub const PASSWORD: SecretKeys =
        SecretKeys { file: "password_file", environment: "password_env", credential: "password_credential" };
    /// `token_file`, `token_env`, `token_credential`.
    pub const TOKEN: SecretKeys =
        SecretKeys { file: "token_file", environment: "token_env", credential: "token_credential" };

    /// `operators_token_file`, `operators_token_env`, `operators_token_credential`.
    pub const OPERATORS_TOKEN: SecretKeys = SecretKeys {
        file: "operators_token_file",
        environment: "operators_token_env",
        credential: "operators_token_credential",
    };

    /// The key by which a place was given.
    pub const fn of(self, source: &SecretSource) -> &'static str {
        match source {
            SecretSource::File(_) => self.file,
            SecretSource::Environment(_) => self.environment,
            SecretSource::Credential(_) => self.credential,
        }
    }

    /// All of them.
    pub const fn all(self) -> [&'static str; 3] {
        [self.file, self.environment, self.credential]
    }
}

/// Why a secret cannot be used. Names where it is kept, never what it is.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read, or is no text.
    #[error("cannot read the secret file {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Nobody has set the variable.
    #[error("the environment variable {0}, which is to hold a secret, is not set")]
    NotSet(String),
    /// The process has no credentials.
    #[error(
        "there is no credential `{0}`: ${CREDENTIALS} is not set; give the systemd unit LoadCredential={0}:/FILE"
    )]
    NoCredentials(String),
    /// There is something that is no password or token.
    #[error("{place} {is}")]
    Unusable {
        /// Where it is kept, in words.
        place: String,
        /// What is wrong with it.
        is: String,
    },
}

impl SecretSource {
    /// Reads which of the keys a table has, if any; more than one is reported to its document.
    pub fn of_table(table: &mut Table<'_>, keys: SecretKeys) -> Option<Placed<SecretSource>> {
        let file = table
            .optional(keys.file, document::string)
            .map(|found| Placed { value: SecretSource::File(found.value.into()), place: found.place });
        let environment =
            table.optional(keys.environment, |value| variable(value).map(SecretSource::Environment));
        let credential =
            table.optional(keys.credential, |value| credential(value).map(SecretSource::Credential));
        let mut found = [file, environment, credential].into_iter().flatten();
        let first = found.next()?;
        for another in found {
            let [file, environment, credential] = keys.all();
            let why =
                format!("`{file}`, `{environment}` and `{credential}` are answers to one question; keep one");
            table.document().error(another.place, why);
        }
        Some(first)
    }

    /// What a configuration names it by: a path, a variable, a credential.
    pub fn name(&self) -> String {
        match self {
            SecretSource::File(path) => path.display().to_string(),
            SecretSource::Environment(name) | SecretSource::Credential(name) => name.clone(),
        }
    }

    /// The secret, as it is kept now.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn read(&self) -> Result<Secret, SecretError> {
        self.read_among(|name| std::env::var_os(name))
    }

    fn read_among(&self, variables: impl Fn(&str) -> Option<OsString>) -> Result<Secret, SecretError> {
        match self {
            SecretSource::File(path) => of_file(path),
            SecretSource::Environment(name) => {
                let place = format!("the environment variable {name}");
                let text = variables(name).ok_or_else(|| SecretError::NotSet(name.clone()))?;
                let text = text.into_string().map_err(|_| unusable(&place, "is no text"))?;
                checked(&text, &place)
            }
            SecretSource::Credential(name) => {
                let folder =
                    variables(CREDENTIALS).ok_or_else(|| SecretError::NoCredentials(name.clone()))?;
                of_file(&Path::new(&folder).join(name))
            }
        }
    }
}

fn of_file(path: &Path) -> Result<Secret, SecretError> {
    let cannot = |source| SecretError::File { path: path.to_owned(), source };
    let place = format!("the secret file {}", path.display());
    let bytes = fs::metadata(path).map_err(cannot)?.len();
    if bytes > LONGEST_BYTES {
        return Err(unusable(&place, format!("has {bytes} bytes, too many for a password or a token")));
    }
    checked(&fs::read_to_string(path).map_err(cannot)?, &place)
}

fn checked(text: &str, place: &str) -> Result<Secret, SecretError> {
    match text.trim() {
        "" => Err(unusable(place, "is empty")),
        secret if secret.contains(char::is_control) => {
            Err(unusable(place, "must hold one line without control characters"))
        }
        secret => Ok(Secret::new(secret)),
    }
}

fn unusable(place: &str, is: impl Into<String>) -> SecretError {
    SecretError::Unusable { place: place.to_owned(), is: is.into() }
}

/// The name of a variable. What else stands there is not repeated: it may be the secret itself.
fn variable(value: &Value<'_>) -> Result<String, String> {
    let is_name = |text: &&str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let name = value.as_str().filter(is_name);
    name.map(str::to_owned).ok_or_else(|| "is not the name of an environment variable".to_owned())
}

/// The name of a credential: that of a file, without a path.
fn credential(value: &Value<'_>) -> Result<String, String> {
    let is_name = |text: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        !text.is_empty() && text.chars().all(allowed) && !text.starts_with('.')
    };
    let name = value.as_str().filter(is_name);
    name.map(str::to_owned)
        .ok_or_else(|| "is not the name of a credential, which is one of a file".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::document::Document;

    fn read(source: &SecretSource, variables: &[(&str, &str)]) -> Result<String, String> {
        let found =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, text)| text.into());
        let secret = source.read_among(found).map_err(|error| error.to_string())?;
        assert!(!format!("{secret:?}").contains(secret.reveal()));
        Ok(secret.reveal().to_owned())
    }

    #[test]
    fn a_secret_is_read_from_where_it_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("link.password");
        fs::write(&path, " correct horse \n").expect("written");
        let expected = Ok("correct horse".to_owned());
        assert_eq!(read(&SecretSource::File(path), &[]), expected);
        let variable = SecretSource::Environment("LINK_PASSWORD".to_owned());
        assert_eq!(read(&variable, &[("LINK_PASSWORD", "correct horse\n")]), expected);
        let credential = SecretSource::Credential("link.password".to_owned());
        let directory = folder.path().to_str().expect("text");
        assert_eq!(read(&credential, &[("CREDENTIALS_DIRECTORY", directory)]), expected);
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_place_and_never_by_its_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p");
        let file = SecretSource::File(path.clone());
        let variable = SecretSource::Environment("LINK_PASSWORD".to_owned());
        for (content, says) in
            [("two\nlines", "must hold one line"), (" \n", "is empty"), ("a\u{7}b", "must hold one line")]
        {
            fs::write(&path, content).expect("written");
            for (source, named) in [(&file, "/p "), (&variable, "the environment variable LINK_PASSWORD ")] {
                let error = read(source, &[("LINK_PASSWORD", content)]).expect_err(content);
                assert!(error.contains(says) && error.contains(named), "{error}");
                assert!(content.trim().is_empty() || !error.contains(content), "{error}");
            }
        }
        fs::write(&path, "x".repeat(80_000)).expect("written");
        let error = read(&file, &[]).expect_err("too long");
        assert!(error.contains("has 80000 bytes") && !error.contains("xx"), "{error}");
        fs::remove_file(&path).expect("removed");
        assert!(read(&file, &[]).expect_err("gone").starts_with("cannot read the secret file "));
        assert!(read(&variable, &[]).expect_err("unset").contains("LINK_PASSWORD, which is to hold"));
        let credential = SecretSource::Credential("link.password".to_owned());
        let error = read(&credential, &[]).expect_err("no service");
        assert!(
            error.contains("$CREDENTIALS_DIRECTORY") && error.contains("LoadCredential=link.password:"),
            "{error}"
        );
    }

    #[test]
    fn a_configuration_says_one_place_and_is_never_quoted() {
        let read = |text: &str| {
            let document = Document::parse("a.toml", text);
            let mut root = document.root();
            let found = SecretSource::of_table(&mut root, SecretKeys::PASSWORD);
            drop(root);
            let found = document.conclude(Some(found.map(|found| found.value)));
            found.map(|(found, _)| found).map_err(|problems| problems.to_string())
        };
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("password_file = '/p'"), Ok(Some(SecretSource::File("/p".into()))));
        assert_eq!(read("password_env = 'P_1'"), Ok(Some(SecretSource::Environment("P_1".to_owned()))));
        assert_eq!(read("password_credential = 'p'"), Ok(Some(SecretSource::Credential("p".to_owned()))));
        let both = read("password_file = '/p'\npassword_env = 'P'").expect_err("two answers");
        assert!(both.starts_with("a.toml:2:16: `password_file`, `password_env` and"), "{both}");
        for wrong in [
            "password_env = 'hunter 2'",
            "password_env = 'hunter-2'",
            "password_credential = '/hunter'",
            "password_env = ''",
        ] {
            let error = read(wrong).expect_err(wrong);
            assert!(error.contains("is not the name of") && !error.contains("hunter"), "{error}");
        }
    }
}
