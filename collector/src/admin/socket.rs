//! The socket file: made so that nobody else can ever open it, and a dead one recognised by asking it.

use super::ServeError;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Longest path of a socket on Linux: the address holds 108 bytes with the zero at the end.
const PATH_LIMIT: usize = 107;

/// A listening admin socket. Dropped, it removes its file.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    made: Made,
}

/// The file that was made, removed in the end unless another has taken its place.
#[derive(Debug)]
pub(super) struct Made {
    path: PathBuf,
    inode: u64,
}

impl AdminSocket {
    /// Makes the socket with mode 0600. A file left by a collector that was killed is replaced. Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// [`ServeError::AlreadyRunning`] if a collector answers on it; [`ServeError::NotASocket`] if something else has its name.
    pub fn bind(path: &Path) -> Result<AdminSocket, ServeError> {
        let failed = |source| ServeError::Io { path: path.to_owned(), source };
        // Bound in a directory that only we can enter, then moved: at no moment could another user connect.
        let private = path.with_extension("new");
        let inside = private.join("s");
        for path in [path, &inside] {
            let bytes = path.as_os_str().as_bytes().len();
            if bytes > PATH_LIMIT {
                return Err(ServeError::PathTooLong { path: path.to_owned(), bytes, limit: PATH_LIMIT });
            }
        }
        refuse_if_taken(path)?;
        remove_private(&private).map_err(failed)?;
        fs::DirBuilder::new().mode(0o700).create(&private).map_err(failed)?;
        let listener = UnixListener::bind(&inside).map_err(failed)?;
        fs::set_permissions(&inside, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let inode = fs::symlink_metadata(&inside).map_err(failed)?.ino();
        fs::rename(&inside, path).map_err(failed)?;
        fs::remove_dir(&private).map_err(failed)?;
        Ok(AdminSocket { listener, made: Made { path: path.to_owned(), inode } })
    }

    pub(super) fn into_parts(self) -> (UnixListener, Made) {
        (self.listener, self.made)
    }
}

impl Made {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the admin socket");
        }
    }
}

/// Asks whoever may be listening. A refused connection means a file without a process.
fn refuse_if_taken(path: &Path) -> Result<(), ServeError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(ServeError::Io { path: path.to_owned(), source }),
    };
    if !found.file_type().is_socket() {
        return Err(ServeError::NotASocket { path: path.to_owned() });
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {
            tracing::info!(path = %path.display(), "replacing the admin socket of a collector that is gone");
            Ok(())
        }
        // Connected, or too many wait already: someone listens.
        Ok(_) => Err(ServeError::AlreadyRunning { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Err(ServeError::AlreadyRunning { path: path.to_owned() })
        }
        Err(source) => Err(ServeError::Io { path: path.to_owned(), source }),
    }
}

/// Removes what a start that was killed half-way left.
fn remove_private(private: &Path) -> io::Result<()> {
    match fs::symlink_metadata(private) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(private),
        Ok(_) => fs::remove_file(private),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
