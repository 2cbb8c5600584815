//! Files in memory, and one call for a whole run of the loader.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use harden::testing::cli::Cli;
use harden::testing::diag::Diagnostic;
use harden::testing::policy::{Inputs, Loaded, Options, load};

pub(crate) fn known() -> harden::testing::policy::Known {
    harden::testing::run::known()
}

#[derive(Default)]
pub(crate) struct Files(pub(crate) BTreeMap<PathBuf, Vec<u8>>);

impl Inputs for Files {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let bytes = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(bytes.iter().copied().take(limit).collect())
    }

    fn stdin(&self, limit: usize) -> io::Result<Vec<u8>> {
        self.read(Path::new("stdin"), limit)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let here = self.0.keys().filter(|path| path.parent() == Some(directory));
        Ok(here.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}

/// Loads with the given flags, variables and files; the binary is `/harden`.
pub(crate) fn run(
    args: &[&str],
    environment: &[(&str, &str)],
    files: &[(&str, &[u8])],
) -> Result<Loaded, Vec<Diagnostic>> {
    let cli = Cli::read(["harden", "plan"].iter().chain(args)).unwrap();
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let files = Files(files.iter().map(|(path, bytes)| (PathBuf::from(path), bytes.to_vec())).collect());
    load(&Options::new(&cli, &environment), Some(Path::new("/harden")), &known(), &files)
}

/// Loads one harden.toml beside the binary.
pub(crate) fn file(text: &str) -> Result<Loaded, Vec<Diagnostic>> {
    run(&[], &[], &[("/harden.toml", text.as_bytes())])
}

pub(crate) fn lines(problems: Vec<Diagnostic>) -> Vec<String> {
    let help = |problem: &Diagnostic| {
        if problem.help.is_empty() { String::new() } else { format!("\n  help: {}", problem.help) }
    };
    problems.iter().map(|problem| format!("{problem}{}", help(problem))).collect()
}
