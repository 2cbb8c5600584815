//! apply, plan and explain: examine, refuse or change, check the result, remove this program. plan and explain work on an
//! archive, too.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use super::{Request, not_opened};
use crate::apply;
use crate::archive::{Archive, Files, Past};
use crate::check::{self, First, Judge, Runner, Setup};
use crate::console;
use crate::console::{Console, Format, Volume};
use crate::diag::{Diagnostic, Kind, codes, escape};
use crate::exit::Exit;
use crate::explain::{Answer, Explainer, Fate};
use crate::facts::Own;
use crate::guards;
use crate::inventory::changed::{self, Changed};
use crate::inventory::evidence::{self, Evidence};
use crate::inventory::sbom::{self, Bom};
use crate::pipeline::{self, Examined, Source, Survey, SwitchedOff, Unread};
use crate::policy::{Policy, Run};
use crate::report;
use crate::report::json::{Check, Outcome, State, Status};
use crate::report::runtime::Runtime;
use crate::root::{Root, host};
use crate::stop::Stop;
use crate::tree::contents::Contents;
use crate::tree::{Meta, Tree};

/// Carry out what is done with the root that the command line names, or with the archive if there is one.
pub(super) fn on(
    policy: Policy,
    request: &Request,
    archive: Option<Archive>,
    go: impl FnOnce(Session<'_>) -> Exit,
) -> Exit {
    let Some(archive) = archive else {
        return with_root(request, |root| {
            Session::new(policy, request, Place::root(root, request)).map_or_else(|exit| exit, go)
        });
    };
    super::archive::announce(&archive, &Console::new(request.volume, request.no_color));
    let Archive { tree, files, past, .. } = archive;
    let place = Place::Archive { tree, files: &files, past: past.as_ref() };
    Session::new(policy, request, place).map_or_else(|exit| exit, go)
}

/// Harden the root.
pub(super) fn apply(policy: Policy, request: &Request, stop: &Stop) -> Exit {
    with_root(request, |root| {
        let session = Session::new(policy, request, Place::root(root, request));
        session.map_or_else(|exit| exit, |session| session.apply(root, stop))
    })
}

fn with_root(request: &Request, go: impl FnOnce(&Root) -> Exit) -> Exit {
    match Root::open(request.root.as_deref().unwrap_or("/").as_bytes()) {
        Ok(root) => go(&root),
        Err(error) => refuse(&Console::new(request.volume, request.no_color), &not_opened(&error)),
    }
}

/// Say why nothing is done.
pub(super) fn refuse(console: &Console, error: &Diagnostic) -> Exit {
    console.say(Kind::Refused, error);
    console.phase("nothing was changed");
    Exit::Refused
}

/// Where the tree comes from.
enum Place<'a> {
    /// A root, and the files of this run that may lie in it.
    Root(&'a Root, Own),
    /// An archive, and what the layers of its image took away.
    Archive { tree: Tree, files: &'a Files, past: Option<&'a Past> },
}

impl<'a> Place<'a> {
    fn root(root: &'a Root, request: &Request) -> Self {
        let here = root.is_running_root() && request.root.is_none();
        let own = Own {
            directory: here.then(host::current_directory),
            program: host::this_program(),
            config: request.configuration().filter_map(host::inode_of).collect(),
            config_paths: request
                .configuration()
                .map(|path| host::canonical(std::path::Path::new(path)).into_os_string().into_encoded_bytes())
                .collect(),
            report: None,
        };
        Self::Root(root, own)
    }

    fn contents(&self) -> &'a dyn Contents {
        match self {
            Self::Root(root, _) => *root,
            Self::Archive { files, .. } => *files,
        }
    }
}

/// One root or archive, open, with everything that a command needs to work on it.
pub(super) struct Session<'a> {
    policy: Policy,
    request: &'a Request,
    console: Console,
    place: Place<'a>,
    report: Option<std::fs::File>,
    sbom: Option<std::fs::File>,
    /// What changed files held and hold, when a report was asked for.
    files: Vec<Changed>,
    /// Digests of what goes, when they were asked for.
    evidence: Option<Evidence>,
    /// What is left, when it was asked for.
    bom: Option<Bom>,
    /// The checks and what became of them.
    checks: Vec<Check>,
    /// What rules would remove that are switched off, when a report for a browser was asked for.
    switched_off: SwitchedOff,
}

