//! check-config: reads files of harden.toml's form without an image, and reports their errors.

use std::path::{Path, PathBuf};

use super::{Host, known};
use crate::console::{self, Console, Volume};
use crate::diag::{Diagnostic, Kind, codes, escape};
use crate::exit::Exit;
use crate::policy::{self, Options};

/// An image that says what it runs, as many do: what the file asks of it is no problem of the file.
const IMAGE: &[u8] = br#"{"config":{"User":"1","Cmd":["/"]}}"#;

/// Read each file by itself, with what it extends, and say all of what is wrong.
pub(super) fn run(files: &[PathBuf], options: &Options, volume: Volume) -> Exit {
    let console = Console::new(volume, options.no_color);
    let usual = [PathBuf::from("harden.toml")];
    let files = if files.is_empty() { &usual } else { files };
    let mut good = true;
    for file in files {
        let problems = problems(file, options);
        for problem in &problems {
            console.say(Kind::Error, problem);
        }
        good &= problems.is_empty();
        if problems.is_empty() && volume > Volume::Quiet {
            let name = escape::quoted(file.to_string_lossy().as_bytes());
            if console::print(&format!("{name}: valid\n")).is_err() {
                return Exit::Failed;
            }
        }
    }
    if good { Exit::Done } else { Exit::Refused }
}

fn problems(file: &Path, options: &Options) -> Vec<Diagnostic> {
    if file.to_str().is_none() {
        let name = escape::quoted(file.as_os_str().as_encoded_bytes());
        return vec![Diagnostic::new(codes::CONFIG_READ, format!("the name {name} is not UTF-8"))];
    }
    let options = Options {
        config: Some(file.to_owned()),
        archive_config: Some(IMAGE.to_vec()),
        // Not the environment of this machine.
        root: Some(PathBuf::from("/")),
        ..options.clone()
    };
    policy::load(&options, None, &known(), &Host).err().unwrap_or_default()
}
