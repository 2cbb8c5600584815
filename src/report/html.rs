//! Reports as one HTML file for people: nothing is loaded, and everything is there to read without the script, which only
//! adds search, filters and the panel of the map.
//!
//! Names of the image are data. They are text of elements and attributes ([`Xml`], in the one dialect of quoting), never
//! part of the style or the script; the Content-Security-Policy of the page allows only that style and that script, by
//! their SHA-256 (CSP Level 3 §2.3.1), and no address at all.

mod audit;
mod map;
mod plan;

use std::io::{self, Write as _};

pub(crate) use audit::audit;
pub(crate) use plan::{Planned, plan};

use super::amount::{counted, number, size};
use super::junit::Xml;
use crate::audit::{CHECKS, Check};
use crate::diag::escape::escaped;
use crate::diag::{Diagnostic, Origin};
use crate::digest::Digest;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// Where the documentation is.
const DOCS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/");

/// Rows of one table: some 200 bytes each, so that the page of a common image stays below 2 MB.
const MOST_ROWS: usize = 4_000;

/// Characters of a name or a text that are shown.
const LONGEST: usize = 400;

/// Write that nothing was examined, and why.
///
/// # Errors
/// Those of writing.
pub(crate) fn failed(out: &mut dyn io::Write, error: &Diagnostic) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    head(&mut out, "harden audit: no verdict")?;
    tool(&mut out, "audit")?;
    writeln!(
        out,
        "<h1><span class=\"failed\">No verdict</span>: nothing was audited</h1>\n</header>\n<main id=\"main\">"
    )?;
    message(&mut out, "failed", error)?;
    tail(&mut out)
}

/// Everything up to the body.
fn head(out: &mut impl io::Write, title: &str) -> io::Result<()> {
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'\">\n<meta \
         name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light \
         dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n",
        source(STYLE),
        source(SCRIPT),
        Xml(title),
    )?;
    writeln!(out, "<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<header id=\"top\">")
}

/// The line over the verdict.
fn tool(out: &mut impl io::Write, command: &str) -> io::Result<()> {
    writeln!(out, "<p class=\"tool\">harden {command} · version {}</p>", env!("CARGO_PKG_VERSION"))
}

/// The end of the page.
fn tail(out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>")?;
    out.flush()
}

/// The links to the sections of the page: id and heading.
fn contents(out: &mut impl io::Write, sections: &[(&str, &str)]) -> io::Result<()> {
    write!(out, "<nav aria-label=\"Sections\"><ul>")?;
    for (id, heading) in sections {
        write!(out, "<li><a href=\"#{id}\">{heading}</a></li>")?;
    }
    writeln!(out, "</ul></nav>\n</header>\n<main id=\"main\">")
}

/// The begin of a section, with the way back to the links.
fn section(out: &mut impl io::Write, id: &str, heading: &str) -> io::Result<()> {
    writeln!(out, "<section><h2 id=\"{id}\">{heading}</h2><a class=\"up\" href=\"#top\">Back to the top</a>")
}

/// What is printed of the table that follows.
fn paper(out: &mut impl io::Write, shown: &str, rows: usize) -> io::Result<()> {
    writeln!(out, "<p class=\"paper\">Printed here: {shown}. The page on screen lists {}.</p>", counted(rows, "row"))
}

/// Figures side by side: name, value, remark.
fn figures(out: &mut impl io::Write, all: &[(&str, String, String)]) -> io::Result<()> {
    write!(out, "<dl class=\"figures\">")?;
    for (name, value, remark) in all {
        write!(out, "<div><dt>{name}</dt><dd>{}", Xml(value))?;
        if !remark.is_empty() {
            write!(out, "<small>{}</small>", Xml(remark))?;
        }
        write!(out, "</dd></div>")?;
    }
    writeln!(out, "</dl>")
}

/// Search and selections over a table; hidden until the script runs. A selection has the key of the rows' data, its label
/// and its words.
fn filter(out: &mut impl io::Write, table: &str, selections: &[(&str, &str, Vec<&str>)]) -> io::Result<()> {
    write!(
        out,
        "<div class=\"filter\" role=\"search\" data-of=\"{table}\" aria-label=\"Filter of the table: {table}\" hidden>"
    )?;
    write!(out, "<label>Search <input type=\"search\" autocomplete=\"off\"></label>")?;
    for (key, label, words) in selections {
        write!(out, "<label>{label} <select data-key=\"{key}\"><option value=\"\">all</option>")?;
        for word in words {
            write!(out, "<option>{}</option>", Xml(word))?;
        }
        write!(out, "</select></label>")?;
    }
    writeln!(out, "<output></output></div>")
}

