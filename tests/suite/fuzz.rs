//! What hostile files do to everything that reads them: no panic, no endless work, no more bytes read than a file has
//! reason for; and what random trees do to plan and apply.
//!
//! Each target replays its corpus (tests/corpus) and then goes on with mutations of it for `HARDEN_FUZZ_SECONDS`, two
//! by default, ten minutes in `make soak`. An input whose outcome no other one had joins the corpus of the run, and the
//! one on disk when `HARDEN_FUZZ_KEEP` is set. What fails is written to the corpus, so that it is replayed for ever.
//! fuzz/ has the same targets for cargo-fuzz, which is led by the code that an input reaches.

mod driver;
mod image;
mod rewrite;
mod targets;
pub(crate) mod tree;

use crate::common::busybox::{Binary, Kind};
use driver::fuzz;
use harden::testing::applets::disable;

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn account_files() {
    let seeds = texts(&[
        "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/usr/sbin/nologin\n",
        "root:*:19700:0:99999:7:::\r\napp:$6$x$y:::::::\n# comment\n\n",
        "root:x:0:a,b,\nstaff:!:50:root\n+::::\n-x\n",
    ]);
    fuzz("accounts", seeds, targets::account_files);
}

#[test]
fn policies() {
    let seeds = texts(&[
        "profile = \"dotnet\"\n[run]\nuser = \"app:1000:1000\"\nhome = \"/app\"\ncommand = [\"dotnet\", \"/app/a.dll\"]\n",
        "[run]\nuser = '1000'\ncommand = [['a', 'b'], ['c']]\nstart = 'root'\nworkdir = '/x'\npath = ['/bin']\n",
        "[keep]\ncommands = ['ls', 'python3*', 're:^pg_(dump|restore)$', { name = 'sh', reason = 'x', optional = true }]\n\
         users = ['nobody']\ngroups = []\npaths = ['/etc/cron.d/app']\nsetid = ['/usr/bin/newuidmap']\nshells = ['app']\n",
        "[remove]\ncommands = ['gosu']\ndirectories = ['/opt/bin']\n[files]\nread-only = ['/app']\nwritable = ['/app/d']\n\
         openshift = true\n[packages]\ndatabase = 'keep'\n[rules]\n'remove.root-home' = 'off'\n",
    ]);
    fuzz("policy", seeds, targets::configuration);
}

#[test]
fn elf_files() {
    fuzz("elf", targets::elf_seeds(), targets::elf);
}

#[test]
fn programs_and_libraries() {
    fuzz("closure", targets::elf_seeds(), targets::programs);
}

#[test]
fn loader_configuration() {
    let mut seeds = texts(&[
        "passwd: files my [NOTFOUND=return] other\n",
        "include /etc/ld.so.conf\n/opt/lib\n",
        "auth [success=1 default=ignore] pam_unix.so\n@include prog\nsession include prog\n",
        "#!/usr/bin/env -S A=\"b\" prog -x\n",
        "liba.so /opt/libb.so # x\n",
    ]);
    let mut cache = b"glibc-ld.so.cache1.1".to_vec();
    for number in [1_u32, 30, 2, 0, 0, 0, 0, 0x303, 72, 80, 0, 0, 0x4000_0000] {
        cache.extend(number.to_le_bytes());
    }
    cache.extend(b"liba.so\0/opt/liba.so\0");
    let mut old = b"ld.so-1.7.0\0".to_vec();
    for number in [1_u32, 3, 0, 8] {
        old.extend(number.to_le_bytes());
    }
    seeds.push([&old[..], b"liba.so\0/opt/liba.so\0"].concat());
    old.extend([0; 4]);
    seeds.push([&old[..], &cache].concat());
    seeds.push(cache);
    fuzz("configuration", seeds, targets::loader);
}

#[test]
fn interpreter_lines() {
    let seeds = texts(&[
        "#!/bin/sh\n",
        "#! /usr/bin/env -S -i A=b python3 -u\n",
        "#!/bin/busybox sh -e\n",
        "#!/usr/bin/prog\t script \n",
        "#!/usr/bin/env -uHOME -C /x --split-string=prog\n",
    ]);
    fuzz("shebang", seeds, targets::shebang);
}

