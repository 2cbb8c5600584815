//! Judges of what `harden apply` leaves, which share nothing with `src/`: OpenSCAP with Debian's rules, Lynis, pwck and
//! grpck (setup/judges.sh fetches them). On Debian 12, Debian 13, and a Debian 12 with more than sixty violations.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::process::Output;

use crate::bases::{DEBIAN_12, DEBIAN_13};
use crate::common::dirty::Dirty;
use crate::common::{Command, Rootfs};
use crate::docker::{Image, binary, both, work};

/// Rules of the family that fail after apply with login.defaults, and why.
const LEFT: &[(&str, &str)] =
    &[("directory_permissions_var_log_audit", "asks for the directory of a daemon that runs on hosts")];

/// What Debian 13's rules ask besides.
const LEFT_13: &[(&str, &str)] =
    &[("file_groupownerships_var_log", "asks that there is a log besides the records of logins; the base has none")];

/// What is left of the violations: `harden audit` names each, none is changed.
const LEFT_DIRTY: &[(&str, &str)] = &[
    ("file_permissions_unauthorized_world_writable", "/srv/open: the application's, outside system directories"),
    ("no_files_unowned_by_user", "/srv/nobody: its number may be a user of other containers"),
    ("no_netrc_files", "/home/dev/.netrc: the application may log in with it"),
    ("sudoers_explicit_command_args", "what /etc/sudoers allows is no matter of modes; sudo itself is gone"),
];

/// Rules that pass before and fail after, and the package that they ask for. OpenSCAP asks apt's library, which reads
/// nothing without apt's sources and dpkg's tables of architectures; these go with the package manager. The record is
/// there, as dpkg-query says.
const LOST: &[(&str, &str)] = &[("package_pam_runtime_installed", "libpam-runtime")];

type Verdicts = BTreeMap<String, String>;

fn judge(script: &str, arguments: &[&Path], profile: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/judges").join(script);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "bash"]).arg(script).args(arguments).arg(profile);
    let output = command.output().expect("unshare starts");
    assert!(output.status.success(), "{}", both(&output));
    output
}

fn content(name: &str) -> std::path::PathBuf {
    let path = work().join("cache/judges").join(name);
    assert!(path.exists(), "{} is missing; run: make setup", path.display());
    path
}

/// What OpenSCAP says of each rule: of the stock profile CIS level 2, and of the family of files and accounts.
fn openscap(tree: &Rootfs, release: &str) -> (Verdicts, Verdicts) {
    let verdicts = |content_file: String, profile: &str| {
        let output = judge("openscap.sh", &[tree.path(), &content(&content_file)], profile);
        let text = String::from_utf8(output.stdout).expect("text");
        let pair = |line: &str| line.split_once(' ').map(|(rule, result)| (rule.to_owned(), result.to_owned()));
        text.lines().map(|line| pair(line).expect("a rule and its result")).collect::<Verdicts>()
    };
    let stock = verdicts(format!("openscap/debian{release}.xml"), "cis_level2_server");
    let family = verdicts(format!("openscap/forced{release}.xml"), "family");
    // Not a verdict on nothing.
    assert!(stock.values().filter(|result| *result == "pass").count() > 90, "{stock:?}");
    assert!(family.len() > 240, "the family has {} rules", family.len());
    (stock, family)
}

fn failed(verdicts: &Verdicts) -> BTreeSet<&str> {
    verdicts.iter().filter(|(_, result)| *result == "fail").map(|(rule, _)| rule.as_str()).collect()
}

/// Rules that fail after, though they passed before.
fn lost<'v>(before: &Verdicts, after: &'v Verdicts) -> BTreeSet<&'v str> {
    let passed = |rule: &&str| before.get(*rule).is_some_and(|result| result == "pass");
    failed(after).into_iter().filter(passed).collect()
}

