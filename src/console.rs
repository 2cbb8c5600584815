//! Standard output and standard error: the report goes to one, progress and messages to the other.

pub(crate) mod progress;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use clap::builder::StyledStr;

use crate::diag::{Diagnostic, Kind, codes, escape};

/// How a report is written: a word of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; the schema has a version.
    Json,
    /// Findings for code scanning.
    Sarif,
    /// Findings as test cases.
    Junit,
    /// Findings as annotations of a workflow.
    Github,
    /// For people, with a browser.
    Html,
    /// For people, in the summary of a job.
    Markdown,
    /// Findings as a Code Quality report.
    Gitlab,
}

impl Format {
    /// The format that the name of a file ends with, else this one.
    #[must_use]
    pub(crate) fn of_file(self, path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let known = [
            (".sarif", Self::Sarif),
            (".sarif.json", Self::Sarif),
            (".json", Self::Json),
            (".xml", Self::Junit),
            (".txt", Self::Text),
            (".html", Self::Html),
            (".htm", Self::Html),
            (".md", Self::Markdown),
            // The name by which GitLab's documentation calls it.
            ("gl-code-quality-report.json", Self::Gitlab),
        ];
        let found = known.iter().filter(|(end, _)| name.ends_with(end)).max_by_key(|(end, _)| end.len());
        found.map_or(self, |&(_, format)| format)
    }
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Volume {
    /// Errors and warnings only.
    Quiet,
    /// The closing table.
    #[default]
    Normal,
    /// Every change.
    Verbose,
}

/// Warnings of one id that are shown without `-v`.
const WARNINGS: usize = 12;

/// Where progress and messages go: standard error, so that standard output is the report alone.
#[derive(Debug)]
pub(crate) struct Console {
    volume: Volume,
    /// Whether bold and colour may be used: a terminal, and NO_COLOR not set (no-color.org).
    colour: bool,
}

impl Console {
    /// A console of that volume; `no_color` is whether NO_COLOR is set and not empty.
    #[must_use]
    pub(crate) fn new(volume: Volume, no_color: bool) -> Self {
        Self { volume, colour: !no_color && io::stderr().is_terminal() }
    }

    /// One line for a phase that begins.
    pub(crate) fn phase(&self, text: &str) {
        if self.volume > Volume::Quiet {
            let (on, off) = if self.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
            self.line(&format!("{on}harden: {text}{off}"));
        }
    }

    /// A refusal, warning or error with its id, its place and what to write instead.
    pub(crate) fn say(&self, kind: Kind, message: &Diagnostic) {
        let (on, off) = match (self.colour, kind) {
            (true, Kind::Warning) => ("\x1b[33m", "\x1b[0m"),
            (true, _) => ("\x1b[31m", "\x1b[0m"),
            _ => ("", ""),
        };
        self.line(&format!("{on}{}{off}{}", kind.word(), message.form()));
    }

    /// The warnings of a plan, of each id the first ones: a tree may have one for each of its files.
    pub(crate) fn warnings(&self, warnings: &[Diagnostic]) {
        let shown = if self.volume == Volume::Verbose { usize::MAX } else { WARNINGS };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for message in warnings {
            let count = counts.entry(message.id).or_default();
            *count += 1;
            if *count <= shown {
                self.say(Kind::Warning, message);
            }
        }
        for (id, count) in counts.into_iter().filter(|&(_, count)| count > shown) {
            self.line(&format!("warning[{id}]: … and {} more (-v shows all)", count - shown));
        }
    }

    /// What a check printed: every line marked, so that none can be taken for one of ours.
    pub(crate) fn output(&self, bytes: &[u8]) {
        for line in bytes.trim_ascii_end().split(|&byte| byte == b'\n').filter(|_| !bytes.is_empty()) {
            self.line(&format!("  | {}", escape::line(line.trim_ascii_end())));
        }
    }

    /// A report, where standard output is taken for something else.
    pub(crate) fn text(&self, text: &str) {
        text.lines().for_each(|line| self.line(line));
    }

    fn line(&self, text: &str) {
        progress::clear();
        // A closed standard error is no reason to stop half-way through an image.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// Print what clap says of a wrong command line, with the id of such errors.
pub(crate) fn usage(text: &StyledStr) {
    let text = if io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    let _ = io::stderr().lock().write_all(text.replacen("error:", &format!("error[{}]:", codes::USAGE), 1).as_bytes());
}

/// Let `write` write a report to standard output. A reader that went away is no error.
///
/// # Errors
/// Any other error of writing.
pub(crate) fn print_with(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
    progress::clear();
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Write a finished report to standard output, as [`print_with`].
///
/// # Errors
/// Those of [`print_with`].
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_with(|out| out.write_all(text.as_bytes()))
}
