//! What the policy says counts: kept bits, shells, paths and commands; exceptions with reasons and days.

use super::found;
use crate::common::Rootfs;

fn with(tree: &Rootfs, text: &str, more: &[&str], environment: &[(&str, &str)]) -> crate::common::Run {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("harden.toml");
    std::fs::write(&config, text).unwrap();
    let mut args = vec!["--format", "json", "--config", config.to_str().unwrap()];
    args.extend(more);
    tree.run_with("audit", &args, environment, b"")
}

fn pair(check: &str, path: &str) -> (String, String) {
    (check.to_owned(), path.to_owned())
}

#[test]
fn keep_entries_are_honoured() {
    let tree = Rootfs::debian_like()
        .account("app", 1000, "/app", "/bin/bash")
        .text("/etc/cron.d/app", "* * * * * app true\n")
        .file("/opt/ping", 0o755, 0, 0, "x")
        .capability("/opt/ping")
        .file("/app/data/x", 0o644, 4711, 4711, "x");
    let plain = found(&with(&tree, "", &[], &[]), "info");
    let policy = "[keep]\nsetid = [\"/usr/bin/su\", \"/opt/ping\"]\nshells = [\"app\"]\npaths = [\"/etc/cron.d/app\"]\n\
                  users = [\"4711\"]\ngroups = [\"4711\"]\n";
    let kept = found(&with(&tree, policy, &[], &[]), "info");
    for (check, path) in [
        ("files.setid", "/usr/bin/su"),
        ("files.capabilities", "/opt/ping"),
        ("accounts.login-shell", "/etc/passwd"),
        ("files.unowned", "/app/data/x"),
    ] {
        let finding = pair(check, path);
        assert!(plain.contains(&finding) && !kept.contains(&finding), "{check} {path}");
    }
    // The directory goes as a whole; with a kept file in it, only the other files do.
    assert!(plain.contains(&pair("jobs.present", "/etc/cron.d")));
    let jobs: Vec<&str> =
        kept.iter().filter(|(check, _)| check == "jobs.present").map(|(_, path)| path.as_str()).collect();
    assert!(jobs.contains(&"/etc/cron.d/e2scrub_all") && !jobs.contains(&"/etc/cron.d/app"), "{jobs:?}");
    assert!(!jobs.contains(&"/etc/cron.d"), "{jobs:?}");
    assert!(kept.contains(&pair("files.setid", "/usr/bin/mount")));
}

#[test]
fn a_kept_program_says_why_it_is_there() {
    let args = ["--user", "app:1000", "--command", "/usr/bin/perl /app/server"];
    let run = with(&Rootfs::debian_like(), "", &args, &[]);
    let report = run.json();
    let of = |path: &str| {
        report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|f| f["path"] == path && f["check"] == "programs.gtfobins")
            .unwrap()
            .clone()
    };
    let perl = of("/usr/bin/perl");
    assert_eq!(perl["severity"], "info");
    assert!(
        perl["detail"].as_str().unwrap().contains("kept: word '/usr/bin/perl' of the command in --command"),
        "{perl}"
    );
    assert!(perl["rule"].is_null());
    assert_eq!(
        (of("/usr/bin/mawk")["severity"].clone(), of("/usr/bin/mawk")["rule"].clone()),
        ("low".into(), "remove.commands".into())
    );
    // What no other check says: accounts that go.
    assert!(found(&run, "low").contains(&pair("plan.pending", "/")));
}

#[test]
fn exceptions_have_reasons_and_days() {
    let tree = Rootfs::distroless().file("/srv/a/open", 0o666, 0, 0, "x").file("/srv/b/open", 0o666, 0, 0, "x");
    let exception = |rest: &str| format!("[[audit.exception]]\nid = \"files.world-writable\"\n{rest}\n");
    // 2027-01-15.
    let clock = [("SOURCE_DATE_EPOCH", "1800000000")];
    let run = with(&tree, &exception("path = \"/srv/*/open\"\nreason = \"shared\""), &["--fail-on", "low"], &clock);
    assert_eq!(run.status, 0, "{}", run.all());
    let report = run.json();
    assert_eq!(report["counts"]["excepted"], 2);
    assert_eq!(report["findings"][0]["reason"], "shared");

    let one = exception("path = \"/srv/a/open\"\nreason = \"shared\"\nexpires = \"2027-01-15\"");
    assert_eq!(found(&with(&tree, &one, &[], &clock), "low"), [pair("files.world-writable", "/srv/b/open")].into());
    let late = [("SOURCE_DATE_EPOCH", "1800100000")];
    let expired = with(&tree, &one.replace("\"2027-01-15\"", "2027-01-15"), &[], &late);
    let names: Vec<(String, String)> = found(&expired, "low").into_iter().collect();
    assert_eq!(
        names,
        [
            pair("audit.exception-expired", "/"),
            pair("files.world-writable", "/srv/a/open"),
            pair("files.world-writable", "/srv/b/open")
        ]
    );

    let unused = with(&tree, &exception("path = \"/opt/*\"\nreason = \"gone\""), &[], &clock);
    assert!(found(&unused, "low").contains(&pair("audit.exception-unused", "/")));
    assert!(
        unused
            .json()
            .to_string()
            .contains("harden.toml:1: the exception of files.world-writable for '/opt/*' matches no finding")
    );
}

#[test]
fn a_wrong_exception_is_refused_with_its_place() {
    let tree = Rootfs::distroless();
    for (text, message) in [
        ("id = \"files.setid\"\npath = \"/x\"", "the exception has no 'reason'"),
        ("id = \"files.setid\"\npath = \"/x\"\nreason = \" \"", "the exception has no 'reason'"),
        ("id = \"files.setuid\"\npath = \"/x\"\nreason = \"y\"", "did you mean 'files.setid'?"),
        ("id = \"files.setid\"\npath = \"x\"\nreason = \"y\"", "'x' is not absolute"),
        ("id = \"files.setid\"\npath = \"/x\"\nreason = \"y\"\nexpires = \"2027-02-30\"", "'2027-02-30' is not a date"),
        ("id = \"files.setid\"\npath = \"/x\"\nreason = \"y\"\nuntil = \"2027-02-03\"", "unknown key 'until'"),
    ] {
        let run = with(&tree, &format!("[[audit.exception]]\n{text}\n"), &[], &[]);
        assert!(
            run.status == 2 && run.stderr.contains(message) && run.stderr.contains("harden.toml:"),
            "{text}: {}",
            run.all()
        );
    }
}
