//! From options, configuration, image configuration and profile to one [`Policy`].
//!
//! This module owns the list of sources and their order. Files are read through [`Inputs`].

use std::io;
use std::path::{Path, PathBuf};

use super::decode::{self, Source};
use super::files::Files;
use super::layer::{self, Layer};
use super::options::Given;
use super::{Check, CommandEntry, Known, Options, Policy, Switch, image, profile, value};
use crate::diag::Origin;
use crate::diag::escape::quote;
use crate::diag::{Diagnostic, codes};

/// Largest configuration and image configuration, in bytes.
pub const LARGEST_INPUT: usize = 1024 * 1024;

/// PATH by default: that of Docker's images.
pub(super) const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What [`load`] may read, all of it outside the root.
pub trait Inputs {
    /// The first `limit` bytes of a file.
    ///
    /// # Errors
    /// Those of the operating system; `NotFound` has a meaning of its own.
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;

    /// The first `limit` bytes of standard input.
    ///
    /// # Errors
    /// Those of the operating system.
    fn stdin(&self, limit: usize) -> io::Result<Vec<u8>>;

    /// The path without links, or as it is when that cannot be told.
    fn canonical(&self, path: &Path) -> PathBuf;

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// Those of the operating system.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
}

/// A policy and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// The configuration file that was read, as the user gave it or beside the binary.
    pub config: Option<PathBuf>,
    /// Further files of the policy: those of `extends`, `--extends` and `[programs] files`.
    pub files: Vec<PathBuf>,
    /// The image configuration as it was read, for what the policy takes no part of.
    pub image_config: Option<Vec<u8>>,
    /// What deserves a word and is no refusal.
    pub warnings: Vec<Diagnostic>,
}

/// Resolves everything that the user said: flag, environment, file, image configuration, profile, default.
///
/// `binary` is the path of the running binary; the default configuration lies beside it. `ids` are the rules and checks
/// that exist.
///
/// # Errors
/// All problems at once, those of the command line first.
pub fn load(
    options: &Options,
    binary: Option<&Path>,
    ids: &Known,
    inputs: &dyn Inputs,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut problems = options.problems.clone();
    let mut warnings = Vec::new();
    let (flags, environment) = given_layers(options, ids, &mut problems);
    let Files { config, layers, others } = Files::read(options, binary, ids, inputs, &mut problems);
    let given = options.image_config.as_ref().and_then(|path| image_config(path, inputs, &mut problems));
    let (image_config, image) = match (given, &options.archive_config) {
        (Some(bytes), _) => {
            let image = image::decode(&bytes, &Origin::ImageConfig, &mut problems, &mut warnings);
            (Some(bytes), image)
        }
        // What an archive says was not written for this program: it is judged, and refused in no part.
        (None, Some(bytes)) => {
            let mut odd = Vec::new();
            let image = image::decode(bytes, &Origin::Archive, &mut odd, &mut warnings);
            // What was not read to its end cannot be judged.
            let (beyond, odd): (Vec<_>, Vec<_>) = odd.into_iter().partition(|problem| problem.id == codes::BUDGET);
            problems.extend(beyond);
            warnings.extend(odd);
            (Some(bytes.clone()), image)
        }
        (None, None) => (None, Layer::default()),
    };
    let said = [&flags, &environment].into_iter().chain(&layers);
    let name = said.filter_map(|layer| layer.profile.as_ref()).map(|(name, _)| name.clone()).next();
    let offers = match name.as_deref().and_then(|name| Some((name, profile::profile_text(name)?))) {
        Some((name, text)) => decode::decode(text, &Source::Profile(name), ids, &mut problems),
        None => Layer::default(),
    };
    let said = [flags, environment].into_iter().chain(layers).chain([image, offers]);
    let mut policy = layer::resolve(said, &mut problems);
    let here = options.root.is_none() && options.tar.is_none();
    let mut directories = |name: &'static str, list: Result<Vec<String>, value::Fault>| {
        list.unwrap_or_else(|fault| {
            problems.push(fault.at(&Origin::Environment(name), ""));
            Vec::new()
        })
    };
    if policy.path.is_empty() {
        let inherited = options.path.as_deref().filter(|_| here).unwrap_or("");
        policy.path = directories("PATH", value::path_list(inherited.split(':')));
    }
    if policy.path.is_empty() {
        policy.path = directories("PATH", value::path_list(USUAL_PATH.split(':')));
    }
    // A RUN step has the image's environment.
    if policy.environment.is_empty() && here {
        policy.environment.clone_from(&options.environment);
        policy.environment.retain(|(name, _)| image::is_of_application(name));
    }
    if policy.library_path.is_none() && here {
        let inherited = options.library_path.as_deref().unwrap_or("");
        policy.library_path = Some(directories("LD_LIBRARY_PATH", value::path_list(inherited.split([':', ';']))));
    }
    if problems.is_empty() {
        Ok(Loaded { policy, config, files: others, image_config, warnings })
    } else {
        Err(problems)
    }
}

