//! audit on one root: collects the readable files, judges them, writes the verdict.

use std::fs::File;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::session::{create_sbom, no_report, not_written, open_sbom};
use super::{Request, not_opened};
use crate::archive::{self, Archive};
use crate::audit::compliance::List;
use crate::audit::{self, Baseline, ImageConfig, State, Subject, Verdict};
use crate::console;
use crate::console::{Console, Format};
use crate::day::Day;
use crate::diag::{Diagnostic, Kind, codes, escape};
use crate::exit::Exit;
use crate::facts::{Facts, Own};
use crate::inventory::sbom::{self, Bom};
use crate::pipeline;
use crate::pipeline::{Source, Unread};
use crate::policy::{Options, Policy, Run};
use crate::report;
use crate::root::{Root, host};
use crate::tree::contents::Contents;
use crate::tree::set::IdSet;

/// Largest baseline read, in bytes: some 200,000 findings.
const LARGEST_BASELINE: usize = 32 << 20;

/// Judge a root, or an archive when there is one.
pub(super) fn run(
    mut policy: Policy,
    options: &Options,
    request: &Request,
    image_config: Option<&[u8]>,
    archive: Option<Archive>,
) -> Exit {
    let console = Console::new(request.volume, request.no_color);
    match attempt(&mut policy, options, request, image_config, archive, &console) {
        Ok(verdict) => {
            if verdict.fails(options.fail_on) {
                Exit::Findings
            } else {
                Exit::Done
            }
        }
        Err(error) => fail(request, &console, &error),
    }
}

/// Say that there is no verdict, in the format of the report too.
pub(super) fn fail(request: &Request, console: &Console, error: &Diagnostic) -> Exit {
    console.say(Kind::Error, error);
    console.phase("nothing was audited");
    // It was said on standard error; if standard output is gone there is no other place for it.
    let _ = console::print_with(|out| report::audit::failed(out, error, request.format));
    Exit::Refused
}

fn attempt(
    policy: &mut Policy,
    options: &Options,
    request: &Request,
    image_config: Option<&[u8]>,
    archive: Option<Archive>,
    console: &Console,
) -> Result<Verdict, Diagnostic> {
    let lists = compliance(options, request)?;
    let baseline = options.baseline.as_deref().map(read_baseline).transpose()?;
    if let Some(path) = options.write_baseline.as_deref().filter(|path| taken(path)) {
        let text = format!("cannot write the baseline {}: it exists", quoted(path));
        return Err(Diagnostic::new(codes::BASELINE, text)
            .help("remove it first, or name another file: harden never overwrites a baseline"));
    }
    let mut report = request.report.as_deref().map(create_report).transpose()?;
    console.phase("examining the root file system");
    let image = image_config.and_then(ImageConfig::parse);
    let today = Day::of(request.epoch.unwrap_or_else(now));
    let (image, baseline) = (image.as_ref(), baseline.as_ref());
    let asked = Asked { request, image, checksums: options.checksums, baseline, today };
    let mut sbom = None;
    // Without a configuration and a command, the tree alone says what it is.
    let unknown = image_config.is_none() && matches!(policy.run, Run::Unknown);
    let not_one = |name: &str, error: Diagnostic| {
        let text = format!("cannot audit {name}: {}", error.text);
        Diagnostic { text, ..error }
    };
    let (mut verdict, bom) = if let Some(Archive { tree, files, notes, .. }) = archive {
        if unknown {
            archive::expect_file_system(&tree, &files).map_err(|error| not_one("the archive", error))?;
        }
        sbom = request.sbom.as_deref().map(create_sbom).transpose()?;
        judge(Source::archive(tree, &files), &files, policy, asked, notes)?
    } else {
        let own = own(request, report.as_ref());
        let root = Root::open(request.root.as_deref().unwrap_or("/").as_bytes()).map_err(|error| not_opened(&error))?;
        if let Some(path) = &request.sbom {
            sbom = Some(open_sbom(&root, path)?);
        }
        let own =
            Own { directory: (root.is_running_root() && request.root.is_none()).then(host::current_directory), ..own };
        let (tree, skipped) = root.walk_readable().map_err(|error| not_opened(&error))?;
        if unknown {
            let name = quoted(Path::new(request.root.as_deref().unwrap_or("/")));
            archive::expect_file_system(&tree, &root)
                .map_err(|error| not_one(&format!("the directory {name}"), error))?;
        }
        let notes = skipped.iter().map(|(_, error)| format!("not examined: {error}")).collect();
        judge(Source::root(&root, tree, &own), &root, policy, asked, notes)?
    };
    if let (Some(file), Some(bom)) = (&mut sbom, &bom) {
        report::json::bill(file, bom)
            .map_err(|error| Diagnostic::new(codes::SBOM, format!("cannot write the bill of materials: {error}")))?;
    }
    if let Some(path) = options.write_baseline.as_deref() {
        write_baseline(path, &mut verdict)?;
    }
    let level = options.fail_on;
    let write = |out: &mut dyn std::io::Write, format| match &lists {
        Some(lists) if has_controls(format) => report::compliance::write(out, &verdict, format, level, lists),
        _ => report::audit::write(out, &verdict, format, level, request.volume),
    };
    let written = report.as_mut().zip(request.report_format()).map_or(Ok(()), |(file, format)| write(file, format));
    let written = written.and_then(|()| console::print_with(|out| write(out, request.format)));
    written.map_err(|error| not_written(&error))?;
    Ok(verdict)
}

