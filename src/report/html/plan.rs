//! The report of plan, apply and image: the result and the figures first, then the map, the changes, and the remaining
//! commands and accounts.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use super::super::junit::Xml;
use super::{
    DOCS, MOST_ROWS, contents, counted, cut, end_table, figures, filter, head, map, message, name, number, paper,
    section, share, size, table, tail, tool,
};
use crate::diag::escape::escaped;
use crate::draft::record::{Record, What};
use crate::explain::Explainer;
use crate::facts::accounts::{Database, GID, HOME, Line, MEMBERS, PRIMARY_GID, SHELL, UID};
use crate::inventory::figures::{Account, Figure, accounts, figures as count, size_after};
use crate::inventory::freed::Freed;
use crate::inventory::parts::parts;
use crate::pipeline::{Examined, SwitchedOff};
use crate::policy::{Policy, Run};
use crate::report::json::{State, Status};
use crate::report::runtime::Runtime;
use crate::report::text;
use crate::rules::{RULES, Rule};
use crate::tree::set::IdSet;

/// Commands that are left and listed, each with its reason.
const COMMANDS: usize = 1_200;

/// Accounts and groups of a table.
const ACCOUNTS: usize = 400;

/// A plan with everything that is told about it.
pub(crate) struct Planned<'a> {
    /// The plan and what it is made of.
    pub examined: &'a Examined,
    /// What the user wants.
    pub policy: &'a Policy,
    /// What rules would remove that are switched off.
    pub switched_off: &'a SwitchedOff,
    /// How to run the image.
    pub runtime: &'a Runtime,
    /// How the command ended.
    pub status: &'a Status,
    /// What was examined, for people.
    pub judged: &'a str,
}

/// Write the report.
///
/// # Errors
/// Those of writing.
pub(crate) fn plan(out: &mut dyn io::Write, planned: &Planned<'_>) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let out = &mut out;
    let Planned { examined, policy, switched_off, runtime, status, judged } = *planned;
    let plan = &examined.plan;
    let changes = counted(plan.records.len(), "change");
    let (class, word, text) = match status.state {
        State::Planned if plan.records.is_empty() => {
            ("done", "nothing to change", "The image is as the policy wants it.".into())
        }
        State::Planned => {
            ("done", "can be applied", format!("harden apply would make {changes}. Nothing was changed."))
        }
        State::Applied => ("done", "done", format!("harden made {changes}.")),
        State::Refused => ("refused", "refused", "Nothing was changed: settle the refusals first.".to_owned()),
        State::Failed => {
            let text = format!(
                "{} done, {} not done; run harden again to continue.",
                counted(status.done, "step"),
                number(status.open)
            );
            ("failed", "failed part-way", text)
        }
    };
    head(out, &format!("harden {}: {word}", status.command))?;
    tool(out, status.command)?;
    let what = match status.command {
        "plan" => "Plan",
        "image" => "Image",
        _ => "Hardening",
    };
    writeln!(
        out,
        "<h1>{what} <span class=\"{class}\">{word}</span></h1>\n<p>{}</p>\n<p>{text}</p>",
        Xml(&cut(judged))
    )?;
    // Where nothing is known of what the image runs, every answer would be "goes".
    let known = !matches!(policy.run, Run::Unknown);
    let removed = plan.removed();
    let parts = if known { parts(examined, &removed) } else { Vec::new() };
    if known {
        let (stays, goes) = parts.iter().fold((0, 0), |sum, part| (sum.0 + part.stays.bytes, sum.1 + part.goes.bytes));
        let counted = count(examined, &removed);
        let figure = |figure: Figure| format!("{} → {}", number(figure.before), number(figure.after));
        let mut all = vec![
            (
                "size of the files",
                format!("{} → {}", size(stays + goes), size(size_after(examined, stays))),
                format!("{} go", size(goes)),
            ),
            ("commands", figure(counted.commands), String::new()),
            ("set-id programs", figure(counted.setid), String::new()),
            ("accounts", figure(counted.accounts), String::new()),
        ];
        if counted.capabilities.before > 0 {
            all.push(("programs with capabilities", figure(counted.capabilities), String::new()));
        }
        if counted.packages.before > 0 {
            all.push(("packages", figure(counted.packages), String::new()));
        }
        figures(out, &all)?;
    }
    let mut sections: Vec<(&str, &str)> = Vec::new();
    let mut listed = |wanted: bool, id, heading| {
        if wanted {
            sections.push((id, heading));
        }
    };
    listed(!plan.refusals.is_empty() || status.failure.is_some(), "refusals", "Refusals and failures");
    listed(!plan.warnings.is_empty(), "warnings", "Warnings");
    listed(known, "map", "Map");
    listed(known, "changes", "Changes");
    listed(known, "commands", "Commands left");
    listed(known, "accounts", "Accounts");
    listed(true, "notes", "Notes");
    listed(known, "running", "Running the image");
    contents(out, &sections)?;
    messages(out, examined, status, known)?;
    if known {
        let explainer = Explainer::new(examined, policy, switched_off).indexed();
        map::write(out, examined, &parts, &explainer)?;
        changes_of(out, examined, &removed)?;
        commands(out, examined, &explainer, &removed)?;
        account_tables(out, examined)?;
    }
    notes(out, examined, status)?;
    if known {
        section(out, "running", "Running the image")?;
        let writable: Vec<String> = runtime.writable.iter().map(|path| escaped(path.as_bytes())).collect();
        let writable = if writable.is_empty() { "nothing".to_owned() } else { writable.join(" ") };
        writeln!(out, "<p>Writable at run time, with a read-only root: <code>{}</code></p>", Xml(&writable))?;
        for (engine, text) in
            [("Docker and Podman", runtime.docker().join(" \\\n  ")), ("Kubernetes", runtime.kubernetes())]
        {
            let lines: Vec<String> = text.lines().map(|line| Xml(line).to_string()).collect();
            writeln!(out, "<p>For {engine}:</p><pre tabindex=\"0\">{}</pre>", lines.join("\n"))?;
        }
        writeln!(out, "</section>")?;
    }
    tail(out)
}

