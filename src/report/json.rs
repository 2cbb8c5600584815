//! The report for programs: one JSON document, its layout versioned by `schema`.
//!
//! Everything outside ASCII is written as `\uXXXX`, so that a hostile file name forges nothing on a terminal. Bytes
//! that are not UTF-8 appear as `\xNN` in `path`, and then `path_hex` has the exact bytes.

use std::fmt;
use std::io::{self, Write as _};

use serde::Serialize;
use serde::ser::SerializeMap as _;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::runtime::Runtime;
use crate::diag::Diagnostic;
use crate::diag::escape::printable;
use crate::draft::record::Record;
use crate::exit::Exit;
use crate::inventory::changed::Changed;
use crate::inventory::evidence::Evidence;
use crate::inventory::figures::{Balance, Figure, Figures, balance, figures};
use crate::inventory::sbom::Bom;
use crate::inventory::sizes::{Amount, Size, sizes, sum};
use crate::pipeline::Examined;
use crate::tree::Tree;

/// Name and version of the layout. Fields may be added; a field that changes its meaning raises the number.
pub(crate) const SCHEMA: &str = "harden-report-1";

/// How a command ended, for the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Status {
    /// `apply` or `plan`.
    pub command: &'static str,
    /// Where it stood at its end.
    pub state: State,
    /// Exit status.
    #[serde(serialize_with = "as_number")]
    pub exit: Exit,
    /// Changes carried out, and not carried out.
    pub done: usize,
    /// Changes that were planned and not carried out.
    pub open: usize,
    /// Why the first of these failed.
    #[serde(flatten, serialize_with = "failure")]
    pub failure: Option<Diagnostic>,
    /// The checks of the policy, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// Where a command stood at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Nothing was to be changed.
    Planned,
    /// All changes were made.
    Applied,
    /// Nothing was changed.
    Refused,
    /// It ended part-way.
    Failed,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// By plan and with `--root`, or when the run ended before.
    #[serde(rename = "not run")]
    NotRun,
    /// It did in the hardened root what it did before.
    Passed,
    /// It did not.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRun => "not run",
            Self::Passed => "passed",
            Self::Failed => "failed",
        })
    }
}

/// One check and what became of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// The words of the command.
    pub command: Vec<String>,
    /// The port it has to answer on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<u16>,
    /// Seconds after which it has to be running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts: Option<u32>,
    /// Time limit in seconds.
    pub timeout: u32,
    /// What became of it.
    pub state: Outcome,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    harden: &'static str,
    #[serde(flatten)]
    status: &'a Status,
    changes: Changes<'a>,
    files: &'a [Changed],
    #[serde(skip_serializing_if = "Option::is_none")]
    digests: Option<&'a Evidence>,
    database: Database<'a>,
    kept: Vec<Kept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<Counted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sizes: Option<Sizes>,
    callable_applets: Vec<Applets<'a>>,
    application_path: &'a [String],
    warnings: &'a [Diagnostic],
    refusals: &'a [Diagnostic],
    notes: &'a [Diagnostic],
    runtime: RuntimeFields<'a>,
}

#[derive(Serialize)]
struct Change<'a> {
    rule: &'static str,
    action: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    before: String,
    after: String,
    reason: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    bytes: u64,
}

#[derive(Serialize)]
struct Database<'a> {
    packages_before: usize,
    packages_after: usize,
    gone: &'a [String],
    files: usize,
    bytes: u64,
}

#[derive(Serialize)]
struct Kept {
    path: String,
    because: Vec<String>,
}

/// The image before and after: what the report for people ends with.
#[derive(Serialize)]
struct Counted {
    bytes: Figure,
    #[serde(flatten)]
    counted: Figures,
}

#[derive(Serialize)]
struct Sizes {
    stays: Amount,
    goes: Amount,
    packages: Vec<Size>,
}

#[derive(Serialize)]
struct Applets<'a> {
    path: String,
    applets: &'a [String],
    kept: &'a [String],
    builtins: &'a [String],
}

#[derive(Serialize)]
struct RuntimeFields<'a> {
    writable: &'a [String],
    run_as_user: Option<u32>,
    run_as_group: Option<u32>,
    run_as_non_root: bool,
    read_only_root_filesystem: bool,
    drop_capabilities: &'static [&'static str],
}

fn counted(examined: &Examined) -> Counted {
    let removed = examined.plan.removed();
    let Balance { before, after, .. } = balance(examined, &removed);
    let [before, after] = [before, after].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    Counted { bytes: Figure { before, after }, counted: figures(examined, &removed) }
}

