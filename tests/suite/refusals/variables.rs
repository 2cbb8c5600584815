//! Variables of the image that name programs and data.

use crate::common::{Applied, Refused, Rootfs};

const OWN: &str = "[run]\nuser = 'app:1000:1000'\ncommand = ['/app/server']\n";

fn tree() -> Rootfs {
    Rootfs::debian_like().programs(&["/usr/bin/ssh", "/usr/bin/less"])
}

fn image(variable: &str) -> String {
    format!("{{\"config\": {{\"Env\": [\"{variable}\"], \"User\": \"app\"}}}}")
}

/// A configuration file beside the image's, so that both count.
fn arguments(variable: &str) -> (tempfile::NamedTempFile, [String; 2]) {
    use std::io::Write as _;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(image(variable).as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    (file, ["--image-config".to_owned(), path])
}

fn refuse(tree: &Rootfs, variable: &str, more: &str) -> Refused {
    let (_file, args) = arguments(variable);
    tree.refuse_config(&format!("{OWN}{more}"), &args.each_ref().map(String::as_str))
}

fn apply(tree: Rootfs, variable: &str, more: &str) -> Applied {
    let (_file, args) = arguments(variable);
    tree.apply_config(&format!("{OWN}{more}"), &args.each_ref().map(String::as_str))
}

#[test]
fn a_variable_that_names_a_program_which_goes_is_refused_and_two_lines_settle_it() {
    for (variable, word) in [
        ("GIT_SSH=/usr/bin/ssh", "/usr/bin/ssh"),
        ("X=/usr/bin/ssh -i key", "/usr/bin/ssh"),
        ("GIT_SSH_COMMAND=ssh -i key", "ssh"),
    ] {
        let refused = refuse(&tree(), variable, "");
        let name = variable.split('=').next().unwrap();
        refused
            .says(&["refused[guard.environment]", &format!("the variable '{name}' of the image names '{word}'")])
            .alone();
        apply(tree(), variable, &format!("[keep]\ncommands = ['{word}']\n")).assert_kept(&["/usr/bin/ssh"]);
        apply(tree(), variable, &format!("[remove]\ncommands = ['{word}']\n")).assert_gone(&["/usr/bin/ssh"]);
    }
    // What a person at a terminal uses, a word, and what is no command.
    for variable in ["PAGER=/usr/bin/less", "SHELL=/bin/bash", "A=less", "B=/usr/bin", "C=/no/ssh", "HOME=/usr/bin/ssh"]
    {
        apply(tree(), variable, "").assert_gone(&["/usr/bin/less", "/usr/bin/ssh"]);
    }
}

#[test]
fn data_that_a_variable_names_stays_with_what_its_links_lead_to() {
    let tree = || {
        tree()
            .programs(&["/usr/bin/cat-admin", "/usr/share/cat/bin/tool"])
            .text("/etc/cat/server.xml", "x")
            .text("/var/lib/cat/own", "x")
            .text("/usr/share/cat/lib.jar", "x")
            .link("/var/lib/cat/conf", "/etc/cat")
            .link("/var/lib/cat/lib.jar", "/usr/share/cat/lib.jar")
            .package("cat-admin", &["/usr/bin/cat-admin", "/etc/cat/server.xml", "/usr/share/cat/bin/tool"])
            .package("cat-lib", &["/usr/share/cat/lib.jar"])
            .package("base-files", &["/usr/lib/os-release"])
    };
    let minimal = "mode = 'minimal'\n";
    let (_file, args) = arguments("CAT_BASE=/var/lib/cat");
    let done = tree().apply_config(&format!("{minimal}{OWN}"), &args.each_ref().map(String::as_str));
    done.assert_same(&["/etc/cat/server.xml", "/var/lib/cat/conf", "/usr/share/cat/lib.jar"]);
    done.assert_gone(&["/usr/bin/cat-admin"]);
    let (_file, args) = arguments("CAT_BASE=/var/lib/other");
    tree()
        .apply_config(&format!("{minimal}{OWN}"), &args.each_ref().map(String::as_str))
        .assert_gone(&["/etc/cat/server.xml", "/usr/share/cat/lib.jar"]);
}