impl<'a> Session<'a> {
    fn new(policy: Policy, request: &'a Request, mut place: Place<'a>) -> Result<Self, Exit> {
        let console = Console::new(request.volume, request.no_color);
        let report = match &request.report {
            None => None,
            Some(path) => Some(host::create(path).map_err(|error| refuse(&console, &no_report(path, &error)))?),
        };
        let sbom = request.sbom.as_deref().map(|path| match &place {
            Place::Root(root, _) => open_sbom(root, path),
            Place::Archive { .. } => create_sbom(path),
        });
        let sbom = sbom.transpose().map_err(|error| refuse(&console, &error))?;
        if let Place::Root(_, own) = &mut place {
            own.report = report.as_ref().and_then(host::inode);
        }
        let checks = policy.checks.iter().map(|check| Check {
            command: check.argv.clone(),
            tcp: check.tcp,
            starts: check.starts,
            timeout: check.timeout,
            state: Outcome::NotRun,
        });
        Ok(Self {
            checks: checks.collect(),
            switched_off: SwitchedOff::new(),
            files: Vec::new(),
            evidence: None,
            bom: None,
            policy,
            request,
            console,
            place,
            report,
            sbom,
        })
    }

    /// Print what apply would do.
    pub(super) fn plan(mut self) -> Exit {
        let examined = match self.examine() {
            Ok(examined) => examined,
            Err(exit) => return exit,
        };
        let refused = !examined.plan.refusals.is_empty();
        if let Err(exit) = self.describe(&examined) {
            return exit;
        }
        let status = Status {
            command: "plan",
            state: if refused { State::Refused } else { State::Planned },
            exit: if refused { Exit::Refused } else { Exit::Done },
            done: 0,
            open: examined.plan.steps.len() + examined.plan.last.len(),
            failure: None,
            checks: self.checks.clone(),
        };
        self.finish(examined, &status)
    }

    /// Harden the root.
    fn apply(mut self, root: &Root, stop: &Stop) -> Exit {
        let environment = self.environment(root);
        if !environment.is_empty() {
            for message in &environment {
                self.console.say(Kind::Refused, message);
            }
            self.console.phase("nothing was changed");
            return Exit::Refused;
        }
        if let Err(holder) = root.lock() {
            let text = format!("{holder} has locked the root directory: another run is changing it");
            let message = Diagnostic::new(codes::ROOT_LOCKED, text);
            self.console.say(Kind::Refused, &message.help("wait until that run has ended, then run this again"));
            self.console.phase("nothing was changed");
            return Exit::Refused;
        }
        let mut examined = match self.examine() {
            Ok(examined) => examined,
            Err(exit) => return exit,
        };
        let total = examined.plan.steps.len() + examined.plan.last.len();
        let tried = match self.try_checks(&mut examined, root, stop) {
            Ok(tried) => tried,
            Err(failure) => {
                let status = self.status(State::Failed, Exit::Failed, 0, total, Some(failure));
                return self.finish(examined, &status);
            }
        };
        if !examined.plan.refusals.is_empty() {
            let status = self.status(State::Refused, Exit::Refused, 0, total, None);
            return self.finish(examined, &status);
        }
        let here = self.request.root.is_none() && root.is_running_root();
        let answers = if here && stop.asked().is_none() {
            // What is started there gets the signals as this program got them.
            stop.release();
            let answers = super::selftest::run(&examined);
            stop.again();
            answers
        } else {
            Vec::new()
        };
        if !answers.is_empty() {
            for message in &answers {
                self.console.say(Kind::Refused, message);
            }
            self.console.phase("nothing was changed");
            return Exit::Refused;
        }
        if let Err(exit) = self.describe(&examined) {
            return exit;
        }
        if let Some(signal) = stop.asked() {
            let failure = Diagnostic::new(codes::STOPPED, format!("stopped by {signal} before the first change"));
            let status = self.status(State::Failed, Exit::Failed, 0, total, Some(failure));
            return self.finish(examined, &status);
        }
        self.console.phase(&format!("applying {} changes", examined.plan.records.len()));
        let tree = &examined.facts.tree;
        let outcome = apply::apply(root, tree, &examined.plan.steps, self.request.epoch, stop);
        let done = outcome.done;
        if let Some(failure) = outcome.reason() {
            let status = self.status(State::Failed, Exit::Failed, done, total - done, Some(failure));
            return self.finish(examined, &status);
        }
        let nothing = total == 0 && tried.is_none();
        let (last, failure) = if nothing { (0, None) } else { self.settle(&examined, root, tried, stop) };
        let status = match failure {
            Some(failure) => self.status(State::Failed, Exit::Failed, done + last, total - done - last, Some(failure)),
            None => self.status(State::Applied, Exit::Done, done + last, 0, None),
        };
        self.finish(examined, &status)
    }

