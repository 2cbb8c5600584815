//! One line of an account file, kept as the bytes it was read as.
//!
//! This module owns the six line formats (passwd(5), group(5), shadow(5), gshadow(5), subuid(5), subgid(5)) and the
//! errors of a line. It knows no policy, and it never repairs: a line that is written back unchanged is the same bytes.

/// Which account file a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Database {
    /// Accounts: `name:password:uid:gid:gecos:home:shell`.
    Passwd,
    /// Groups: `name:password:gid:members`.
    Group,
    /// Passwords of accounts: `name:password:changed:min:max:warn:inactive:expire:flag`.
    Shadow,
    /// Passwords of groups: `name:password:administrators:members`.
    Gshadow,
    /// Subordinate user ids: `owner:start:count`.
    Subuid,
    /// Subordinate group ids: `owner:start:count`.
    Subgid,
}

/// The password field of passwd, group, shadow and gshadow, counted from 0.
pub(crate) const PASSWORD: usize = 1;
/// The uid of a passwd line.
pub(crate) const UID: usize = 2;
/// The gid of a passwd line.
pub(crate) const PRIMARY_GID: usize = 3;
/// The home directory of a passwd line.
pub(crate) const HOME: usize = 5;
/// The shell of a passwd line.
pub(crate) const SHELL: usize = 6;
/// The gid of a group line.
pub(crate) const GID: usize = 2;
/// The administrators of a gshadow line.
pub(crate) const ADMINISTRATORS: usize = 2;
/// The members of a group or gshadow line.
pub(crate) const MEMBERS: usize = 3;

impl Database {
    /// Every account file, in the order they are worked on.
    pub const ALL: [Self; 6] = [Self::Passwd, Self::Group, Self::Shadow, Self::Gshadow, Self::Subuid, Self::Subgid];

    /// Name of the file in /etc.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Passwd => "passwd",
            Self::Group => "group",
            Self::Shadow => "shadow",
            Self::Gshadow => "gshadow",
            Self::Subuid => "subuid",
            Self::Subgid => "subgid",
        }
    }

    const fn fields(self) -> usize {
        match self {
            Self::Passwd => 7,
            Self::Group | Self::Gshadow => 4,
            Self::Shadow => 9,
            Self::Subuid | Self::Subgid => 3,
        }
    }

    /// Whether the second field can hold a password hash.
    #[must_use]
    pub const fn has_password(self) -> bool {
        !matches!(self, Self::Subuid | Self::Subgid)
    }
}

/// Why a line is no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// Nothing, or white space only.
    Blank,
    /// Begins with `#`.
    Comment,
    /// Begins with `+` or `-`: names of a network service (nsswitch.conf(5), "compat").
    Nis,
    /// Holds a NUL byte, where programs written in C stop reading.
    Nul,
    /// Has no name, or one with white space, a control character or a comma: some programs cut it there.
    Name,
    /// Another number of fields than the format has.
    Fields {
        /// Fields on this line.
        found: usize,
        /// Fields of the format.
        expected: usize,
    },
    /// A field that must be a number is none, or is 4294967295, which means "no id".
    Number,
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blank => f.write_str("blank line"),
            Self::Comment => f.write_str("comment"),
            Self::Nis => f.write_str("NIS line"),
            Self::Nul => f.write_str("malformed: NUL byte"),
            Self::Name => f.write_str("malformed: no usable name"),
            Self::Fields { found, expected } => write!(f, "malformed: {found} fields instead of {expected}"),
            Self::Number => f.write_str("malformed: not a number"),
        }
    }
}

/// One line: its text, how it ended, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// 1-based place in the file; 0 for a line that was made.
    pub number: usize,
    /// Why it is no entry; `None` for a sound one.
    pub defect: Option<Defect>,
    text: Vec<u8>,
    /// Carriage returns before the line feed.
    returns: usize,
    /// Whether a line feed ended it.
    newline: bool,
}

impl Line {
    /// A new line of these fields.
    #[must_use]
    pub fn new(database: Database, fields: &[&[u8]]) -> Self {
        let text = fields.join(&b':');
        let defect = defect(database, &text);
        Self { number: 0, defect, text, returns: 0, newline: true }
    }

