//! Working copies of the account files, which the `accounts.*` rules transform one after the other.
//!
//! A change removes a line, replaces it or adds one; each leaves one line of evidence, with password hashes masked. At
//! the end a file whose bytes differ becomes one rewrite. This module knows no policy: the rules decide which line to
//! remove.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::escape::escaped;
use crate::draft::record::LineChange;
use crate::draft::{Draft, New, Written};
use crate::facts::accounts::{Accounts, Database, GID, Line, PASSWORD, UID, write};
use crate::ordered;
use crate::tree::Attributes;

/// What a rule says of one line.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Not changed.
    Stay,
    /// Goes, with the reason as a clause.
    Go(String),
    /// Becomes another line, with the reason as a clause.
    Become(Line, String),
}

/// The account files as they will be after the rules so far.
#[derive(Debug, Default)]
pub struct AccountFiles {
    state: State,
    files: BTreeMap<Database, Vec<Line>>,
    changes: BTreeSet<Database>,
    edits: Vec<Edit>,
    /// Files that no rule changes: kept paths.
    frozen: BTreeSet<Database>,
    removed_accounts: BTreeMap<Vec<u8>, BTreeSet<u32>>,
    removed_groups: BTreeMap<Vec<u8>, BTreeSet<u32>>,
    handed_over: Leaving,
    created: Leaving,
    known: (BTreeSet<u32>, BTreeSet<u32>),
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Unread,
    /// Something could not be read for certain, and the plan is refused.
    Unknown,
    Ready,
}

/// Accounts and groups by name.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// Account names.
    pub(crate) users: BTreeSet<Vec<u8>>,
    /// Group names.
    pub(crate) groups: BTreeSet<Vec<u8>>,
}

#[derive(Debug)]
struct Edit {
    rule: &'static str,
    database: Database,
    line: LineChange,
    reason: String,
}

impl AccountFiles {
    /// Whether [`AccountFiles::read`] was called, with whatever outcome.
    pub(crate) fn is_read(&self) -> bool {
        self.state != State::Unread
    }

    /// Whether the accounts are known for certain. When not, known and pruned ids mean nothing: a rule that
    /// asks for them must leave files alone.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Take the lines as they are in the root.
    pub(crate) fn read(&mut self, facts: &Accounts) {
        self.state = if facts.problems.is_empty() { State::Ready } else { State::Unknown };
        self.files = ordered::map(facts.files.iter().map(|(&database, file)| (database, file.lines.clone())));
    }

    /// From now on no rule changes this file.
    pub(crate) fn freeze(&mut self, database: Database) {
        self.frozen.insert(database);
    }

    pub(crate) fn is_frozen(&self, database: Database) -> bool {
        self.frozen.contains(&database)
    }

    /// Whether the file exists, or is going to.
    #[must_use]
    pub fn exists(&self, database: Database) -> bool {
        self.files.contains_key(&database)
    }

    /// Every line of a file, unsound ones included.
    pub fn lines(&self, database: Database) -> impl DoubleEndedIterator<Item = &Line> {
        self.files.get(&database).into_iter().flatten()
    }

