//! What an image holds and how much of it, asked inside a container of it by the static program of tests/setup/census.rs.

use std::collections::{BTreeMap, BTreeSet};

use crate::docker::{Builder, Container, Context, Image, Options, build, docker_ok, fixture};

use super::DEBIAN_REDIS;

/// Names that <https://gtfobins.github.io> lists: programs that help somebody who got in.
const GTFOBINS: &str = include_str!("../../../src/facts/gtfobins.txt");

/// Whether this is how a loader answers of a static program. musl's names itself alone for one that is relocatable.
fn loads_nothing(answer: &str) -> bool {
    const SAID: &[&str] = &["nothing", "statically linked", "not a dynamic executable", "Not a valid dynamic program"];
    let itself = answer.starts_with("/lib/ld-musl-") && !answer.contains([';', ' ']);
    itself || SAID.iter().any(|said| answer.ends_with(said))
}

/// What starts, and what ELF files load.
pub struct Census {
    /// Paths in command directories that lead to a program.
    pub commands: BTreeSet<String>,
    /// What the image's own loader answers for each ELF file, and whether the interpreter of each script
    /// among the commands exists.
    needs: BTreeMap<String, String>,
    /// `files`, `objects` (ELF) and `bytes`.
    sums: BTreeMap<String, u64>,
}

impl Census {
    /// Asks in a container of the image.
    pub fn of(image: &Image) -> Census {
        let container = Container::of(docker_ok(&[
            "create",
            "--network",
            "none",
            "--user",
            "0",
            "--entrypoint",
            "/harden-census",
            &image.tag,
        ]));
        let program = fixture("census");
        docker_ok(&["cp", &program.to_string_lossy(), &format!("{}:/harden-census", container.id)]);
        let mut census = Census { commands: BTreeSet::new(), needs: BTreeMap::new(), sums: BTreeMap::new() };
        for line in docker_ok(&["start", "--attach", &container.id]).lines() {
            match *line.splitn(3, '\t').collect::<Vec<_>>() {
                ["command", path] => {
                    census.commands.insert(path.to_owned());
                }
                ["needs", path, answer] => {
                    census.needs.insert(path.to_owned(), answer.to_owned());
                }
                ["sum", what, number] => {
                    census.sums.insert(what.to_owned(), number.parse().expect("a number"));
                }
                _ => panic!("the census said: {line}"),
            }
        }
        assert!(!census.needs.is_empty(), "{}: no ELF file", image.tag);
        census
    }

    /// How much there is of what the census sums up.
    pub fn sum(&self, what: &str) -> u64 {
        self.sums[what]
    }

    /// One line for each file that needs something which `before` had and this image has not, or has elsewhere. A loader
    /// that had nothing to load may be gone.
    pub fn unlike(&self, before: &Census) -> Vec<String> {
        self.needs
            .iter()
            .filter_map(|(path, answer)| match before.needs.get(path) {
                Some(was) if was == answer => None,
                Some(was) if answer == "no loader" && loads_nothing(was) => None,
                Some(was) => Some(format!("{path}: {was} -> {answer}")),
                None => Some(format!("{path} was not there before")),
            })
            .collect()
    }

    /// The commands that GTFOBins names, also by a versioned name (python3.11).
    pub fn gtfobins(&self) -> BTreeSet<&str> {
        let known: BTreeSet<&str> = GTFOBINS.lines().collect();
        let names = self.commands.iter().filter_map(|path| path.rsplit('/').next());
        names
            .filter(|name| {
                known.contains(name) || known.contains(name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
            })
            .collect()
    }
}

/// The judge can see: an image that lost a library and an interpreter without harden is full of complaints.
#[test]
fn the_census_sees_what_is_missing() {
    let image = |dockerfile: &str| {
        let context = Context::new().file("Dockerfile", 0o644, &format!("FROM {DEBIAN_REDIS}\n{dockerfile}"));
        build(Builder::Classic, &context, &Options::default())
    };
    let before = Census::of(&image("CMD [\"/bin/sh\"]\n"));
    let after = Census::of(&image("RUN rm /usr/lib/*/libssl.so.3 /usr/bin/perl\n"));
    let lines = after.unlike(&before);
    for complaint in [
        "/usr/bin/redis-check-rdb: ",
        "/usr/bin/deb-systemd-helper: /usr/bin/perl is there -> /usr/bin/perl is missing",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(complaint)), "{complaint}: {lines:#?}");
    }
    assert!(before.commands.contains("/usr/bin/perl") && !after.commands.contains("/usr/bin/perl"));
    assert!(before.gtfobins().contains("perl") && before.gtfobins().contains("dash"));
    assert_eq!(before.unlike(&before), Vec::<String>::new());
}