/// Refusals, the failure, warnings.
fn messages(out: &mut impl io::Write, examined: &Examined, status: &Status, known: bool) -> io::Result<()> {
    let plan = &examined.plan;
    if !plan.refusals.is_empty() || status.failure.is_some() {
        section(out, "refusals", "Refusals and failures")?;
        if let Some(failure) = &status.failure {
            message(out, "failed", failure)?;
        }
        if known && !plan.refusals.is_empty() {
            writeln!(out, "<p>The rest of this page shows the plan as it would be without them.</p>")?;
        }
        for refusal in plan.refusals.iter().take(ACCOUNTS) {
            message(out, "refused", refusal)?;
        }
        left_out(out, "p", plan.refusals.len(), ACCOUNTS)?;
        writeln!(out, "</section>")?;
    }
    if !plan.warnings.is_empty() {
        section(out, "warnings", "Warnings")?;
        for warning in plan.warnings.iter().take(ACCOUNTS) {
            message(out, "warning", warning)?;
        }
        left_out(out, "p", plan.warnings.len(), ACCOUNTS)?;
        writeln!(out, "</section>")?;
    }
    Ok(())
}

fn left_out(out: &mut impl io::Write, element: &str, count: usize, shown: usize) -> io::Result<()> {
    let left = count.saturating_sub(shown);
    if left > 0 {
        writeln!(
            out,
            "<{element}>… and {} more, which are not listed here; <code>--format json</code> lists all of them</{element}>",
            number(left)
        )?;
    }
    Ok(())
}

