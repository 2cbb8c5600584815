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
            let named = secrets::is_secret_name(name) && secrets::is_value(value);
            if named || secrets::token(value.as_bytes()).is_some() {
                found(
                    findings,
                    &format!("{what} {name}"),
                    format!("{what} {} holds a secret", escaped(name.as_bytes())),
                );
            }
        }
    }
    words(findings, &image.command, "the command");
    words(findings, &image.history, "the history");
}

fn words(findings: &mut Findings, texts: &[String], what: &str) {
    for (at, text) in texts.iter().enumerate() {
        let kind = secrets::token(text.as_bytes()).map(|(kind, _)| kind);
        let assigned = || {
            text.split([' ', '\t', '|', ';', '"', '\'']).find_map(|word| {
                let (name, value) = word.trim_start_matches('-').split_once('=')?;
                (secrets::is_secret_name(name) && secrets::is_value(value)).then(|| escaped(name.as_bytes()))
            })
        };
        if let Some(kind) = kind.map(str::to_owned).or_else(assigned) {
            found(findings, &format!("{what} {at}"), format!("{what} holds a secret ({kind}), in part {}", at + 1));
        }
    }
}

pub(super) fn ports(cx: &Cx<'_>, findings: &mut Findings) {
    let ports = cx.image.into_iter().flat_map(|image: &ImageConfig| &image.exposed_ports);
    for port in ports.filter(|port| REMOTE.contains(&port.split('/').next().unwrap_or_default())) {
        found(findings, port, format!("EXPOSE {}: the port of a remote login", escaped(port.as_bytes())));
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
        found(findings, part, format!("{text}: the working directory is searched for programs"));
    }
}
