//! Archives that nobody means well with: what unpacking inside the root would make, or a refusal; never a panic.

use proptest::prelude::*;

use super::writer::{Tar, header, listed, pax, read, read_piped, seal};

fn tree(tar: Tar) -> Vec<String> {
    listed(&read(&tar.end()).unwrap())
}

fn refused(bytes: &[u8]) -> String {
    let error = read(bytes).expect_err("this must be refused");
    // The way of the bytes changes nothing.
    assert_eq!(read_piped(bytes).err().as_ref(), Some(&error));
    // Nor is an image made of it, when it is a layer of one.
    crate::image::refuses_layer(bytes);
    error.lines().next().unwrap().to_owned()
}

#[test]
fn names_never_lead_outside() {
    let tar = Tar::default().file("/abs", "1").file("../../up", "2").file("a/../../b/./c", "3").file("./d//e", "4");
    assert_eq!(tree(tar), ["/abs 1", "/b/", "/b/c 3", "/d/", "/d/e 4", "/up 2"]);
}

#[test]
fn links_on_the_way_are_followed_inside() {
    let tar = Tar::default()
        .dir("usr/bin")
        .link("bin", "/usr/bin")
        .link("out", "../../../etc")
        .file("bin/sh", "shell")
        .file("out/passwd", "inside");
    assert_eq!(
        tree(tar),
        [
            "/bin -> /usr/bin",
            "/etc/",
            "/etc/passwd inside",
            "/out -> ../../../etc",
            "/usr/",
            "/usr/bin/",
            "/usr/bin/sh shell"
        ]
    );
    let circle = Tar::default().link("a", "b").link("b", "a").file("a/file", "x");
    assert!(refused(&circle.end()).ends_with("'a/file' at byte 1024 lies behind links that form a loop"));
    let below = Tar::default().file("a", "x").file("a/b", "x");
    assert!(refused(&below.end()).ends_with("lies below an entry that is not a directory"));
}

/// 40 links of PATH_MAX each are 80,000 looks into directories for every entry behind them.
#[test]
fn links_of_many_parts_are_followed_within_a_budget() {
    let tar = |entries: usize| {
        let mut tar = Tar::default().dir("m").dir("m/a");
        for n in 0..20 {
            let next = if n < 19 { format!("/m/l{}/", n + 1) } else { "/m/".to_owned() };
            let target = next + &"a/../".repeat(15);
            tar = tar.link(&format!("m/l{n}"), &target);
        }
        (0..entries).fold(tar, |tar, n| tar.file(&format!("m/l0/f{n}"), "x"))
    };
    assert_eq!(tree(tar(50)).iter().filter(|line| line.starts_with("/m/f")).count(), 50);
    assert!(
        refused(&tar(2_000).end())
            .ends_with("lies behind links that take more steps than harden follows in one archive")
    );
}

#[test]
fn the_last_of_a_name_counts_and_takes_what_was_below() {
    let tar = Tar::default()
        .file("a", "first")
        .file("a", "second")
        .dir("d")
        .file("d/x", "gone")
        .link("d", "a")
        .link("e", "a")
        .dir("e")
        .file("e/y", "stays")
        .dir("e")
        .file("f/z", "gone")
        .file("f", "file");
    assert_eq!(tree(tar), ["/a second", "/d -> a", "/e/", "/e/y stays", "/f file"]);
}

#[test]
fn hard_links_are_one_file() {
    let archive = read(&Tar::default().file("a", "x").hard("b", "./a").file("a", "new").end()).unwrap();
    assert_eq!(listed(&archive), ["/a new", "/b x"]);
    let nlink = |name: &str| archive.tree.meta(archive.tree.lookup(name.as_bytes()).unwrap()).nlink;
    assert_eq!((nlink("/a"), nlink("/b")), (1, 1));
    for (tar, why) in [
        (Tar::default().hard("b", "a"), "is a hard link to a file that does not exist"),
        (Tar::default().hard("b", "../../etc/passwd"), "is a hard link to a file that does not exist"),
        (Tar::default().dir("d").hard("b", "d"), "is a hard link to a directory"),
        (Tar::default().file("a", "").hard("a", "a"), "is a hard link to a file that does not exist"),
    ] {
        assert!(refused(&tar.end()).ends_with(why), "{why}");
    }
}