fn is_recorded(tree: &Rootfs, package: &str) {
    let database = tree.at("/var/lib/dpkg");
    let mut query = Command::new("dpkg-query");
    query.arg("--admindir").arg(database).args(["--show", "--showformat", "${db:Status-Status}", package]);
    let output = query.output().expect("it starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "installed", "{package}: {}", both(&output));
}

fn apply(tree: &Rootfs) {
    let config = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(config.path(), "[rules]\n\"login.defaults\" = \"on\"\n").expect("it is written");
    let mut command = Command::new(binary());
    command.args(["apply", "--user", "app:1000:1000", "--command", "perl", "--root"]).arg(tree.path());
    let output = command.arg("--config").arg(config.path()).output().expect("it starts");
    assert!(output.status.success(), "{}", both(&output));
}

fn is_consistent(tree: &Rootfs) {
    for (program, options) in [("pwck", ["-q", "-r", "-R"].as_slice()), ("grpck", &["-r", "-R"])] {
        let output = Command::new(program).args(options).arg(tree.path()).output().expect("it starts");
        assert!(output.status.success(), "{program}: {}", both(&output));
    }
}

fn lynis_warns_of_nothing(tree: &Rootfs) {
    let output = judge("lynis.sh", &[tree.path(), &content("lynis/box")], "");
    let report = String::from_utf8_lossy(&output.stdout);
    let executed = report.lines().find_map(|line| line.strip_prefix("tests_executed=")).unwrap_or_default();
    for test in ["AUTH-9204", "FILE-6362", "FILE-7524", "HOME-9310"] {
        assert!(executed.contains(test), "{test} did not run: {}", both(&output));
    }
    let warnings: Vec<&str> = report.lines().filter(|line| line.starts_with("warning[]=")).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
}

/// Every judge, before and after.
fn judged(tree: &Rootfs, release: &str, left: &[(&str, &str)]) {
    let (stock, family) = openscap(tree, release);
    apply(tree);
    let (stock_after, family_after) = openscap(tree, release);
    let mut lost_stock = lost(&stock, &stock_after);
    for (rule, package) in LOST {
        assert!(lost_stock.remove(rule), "{rule} is judged as before: it is no exception any more");
        is_recorded(tree, package);
    }
    assert_eq!(lost_stock, BTreeSet::new(), "CIS level 2");
    assert_eq!(lost(&family, &family_after), BTreeSet::new(), "the family");
    assert_eq!(failed(&family_after), left.iter().map(|(rule, _)| *rule).collect(), "what fails and why");
    is_consistent(tree);
    lynis_warns_of_nothing(tree);
}

fn unpacked(tag: &str) -> Rootfs {
    let tree = Rootfs::empty();
    // Not dropped: that would remove the base from the engine.
    ManuallyDrop::new(Image { tag: tag.to_owned(), log: String::new() }).unpack(tree.path());
    // What `docker create` makes.
    let _ = std::fs::remove_file(tree.at("/.dockerenv"));
    tree
}

#[test]
fn debian_12_passes_its_judges() {
    judged(&unpacked(DEBIAN_12.tag), "12", LEFT);
}

#[test]
fn debian_13_passes_its_judges() {
    judged(&unpacked(DEBIAN_13.tag), "13", &[LEFT, LEFT_13].concat());
}

#[test]
fn a_dirty_debian_ends_as_good_as_a_clean_one() {
    let clean = unpacked(DEBIAN_12.tag);
    let version = clean.read("/etc/debian_version");
    let dirty = Dirty::on(clean);
    assert!(dirty.seeded.len() >= 60, "only {} violations", dirty.seeded.len());
    // The judge's rules apply to what it says.
    let tree = dirty.tree.text("/etc/debian_version", version);
    judged(&tree, "12", &[LEFT, LEFT_DIRTY].concat());
    // What stays is not passed over in silence.
    let output = Command::new(binary()).args(["audit", "--root"]).arg(tree.path()).output().expect("it starts");
    let report = String::from_utf8_lossy(&output.stdout);
    for finding in ["/srv/open", "/srv/nobody", "/home/dev/.netrc", "/etc/sudoers.d/app"] {
        assert!(report.contains(finding), "{finding} is not found: {report}");
    }
}
