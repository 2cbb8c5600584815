//! What is no finding: a clean tree, and what only looks like a secret.

use super::dirty::{key, secret};
use super::found;
use crate::common::Rootfs;

#[test]
fn a_distroless_tree_has_no_finding() {
    let run = Rootfs::distroless().run("audit", &["--fail-on", "low", "--format", "json"]);
    assert_eq!(found(&run, "low"), Default::default());
    assert_eq!(run.status, 0);
    assert!(run.json()["notes"].as_array().unwrap().is_empty());
}

#[test]
fn an_empty_tree_has_no_finding() {
    let run = Rootfs::empty().program("/app").run("audit", &["--fail-on", "low", "--format", "json"]);
    assert_eq!(found(&run, "low"), Default::default());
}

#[test]
fn names_and_texts_that_look_like_secrets_are_none() {
    let tree = Rootfs::distroless()
        .text("/usr/lib/python3/site-packages/h2/settings.py", "TOKEN = None\n")
        .text("/app/lib/site-packages/x/credentials", "class Credentials: pass\n")
        .text("/app/node_modules/a/.npmrc", "registry=https://registry.npmjs.org/\n")
        .text("/app/.npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n")
        .text("/app/.env.example", "DB_PASSWORD=s3cr3t\n")
        .text("/app/pem.py", "if text.startswith('-----BEGIN PRIVATE KEY-----'):\n    return load_the_key_from(text)\n")
        .text("/app/ca.crt", key("CERTIFICATE"))
        .text("/app/aws.md", ["AKIA", "IOSFODNN7EXAMPLE\n"].concat())
        .text("/app/credentials", "")
        .file("/app/data.bin", 0o644, 0, 0, format!("\0{}", secret("ghp_")));
    let run = tree.run("audit", &["--fail-on", "low", "--format", "json"]);
    assert_eq!(found(&run, "low"), Default::default());
}

#[test]
fn keys_of_test_suites_and_packages_weigh_less() {
    let tree = Rootfs::distroless()
        .text("/app/tests/server.key", key("PRIVATE KEY"))
        .text("/app/locked.key", key("ENCRYPTED PRIVATE KEY"))
        .text("/usr/share/doc/tool/sample.key", key("PRIVATE KEY"))
        .package("tool", &["/usr/share/doc/tool/sample.key"]);
    let run = tree.run("audit", &["--format", "json"]);
    let key = |path: &str| ("secrets.private-key".to_owned(), path.to_owned());
    let (low, medium, high) = (found(&run, "low"), found(&run, "medium"), found(&run, "high"));
    assert!(low.contains(&key("/app/tests/server.key")) && !medium.contains(&key("/app/tests/server.key")));
    assert!(medium.contains(&key("/app/locked.key")) && !high.contains(&key("/app/locked.key")));
    assert!(!low.contains(&key("/usr/share/doc/tool/sample.key")));
}

#[test]
fn a_larger_file_is_not_read() {
    let large = format!("{}{}", key("PRIVATE KEY"), "x\n".repeat(600_000));
    let run = Rootfs::distroless().text("/app/large", large).run("audit", &["--fail-on", "low", "--format", "json"]);
    assert_eq!(found(&run, "low"), Default::default());
}

#[test]
fn the_id_of_a_key_weighs_less_without_the_key() {
    let id = ["AKIA", "Q3EGRZ7HJ2KLMN4P"].concat();
    let key = ["kR8tYw2mZq5nBv7cXd1f", "Gh3jL6pSe9uTa4oWi0Xz"].concat();
    let high = |text: String| {
        let run = Rootfs::distroless().text("/app/keys.py", text).run("audit", &["--format", "json"]);
        let both = (found(&run, "high").len(), found(&run, "medium").len());
        assert_eq!(both.1, 1, "{}", run.all());
        both.0
    };
    assert_eq!(high(format!("\"{id}\" => \"123456789012\"\n")), 0);
    assert_eq!(high(format!("commit 9f8e7d6c5b4a39281706f5e4d3c2b1a098765432 of {id}\n")), 0);
    assert_eq!(high(format!("id = \"{id}\"\nkey = \"{key}\"\n")), 1);
}
