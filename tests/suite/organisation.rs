//! The example of docs/organisation.md, as the page has it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::common::{Command, Rootfs};

const PAGE: &str = include_str!("../../docs/organisation.md");

/// The text of a block of code that follows a line.
fn block<'a>(before: &str, language: &str) -> &'a str {
    let rest = PAGE.split_once(before).unwrap_or_else(|| panic!("no {before}")).1;
    let begin = format!("```{language}\n");
    rest.split_once(&begin).unwrap().1.split_once("```").unwrap().0
}

/// A directory with both files of the page; more lines for the service.
fn files(more: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let service = format!("{}{more}", block("<!-- file: harden.toml -->", "toml"));
    std::fs::write(directory.path().join("org.toml"), block("<!-- file: org.toml -->", "toml")).unwrap();
    std::fs::write(directory.path().join("harden.toml"), service).unwrap();
    directory
}

/// Status and everything that harden says, started in a directory.
fn run(directory: &Path, args: &[&str]) -> (i32, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_harden")).args(args).current_dir(directory).env_clear().output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap(), text)
}

fn tree() -> Rootfs {
    Rootfs::debian_like().program("/app/server").file("/usr/bin/setid", 0o4755, 0, 0, "x")
}

#[test]
fn the_example_hardens_a_service() {
    let (directory, tree) = (files(""), tree());
    let root = tree.path().to_str().unwrap();
    let (status, said) = run(directory.path(), &["apply", "--root", root, "--config", "harden.toml"]);
    assert_eq!(status, 0, "{said}");
    for (path, bits) in [("app/server", 0o7222), ("usr/bin/setid", 0o7000)] {
        let mode = std::fs::metadata(tree.path().join(path)).unwrap().permissions().mode();
        assert_eq!(mode & bits, 0, "{path}: {mode:o}");
    }
}

#[test]
fn the_dump_is_that_of_the_page() {
    let directory = files("");
    let (status, said) = run(directory.path(), &["--dump-config", "--config", "harden.toml"]);
    assert_eq!(status, 0, "{said}");
    // The page leaves lines out, and none that are there are wrong.
    let shown = block("name the file and line", "console").lines().skip(1).filter(|line| *line != "…");
    for line in shown {
        assert!(said.lines().any(|said| said == line), "no line {line:?} in\n{said}");
    }
}

#[test]
fn what_the_organisation_requires_stays() {
    let directory = files("[rules]\n\"files.setid\" = \"off\"\n");
    let (status, said) = run(directory.path(), &["plan", "--config", "harden.toml"]);
    assert_eq!((status, said.as_str()), (2, block("to its file gets:", "text")));
    // Whether the service extends the policy or not.
    std::fs::write(directory.path().join("harden.toml"), "[rules]\nfiles.setid = \"off\"\n").unwrap();
    let (status, said) = run(directory.path(), &["plan", "--config", "harden.toml", "--extends", "org.toml"]);
    assert!(status == 2 && said.contains("and org.toml:21:1 requires it"), "{said}");
}

#[test]
fn the_check_of_the_organisation_runs_for_every_service() {
    let (directory, tree) = (files(""), tree().text("/app/.env", "KEY=1\n"));
    let root = tree.path().to_str().unwrap();
    let args = ["audit", "--root", root, "--config", "harden.toml", "--fail-on", "high"];
    let (status, said) = run(directory.path(), &args);
    assert!(status == 1 && said.contains("org.no-env-file (wanted: no .env file is in the image)"), "{said}");
}

/// An exception of the organisation is for those images that need it; one of the image is for this image.
#[test]
fn an_exception_of_the_organisation_need_not_match() {
    let exception = "[[audit.exception]]\nid = \"files.setid\"\npath = \"/opt/agent/x\"\nreason = \"the agent's\"\n";
    let (directory, tree) = (files(""), tree());
    std::fs::write(directory.path().join("more.toml"), exception).unwrap();
    let root = tree.path().to_str().unwrap();
    let args = ["audit", "--root", root, "--config", "harden.toml", "--extends", "more.toml"];
    let (_, said) = run(directory.path(), &args);
    assert!(said.contains("files.setid") && !said.contains("audit.exception-unused"), "{said}");
    let args = ["audit", "--root", root, "--config", "more.toml"];
    let (_, said) = run(directory.path(), &args);
    assert!(said.contains("audit.exception-unused"), "{said}");
}

/// A file that is switched off says where, and an entry of the other file says that it is its.
#[test]
fn explain_names_the_file() {
    let directory = files("[rules]\n\"login.defaults\" = \"off\"\n\"remove.commands\" = \"off\"\n");
    let tree = tree().program("/usr/bin/openssl").program("/usr/bin/other");
    let root = tree.path().to_str().unwrap();
    let args = ["explain", "--root", root, "--config", "harden.toml", "openssl", "other"];
    let (status, said) = run(directory.path(), &args);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("command in org.toml:4:22 (runbook 12: certificates on site)"), "{said}");
    assert!(said.contains("remove.commands would remove it and is switched off in harden.toml:9:1"), "{said}");
}
