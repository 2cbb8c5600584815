//! The account files of the root: their places, and their lines as they were read.
//!
//! This module reads `passwd`, `group`, `shadow`, `gshadow`, `subuid` and `subgid` in /etc. It decides nothing: a file
//! that it cannot read reliably (a link, a directory, a mount, a file too large) is a [`Problem`], which rules turn
//! into a refusal. Names from elsewhere (ostree's /usr/lib/passwd, NIS, LDAP) are not accounts here; the first are
//! named in [`Accounts::elsewhere`].

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Id, Tree, Unresolved, glob};

mod line;

pub(crate) use line::{ADMINISTRATORS, GID, HOME, MEMBERS, PASSWORD, PRIMARY_GID, SHELL, UID, members, parse_id};
pub use line::{Database, parse, write};
pub(crate) use line::{Defect, Line};

/// Largest account file that is read, in bytes.
pub const MAX_SIZE: u64 = 16 << 20;
/// Most lines of one account file; a uid has 32 bits, but no image has that many accounts.
pub(crate) const MAX_LINES: usize = 200_000;

/// Accounts of other sources than /etc: nss-altfiles as ostree and systemd use it, SUSE, Clear Linux, libnss-extrausers, tcb
/// (one shadow file for each account), systemd's user records (userdb(7)), and nss_db's and BSD's compiled files.
const ELSEWHERE: [&str; 16] = [
    "/usr/lib/{passwd,group,shadow,gshadow}",
    "/usr/etc/{passwd,group,shadow,gshadow}",
    "/usr/share/defaults/etc/{passwd,group,shadow,gshadow}",
    "/var/lib/extrausers/{passwd,group,shadow,gshadow}*",
    "/etc/tcb/*/shadow*",
    "/etc/userdb/*.{user,group}*",
    "/run/userdb/*.{user,group}*",
    "/run/host/userdb/*.{user,group}*",
    "/usr/local/lib/userdb/*.{user,group}*",
    "/usr/lib/userdb/*.{user,group}*",
    "/var/lib/systemd/home/*.identity",
    "/etc/{passwd,group,shadow,pwd,spwd}.db",
    "/etc/master.passwd",
    "/var/db/{passwd,group,shadow}.db",
    "/var/lib/misc/{passwd,group,shadow}.db",
    "/var/lib/nss_db/{passwd,group,shadow}.db",
];

/// Every account file of the root.
#[derive(Debug, Default)]
pub struct Accounts {
    /// The directory /etc, links resolved; `None` when the image has none.
    pub etc: Option<Id>,
    /// The files that exist and could be read.
    pub files: BTreeMap<Database, File>,
    /// What could not be read for certain.
    pub problems: Vec<Problem>,
    /// Account files outside /etc, which are not read.
    pub elsewhere: Vec<Id>,
}

/// One account file.
#[derive(Debug)]
pub struct File {
    /// The regular file.
    pub node: Id,
    /// Every line, sound or not.
    pub lines: Vec<Line>,
}

/// Why the accounts of this root are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Absolute path inside the root.
    pub path: Vec<u8>,
    /// What is wrong with it, as the end of a sentence: `is a link`.
    pub cause: String,
}

impl Accounts {
    /// Read every account file through `read`, which returns `None` for what it cannot read.
    pub fn collect(tree: &Tree, mut read: impl FnMut(Id) -> Option<Vec<u8>>) -> Self {
        let mut accounts = Self {
            elsewhere: ELSEWHERE
                .iter()
                .flat_map(|pattern| glob::expand(tree, pattern))
                .filter(|&id| !tree.is_dir(id) && tree.meta(id).size > 0)
                .collect(),
            ..Self::default()
        };
        accounts.etc = match tree.resolve(b"/etc") {
            Ok(found) if tree.meta(found.node).mount && found.node != Id::ROOT => {
                return accounts.with_problem(b"/etc", "is a mount");
            }
            Ok(found) if tree.is_dir(found.node) => Some(found.node),
            Ok(_) => return accounts.with_problem(b"/etc", "is not a directory"),
            Err(Unresolved::Missing) if tree.lookup(b"/etc").is_none() => return accounts,
            Err(_) => return accounts.with_problem(b"/etc", "is a link that cannot be resolved"),
        };
        for database in Database::ALL {
            let found = accounts.etc.and_then(|etc| tree.child(etc, database.file_name().as_bytes()));
            let Some(node) = found else { continue };
            match file(tree, node, database, &mut read) {
                Ok(file) => {
                    accounts.files.insert(database, file);
                }
                Err(cause) => {
                    accounts.problems.push(Problem { path: tree.path(node), cause: cause.to_owned() });
                }
            }
        }
        accounts
    }

