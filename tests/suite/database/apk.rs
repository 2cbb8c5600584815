//! apk: `installed` in both places, triggers, world.

use std::collections::BTreeSet;

use crate::common::{APP, Applied, Rootfs};

const BLOCKS: &[&str] = &[
    // Loses one file and its directory; odd lines and order stay.
    "C:Q1aaaa=\nP:mixed\nV:1-r0\nA:x86_64\nT:odd  line\nF:\nF:usr\nF:usr/bin\nR:mixed\na:0:0:4755\nZ:Q1x=\nF:usr/lib\n\
     M:0:0:1777\nR:mixed.dat\nZ:Q1y=\nF:etc/periodic\nF:etc/periodic/15min\nM:0:0:700\nR:mixed\nZ:Q1z=\nq:1000\n\n",
    "C:Q1bbbb=\nP:gone\nV:1\nF:usr/bin\nR:gone\nZ:Q1=\n\n",
    "C:Q1cccc=\nP:.build-deps\nV:2\nD:mixed\n\n",
    "C:Q1dddd=\nP:ghost\nV:1\nF:usr/lib\nR:no-such-file\n\n",
    "C:Q1eeee=\nP:data\nV:1\nF:usr/share\nR:data\n",
];

fn alpine(tree: Rootfs, directory: &str) -> Rootfs {
    tree.program("/app/server")
        .program("/usr/bin/mixed")
        .program("/usr/bin/gone")
        .text("/usr/lib/mixed.dat", "x")
        .text("/usr/share/data", "x")
        .script("/etc/periodic/15min/mixed", "#!/bin/sh\n")
        .text(format!("{directory}/installed"), BLOCKS.concat())
        .text(format!("{directory}/triggers"), "Q1aaaa= /usr/lib\nQ1bbbb= /usr/share /usr/bin\n")
        .text("/etc/apk/world", "mixed\ngone>=1\n!gone\n.build-deps\ndata@edge\nother\n")
}

fn text(done: &Applied, path: &str) -> String {
    String::from_utf8(done.after.get(path).content.clone()).unwrap()
}

#[test]
fn blocks_of_packages_without_a_file_go_and_others_lose_the_removed_files() {
    for (tree, path) in [
        (alpine(Rootfs::alpine_like(), "/lib/apk/db"), "/lib/apk/db"),
        (alpine(Rootfs::wolfi_like(), "/usr/lib/apk/db"), "/usr/lib/apk/db"),
        // /lib leads to usr/lib: one database under two paths.
        (alpine(Rootfs::alpine_merged(), "/usr/lib/apk/db"), "/usr/lib/apk/db"),
    ] {
        let done = tree.apply(&APP);
        done.assert_gone(&["/usr/bin/mixed", "/usr/bin/gone", "/etc/periodic"]);
        let mixed = BLOCKS[0]
            .replace("R:mixed\na:0:0:4755\nZ:Q1x=\n", "")
            .replace("F:etc/periodic\nF:etc/periodic/15min\nM:0:0:700\nR:mixed\nZ:Q1z=\n", "");
        assert_eq!(text(&done, &format!("{path}/installed")), [&mixed, BLOCKS[2], BLOCKS[4]].concat());
        assert_eq!(text(&done, &format!("{path}/triggers")), "Q1aaaa= /usr/lib\n");
        assert_eq!(text(&done, "/etc/apk/world"), "mixed\n!gone\n.build-deps\ndata@edge\nother\n");
        assert_owned(&done, path);
    }
}

/// Every file that the database lists is there, but for what was not there before.
fn assert_owned(done: &Applied, directory: &str) {
    let listed = |content: &str| {
        let mut paths = BTreeSet::new();
        let mut at = String::new();
        for line in content.lines() {
            match line.split_once(':') {
                Some(("F", path)) => path.clone_into(&mut at),
                Some(("R", name)) => _ = paths.insert(format!("/{at}/{name}").replace("//", "/")),
                _ => {}
            }
        }
        paths
    };
    for path in listed(&text(done, &format!("{directory}/installed"))) {
        assert!(done.after.has(&path), "{path} is listed and not there");
    }
}

#[test]
fn a_database_that_is_no_list_of_blocks_stays_whole() {
    let done = alpine(Rootfs::alpine_like(), "/lib/apk/db")
        .text("/lib/apk/db/installed", format!("{}no field\n", BLOCKS.concat()))
        .apply(&APP);
    done.assert_gone(&["/usr/bin/gone"]);
    done.assert_same(&["/lib/apk/db/installed", "/lib/apk/db/triggers", "/etc/apk/world"]);
    assert!(done.report["notes"].to_string().contains("the database of apk stays unchanged"));
}
