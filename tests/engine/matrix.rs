//! Every distribution with every way to bring harden: the build, the running application, the layer, the result,
//! a second build, a second run.

use std::time::Duration;

use crate::bases::{ALPINE, Base, DEBIAN_12, DEBIAN_13};
use crate::docker::{Builder, Container, Image, LOCKED_DOWN, Options, build, flatten};
use crate::inspect::{self, Expected};
use crate::layer::{Stamped, content_bytes};
use crate::leave::traces;
use crate::tree::{Kind, Tree};

/// File content that harden's layer may hold beside rewritten package databases.
const LAYER_BUDGET: u64 = 64 * 1024;

/// What is left of the groups everywhere: the kept accounts' and the one that /etc/shadow belongs to.
pub const GROUPS: &[&str] = &["root", "app", "shadow"];

#[test]
fn debian_12_with_every_builder() {
    every_builder(&DEBIAN_12);
}

#[test]
fn debian_13_with_every_builder() {
    every_builder(&DEBIAN_13);
}

#[test]
fn alpine_3_20_with_every_builder() {
    every_builder(&ALPINE);
}

fn every_builder(base: &Base) {
    let before = build(Builder::Classic, &base.context_before(), &Options::default()).export();
    let trees: Vec<Tree> = Builder::ALL
        .into_iter()
        .map(|builder| {
            eprintln!("--- {} with {builder:?}", base.tag);
            one(base, builder, &before)
        })
        .collect();
    // Whichever way harden came, the image that is left is the same one.
    let stamped = Stamped::new(&["/app", "/harden"], &["/run/harden"]);
    for (builder, tree) in Builder::ALL.iter().zip(&trees).skip(1) {
        let (mut first, mut other) = (stamped.without_in_export(&trees[0]), stamped.without_in_export(tree));
        for tree in [&mut first, &mut other] {
            // Each build copied the application anew and made its directories at its own time.
            for (path, entry) in &mut tree.entries {
                if path.starts_with("app") {
                    entry.mtime = 0;
                }
            }
        }
        assert_none(&format!("Classic against {builder:?}"), &first.differences(&other));
    }
}

fn one(base: &Base, builder: Builder, before: &Tree) -> Tree {
    let context = base.context(builder);
    let stamped = match builder {
        Builder::Classic | Builder::BuildKit => Stamped::new(&["/app", "/harden", "/harden.toml"], &[]),
        Builder::BuildKitBind => Stamped::new(&["/app"], &["/run/harden", "/run/harden.toml"]),
    };
    let image = build(builder, &context, &Options::default());
    serves(base, &image);

    let layers = image.layers();
    let (layer, below) = layers.split_last().expect("layers");
    let below = flatten(below);
    assert_none("entries without a difference", &stamped.needless(layer, &below));
    assert_none("directories with a new time", &stamped.retimed(layer, &below));
    let (content, database) = content_bytes(layer);
    eprintln!(
        "{} {builder:?}: layer of {} entries, {content} bytes of content, {database} in package databases",
        base.tag,
        layer.entries.len()
    );
    // A multi-call binary without its other applets is a whole file.
    let binary = layer.entries.get("bin/busybox").map_or(0, |entry| entry.size);
    assert!(content - binary <= LAYER_BUDGET, "the layer holds {content} bytes of file content");

    let exported = image.export();
    assert_none("traces of harden", &traces(&exported));
    let expected = Expected { programs: base.programs, accounts: &["root", "app"], groups: GROUPS, kept: &[] };
    assert_none("the image after apply", &inspect::complaints(before, &exported, &expected));

    // A few seconds later the same layer and the same tree again.
    std::thread::sleep(Duration::from_secs(2));
    let again = build(builder, &context, &Options::default());
    let layers = again.layers();
    let second = layers.last().expect("layers");
    assert_none("two builds' layers", &stamped.without(layer).differences(&stamped.without(second)));
    assert_none(
        "two builds' trees",
        &stamped.without_in_export(&exported).differences(&stamped.without_in_export(&again.export())),
    );

    // Hardened once more: only harden itself comes and goes.
    if builder == Builder::Classic {
        let twice = build(builder, &base.context_again(&image.tag), &Options::default());
        let layers = twice.layers();
        let layer = layers.last().expect("layers");
        let changed: Vec<String> = layer
            .entries
            .iter()
            .filter(|(path, entry)| {
                let self_removal = entry.kind == Kind::Whiteout && ["harden", "harden.toml"].contains(&path.as_str());
                let engine = entry.is_dir() && ["", "etc"].contains(&path.as_str());
                !self_removal && !engine
            })
            .map(|(path, entry)| format!("/{path} {entry:?}"))
            .collect();
        assert_none("what a second run changed", &changed);
    }
    exported
}

fn serves(base: &Base, image: &Image) {
    let container = Container::start(&image.tag, &LOCKED_DOWN, &[]);
    assert_eq!(container.get("/"), base.answer, "{}", container.logs());
    assert_eq!(container.ids(), (1000, 1000), "the application runs as the run user");
}

/// Fails with every line when there is one.
pub fn assert_none(what: &str, lines: &[String]) {
    let shown = lines.iter().take(60).map(|line| format!("  {line}\n")).collect::<String>();
    assert!(lines.is_empty(), "{what}: {}\n{shown}", lines.len());
}
