//! The verdict of `harden audit`: the result first, then every finding, then the controls of the lists.

use std::io::{self, Write as _};

use super::super::junit::Xml;
use super::{
    MOST_ROWS, contents, counted, cut, end_table, figures, filter, head, name, number, page_of, section, share, table,
    tail, tool,
};
use crate::audit::compliance::{Answer, List, Outcome, answers};
use crate::audit::{Check, Finding, Severity, State, Verdict};

/// Findings of one check shown for a control; the table of findings has more.
const EVIDENCE: usize = 3;

/// Write what an audit found. Where lists were asked for, their controls come first.
///
/// # Errors
/// Those of writing.
pub(crate) fn audit(
    out: &mut dyn io::Write,
    verdict: &Verdict,
    level: Severity,
    lists: Option<&[List]>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let out = &mut out;
    let (word, class) = if verdict.fails(level) { ("failed", "failed") } else { ("passed", "passed") };
    head(out, &format!("harden audit: {word}"))?;
    tool(out, "audit")?;
    writeln!(out, "<h1>Audit <span class=\"{class}\">{word}</span></h1>\n<p>{}</p>", Xml(&cut(&verdict.judged)))?;
    let bad = Severity::ALL.into_iter().filter(|&severity| severity >= level);
    let bad: usize = bad.map(|severity| verdict.count(severity)).sum();
    writeln!(
        out,
        "<p>{} looked at {} entries: {} at <em>{}</em> or above{}.</p>",
        counted(verdict.checks.len(), "check"),
        number(verdict.entries),
        if bad == 0 { "no finding".to_owned() } else { counted(bad, "finding") },
        level.name(),
        if verdict.notes.is_empty() { "" } else { ", in the entries that harden could read: see the notes" },
    )?;
    let excepted = verdict.findings.iter().filter(|finding| matches!(finding.state, State::Excepted { .. })).count();
    let known = verdict.findings.iter().filter(|finding| finding.state == State::Baseline).count();
    let mut all: Vec<(&str, String, String)> =
        Severity::ALL.map(|severity| (severity.name(), verdict.count(severity).to_string(), String::new())).to_vec();
    if excepted + known > 0 {
        let remark = format!("{excepted} by the policy, {known} in the baseline");
        all.push(("accepted", (excepted + known).to_string(), remark));
    }
    figures(out, &all)?;
    let mut sections = vec![("findings", "Findings"), ("controls", "Controls")];
    if lists.is_some() {
        sections.reverse();
    }
    if !verdict.notes.is_empty() {
        sections.push(("notes", "Notes"));
    }
    contents(out, &sections)?;
    if let Some(lists) = lists {
        controls(out, verdict, lists)?;
        findings(out, verdict)?;
    } else {
        findings(out, verdict)?;
        controls(out, verdict, &List::ALL)?;
    }
    if !verdict.notes.is_empty() {
        section(out, "notes", "Notes")?;
        writeln!(out, "<p>The verdict does not speak of these.</p><ul>")?;
        for note in verdict.notes.iter().take(MOST_ROWS) {
            writeln!(out, "<li>{}</li>", Xml(&cut(note)))?;
        }
        more(out, "li", verdict.notes.len(), MOST_ROWS)?;
        writeln!(out, "</ul></section>")?;
    }
    tail(out)
}

fn more(out: &mut impl io::Write, element: &str, count: usize, shown: usize) -> io::Result<()> {
    let left = count.saturating_sub(shown);
    if left > 0 {
        write!(out, "<{element}>… and {left} more; <code>--format json</code> lists all of them</{element}>")?;
    }
    Ok(())
}

/// Findings of one check and severity.
struct Group<'a> {
    severity: Severity,
    check: &'static Check,
    findings: Vec<&'a Finding>,
}

fn groups(verdict: &Verdict) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    // They are sorted by severity, then by check.
    for finding in &verdict.findings {
        match groups.last_mut() {
            Some(last) if last.severity == finding.severity && std::ptr::eq(last.check, finding.check) => {
                last.findings.push(finding);
            }
            _ => groups.push(Group { severity: finding.severity, check: finding.check, findings: vec![finding] }),
        }
    }
    groups
}

fn findings(out: &mut impl io::Write, verdict: &Verdict) -> io::Result<()> {
    section(out, "findings", "Findings")?;
    if verdict.findings.is_empty() {
        return writeln!(out, "<p>Nothing was found.</p></section>");
    }
    let groups = groups(verdict);
    let counts: Vec<usize> = groups.iter().map(|group| group.findings.len()).collect();
    let shown = share(&counts, MOST_ROWS);
    let left: usize = counts.iter().map(|count| count.saturating_sub(shown)).sum();
    if left > 0 {
        writeln!(
            out,
            "<p><strong>{left} of {} findings are not listed here</strong>: of each check, the first {shown} are. \
             <code>--format json</code> lists all of them.</p>",
            verdict.findings.len()
        )?;
    }
    let mut checks: Vec<&str> = groups.iter().map(|group| group.check.id).collect();
    checks.sort_unstable();
    checks.dedup();
    let mut selections = vec![("s", "Severity", Severity::ALL.map(Severity::name).to_vec()), ("c", "Check", checks)];
    if verdict.findings.iter().any(|finding| !finding.counts()) {
        selections.push(("t", "State", vec!["new", "excepted", "baseline"]));
    }
    filter(out, "found", &selections)?;
    table(out, "found", "Findings by severity and check, the worst first", &["Path", "Evidence", "Remedy"])?;
    for group in &groups {
        let (check, severity) = (group.check, group.severity.name());
        write!(
            out,
            "<tbody data-s=\"{severity}\" data-c=\"{0}\"><tr class=\"head\"><th class=\"group\" colspan=\"3\" scope=\"rowgroup\"><span \
             class=\"badge {severity}\">{severity}</span> <b>{0}</b>: {1} <span class=\"soft\">({2})</span><br>{3} <a \
             href=\"{4}\">Documentation</a>",
            Xml(check.id),
            Xml(check.title),
            group.findings.len(),
            Xml(&sentence(check.rationale())),
            Xml(&page_of(check)),
        )?;
        if !check.sources.is_empty() {
            write!(out, " <span class=\"soft\">Demanded by {}.</span>", Xml(&check.sources.join(", ")))?;
        }
        writeln!(out, "</th></tr>")?;
        for finding in group.findings.iter().take(shown) {
            row(out, finding)?;
        }
        let left = group.findings.len().saturating_sub(shown);
        if left > 0 {
            writeln!(out, "<tr class=\"more\"><td colspan=\"3\">… and {left} more</td></tr>")?;
        }
        writeln!(out, "</tbody>")?;
    }
    end_table(out)?;
    writeln!(out, "</section>")
}