/// A table with its caption and columns, up to its first body. What is wide scrolls in its own box, which the keyboard
/// reaches.
fn table(out: &mut impl io::Write, id: &str, caption: &str, columns: &[&str]) -> io::Result<()> {
    let label = Xml(caption);
    write!(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{label}\"><table id=\"{id}\"><caption>{label}</caption><thead><tr>"
    )?;
    for column in columns {
        let (class, column) = column.strip_prefix('#').map_or(("", *column), |number| (" class=\"n\"", number));
        write!(out, "<th scope=\"col\"{class}>{column}</th>")?;
    }
    writeln!(out, "</tr></thead>")
}

/// The end of a table.
fn end_table(out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "</table></div>")
}

/// A refusal, a warning or an error with its id, its place and what to write instead. `word` is also its class.
fn message(out: &mut impl io::Write, word: &str, message: &Diagnostic) -> io::Result<()> {
    let (id, text) = (Xml(message.id), cut(&message.to_string()));
    write!(out, "<div class=\"message {word}\"><p><b>{word}</b> <code>{id}</code>: {}</p>", Xml(&text))?;
    if let Some(Origin::File(place)) = &message.origin {
        let lines: Vec<String> = place.excerpt().iter().map(|line| Xml(line).to_string()).collect();
        write!(out, "<pre>{}</pre>", lines.join("\n"))?;
    }
    if !message.help.is_empty() {
        write!(out, "<p>help: {}</p>", Xml(&cut(&message.help.to_string())))?;
    }
    writeln!(out, "</div>")
}

/// Where a check is described.
pub(super) fn page_of(check: &Check) -> String {
    let known = CHECKS.iter().any(|known| known.id == check.id);
    let anchor = if known { check.id.replace('.', "") } else { "checks-of-your-own".to_owned() };
    format!("{DOCS}checks.md#{anchor}")
}

/// A name of the image, escaped, and cut where it is very long.
fn name(bytes: &[u8]) -> String {
    cut(&escaped(bytes))
}

/// A text with its middle left out where it is very long.
fn cut(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let (head, tail) = (LONGEST - 100, 99);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start} […] {end}")
}

/// How many rows each group of a table may show, so that all of them together are at most `most`: small groups are shown
/// whole, and large ones to the same number.
fn share(counts: &[usize], most: usize) -> usize {
    let (mut sorted, mut left) = (counts.to_vec(), most);
    sorted.sort_unstable();
    for (at, &count) in sorted.iter().enumerate() {
        let each = left / (sorted.len() - at);
        if count > each {
            return each;
        }
        left -= count;
    }
    usize::MAX
}

/// A source expression of Content-Security-Policy for inline text.
fn source(text: &str) -> String {
    let mut digest = Digest::default();
    digest.update(text.as_bytes());
    format!("sha256-{}", base64(&digest.finish()))
}

/// Base 64 of RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = ALPHABET.get((number >> (18 - 6 * at) & 63) as usize).copied().unwrap_or_default();
            out.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{audit, base64, cut, share, source};
    use crate::audit::Severity;
    use crate::report::fixture;

    #[test]
    fn small_groups_are_shown_whole_and_large_ones_alike() {
        assert_eq!(share(&[], 10), usize::MAX);
        assert_eq!(share(&[3, 4], 10), usize::MAX);
        assert_eq!(share(&[1, 100, 100], 11), 5);
        for counts in [&[5_001; 5][..], &[1, 2, 9_000], &[4_000], &[0, 4_001]] {
            let shown = share(counts, 4_000);
            let sum: usize = counts.iter().map(|count| (*count).min(shown)).sum();
            assert!((3_990..=4_000).contains(&sum), "{counts:?} {shown}");
        }
    }

    #[test]
    fn long_text_loses_its_middle() {
        assert_eq!(cut("größe"), "größe");
        let long = cut(&format!("a{}z", "ü".repeat(1_000_000)));
        assert!(long.chars().count() < 420 && long.starts_with("aü") && long.ends_with("üz"), "{long}");
    }

    #[test]
    fn the_policy_of_the_page_names_its_own_style_and_script() {
        // RFC 4648 §10, and the example of CSP Level 3 §2.3.1.
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
        assert_eq!(source("alert('Hello, world.');"), "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }

    #[test]
    fn what_is_accepted_is_told_apart() {
        let mut out = Vec::new();
        audit(&mut out, &fixture::verdict(), Severity::Medium, None).unwrap();
        let text = String::from_utf8(out).unwrap();
        for expected in [
            "Audit <span class=\"failed\">failed</span>",
            "<p>the tree '/&lt;b&gt;'</p>",
            "<dt>accepted</dt><dd>2<small>1 by the policy, 1 in the baseline</small>",
            "<code>/a]]&gt;&lt;\\u{202e}\\n\\xff</code>",
            "<tr class=\"off\" data-t=\"excepted\"><td><code>/etc/shadow:3</code></td><td>Accepted: the &quot;user&quot;'s ]]&gt; words. ",
            "<li>not looked at: '/x'</li>",
            "see the notes",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
