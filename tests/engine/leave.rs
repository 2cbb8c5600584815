//! harden leaves: whatever place it was started from, nothing of it is in the image.

use crate::docker::{Builder, Context, Options, binary, build, fixture};
use crate::matrix::assert_none;
use crate::tree::Tree;

const CONFIG: &str = r#"[run]
user    = "app:1000:1000"
home    = "/"
command = ["/server"]
"#;

/// Paths that are harden, its configuration, or a copy of its bytes.
pub fn traces(tree: &Tree) -> Vec<String> {
    let digest = {
        use sha2::Digest;
        let bytes = std::fs::read(binary()).expect("the binary");
        sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    tree.entries
        .iter()
        .filter(|(path, entry)| {
            let name = path.rsplit('/').next().unwrap_or("");
            name == "harden" || name == "harden.toml" || entry.sha256 == digest
        })
        .map(|(path, entry)| format!("/{path} {entry:?}"))
        .collect()
}

fn context(steps: &str) -> Context {
    Context::with_harden(CONFIG).add(&fixture("server"), "server").file(
        "Dockerfile",
        0o644,
        &format!("FROM scratch\nCOPY server /server\n{steps}\n"),
    )
}

fn result(context: &Context) -> Tree {
    build(Builder::Classic, context, &Options::default()).export()
}

#[test]
fn from_the_top_directory() {
    let tree = result(&context("COPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]"));
    assert_none("traces", &traces(&tree));
    assert!(tree.get("server").is_some(), "the program stays");
}

#[test]
fn from_a_directory_of_its_own_which_goes_too() {
    let tree = result(&context("COPY harden harden.toml /opt/tool/\nRUN [\"/opt/tool/harden\", \"apply\"]"));
    assert_none("traces", &traces(&tree));
    assert!(tree.get("opt/tool").is_none(), "/opt/tool is left, empty");
}

#[test]
fn from_a_directory_with_other_files_which_stays() {
    let context = context(
        "COPY server /opt/tool/other\nCOPY harden harden.toml /opt/tool/\nRUN [\"/opt/tool/harden\", \"apply\"]",
    );
    let tree = result(&context);
    assert_none("traces", &traces(&tree));
    assert!(tree.get("opt/tool/other").is_some(), "what is not harden's stays");
}

#[test]
fn started_through_a_link() {
    let context = context(
        "COPY harden harden.toml /opt/tool/\nCOPY links /run-me\nRUN [\"/run-me/it\", \"apply\", \"--config\", \"/opt/tool/harden.toml\"]",
    )
    .symlink("links/it", "/opt/tool/harden");
    let tree = result(&context);
    assert_none("traces", &traces(&tree));
    assert!(tree.get("run-me/it").is_none(), "the link to harden is left: {:?}", tree.get("run-me/it"));
}

#[test]
fn with_a_configuration_elsewhere() {
    let context = context(
        "COPY harden /\nCOPY harden.toml /settings/mine.toml\nRUN [\"/harden\", \"apply\", \"--config\", \"/settings/mine.toml\"]",
    );
    let tree = result(&context);
    assert_none("traces", &traces(&tree));
    assert!(tree.get("settings/mine.toml").is_none(), "the configuration is left");
}

#[test]
fn from_a_command_directory_where_it_outlasts_every_other_rule() {
    let context = context("COPY harden harden.toml /usr/local/bin/\nRUN [\"harden\", \"apply\", \"-v\"]");
    let image = build(Builder::Classic, &context, &Options::default());
    for name in ["harden", "harden.toml"] {
        let removed = format!("remove /usr/local/bin/{name} (");
        let line = image.log.lines().find(|line| line.contains(&removed)).unwrap_or_default();
        assert!(line.ends_with("harden leaves no trace of itself"), "another rule took {name}: {line}");
    }
    assert_none("traces", &traces(&image.export()));
}

#[test]
fn bind_mounted_it_stays_on_its_mount_and_says_so() {
    let context = context(
        "RUN --mount=type=bind,source=harden,target=/run/harden \
         --mount=type=bind,source=harden.toml,target=/run/harden.toml [\"/run/harden\", \"apply\"]",
    );
    let image = build(Builder::BuildKitBind, &context, &Options::default());
    // BuildKit starts a step's own output with the step's number and the seconds since its start.
    let said: String = image
        .log
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once(' '))
        .filter_map(|(_, line)| line.split_once(' '))
        .filter(|(seconds, _)| seconds.parse::<f64>().is_ok())
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    assert!(said.contains("mount"), "it does not say that the binary is on a mount:\n{said}");
    let tree = image.export();
    assert!(tree.text("etc/passwd").contains("app:x:1000:"), "it did not harden");
    assert_none("traces", &traces(&tree));
}
