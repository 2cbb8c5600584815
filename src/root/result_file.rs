//! A file that a run writes as its result: complete or absent, even after a kill or on a full disk.
//!
//! The content goes to a new file beside it, which takes its name once it has reached the disk. A target that allows no
//! file beside it is written in place: a link, a device, a pipe, a file that is a mount or whose directory cannot be
//! written.

use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FallocateFlags, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

/// A file that is to be written at the end of a run.
#[derive(Debug)]
pub(crate) struct Output {
    path: String,
    /// Its directory; `None` when it is written where it is.
    directory: Option<OwnedFd>,
    /// The file itself, when it was there and can be written where it is.
    file: Option<File>,
    /// What tells its temporary name from those of other runs: in containers each process may be number 1.
    number: u64,
}

impl Output {
    /// See that the file can be written, and leave everything as it is.
    ///
    /// # Errors
    /// The kernel's, as for a directory that is not there or cannot be written.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        let number = RandomState::new().build_hasher().finish();
        let mut output = Self { path: path.to_owned(), directory: None, file: None, number };
        if output.name().is_empty() || path.ends_with('/') {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let old = output.old();
        let Some(old) = old else {
            let directory = output.open_directory()?;
            output.create(&directory, Mode::RUSR | Mode::WUSR)?;
            rustix::fs::unlinkat(&directory, output.temporary(), AtFlags::empty())?;
            output.directory = Some(directory);
            return Ok(output);
        };
        if FileType::from_raw_mode(old.st_mode) == FileType::RegularFile
            && let Ok(directory) = output.open_directory()
            && output.create(&directory, Mode::RUSR | Mode::WUSR).is_ok()
        {
            rustix::fs::unlinkat(&directory, output.temporary(), AtFlags::empty())?;
            output.directory = Some(directory);
        }
        // A link that leads nowhere yet gets its file at the end.
        output.file = match output.open_file(false) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // One that may not be written may be replaced all the same: that is the directory's to say.
            Err(_) if output.directory.is_some() => None,
            Err(error) => return Err(error),
        };
        Ok(output)
    }

    /// Write the content. The file holds all of it afterwards, or what it held before.
    ///
    /// # Errors
    /// The kernel's; nothing is left beside the file.
    pub(crate) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        let Some(directory) = self.directory.take() else { return self.write_in_place(content) };
        let written = self.replace(&directory, content);
        let Err(error) = written else { return Ok(()) };
        let _ = rustix::fs::unlinkat(&directory, self.temporary(), AtFlags::empty());
        match error {
            // A mount, or an owner that this process may not give.
            Errno::BUSY | Errno::PERM | Errno::ACCESS | Errno::XDEV if self.file.is_some() => {
                self.write_in_place(content)
            }
            error => Err(error.into()),
        }
    }

    fn replace(&self, directory: &OwnedFd, content: &[u8]) -> Result<(), Errno> {
        let old = self.old();
        let private = Mode::RUSR | Mode::WUSR;
        let readable = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
        let new = self.create(directory, if old.is_some() { private } else { readable })?;
        let mut rest = content;
        while !rest.is_empty() {
            match rustix::io::write(&new, rest) {
                Ok(0) => return Err(Errno::IO),
                Ok(count) => rest = rest.get(count..).unwrap_or(&[]),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(old) = old {
            let is = rustix::fs::fstat(&new)?;
            if (is.st_uid, is.st_gid) != (old.st_uid, old.st_gid) {
                rustix::fs::fchown(&new, Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)))?;
            }
            rustix::fs::fchmod(&new, Mode::from_raw_mode(old.st_mode & 0o7777))?;
        }
        rustix::fs::fsync(&new)?;
        rustix::fs::renameat(directory, self.temporary(), directory, self.name())?;
        // The new name, too; not every file system can.
        let _ = rustix::fs::fsync(directory);
        Ok(())
    }

    fn write_in_place(&mut self, content: &[u8]) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open_file(true)?,
        };
        let is_file = file.metadata()?.is_file();
        if is_file {
            // A full disk is to be met before anything is lost.
            match rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, content.len() as u64) {
                Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => return Err(error.into()),
                _ => file.rewind()?,
            }
        }
        file.write_all(content)?;
        if is_file {
            file.set_len(content.len() as u64)?;
            file.sync_all()?;
        }
        file.flush()
    }

    /// What has that name, be it a link.
    fn old(&self) -> Option<Stat> {
        rustix::fs::statat(CWD, self.path.as_str(), AtFlags::SYMLINK_NOFOLLOW).ok()
    }

    fn open_directory(&self) -> Result<OwnedFd, Errno> {
        let parent = Path::new(&self.path).parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        rustix::fs::open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    }

    fn open_file(&self, create: bool) -> io::Result<File> {
        File::options().write(true).create(create).truncate(false).open(&self.path)
    }

    fn create(&self, directory: &OwnedFd, mode: Mode) -> Result<OwnedFd, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        rustix::fs::openat(directory, self.temporary(), flags, mode)
    }

    fn name(&self) -> &[u8] {
        Path::new(&self.path).file_name().map_or(b"", |name| name.as_bytes())
    }

    /// A name beside it that no other run uses, short enough for every name.
    fn temporary(&self) -> Vec<u8> {
        let number = self.number;
        let name = self.name();
        [b".", name.get(..name.len().min(200)).unwrap_or(name), format!(".harden-{number:016x}").as_bytes()].concat()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::Output;

    fn write(path: &std::path::Path, content: &str) -> std::io::Result<()> {
        Output::open(path.to_str().unwrap())?.write(content.as_bytes())
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_mode_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let opened = Output::open(path.to_str().unwrap()).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "opened is not written");
        drop(opened);
        write(&path, "one, and more").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let before = fs::metadata(&path).unwrap();
        write(&path, "two").unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!((before.mode(), before.uid(), before.gid()), (after.mode(), after.uid(), after.gid()));
        assert_ne!(before.ino(), after.ino(), "it was written in place");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_leads_to_the_file_that_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let (link, file) = (directory.path().join("link"), directory.path().join("file"));
        symlink("file", &link).unwrap();
        write(&link, "one, and more").unwrap();
        write(&link, "two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(fs::read_link(&link).unwrap(), std::path::Path::new("file"));
        write(std::path::Path::new("/dev/null"), "gone").unwrap();
        assert!(write(&directory.path().join("none/out"), "x").is_err());
        assert!(write(directory.path(), "x").is_err(), "a directory");
    }
}