    /// Every sound line of a file.
    pub fn entries(&self, database: Database) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines(database).filter(|line| line.defect.is_none())
    }

    /// The sound lines that count: of several with one name, programs find the first.
    pub fn first_entries(&self, database: Database) -> impl Iterator<Item = &Line> {
        let mut seen = BTreeSet::new();
        self.entries(database).filter(move |line| seen.insert(line.name()))
    }

    /// The first sound line with exactly this name, which is the one that programs find.
    #[must_use]
    pub fn entry(&self, database: Database, name: &[u8]) -> Option<&Line> {
        self.entries(database).find(|line| line.name() == name)
    }

    /// Names of all sound lines of a file.
    #[must_use]
    pub fn names(&self, database: Database) -> BTreeSet<Vec<u8>> {
        BTreeSet::from_iter(self.entries(database).map(|line| line.name().to_vec()))
    }

    /// Names of the accounts that go.
    pub fn removed_accounts(&self) -> impl Iterator<Item = &[u8]> {
        self.removed_accounts.keys().map(Vec::as_slice)
    }

    /// Names of the groups that go.
    pub fn removed_groups(&self) -> impl Iterator<Item = &[u8]> {
        self.removed_groups.keys().map(Vec::as_slice)
    }

    /// Uids whose account goes and that no other account of the image as it was has.
    ///
    /// A uid in here and in [`AccountFiles::known_uids`] is handed over to the run user: the files that
    /// have it now belong to the account that goes.
    #[must_use]
    pub fn pruned_uids(&self) -> BTreeSet<u32> {
        self.pruned(&self.removed_accounts, Database::Passwd, UID, &self.created.users)
    }

    /// Gids whose group goes and that no other group of the image as it was has; as [`AccountFiles::pruned_uids`].
    #[must_use]
    pub fn pruned_gids(&self) -> BTreeSet<u32> {
        self.pruned(&self.removed_groups, Database::Group, GID, &self.created.groups)
    }

    /// 0, the run user's uid, the uid of every account that stays, and numbers in `keep.users`.
    #[must_use]
    pub fn known_uids(&self) -> &BTreeSet<u32> {
        &self.known.0
    }

    /// 0, the run user's gid, the gid of every account and group that stays, and numbers in `keep.groups`.
    #[must_use]
    pub fn known_gids(&self) -> &BTreeSet<u32> {
        &self.known.1
    }

    pub(crate) fn set_known(&mut self, uids: BTreeSet<u32>, gids: BTreeSet<u32>) {
        self.known = (uids, gids);
    }

    /// Accounts and groups whose number the run user takes.
    pub(crate) fn handed_over(&mut self) -> &mut Leaving {
        &mut self.handed_over
    }

    pub(crate) fn is_handed_over(&self, database: Database, name: &[u8]) -> bool {
        match database {
            Database::Passwd => self.handed_over.users.contains(name),
            _ => self.handed_over.groups.contains(name),
        }
    }

    /// Ask for a verdict on every line of a file, top down.
    pub(crate) fn edit(&mut self, rule: &'static str, database: Database, mut judge: impl FnMut(&Line) -> Verdict) {
        if self.is_frozen(database) {
            return;
        }
        let Some(lines) = self.files.get_mut(&database) else { return };
        let (edits, changes) = (&mut self.edits, &mut self.changes);
        let removed = match database {
            Database::Passwd => Some((&mut self.removed_accounts, UID)),
            Database::Group => Some((&mut self.removed_groups, GID)),
            _ => None,
        };
        let mut gone: Vec<Line> = Vec::new();
        let mut log = |line: &Line, after: Option<String>, reason: String| {
            changes.insert(database);
            let line = LineChange { account: line.name().to_vec(), before: Some(show(database, line)), after };
            edits.push(Edit { rule, database, line, reason });
        };
        lines.retain_mut(|line| match judge(line) {
            Verdict::Stay => true,
            Verdict::Go(reason) => {
                let place = if line.number > 0 { format!("line {}: {reason}", line.number) } else { reason };
                log(line, None, place);
                gone.push(line.clone());
                false
            }
            Verdict::Become(next, reason) => {
                if next != *line {
                    log(line, Some(show(database, &next)), reason);
                    *line = next;
                }
                true
            }
        });
        if let Some((removed, id)) = removed {
            for line in gone.iter().filter(|line| line.defect.is_none()) {
                removed.entry(line.name().to_vec()).or_default().extend(line.id(id));
            }
        }
    }

    /// Add a line at the end of a file, which is made when missing.
    pub(crate) fn append(&mut self, rule: &'static str, database: Database, fields: &[&[u8]], reason: &str) {
        if self.is_frozen(database) {
            return;
        }
        let line = Line::new(database, fields);
        match database {
            Database::Passwd => _ = self.created.users.insert(line.name().to_vec()),
            Database::Group => _ = self.created.groups.insert(line.name().to_vec()),
            _ => {}
        }
        self.changes.insert(database);
        self.edits.push(Edit {
            rule,
            database,
            line: LineChange { account: line.name().to_vec(), before: None, after: Some(show(database, &line)) },
            reason: reason.to_owned(),
        });
        self.files.entry(database).or_default().push(line);
    }

    /// Content of a file as it will be; `None` when it does not exist.
    #[must_use]
    pub fn content(&self, database: Database) -> Option<Vec<u8>> {
        self.files.get(&database).map(write)
    }

    /// Turn what differs into rewrites and creations, with the evidence.
    pub(crate) fn finish(&mut self, facts: &Accounts, draft: &mut Draft<'_>) {
        if self.state != State::Ready {
            return;
        }
        let etc = facts.etc.map_or_else(|| b"/etc".to_vec(), |id| draft.tree.path(id));
        let path = |database: Database| {
            let mut path = if etc == b"/" { Vec::new() } else { etc.clone() };
            path.push(b'/');
            path.extend_from_slice(database.file_name().as_bytes());
            path
        };
        for edit in std::mem::take(&mut self.edits) {
            draft.record_line(edit.rule, &path(edit.database), edit.line, &edit.reason);
        }
        for database in std::mem::take(&mut self.changes) {
            let content = self.content(database).unwrap_or_default();
            match facts.files.get(&database) {
                // Edits can cancel each other out: no write where nothing differs.
                Some(file) if write(&file.lines) == content => {}
                Some(file) => draft.rewrite(file.node, content),
                None => {
                    draft.begin("accounts.user");
                    let reason = "the image has no such file";
                    if facts.etc.is_none() && !draft.creations.contains_key(b"/etc".as_slice()) {
                        let new = New::Directory(owned_by_root(0o755));
                        draft.create(b"/etc", new, "the image has no such directory");
                    }
                    let new = New::File(Written { attributes: owned_by_root(0o644), content: content.into() });
                    draft.create(&path(database), new, reason);
                }
            }
        }
    }

    fn pruned(
        &self,
        removed: &BTreeMap<Vec<u8>, BTreeSet<u32>>,
        database: Database,
        field: usize,
        created: &BTreeSet<Vec<u8>>,
    ) -> BTreeSet<u32> {
        let held: BTreeSet<u32> = BTreeSet::from_iter(
            self.entries(database).filter(|line| !created.contains(line.name())).filter_map(|line| line.id(field)),
        );
        BTreeSet::from_iter(removed.values().flatten().copied().filter(|id| !held.contains(id)))
    }
}

