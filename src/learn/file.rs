//! The file that learn writes: a harden.toml of keep entries only, one to a line, sorted.
//!
//! It holds no numbers of processes and no times, so that two runs of the same workload write the same bytes. Merging
//! keeps every line as it is, and refuses a file that it did not write itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::diag::escape::basic_string;
use crate::policy::is_literal_path;
use crate::trace::{How, Used};

const HEAD: &str = "\
# Written by `harden learn`: the files of the image that a command used. Give this file to `harden apply --config`, or copy the entries
# into harden.toml; `harden learn --merge` adds to it.

[keep]
";

/// The beginning of each list, and of the entries in it.
const LISTS: [(&str, &str); 2] = [("commands = [", "    { name = "), ("paths = [", "    { path = ")];
const END: &str = "]";

/// Entries by list, as lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    lists: [BTreeSet<String>; 2],
    /// Paths that no entry can hold, with the directory that is written in their place; empty when there is none.
    pub(super) replaced: Vec<(Vec<u8>, String)>,
}

impl Entries {
    /// Read what learn wrote before.
    ///
    /// # Errors
    /// The number of the first line that learn would not have written.
    pub(super) fn read(text: &str) -> Result<Self, usize> {
        let mut entries = Self::default();
        if text.is_empty() {
            return Ok(entries);
        }
        let mut list: Option<usize> = None;
        for (at, line) in text.lines().enumerate() {
            let wrong = at + 1;
            if HEAD.lines().any(|known| known == line) {
                continue;
            }
            let Some(current) = list else {
                list = Some(LISTS.iter().position(|&(begin, _)| begin == line).ok_or(wrong)?);
                continue;
            };
            if line == END {
                list = None;
                continue;
            }
            let rest = LISTS.get(current).and_then(|&(_, begin)| line.strip_prefix(begin)).ok_or(wrong)?;
            quoted(rest).filter(|_| line.ends_with(" },")).ok_or(wrong)?;
            entries.lists.get_mut(current).ok_or(wrong)?.insert(line.to_owned());
        }
        if list.is_some() { Err(text.lines().count()) } else { Ok(entries) }
    }

    /// Add what was used. What is there already stays as it is.
    pub(super) fn add(&mut self, used: &BTreeMap<Vec<u8>, Used>) {
        for (path, used) in used {
            let mut written = path.as_slice();
            // Bytes and signs that no configuration takes: the directory stands for its content.
            let text = loop {
                match str::from_utf8(written).ok().filter(|text| is_literal_path(text)) {
                    Some(text) => break text,
                    None => {
                        let end = written.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                        written = written.get(..end).unwrap_or(b"");
                        if written.is_empty() {
                            break "";
                        }
                    }
                }
            };
            let whole = written.len() == path.len();
            if !whole {
                self.replaced.push((path.clone(), text.to_owned()));
            }
            if text.is_empty() {
                continue;
            }
            let list = usize::from(!(used.command && whole));
            let (Some((_, begin)), Some(lines)) = (LISTS.get(list), self.lists.get_mut(list)) else { continue };
            let how = if used.how == How::Executed { "run by" } else { "opened by" };
            let reason = format!("{how} {}", String::from_utf8_lossy(&used.by).replace('$', "_"));
            let entry = format!("{begin}{}", basic_string(text));
            let is_there = |line: &String| line.strip_prefix(&entry).is_some_and(|rest| rest.starts_with([',', ' ']));
            if !lines.iter().any(is_there) {
                // What is kept stays as it is where a person says so; what is used only has to stay.
                let change = if list == 1 { ", change = true" } else { "" };
                lines.insert(format!("{entry}, reason = {}{change} }},", basic_string(&reason)));
            }
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.lists.iter().map(BTreeSet::len).sum()
    }

    /// The whole file.
    pub(super) fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for ((begin, _), lines) in LISTS.iter().zip(&self.lists) {
            let _ = writeln!(text, "{begin}");
            for line in lines {
                let _ = writeln!(text, "{line}");
            }
            let _ = writeln!(text, "{END}");
        }
        text
    }
}

/// The basic string at the beginning of a text, its quotes included.
fn quoted(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return text.get(..=at).filter(|_| text.starts_with('"')),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Entries;
    use crate::trace::{How, Used};
    use std::collections::BTreeMap;

    fn used(entries: &[(&str, bool)]) -> BTreeMap<Vec<u8>, Used> {
        let one = |&(path, command): &(&str, bool)| {
            let how = if command { How::Executed } else { How::Opened };
            (path.as_bytes().to_vec(), Used { command, how, by: b"/bin/a\"b".to_vec(), ino: 0 })
        };
        entries.iter().map(one).collect()
    }

    #[test]
    fn what_is_written_is_read_and_merged_and_nothing_is_lost() {
        let mut first = Entries::default();
        first.add(&used(&[("/usr/bin/b", true), ("/etc/a\\\"b", false)]));
        let text = first.text();
        assert_eq!(Entries::read(&text).unwrap(), first);
        let edited = text.replace("reason = \"run by /bin/a\\\"b\" }", "optional = true, reason = \"mine\" }");
        assert_ne!(edited, text);
        let mut second = Entries::read(&edited).unwrap();
        second.add(&used(&[("/usr/bin/b", true), ("/usr/bin/a", true)]));
        assert!(second.text().contains("{ name = \"/usr/bin/b\", optional = true, reason = \"mine\" },\n"));
        assert_eq!(second.len(), 3);
        assert!(second.text().find("/usr/bin/a").unwrap() < second.text().find("/usr/bin/b").unwrap());
    }

    #[test]
    fn what_learn_did_not_write_is_refused() {
        let mut entries = Entries::default();
        entries.add(&used(&[("/usr/bin/b", true)]));
        let text = entries.text();
        assert_eq!(Entries::read(&format!("# mine\n{text}")).unwrap_err(), 1);
        assert_eq!(Entries::read(&text.replace("[keep]", "[run]")).unwrap_err(), 4);
        assert_eq!(Entries::read(text.trim_end_matches("]\n")).unwrap_err(), 8);
        assert_eq!(Entries::read(&text.replace("    { name", "{ name")).unwrap_err(), 6);
    }

    #[test]
    fn a_path_that_no_entry_can_hold_keeps_its_directory() {
        let mut entries = Entries::default();
        entries.add(&used(&[("/app/A$B.class", false), ("/app/sub/x*", true)]));
        let text = entries.text();
        assert!(text.contains("{ path = \"/app\",") && text.contains("{ path = \"/app/sub\","), "{text}");
        assert_eq!(entries.replaced.len(), 2);
    }
}