    /// Look again at what was changed, run the checks, then remove this program. Returns the steps done, and what went
    /// wrong.
    fn settle(
        &mut self,
        examined: &Examined,
        root: &Root,
        tried: Option<(Setup, First)>,
        stop: &Stop,
    ) -> (usize, Option<Diagnostic>) {
        self.console.phase("checking the result");
        let (tree, plan) = (&examined.facts.tree, &examined.plan);
        if let Err(error) = apply::check(root, tree, &plan.steps) {
            return (0, Some(Diagnostic::new(codes::STEP, error.to_string())));
        }
        if let Some(Err(failure)) = tried.map(|(setup, first)| self.run_checks(examined, root, &setup, &first, stop)) {
            return (0, Some(failure));
        }
        let outcome = apply::apply(root, tree, &plan.last, self.request.epoch, stop);
        (outcome.done, outcome.reason())
    }

    /// Run every check before the first change, and see what it uses. Refusals are added to the plan.
    ///
    /// # Errors
    /// A check has changed a file of the image.
    fn try_checks(
        &mut self,
        examined: &mut Examined,
        root: &Root,
        stop: &Stop,
    ) -> Result<Option<(Setup, First)>, Diagnostic> {
        // Nothing of a tree from outside is ever run. A plan that is refused gets the whole answer, unless it is the check
        // or the command that is wrong.
        const UNFIT: [&str; 3] = [guards::checks::ID, codes::GUARD_RUN, codes::RUN_COMMAND];
        let no_account = !examined.plan.refusals.is_empty() && examined.ids.run().is_none();
        let unfit = no_account || examined.plan.refusals.iter().any(|refusal| UNFIT.contains(&refusal.id));
        if self.request.root.is_some() || unfit || stop.asked().is_some() {
            return Ok(None);
        }
        let setup = match Setup::try_out(examined, &self.policy, stop) {
            Ok(Some(setup)) => setup,
            Ok(None) => return Ok(None),
            Err(refusal) => {
                examined.plan.refusals.push(refusal);
                return Ok(None);
            }
        };
        if let Some(why) = &setup.alone {
            let text = format!("harden cannot trace checks in this step, so only their exit status counts: {why}");
            let warning = Diagnostic::new(codes::CHECK_TRACE, text);
            self.console.say(Kind::Warning, &warning.help("allow ptrace(2) and seccomp(2), and mount /proc"));
        }
        let (first, refusals) = self.first_runs(examined, root, &setup, stop)?;
        examined.plan.refusals.extend(refusals);
        Ok(Some((setup, first)))
    }

    fn first_runs(
        &mut self,
        examined: &Examined,
        root: &Root,
        setup: &Setup,
        stop: &Stop,
    ) -> Result<(First, Vec<Diagnostic>), Diagnostic> {
        let failed = |error: &dyn ToString| Diagnostic::new(codes::CHECK_FAILED, error.to_string());
        let runner = Runner::new(setup, Some(&examined.facts.tree)).map_err(|error| failed(&error))?;
        let mut judge = Judge::new(examined, &self.policy, root);
        let (mut outcomes, mut refusals) = (Vec::new(), Vec::new());
        for (at, check) in self.policy.checks.iter().enumerate() {
            if stop.asked().is_some() {
                break;
            }
            let named = check.to_string();
            self.console.phase(&format!("check before the first change: {named}"));
            let ran = runner.run(check, setup.alone.is_none().then(|| judge.before()), &|path| judge.goes(path), stop);
            self.unseen(&named, ran.unseen.as_deref());
            let failures = ran.failures.join("; it ");
            if ran.changed.is_some() {
                self.console.output(&ran.output);
                if let Some(line) = self.checks.get_mut(at) {
                    line.state = Outcome::Failed;
                }
                let text = format!("the check '{named}', which ran before the first change, {failures}");
                return Err(Diagnostic::at(codes::CHECK_FAILED, &check.origin, text));
            }
            judge.take(check, ran.used.as_ref());
            outcomes.push(ran.outcome);
            if ran.failures.is_empty() || stop.asked().is_some() {
                continue;
            }
            if check::prepares(examined) {
                self.console.phase(&format!(
                    "the check '{named}' {failures} before the first change; the plan creates an account or changes [files] paths \
                     that the check may need, so its run after the changes decides"
                ));
                continue;
            }
            self.console.output(&ran.output);
            let text = format!("the check '{named}' {failures} even before the first change");
            let help = "correct the check or the image: the output of the check is printed above";
            refusals.push(Diagnostic::at(guards::checks::ID, &check.origin, text).help(help));
        }
        refusals.extend(judge.refusal());
        Ok((judge.into_first(outcomes), refusals))
    }

