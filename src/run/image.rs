//! image: an archive in, the plan applied to its tree, an archive out.

use std::path::{Path, PathBuf};

use super::Request;
use super::session::{create_sbom, no_report, not_written};
use crate::archive::{Archive, Compression, ImageFacts, Wanted};
use crate::console::{self, Console, Format, Volume};
use crate::diag::escape::{self, quoted};
use crate::diag::{Diagnostic, Kind, codes};
use crate::digest::Digest;
use crate::exit::Exit;
use crate::image::{Fault, Hardened, Images, WHITEOUT, Written, settings};
use crate::inventory::changed;
use crate::inventory::evidence::{self, Evidence, Input};
use crate::inventory::sbom;
use crate::pipeline::{self, Examined, Source, Unread};
use crate::policy::{Options, Policy, Start};
use crate::report;
use crate::report::json::{Check, Outcome, State, Status};
use crate::report::runtime::{self, Runtime};
use crate::root::host;
use crate::root::result_stream::ResultStream;

/// Say that nothing was written.
pub(super) fn refuse(console: &Console, error: &Diagnostic) -> Exit {
    console.say(Kind::Refused, error);
    console.phase("no image was written");
    Exit::Refused
}

/// Makes the policy for the image whose configuration the options hold.
pub(super) type Load<'a> = dyn Fn(&Options) -> Result<Policy, Exit> + 'a;

/// Harden the image of an archive: each platform of it, when there are several and none was asked for.
pub(super) fn run(
    policy: Policy,
    mut options: Options,
    request: &Request,
    config: Option<&[u8]>,
    archive: Option<Archive>,
    directories: &[PathBuf],
    load: &Load<'_>,
) -> Exit {
    let console = Console::new(request.volume, request.no_color);
    match attempt(policy, &mut options, request, config, archive, directories, load, &console) {
        Ok(exit) => exit,
        Err(Stopped::Said(exit)) => exit,
        Err(Stopped::Refused(error)) => refuse(&console, &error),
        Err(Stopped::Failed(error)) => {
            console.say(Kind::Failed, &error);
            console.phase("no image was written");
            Exit::Failed
        }
    }
}

/// Why there is no image.
enum Stopped {
    /// Nothing was begun.
    Refused(Diagnostic),
    /// It could not be written to its end.
    Failed(Diagnostic),
    /// What is wrong was said already.
    Said(Exit),
}

impl From<Diagnostic> for Stopped {
    fn from(error: Diagnostic) -> Self {
        Self::Refused(error)
    }
}

