//! No output of a run takes the place of a file that the run reads, or of another output.

use std::fs;

use crate::common::{Rootfs, bare};

#[test]
fn an_output_is_no_file_that_is_read_and_no_other_output() {
    let tree = Rootfs::debian_like();
    let outside = tempfile::tempdir().unwrap();
    let at = |name: &str| outside.path().join(name).to_str().unwrap().to_owned();
    let (config, other, link, new) = (at("harden.toml"), at("other.toml"), at("link"), at("new"));
    fs::write(&config, "[run]\nuser = \"app:1000\"\ncommand = \"none\"\n").unwrap();
    fs::write(&other, "").unwrap();
    std::os::unix::fs::symlink(&config, &link).unwrap();
    let root = tree.path().to_str().unwrap();
    let plan = ["plan", "--root", root, "--config", &config];
    for (more, said) in [
        (vec!["--report", &config], "--report would overwrite the configuration that is read"),
        (vec!["--sbom", &link], "--sbom would overwrite the configuration that is read"),
        (vec!["--extends", &other, "--report", &other], "--report would overwrite the configuration that is read"),
        (vec!["--report", &new, "--sbom", &new], "--sbom and --report would write one file, '"),
    ] {
        let run = bare(&[&plan[..], &more].concat(), &[], b"");
        assert_eq!(run.status, 2, "{more:?}: {}", run.all());
        assert!(run.stderr.contains("error[usage.conflict]") && run.stderr.contains(said), "{more:?}: {}", run.all());
    }
    // The policy names files, too.
    fs::write(&config, "extends = [\"other.toml\"]\n[run]\nuser = \"app:1000\"\ncommand = \"none\"\n").unwrap();
    let run = bare(&[&plan[..], &["--report", &other]].concat(), &[], b"");
    assert_eq!(run.status, 2, "{}", run.all());
    assert!(run.stderr.contains("--report would overwrite a file of the policy that is read"), "{}", run.all());
    assert!(fs::read_to_string(&config).unwrap().contains("app:1000") && fs::read(&other).unwrap().is_empty());
    let run = bare(&[&plan[..], &["--report", &at("a.json"), "--sbom", &at("b.json")]].concat(), &[], b"");
    assert_eq!(run.status, 0, "{}", run.all());
    // What is no file may take everything.
    let run = bare(&[&plan[..], &["--report", "/dev/null", "--sbom", "/dev/null"]].concat(), &[], b"");
    assert_eq!(run.status, 0, "{}", run.all());
}