#[test]
fn what_no_file_system_takes_is_refused() {
    let long = "n".repeat(256);
    for (tar, why) in [
        (Tar::default().pax(&[("path", long.as_bytes())]).file("x", ""), "has a name that is too long"),
        (Tar::default().link("x", ""), "is a link whose target is empty or too long"),
        (Tar::default().link(".", "x"), "takes the place of the root directory"),
        (Tar::default().pax(&[("uid", b"4294967295")]).file("x", ""), "does not understand: uid 4294967295"),
        (Tar::default().pax(&[("path", b"a\0b")]).file("x", ""), "does not understand: record of pax: 'path'"),
        (Tar::default().pax(&[("size", b"-1")]).file("x", ""), "does not understand: record of pax: 'size'"),
        (Tar::default().entry(b'M', b"x", b"", b""), "does not understand: type 'M'"),
        (
            Tar::default().entry(b'g', b"pax_global_header", b"", &pax(&[("path", b"y")])).file("x", ""),
            "record of pax: 'path'",
        ),
    ] {
        let said = refused(&tar.end());
        assert!(said.ends_with(why), "{said}");
    }
}

#[test]
fn every_cut_is_seen() {
    let whole = Tar::default().file("a", "content").pax(&[("path", b"long")]).file("b", "more").end();
    assert!(read(&whole[..whole.len() - 512]).is_ok(), "one block of zeros at the end of the file is an end");
    for len in 0..whole.len() - 1023 {
        assert!(read(&whole[..len]).is_err(), "cut at {len}");
    }
    assert_eq!(
        refused(&whole[..whole.len() - 1024]),
        "the archive is damaged or truncated: it ends in the middle of an entry, or before the two empty blocks at its end"
    );
    assert_eq!(refused(&whole[..600]), "the archive is damaged or truncated: it ends inside the entry at byte 0");
    assert_eq!(
        refused(b""),
        "the archive is damaged or truncated: it ends in the middle of an entry, or before the two empty blocks at its end"
    );
    assert_eq!(refused(&[0; 1024]), "the archive holds no file");
}

#[test]
fn nothing_hides_behind_the_end() {
    let mut two = Tar::default().file("a", "").end();
    two.extend(Tar::default().file("etc/shadow", "hidden").end());
    assert_eq!(refused(&two), "the archive continues after its end, at byte 1536, where unpacking stops");
}

#[test]
fn a_damaged_header_is_seen() {
    let mut tar = Tar::default().file("a", "").end();
    tar[0] = b'b';
    assert_eq!(refused(&tar), "the archive is damaged or truncated: the header at byte 0 has a wrong checksum");
    let said = |magic: &[u8]| read(&[magic, &[0; 600]].concat()).err().unwrap();
    for (magic, name, program) in
        [(&b"\xfd7zXZ\0"[..], "xz", "xz"), (b"BZh9", "bzip2", "bzip2"), (b"\x04\x22\x4d\x18", "lz4", "lz4")]
    {
        assert_eq!(
            said(magic),
            format!(
                "it is compressed with {name}, which harden cannot unpack\n  help: unpack it first, and give what {program} -dc FILE \
                 writes"
            )
        );
    }
    for (magic, name) in [
        (&b"070701"[..], "it is a cpio archive"),
        (b"PK\x03\x04", "it is a zip archive"),
        (b"hsqs", "it is a squashfs image"),
        (b"!<arch>\n", "it is an ar archive"),
    ] {
        assert!(said(magic).starts_with(&format!("{name}, not a tar archive\n  help: unpack it with ")), "{name}");
    }
    assert!(
        read(b"  {\"_type\": \"https://in-toto.io/Statement/v1\"}").err().unwrap().starts_with("it is a JSON document")
    );
    // A name is no magic.
    for name in ["BZh9", "070701", "PK\u{3}\u{4}", "{", "hsqs"] {
        assert_eq!(tree(Tar::default().file(name, "x")), [format!("/{name} x")]);
    }
}

