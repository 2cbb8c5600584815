//! rpm's database in its three formats: SQLite (RHEL 9, Fedora, Amazon Linux 2023), ndb (SUSE) and Berkeley DB hash
//! (RHEL 8, Amazon Linux 2). Each is a list of package headers; the indexes beside them are not looked at.
//!
//! harden reads a database completely or not at all: with one record missing, the files of that package would look
//! unowned, or like those of a package which loses everything. This module knows the formats only to choose a reader.

mod bytes;
mod hash;
mod header;
mod ndb;
mod sqlite;

use super::{Manager, PackageIndex, Reader, lossy};
use crate::diag::escape::quoted;
use anyhow::{Context as _, Result, anyhow, bail};
use bytes::File;
use header::Header;

/// Largest database read: of file systems with every package of a distribution.
const LIMIT: u64 = 1024 * 1024 * 1024;
/// Largest header read; the longest of real packages have a few MiB (rpm itself: 256 MiB).
const MAX_HEADER: u64 = 32 * 1024 * 1024;

/// Where distributions have it: Fedora and SUSE, RHEL and Amazon, ostree.
const DIRECTORIES: [&str; 3] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm"];

/// Why a database cannot be read, without its path.
type Outcome<T> = Result<T>;
/// Hands every header of a database to a function, and stops at its first error.
type Backend = fn(&mut File<'_>, &mut dyn FnMut(&[u8]) -> Outcome<()>) -> Outcome<()>;

/// The formats by file name. A directory counts for the first that it has: rpm leaves an older one behind when it
/// converts a database.
const BACKENDS: [(&str, Backend); 3] =
    [("rpmdb.sqlite", sqlite::headers), ("Packages.db", ndb::headers), ("Packages", hash::headers)];

/// Names of SQLite's side files. What they hold belongs to the database, and only SQLite can say how.
const SIDE_FILES: [&str; 2] = ["-wal", "-journal"];

/// Read every database. One that cannot be read is noted, and nothing of it counts.
pub(super) fn read(reader: &mut Reader<'_>) {
    let mut seen = Vec::new();
    for directory in DIRECTORIES {
        let path = |name: &str| format!("{directory}/{name}");
        let found = BACKENDS.iter().find_map(|(name, headers)| Some((reader.file(path(name).as_bytes())?, headers)));
        let Some((id, headers)) = found else { continue };
        // One directory is a link to another in most distributions.
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let mark = reader.mark();
        let (contents, tree) = (reader.contents, reader.tree);
        let side = |suffix: &&str| {
            let name = [tree.name(id), suffix.as_bytes()].concat();
            tree.child(tree.parent(id), &name).filter(|&id| contents.size(tree, id) > 0)
        };
        let mut file = File::new(contents, tree, id);
        let outcome = match SIDE_FILES.iter().find_map(side) {
            Some(side) => Err(anyhow!("{} holds changes that are not in it yet", quoted(&tree.path(side)))),
            None if file.size() > LIMIT => Err(anyhow!("it is larger than {} MiB", LIMIT >> 20)),
            None => headers(&mut file, &mut |blob| add(reader, blob)),
        };
        if let Err(cause) = outcome {
            reader.rewind(mark);
            let path = quoted(&tree.path(id));
            reader.packages.problems.push(format!("cannot read the rpm database {path}: {cause}"));
            reader.packages.unreadable.push((Manager::Rpm, id));
        }
    }
    super::purpose::dnf(reader);
}

/// One package: what its header says it is, needs, offers and owns.
fn add(reader: &mut Reader<'_>, blob: &[u8]) -> Outcome<()> {
    let header = Header::parse(blob)?;
    let text = |tag| header.text(tag).map(lossy).unwrap_or_default();
    let name = text(header::NAME);
    if name.is_empty() {
        bail!("one of its records has no name");
    }
    let version = format!("{}-{}", text(header::VERSION), text(header::RELEASE));
    let version = match header.numbers(header::EPOCH).next() {
        Some(epoch) if epoch > 0 => format!("{epoch}:{version}"),
        _ => version,
    };
    let package = reader.add(name, source(&text(header::SOURCE_RPM)), version, Manager::Rpm);
    let mut flags = header.numbers(header::REQUIRE_FLAGS);
    let requires = header.strings(header::REQUIRE_NAMES);
    let requires = requires.filter(|_| flags.next().unwrap_or_default() & header::ONLY_INSTALLING == 0).map(lossy);
    reader.needs.rpm(package, requires, header.strings(header::PROVIDE_NAMES).map(lossy));
    own(reader, package, &header)
}

/// Files are stored as a directory's number and a name; before rpm 4 as paths.
fn own(reader: &mut Reader<'_>, package: PackageIndex, header: &Header<'_>) -> Outcome<()> {
    let directories: Vec<&[u8]> = header.strings(header::DIRECTORIES).collect();
    let mut states = header.bytes(header::FILE_STATES).iter();
    let mut flags = header.numbers(header::FILE_FLAGS);
    let mut indexes = header.numbers(header::DIRECTORY_INDEXES);
    let names = header.strings(header::NAMES).map(|name| (indexes.next(), name));
    let old = header.strings(header::OLD_PATHS).map(|path| (Some(u32::MAX), path));
    let mut path = Vec::new();
    for (directory, name) in names.chain(old) {
        path.clear();
        if directory != Some(u32::MAX) {
            let directory = directory.and_then(|at| directories.get(at as usize));
            path.extend_from_slice(directory.context("a file in one of its records has no directory")?);
        }
        path.extend_from_slice(name);
        // PATH_MAX of Linux; a hostile header has one long directory for a million names.
        if path.len() > 4096 {
            bail!("a path in one of its records is too long");
        }
        let state = states.next().copied().unwrap_or_default();
        let ghost = flags.next().unwrap_or_default() & header::GHOST != 0;
        if matches!(state, header::REPLACED | header::LEFT_OUT | header::WRONG_COLOUR) {
            continue;
        }
        reader.own_as(package, &path, !ghost);
    }
    Ok(())
}

/// `bash-5.1.8-6.el9.src.rpm` names the source bash.
fn source(file: &str) -> String {
    file.rsplitn(3, '-').nth(2).unwrap_or_default().to_owned()
}