#[allow(clippy::too_many_arguments, reason = "what a command gets, and what it says it with")]
fn attempt(
    mut policy: Policy,
    options: &mut Options,
    request: &Request,
    config: Option<&[u8]>,
    archive: Option<Archive>,
    directories: &[PathBuf],
    load: &Load<'_>,
    console: &Console,
) -> Result<Exit, Stopped> {
    let output = options.output.clone().filter(|path| *path != Path::new("-"));
    let output = output.as_deref();
    if output.is_none() && host::stdout_is_terminal() {
        let text = "the hardened image would be written to the terminal";
        let error = Diagnostic::new(codes::USAGE_CONFLICT, text);
        return Err(error.help("give -o FILE, or a pipe: harden image app.tar | docker load").into());
    }
    if output.is_none() && request.format != Format::Text {
        let word = match request.format {
            Format::Html => "html",
            Format::Markdown => "markdown",
            _ => "json",
        };
        let text = format!("--format {word} and the image both go to standard output");
        let error = Diagnostic::new(codes::USAGE_CONFLICT, text);
        return Err(error.help("give -o FILE for the image, or --report FILE for the report").into());
    }
    let Some(archive) = archive else {
        return Err(Diagnostic::new(codes::ARCHIVE_EMPTY, "no archive was read").into());
    };
    let platforms = archive.image.as_ref().map(|image| image.platforms.clone()).unwrap_or_default();
    let mut place = Output { path: output, directories, begun: None, index: None };
    // Nothing is done for an image that has no place.
    place.begun = Some(place.begin().map_err(|error| {
        cannot_write(output, &error).help(match output {
            Some(_) => "give -o a file in a directory that exists and that you can write in",
            None => "set TMPDIR to a directory with room for the image",
        })
    })?);
    let mut attestation = options.attestation.as_deref().map(create_attestation).transpose()?;
    let mut evidence = Vec::new();
    // Of the first name: the others name the same image.
    let name = options.tag.as_ref().map(|tag| tag.text.clone());
    let name = name.or_else(|| archive.image.as_ref()?.names.first().cloned());
    let mut attest = |exit: Exit, evidence: &[Evidence], place: &Output<'_>| match &mut attestation {
        Some(file) if exit == Exit::Done => {
            let written = report::attestation::write(file, name.as_deref(), place.index.as_deref(), evidence);
            written.map(|()| exit).map_err(|error| {
                console.say(Kind::Failed, &no_attestation(&error));
                Stopped::Said(Exit::Failed)
            })
        }
        _ => Ok(exit),
    };
    let Some((first, others)) = platforms.split_first() else {
        let exit = one(&mut policy, options, request, config, archive, &mut place, true, &mut evidence, console)?;
        return attest(exit, &evidence, &place);
    };
    if request.report.is_some() || request.sbom.is_some() || request.format != Format::Text {
        let text = "a report or a bill of materials is of one platform, and the archive holds the image for several";
        let all: Vec<String> = platforms.iter().map(ToString::to_string).collect();
        let error = Diagnostic::new(codes::USAGE_CONFLICT, text);
        return Err(error.help(format!("give --platform one of {}", all.join(", "))).into());
    }
    let input = archive.files.input();
    console.phase(&format!("the image for {first}"));
    let mut exit = one(&mut policy, options, request, config, archive, &mut place, false, &mut evidence, console)?;
    for (at, platform) in others.iter().enumerate() {
        if exit != Exit::Done {
            break;
        }
        console.phase(&format!("the image for {platform}"));
        let mut archive = input.clone().read(Some(platform), Wanted { whole: true, ..Wanted::default() })?;
        options.archive_config = archive.config.take();
        policy = load(options).map_err(Stopped::Said)?;
        let last = at + 1 == others.len();
        exit = one(&mut policy, options, request, None, archive, &mut place, last, &mut evidence, console)?;
    }
    attest(exit, &evidence, &place)
}