    /// Not every call of a check could be followed.
    fn unseen(&self, named: &str, what: Option<&str>) {
        if let Some(what) = what {
            let text = format!("harden could not trace every call of the check '{named}': {what}");
            let help = "add files that the check needs and harden does not name to [keep]";
            self.console.say(Kind::Warning, &Diagnostic::new(codes::CHECK_TRACE, text).help(help));
        }
    }

    /// Run every check in the hardened root, up to the first that fails.
    fn run_checks(
        &mut self,
        examined: &Examined,
        root: &Root,
        setup: &Setup,
        first: &First,
        stop: &Stop,
    ) -> Result<(), Diagnostic> {
        let runner =
            Runner::new(setup, None).map_err(|error| Diagnostic::new(codes::CHECK_FAILED, error.to_string()))?;
        let judge = Judge::new(examined, &self.policy, root).with(first);
        for (at, check) in self.policy.checks.iter().enumerate() {
            let named = check.to_string();
            self.console.phase(&format!("check: {named}"));
            let mut ran = runner.run(check, setup.alone.is_none().then(|| judge.after()), &|_| false, stop);
            self.unseen(&named, ran.unseen.as_deref());
            if check.starts.is_some() {
                let before = first.outcomes.get(at).copied().flatten();
                ran.failures.extend(check::started_as_before(ran.outcome, before));
            }
            let failed = !ran.failures.is_empty();
            if let Some(line) = self.checks.get_mut(at) {
                line.state = if failed { Outcome::Failed } else { Outcome::Passed };
            }
            if failed || self.request.volume > Volume::Quiet {
                self.console.output(&ran.output);
            }
            if let Some(mounts) = judge.mounts(ran.used.as_ref()) {
                self.console
                    .phase(&format!("the check '{named}' wrote to mounts, where harden removes nothing: {mounts}"));
            }
            if failed {
                let text = format!("the check '{named}' {}", ran.failures.join("; it "));
                let cause = judge.cause(at, ran.used.as_ref(), &ran.output).filter(|_| stop.asked().is_none());
                let text = cause.map_or(text.clone(), |cause| format!("{cause}; {text}"));
                return Err(Diagnostic::at(codes::CHECK_FAILED, &check.origin, text));
            }
            if let Some(note) = judge.note(at, ran.used.as_ref()) {
                self.console
                    .phase(&format!("the check '{named}' passed, although this run removed files that it asked for, or denied access to them: {note}"));
            }
        }
        Ok(())
    }

    fn status(&self, state: State, exit: Exit, done: usize, open: usize, failure: Option<Diagnostic>) -> Status {
        Status { command: "apply", state, exit, done, open, failure, checks: self.checks.clone() }
    }