/// The layers of the flags and of the environment.
fn given_layers(options: &Options, ids: &Known, problems: &mut Vec<Diagnostic>) -> (Layer, Layer) {
    let mut layers = Layers::default();
    if let Some((on, origin)) = &options.strict {
        layers.of(origin).strict = Some((*on, origin.clone()));
    }
    if let Some((on, origin)) = &options.minimal {
        layers.of(origin).minimal = Some((*on, origin.clone()));
    }
    if let Some(Given { text, origin }) = &options.profile {
        match profile::check(text) {
            Ok(name) => layers.of(origin).profile = Some((name, origin.clone())),
            Err(fault) => problems.push(fault.at(origin, "")),
        }
    }
    if let Some(Given { text, origin }) = &options.user {
        match value::user(text) {
            Ok(user) => layers.of(origin).user = Some((user, origin.clone())),
            Err(fault) => problems.push(fault.at(origin, "")),
        }
    }
    for Given { text, origin } in &options.commands {
        if text.trim() == "none" {
            layers.of(origin).nothing = Some(origin.clone());
            continue;
        }
        match value::command(text, origin) {
            Ok(line) => layers.of(origin).commands.push(line),
            Err(fault) => problems.push(fault.at(origin, "")),
        }
    }
    for Given { text, origin } in &options.keep {
        match value::pattern(text) {
            Ok(pattern) => layers.of(origin).keep_commands.push(CommandEntry {
                pattern,
                text: text.clone(),
                reason: None,
                optional: false,
                setid: None,
                origin: origin.clone(),
            }),
            Err(fault) => problems.push(fault.at(origin, "")),
        }
    }
    for Given { text, origin } in &options.checks {
        match value::check(text) {
            Ok(argv) => {
                let check = Check { argv, tcp: None, starts: None, timeout: 0, origin: origin.clone() };
                layers.of(origin).checks.push(check);
            }
            Err(fault) => problems.push(fault.at(origin, "")),
        }
    }
    for Given { text, origin } in &options.disable {
        let checked = value::text(text).and_then(|id| decode::unknown_rule(id, &ids.rules).map_or(Ok(id), Err));
        match checked {
            Ok(id) => {
                let rules = &mut layers.of(origin).rules;
                if rules.iter().all(|switch| switch.rule != id) {
                    rules.push(Switch { rule: id.to_owned(), on: false, required: false, origin: origin.clone() });
                }
            }
            Err(fault) => problems.push(fault.at(origin, "")),
        }
    }
    (layers.flags, layers.environment)
}

#[derive(Default)]
struct Layers {
    flags: Layer,
    environment: Layer,
}

impl Layers {
    fn of(&mut self, origin: &Origin) -> &mut Layer {
        if matches!(origin, Origin::Environment(_)) { &mut self.environment } else { &mut self.flags }
    }
}

fn image_config(path: &Path, inputs: &dyn Inputs, problems: &mut Vec<Diagnostic>) -> Option<Vec<u8>> {
    let read =
        if path == Path::new("-") { inputs.stdin(LARGEST_INPUT + 1) } else { inputs.read(path, LARGEST_INPUT + 1) };
    let name = quote(&path.to_string_lossy());
    match read {
        Ok(bytes) if bytes.len() > LARGEST_INPUT => {
            let message = format!("{name} is larger than {LARGEST_INPUT} bytes");
            problems.push(Diagnostic::at(codes::IMAGE_CONFIG, &Origin::ImageConfig, message).help("inspect one image"));
            None
        }
        Ok(bytes) => Some(bytes),
        Err(error) => {
            problems.push(
                Diagnostic::at(codes::IMAGE_CONFIG, &Origin::ImageConfig, format!("cannot read {name}: {error}"))
                    .help("write a file with the output of `docker inspect IMAGE`, or - for standard input"),
            );
            None
        }
    }
}