/// Whether controls can be shown in a format.
fn has_controls(format: Format) -> bool {
    matches!(format, Format::Text | Format::Json | Format::Junit | Format::Html)
}

/// The lists of `--compliance`.
fn compliance(options: &Options, request: &Request) -> Result<Option<Vec<List>>, Diagnostic> {
    let Some(given) = &options.compliance else { return Ok(None) };
    let Some(lists) = List::parse(&given.text) else {
        let text = format!("{} is not a list of controls", escape::quoted(given.text.as_bytes()));
        return Err(Diagnostic::at(codes::VALUE, &given.origin, text).help("write cis-docker, stig, dockle or all"));
    };
    if !has_controls(request.format) {
        let text = "the report in this format has no list of controls";
        return Err(
            Diagnostic::at(codes::USAGE_CONFLICT, &given.origin, text).help("write --format text, json, junit or html")
        );
    }
    Ok(Some(lists))
}

/// Files of this run itself. Asked for before the tree is read: from there on nothing is asked by its path.
fn own(request: &Request, report: Option<&File>) -> Own {
    Own {
        program: host::this_program(),
        config: request.configuration().filter_map(host::inode_of).collect(),
        report: report.and_then(host::inode),
        ..Own::default()
    }
}

/// What a verdict is asked for, besides the policy.
#[derive(Clone, Copy)]
struct Asked<'a> {
    request: &'a Request,
    image: Option<&'a ImageConfig>,
    checksums: bool,
    baseline: Option<&'a Baseline>,
    today: Day,
}

/// Judge a source. What apply would still change is part of it when the policy says who runs what.
fn judge(
    source: Source<'_>,
    contents: &dyn Contents,
    policy: &mut Policy,
    asked: Asked<'_>,
    notes: Vec<String>,
) -> Result<(Verdict, Option<Bom>), Diagnostic> {
    let Asked { request, image, checksums, baseline, today } = asked;
    // Of what is there, whatever apply would remove.
    let bom = |facts: &Facts| {
        let bom = request.sbom.is_some().then(|| sbom::of(facts, contents, &IdSet::default(), &|_| None)).transpose();
        bom.map_err(|error| Unread::because(&error))
    };
    let verdict = |subject: &Subject<'_>, notes| {
        let judged = request.named(&subject.facts.os.pretty_name);
        Verdict { judged, ..audit::judge(subject, notes, baseline, today) }
    };
    let survey = pipeline::survey(source, policy).map_err(Diagnostic::from)?;
    let found = if policy.user.is_none() || matches!(policy.run, Run::Unknown) {
        let subject = Subject {
            image,
            checksums,
            unmet: &survey.closure.refusals,
            ..Subject::new(&survey.facts, contents, policy)
        };
        (verdict(&subject, notes), bom(&survey.facts)?)
    } else {
        let examined = pipeline::examine(survey, contents, policy).map_err(Diagnostic::from)?;
        let subject = Subject {
            image,
            checksums,
            kept: Some(&examined.closure),
            unmet: &examined.closure.refusals,
            plan: Some(&examined.plan),
            ..Subject::new(&examined.facts, contents, policy)
        };
        (verdict(&subject, notes), bom(&examined.facts)?)
    };
    pipeline::read(contents, found).map_err(Diagnostic::from)
}

fn read_baseline(path: &Path) -> Result<Baseline, Diagnostic> {
    let fault = |cause: String| {
        let text = format!("cannot read the baseline {}: {cause}", quoted(path));
        Diagnostic::new(codes::BASELINE, text).help("name a file that --write-baseline wrote")
    };
    let bytes = host::read_start(path, LARGEST_BASELINE + 1).map_err(|error| fault(error.to_string()))?;
    if bytes.len() > LARGEST_BASELINE {
        return Err(fault(format!("it is larger than {LARGEST_BASELINE} bytes")));
    }
    Baseline::parse(&bytes).map_err(|error| fault(error.to_string()))
}

/// Everything found is accepted from now on, this run included.
fn write_baseline(path: &Path, verdict: &mut Verdict) -> Result<(), Diagnostic> {
    host::write_new(path, Baseline::write(verdict).as_bytes()).map_err(|error| {
        let text = format!("cannot write the baseline {}: {error}", quoted(path));
        Diagnostic::new(codes::BASELINE, text).help("name a file in a directory that exists")
    })?;
    for finding in verdict.findings.iter_mut().filter(|finding| finding.counts()) {
        finding.state = State::Baseline;
    }
    Ok(())
}

fn create_report(path: &str) -> Result<File, Diagnostic> {
    host::create(path).map_err(|error| no_report(path, &error))
}

fn taken(path: &Path) -> bool {
    path.to_str().is_some_and(host::exists)
}

fn quoted(path: &Path) -> String {
    escape::quoted(path.as_os_str().as_encoded_bytes())
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
