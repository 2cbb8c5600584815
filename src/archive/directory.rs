//! The directory of an image (an OCI layout, or the output of `skopeo copy … dir:`), read as the archive that tar(1)
//! makes of it.
//!
//! Nothing is copied: the headers are made here, and content is read from the files. Links are not followed.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::rc::Rc;

use rustix::fs::{Dir, FileType, Mode, OFlags, openat};

use crate::diag::{Diagnostic, codes};

/// Size of a header, and of what content is padded to (pax(1), ustar Interchange Format).
const BLOCK: u64 = 512;

/// Files of a layout lie in `blobs/sha256`.
const DEEPEST: usize = 3;

/// Most files: more than any image has blobs. Each is held open.
const MOST_FILES: usize = 512;

/// Longest path of a file; a blob's has 77 bytes.
const LONGEST_PATH: usize = 100;

/// The files that one of the forms begins with.
const FIRST: [&str; 2] = ["index.json", "manifest.json"];

/// Where an archive lies.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// In one file.
    File(Rc<File>),
    /// In the files of a directory.
    Directory(Rc<Directory>),
}

impl Source {
    /// Some bytes from `at`, none behind the end.
    pub(super) fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read_at(space, at),
            Self::Directory(directory) => directory.read_at(space, at),
        }
    }

    /// As many bytes from `at` as there is space.
    ///
    /// # Errors
    /// `UnexpectedEof` when there are fewer.
    pub(super) fn read_exact_at(&self, mut space: &mut [u8], mut at: u64) -> io::Result<()> {
        while !space.is_empty() {
            match self.read_at(space, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    space = space.get_mut(count..).unwrap_or_default();
                    at = at.saturating_add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A directory as an archive.
#[derive(Debug)]
pub(super) struct Directory {
    /// In the order of their first bytes.
    parts: Vec<Part>,
    len: u64,
}

#[derive(Debug)]
struct Part {
    start: u64,
    header: [u8; BLOCK as usize],
    file: File,
    size: u64,
}

impl Directory {
    /// Open every file of the directory.
    ///
    /// # Errors
    /// When it is not the directory of an image, holds too many files, or one cannot be opened.
    pub(super) fn open(directory: &File) -> Result<Self, Diagnostic> {
        let mut found = Vec::new();
        collect(directory.as_fd(), "", DEEPEST, &mut found).map_err(|error| {
            Diagnostic::new(codes::ARCHIVE_READ, format!("cannot read the directory: {error}"))
                .help("give a directory that you may read, or an archive")
        })?;
        if found.len() > MOST_FILES {
            let text = format!("the directory holds more than {MOST_FILES} files, which no image has");
            return Err(Diagnostic::new(codes::BUDGET, text)
                .help("give the directory of one image, or that of a root file system as tar -C DIR -c . writes it"));
        }
        if !found.iter().any(|(path, ..)| FIRST.contains(&path.as_str())) {
            let text = "it is a directory, and not that of an image: it has neither index.json nor manifest.json";
            return Err(Diagnostic::new(codes::ARCHIVE_IMAGE, text)
                .help("give the output of docker save; for the directory of a root file system, --root DIR (not image), or what tar -C DIR -c . writes"));
        }
        found.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        let (mut parts, mut start) = (Vec::new(), 0_u64);
        for (path, file, size) in found {
            let header = header(&path, size);
            parts.push(Part { start, header, file, size });
            start = start.saturating_add(BLOCK).saturating_add(size.next_multiple_of(BLOCK));
        }
        // Two blocks of zeros end an archive.
        Ok(Self { parts, len: start.saturating_add(2 * BLOCK) })
    }

    /// Bytes of the archive.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX).min(space.len());
        let space = space.get_mut(..rest).unwrap_or_default();
        let next = self.parts.partition_point(|part| part.start <= at);
        let Some(part) = next.checked_sub(1).and_then(|index| self.parts.get(index)) else {
            space.fill(0);
            return Ok(rest);
        };
        let inside = at - part.start;
        let until = |end: u64| usize::try_from(end - inside).unwrap_or(usize::MAX).min(rest);
        if inside < BLOCK {
            let count = until(BLOCK);
            let header = part.header.iter().skip(usize::try_from(inside).unwrap_or(usize::MAX));
            space.iter_mut().zip(header).for_each(|(to, from)| *to = *from);
            return Ok(count);
        }
        if inside < BLOCK + part.size {
            let count = until(BLOCK + part.size);
            return part.file.read_at(space.get_mut(..count).unwrap_or_default(), inside - BLOCK);
        }
        // Padding, or the end.
        let end = self.parts.get(next).map_or(self.len, |next| next.start);
        let count = usize::try_from(end - at).unwrap_or(usize::MAX).min(rest);
        space.get_mut(..count).unwrap_or_default().fill(0);
        Ok(count)
    }
}

fn collect(directory: impl AsFd, path: &str, levels: usize, found: &mut Vec<(String, File, u64)>) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut names: Vec<(CString, FileType)> = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        names.push((entry.file_name().to_owned(), entry.file_type()));
    }
    for (name, kind) in names {
        let Ok(text) = name.to_str() else { continue };
        let path = if path.is_empty() { text.to_owned() } else { format!("{path}/{text}") };
        if matches!(text, "." | "..") || path.len() > LONGEST_PATH || found.len() > MOST_FILES {
            continue;
        }
        if matches!(kind, FileType::Symlink) {
            continue;
        }
        let Ok(file) = openat(&directory, &name, flags, Mode::empty()).map(|fd: OwnedFd| File::from(fd)) else {
            // One that may not be read is missing, when it is needed.
            continue;
        };
        let meta = file.metadata()?;
        if meta.is_file() {
            found.push((path, file, meta.len()));
        } else if meta.is_dir() && levels > 1 {
            collect(&file, &path, levels - 1, found)?;
        }
    }
    Ok(())
}

/// A header of a regular file. A size beyond 8 GiB is binary, as GNU tar writes it.
fn header(path: &str, size: u64) -> [u8; BLOCK as usize] {
    let mut block = [0; BLOCK as usize];
    let mut put = |at: usize, bytes: &[u8]| {
        block.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
    };
    put(0, path.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < 1 << 33 {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        put(124, &[0x80]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    let text = format!("{sum:06o}\0 ");
    block.iter_mut().skip(148).zip(text.as_bytes()).for_each(|(to, from)| *to = *from);
    block
}