#[test]
fn package_databases() {
    let seeds = texts(&[
        "Package: prog\nStatus: install ok installed\nSource: s (1)\nArchitecture: amd64\nVersion: 1\nDepends: libc6 | x\n\n\
         Package: libc6\nArchitecture: amd64\nProvides: libc, x (= 1)\n",
        "/.\n/usr/bin/prog\n/lib/liba.so\n/usr/bin/../bin/env\n",
        "/usr/bin/prog\n/usr/bin/prog.real\n:\n/usr/bin/env\n/usr/bin/env.x\nother\n",
        "P:prog\nV:1\no:s\nD:so:libc.so.6 libc\np:cmd:prog=1\nF:usr/bin\nR:prog\na:0:0:755\nF:lib\nR:liba.so\n\n",
        "%NAME%\nprog\n\n%VERSION%\n1-1\n\n%BASE%\ns\n\n%DEPENDS%\nglibc>=2\n\n%FILES%\nusr/\nusr/bin/prog\n\n%PROVIDES%\nx\n",
        "/usr/bin/prog\t0100755\t/x\n",
    ]);
    fuzz("packages", seeds, targets::packages);
}

#[test]
fn multi_call_binaries() {
    let mut seeds = Vec::new();
    for kind in [Kind::Fixed, Kind::Rela, Kind::Rel, Kind::Relr] {
        for (bits64, big, machine, version) in [
            (true, false, 62, "BusyBox v1.36.1"),
            (false, true, 20, "BusyBox v1.30.1"),
            (true, true, 22, "BusyBox v1.99"),
        ] {
            let binary = Binary { bits64, big, machine, kind, version, ..Binary::default() };
            seeds.push(binary.build());
            let few = ["[", "ash", "cat", "echo", "false", "sh", "test", "wget"].map(str::to_owned).to_vec();
            seeds.push(Binary { names: few, before: b"x\n\0\0", ..binary.clone() }.build());
            seeds.push(binary.with(100).build());
        }
    }
    let halves: Vec<Vec<u8>> = seeds
        .iter()
        .filter_map(|seed| disable(seed, &|name| ["sh", "cat"].contains(&name)).ok())
        .map(|patched| patched.data)
        .collect();
    seeds.extend(halves);
    fuzz("applets", seeds, targets::multi_call);
}

#[test]
fn archives() {
    use crate::archive::writer::Tar;
    let tar = || Tar::default().dir("etc").file("etc/a", "x").link("bin", "usr/bin");
    let seeds = vec![
        tar().hard("b", "etc/a").end(),
        tar().pax(&[("path", b"etc/long"), ("SCHILY.xattr.security.capability", b"x")]).file("x", "y").end(),
        tar()
            .entry(b'L', b"././@LongLink", b"", b"etc/gnu\0")
            .file("x", "y")
            .entry(b'g', b"g", b"", b"19 comment=x y z w\n")
            .end(),
        tar()
            .pax(&[
                ("GNU.sparse.major", b"1"),
                ("GNU.sparse.minor", b"0"),
                ("GNU.sparse.name", b"s"),
                ("GNU.sparse.realsize", b"9"),
            ])
            .entry(b'0', b"x", b"", b"1\n0\n0\n")
            .end(),
        tar().file("bin/sh", "x").file(".wh.etc", "").file("d/.wh..wh..opq", "").end(),
        Tar::default().file("manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"l\"]}]").file("c.json", "{}").end(),
    ];
    fuzz("archive", seeds, targets::archive);
}

/// What is planned for an archive is what the written one holds.
#[test]
fn images_written_again() {
    use crate::archive::writer::Tar;
    let accounts = || {
        let tar = Tar::default().dir("etc").dir("usr").dir("usr/bin").link("bin", "usr/bin");
        let tar =
            tar.file("etc/passwd", "root:x:0:0::/root:/bin/sh\ngames:x:5:60::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n");
        tar.file("etc/group", "root:x:0:\ngames:x:60:app\napp:x:1000:\n")
            .file("usr/bin/sh", "\x7fELF")
            .file("etc/passwd-", "")
    };
    let long = "d/".repeat(80);
    let with = |blocks: u8, layers: &[Vec<u8>]| [&[blocks][..], &layers.concat()].concat();
    let blocks = |layer: &[u8]| u8::try_from(layer.len() / 512).unwrap();
    let lower = accounts().file("srv/gone", "x").file("opt/a", "a").end();
    let upper = Tar::default().file("srv/.wh.gone", "").file("opt/.wh..wh..opq", "").file("opt/b", "b").end();
    let seeds = vec![
        with(0, &[accounts().end()]),
        with(
            0,
            &[accounts()
                .hard("usr/bin/ls", "usr/bin/sh")
                .hard("srv/x", "etc/passwd")
                .hard("srv/y", "etc/passwd-")
                .end()],
        ),
        with(0, &[accounts().pax(&[("SCHILY.xattr.user.x", b"=\n\0"), ("mtime", b"-1.5")]).file("srv/x", "y").end()]),
        with(0, &[accounts().pax(&[("uid", b"4000000000"), ("path", long.as_bytes())]).file("x", "y").end()]),
        with(0, &[accounts().entry(b'3', b"srv/null", b"", b"").entry(b'6', b"usr/fifo", b"", b"").end()]),
        with(
            0,
            &[accounts()
                .pax(&[
                    ("GNU.sparse.major", b"1"),
                    ("GNU.sparse.minor", b"0"),
                    ("GNU.sparse.name", b"s"),
                    ("GNU.sparse.realsize", b"900"),
                ])
                .entry(b'0', b"x", b"", b"1\n0\n0\n")
                .end()],
        ),
        with(blocks(&lower), &[lower, upper]),
    ];
    let run = |arguments: &[&str]| u8::try_from(crate::common::bare(&arguments[1..], &[], b"").status).unwrap();
    fuzz("image", seeds, |data| rewrite::rewrite(data, &run));
}