/// Harden the image of one platform. `last`: no other one follows. The evidence comes to that of the others, if it is asked
/// for.
#[allow(clippy::too_many_arguments, reason = "what a command gets, and what it says it with")]
fn one(
    policy: &mut Policy,
    options: &Options,
    request: &Request,
    config: Option<&[u8]>,
    Archive { tree, files, image, notes, .. }: Archive,
    place: &mut Output<'_>,
    last: bool,
    evidence: &mut Vec<Evidence>,
    console: &Console,
) -> Result<Exit, Stopped> {
    // What --image-config says is for the policy, where the archive has a configuration of its own.
    let Some(config) = options.archive_config.as_deref().or(config) else {
        let text = "the archive is a file system without the configuration of an image";
        let help = "give the output of docker save, or --image-config with the output of docker inspect";
        return Err(Diagnostic::new(codes::ARCHIVE_IMAGE, text).help(help).into());
    };
    for note in notes {
        console.phase(&note);
    }
    let facts = image.unwrap_or_default();
    if options.keep_layers && facts.layers.is_empty() {
        let error = Diagnostic::new(codes::USAGE_CONFLICT, "--keep-layers: the archive has no layers to keep");
        return Err(error.help("give the output of docker save, or leave --keep-layers out").into());
    }
    let compression = compression(options, &facts)?;
    if !facts.attached.is_empty() {
        let all: Vec<String> = facts.attached.iter().map(|digest| escape::quoted(digest.as_bytes())).collect();
        console.phase(&format!(
            "attestations and signatures of the input do not fit the output and are left out: {}",
            all.join(", ")
        ));
    }
    let mut report_file = request
        .report
        .as_deref()
        .map(|path| host::create(path).map_err(|error| no_report(path, &error)))
        .transpose()?;
    let mut sbom_file = request.sbom.as_deref().map(create_sbom).transpose()?;
    console.phase("examining the root file system");
    let survey = pipeline::survey(Source::archive(tree, &files), policy).map_err(Diagnostic::from)?;
    let (examined, switched_off) = if request.writes(Format::Html) {
        pipeline::examine_all(survey, &files, policy).map_err(Diagnostic::from)?
    } else {
        (pipeline::examine(survey, &files, policy).map_err(Diagnostic::from)?, Vec::new())
    };
    files.expect_size(&examined.facts.tree)?;
    expect_names(&examined)?;
    let refused = !examined.plan.refusals.is_empty();
    let changed = if request.writes(Format::Json) { changed::changed(&examined, &files) } else { Vec::new() };
    let bom = (sbom_file.is_some() && !refused).then(|| {
        let (removed, rewritten) = (examined.plan.removed(), |id| examined.plan.new_content(id));
        sbom::of(&examined.facts, &files, &removed, &rewritten).map_err(|error| Unread::because(&error))
    });
    let bom = bom.transpose()?;
    let made_of = MadeOf::new(config, policy);
    let mut found = None;
    if !refused && (options.attestation.is_some() || request.writes(Format::Json)) {
        let unread = |error: anyhow::Error| Unread::because(&error);
        let input = Input {
            archive: files.digest().map_err(unread)?,
            manifest: facts.manifest.clone(),
            config: made_of.config.clone(),
        };
        let (policy, binary) = (made_of.policy.clone(), made_of.binary.clone());
        found = Some(Evidence::of(&examined, &files, Some(input), policy, binary).map_err(unread)?);
    }
    pipeline::read(&files, ()).map_err(Diagnostic::from)?;
    let total = examined.plan.steps.len() + examined.plan.last.len();
    let mut failure = None;
    if !refused {
        warn_of_build_steps(config, console);
        console.phase(&format!("writing the image with {} changes", examined.plan.records.len()));
        let names = options.tag.as_ref().map_or(facts.names.clone(), |tag| vec![tag.text.clone()]);
        if names.is_empty() {
            console.phase("the input does not name its image: --tag NAME gives the hardened one a name");
        }
        let hardened = Hardened {
            tree: &examined.facts.tree,
            files: &files,
            plan: &examined.plan,
            config,
            epoch: request.epoch,
            user: user(&examined, policy, config),
            names,
            oci: facts.oci,
            compression,
            kept: options.keep_layers.then_some(&facts),
            annotations: made_of.annotations(),
        };
        match place.write(&hardened, last) {
            Ok(written) => found = found.map(|found| Evidence { output: Some(written), ..found }),
            Err(error) => failure = Some(error),
        }
    }
    let (state, exit) = match (&failure, refused) {
        (_, true) => (State::Refused, Exit::Refused),
        (Some(_), false) => (State::Failed, Exit::Failed),
        (None, false) => (State::Applied, Exit::Done),
    };
    let done = if exit == Exit::Done { total } else { 0 };
    let status = Status {
        command: "image",
        state,
        exit,
        done,
        open: total - done,
        failure: failure.clone(),
        checks: checks(policy),
    };
    let runtime = Runtime::of(&examined, policy);
    let judged = request.named(&examined.facts.os.pretty_name);
    let planned = report::html::Planned {
        examined: &examined,
        policy,
        switched_off: &switched_off,
        runtime: &runtime,
        status: &status,
        judged: &judged,
    };
    let write = |out: &mut dyn std::io::Write, format| match format {
        Format::Html => report::html::plan(out, &planned),
        Format::Markdown => report::markdown::plan(out, &planned),
        Format::Text => out.write_all(report::text::document(&examined, &runtime, &status, request.volume).as_bytes()),
        _ => report::json::document(out, &examined, &changed, found.as_ref(), &runtime, &status),
    };
    let mut written = || -> std::io::Result<()> {
        if let (Some(file), Some(bom), true) = (&mut sbom_file, &bom, exit == Exit::Done) {
            report::json::bill(file, bom)?;
        }
        if let (Some(file), Some(format)) = (&mut report_file, request.report_format()) {
            write(file, format)?;
        }
        if request.format != Format::Text {
            return console::print_with(|out| write(out, request.format));
        }
        if request.volume == Volume::Quiet {
            return Ok(());
        }
        let text = report::text::document(&examined, &runtime, &status, request.volume);
        // Standard output is the image's where no file was named, also when there is none: `docker load` reads it.
        if place.path.is_some() {
            return console::print(&text);
        }
        console.text(&text);
        Ok(())
    };
    let written = written();
    // Last, where they are seen.
    let warnings = if refused { &[][..] } else { &examined.plan.warnings };
    console.warnings(warnings);
    for message in &examined.plan.refusals {
        console.say(Kind::Refused, message);
    }
    if refused {
        if request.config.is_none() {
            let text = "harden init --tar FILE > harden.toml writes a policy that fits; edit it, and give it with --config harden.toml";
            console.phase(text);
        }
        console.phase("no image was written");
    }
    if let Err(error) = &written {
        console.say(Kind::Failed, &not_written(error));
    }
    evidence.extend(found);
    match failure {
        Some(failure) => Err(Stopped::Failed(failure)),
        // The image is there.
        None if written.is_err() => Err(Stopped::Said(Exit::Failed)),
        None => Ok(exit),
    }
}