#[test]
fn holes_that_cannot_be_are_refused() {
    let sparse = |map: &[u8], size: &[u8]| {
        Tar::default().pax(&[("GNU.sparse.map", map), ("GNU.sparse.size", size)]).file("x", "1234").end()
    };
    assert_eq!(listed(&read(&sparse(b"1,2,4,2", b"7")).unwrap()), ["/x \u{0}12\u{0}34\u{0}"]);
    for (map, size) in [
        (&b"0,2,1,2"[..], &b"9"[..]),
        (b"4,2,0,2", b"9"),
        (b"0,4", b"3"),
        (b"0,5", b"9"),
        (b"0,2", b"9"),
        (b"9223372036854775807,4", b"9223372036854775807"),
        (b"1", b"9"),
        (b"", b"9"),
    ] {
        assert!(read(&sparse(map, size)).is_err(), "{}", map.escape_ascii());
    }
    let mut old = header(b'S', b"x", b"", 4);
    old[257..265].copy_from_slice(b"ustar  \0");
    old[386..410].copy_from_slice(b"00000000001\x0000000000004\x00");
    old[483..495].copy_from_slice(b"00000000007\0");
    seal(&mut old);
    let archive = read(&Tar::default().raw(&old, b"1234").end()).unwrap();
    assert_eq!(listed(&archive), ["/x \u{0}1234\u{0}\u{0}"]);
}

#[test]
fn a_bomb_of_zeros_takes_no_memory() {
    // 8 EiB less a byte, of which nothing is stored.
    let records: &[(&str, &[u8])] = &[
        ("GNU.sparse.major", b"0"),
        ("GNU.sparse.minor", b"1"),
        ("GNU.sparse.numblocks", b"0"),
        ("GNU.sparse.size", b"9223372036854775807"),
        ("mtime", b"1.5"),
    ];
    let archive = read(&Tar::default().pax(records).file("x", "").end()).unwrap();
    let id = archive.tree.lookup(b"/x").unwrap();
    assert_eq!(archive.tree.meta(id).size, i64::MAX as u64);
    use harden::testing::tree::contents::Contents as _;
    assert_eq!(archive.files.read_at(&archive.tree, id, 1 << 60, 3).unwrap(), [0; 3]);
    assert!(archive.files.read(&archive.tree, id, 1 << 20).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        names in proptest::collection::vec("[ab./]{0,6}", 1..8),
        kinds in proptest::collection::vec(prop::sample::select(&b"0123456xgLKSD7V\0"[..]), 8),
        at in 0_usize..4096, byte: u8, cut in 0_usize..5000, sealed: bool,
    ) {
        let mut tar = Tar::default();
        for (name, kind) in names.iter().zip(kinds) {
            tar = tar.entry(kind, name.as_bytes(), b"a", &pax(&[("path", name.as_bytes())]));
        }
        let mut bytes = tar.end();
        let at = at % bytes.len();
        bytes[at] = byte;
        if sealed {
            let start = at / 512 * 512;
            seal(&mut bytes[start..start + 512]);
        }
        let _ = read(&bytes).map(|archive| listed(&archive));
        bytes.truncate(cut);
        let _ = read(&bytes);
    }
}

/// overlayfs shows no file where a device 0:0 is, and hides what lower layers have there.
#[test]
fn a_device_that_engines_take_for_a_whiteout_is_refused() {
    let device = |kind: u8, major: &[u8], minor: &[u8]| {
        let mut block = header(kind, b"etc/null", b"", 0);
        for (start, number) in [(329, major), (337, minor)] {
            block[start..start + number.len()].copy_from_slice(number);
        }
        seal(&mut block);
        Tar::default().file("etc/passwd", "root").raw(&block, b"").end()
    };
    for (major, minor) in [(&b""[..], &b""[..]), (b"0000000", b"0000000"), (b"\x80", b"\x80")] {
        assert!(refused(&device(b'3', major, minor)).ends_with("which overlayfs takes for a whiteout"));
        assert!(read(&device(b'4', major, minor)).is_ok());
    }
    assert!(read(&device(b'3', b"0000001", b"0000003")).is_ok());
    assert!(read(&device(b'3', b"", b"0000003")).is_ok());
}
