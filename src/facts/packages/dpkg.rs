//! dpkg's database: `status` and `info/*.list` with diversions, distroless' `status.d`, and opkg's cousin of it.

use std::collections::BTreeMap;

use super::purpose::Automatic;
use super::{Fields, Manager, NAMED, PackageIndex, Reader, lines, lossy, stanzas};
use crate::ordered;
use crate::tree::{Id, Tree};

/// Where dpkg keeps its records.
pub(crate) const ADMIN: &[u8] = b"/var/lib/dpkg";

/// Read `/var/lib/dpkg`.
pub(super) fn read(reader: &mut Reader<'_>) {
    let status = match reader.file(&join(ADMIN, b"status")) {
        Some(id) => reader.read(id),
        None => Vec::new(),
    };
    let records = records(&status);
    let diversions = match reader.file(&join(ADMIN, b"diversions")) {
        Some(id) => diversions(&reader.read(id)),
        None => Diversions::default(),
    };
    find_unfinished(reader, &records);
    let automatic = Automatic::read(reader);
    read_lists(reader, &join(ADMIN, b"info"), Manager::Dpkg, &records, &diversions, automatic.as_ref());
    read_distroless(reader);
}

/// What a run that did not come to its end left of packages that have no record any more: it had taken that already.
fn find_unfinished(reader: &mut Reader<'_>, records: &BTreeMap<String, Record>) {
    let tree = reader.tree;
    let killed = |path: &[u8]| {
        let directory = tree.resolve(&join(ADMIN, path)).ok()?.node;
        tree.killed().remembered.contains(&directory).then_some(directory)
    };
    if let Some(info) = killed(b"info").filter(|_| !records.is_empty()) {
        for file in tree.children(info).filter(|&id| tree.is_file(id)) {
            let name = tree.name(file);
            let Some(stem) = name.iter().rposition(|&b| b == b'.').and_then(|at| name.get(..at)) else { continue };
            let stem = lossy(stem);
            let bare = stem.split(':').next().unwrap_or_default();
            if !records.contains_key(&stem) && !records.contains_key(bare) {
                reader.packages.unfinished.push(file);
            }
        }
    }
    for file in killed(b"status.d").into_iter().flat_map(|directory| tree.children(directory)) {
        let record = tree.name(file).strip_suffix(b".md5sums");
        if record.is_some_and(|record| tree.child(tree.parent(file), record).is_none()) && tree.is_file(file) {
            reader.packages.unfinished.push(file);
        }
    }
    reader.packages.unfinished.sort_unstable();
}

/// Read opkg's lists; both layouts in use.
pub(super) fn read_opkg(reader: &mut Reader<'_>) {
    for base in [&b"/usr/lib/opkg"[..], b"/var/lib/opkg"] {
        let status = match reader.file(&join(base, b"status")) {
            Some(id) => reader.read(id),
            None => Vec::new(),
        };
        read_lists(reader, &join(base, b"info"), Manager::Opkg, &records(&status), &Diversions::default(), None);
    }
}

/// What packages diverted (dpkg-divert(1)).
#[derive(Default)]
pub(crate) struct Diversions {
    /// By path: where other packages' file of that path lies, and the package that diverted it.
    by_path: BTreeMap<Vec<u8>, (Vec<u8>, String)>,
    /// A bit for each length of a path, by its last six bits: most paths of a list have none of these lengths.
    lengths: u64,
}

impl Diversions {
    fn get(&self, path: &[u8]) -> Option<&(Vec<u8>, String)> {
        let known = self.lengths >> (path.len() & 63) & 1 == 1;
        if known { self.by_path.get(path) } else { None }
    }
}

/// What a stanza says of a package.
#[derive(Debug, Clone, Default)]
struct Record {
    source: String,
    version: String,
    architecture: String,
    depends: String,
    provides: String,
    removed: bool,
    /// Part of the base: `Essential`, or of priority required or important.
    base: bool,
}

