//! A result that a run writes piece by piece: complete or absent.
//!
//! The pieces go to a file beside the place, which takes its name at the end; a target that allows no file beside it
//! (standard output, a pipe, a device) gets them from a temporary file. Neither has a name before, where the kernel can
//! do that: a reader never sees a part, and a run that is killed leaves nothing.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::host;
use crate::console::progress::{Progress, Unit};

/// Bytes of one copy to a place that is no file.
const CHUNK: usize = 256 * 1024;

/// The result.
#[derive(Debug)]
pub(crate) struct ResultStream {
    /// Where the pieces go.
    pub file: File,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The temporary name in the directory becomes this name; `named` when the file has it already.
    Beside { directory: OwnedFd, temporary: Vec<u8>, name: Vec<u8>, named: bool },
    /// Everything is copied there at the end.
    Copied(File),
}

impl ResultStream {
    /// Begin a result at a path; standard output when there is none. `directories` are those for a temporary file.
    ///
    /// # Errors
    /// The kernel's, as for a directory that is not there or cannot be written.
    pub(crate) fn begin(path: Option<&Path>, directories: &[PathBuf]) -> io::Result<Self> {
        let spooled = |target: File| {
            let file = host::unnamed_file(directories).ok_or_else(|| {
                let places: Vec<_> = directories.iter().map(|path| path.to_string_lossy().into_owned()).collect();
                io::Error::other(format!(
                    "there is no directory for a temporary file: none of {} can be written",
                    places.join(", ")
                ))
            })?;
            Ok(Self { file, place: Place::Copied(target) })
        };
        let Some(path) = path else { return spooled(host::stdout()?) };
        let Some(name) = path.file_name().filter(|_| !path.as_os_str().as_bytes().ends_with(b"/")) else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let old = rustix::fs::statat(CWD, path, AtFlags::empty()).ok();
        match old.map(|old| FileType::from_raw_mode(old.st_mode)) {
            Some(FileType::Directory) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(FileType::RegularFile) | None => {}
            Some(_) => return spooled(File::options().write(true).open(path)?),
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(parent, flags, Mode::empty())?;
        let number: u64 = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), rustix::process::getpid());
        let temporary = format!(".harden-{number:016x}").into_bytes();
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
        let unnamed = rustix::fs::openat(&directory, ".", flags | OFlags::TMPFILE, mode).map(File::from);
        // It gets its name through procfs (open(2), O_TMPFILE).
        let unnamed = unnamed.ok().filter(|file| rustix::fs::statat(CWD, proc_path(file), AtFlags::empty()).is_ok());
        let (file, named) = match unnamed {
            Some(file) => (file, false),
            None => {
                let flags = flags | OFlags::CREATE | OFlags::EXCL;
                (File::from(rustix::fs::openat(&directory, &*temporary, flags, mode)?), true)
            }
        };
        Ok(Self { file, place: Place::Beside { directory, temporary, name: name.as_bytes().to_vec(), named } })
    }

    /// All pieces are there: put the result into its place.
    ///
    /// # Errors
    /// The kernel's, as for a full disk or a closed pipe; then nothing has the place's name that had not before.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Place::Copied(target) = &mut self.place {
            let total = self.file.metadata().ok().map(|meta| meta.len());
            let progress = Progress::new("writing the image", Unit::Bytes, total);
            self.file.rewind()?;
            let mut buffer = vec![0; CHUNK];
            loop {
                match self.file.read(&mut buffer) {
                    Ok(0) => return target.flush(),
                    Ok(count) => {
                        target.write_all(buffer.get(..count).unwrap_or_default())?;
                        progress.advance(count as u64);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.file.sync_all()?;
        if let Place::Beside { directory, temporary, name, named } = &self.place {
            if !named {
                let link = |name: &[u8]| {
                    rustix::fs::linkat(CWD, proc_path(&self.file), directory, name, AtFlags::SYMLINK_FOLLOW)
                };
                match link(name) {
                    // What has the name is replaced in one step.
                    Err(Errno::EXIST) => link(temporary)?,
                    other => return Ok(other?),
                }
            }
            rustix::fs::renameat(directory, &**temporary, directory, &**name)?;
        }
        Ok(())
    }
}

fn proc_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

impl Drop for ResultStream {
    fn drop(&mut self) {
        if let Place::Beside { directory, temporary, .. } = &self.place {
            // Nothing has that name after the result took its place.
            let _ = rustix::fs::unlinkat(directory, &**temporary, AtFlags::empty());
        }
    }
}