    /// The node of a file that exists and was read.
    #[must_use]
    pub fn node(&self, database: Database) -> Option<Id> {
        self.files.get(&database).map(|file| file.node)
    }

    /// Home directories of all accounts, as written.
    pub fn homes(&self) -> impl Iterator<Item = &[u8]> {
        self.passwd().map(|line| line.field(HOME)).filter(|home| home.starts_with(b"/"))
    }

    /// Root's home directory, as written.
    #[must_use]
    pub fn root_home(&self) -> Option<&[u8]> {
        self.passwd().find(|line| line.field(0) == b"root").map(|line| line.field(HOME))
    }

    /// Every sound line of passwd.
    pub fn passwd(&self) -> impl Iterator<Item = &Line> {
        let file = self.files.get(&Database::Passwd);
        file.into_iter().flat_map(|file| &file.lines).filter(|line| line.defect.is_none())
    }

    /// Names of all accounts and groups, but for root.
    #[must_use]
    pub fn names(&self) -> BTreeSet<Vec<u8>> {
        let files = [Database::Passwd, Database::Group].into_iter().filter_map(|database| self.files.get(&database));
        let lines = files.flat_map(|file| &file.lines).filter(|line| line.defect.is_none());
        lines.map(|line| line.name().to_vec()).filter(|name| name != b"root").collect()
    }

    fn with_problem(mut self, path: &[u8], cause: &str) -> Self {
        self.problems.push(Problem { path: path.to_vec(), cause: cause.to_owned() });
        self
    }
}

fn file(
    tree: &Tree,
    node: Id,
    database: Database,
    read: &mut impl FnMut(Id) -> Option<Vec<u8>>,
) -> Result<File, &'static str> {
    let meta = tree.meta(node);
    if meta.mount {
        return Err("is a mount");
    }
    if tree.is_link(node) {
        return Err("is a link");
    }
    if !tree.is_file(node) {
        return Err("is not a regular file");
    }
    if meta.size > MAX_SIZE {
        return Err("is larger than 16 MiB");
    }
    let content = read(node).ok_or("cannot be read")?;
    if content.iter().filter(|&&b| b == b'\n').count() >= MAX_LINES {
        return Err("has more than 200000 lines");
    }
    Ok(File { node, lines: parse(database, &content) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{Accounts, Database};
    use crate::tree::fixture;

    fn problems(entries: &[(&str, &str)]) -> Vec<(String, String)> {
        let tree = fixture::tree(entries);
        Accounts::collect(&tree, |_| Some(b"root:x:0:0::/:/bin/sh\n".to_vec()))
            .problems
            .into_iter()
            .map(|p| (String::from_utf8(p.path).unwrap(), p.cause))
            .collect()
    }

    #[test]
    fn reads_through_a_linked_etc() {
        let tree = fixture::tree(&[("/etc", "-> private/etc"), ("/private/etc/passwd", "")]);
        let accounts = Accounts::collect(&tree, |_| Some(b"root:x:0:0::/:/bin/sh\n".to_vec()));
        assert_eq!(tree.path(accounts.node(Database::Passwd).unwrap()), b"/private/etc/passwd");
        assert_eq!(accounts.files.get(&Database::Passwd).unwrap().lines.len(), 1);
        assert!(accounts.problems.is_empty());
    }

    #[test]
    fn what_is_no_plain_file_is_a_problem_and_never_a_guess() {
        let link = [("/etc/passwd".to_owned(), "is a link".to_owned())];
        assert_eq!(problems(&[("/etc/passwd", "-> ../usr/lib/passwd"), ("/usr/lib/passwd", "")]), link);
        let directory = [("/etc/group".to_owned(), "is not a regular file".to_owned())];
        assert_eq!(problems(&[("/etc/group/", "")]), directory);
        let dangling = [("/etc".to_owned(), "is a link that cannot be resolved".to_owned())];
        assert_eq!(problems(&[("/etc", "-> nowhere")]), dangling);
        assert_eq!(problems(&[("/etc", "")]), [("/etc".to_owned(), "is not a directory".to_owned())]);
        assert!(problems(&[("/app", "")]).is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_problem() {
        let tree = fixture::tree(&[("/etc/shadow", "")]);
        assert_eq!(Accounts::collect(&tree, |_| None).problems.first().unwrap().cause, "cannot be read");
        let many = vec![b'\n'; super::MAX_LINES];
        let problem = Accounts::collect(&tree, |_| Some(many.clone())).problems;
        assert_eq!(problem.first().unwrap().cause, "has more than 200000 lines");
    }
}