impl Record {
    fn of(mut fields: Fields) -> Self {
        let mut take = |name| fields.remove(name).unwrap_or_default();
        Self {
            source: source(&take("source")),
            version: take("version"),
            architecture: take("architecture"),
            // Wanted state, flag, state (dpkg-query(1)): only the last tells what is there.
            removed: matches!(take("status").split_whitespace().nth(2), Some("not-installed" | "config-files")),
            depends: format!("{},{}", take("pre-depends"), take("depends")),
            provides: take("provides"),
            base: take("essential") == "yes" || matches!(&*take("priority"), "required" | "important"),
        }
    }

    fn add(&self, reader: &mut Reader<'_>, name: String, manager: Manager, file: Id) -> PackageIndex {
        let package = reader.add(name, self.source.clone(), self.version.clone(), manager);
        reader.describe(package, file, self.architecture.clone(), self.removed);
        // One record may serve the lists of many architectures.
        let all = [&self.depends, &self.provides, &self.version, &self.source];
        let names = all.iter().map(|text| 1 + text.matches([',', '|']).count() + text.len() / 64).sum::<usize>() as u64;
        if reader.contents.spend(&NAMED, names, reader.tree, file) {
            reader.needs.debian(package, &self.depends, &self.provides);
        }
        package
    }
}

/// Records by package name, and by `name:architecture`.
fn records(status: &[u8]) -> BTreeMap<String, Record> {
    let mut records = BTreeMap::new();
    for mut fields in stanzas(status) {
        let Some(name) = fields.remove("package") else { continue };
        let value = Record::of(fields);
        if !value.architecture.is_empty() {
            records.insert(format!("{name}:{}", value.architecture), value.clone());
        }
        records.entry(name).or_insert(value);
    }
    records
}

/// `glibc (2.36-9)` names the source glibc.
fn source(field: &str) -> String {
    field.split_whitespace().next().unwrap_or_default().to_owned()
}

fn read_lists(
    reader: &mut Reader<'_>,
    info: &[u8],
    manager: Manager,
    records: &BTreeMap<String, Record>,
    diversions: &Diversions,
    automatic: Option<&Automatic>,
) {
    let Ok(info) = reader.tree.resolve(info).map(|found| found.node) else { return };
    let unknown = Record::default();
    let mut content = Vec::new();
    for list in reader.tree.children(info) {
        let Some(stem) = reader.tree.name(list).strip_suffix(b".list") else { continue };
        if !reader.tree.is_file(list) || reader.packages.unfinished.binary_search(&list).is_ok() {
            continue;
        }
        let stem = lossy(stem);
        let name = stem.split(':').next().unwrap_or_default().to_owned();
        let record = records.get(&stem).or_else(|| records.get(&name)).unwrap_or(&unknown);
        reader.read_into(list, &mut content);
        let asked = automatic.is_some_and(|automatic| !automatic.has(&name, &record.architecture));
        let counts = asked && !record.base && !record.removed;
        let package = record.add(reader, name.clone(), manager, list);
        if counts {
            reader.on_purpose(package);
        }
        for line in lines(&content) {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            // opkg writes `path<TAB>mode<TAB>target`; dpkg refuses paths with a newline and knows no tab.
            let path = match manager {
                Manager::Opkg => line.split(|&b| b == b'\t').next().unwrap_or_default(),
                _ => line,
            };
            if !path.is_empty() {
                reader.own(package, undiverted(path, &name, diversions));
            }
        }
    }
}

/// Triples of lines: the path, where other packages' file of that path lies instead, and the package that
/// diverted it (`:` for the administrator).
pub(crate) fn diversions(text: &[u8]) -> Diversions {
    let lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
    let triple = |part: &[&[u8]]| match part {
        [path, moved, by] => Some((path.to_vec(), (moved.to_vec(), lossy(by)))),
        _ => None,
    };
    let by_path = ordered::map(lines.chunks(3).filter_map(triple));
    let lengths = by_path.keys().fold(0, |lengths, path| lengths | 1 << (path.len() & 63));
    Diversions { by_path, lengths }
}

