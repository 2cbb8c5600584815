//! A row in minimal mode: the image that docs/minimal.md tells people to build, the packages that its database lists, and a lesson
//! of the program at its own work.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::docker::{self, Builder, Container, Context, Image, Options, binary, docker_ok};

/// The rows that learn without `HARDEN_MATRIX=all`.
const LEARN: &[&str] = &["nginx", "redis", "python"];

/// What `FROM scratch` forgets, besides ENV.
const SETTINGS: &[&str] = &["USER ", "WORKDIR ", "VOLUME ", "ENTRYPOINT ", "CMD ", "STOPSIGNAL ", "HEALTHCHECK "];

/// Whether a row learns.
pub fn learns(name: &str) -> bool {
    LEARN.contains(&name) || std::env::var("HARDEN_MATRIX").is_ok_and(|value| value == "all")
}

/// The row's policy in minimal mode.
pub fn by_package(policy: &str) -> String {
    format!("mode = \"minimal\"\n{policy}")
}

/// The row's policy with what was learned, where only needed files stay.
pub fn by_file(policy: &str, learned: &str) -> String {
    let mut keep = String::new();
    let mut rest = String::new();
    let mut inside = false;
    for line in policy.lines() {
        if line.starts_with('[') {
            inside = line == "[keep]";
        }
        if line != "[keep]" {
            let _ = writeln!(if inside { &mut keep } else { &mut rest }, "{line}");
        }
    }
    let (_, learned) = learned.split_once("[keep]\n").unwrap_or_default();
    for list in ["commands", "paths"] {
        let begin = format!("{list} = [");
        let entries =
            learned.split_once(&begin).and_then(|(_, text)| text.split_once("\n]")).map_or("", |(text, _)| text);
        if !keep.contains(&begin) {
            let _ = writeln!(keep, "{begin}]");
        }
        keep = keep.replacen(&begin, &format!("{begin}{entries}\n"), 1);
    }
    format!("mode = \"minimal\"\n{rest}\n[keep]\n{keep}\n[minimal]\ngranularity = \"file\"\n")
}

/// Hardens and copies the result into an empty image, with the settings that this forgets.
pub fn build(before: &Image, dockerfile: &str, policy: &str) -> Image {
    let environment = docker_ok(&["inspect", "--format", "{{json .Config.Env}}", &before.tag]);
    let environment: Option<Vec<String>> = serde_json::from_str(&environment).expect("a list");
    let mut text = format!(
        "FROM {} AS hardened\nUSER 0\nCOPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]\n\
         FROM scratch\nCOPY --from=hardened / /\n",
        before.tag
    );
    for variable in environment.into_iter().flatten() {
        let (name, value) = variable.split_once('=').expect("a value");
        let _ = writeln!(text, "ENV {name}={value:?}");
    }
    for line in dockerfile.lines().filter(|line| SETTINGS.iter().any(|setting| line.starts_with(setting))) {
        let _ = writeln!(text, "{line}");
    }
    let context = Context::with_harden(policy).file("Dockerfile", 0o644, &text);
    docker::build(Builder::BuildKit, &context, &Options::default())
}

/// What the databases list, which is what scanners report (scanner.rs compares the two).
pub struct Packages {
    pub before: usize,
    pub after: BTreeSet<String>,
}

impl Packages {
    pub fn of(before: &Image, after: &Image) -> Packages {
        let (before, after) = (listed(before), listed(after));
        assert!(after.is_subset(&before), "{:?}", after.difference(&before));
        Packages { before: before.len(), after }
    }
}

/// Names of installed packages.
fn listed(image: &Image) -> BTreeSet<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let files = ["var/lib/dpkg/status", "lib/apk/db/installed"];
    // No image has both.
    image.unpack_part(directory.path(), &files);
    let [dpkg, apk] = files.map(|file| fs::read_to_string(directory.path().join(file)).unwrap_or_default());
    let dpkg = dpkg.split("\n\n").filter(|record| record.contains("\nStatus: install ok installed\n"));
    let dpkg = dpkg.filter_map(|record| record.lines().find_map(|line| line.strip_prefix("Package: ")));
    let names: BTreeSet<String> =
        dpkg.chain(apk.lines().filter_map(|line| line.strip_prefix("P:"))).map(str::to_owned).collect();
    assert!(!names.is_empty(), "{} lists no package", image.tag);
    names
}