    /// The line without its end.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Fields between colons.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|&b| b == b':')
    }

    /// One field, counted from 0; empty when the line is too short.
    #[must_use]
    pub fn field(&self, index: usize) -> &[u8] {
        self.fields().nth(index).unwrap_or_default()
    }

    /// The first field.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.field(0)
    }

    /// A field as an id.
    #[must_use]
    pub fn id(&self, index: usize) -> Option<u32> {
        parse_id(self.field(index))
    }

    /// Whether carriage returns stand before the line feed.
    #[must_use]
    pub const fn has_carriage_return(&self) -> bool {
        self.returns > 0
    }

    /// The same line with one field replaced and every other byte as it is.
    #[must_use]
    pub fn with_field(&self, index: usize, value: &[u8]) -> Self {
        let fields: Vec<&[u8]> =
            self.fields().enumerate().map(|(at, old)| if at == index { value } else { old }).collect();
        Self { text: fields.join(&b':'), ..self.clone() }
    }

    /// The same line without carriage returns at its end.
    #[must_use]
    pub fn without_carriage_return(&self) -> Self {
        Self { returns: 0, ..self.clone() }
    }
}

/// Names of a member list, white space around them ignored as glibc does; empty ones are skipped.
pub(crate) fn members(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty())
}

/// Split a file into lines; [`write()`] gives the same bytes back.
#[must_use]
pub fn parse(database: Database, content: &[u8]) -> Vec<Line> {
    content
        .split_inclusive(|&b| b == b'\n')
        .enumerate()
        .map(|(index, raw)| {
            let body = raw.strip_suffix(b"\n").unwrap_or(raw);
            let returns = body.iter().rev().take_while(|&&b| b == b'\r').count();
            let text = body.get(..body.len() - returns).unwrap_or_default().to_vec();
            let defect = defect(database, &text);
            Line { number: index + 1, defect, text, returns, newline: body.len() < raw.len() }
        })
        .collect()
}

/// The bytes of a file of these lines. A missing last line feed stays missing, unless a line follows.
#[must_use]
pub fn write<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Vec<u8> {
    let mut content = Vec::new();
    let mut open = false;
    for line in lines {
        if open {
            content.push(b'\n');
        }
        content.extend_from_slice(&line.text);
        content.extend(std::iter::repeat_n(b'\r', line.returns));
        if line.newline {
            content.push(b'\n');
        }
        open = !line.newline;
    }
    content
}

/// An id as account files write it: decimal digits only, and not 4294967295, which chown(2) reads as "leave".
#[must_use]
pub(crate) fn parse_id(text: &[u8]) -> Option<u32> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number != u32::MAX).then_some(number)
}

fn defect(database: Database, text: &[u8]) -> Option<Defect> {
    match text.trim_ascii_start().first() {
        None => return Some(Defect::Blank),
        Some(b'#') => return Some(Defect::Comment),
        Some(b'+' | b'-') => return Some(Defect::Nis),
        Some(_) => {}
    }
    if text.contains(&0) {
        return Some(Defect::Nul);
    }
    let fields: Vec<&[u8]> = text.split(|&b| b == b':').collect();
    let expected = database.fields();
    if fields.len() != expected {
        return Some(Defect::Fields { found: fields.len(), expected });
    }
    let breaks = |b: &u8| b.is_ascii_whitespace() || b.is_ascii_control() || *b == b',';
    if fields.first().is_none_or(|name| name.is_empty() || name.iter().any(breaks)) {
        return Some(Defect::Name);
    }
    let at = |index: usize| fields.get(index).copied().unwrap_or_default();
    let sound = match database {
        Database::Passwd => parse_id(at(UID)).is_some() && parse_id(at(PRIMARY_GID)).is_some(),
        Database::Group => parse_id(at(GID)).is_some(),
        Database::Shadow => fields.iter().skip(2).all(|field| is_day_count(field)),
        Database::Gshadow => true,
        Database::Subuid | Database::Subgid => {
            fields.iter().skip(1).all(|field| !field.is_empty() && field.iter().all(u8::is_ascii_digit))
        }
    };
    (!sound).then_some(Defect::Number)
}

