//! audit on one root: collect what may be read, judge it, write the verdict.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Request;
use crate::archive::{self, Archive};
use crate::audit::{self, Baseline, Day, ImageConfig, Severity, State, Subject, Verdict};
use crate::cli::Level;
use crate::closure::{Closure, Input};
use crate::exit::Exit;
use crate::facts::{Contents, Facts, Own};
use crate::pipeline;
use crate::policy::{Environment, Options, Policy, Run, did_you_mean};
use crate::report::{self, Console, escape};
use crate::root::{Root, host};
use crate::rules::accounts::nologin;

/// Largest baseline read, in bytes: some 200,000 findings.
const LARGEST_BASELINE: usize = 32 << 20;

/// Read the archive of `--tar`.
pub(super) fn archive(path: &Path, environment: &Environment, request: &Request) -> Result<Archive, Exit> {
    let console = Console::new(request.volume, request.no_color);
    console.phase("reading the archive");
    let name = if path == Path::new("-") { "standard input".to_owned() } else { quoted(path) };
    let fault = |cause: String, help| fail(request, &console, (format!("cannot judge {name}: {cause}"), help));
    let file = if path == Path::new("-") { host::stdin() } else { host::open(path) };
    let file = file.map_err(|error| fault(error.to_string(), "give --tar a file, or - for standard input"))?;
    let given = environment.get(OsStr::new("TMPDIR")).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directories = given.into_iter().chain(["/var/tmp".into(), "/tmp".into()]);
    archive::read(file, directories.collect()).map_err(|error| fault(error.text, error.help))
}

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
            if verdict.fails(severity(options.fail_on)) {
                Exit::Findings
            } else {
                Exit::Done
            }
        }
        Err(fault) => fail(request, &console, fault),
    }
}

/// Say that there is no verdict, in the format of the report too.
fn fail(request: &Request, console: &Console, (text, help): Fault) -> Exit {
    console.message("failed", &text, help);
    console.phase("nothing was judged");
    // It was said on standard error; if standard output is gone there is nobody else to tell.
    let _ = report::print_with(|out| report::audit::failed(out, &text, request.format));
    Exit::Refused
}