/// Every change by its rule; where they are too many, a removed directory stands for its content, and then each rule shows
/// its first ones.
fn changes_of(out: &mut impl io::Write, examined: &Examined, removed: &IdSet) -> io::Result<()> {
    let (tree, records) = (&examined.facts.tree, &examined.plan.records);
    section(out, "changes", "Changes by rule")?;
    if records.is_empty() {
        return writeln!(out, "<p>There is nothing to change.</p></section>");
    }
    let inside = |record: &Record| {
        record.what == What::Remove && record.entry().is_some_and(|id| removed.contains(tree.parent(id)))
    };
    let brief = records.len() > MOST_ROWS;
    let mut freed = Freed::new(examined, removed);
    let groups: Vec<(&Rule, Vec<&Record>, usize, u64)> = RULES
        .iter()
        .filter_map(|rule| {
            let (mut all, mut count, mut bytes) = (Vec::new(), 0, 0);
            for record in records.iter().filter(|record| record.rule() == rule.id) {
                (count, bytes) = (count + 1, bytes + freed.by(record).unwrap_or_default());
                if !brief || !inside(record) {
                    all.push(record);
                }
            }
            (count > 0).then_some((rule, all, count, bytes))
        })
        .collect();
    let counts: Vec<usize> = groups.iter().map(|(_, all, ..)| all.len()).collect();
    let shown = share(&counts, MOST_ROWS);
    if brief {
        writeln!(
            out,
            "<p>A removed directory stands for its content: a page of {} changes would be too large.",
            number(records.len())
        )?;
        if counts.iter().any(|&count| count > shown) {
            writeln!(out, "<strong>Of each rule, the first {} changes are listed.</strong>", number(shown))?;
        }
        writeln!(out, "<code>--format json</code> lists all of them.</p>")?;
    }
    let words: BTreeSet<&str> = records.iter().map(Record::action).collect();
    filter(
        out,
        "changed",
        &[
            ("r", "Rule", groups.iter().map(|(rule, ..)| rule.id).collect()),
            ("a", "Action", words.into_iter().collect()),
        ],
    )?;
    let rows = counts.iter().map(|&count| count.min(shown)).sum();
    paper(out, "each rule with the number of its changes", rows)?;
    table(out, "changed", "Changes by rule", &["Action", "Path", "Before and after", "Reason"])?;
    for (rule, all, count, bytes) in &groups {
        write!(
            out,
            "<tbody data-r=\"{0}\"><tr class=\"head\"><th class=\"group\" colspan=\"4\" scope=\"rowgroup\"><a \
             href=\"{DOCS}rules.md#{1}\">{0}</a>: {2} <span class=\"soft\">({3}",
            rule.id,
            rule.id.replace('.', ""),
            Xml(rule.title),
            counted(*count, "change"),
        )?;
        if *bytes > 0 {
            write!(out, ", {} removed", size(*bytes))?;
        }
        writeln!(out, ")</span></th></tr>")?;
        for record in all.iter().take(shown) {
            change(out, examined, record, brief)?;
        }
        let left = all.len().saturating_sub(shown);
        if left > 0 {
            writeln!(out, "<tr class=\"more\"><td colspan=\"4\">… and {} more</td></tr>", number(left))?;
        }
        writeln!(out, "</tbody>")?;
    }
    end_table(out)?;
    writeln!(out, "</section>")
}

fn change(out: &mut impl io::Write, examined: &Examined, record: &Record, brief: bool) -> io::Result<()> {
    let tree = &examined.facts.tree;
    let (before, after) = record.states(tree);
    let states = if record.what == What::Remove { before } else { format!("{before} → {after}") };
    let below = record.entry().filter(|&id| brief && record.what == What::Remove && tree.is_dir(id));
    let below = below.map_or(0, |id| tree.subtree(id).count() - 1);
    write!(
        out,
        "<tr data-a=\"{0}\"><td>{0}</td><td><code>{1}</code>",
        record.action(),
        Xml(&name(&record.path(tree)))
    )?;
    if below > 0 {
        write!(
            out,
            " <span class=\"soft\">with {} in it</span>",
            if below == 1 { "1 entry".to_owned() } else { format!("{} entries", number(below)) }
        )?;
    }
    writeln!(out, "</td><td>{}</td><td>{}</td></tr>", Xml(&cut(&states)), Xml(&cut(record.reason())))
}

/// The commands that are left, and why.
fn commands(
    out: &mut impl io::Write,
    examined: &Examined,
    explainer: &Explainer<'_>,
    removed: &IdSet,
) -> io::Result<()> {
    let tree = &examined.facts.tree;
    section(out, "commands", "Commands left")?;
    let left = examined.facts.commands.entries.keys().copied().filter(|&id| !removed.contains(id));
    let left: Vec<_> = left.collect();
    for found in &examined.multicall {
        let names: Vec<&str> = found.applets.iter().take(MOST_ROWS / 10).map(String::as_str).collect();
        writeln!(
            out,
            "<p>Still callable, with or without a link: {} inside <code>{}</code>: {}</p>",
            counted(found.applets.len(), "applet"),
            Xml(&name(&tree.path(found.program))),
            Xml(&names.join(" "))
        )?;
    }
    if left.is_empty() {
        return writeln!(out, "<p>No command is left.</p></section>");
    }
    filter(out, "left", &[])?;
    table(out, "left", "Commands that are left", &["Command", "Why it stays"])?;
    writeln!(out, "<tbody>")?;
    for &id in left.iter().take(COMMANDS) {
        let because = explainer.of(id).because.join(", ");
        writeln!(out, "<tr><td><code>{}</code></td><td>{}</td></tr>", Xml(&name(&tree.path(id))), Xml(&cut(&because)))?;
    }
    writeln!(out, "</tbody>")?;
    end_table(out)?;
    left_out(out, "p", left.len(), COMMANDS)?;
    writeln!(out, "</section>")
}