/// Containers that learn, one after the other, into one file.
pub struct Lesson {
    directory: tempfile::TempDir,
    /// Whether the program starts as root and changes its user.
    drops: bool,
    /// Whether every call is learned, too.
    calls: bool,
}

/// The rows whose program is confined to the calls that it made.
pub fn confines(name: &str) -> bool {
    ["nginx", "redis", "python", "node", "java", "dotnet"].contains(&name)
}

impl Lesson {
    pub fn new(drops: bool, calls: bool) -> Lesson {
        let directory = tempfile::tempdir().expect("a directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("a mode");
        Lesson { directory, drops, calls }
    }

    /// Starts the image that was not hardened.
    pub fn start(&self, image: &Image, options: &[&str]) -> Container {
        let words = |key: &str| {
            let words = docker_ok(&["inspect", "--format", &format!("{{{{json .Config.{key}}}}}"), &image.tag]);
            serde_json::from_str::<Option<Vec<String>>>(&words).expect("a list").unwrap_or_default()
        };
        let command = [words("Entrypoint"), words("Cmd")].concat();
        let harden = format!("{}:/harden:ro", binary().display());
        let out = format!("{}:/learned", self.directory.path().display());
        let mut all = vec!["-v", &harden, "-v", &out, "--entrypoint", "/harden"];
        if self.drops {
            all.extend(["--cap-add", "SYS_PTRACE"]);
        }
        all.extend(options);
        let mut learn = vec!["learn", "--merge", "-o", "/learned/learned.toml"];
        if self.calls {
            learn.extend(["--seccomp", "/learned/seccomp.json"]);
        }
        learn.push("--");
        learn.extend(command.iter().map(String::as_str));
        let mut container = Container::start(&image.tag, &all, &learn);
        container.learns = true;
        container
    }

    /// The option that confines a container to the calls that were learned.
    pub fn confined(&self) -> String {
        let file = self.directory.path().join("seccomp.json");
        let profile: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&file).expect("a profile")).expect("JSON");
        let rules = profile["syscalls"].as_array().into_iter().flatten();
        let allowed = rules.filter(|rule| rule["action"] == "SCMP_ACT_ALLOW");
        let names = allowed.flat_map(|rule| rule["names"].as_array().into_iter().flatten());
        let names: BTreeSet<&str> = names.map(|name| name.as_str().expect("a name")).collect();
        eprintln!("{} calls are allowed: {names:?}", names.len());
        format!("seccomp={}", file.display())
    }

    /// What was written when the last container ended.
    pub fn learned(&self) -> String {
        fs::read_to_string(self.directory.path().join("learned.toml")).expect("a lesson")
    }
}

#[test]
fn what_was_learned_joins_the_policy() {
    let learned = "# x\n[keep]\ncommands = [\n    { name = \"/a\" },\n]\npaths = [\n    { path = \"/b\" },\n]\n";
    let list = |name: &str, entry: &str, rest: &str| format!("{name} = [\n    {{ {entry} }},\n{rest}]\n");
    for (policy, rest, own) in [
        ("[run]\nuser = \"x\"\n", "[run]\nuser = \"x\"\n", ""),
        ("[keep]\ncommands = [\"sh\"]\n\n[remove]\ncommands = [\"su\"]\n", "[remove]\ncommands = [\"su\"]\n", "\"sh\""),
    ] {
        let squeezed = |text: &str| text.replace("\n\n", "\n").replace("[\n\n", "[\n").replace("\n]", "]");
        let (commands, paths) = (list("commands", "name = \"/a\"", own), list("paths", "path = \"/b\"", ""));
        let wanted = format!("mode = \"minimal\"\n{rest}[keep]\n{commands}{paths}[minimal]\ngranularity = \"file\"\n");
        assert_eq!(squeezed(&by_file(policy, learned)), squeezed(&wanted));
    }
}