    /// Say of each path or name why it stays or goes. The plan may be refused: its answers are what it would do.
    pub(super) fn explain(mut self, asked: &[OsString]) -> Exit {
        let (examined, switched_off) = match self.examine_all() {
            Ok(found) => found,
            Err(exit) => return exit,
        };
        if matches!(self.policy.run, Run::Unknown) {
            // Without a policy every answer would be "removed".
            for message in examined.plan.refusals.iter().filter(|message| message.id == codes::GUARD_RUN) {
                self.console.say(Kind::Refused, message);
            }
            return Exit::Refused;
        }
        let past = match &self.place {
            Place::Archive { past, .. } => *past,
            Place::Root(..) => None,
        };
        let explainer = Explainer::new(&examined, &self.policy, &switched_off).with_past(past);
        let mut answers: Vec<Answer> = Vec::new();
        for path in asked {
            explainer.answer(path.as_bytes(), &mut answers);
        }
        let refused = examined.plan.refusals.len();
        if refused > 0 {
            let text = format!(
                "the plan is refused for {refused} reasons, see harden plan; these are the changes that it would make"
            );
            self.console.phase(&text);
        }
        let unknown = answers.iter().any(|answer| answer.fate == Fate::Unknown);
        let exit = if unknown { Exit::Refused } else { Exit::Done };
        let (format, volume) = (self.request.format, self.request.volume);
        let json = |out: &mut dyn std::io::Write| report::explain::json(out, &answers, refused, exit);
        let written = self.report.as_mut().map_or(Ok(()), |file| json(file)).and_then(|()| match format {
            Format::Json => console::print_with(json),
            _ => console::print(&report::explain::text(&answers, volume)),
        });
        match written {
            Ok(()) => exit,
            Err(error) => {
                self.console.say(Kind::Failed, &not_written(&error));
                Exit::Failed
            }
        }
    }

    /// Look at what is asked for besides the plan itself, while everything is there still.
    fn describe(&mut self, examined: &Examined) -> Result<(), Exit> {
        if !examined.plan.refusals.is_empty() {
            return Ok(());
        }
        if self.request.writes(Format::Json) {
            self.files = changed::changed(examined, self.place.contents());
        }
        if self.request.digests {
            let policy = evidence::of_policy(&self.policy);
            let found = Evidence::of(examined, self.place.contents(), None, policy, evidence::of_this_program());
            self.evidence = Some(found.map_err(|error| refuse(&self.console, &Unread::because(&error)))?);
        }
        if self.sbom.is_some() {
            let (removed, rewritten) = (examined.plan.removed(), |id| examined.plan.new_content(id));
            let bom = sbom::of(&examined.facts, self.place.contents(), &removed, &rewritten);
            self.bom = Some(bom.map_err(|error| refuse(&self.console, &Unread::because(&error)))?);
        }
        match Unread::of(self.place.contents()) {
            Some(error) => Err(refuse(&self.console, &error.into())),
            None => Ok(()),
        }
    }