/// Where the image goes.
struct Output<'a> {
    /// `None`: standard output.
    path: Option<&'a Path>,
    /// Directories for a temporary file.
    directories: &'a [PathBuf],
    begun: Option<(ResultStream, Images)>,
    /// The digest of the index of several platforms, when it is written.
    index: Option<String>,
}

impl Output<'_> {
    fn begin(&self) -> std::io::Result<(ResultStream, Images)> {
        let stream = ResultStream::begin(self.path, self.directories)?;
        let images = Images::begin(stream.file.try_clone()?)?;
        Ok((stream, images))
    }

    /// Write the image of one platform; `last`: and put the archive into its place.
    fn write(&mut self, hardened: &Hardened<'_>, last: bool) -> Result<Written, Diagnostic> {
        let (begun, path) = (self.begun.take(), self.path);
        let failed = |error: &std::io::Error| {
            cannot_write(path, error)
                .help("free space, or give -o a file in a directory with room; no part of the image was left behind")
        };
        let fault = |fault| match fault {
            Fault::Write(error) => failed(&error),
            Fault::Read(cause) => {
                let text = format!("cannot read the archive again: {cause}");
                Diagnostic::new(codes::ARCHIVE_READ, text).help("make sure that nothing changes it meanwhile")
            }
            Fault::Config => {
                let text = "the image's configuration is not a JSON object";
                Diagnostic::new(codes::IMAGE_CONFIG, text).help("write the archive again with docker save")
            }
        };
        let (stream, mut images) = match begun {
            Some(begun) => begun,
            None => self.begin().map_err(|error| failed(&error))?,
        };
        let written = images.add(hardened).map_err(fault)?;
        if !last {
            self.begun = Some((stream, images));
            return Ok(written);
        }
        self.index = images.finish().map_err(fault)?;
        stream.finish().map_err(|error| failed(&error))?;
        Ok(written)
    }
}

fn cannot_write(path: Option<&Path>, cause: &std::io::Error) -> Diagnostic {
    let place = path.map(|path| escape::quoted(path.as_os_str().as_encoded_bytes()));
    let place = place.as_deref().unwrap_or("standard output");
    Diagnostic::new(codes::ARCHIVE_WRITE, format!("cannot write the image to {place}: {cause}"))
}

/// See that every entry that is left has a name that a layer can have: an exported file system may have others.
fn expect_names(examined: &Examined) -> Result<(), Diagnostic> {
    let (tree, removed) = (&examined.facts.tree, examined.plan.removed());
    let Some(id) = tree.ids().find(|&id| tree.name(id).starts_with(WHITEOUT) && !removed.contains(id)) else {
        return Ok(());
    };
    let text =
        format!("{} cannot be in the layer of an image: such a name takes another entry away", quoted(&tree.path(id)));
    Err(Diagnostic::new(codes::ARCHIVE_ENTRY, text)
        .help("remove it, or give it another name, and export the container again"))
}