/// distroless: one stanza a file in `status.d`, the owned paths in `FILE.md5sums` beside it. File names may
/// be encoded; the stanza has the true name.
fn read_distroless(reader: &mut Reader<'_>) {
    let Ok(directory) = reader.tree.resolve(&join(ADMIN, b"status.d")).map(|found| found.node) else { return };
    for record in reader.tree.children(directory) {
        let file = reader.tree.name(record);
        if file.ends_with(b".md5sums") || file.ends_with(b".list") || !reader.tree.is_file(record) {
            continue;
        }
        let sums = sums(reader.tree, record);
        let content = reader.read(record);
        let Some(mut fields) = stanzas(&content).next() else { continue };
        let Some(name) = fields.remove("package") else { continue };
        let (name_of, stanza) = (name.clone(), Record::of(fields));
        let architecture = stanza.architecture.clone();
        let package = stanza.add(reader, name, Manager::Dpkg, record);
        if let Some(sums) = sums {
            let content = reader.read(sums);
            own_sums(reader, package, &content);
            continue;
        }
        // Of an image that was put together from packages, the lists may be where dpkg has them.
        for list in lists_elsewhere(reader, record, &name_of, &architecture) {
            let content = reader.read(list);
            if reader.tree.name(list).ends_with(b".md5sums") {
                own_sums(reader, package, &content);
            } else {
                for path in content.split(|&b| b == b'\n').filter(|path| !path.is_empty()) {
                    reader.own_file(package, path);
                }
            }
        }
    }
}

/// Lists of the files of a package of `status.d` that are not in `FILE.md5sums` beside its stanza.
fn lists_elsewhere(reader: &Reader<'_>, record: Id, name: &str, architecture: &str) -> Vec<Id> {
    let (tree, file) = (reader.tree, reader.tree.name(record).to_vec());
    let info = tree.resolve(&join(ADMIN, b"info")).map(|found| found.node).ok();
    let beside = tree.child(tree.parent(record), &[&file[..], b".list"].concat());
    let stems = [name.as_bytes().to_vec(), format!("{name}:{architecture}").into_bytes(), file];
    // A list there is one of dpkg's own, which are read by themselves.
    let in_info = stems.iter().filter_map(|stem| tree.child(info?, &[&stem[..], b".md5sums"].concat()));
    beside.into_iter().chain(in_info).filter(|&id| tree.is_file(id)).collect()
}

fn own_sums(reader: &mut Reader<'_>, package: PackageIndex, content: &[u8]) {
    for path in content.split(|&b| b == b'\n').filter_map(sum_path) {
        reader.own_file(package, path);
    }
}

/// The list of checksums beside the file by which a package is known.
pub(crate) fn sums(tree: &Tree, record: Id) -> Option<Id> {
    let name = tree.name(record);
    let stem = name.strip_suffix(b".list").unwrap_or(name);
    tree.child(tree.parent(record), &[stem, b".md5sums"].concat()).filter(|&id| tree.is_file(id))
}

/// Where a package's file lies that it lists at `path`.
pub(crate) fn undiverted<'p>(path: &'p [u8], name: &str, diverted: &'p Diversions) -> &'p [u8] {
    match diverted.get(path) {
        Some((moved, by)) if by != name => moved,
        _ => path,
    }
}

/// The path, relative to the root, of one line `md5sum  path`.
pub(crate) fn sum_path(line: &[u8]) -> Option<&[u8]> {
    sum_line(line).map(|(_, path)| path)
}

/// The sum and the path of such a line.
pub(crate) fn sum_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|&b| b == b' ')?;
    let (sum, path) = line.split_at_checked(at)?;
    let path = path.trim_ascii_start();
    (!path.is_empty()).then_some((sum, path))
}