/// Shadow's numbers may be missing. With a sign, or with more than 32 bits, neither glibc nor musl reads the line
/// (getspent(3)), and pwck deletes it.
fn is_day_count(field: &[u8]) -> bool {
    field.is_empty()
        || (field.iter().all(u8::is_ascii_digit)
            && std::str::from_utf8(field).is_ok_and(|text| text.parse::<u32>().is_ok()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::{Database, Defect, Line, members, parse, parse_id, write};

    fn defect(database: Database, text: &[u8]) -> Option<Defect> {
        parse(database, text)[0].defect
    }

    #[test]
    fn sound_lines_of_every_file() {
        assert_eq!(defect(Database::Passwd, b"root:x:0:0:root:/root:/bin/sh\n"), None);
        assert_eq!(defect(Database::Group, b"root:x:0:\n"), None);
        assert_eq!(defect(Database::Shadow, b"root:*:19000:0:99999:7::4294967295:\n"), None);
        assert_eq!(defect(Database::Gshadow, b"root:*::\n"), None);
        assert_eq!(defect(Database::Subuid, b"app:100000:65536\n"), None);
    }

    #[test]
    fn says_what_is_wrong_with_a_line() {
        let six = Defect::Fields { found: 6, expected: 7 };
        for (text, expected) in [
            (&b"svc:x:5:5:x:/home/svc\n"[..], six),
            (b"+::::::\n", Defect::Nis),
            (b"-bad\n", Defect::Nis),
            (b"\n", Defect::Blank),
            (b" \t\r\n", Defect::Blank),
            (b"# root\n", Defect::Comment),
            (b":x:0:0:::\n", Defect::Name),
            (b" root2:x:0:0:::\n", Defect::Name),
            (b"a,b:x:0:0:::\n", Defect::Name),
            (b"a:x:0x1:0:::\n", Defect::Number),
            (b"a:x:-1:0:::\n", Defect::Number),
            (b"a:x:4294967295:0:::\n", Defect::Number),
            (b"a:x:4294967296:0:::\n", Defect::Number),
            (b"a:x:1:1:\0:/:/\n", Defect::Nul),
        ] {
            assert_eq!(defect(Database::Passwd, text), Some(expected), "{}", text.escape_ascii());
        }
        for number in ["x", "-1", "4294967296"] {
            let line = format!("a:*:{number}::::::\n");
            assert_eq!(defect(Database::Shadow, line.as_bytes()), Some(Defect::Number), "{line}");
        }
        assert_eq!(defect(Database::Subgid, b"a:1:\n"), Some(Defect::Number));
    }

    #[test]
    fn bytes_that_are_no_utf8_and_long_lines_are_text_as_any_other() {
        let mut line = b"svc:x:7:7:M\xfcller:/".to_vec();
        line.extend(std::iter::repeat_n(b'x', 100_000));
        line.extend(b":/bin/sh");
        assert_eq!(defect(Database::Passwd, &line), None);
        assert_eq!(write(&parse(Database::Passwd, &line)), line);
    }

    #[test]
    fn one_field_changes_and_no_other_byte() {
        let lines = parse(Database::Passwd, b"a:x:1:1:G \xff,,:/h:/bin/sh\r\n");
        let changed = lines[0].with_field(6, b"/sbin/nologin");
        assert_eq!(write([&changed]), b"a:x:1:1:G \xff,,:/h:/sbin/nologin\r\n");
        assert_eq!(write([&changed.without_carriage_return()]), b"a:x:1:1:G \xff,,:/h:/sbin/nologin\n");
    }

    #[test]
    fn a_line_appended_to_a_file_without_a_final_newline_is_a_line_of_its_own() {
        let mut lines = parse(Database::Group, b"a:x:1:\nb:x:2:");
        assert_eq!(write(&lines), b"a:x:1:\nb:x:2:");
        lines.push(Line::new(Database::Group, &[b"c", b"x", b"3", b""]));
        assert_eq!(write(&lines), b"a:x:1:\nb:x:2:\nc:x:3:\n");
    }

    #[test]
    fn member_lists_are_exact_names() {
        assert_eq!(members(b"a, b,,ab").collect::<Vec<_>>(), [&b"a"[..], b"b", b"ab"]);
        assert_eq!(members(b"").count(), 0);
        assert_eq!(parse_id(b"00"), Some(0));
        assert_eq!(parse_id(b"+1"), None);
    }

    fn any_database() -> impl Strategy<Value = Database> {
        prop::sample::select(Database::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_back(database in any_database(), content: Vec<u8>) {
            prop_assert_eq!(write(&parse(database, &content)), content);
        }

        #[test]
        fn what_looks_like_an_account_file_is_written_back(
            database in any_database(),
            content in "([a-z]{0,3}[:,\r\n#+ \\x00-9]{0,12}){0,20}",
        ) {
            let lines = parse(database, content.as_bytes());
            prop_assert_eq!(write(&lines), content.as_bytes());
            for line in &lines {
                let same = line.with_field(0, line.name());
                prop_assert_eq!(same.text(), line.text());
                prop_assert!(line.text().last() != Some(&b'\r'));
            }
        }
    }
}