#[test]
fn links_and_patterns() {
    let seeds = texts(&[
        "\x06\n/l1\nl2\n\n.\n../l1\nd/l0\n/d/*\n/*/*/*/l*\n/l0/l3/..\n/d/l[0-9]\n",
        "\x03\n.\n.\n.\n/*/*/*/*/*/*/*/*\n/l1/l1/l1/l1\n/[!a]*\n",
    ]);
    fuzz("links", seeds, targets::links);
}

#[test]
fn shell_scripts() {
    let mut seeds = texts(&[
        "#!/bin/sh\nset -e\nif [ \"$1\" = x ]; then exec gosu app \"$@\"; fi\nfor f in /d/*; do . \"$f\"; done\n",
        "cat <<-'E' | x\n\ta\n\tE\ny=$(z `w`) f() { return; }\ncase $1 in a|b) c;; *) ((d++));; esac\n",
        "#!/bin/execlineb -P\nforeground { a b } if { c } d \"e f\"\n",
    ]);
    let scripts = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/scripts/entrypoints");
    let mut scripts: Vec<_> = std::fs::read_dir(scripts).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    seeds.extend(scripts.iter().map(|path| std::fs::read(path).unwrap()));
    fuzz("shell", seeds, targets::shell);
}

/// Needs root: the trees have owners.
#[test]
fn whole_trees() {
    let run = |arguments: &[&str]| u8::try_from(crate::common::bare(&arguments[1..], &[], b"").status).unwrap();
    let seeds = (0..24_u8).map(|n| (0..90).map(|i: u8| n.wrapping_mul(37) ^ i.wrapping_mul(i | n)).collect()).collect();
    fuzz("tree", seeds, |data| tree::tree(data, &run));
}

#[test]
fn rpm_databases() {
    let header = |entries: &[[u32; 4]], data: &[u8]| {
        let numbers = [u32::try_from(entries.len()).unwrap(), u32::try_from(data.len()).unwrap()];
        let numbers = numbers.into_iter().chain(entries.iter().flatten().copied());
        numbers.flat_map(u32::to_be_bytes).chain(data.iter().copied()).collect::<Vec<u8>>()
    };
    // Name, two files in two directories, and what it needs.
    let data = b"prog\0/lib/\0/usr/bin/\0liba.so\0prog\0(a if b)\0\0\0\0\0\0\0\0\0\x01\0\0\0\0";
    let entries = [
        [1000, 6, 0, 1],
        [1118, 8, 5, 2],
        [1117, 8, 21, 2],
        [1116, 4, 44, 2],
        [1049, 8, 34, 1],
        [1037, 4, 44, 2],
        [1029, 1, 44, 2],
    ];
    let blob = header(&entries, data);
    let mut page = b"RpmP".to_vec();
    page.extend([0_u32, 1, 1, 3].into_iter().flat_map(u32::to_le_bytes));
    page.resize(32, 0);
    let blocks = (28 + blob.len()).div_ceil(16);
    page.extend(b"Slot");
    page.extend([1, 256, u32::try_from(blocks).unwrap()].into_iter().flat_map(u32::to_le_bytes));
    while page.len() < 4096 {
        page.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    let len = u32::try_from(blob.len()).unwrap().to_le_bytes();
    page.extend([b"BlbS", &[1, 0, 0, 0, 1, 0, 0, 0][..], &len, &blob].concat());
    page.resize(4096 + 16 * blocks - 12, 0);
    page.extend([&[0; 4][..], &len, b"BlbE"].concat());
    assert!(targets::rpm(&page).starts_with("1 2 "), "read as ndb alone: {}", targets::rpm(&page));
    fuzz("rpm", vec![page], targets::rpm);
}