    /// What keeps apply from running here at all.
    fn environment(&self, root: &Root) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut refuse = |id: &'static str, text: &str, help: &str| {
            found.push(Diagnostic::new(id, text).help(help));
        };
        if !host::is_root() {
            refuse(
                codes::NOT_ROOT,
                "apply needs root to change owners and modes",
                "put USER root before this RUN, and the real USER after it",
            );
        }
        if root.is_read_only() {
            refuse(
                codes::ROOT_READ_ONLY,
                "the root file system is mounted read-only",
                "run apply in a build step, or give --root a writable copy",
            );
        }
        let here = self.request.root.is_none() || root.is_running_root();
        if here && !self.request.this_is_an_image && host::build_step().is_none() {
            refuse(
                codes::NOT_A_BUILD,
                "this does not look like the build step of an image: apply would harden the running system",
                "run it with RUN in a Dockerfile, give --root DIR for an unpacked tree, or add --this-is-an-image",
            );
        }
        found
    }

    fn examine(&mut self) -> Result<Examined, Exit> {
        if self.request.writes(Format::Html) {
            let (examined, switched_off) = self.examine_all()?;
            self.switched_off = switched_off;
            return Ok(examined);
        }
        let survey = self.survey()?;
        self.judge(survey)
    }

    /// As [`Session::examine`], with what the rules would remove that are switched off.
    fn examine_all(&mut self) -> Result<(Examined, SwitchedOff), Exit> {
        let survey = self.survey()?;
        let found = pipeline::examine_all(survey, self.place.contents(), &mut self.policy);
        found.map_err(|error| refuse(&self.console, &error.into()))
    }

    fn survey(&mut self) -> Result<Survey, Exit> {
        self.console.phase("examining the root file system");
        let walked = match &mut self.place {
            Place::Root(root, own) => root.walk().map(|tree| Source::root(root, tree, own)),
            // The survey takes the tree, and there is one survey.
            Place::Archive { tree, files, .. } => {
                Ok(Source::archive(std::mem::replace(tree, Tree::new(Meta::default())), *files))
            }
        };
        let source = walked.map_err(|error| refuse(&self.console, &Unread::of_walk(&error)))?;
        let survey = pipeline::survey(source, &mut self.policy);
        survey.map_err(|error| refuse(&self.console, &error.into()))
    }

    fn judge(&self, survey: Survey) -> Result<Examined, Exit> {
        pipeline::examine(survey, self.place.contents(), &self.policy)
            .map_err(|error| refuse(&self.console, &error.into()))
    }

    /// Say everything, and turn the status into the exit status.
    fn finish(&mut self, examined: Examined, status: &Status) -> Exit {
        let runtime = Runtime::of(&examined, &self.policy);
        let written = self.write(&examined, &runtime, status);
        // Last, where they are seen.
        // A refused plan does nothing that could be warned about.
        let warnings = if status.state == State::Refused { &[][..] } else { &examined.plan.warnings };
        self.console.warnings(warnings);
        for message in &examined.plan.refusals {
            self.console.say(Kind::Refused, message);
        }
        if let Some(failure) = &status.failure {
            let help = format!("{} steps are done, {} are not; run harden again to continue", status.done, status.open);
            self.console.say(Kind::Failed, &failure.clone().help(help));
        }
        if status.state == State::Refused {
            if self.request.config.is_none() {
                let text = "there is no harden.toml beside the binary, and --config is not set: harden init prints one that fits";
                self.console.phase(text);
            }
            self.console.phase("nothing was changed; harden explain PATH tells you why harden keeps or removes a path");
        }
        // The process ends: to take apart what it knows, entry by entry, is time for nothing.
        std::mem::forget(examined);
        match written {
            Ok(()) => status.exit,
            Err(error) => {
                self.console.say(Kind::Failed, &not_written(&error));
                Exit::Failed
            }
        }
    }

    fn write(&mut self, examined: &Examined, runtime: &Runtime, status: &Status) -> std::io::Result<()> {
        let judged = self.request.named(&examined.facts.os.pretty_name);
        let planned = report::html::Planned {
            examined,
            policy: &self.policy,
            switched_off: &self.switched_off,
            runtime,
            status,
            judged: &judged,
        };
        let write = |out: &mut dyn std::io::Write, format| match format {
            Format::Html => report::html::plan(out, &planned),
            Format::Markdown => report::markdown::plan(out, &planned),
            Format::Text => {
                out.write_all(report::text::document(examined, runtime, status, self.request.volume).as_bytes())
            }
            _ => report::json::document(out, examined, &self.files, self.evidence.as_ref(), runtime, status),
        };
        if status.exit == Exit::Done
            && let (Some(file), Some(bom)) = (&mut self.sbom, &self.bom)
        {
            report::json::bill(file, bom)?;
        }
        if let (Some(file), Some(format)) = (&mut self.report, self.request.report_format()) {
            write(file, format)?;
        }
        match self.request.format {
            format @ (Format::Json | Format::Html | Format::Markdown) => console::print_with(|out| write(out, format)),
            _ if self.request.volume == Volume::Quiet => Ok(()),
            _ => console::print(&report::text::document(examined, runtime, status, self.request.volume)),
        }
    }
}

/// Open the file for the bill of materials; in the image scanners would count every package twice.
pub(super) fn open_sbom(root: &Root, path: &str) -> Result<std::fs::File, Diagnostic> {
    let shown = escape::quoted(path.as_bytes());
    if root.holds(path) {
        let text = format!("--sbom {shown} lies in the image, where scanners read it and count every package twice");
        return Err(Diagnostic::new(codes::SBOM, text).help(
            "write it to a mount (RUN --mount=type=cache,target=/out … --sbom /out/sbom.json), or outside --root DIR",
        ));
    }
    create_sbom(path)
}

/// Open the file for the bill of materials of a tree that lies in no root.
pub(super) fn create_sbom(path: &str) -> Result<std::fs::File, Diagnostic> {
    host::create(path).map_err(|error| {
        let text = format!("cannot write the bill of materials to {}: {error}", escape::quoted(path.as_bytes()));
        Diagnostic::new(codes::SBOM, text).help("give --sbom a file in a directory that exists")
    })
}

/// The file for the report cannot be made.
pub(super) fn no_report(path: &str, error: &impl std::fmt::Display) -> Diagnostic {
    let text = format!("cannot write the report to {}: {error}", escape::quoted(path.as_bytes()));
    Diagnostic::new(codes::REPORT, text).help("give --report a file in a directory that exists")
}

/// The report cannot be written.
pub(super) fn not_written(error: &impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(codes::REPORT, format!("cannot write the report: {error}"))
}