/// What went wrong with the audit itself, and what to do about it.
type Fault = (String, &'static str);

fn attempt(
    policy: &mut Policy,
    options: &Options,
    request: &Request,
    image_config: Option<&[u8]>,
    archive: Option<Archive>,
    console: &Console,
) -> Result<Verdict, Fault> {
    let baseline = options.baseline.as_deref().map(read_baseline).transpose()?;
    if let Some(path) = options.write_baseline.as_deref().filter(|path| taken(path)) {
        return Err((
            format!("cannot write the baseline {}: it exists", quoted(path)),
            "remove it first, or name another file: a baseline is never overwritten",
        ));
    }
    let mut report = request.report.as_deref().map(create_report).transpose()?;
    console.phase("examining the root file system");
    let image = image_config.and_then(ImageConfig::parse);
    let today = Day::of(request.epoch.unwrap_or_else(now));
    let (image, baseline, checksums) = (image.as_ref(), baseline.as_ref(), options.checksums);
    let mut verdict = if let Some(Archive { tree, files, .. }) = archive {
        let facts = Facts::of(tree, &files, policy);
        let verdict = judge(facts, &files, policy, (image, checksums), Vec::new(), baseline, today);
        if let Some(cause) = files.take_unread() {
            return Err((format!("cannot read the archive: {cause}"), "let nothing change it meanwhile"));
        }
        verdict
    } else {
        directory(policy, request, report.as_ref(), |facts, root, policy, notes| {
            judge(facts, root, policy, (image, checksums), notes, baseline, today)
        })?
    };
    if let Some(path) = options.write_baseline.as_deref() {
        write_baseline(path, &mut verdict)?;
    }
    let level = severity(options.fail_on);
    let write = |out: &mut dyn std::io::Write, format| report::audit::write(out, &verdict, format, level, request);
    let written = report.as_mut().map_or(Ok(()), |file| write(file, report::Format::Json));
    let written = written.and_then(|()| report::print_with(|out| write(out, request.format)));
    written.map_err(|error| (format!("cannot write the report: {error}"), ""))?;
    Ok(verdict)
}

/// Collect what may be read of a directory, and have it judged.
fn directory(
    policy: &mut Policy,
    request: &Request,
    report: Option<&File>,
    judge: impl FnOnce(Facts, &Root, &mut Policy, Vec<String>) -> Verdict,
) -> Result<Verdict, Fault> {
    // Before the tree is read: from there on nothing is asked by its path.
    let own = Own {
        program: host::this_program(),
        config: request.config.as_deref().and_then(host::inode_of),
        report: report.and_then(host::inode),
        ..Own::default()
    };
    let help = "give --root the directory that holds the file system";
    let root = Root::open(request.root.as_deref().unwrap_or("/").as_bytes()).map_err(|e| (e.to_string(), help))?;
    let (tree, skipped) = root.walk_readable().map_err(|error| (error.to_string(), help))?;
    let notes = skipped.iter().map(|(_, error)| format!("not looked at: {error}")).collect();
    if root.is_running_root() && request.root.is_none() && policy.workdir.is_none() {
        policy.workdir = Some(host::current_directory());
    }
    let mut facts = Facts::of(tree, &root, policy);
    facts.running = root.is_running_root();
    facts.find_own(&root, &own);
    let verdict = judge(facts, &root, policy, notes);
    match root.take_unread() {
        Some(error) => Err((error.to_string(), "mend the file system, and let nothing else change the tree meanwhile")),
        None => Ok(verdict),
    }
}

/// Judge facts, wherever they come from. What apply would still change is part of it when the policy says who runs what.
pub(super) fn judge(
    facts: Facts,
    contents: &dyn Contents,
    policy: &mut Policy,
    (image, checksums): (Option<&ImageConfig>, bool),
    notes: Vec<String>,
    baseline: Option<&Baseline>,
    today: Day,
) -> Verdict {
    if policy.user.is_none() || matches!(policy.run, Run::Unknown) {
        let subject = Subject { image, checksums, ..Subject::new(&facts, contents, policy) };
        return audit::judge(&subject, notes, baseline, today);
    }
    *policy = pipeline::with_kept_paths(&facts, contents, std::mem::take(policy));
    let nologin = nologin::path(&facts);
    let closure = Closure::compute(&Input {
        tree: &facts.tree,
        contents,
        commands: &facts.commands,
        policy,
        nologin: Some(&nologin),
        suggest: &|word, names| did_you_mean(word, names.iter().map(String::as_str)).map(str::to_owned),
    });
    let examined = pipeline::examine(facts, closure, contents, policy);
    let subject = Subject {
        image,
        checksums,
        kept: Some(&examined.closure),
        plan: Some(&examined.plan),
        ..Subject::new(&examined.facts, contents, policy)
    };
    audit::judge(&subject, notes, baseline, today)
}

const fn severity(level: Level) -> Severity {
    match level {
        Level::Info => Severity::Info,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High => Severity::High,
    }
}

fn read_baseline(path: &Path) -> Result<Baseline, Fault> {
    let fault = |cause: String| {
        (format!("cannot read the baseline {}: {cause}", quoted(path)), "name a file that --write-baseline wrote")
    };
    let bytes = host::read_start(path, LARGEST_BASELINE + 1).map_err(|error| fault(error.to_string()))?;
    if bytes.len() > LARGEST_BASELINE {
        return Err(fault(format!("it is larger than {LARGEST_BASELINE} bytes")));
    }
    Baseline::parse(&bytes).map_err(fault)
}

/// Everything found is accepted from now on, this run included.
fn write_baseline(path: &Path, verdict: &mut Verdict) -> Result<(), Fault> {
    host::write_new(path, Baseline::write(verdict).as_bytes()).map_err(|error| {
        (format!("cannot write the baseline {}: {error}", quoted(path)), "name a file in a directory that exists")
    })?;
    for finding in verdict.findings.iter_mut().filter(|finding| finding.counts()) {
        finding.state = State::Baseline;
    }
    Ok(())
}

fn create_report(path: &str) -> Result<File, Fault> {
    host::create(path).map_err(|error| {
        let path = escape::quoted(path.as_bytes());
        (format!("cannot write the report to {path}: {error}"), "give --report a file in a directory that exists")
    })
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
