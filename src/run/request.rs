//! The options of the command line that are not part of the policy.

use std::path::PathBuf;

use crate::console::{Format, Volume};
use crate::diag::escape;
use crate::policy::Options;

/// What a command was asked to do, apart from the policy.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// Directory to harden; `/` when not given.
    pub root: Option<String>,
    /// Archive that is read in place of a directory.
    pub archive: Option<String>,
    /// Layout of the report on standard output.
    pub format: Format,
    /// File that gets the report, in the format of its name.
    pub report: Option<String>,
    /// File that gets the bill of materials.
    pub sbom: Option<String>,
    /// The report in JSON has the digests of what harden was run with, and of the files that go.
    pub digests: bool,
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

    /// The format of the report in a file: that of its name, else that of standard output, where a report for people stands
    /// already.
    pub(super) fn report_format(&self) -> Option<Format> {
        let otherwise = if self.format == Format::Text { Format::Json } else { self.format };
        self.report.as_deref().map(|path| otherwise.of_file(path))
    }

    /// Whether a report in this format is written anywhere.
    pub(super) fn writes(&self, format: Format) -> bool {
        self.format == format || self.report_format() == Some(format)
    }

    /// The tree or the archive that is examined, and its distribution: for people.
    pub(super) fn named(&self, os: &str) -> String {
        let quoted = |path: &str| escape::quoted(path.as_bytes());
        let name = match &self.archive {
            Some(path) if path == "-" => "The archive on standard input".to_owned(),
            Some(path) => format!("The archive {}", quoted(path)),
            None => format!("The tree {}", quoted(self.root.as_deref().unwrap_or("/"))),
        };
        let os = escape::line(os.as_bytes());
        if os.is_empty() { name } else { format!("{name}: {os}") }
    }

    pub(super) fn of(options: &Options) -> Self {
        let text = |path: &PathBuf| path.to_str().map(str::to_owned);
        Self {
            root: options.root.as_ref().and_then(text),
            archive: options.tar.as_ref().and_then(text),
            format: options.format,
            report: options.report.as_ref().and_then(text),
            sbom: options.sbom.as_ref().and_then(text),
            digests: options.digests,
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
