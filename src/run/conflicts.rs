//! Options that exclude each other, whether they are flags or come from the environment.

use std::path::{Path, PathBuf};

use super::Request;
use crate::cli::Action;
use crate::console::Format;
use crate::diag::escape::quoted;
use crate::diag::{Diagnostic, codes};
use crate::policy::Options;
use crate::root::host;

/// Every conflict.
pub(super) fn of(options: &Options, action: Option<&Action>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    // The report goes to a file in the format of its name.
    let report =
        options.report.as_deref().and_then(Path::to_str).map(|path| ("--report: ", Format::Text.of_file(path)));
    for (option, format) in [("", options.format)].into_iter().chain(report) {
        let (text, help) = match (action, format) {
            (Some(Action::Audit(_)), _) | (_, Format::Text | Format::Json) => continue,
            (Some(Action::Apply(_) | Action::Plan(_) | Action::Image(_)), Format::Html | Format::Markdown) => continue,
            (_, Format::Markdown) => {
                ("markdown is for the reports of plan, apply, image and audit", "write text or json")
            }
            (Some(Action::Explain(_)), Format::Html) => {
                ("html is for the reports of plan, apply, image and audit", "write text or json, or use harden plan")
            }
            _ => (
                "sarif, junit, github and gitlab are for findings, which only audit has",
                "write text, json, markdown or html, or use harden audit",
            ),
        };
        problems.push(Diagnostic::new(codes::USAGE_CONFLICT, format!("{option}{text}")).help(help));
    }
    if options.digests && !Request::of(options).writes(Format::Json) {
        let problem =
            Diagnostic::new(codes::USAGE_CONFLICT, "--digests is for the report in JSON, and none is written");
        problems.push(problem.help("add --report FILE.json or --format json"));
    }
    if options.tar.is_some() && options.root.is_some() {
        problems.push(
            Diagnostic::new(codes::USAGE_CONFLICT, "--tar and --root both name what is read")
                .help("give only one of them"),
        );
    }
    overwritten(options, &mut problems);
    let standard_input = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    if standard_input(&options.tar) && standard_input(&options.image_config) {
        let problem = Diagnostic::new(codes::USAGE_CONFLICT, "--tar and --image-config both read standard input");
        problems.push(problem.help("give a file for one of them"));
    }
    problems
}

/// Files that the run would write over one that it reads, or over each other.
fn overwritten(options: &Options, problems: &mut Vec<Diagnostic>) {
    let inputs = [
        ("the archive", options.tar.as_deref()),
        ("the configuration", options.config.as_deref()),
        ("the image configuration", options.image_config.as_deref()),
        ("the baseline", options.baseline.as_deref()),
    ];
    let extends = options.extends.iter().map(|given| ("the configuration", Some(Path::new(&given.text))));
    let inputs: Vec<(&str, &Path)> =
        inputs.into_iter().chain(extends).filter_map(|(what, path)| Some((what, path?))).collect();
    let outputs = outputs(options);
    for (at, &(flag, path)) in outputs.iter().enumerate() {
        let other = outputs.iter().take(at).find(|(_, other)| host::is_one_file(other, path));
        problems.extend(over_input(flag, path, &inputs).or_else(|| {
            let shown = quoted(path.as_os_str().as_encoded_bytes());
            other.map(|(other, _)| problem(flag, format!("{other} and {flag} would write one file, {shown}")))
        }));
    }
}

/// An output that would take the place of a file of the policy, which is known once all of them are read.
pub(super) fn with_policy<'a>(options: &Options, files: impl Iterator<Item = &'a str>) -> Option<Diagnostic> {
    let files: Vec<(&str, &Path)> = files.map(|path| ("a file of the policy", Path::new(path))).collect();
    outputs(options).into_iter().find_map(|(flag, path)| over_input(flag, path, &files))
}

fn outputs(options: &Options) -> Vec<(&'static str, &Path)> {
    let outputs = [
        ("-o", &options.output),
        ("--sbom", &options.sbom),
        ("--report", &options.report),
        ("--attestation", &options.attestation),
        ("--write-baseline", &options.write_baseline),
    ];
    outputs.into_iter().filter_map(|(flag, path)| Some((flag, path.as_deref()?))).collect()
}

fn over_input(flag: &str, path: &Path, inputs: &[(&str, &Path)]) -> Option<Diagnostic> {
    let (what, _) = inputs.iter().find(|(_, input)| host::is_one_file(input, path))?;
    Some(problem(flag, format!("{flag} would overwrite {what} that is read")))
}

fn problem(flag: &str, text: String) -> Diagnostic {
    Diagnostic::new(codes::USAGE_CONFLICT, text).help(format!("give {flag} another file"))
}
