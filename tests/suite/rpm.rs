//! Images of distributions that use rpm: what a package owns counts there as it does with dpkg and apk, whichever of
//! rpm's three formats the database has, and a database that cannot be read is said to be so. Needs root.
//!
//! The databases in tests/data/rpm are rpm's own work: tests/setup/rpm.sh makes them.

use std::collections::BTreeSet;
use std::fs;

use crate::common::{APP, Rootfs, walk};
use harden::testing::facts::packages::{Manager, Packages};
use harden::testing::root::Root;
use harden::testing::tree::Tree;

const SQLITE: &[u8] = include_bytes!("../data/rpm/rpmdb.sqlite");
const NDB: &[u8] = include_bytes!("../data/rpm/Packages.db");
const LITTLE: &[u8] = include_bytes!("../data/rpm/Packages.little");
const BIG: &[u8] = include_bytes!("../data/rpm/Packages.big");

/// Every format where a distribution has it.
const DATABASES: &[(&str, &[u8])] = &[
    ("/var/lib/rpm/rpmdb.sqlite", SQLITE),
    ("/usr/lib/sysimage/rpm/Packages.db", NDB),
    ("/var/lib/rpm/Packages", LITTLE),
    ("/usr/share/rpm/Packages", BIG),
];

/// What the packages of the databases own, as far as it is installed.
fn installed() -> Rootfs {
    let base = Rootfs::empty()
        .link("/bin", "usr/bin")
        .text("/etc/os-release", "ID=\"rhel\"\n")
        .text("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
        .text("/etc/group", "root:x:0:\n")
        .program("/app/server")
        .program("/usr/bin/bash")
        .program("/usr/bin/suite")
        .program("/usr/libexec/suite/helper")
        .library("/usr/lib64/libsuite.so.1", &[])
        .text("/etc/suite.conf", "x")
        .program("/usr/bin/microdnf")
        .text("/usr/lib/micro/code", "x")
        .program("/usr/bin/lone")
        .program("/usr/libexec/lone/worker")
        .text("/etc/lone.conf", "x")
        .text("/usr/share/doc/lone/README", "x");
    (1..=14).fold(base, |base, n| {
        base.text(format!("/usr/share/lone/a file of data that makes the header long {n}"), n.to_string())
    })
}

fn facts(image: &Rootfs) -> (Tree, Packages) {
    let root = Root::open(image.path().to_str().unwrap().as_bytes()).unwrap();
    let tree = walk(&root);
    let packages = Packages::collect(&tree, &root);
    (tree, packages)
}

/// Name, source, version, and whether an entry of it in a command directory is missing.
fn names(packages: &Packages) -> BTreeSet<(&str, &str, &str, bool)> {
    packages.iter().map(|(_, p)| (&p.name[..], &p.source[..], &p.version[..], p.had_commands)).collect()
}

#[test]
fn every_format_tells_the_same() {
    for &(path, database) in DATABASES {
        let image = installed().text(path, database);
        let (tree, packages) = facts(&image);
        assert_eq!((&packages.problems[..], &packages.unreadable[..]), (&[][..], &[][..]), "{path}");
        // A ghost may never have been there, and documentation that was left out is nobody's.
        let expected = BTreeSet::from([
            ("lone", "lone", "1:3-2", false),
            ("microdnf", "microdnf", "1-1", false),
            ("suite-libs", "suite", "2.5-1.el9", false),
            ("suite-tools", "suite", "2.5-1.el9", false),
        ]);
        assert_eq!(names(&packages), expected, "{path}");
        assert!(packages.iter().all(|(_, package)| package.manager == Manager::Rpm));
        let owner = |path: &str| packages.owner(tree.lookup(path.as_bytes()).unwrap()).map(|p| &p.name[..]);
        for (path, package) in [
            ("/usr/bin/suite", Some("suite-tools")),
            ("/usr/libexec/suite", Some("suite-tools")),
            ("/usr/libexec/suite/helper", Some("suite-tools")),
            ("/etc/suite.conf", Some("suite-tools")),
            ("/usr/lib64/libsuite.so.1", Some("suite-libs")),
            ("/usr/libexec/lone/worker", Some("lone")),
            ("/usr/share/lone/a file of data that makes the header long 14", Some("lone")),
            ("/usr/bin", None),
            ("/usr/bin/bash", None),
        ] {
            assert_eq!(owner(path), package, "{path}");
        }
        let lone = packages.iter().find(|(_, package)| package.name == "lone").unwrap().0;
        assert_eq!(packages.files(lone).count(), 21, "{path}");
    }
}

#[test]
fn requirements_lead_through_paths_names_and_conditions_but_not_to_what_scriptlets_call() {
    for &(path, database) in DATABASES {
        // The scriptlets of suite-tools call a program of lone's, were it one of theirs.
        let image = installed().text(path, database).link("/usr/bin/installer", "lone");
        let (_, packages) = facts(&image);
        let needs = |name: &str| -> BTreeSet<&str> {
            let index = packages.iter().find(|(_, package)| package.name == name).unwrap().0;
            let all = packages.with_requirements(std::collections::BTreeSet::from([index]));
            all.into_iter().map(|index| &packages.get(index).unwrap().name[..]).collect()
        };
        // `Requires: /usr/bin/suite`, then `suite-libs >= 2` and `(extra if lone)`.
        assert_eq!(needs("lone"), BTreeSet::from(["lone", "suite-libs", "suite-tools"]));
        assert_eq!(needs("suite-libs"), BTreeSet::from(["suite-libs"]));
        assert_eq!(needs("suite-tools"), BTreeSet::from(["lone", "suite-libs", "suite-tools"]), "the condition counts");
    }
}

#[test]
fn helpers_and_what_a_package_leaves_behind_follow_their_package() {
    for &(path, database) in DATABASES {
        // No condition leads to lone here: suite-libs is what stays of the other package's source.
        let keep = ["--user", "app:1000:1000", "--command", "/app/server", "--keep", "bash"];
        let after = installed().text(path, database).apply(&keep);
        after.assert_gone(&[
            "/usr/bin/lone",
            "/usr/libexec/lone/worker",
            "/etc/lone.conf",
            "/usr/share/doc/lone",
            "/usr/bin/suite",
            "/usr/libexec/suite/helper",
            "/usr/bin/microdnf",
            "/usr/lib/micro/code",
        ]);
        after.assert_same(&["/usr/bin/bash", "/usr/lib64/libsuite.so.1", "/etc/suite.conf", path]);
        assert_eq!(fs::read(after.root.at(path)).unwrap(), database, "the database stays whole");
        assert!(!after.run.stderr.contains("rpm"), "{}", after.run.all());

        let keep = ["--user", "app:1000:1000", "--command", "suite"];
        let after = installed().text(path, database).apply(&keep);
        after.assert_gone(&["/usr/bin/lone", "/usr/bin/bash"]);
        after.assert_same(&["/usr/bin/suite", "/usr/libexec/suite/helper", "/etc/suite.conf"]);
    }
}

#[test]
fn a_link_between_the_places_is_one_database_and_an_old_format_beside_a_new_one_does_not_count() {
    let image = installed()
        .text("/usr/lib/sysimage/rpm/rpmdb.sqlite", SQLITE)
        .text("/usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "")
        .text("/usr/lib/sysimage/rpm/rpmdb.sqlite-shm", "x")
        .text("/usr/lib/sysimage/rpm/Packages", "left behind")
        .link("/var/lib/rpm", "../../usr/lib/sysimage/rpm");
    let (_, packages) = facts(&image);
    assert_eq!(packages.problems, [""; 0]);
    assert_eq!(packages.iter().count(), 4);
}

#[test]
fn what_cannot_be_read_is_said_and_nothing_of_it_counts() {
    let wal = "'/var/lib/rpm/rpmdb.sqlite-wal' holds changes that are not in it yet";
    for (path, database, side, said) in [
        ("/var/lib/rpm/rpmdb.sqlite", SQLITE, "/var/lib/rpm/rpmdb.sqlite-wal", wal),
        ("/var/lib/rpm/rpmdb.sqlite", &SQLITE[..8192], "/x", "its pages form a loop or lead beyond its end"),
        ("/var/lib/rpm/rpmdb.sqlite", b"", "/x", "it is truncated"),
        ("/var/lib/rpm/rpmdb.sqlite", NDB, "/x", "it is not an SQLite database"),
        ("/usr/lib/sysimage/rpm/Packages.db", SQLITE, "/x", "it is not an rpm database of a known version"),
        ("/usr/lib/sysimage/rpm/Packages.db", &NDB[..NDB.len() - 16], "/x", "it is truncated"),
        ("/var/lib/rpm/Packages", NDB, "/x", "it is not a Berkeley DB hash"),
        ("/var/lib/rpm/Packages", &LITTLE[..LITTLE.len() - 1], "/x", "it is truncated"),
    ] {
        let image = installed().text(path, database).text(side, "x");
        let (tree, packages) = facts(&image);
        assert!(packages.is_empty(), "{path}: {said}");
        assert_eq!(packages.problems, [format!("cannot read the rpm database '{path}': {said}")]);
        assert_eq!(packages.unreadable, [(Manager::Rpm, tree.lookup(path.as_bytes()).unwrap())]);
        let after = image.apply(&APP);
        assert!(after.run.stderr.contains(&format!("cannot read the rpm database '{path}': {said}")));
        after.assert_gone(&["/usr/bin/lone"]);
        after.assert_same(&["/usr/libexec/lone/worker", "/etc/lone.conf"]);
    }
}

#[test]
fn a_database_that_ends_early_never_counts_in_part() {
    for &(path, database) in DATABASES {
        let image = installed().text(path, database);
        let at = image.at(path);
        for len in (0..database.len()).step_by(509) {
            fs::write(&at, &database[..len]).unwrap();
            let (_, packages) = facts(&image);
            let found = packages.iter().count();
            assert!(found == 4 || (found == 0 && packages.unreadable.len() == 1), "{path} {len}: {found}");
        }
    }
}

#[test]
fn pages_that_lead_in_circles_are_an_error() {
    // The table's first page becomes an interior page whose only child is itself, and one whose child is the schema.
    for child in [2_u32, 1] {
        let mut database = SQLITE.to_vec();
        let page = &mut database[4096..8192];
        page[0] = 5;
        page[3..5].fill(0);
        page[8..12].copy_from_slice(&child.to_be_bytes());
        let (_, packages) = facts(&installed().text("/var/lib/rpm/rpmdb.sqlite", database));
        assert_eq!((packages.iter().count(), packages.unreadable.len()), (0, 1), "{:?}", packages.problems);
    }
    // Every overflow page of the hash leads to itself and has a single byte: the chain never fills its record.
    for (path, database) in [DATABASES[2], DATABASES[3]] {
        let mut database = database.to_vec();
        let (size, big) = if path == DATABASES[2].0 { (4096, false) } else { (8192, true) };
        for (number, page) in database.chunks_mut(size).enumerate().filter(|(_, page)| page[25] == 7) {
            let number = u32::try_from(number).unwrap();
            page[16..20].copy_from_slice(&if big { number.to_be_bytes() } else { number.to_le_bytes() });
            page[22..24].copy_from_slice(&if big { [0, 1] } else { [1, 0] });
        }
        let (_, packages) = facts(&installed().text(path, &database));
        assert_eq!((packages.iter().count(), packages.unreadable.len()), (0, 1), "{:?}", packages.problems);
    }
}