fn row(out: &mut impl io::Write, finding: &Finding) -> io::Result<()> {
    let (state, why) = match &finding.state {
        State::New => ("", String::new()),
        State::Baseline => ("baseline", "Accepted: in the baseline. ".to_owned()),
        State::Excepted { reason } => ("excepted", format!("Accepted: {reason}. ")),
    };
    if state.is_empty() {
        write!(out, "<tr data-t=\"new\">")?;
    } else {
        write!(out, "<tr class=\"off\" data-t=\"{state}\">")?;
    }
    write!(out, "<td><code>{}</code>", Xml(&place(finding)))?;
    write!(out, "</td><td>{}{}</td><td>", Xml(&cut(&why)), Xml(&cut(&finding.detail)))?;
    match finding.fix {
        Some(rule) => writeln!(out, "harden apply: rule <code>{}</code></td></tr>", Xml(rule)),
        None => writeln!(out, "{}</td></tr>", Xml(finding.check.help())),
    }
}

fn place(finding: &Finding) -> String {
    let line = finding.line.map_or_else(String::new, |line| format!(":{line}"));
    format!("{}{line}", name(&finding.path))
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{start}{}.", chars.as_str().trim_end_matches('.'))
}

fn controls(out: &mut impl io::Write, verdict: &Verdict, lists: &[List]) -> io::Result<()> {
    section(out, "controls", "Controls")?;
    writeln!(
        out,
        "<p>A control fails when one of its checks has a finding of at least \
         <em>low</em> that was not accepted. It is not applicable when an image cannot show it, or when the input of its \
         checks was not given.</p>"
    )?;
    filter(
        out,
        "answers",
        &[
            ("o", "Outcome", [Outcome::Passed, Outcome::Failed, Outcome::NotApplicable].map(Outcome::name).to_vec()),
            ("l", "List", lists.iter().map(|list| list.name()).collect()),
        ],
    )?;
    table(out, "answers", "Controls by list, with the evidence", &["Outcome", "Control", "Asks", "Evidence"])?;
    for &list in lists {
        let answers = answers(verdict, &[list]);
        let count = |outcome| answers.iter().filter(|answer| answer.outcome == outcome).count();
        writeln!(
            out,
            "<tbody data-l=\"{}\"><tr class=\"head\"><th class=\"group\" colspan=\"4\" scope=\"rowgroup\"><b>{}</b> <span \
             class=\"soft\">{}: {} passed, {} failed, {} not applicable</span></th></tr>",
            list.name(),
            Xml(list.title()),
            counted(answers.len(), "control"),
            count(Outcome::Passed),
            count(Outcome::Failed),
            count(Outcome::NotApplicable),
        )?;
        for answer in &answers {
            control(out, answer)?;
        }
        writeln!(out, "</tbody>")?;
    }
    end_table(out)?;
    writeln!(out, "</section>")
}

fn control(out: &mut impl io::Write, answer: &Answer<'_>) -> io::Result<()> {
    let (word, control) = (answer.outcome.name(), answer.control);
    let class = match answer.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::NotApplicable => "none",
    };
    write!(
        out,
        "<tr data-o=\"{word}\"><td><span class=\"badge {class}\">{word}</span></td><td>{}</td><td>{}</td><td>",
        Xml(control.id),
        Xml(control.title),
    )?;
    if !answer.why.is_empty() {
        write!(out, "{}", Xml(&answer.why))?;
    }
    if !answer.evidence.is_empty() {
        write!(out, "<ul>")?;
        for check in &answer.checks {
            let of_check = || answer.evidence.iter().filter(|finding| std::ptr::eq(finding.check, *check));
            for finding in of_check().take(EVIDENCE) {
                write!(
                    out,
                    "<li><a href=\"{}\">{}</a> <code>{}</code>: {}</li>",
                    Xml(&page_of(check)),
                    Xml(check.id),
                    Xml(&place(finding)),
                    Xml(&cut(&finding.detail)),
                )?;
            }
            let left = of_check().count().saturating_sub(EVIDENCE);
            if left > 0 {
                write!(out, "<li class=\"soft\">… and {} more of {}</li>", number(left), Xml(check.id))?;
            }
        }
        write!(out, "</ul>")?;
    } else if answer.outcome == Outcome::Passed {
        let checks: Vec<&str> = answer.checks.iter().map(|check| check.id).collect();
        write!(out, "<span class=\"soft\">no finding of {}</span>", Xml(&checks.join(", ")))?;
    }
    if answer.accepted > 0 {
        write!(out, "<p class=\"soft\">not counted: {} accepted by the policy or the baseline</p>", answer.accepted)?;
    }
    writeln!(out, "</td></tr>")
}
