//! The archive that plan, audit, image and explain read, before the policy: it brings the image's configuration.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::archive::{self, Archive, Platform, Wanted};
use crate::console::Console;
use crate::diag::{Diagnostic, codes, escape};
use crate::policy::{Environment, Options};
use crate::root::host;

/// Read the archive at a path, or of standard input for `-`.
///
/// # Errors
/// The cause with the archive's name.
pub(super) fn read(
    path: &Path,
    environment: &Environment,
    options: &Options,
    wanted: Wanted,
) -> Result<Archive, Diagnostic> {
    let stdin = path == Path::new("-");
    let name = if stdin { "standard input".to_owned() } else { escape::quoted(path.as_os_str().as_encoded_bytes()) };
    let verb = if wanted.whole { "read" } else { "audit" };
    let fault = |error: Diagnostic| {
        let text = format!("cannot {verb} {name}: {}", error.text);
        Diagnostic { text, ..error }
    };
    let platform = options.platform.as_ref().map(|given| {
        Platform::parse(&given.text).ok_or_else(|| {
            let text = format!("{} is not a platform", escape::quoted(given.text.as_bytes()));
            Diagnostic::at(codes::VALUE, &given.origin, text).help("write OS/ARCH, such as linux/arm64")
        })
    });
    let platform = platform.transpose()?;
    let file = if stdin { host::stdin() } else { host::open(path) };
    let file = file.map_err(|error| {
        let message = Diagnostic::new(codes::ARCHIVE_READ, error.to_string());
        fault(message.help("give a file, or - for standard input"))
    })?;
    let directories = directories(environment, options);
    archive::read_with(file, directories, platform.as_ref(), options.max_size, wanted).map_err(fault)
}

/// Say what of an archive is read, and what was read otherwise than it stands there.
pub(super) fn announce(archive: &Archive, console: &Console) {
    archive.notes.iter().for_each(|note| console.phase(note));
    if let Some(first) = archive.image.as_ref().and_then(|image| image.platforms.first()) {
        console.phase(&format!("the image for {first}: --platform chooses another one"));
    }
}

/// Directories for temporary files: that of the output, TMPDIR, and the usual ones.
pub(super) fn directories(environment: &Environment, options: &Options) -> Vec<PathBuf> {
    let output = options.output.as_deref().filter(|path| *path != Path::new("-")).map(|path| {
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
    });
    let given = environment.get(OsStr::new("TMPDIR")).filter(|value| !value.is_empty()).map(PathBuf::from);
    output.into_iter().chain(given).chain(["/var/tmp".into(), "/tmp".into(), ".".into()]).collect()
}
