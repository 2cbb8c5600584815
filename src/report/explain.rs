//! The output of `harden explain`, for people and for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde::Serialize;

use super::json::write_ascii;
use crate::console::Volume;
use crate::diag::escape::escaped;
use crate::exit::Exit;
use crate::explain::ids::Meaning;
use crate::explain::{Answer, Fate, Name};

/// Name and version of the layout: docs/explain.schema.json.
pub(crate) const SCHEMA: &str = "harden-explain-1";

/// Changes of one entry shown without `-v`.
const SHOWN: usize = 12;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    harden: &'static str,
    exit: u8,
    /// How many refusals the plan has.
    plan_refusals: usize,
    answers: &'a [Answer],
}

#[derive(Serialize)]
struct Ids<'a> {
    #[serde(flatten)]
    document: Document<'a>,
    ids: &'a [Meaning],
}

/// Write the answers as one JSON document with a newline at its end.
///
/// # Errors
/// Those of writing.
pub(crate) fn json(out: &mut dyn io::Write, answers: &[Answer], plan_refusals: usize, exit: Exit) -> io::Result<()> {
    let harden = env!("CARGO_PKG_VERSION");
    let mut out = io::BufWriter::new(out);
    write_ascii(&mut out, &Document { schema: SCHEMA, harden, exit: exit.code(), plan_refusals, answers })?;
    out.flush()
}

/// Write what ids mean, as a document of the same layout.
///
/// # Errors
/// Those of writing.
pub(crate) fn ids(out: &mut dyn io::Write, meanings: &[Meaning]) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let document = Ids {
        document: Document {
            schema: SCHEMA,
            harden: env!("CARGO_PKG_VERSION"),
            exit: Exit::Done.code(),
            plan_refusals: 0,
            answers: &[],
        },
        ids: meanings,
    };
    write_ascii(&mut out, &document)?;
    out.flush()
}

/// The answers as text: one line for each entry, and what belongs to it indented below.
#[must_use]
pub(crate) fn text(answers: &[Answer], volume: Volume) -> String {
    let mut out = String::new();
    for answer in answers {
        one(&mut out, answer, volume);
    }
    out
}

fn one(out: &mut String, answer: &Answer, volume: Volume) {
    let path = escaped(&answer.path);
    let asked = escaped(&answer.asked);
    let aside =
        if answer.relation == "entry" && asked != path { format!(" (asked as {asked})") } else { String::new() };
    let _ = writeln!(out, "{path}{aside}: {}", headline(answer));
    let mut line = |text: &str| {
        let _ = writeln!(out, "  {text}");
    };
    let headlined = matches!(answer.fate, Fate::Removed | Fate::Created);
    let changes = &answer.changes.get(usize::from(headlined)..).unwrap_or_default();
    let limit = if volume == Volume::Verbose { changes.len() } else { SHOWN };
    for change in changes.iter().take(limit) {
        line(&format!("{}: {} {} -> {}: {}", change.rule, change.action, change.before, change.after, change.reason));
    }
    if changes.len() > limit {
        line(&format!("… and {} more changes (-v shows all)", changes.len() - limit));
    }
    for advice in &answer.advice {
        let what = match answer.fate {
            Fate::Removed => "to keep it".to_owned(),
            _ => format!("to avoid {}", advice.rule),
        };
        let flag = if advice.flag.is_empty() { String::new() } else { format!(", or {}", advice.flag) };
        line(&format!("{what}: {}{flag}", advice.toml));
    }
    if let Some(below) = answer.below {
        line(&format!("below it: {} entries stay, {} change, {} are removed", below.stay, below.change, below.go));
    }
    for Name { path, fate } in &answer.names {
        line(&format!("same file as {}: {}", escaped(path), word(*fate)));
    }
    for note in &answer.notes {
        line(note);
    }
    if volume == Volume::Verbose {
        for clause in &answer.needed_by {
            line(&format!("also: {clause}"));
        }
    } else if !answer.needed_by.is_empty() {
        line(&format!("and {} more direct needs (-v shows them)", answer.needed_by.len()));
    }
    for refusal in &answer.refusals {
        line(&format!("the plan is refused: {}", refusal.text));
        if !refusal.help.is_empty() {
            line(&format!("  help: {}", refusal.help));
        }
    }
}

/// What becomes of the entry, and why.
fn headline(answer: &Answer) -> String {
    let because = answer.because.join(", ");
    match (answer.fate, answer.changes.first()) {
        (Fate::Removed, Some(change)) => format!("removed by {}: {}", change.rule, change.reason),
        // By the layer of an image, before this plan.
        (Fate::Removed, None) => format!("removed {because}"),
        (Fate::Created, Some(change)) => format!("made by {}: {}: {}", change.rule, change.after, change.reason),
        (Fate::Kept | Fate::Stays, _) => format!("{}: {because}", word(answer.fate)),
        _ => word(answer.fate).to_owned(),
    }
}

const fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Kept => "kept",
        Fate::Stays => "stays",
        Fate::Removed => "removed",
        Fate::Created => "made",
        Fate::Unknown => "not in the image",
    }
}