/// How the layer is stored: as asked for, else as in the input.
fn compression(options: &Options, facts: &ImageFacts) -> Result<Compression, Diagnostic> {
    match options.compress.as_ref().map(|given| (given.text.as_str(), given)) {
        Some(("none", _)) => Ok(Compression::None),
        Some(("gzip", _)) => Ok(Compression::Gzip),
        Some(("zstd", _)) => Ok(Compression::Zstd),
        Some((other, given)) => {
            let text = format!("{} is not a compression that harden writes", escape::quoted(other.as_bytes()));
            Err(Diagnostic::at(codes::VALUE, &given.origin, text).help("write gzip, zstd or none"))
        }
        None => Ok(facts.compression()),
    }
}

/// `config.User` of the hardened image. It stays where the image starts as root, and where it names the account by its
/// number; else it is the number.
fn user(examined: &Examined, policy: &Policy, config: &[u8]) -> String {
    let settings = settings(config);
    let old = settings.get("User").and_then(|user| user.as_str()).unwrap_or_default().to_owned();
    let Some(run) = examined.ids.run().filter(|_| policy.start != Start::Root) else { return old };
    let (name, group) = old.split_once(':').map_or((old.as_str(), None), |(name, group)| (name, Some(group)));
    if name.parse() == Ok(run.uid) && group.is_none_or(|group| group.parse() == Ok(run.gid)) {
        return old;
    }
    runtime::user(examined, policy, run)
}

/// What an image is made of: SHA-256 in hexadecimal digits.
struct MadeOf {
    /// Of the input's configuration.
    config: String,
    policy: String,
    /// Of this program, where it can be read.
    binary: Option<String>,
}

impl MadeOf {
    fn new(config: &[u8], policy: &Policy) -> Self {
        Self { config: Digest::of(config), policy: evidence::of_policy(policy), binary: evidence::of_this_program() }
    }

    /// For whoever looks at the image later.
    fn annotations(&self) -> Vec<(&'static str, String)> {
        let sha256 = |digest: &str| format!("sha256:{digest}");
        let mut all = vec![
            ("io.github.harden.source.config", sha256(&self.config)),
            ("io.github.harden.policy", sha256(&self.policy)),
            ("io.github.harden.version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        all.extend(self.binary.as_deref().map(|binary| ("io.github.harden.binary", sha256(binary))));
        all
    }
}

fn create_attestation(path: &Path) -> Result<std::fs::File, Diagnostic> {
    let shown = path.to_string_lossy();
    host::create(&shown).map_err(|error| {
        let text = format!("cannot write the attestation to {}: {error}", escape::quoted(shown.as_bytes()));
        Diagnostic::new(codes::ATTESTATION, text).help("give --attestation a file in a directory that exists")
    })
}

fn no_attestation(error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(codes::ATTESTATION, format!("cannot write the attestation: {error}"))
        .help("free space; the image is written, and running harden again writes the same one")
}

/// Steps that engines take when the image is built upon: they may need what is gone.
fn warn_of_build_steps(config: &[u8], console: &Console) {
    let settings = settings(config);
    let steps = settings.get("OnBuild").and_then(|steps| steps.as_array());
    if steps.is_some_and(|steps| !steps.is_empty()) {
        let text = "the image has ONBUILD steps, which run programs of it in later builds";
        let warning = Diagnostic::new(codes::IMAGE_ONBUILD, text);
        console.say(
            Kind::Warning,
            &warning.help("keep the programs that they run, or build on the image that was not hardened"),
        );
    }
}

fn checks(policy: &Policy) -> Vec<Check> {
    let check = |check: &crate::policy::Check| Check {
        command: check.argv.clone(),
        tcp: check.tcp,
        starts: check.starts,
        timeout: check.timeout,
        state: Outcome::NotRun,
    };
    policy.checks.iter().map(check).collect()
}