/// Accounts and groups, before and after.
fn account_tables(out: &mut impl io::Write, examined: &Examined) -> io::Result<()> {
    section(out, "accounts", "Accounts")?;
    let users: [(&str, usize); 4] = [("uid", UID), ("gid", PRIMARY_GID), ("home", HOME), ("shell", SHELL)];
    let groups: [(&str, usize); 2] = [("gid", GID), ("members", MEMBERS)];
    for (database, caption, id, fields) in
        [(Database::Passwd, "Accounts", "users", &users[..]), (Database::Group, "Groups", "groups", &groups[..])]
    {
        let all = accounts(examined, database);
        if all.is_empty() {
            writeln!(out, "<p>{caption}: none.</p>")?;
            continue;
        }
        let mut columns = vec!["Name", "State"];
        columns.extend(fields.iter().map(|(column, _)| *column));
        table(out, id, &format!("{caption} before and after"), &columns)?;
        writeln!(out, "<tbody>")?;
        // Those that are left first.
        let (left, gone): (Vec<&Account>, Vec<&Account>) = all.iter().partition(|account| account.after.is_some());
        for account in left.into_iter().chain(gone).take(ACCOUNTS) {
            account_row(out, account, fields)?;
        }
        writeln!(out, "</tbody>")?;
        end_table(out)?;
        left_out(out, "p", all.len(), ACCOUNTS)?;
    }
    writeln!(out, "</section>")
}

fn account_row(out: &mut impl io::Write, account: &Account, fields: &[(&str, usize)]) -> io::Result<()> {
    let Account { before, after } = account;
    let Some(line) = after.as_ref().or(before.as_ref()) else { return Ok(()) };
    let value = |line: &Line, field: usize| name(line.field(field));
    let (class, word) = match (before, after) {
        (Some(before), Some(after)) if fields.iter().any(|&(_, at)| before.field(at) != after.field(at)) => {
            ("kept", "changed")
        }
        (Some(_), Some(_)) => ("kept", "stays"),
        (None, _) => ("kept", "new"),
        (_, None) => ("goes", "goes"),
    };
    write!(out, "<tr><td>{}</td><td class=\"{class}\">{word}</td>", Xml(&name(line.name())))?;
    for &(_, field) in fields {
        let now = value(line, field);
        match before.as_ref().map(|before| value(before, field)).filter(|old| *old != now) {
            Some(old) => write!(out, "<td>{} → {}</td>", Xml(&old), Xml(&now))?,
            None => write!(out, "<td>{}</td>", Xml(&now))?,
        }
    }
    writeln!(out, "</tr>")
}

/// Everything else that the report says.
fn notes(out: &mut impl io::Write, examined: &Examined, status: &Status) -> io::Result<()> {
    section(out, "notes", "Notes")?;
    writeln!(out, "<ul>")?;
    let plan = &examined.plan;
    let mut checks = String::new();
    text::checks(&mut checks, status);
    for line in checks.lines() {
        writeln!(out, "<li>{}</li>", Xml(&cut(line.trim())))?;
    }
    for path in &examined.facts.commands.other_path {
        let path = escaped(path.as_bytes());
        writeln!(
            out,
            "<li>left unchanged, as part of the application: PATH directory <code>{}</code></li>",
            Xml(&cut(&path))
        )?;
    }
    for note in plan.notes.iter().take(MOST_ROWS) {
        writeln!(out, "<li>{}</li>", Xml(&cut(&note.text)))?;
    }
    left_out(out, "li", plan.notes.len(), MOST_ROWS)?;
    let found = &plan.database;
    if found.files > 0 || !found.gone.is_empty() {
        let (before, after) = found.packages;
        writeln!(
            out,
            "<li>package databases: {}, {} left; {} rewritten, {}</li>",
            counted(before, "package"),
            number(after),
            counted(found.files, "file"),
            size(found.bytes)
        )?;
    }
    writeln!(out, "<li>Sizes are those of file contents; a file with several names counts once.</li></ul></section>")
}
