//! What the command line asks for, apart from the policy.

use std::path::PathBuf;

use crate::console::{Format, Volume};
use crate::policy::Options;

/// What a command was asked to do, apart from the policy.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// Directory to harden; `/` when not given.
    pub root: Option<String>,
    /// Layout of the report on standard output.
    pub format: Format,
    /// File that gets the report as JSON.
    pub report: Option<String>,
    /// File that gets the bill of materials.
    pub sbom: Option<String>,
    /// How much is said.
    pub volume: Volume,
    /// NO_COLOR is set.
    pub no_color: bool,
    /// `--this-is-an-image`: no evidence for a build step is asked for.
    pub this_is_an_image: bool,
    /// Path of the configuration, when one was read.
    pub config: Option<String>,
    /// Paths of the further files that it names.
    pub files: Vec<String>,
    /// SOURCE_DATE_EPOCH in seconds.
    pub epoch: Option<i64>,
}

impl Request {
    /// Every file that the policy was read from.
    pub(super) fn configuration(&self) -> impl Iterator<Item = &str> {
        self.config.iter().chain(&self.files).map(String::as_str)
    }

    pub(super) fn of(options: &Options) -> Self {
        let text = |path: &PathBuf| path.to_str().map(str::to_owned);
        Self {
            root: options.root.as_ref().and_then(text),
            format: options.format,
            report: options.report.as_ref().and_then(text),
            sbom: options.sbom.as_ref().and_then(text),
            volume: match (options.quiet, options.verbose) {
                (true, _) => Volume::Quiet,
                (false, 0) => Volume::Normal,
                (false, _) => Volume::Verbose,
            },
            no_color: options.no_color,
            this_is_an_image: options.this_is_an_image,
            config: None,
            files: Vec::new(),
            epoch: None,
        }
    }
}