pub(crate) fn join(base: &[u8], name: &[u8]) -> Vec<u8> {
    [base, b"/", name].concat()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Packages;
    use crate::tree::contents::memory::image;

    #[test]
    fn lists_lead_through_merged_directories_and_diversions() {
        let (tree, memory) = image(&[
            ("/bin", "-> usr/bin"),
            ("/usr/bin/ls", ""),
            ("/usr/bin/sh", "-> dash"),
            ("/usr/bin/dash", ""),
            ("/usr/bin/sh.distrib", ""),
            ("/usr/share/doc/coreutils/copyright", ""),
            (
                "/var/lib/dpkg/status",
                "Package: coreutils\nStatus: install ok installed\nSource: gnu-utils (9.1)\nVersion: 9.1-1\nDescription: x\n bin\n\nPackage: libc6\nArchitecture: amd64\nSource: glibc\nVersion: 2\n",
            ),
            ("/var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n"),
            ("/var/lib/dpkg/info/coreutils.list", "/.\n/bin\n/bin/ls\n/bin/sh\n/usr/share/doc/coreutils/copyright\n"),
            ("/var/lib/dpkg/info/dash.list", "/.\n/bin/sh\n/bin/dash\n"),
            ("/var/lib/dpkg/info/gone.list", "/.\n/usr/bin/gone\n/usr/share/none\n"),
            ("/var/lib/dpkg/info/libc6:amd64.list", "/.\n/usr/share/none\n"),
        ]);
        let packages = Packages::collect(&tree, &memory);
        let owner = |path: &str| packages.owner(tree.lookup(path.as_bytes()).unwrap()).map(|p| p.name.as_str());
        assert_eq!(owner("/usr/bin/ls"), Some("coreutils"));
        assert_eq!(owner("/usr/bin/sh"), Some("dash"));
        assert_eq!(owner("/usr/bin/sh.distrib"), Some("coreutils"));
        assert_eq!(owner("/bin"), Some("coreutils"));
        assert_eq!(owner("/usr"), None);
        let all: Vec<_> =
            packages.iter().map(|(_, p)| (&p.name[..], &p.source[..], &p.version[..], p.had_commands)).collect();
        assert_eq!(
            all,
            [
                ("coreutils", "gnu-utils", "9.1-1", false),
                ("dash", "dash", "", false),
                ("gone", "gone", "", true),
                ("libc6", "glibc", "2", false),
            ]
        );
        let (coreutils, _) = packages.iter().next().unwrap();
        assert_eq!(packages.files(coreutils).count(), 4);
    }

    #[test]
    fn distroless_and_opkg() {
        let (tree, memory) = image(&[
            ("/usr/bin/openssl", ""),
            ("/usr/sbin/dropbear", ""),
            ("/var/lib/dpkg/status.d/b3BlbnNzbA==", "Package: openssl\nSource: openssl-src (1)\nVersion: 3\n"),
            ("/var/lib/dpkg/status.d/zlib", "Package: zlib1g\nArchitecture: amd64\nVersion: 1\n"),
            ("/var/lib/dpkg/info/zlib1g:amd64.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/lib/libz.so.1\n"),
            ("/usr/lib/libz.so.1", ""),
            ("/var/lib/dpkg/status.d/bash", "Package: bash\nVersion: 1\n"),
            ("/var/lib/dpkg/status.d/bash.list", "/.\n/usr/bin/bash\n"),
            ("/usr/bin/bash", ""),
            ("/var/lib/dpkg/status.d/b3BlbnNzbA==.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/bin/openssl\n"),
            ("/usr/lib/opkg/info/dropbear.list", "/usr/sbin/dropbear\t0100755\t-\n"),
        ]);
        let packages = Packages::collect(&tree, &memory);
        let owner = |path: &str| packages.owner(tree.lookup(path.as_bytes()).unwrap()).map(|p| p.source.as_str());
        assert_eq!(owner("/usr/bin/openssl"), Some("openssl-src"));
        assert_eq!(owner("/usr/sbin/dropbear"), Some("dropbear"));
        // The lists are dpkg's, or beside the stanza.
        assert_eq!(owner("/usr/lib/libz.so.1"), Some("zlib1g"));
        assert_eq!(owner("/usr/bin/bash"), Some("bash"));
    }
}
