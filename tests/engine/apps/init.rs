//! A row hardened with the policy that `harden init` writes for its image, without a hand on the file.

use std::fs::File;
use std::io::{Seek as _, Write as _};

use crate::docker::{Builder, Context, Image, Options, binary, both, build, docker_fed, docker_ok};

/// Rows whose application is compiled and starts a program by name: nothing that harden reads tells that, so a person does.
const KNOWN_TO_A_PERSON: &[(&str, &str)] = &[("java", "uname"), ("dotnet", "uname")];

/// The policy that `harden init` writes, as docs/reference.md tells users to run it.
fn policy(image: &Image) -> String {
    let mut config: File = tempfile::tempfile().expect("a file");
    config.write_all(docker_ok(&["inspect", &image.tag]).as_bytes()).expect("a file");
    config.rewind().expect("a file");
    let harden = format!("{}:/harden:ro", binary().display());
    let run = ["run", "--rm", "-i", "--user", "0", "--entrypoint", "/harden", "-v", &harden, &image.tag];
    let output = docker_fed(&[&run[..], &["init", "--image-config", "-"]].concat(), config);
    assert!(output.status.success(), "init failed:\n{}", both(&output));
    String::from_utf8(output.stdout).expect("a policy")
}

/// Hardens the image of a row with what init writes.
pub fn hardened(name: &str, before: &Image, user: &str) -> Image {
    let mut policy = policy(before);
    for (_, program) in KNOWN_TO_A_PERSON.iter().filter(|(row, _)| *row == name) {
        policy = policy.replace("commands = []\n", &format!("commands = [\"{program}\"]\n"));
    }
    eprintln!("{policy}");
    let dockerfile =
        format!("FROM {}\nUSER 0\nCOPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]\nUSER {user}\n", before.tag);
    let context = Context::with_harden(&policy).file("Dockerfile", 0o644, &dockerfile);
    build(Builder::BuildKit, &context, &Options::default())
}
