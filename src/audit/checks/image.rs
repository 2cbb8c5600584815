//! Checks of the image's configuration. Values that may be secret are never shown.

use crate::audit::{Cx, Findings, ImageConfig, Severity, secrets};
use crate::diag::escape::escaped;
use crate::policy::Start;

/// Ports of ssh, telnet, rsh and vnc.
const REMOTE: [&str; 6] = ["22", "23", "512", "513", "514", "5900"];

fn found<'f>(findings: &'f mut Findings, what: &str, detail: impl Into<String>) -> &'f mut crate::audit::Finding {
    findings.path(b"/".to_vec(), what.as_bytes(), detail)
}

pub(super) fn user(cx: &Cx<'_>, findings: &mut Findings) {
    let Some(image) = cx.image else { return };
    let name = image.user.split(':').next().unwrap_or_default();
    if matches!(name, "" | "root") || name.parse() == Ok(0u32) {
        let text = if name.is_empty() { "no USER: the program starts as root" } else { "USER is root" };
        let finding = found(findings, "user", text);
        if cx.policy.start == Start::Root {
            finding
                .at_most(Severity::Info)
                .detail
                .push_str("; run.start = \"root\" says that it drops to the run user");
        }
    }
}

pub(super) fn healthcheck(cx: &Cx<'_>, findings: &mut Findings) {
    if cx.image.is_some_and(|image| !image.healthcheck) {
        found(findings, "healthcheck", "no HEALTHCHECK");
    }
}

pub(super) fn secrets(cx: &Cx<'_>, findings: &mut Findings) {
    let Some(image) = cx.image else { return };
    for (list, what) in [(&image.env, "ENV"), (&image.labels, "LABEL")] {
        for (name, value) in list.iter().filter_map(|text| text.split_once('=')) {
            let tokens = secrets::tokens(value.as_bytes());
            let by_name = secrets::is_secret(name, value);
            // Options of a program, as in JAVA_OPTS, are words of a line.
            let inside = if by_name || !value.contains([' ', '=']) { Vec::new() } else { secrets::in_line(value) };
            if by_name || !tokens.is_empty() || !inside.is_empty() {
                let subject = format!("{what} {}", escaped(name.as_bytes()));
                let doubtful =
                    !by_name && tokens.iter().all(|token| !token.sure) && inside.iter().all(|found| !found.sure);
                let finding = findings.about(b"/".to_vec(), subject.clone(), format!("{subject} holds a secret"));
                finding.at_most(if doubtful { Severity::Medium } else { Severity::High });
            }
        }
    }
    words(findings, &[image.command.join(" ")], "command");
    words(findings, &image.history, "history");
}

/// An instruction without what only its builder adds.
fn instruction(text: &str) -> &str {
    let text = text.trim().strip_suffix("# buildkit").unwrap_or(text).trim();
    text.strip_prefix("/bin/sh -c #(nop)").unwrap_or(text).trim()
}

fn words(findings: &mut Findings, texts: &[String], what: &str) {
    for (at, text) in texts.iter().enumerate() {
        for found in secrets::in_line(text) {
            // The same instruction is the same finding wherever it stands, and another secret in it is another one.
            let digest = secrets::digest(instruction(text).as_bytes(), found.secret.as_bytes());
            let subject = format!("{what} {digest}");
            let place = if what == "history" { format!(", in instruction {}", at + 1) } else { String::new() };
            let detail = format!("the {what} holds a secret ({}){place}", escaped(found.what.as_bytes()));
            let finding = findings.about(b"/".to_vec(), subject, detail);
            finding.at_most(if found.sure { Severity::High } else { Severity::Medium });
        }
    }
}

pub(super) fn ports(cx: &Cx<'_>, findings: &mut Findings) {
    let ports = cx.image.into_iter().flat_map(|image: &ImageConfig| &image.exposed_ports);
    for port in ports.filter(|port| REMOTE.contains(&port.split('/').next().unwrap_or_default())) {
        let subject = format!("EXPOSE {}", escaped(port.as_bytes()));
        findings.about(b"/".to_vec(), subject.clone(), format!("{subject}: the port of a remote login"));
    }
}

pub(super) fn path(cx: &Cx<'_>, findings: &mut Findings) {
    let env = cx.image.into_iter().flat_map(|image| &image.env);
    let Some(path) = env.filter_map(|text| text.strip_prefix("PATH=")).next_back() else { return };
    for part in path.split(':').filter(|part| !part.starts_with('/')) {
        let text = if part.is_empty() {
            "PATH has an empty entry".to_owned()
        } else {
            format!("PATH holds '{}'", escaped(part.as_bytes()))
        };
        let subject = format!("PATH {}", escaped(part.as_bytes()));
        let detail = format!("{text}: the working directory is searched for programs");
        findings.about(b"/".to_vec(), subject.trim_end().to_owned(), detail);
    }
}
