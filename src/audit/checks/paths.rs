//! Checks of files with a fixed place, by their content.

use crate::audit::{Cx, Findings, Severity};
use crate::diag::escape::escaped;
use crate::tree::Id;
use crate::tree::glob::expand;

/// Largest text file that is read, in bytes.
const LIMIT: u64 = 1 << 20;

/// A text file at a path, links followed.
pub(super) fn text(cx: &Cx<'_>, path: &str) -> Option<(Id, String)> {
    let id = cx.tree.resolve(path.as_bytes()).ok()?.node;
    Some((id, content(cx, id)?))
}

/// The text of a regular file.
pub(super) fn content(cx: &Cx<'_>, id: Id) -> Option<String> {
    let id = cx.tree.follow(id).ok()?.node;
    let part = cx.tree.is_file(id) && cx.is_part(id);
    let bytes = part.then(|| cx.contents.read(cx.tree, id, LIMIT).ok())??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lines of a settings file without comments, each with its number.
fn settings(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let lines = text.lines().zip(1u32..).map(|(line, number)| (number, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

pub(super) fn shells(cx: &Cx<'_>, findings: &mut Findings) {
    let Some((id, text)) = text(cx, "/etc/shells") else { return };
    let (meta, mode) = (cx.tree.meta(id), cx.tree.permissions(id));
    if meta.uid != 0 || meta.gid != 0 || mode & !0o644 != 0 {
        let text = format!("belongs to {}:{} with mode 0o{mode:o}", meta.uid, meta.gid);
        findings.at(cx.tree, id, b"mode", text);
    }
    for (number, line) in settings(&text) {
        let (detail, severity) = if line.ends_with("/nologin") {
            (format!("'{}' is not a shell", escaped(line.as_bytes())), Severity::Low)
        } else if cx.tree.resolve(line.as_bytes()).is_err() {
            (format!("'{}' does not exist", escaped(line.as_bytes())), Severity::Info)
        } else {
            continue;
        };
        findings.at(cx.tree, id, line.as_bytes(), detail).at_most(severity).line = Some(number);
    }
}

pub(super) fn banners(cx: &Cx<'_>, findings: &mut Findings) {
    let os = [&cx.facts.os.id, &cx.facts.os.pretty_name].map(|name| name.to_lowercase());
    for path in ["/etc/issue", "/etc/issue.net", "/etc/motd"] {
        let Some((id, text)) = text(cx, path) else { continue };
        let names = |line: &str| {
            let line = line.to_lowercase();
            os.iter().any(|name| !name.is_empty() && line.contains(name))
        };
        // Escapes of agetty(8) that tell version, release, machine and system.
        let escapes = |line: &str| ["\\v", "\\r", "\\m", "\\s"].iter().any(|escape| line.contains(escape));
        let told = text.lines().zip(1u32..).find(|(line, _)| names(line) || escapes(line));
        if let Some((_, number)) = told {
            findings.at(cx.tree, id, b"", "reveals the system or its version").line = Some(number);
        }
    }
}

pub(super) fn nopasswd(cx: &Cx<'_>, findings: &mut Findings) {
    for id in ["/etc/sudoers", "/etc/sudoers.d/*"].iter().flat_map(|pattern| expand(cx.tree, pattern)) {
        let Some(text) = content(cx, id) else { continue };
        for (number, line) in
            settings(&text).filter(|(_, line)| line.contains("NOPASSWD") || line.contains("!authenticate"))
        {
            findings
                .at(cx.tree, id, line.as_bytes(), "allows an account to become another one without a password")
                .line = Some(number);
        }
    }
    for id in ["/etc/doas.conf", "/etc/doas.d/*"].iter().flat_map(|pattern| expand(cx.tree, pattern)) {
        let Some(text) = content(cx, id) else { continue };
        let open =
            |line: &str| line.starts_with("permit") && line.split_ascii_whitespace().any(|word| word == "nopass");
        for (number, line) in settings(&text).filter(|(_, line)| open(line)) {
            findings
                .at(cx.tree, id, line.as_bytes(), "allows an account to become another one without a password")
                .line = Some(number);
        }
    }
}

pub(super) fn root_path(cx: &Cx<'_>, findings: &mut Findings) {
    for path in &cx.policy.path {
        let Ok(found) = cx.tree.resolve(path.as_bytes()) else { continue };
        for id in cx.tree.ancestors(found.node).filter(|&id| cx.is_part(id)) {
            let (meta, mode) = (cx.tree.meta(id), cx.tree.permissions(id));
            let open = mode & 0o022 != 0 && mode & 0o1000 == 0;
            if findings.has(&["etc.root-path"], &cx.tree.path(id)) || !(meta.uid != 0 || open) {
                continue;
            }
            let text = format!(
                "'{}' of PATH leads here: owner {}:{}, mode 0o{mode:o}",
                escaped(path.as_bytes()),
                meta.uid,
                meta.gid
            );
            let system = cx.zones.system.contains(id);
            let finding = findings.at(cx.tree, id, b"", text);
            if !system {
                finding.no_rule();
            }
            // Only members of root's group write there.
            if meta.uid == 0 && meta.gid == 0 && mode & 0o002 == 0 {
                finding.at_most(Severity::Low);
            }
        }
    }
}

pub(super) fn trust_store(cx: &Cx<'_>, findings: &mut Findings) {
    const ADDED: [&str; 4] = [
        "/usr/local/share/ca-certificates/*",
        "/etc/pki/ca-trust/source/anchors/*",
        "/usr/share/pki/trust/anchors/*",
        "/etc/ca-certificates/trust-source/anchors/*",
    ];
    for id in ADDED.iter().flat_map(|pattern| expand(cx.tree, pattern)) {
        if cx.tree.is_file(id) && cx.is_unowned(id) {
            findings.at(cx.tree, id, b"", "a certificate authority that is not from the distribution");
        }
    }
}

pub(super) fn job_lists(cx: &Cx<'_>, findings: &mut Findings) {
    let severity = if cx.is_on("login.defaults") { Severity::Low } else { Severity::Info };
    for (program, name) in [("crontab", "cron"), ("at", "at")] {
        let mut installed = cx.facts.commands.entries.keys().map(|&id| cx.tree.name(id));
        if !installed.any(|command| command == program.as_bytes()) {
            continue;
        }
        let allow = format!("/etc/{name}.allow");
        if cx.tree.lookup(allow.as_bytes()).is_none() {
            findings.path(allow.into_bytes(), b"", "is missing: every account may schedule jobs").at_most(severity);
        }
        if let Some(id) = cx.tree.lookup(format!("/etc/{name}.deny").as_bytes()) {
            findings
                .at(cx.tree, id, b"", "lists the accounts that may not, instead of those that may")
                .at_most(severity);
        }
    }
}