/// Write the whole report as one line-broken JSON document with a newline at its end.
///
/// # Errors
/// Those of writing.
pub(crate) fn document(
    out: &mut dyn io::Write,
    examined: &Examined,
    files: &[Changed],
    digests: Option<&Evidence>,
    runtime: &Runtime,
    status: &Status,
) -> io::Result<()> {
    let tree = &examined.facts.tree;
    let kept = examined
        .closure
        .reasons
        .keys()
        .map(|&id| Kept { path: printable(&tree.path(id)), because: examined.closure.explain(tree, id) });
    let applets = examined.multicall.iter().map(|found| Applets {
        path: printable(&tree.path(found.program)),
        applets: &found.applets,
        kept: &found.kept,
        builtins: &found.builtins,
    });
    let packages = sizes(examined);
    let [stays, goes] = sum(&packages);
    let document = Document {
        schema: SCHEMA,
        harden: env!("CARGO_PKG_VERSION"),
        status,
        changes: Changes(examined),
        files,
        digests,
        database: Database {
            packages_before: examined.plan.database.packages.0,
            packages_after: examined.plan.database.packages.1,
            gone: &examined.plan.database.gone,
            files: examined.plan.database.files,
            bytes: examined.plan.database.bytes,
        },
        kept: kept.collect(),
        figures: examined.plan.refusals.is_empty().then(|| counted(examined)),
        sizes: (!packages.is_empty()).then_some(Sizes { stays, goes, packages }),
        callable_applets: applets.collect(),
        application_path: &examined.facts.commands.other_path,
        warnings: &examined.plan.warnings,
        refusals: &examined.plan.refusals,
        notes: &examined.plan.notes,
        runtime: RuntimeFields {
            writable: &runtime.writable,
            run_as_user: runtime.uid,
            run_as_group: runtime.gid,
            run_as_non_root: runtime.uid.is_some_and(|uid| uid != 0) && !runtime.starts_as_root,
            read_only_root_filesystem: true,
            drop_capabilities: if runtime.starts_as_root || !runtime.lenders.is_empty() { &[] } else { &["ALL"] },
        },
    };
    let mut out = io::BufWriter::new(out);
    write_ascii(&mut out, &document)?;
    out.flush()
}

/// Write a bill of materials in the same way.
///
/// # Errors
/// Those of writing.
pub(crate) fn bill(out: &mut dyn io::Write, bom: &Bom) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    write_ascii(&mut out, bom)?;
    out.flush()
}

/// Serialise with everything outside ASCII escaped.
pub(super) fn write_ascii(out: &mut impl io::Write, value: &impl Serialize) -> io::Result<()> {
    let formatter = Ascii(PrettyFormatter::with_indent(b" "));
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter))?;
    out.write_all(b"\n")
}

/// The changes, each made when it is written: there may be as many as entries.
struct Changes<'a>(&'a Examined);

impl Serialize for Changes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.plan.records.iter().map(|record| change(record, &self.0.facts.tree)))
    }
}

fn change<'a>(record: &'a Record, tree: &Tree) -> Change<'a> {
    let path = record.path(tree);
    let utf8 = std::str::from_utf8(&path);
    let (before, after) = record.states(tree);
    Change {
        rule: record.rule(),
        action: record.action(),
        path: printable(&path),
        path_hex: utf8.is_err().then(|| path.iter().map(|byte| format!("{byte:02x}")).collect()),
        before,
        after,
        reason: record.reason(),
        bytes: record.bytes(tree),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

/// The text, and the id beside it.
#[allow(clippy::ref_option, reason = "serde passes a reference")]
fn failure<S: serde::Serializer>(failure: &Option<Diagnostic>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    if let Some(failure) = failure {
        map.serialize_entry("failure", &failure.to_string())?;
        map.serialize_entry("failure_id", failure.id)?;
    }
    map.end()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn as_number<S: serde::Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(exit.code())
}

/// Pretty JSON in which every character outside ASCII is a `\u` escape, DEL included.
struct Ascii<'a>(PrettyFormatter<'a>);

impl Formatter for Ascii<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            if c.is_ascii() && c != '\x7f' {
                CompactFormatter.write_string_fragment(writer, c.encode_utf8(&mut [0; 4]))?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_array(w)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array(w)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(w, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array_value(w)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object(w)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object(w)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(w, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object_value(w)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object_value(w)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::write_ascii;

    #[test]
    fn a_hostile_name_stays_one_ascii_string() {
        let mut out = Vec::new();
        write_ascii(&mut out, &"a\u{202e}b\x1b\n\x7f😀\"\\").unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "\"a\\u202eb\\u001b\\n\\u007f\\ud83d\\ude00\\\"\\\\\"\n");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "a\u{202e}b\x1b\n\x7f😀\"\\");
    }
}
