//! Checks of `[[audit.check]]`: the policy's own requirements for paths and packages.

use std::collections::BTreeSet;

use regex::bytes::{Regex, RegexBuilder};

use super::checks::content::LIMIT;
use super::{Check, Cx, Findings, Topic};
use crate::diag::escape::quoted;
use crate::facts::accounts::{Database, GID, UID};
use crate::policy::OwnCheck;
use crate::policy::own::{Kind, Presence};
use crate::tree::glob::{Glob, expand};
use crate::tree::{self, Id};

/// The row of such a check. It lives as long as the program, as those of the registry do: one run judges once.
pub(super) fn row(own: &OwnCheck) -> &'static Check {
    fn keep(text: &str) -> &'static str {
        Box::leak(text.to_owned().into_boxed_str())
    }
    let fix = if own.help.is_empty() { "correct the entry in the Dockerfile" } else { keep(&own.help) };
    let topic: &'static Topic = Box::leak(Box::new(Topic { why: "The policy of this image asks for it.", fix }));
    Box::leak(Box::new(Check {
        id: keep(&own.id),
        title: keep(&own.title),
        severity: own.severity,
        sources: &[],
        topic,
        rule: None,
        run: |_, _| {},
    }))
}

/// Run one.
pub(super) fn run(cx: &Cx<'_>, own: &OwnCheck, findings: &mut Findings) {
    packages(cx, own, findings);
    let mut all = BTreeSet::new();
    for pattern in &own.paths {
        let found = matching(cx, pattern);
        if found.is_empty() && own.presence == Some(Presence::Required) {
            findings.path(pattern.clone().into_bytes(), b"", "does not exist");
        }
        all.extend(found);
    }
    if own.presence == Some(Presence::Forbidden) && own.package.is_none() {
        for &id in &all {
            findings.at(cx.tree, id, b"", "exists");
        }
        return;
    }
    let content = Content::of(own);
    for &id in &all {
        entry(cx, own, &content, id, findings);
    }
}

/// Every entry of a pattern: by links, as a path leads there, and of `**` at every depth.
fn matching(cx: &Cx<'_>, pattern: &str) -> Vec<Id> {
    if !pattern.contains("**") {
        return expand(cx.tree, pattern).into_iter().filter(|&id| cx.is_part(id)).collect();
    }
    let Ok(glob) = Glob::new(pattern) else { return Vec::new() };
    cx.tree.ids().filter(|&id| glob.matches(&cx.tree.path(id)) && cx.is_part(id)).collect()
}

fn packages(cx: &Cx<'_>, own: &OwnCheck, findings: &mut Findings) {
    let Some(pattern) = &own.package else { return };
    let Ok(glob) = Glob::new(pattern) else { return };
    let packages = &cx.facts.packages;
    let found: Vec<&str> = packages
        .iter()
        .map(|(_, package)| package.name.as_str())
        .filter(|name| glob.matches(name.as_bytes()))
        .collect();
    match own.presence {
        Some(Presence::Forbidden) => {
            for name in found {
                let text = format!("the package {} is installed", quoted(name.as_bytes()));
                findings.about(b"/".to_vec(), format!("package {name}"), text);
            }
        }
        Some(Presence::Required) if found.is_empty() => {
            let text = format!("the package {} is not installed", quoted(pattern.as_bytes()));
            findings.about(b"/".to_vec(), format!("package {pattern}"), text);
        }
        _ => {}
    }
}

/// The patterns of the content, compiled once.
struct Content {
    contains: Option<Regex>,
    lacks: Option<Regex>,
}

impl Content {
    fn of(own: &OwnCheck) -> Self {
        // They were compiled when the policy was read.
        let build = |text: &Option<String>| {
            text.as_ref().and_then(|text| RegexBuilder::new(text).unicode(false).multi_line(true).build().ok())
        };
        Self { contains: build(&own.contains), lacks: build(&own.lacks) }
    }
}

fn entry(cx: &Cx<'_>, own: &OwnCheck, content: &Content, id: Id, findings: &mut Findings) {
    let tree = cx.tree;
    let kind = match tree.kind(id) {
        tree::Kind::File => Kind::File,
        tree::Kind::Directory => Kind::Directory,
        tree::Kind::Link => Kind::Link,
        tree::Kind::Fifo => Kind::Fifo,
        tree::Kind::Socket => Kind::Socket,
        _ => Kind::Device,
    };
    if let Some(wanted) = own.kind.filter(|&wanted| wanted != kind) {
        findings.at(tree, id, b"type", format!("is a {} and not a {}", kind.name(), wanted.name()));
        return;
    }
    let (meta, mode) = (tree.meta(id), tree.permissions(id));
    if let Some((user, group)) = &own.owner {
        let is = |wanted: &str, number: u32, database: Database, field: usize| {
            let named = || {
                let file = cx.facts.accounts.files.get(&database);
                let line = file.into_iter().flat_map(|file| &file.lines).find(|line| line.name() == wanted.as_bytes());
                line.and_then(|line| line.id(field))
            };
            let root = (wanted == "root").then_some(0);
            wanted.parse().ok().or_else(named).or(root) == Some(number)
        };
        let user_fits = is(user, meta.uid, Database::Passwd, UID);
        let group_fits = group.as_ref().is_none_or(|group| is(group, meta.gid, Database::Group, GID));
        if !(user_fits && group_fits) {
            let wanted = group.as_ref().map_or_else(|| user.clone(), |group| format!("{user}:{group}"));
            let text = format!("belongs to {}:{} and not to {}", meta.uid, meta.gid, quoted(wanted.as_bytes()));
            findings.at(tree, id, b"owner", text);
        }
    }
    if let Some(extra) = own.mode.map(|allowed| mode & !allowed).filter(|&extra| extra != 0)
        && kind != Kind::Link
    {
        findings.at(tree, id, b"mode", format!("has mode 0o{mode:o}, but should not have 0o{extra:o}"));
    }
    if kind != Kind::File || (content.contains.is_none() && content.lacks.is_none()) {
        return;
    }
    let text = match cx.contents.read(tree, id, LIMIT) {
        Ok(text) => text,
        Err(cause) => {
            findings.note(format!("{} could not read {}: {cause}", own.id, quoted(&tree.path(id))));
            return;
        }
    };
    if content.contains.as_ref().is_some_and(|pattern| !pattern.is_match(&text)) {
        findings.at(tree, id, b"contains", "lacks the text that the check asks for");
    }
    if let Some(found) = content.lacks.as_ref().and_then(|pattern| pattern.find(&text)) {
        let line = super::secrets::line_of(&text, found.start());
        findings.at(tree, id, b"lacks", "has the text that the check forbids").line = line;
    }
}
