//! harden.toml, the files that it extends, and the program files that each of them names.
//!
//! This module decides which files a policy is read from, and their order. `decode` decides the meaning of a text.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::decode::{self, Source};
use super::layer::Layer;
use super::load::{Inputs, LARGEST_INPUT};
use super::{Entry, Known, Options, value};
use crate::diag::Origin;
use crate::diag::escape::quote;
use crate::diag::{Diagnostic, Place, codes};
use crate::programs;

/// The name of the configuration beside the binary.
const CONFIG_NAME: &str = "harden.toml";

/// How many files may extend one another, one after the other.
const DEEPEST: usize = 8;

/// How many files a policy may be read from.
const MOST_FILES: usize = 64;

/// How many program files a policy may name.
const MOST_PROGRAM_FILES: usize = 500;

/// What to write where the configuration cannot be read.
const HELP: &str = "correct the path of the configuration";

/// What to write where a file of `extends` cannot be read.
const EXTENDS_HELP: &str = "correct the path, which is relative to the file that names it; a build needs that file too: COPY it, or mount the directory that holds both";

/// The files of a policy.
#[derive(Default)]
pub(super) struct Files {
    /// The configuration itself, as the user gave it or beside the binary.
    pub(super) config: Option<PathBuf>,
    /// What the configuration and the files that it extends say, the strongest first.
    pub(super) layers: Vec<Layer>,
    /// The paths of all files but the configuration.
    pub(super) others: Vec<PathBuf>,
}

impl Files {
    /// Reads the configuration, and what it and `--extends` name.
    pub(super) fn read(
        options: &Options,
        binary: Option<&Path>,
        ids: &Known,
        inputs: &dyn Inputs,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut reader = Reader { ids, inputs, problems, found: Self::default(), read: BTreeSet::new() };
        let (mut own, mut chain) = (Vec::new(), Vec::new());
        let mut directory = PathBuf::new();
        if let Some((path, text)) = reader.configuration(options, binary) {
            own = reader.layer(&path, &text, true);
            chain.push((inputs.canonical(&path), path.to_string_lossy().into_owned()));
            directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
            reader.found.config = Some(path);
        }
        // What the command line extends is stronger than what the file extends: it stands between the two.
        let flags = options.extends.iter().map(|given| Entry {
            value: given.text.clone(),
            reason: None,
            optional: false,
            change: false,
            origin: given.origin.clone(),
        });
        reader.extended(&flags.collect::<Vec<_>>(), Path::new(""), &mut chain);
        reader.extended(&own, &directory, &mut chain);
        reader.found
    }
}

/// Why there is no text.
enum Unreadable {
    Read(io::Error),
    Large,
    /// A place in it is not text.
    Place(Place),
}