fn owned_by_root(mode: u32) -> Attributes {
    Attributes::new((0, 0), mode)
}

/// A line as evidence: printable, with password hashes masked.
///
/// Of a line that is no entry only the first field is shown, as a hash can stand anywhere in the rest.
fn show(database: Database, line: &Line) -> String {
    let mut text = if line.defect.is_some() {
        match line.fields().count() {
            0 | 1 => format!("<{} bytes>", line.text().len()),
            _ if line.name().strip_suffix(b"$").unwrap_or(line.name()).contains(&b'$') => "<masked>".to_owned(),
            _ => format!("{}:<masked>", escaped(line.name())),
        }
    } else {
        let fields: Vec<String> = line
            .fields()
            .enumerate()
            .map(|(at, field)| if at == PASSWORD && database.has_password() { mask(field) } else { escaped(field) })
            .collect();
        fields.join(":")
    };
    if line.has_carriage_return() {
        text.push_str("\\r");
    }
    text
}

/// A password field with everything hidden that is no well-known mark.
fn mask(field: &[u8]) -> String {
    let marks = field.iter().take_while(|&&b| b == b'!' || b == b'*').count();
    let (marks, rest) = field.split_at(marks);
    let hidden = if rest.is_empty() || rest == b"x" { escaped(rest) } else { "<masked>".to_owned() };
    format!("{}{hidden}", escaped(marks))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{mask, show};
    use crate::facts::accounts::{Database, parse};

    #[test]
    fn evidence_never_holds_a_hash() {
        for (field, shown) in [
            (&b"$6$salt$hash"[..], "<masked>"),
            (b"!$6$salt$hash", "!<masked>"),
            (b"!!abcdefghijklm", "!!<masked>"),
            (b"abcdefghijklm", "<masked>"),
            (b"!*", "!*"),
            (b"x", "x"),
            (b"", ""),
        ] {
            assert_eq!(mask(field), shown);
        }
        for text in
            ["#root:$6$salt$hash:1::::::", "$6$salt$hash", "a:b:$6$salt$hash", "#$6$salt:", "svc:$6$salt$hash:5:5:x:/h"]
        {
            for database in [Database::Passwd, Database::Shadow] {
                let line = &parse(database, text.as_bytes())[0];
                assert!(!show(database, line).contains("salt"), "{text}");
            }
        }
        assert_eq!(
            show(Database::Passwd, &parse(Database::Passwd, b"a:x:1:1:\x1b[2J:/:/\r\n")[0]),
            "a:x:1:1:\\u{1b}[2J:/:/\\r"
        );
    }
}
