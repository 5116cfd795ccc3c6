//! Who did something: the user at the other end of the socket, or the collector by itself.

use std::fmt;
use std::os::unix::fs::MetadataExt;

/// A name for the audit chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who(String);

impl Who {
    /// The collector, in what nobody asked for at that moment.
    pub fn collector() -> Who {
        Who("collector".to_owned())
    }

    /// The user of a number, by the system's list of users where it has it; `None` where the system did not tell.
    pub fn user(uid: Option<u32>) -> Who {
        let Some(uid) = uid else { return Who("unknown user".to_owned()) };
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        match name_of(&users, uid) {
            Some(name) => Who(format!("{name} (uid {uid})")),
            None => Who(format!("uid {uid}")),
        }
    }

    /// The user that this process runs as.
    pub fn this_process() -> Who {
        Who::user(std::fs::metadata("/proc/self").ok().map(|process| process.uid()))
    }

    /// The text as it stands in the chain.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a user in the lines of `/etc/passwd`: `name:password:uid:...`.
fn name_of(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_where_the_system_knows_them() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\neva:x:1000:1000::/home/eva:/bin/sh\n";
        assert_eq!(name_of(users, 1000), Some("eva"));
        assert_eq!(name_of(users, 7), None);
        assert_eq!(Who::user(Some(4_294_900_000)).as_str(), "uid 4294900000");
        assert_eq!(Who::user(None).as_str(), "unknown user");
    }
}
