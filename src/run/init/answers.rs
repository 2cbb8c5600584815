//! The refusals of `harden apply` for a policy that init has written, and the entries of `[keep]` that resolve them.
//!
//! A refusal with such an entry in its help asks whether the image uses a file or an account that the plan removes. To
//! keep it is always safe, so init writes these entries; a person decides about all other refusals.

use std::io;
use std::path::{Path, PathBuf};

use crate::diag::Diagnostic;
use crate::pipeline;
use crate::policy::{self, Inputs, Options};

use super::Place;

/// The written policy in the place of a file.
struct Written<'a>(&'a str);

/// Its name in messages: the one that it is meant to be saved under.
const NAME: &str = "harden.toml";

impl Inputs for Written<'_> {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let text = self.0.as_bytes();
        if path == Path::new(NAME) {
            return Ok(text.get(..limit).unwrap_or(text).to_vec());
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn stdin(&self, _: usize) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        path.to_path_buf()
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// What a plan of the image by this policy refuses; `None` where that cannot be told.
pub(super) fn refusals(text: &str, options: &Options, place: &Place<'_>) -> Option<Vec<Diagnostic>> {
    let options = Options {
        root: options.root.clone(),
        config: Some(NAME.into()),
        path: options.path.clone(),
        library_path: options.library_path.clone(),
        environment: options.environment.clone(),
        ..Options::default()
    };
    let mut policy = policy::load(&options, None, &crate::run::known(), &Written(text)).ok()?.policy;
    let survey = pipeline::survey(place.source().ok()?, &mut policy).ok()?;
    Some(pipeline::examine(survey, place.contents(), &policy).ok()?.plan.refusals)
}