impl Unreadable {
    fn is_missing(&self) -> bool {
        matches!(self, Self::Read(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// What to say; `about` makes a message of a text about the whole file.
    fn problem(self, what: &str, path: &Path, about: impl Fn(String) -> Diagnostic) -> Diagnostic {
        let name = quote(&path.to_string_lossy());
        match self {
            Self::Read(error) => about(format!("cannot read the {what} {name}: {error}")),
            Self::Large => about(format!("the {what} {name} is larger than {LARGEST_INPUT} bytes")),
            Self::Place(place) => {
                let text = "the text is not UTF-8 from here on";
                Diagnostic::at(codes::CONFIG_READ, &Origin::File(place), text).help("save the file as UTF-8")
            }
        }
    }
}

struct Reader<'a> {
    ids: &'a Known,
    inputs: &'a dyn Inputs,
    problems: &'a mut Vec<Diagnostic>,
    found: Files,
    /// The files that were read, without links: what two files extend is read once.
    read: BTreeSet<PathBuf>,
}

impl Reader<'_> {
    /// Path and text of the configuration, if there is one.
    fn configuration(&mut self, options: &Options, binary: Option<&Path>) -> Option<(PathBuf, String)> {
        let path = match &options.config {
            Some(path) => path.clone(),
            None => beside(binary?, options.root.as_deref(), self.inputs)?,
        };
        match self.text(&path) {
            Ok(text) => Some((path, text)),
            Err(unreadable) if unreadable.is_missing() && options.config.is_none() => None,
            Err(unreadable) => {
                let bare = |text: String| Diagnostic::new(codes::CONFIG_READ, text).help(HELP);
                self.problems.push(unreadable.problem("configuration", &path, bare));
                None
            }
        }
    }

    /// Reads what a file of that directory extends, the last entry first: a later one is stronger. `chain` are the files
    /// that led here, without links and as they are shown.
    fn extended(&mut self, entries: &[Entry], directory: &Path, chain: &mut Vec<(PathBuf, String)>) {
        for entry in entries.iter().rev() {
            let path = directory.join(&entry.value);
            let name = path.to_string_lossy().into_owned();
            let whole = self.inputs.canonical(&path);
            let led = |chain: &[(PathBuf, String)]| {
                let names: Vec<String> = chain.iter().map(|(_, name)| quote(name)).collect();
                format!("{} extends {}", names.join(" extends "), quote(&name))
            };
            let mut refuse = |text: String, help: &str| {
                self.problems.push(Diagnostic::at(codes::EXTENDS, &entry.origin, text).help(help));
            };
            if let Some(at) = chain.iter().position(|(other, _)| *other == whole) {
                let text = format!("the file extends itself: {}", led(chain.get(at..).unwrap_or_default()));
                refuse(text, "delete one of these entries");
                continue;
            }
            if chain.len() > DEEPEST {
                refuse(format!("more than {DEEPEST} files extend one another: {}", led(chain)), "merge some of them");
                continue;
            }
            if self.read.contains(&whole) {
                continue;
            }
            if self.read.len() >= MOST_FILES {
                refuse(format!("the policy extends more than {MOST_FILES} files"), "merge some of them");
                return;
            }
            let text = match self.text(&path) {
                Ok(text) => text,
                Err(unreadable) if unreadable.is_missing() && entry.optional => continue,
                Err(unreadable) => {
                    let at = |text: String| Diagnostic::at(codes::EXTENDS, &entry.origin, text).help(EXTENDS_HELP);
                    self.problems.push(unreadable.problem("extended file", &path, at));
                    continue;
                }
            };
            self.read.insert(whole.clone());
            self.found.others.push(path.clone());
            let more = self.layer(&path, &text, false);
            chain.push((whole, name));
            self.extended(&more, path.parent().unwrap_or(Path::new("")), chain);
            chain.pop();
        }
    }

    /// Takes one text, and returns what it extends.
    fn layer(&mut self, path: &Path, text: &str, own: bool) -> Vec<Entry> {
        let name = path.to_string_lossy().into_owned();
        let mut layer = decode::decode(text, &Source::File(&name), self.ids, self.problems);
        layer.exceptions.iter_mut().for_each(|exception| exception.shared = !own);
        self.program_files(&mut layer, path, own);
        let extends = std::mem::take(&mut layer.extends);
        self.found.layers.push(layer);
        extends
    }

    /// The whole text of a file.
    fn text(&self, path: &Path) -> Result<String, Unreadable> {
        let bytes = self.inputs.read(path, LARGEST_INPUT + 1).map_err(Unreadable::Read)?;
        if bytes.len() > LARGEST_INPUT {
            return Err(Unreadable::Large);
        }
        String::from_utf8(bytes).map_err(|error| {
            let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or(&[]);
            let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
            let start = valid.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let column = String::from_utf8_lossy(valid.get(start..).unwrap_or(&[])).chars().count() + 1;
            Unreadable::Place(Place::new(&path.to_string_lossy(), line, column))
        })
    }

    /// Reads the program files that a file names, relative to it.
    fn program_files(&mut self, layer: &mut Layer, file: &Path, own: bool) {
        let beside = file.parent().unwrap_or(Path::new(""));
        let too_many = |origin: &Origin| {
            let text = format!("programs.files names more than {MOST_PROGRAM_FILES} files");
            let help = "put several programs into one file, or name fewer files";
            Diagnostic::at(codes::BUDGET, origin, text).help(help)
        };
        if let Some(entry) = layer.program_files.get(MOST_PROGRAM_FILES) {
            self.problems.push(too_many(&entry.origin));
            return;
        }
        for entry in &mut layer.program_files {
            let path = beside.join(&entry.value);
            let mut found = Vec::new();
            if value::is_glob(&entry.value) {
                let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                if let (Ok(glob), Ok(names)) = (value::glob(&name), self.inputs.list(&directory)) {
                    let names = names.iter().filter(|name| glob.matches(name.as_bytes()));
                    found.extend(names.map(|name| directory.join(name)));
                }
            } else {
                found.push(path.clone());
            }
            if found.is_empty() && !entry.optional {
                let text = format!("programs.files: {} names no file", quote(&entry.value));
                self.problems.push(
                    Diagnostic::at(codes::PROGRAM_FILE, &entry.origin, text)
                        .help("correct the path: it is relative to the file that names it"),
                );
            }
            for path in found {
                let name = path.to_string_lossy().into_owned();
                if self.found.others.contains(&path) {
                    continue;
                }
                if self.found.others.len() >= MOST_FILES + MOST_PROGRAM_FILES {
                    self.problems.push(too_many(&entry.origin));
                    return;
                }
                let text = self.inputs.read(&path, LARGEST_INPUT + 1).and_then(|bytes| {
                    let large = io::Error::other(format!("it is larger than {LARGEST_INPUT} bytes"));
                    if bytes.len() > LARGEST_INPUT {
                        Err(large)
                    } else {
                        String::from_utf8(bytes).map_err(io::Error::other)
                    }
                });
                match text {
                    Ok(text) => layer.programs.extend(programs::decode(&text, &name, self.problems)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound && entry.optional => continue,
                    Err(error) => {
                        let text = format!("cannot read the program file {}: {error}", quote(&name));
                        let help = "correct the path, which is relative to the file that names it, or the file; docs/programs.md has the format";
                        self.problems.push(Diagnostic::at(codes::PROGRAM_FILE, &entry.origin, text).help(help));
                    }
                }
                self.found.others.push(path);
            }
            if let (false, Some(directory), Some(name)) = (own, path.parent(), path.file_name()) {
                // The policy has one place that paths are relative to: that of the configuration.
                let whole = self.inputs.canonical(directory).join(name);
                entry.value = whole.to_string_lossy().into_owned();
            }
        }
    }
}

/// The configuration beside the binary, but never one from inside a foreign root.
fn beside(binary: &Path, root: Option<&Path>, inputs: &dyn Inputs) -> Option<PathBuf> {
    let directory = binary.parent()?;
    if let Some(root) = root.map(|root| inputs.canonical(root)).filter(|root| root != Path::new("/"))
        && inputs.canonical(directory).starts_with(root)
    {
        return None;
    }
    Some(directory.join(CONFIG_NAME))
}
