//! `[[audit.check]]`: checks without code.

use crate::common::{Rootfs, Run};

fn with(tree: &Rootfs, files: &[(&str, &str)], more: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let config = directory.path().join("harden.toml");
    let mut args = vec!["--config", config.to_str().unwrap()];
    args.extend(more);
    tree.run("audit", &args)
}

fn found(run: &Run) -> Vec<String> {
    assert!(run.status < 2, "{}", run.all());
    let report = run.json();
    let own =
        report["findings"].as_array().unwrap().iter().filter(|f| f["check"].as_str().unwrap().starts_with("org."));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    own.map(|f| format!("{} {} {} {}", text(&f["check"]), text(&f["severity"]), text(&f["path"]), text(&f["detail"])))
        .collect()
}

fn tree() -> Rootfs {
    Rootfs::debian_like()
        .file("/etc/app/app.conf", 0o664, 7, 7, "debug = true\nport = 80\n")
        .file("/etc/app/tls.conf", 0o600, 0, 0, "min = 1.3\n")
        .link("/etc/app/link", "app.conf")
        .text("/srv/a/b/core.123", "x")
}

const CHECKS: &str = r#"
[[audit.check]]
id       = "org.no-core"
severity = "high"
title    = "no core dumps"
help     = "remove them"
paths    = ["/srv/**/core.*"]
presence = "forbidden"

[[audit.check]]
id       = "org.app-conf"
severity = "low"
title    = "settings are root's and quiet"
paths    = ["/etc/app/*.conf"]
owner    = "root:root"
mode     = "0644"
type     = "file"
lacks    = '^debug\s*=\s*true'

[[audit.check]]
id       = "org.tls"
severity = "medium"
title    = "TLS 1.3"
paths    = ["/etc/app/tls.conf", "/etc/app/more.conf"]
presence = "required"
contains = "min = 1\\.3"

[[audit.check]]
id       = "org.no-curl"
severity = "info"
title    = "no packages of that name"
package  = "das?"
presence = "forbidden"
"#;

#[test]
fn each_condition_makes_its_finding() {
    let run = with(&tree(), &[("harden.toml", CHECKS)], &["--format", "json"]);
    let found = found(&run);
    for wanted in [
        "org.no-core high /srv/a/b/core.123 exists",
        "org.app-conf low /etc/app/app.conf belongs to 7:7 and not to 'root:root'",
        "org.app-conf low /etc/app/app.conf has mode 0o664, but should not have 0o20",
        "org.app-conf low /etc/app/app.conf has the text that the check forbids",
        "org.tls medium /etc/app/more.conf does not exist",
    ] {
        assert!(found.iter().any(|line| line == wanted), "{wanted}: {found:#?}");
    }
    assert!(!found.iter().any(|line| line.contains("/etc/app/tls.conf")), "{found:#?}");
    assert!(found.iter().any(|line| line.starts_with("org.no-curl info / the package 'dash'")), "{found:#?}");
    let line =
        run.json()["findings"].as_array().unwrap().iter().any(|f| f["check"] == "org.app-conf" && f["line"] == 1);
    assert!(line, "{}", run.stdout);
}

#[test]
fn they_are_in_every_format_and_take_exceptions_and_a_baseline() {
    for (format, text) in [
        ("text", "  org.no-core (wanted: no core dumps)\n    /srv/a/b/core.123: exists\n    help: remove them"),
        ("junit", "classname=\"org.no-core\""),
        ("sarif", "\"ruleId\": \"org.no-core\", \"ruleIndex\": "),
        ("github", "title=org.no-core"),
    ] {
        let run = with(&tree(), &[("harden.toml", CHECKS)], &["--format", format, "-v"]);
        assert!(run.stdout.contains(text), "{format}: {}", run.stdout);
    }
    let only = "[[audit.check]]\nid = \"org.x\"\nseverity = \"high\"\ntitle = \"t\"\npaths = [\"/etc/app/**\"]\npresence = \"forbidden\"\n";
    let tree = Rootfs::distroless().text("/etc/app/x", "");
    let high = ["--fail-on", "high"];
    assert_eq!(with(&tree, &[("harden.toml", only)], &high).status, 1);
    let exception = "[[audit.exception]]\nid = \"org.x\"\npath = \"/etc/app/x\"\nreason = \"why\"\n";
    assert_eq!(with(&tree, &[("harden.toml", &format!("{only}{exception}"))], &high).status, 0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("baseline.json");
    let path = path.to_str().unwrap();
    assert_eq!(with(&tree, &[("harden.toml", only)], &["--write-baseline", path]).status, 0);
    assert_eq!(with(&tree, &[("harden.toml", only)], &["--baseline", path, "--fail-on", "high"]).status, 0);
    let unknown = with(&tree, &[("harden.toml", exception)], &["--format", "json"]);
    assert!(unknown.stdout.contains("is for a check that does not exist"), "{}", unknown.all());
}

#[test]
fn a_wrong_check_is_refused_with_its_line() {
    let check = |lines: &str| format!("[[audit.check]]\nid = \"org.x\"\nseverity = \"high\"\ntitle = \"t\"\n{lines}\n");
    for (text, why) in [
        (check("paths = [\"/x\"]"), "the check asks nothing of its paths"),
        (check("presence = \"forbidden\""), "the check has no 'paths' or 'package'"),
        (check("paths = [\"x\"]\npresence = \"forbidden\""), "'x' is not absolute"),
        (check("paths = [\"/x\"]\npresence = \"never\""), "'never' is not a presence"),
        (check("paths = [\"/x\"]\nmode = \"rw-\""), "'rw-' is not a mode"),
        (check("paths = [\"/x\"]\nlacks = \"(\""), "'(' is not a regular expression"),
        (check("paths = [\"/x\"]\nmod = \"0644\""), "unknown key 'mod' in a check"),
        (check("paths = [\"/x\"]\ntype = \"files\""), "'files' is not a type"),
        (check("paths = \"/x\"\ntype = \"file\""), "must be an array of paths"),
        (check("paths = [\"/x\"]\ntype = \"file\"").replace("org.x", "files.x"), "choose another family"),
        (check("paths = [\"/x\"]\ntype = \"file\"").replace("org.x", "Org"), "write FAMILY.NAME in lower case"),
        (check("paths = [\"/x\"]\ntype = \"file\"").replace("high", "fatal"), "'fatal' is not a severity"),
        (check("paths = [\"/x\"]\ntype = \"file\"").repeat(2), "the check 'org.x' is a duplicate"),
        ("[audit]\ncheck = 1\n".to_owned(), "must be an array of tables"),
    ] {
        let run = with(&Rootfs::distroless(), &[("harden.toml", &text)], &[]);
        assert!(
            run.status == 2 && run.stderr.contains(why) && run.stderr.contains("harden.toml:"),
            "{why}: {}",
            run.all()
        );
    }
}

#[test]
fn a_policy_with_checks_comes_back_from_dump_config() {
    let dumped = with(&Rootfs::distroless(), &[("harden.toml", CHECKS)], &["--dump-config"]);
    assert_eq!(dumped.status, 0, "{}", dumped.all());
    let again = with(&Rootfs::distroless(), &[("harden.toml", &dumped.stdout)], &["--dump-config"]);
    // All but the places, which are those of the other file.
    let values =
        |run: &Run| run.stdout.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&dumped), "{}", again.all());
    assert!(dumped.stdout.contains("lacks = \"^debug\\\\s*=\\\\s*true\""), "{}", dumped.stdout);
}
