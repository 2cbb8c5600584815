use std::collections::BTreeSet;

use proptest::prelude::*;

use super::fixture::{Binary, Kind};
use super::{Family, Patched, busybox, disable, image, lookup, read};

fn keep(data: &[u8], names: &[&str]) -> Patched {
    disable(data, &|name| names.contains(&name)).unwrap()
}

fn names(data: &[u8]) -> Vec<String> {
    read(data).unwrap().names
}

/// Word sizes, byte orders and kinds of relocation as the processors of Debian and Alpine have them.
fn every() -> Vec<Binary> {
    let mut all = Vec::new();
    for (bits64, big, machine) in [
        (true, false, 62),
        (true, false, 183),
        (true, true, 22),
        (true, false, 21),
        (true, false, 243),
        (false, false, 3),
        (false, false, 40),
        (false, true, 20),
    ] {
        for kind in [Kind::Fixed, Kind::Rela, Kind::Rel, Kind::Relr] {
            for (version, count) in [("BusyBox v1.26.2", 0), ("BusyBox v1.36.1", 200), ("BusyBox v1.99.0", 100)] {
                {
                    let one = Binary { bits64, big, machine, kind, version, ..Binary::default() };
                    all.push(one.with(count));
                }
            }
        }
    }
    all
}

#[test]
fn every_kind_of_binary_is_read_changed_and_recognised() {
    for binary in every() {
        let data = binary.build();
        let found = read(&data).unwrap_or_else(|error| panic!("{error}: {binary:?}"));
        assert_eq!((found.family, &found.names, found.disabled), (Family::Busybox, &binary.names, 0));
        let patched = keep(&data, &["sh", "cat"]);
        let again = read(&patched.data).unwrap();
        assert_eq!(
            (&again.names[..], again.disabled),
            (&["cat".to_owned(), "sh".to_owned()][..], binary.names.len() - 2)
        );
        let second = keep(&patched.data, &["sh", "cat"]);
        assert!(second.data == patched.data && !second.changed && patched.changed, "a second run changes nothing");
        // Less can be kept later, and nothing comes back.
        let fewer = keep(&patched.data, &["sh", "wget"]);
        assert_eq!(names(&fewer.data), ["sh"]);
        assert_eq!(data.len(), patched.data.len());
    }
}

#[test]
fn searches_that_begin_at_names_of_two_letters_are_found_again() {
    // 40 names: searches begin at the 11th, the 21st and the 31st.
    let mut names: Vec<String> = ["[", "[[", "ash", "cat", "echo", "false", "sh", "test"].map(str::to_owned).to_vec();
    names.extend((0..3).map(|n| format!("fold{n}")));
    names.extend((0..9).map(|n| format!("grep{n}")));
    names.extend((0..9).map(|n| format!("mv{n}")));
    names.extend((0..9).map(|n| format!("tac{n}")));
    names.extend(["nc", "vi"].map(str::to_owned));
    names.sort_unstable();
    for version in ["BusyBox v1.30.1", "BusyBox v1.37.0"] {
        // Whatever stands there: each place in turn gets a name that only its last byte can hide.
        for shift in 0..9 {
            let mut names = names.clone();
            names.retain(|name| !name.ends_with(&format!("{shift}")));
            names.extend((0..12).map(|n| format!("{}{}", char::from(b'g' + n), char::from(b'a' + n))));
            names.sort_unstable();
            let data = Binary { version, names, ..Binary::default() }.build();
            for kept in [&["sh", "cat"][..], &["vi"], &["nc", "sh"]] {
                let patched = keep(&data, kept);
                let left = read(&patched.data).unwrap().names;
                assert!(left.iter().all(|name| kept.contains(&name.as_str())), "{left:?}");
                assert!(!keep(&patched.data, kept).changed);
            }
        }
    }
}

#[test]
fn nothing_changes_when_everything_is_kept() {
    let data = Binary::default().build();
    let same = disable(&data, &|_| true).unwrap();
    assert_eq!((same.data, same.changed), (data, false));
}

#[test]
fn the_first_name_may_stand_behind_anything() {
    for before in [&b"z"[..], b"abc", b"\0", b"\0a\0b\0", b"x\0", b"zz\0z"] {
        let data = Binary { before, ..Binary::default() }.build();
        assert_eq!(names(&data), Binary::default().names, "{before:?}");
    }
}

#[test]
fn what_is_not_the_only_answer_is_none() {
    let binary = Binary::default();
    let data = binary.build();
    let refused = |data: &[u8]| read(data).unwrap_err();
    assert_eq!(refused(&Binary { twice: true, ..binary.clone() }.build()), "no table of applets was found in it");
    // One wrong offset, one wrong function, one name out of order.
    let at = data.windows(6).position(|part| part == b"[\0[[\0a").unwrap();
    let mut wrong = data.clone();
    wrong[at - 1] ^= 1;
    assert_eq!(refused(&wrong), "no table of applets was found in it");
    let mut wrong = data.clone();
    wrong[at + 5] = b'z';
    assert_eq!(refused(&wrong), "no table of applets was found in it");
    let test = binary.function("test").to_le_bytes();
    let at = data.windows(8).rposition(|part| part == test).unwrap();
    let mut wrong = data.clone();
    wrong[at] ^= 0x10;
    assert_eq!(refused(&wrong), "its applet names were found, but not the functions that they run");
    // Too few names that share a function: nothing tells where the functions begin.
    let names = (0..40).map(|n| format!("x{n:02}")).collect();
    let alone = Binary { names, ..Binary::default() }.build();
    assert_eq!(refused(&alone), "its applet names were found, but not the functions that they run");
}

#[test]
fn other_files_are_refused_in_a_word() {
    let data = Binary::default().build();
    assert_eq!(read(b"#!/bin/sh\n").unwrap_err(), "it is not an ELF file");
    assert_eq!(
        read(&data[..data.len() - 100]).unwrap_err(),
        "it is truncated: a segment ends beyond the end of the file"
    );
    let small = crate::facts::elf::fixture::program("/lib/ld.so", &[]);
    let packed = [&small[..], b"UPX!"].concat();
    assert_eq!(read(&packed).unwrap_err(), "it is packed by UPX");
    let single = [&small[..], b"BusyBox v1.36.1\0"].concat();
    assert_eq!(read(&single).unwrap_err(), "it was built for a single applet, and has no table");
    let without = Binary {
        names: super::fixture::NAMES.iter().filter(|&&n| n != "false").map(|&n| n.to_owned()).collect(),
        ..Binary::default()
    };
    // What cannot be hidden needs `false`: before 1.34, names that differ in their last bytes and where a search begins.
    let many = Binary { version: "BusyBox v1.30.0", ..without.with(200) };
    assert!(disable(&many.build(), &|name| name == "sh" || name == "cat").unwrap_err().contains("without 'false'"));
}

fn some(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn builds_without_false_end_in_a_kept_applet() {
    let all = || super::fixture::NAMES.iter().filter(|&&n| n != "false").map(|&n| n.to_owned());
    for version in ["BusyBox v1.30.0", "BusyBox v1.37.0"] {
        let binary = Binary { version, names: all().collect(), ..Binary::default() };
        let data = binary.build();
        let count = binary.names.len();
        let checkpoints: Vec<&str> = (1..4).map(|j| binary.names[j * count / 4].as_str()).collect();
        let first = [&checkpoints[..], &["sh", "cat"]].concat();
        let patched = keep(&data, &first);
        assert!(patched.silent.is_empty());
        let wanted: BTreeSet<String> = some(&first).into_iter().collect();
        assert_eq!(names(&patched.data).into_iter().collect::<BTreeSet<_>>(), wanted);
        let again = keep(&patched.data, &first);
        assert!(!again.changed && again.data == patched.data);
        // The applet in which the others ended may go later.
        let gone = *checkpoints.first().unwrap();
        let rest: Vec<&str> = first.iter().copied().filter(|name| *name != gone && *name != "cat").collect();
        if let Ok(fewer) = disable(&patched.data, &|name| rest.contains(&name)) {
            assert_eq!(names(&fewer.data).into_iter().collect::<BTreeSet<_>>(), some(&rest).into_iter().collect());
        }
    }
}

#[test]
fn a_small_table_is_proved_by_its_functions_alone() {
    let small = ["[", "ash", "cat", "chmod", "echo", "false", "id", "ls", "sh", "test", "true", "wget"];
    for kind in [Kind::Fixed, Kind::Rela, Kind::Rel, Kind::Relr] {
        for drop in ["", "false"] {
            let list: Vec<&str> = small.iter().copied().filter(|name| *name != drop).collect();
            let binary = Binary { kind, names: some(&list), before: b"x\n\0\0", ..Binary::default() };
            let data = binary.build();
            assert_eq!(names(&data), list);
            let patched = keep(&data, &["sh", "cat"]);
            assert_eq!((names(&patched.data), patched.silent.len()), (some(&["cat", "sh"]), 0));
            assert!(!keep(&patched.data, &["sh", "cat"]).changed);
            // Where all names end in the only one that stays, nothing would prove the tables any more.
            let one = disable(&patched.data, &|name| name == "sh").map(|patched| names(&patched.data));
            assert_eq!(one.ok(), drop.is_empty().then(|| some(&["sh"])));
        }
    }
    // Three offsets, compiled into the code.
    let mut data = Binary { before: b"x\n\0\0", ..Binary::default() }.build();
    let at = data.windows(6).position(|part| part == b"[\0[[\0a").unwrap();
    data[at - 10..at - 4].fill(0xee);
    assert_eq!(names(&data), Binary::default().names);
    assert_eq!(names(&keep(&data, &["sh", "cat"]).data), ["cat", "sh"]);
    // One of them is wrong, or there is one more name that might belong to the table.
    let mut wrong = Binary { before: b"x\n\0\0", ..Binary::default() }.build();
    wrong[at - 5] ^= 1;
    assert!(read(&wrong).is_err());
    for before in [&b"\0-a\0"[..], b"\0 +\0", b"\x0012\0", b"\0zz\0"] {
        let binary = Binary { names: some(&small), before, ..Binary::default() };
        assert!(read(&binary.build()).is_err(), "{before:?}");
    }
    // Nothing says where it begins.
    let names = some(&["cat", "echo", "false", "ls", "wget"]);
    assert!(read(&Binary { names, before: b"\0\0", ..Binary::default() }.build()).is_err());
}

#[test]
fn scripts_built_in_share_a_function_and_other_names_do_not() {
    let binary = Binary::default().with(3);
    let data = binary.build();
    let share = |data: &mut [u8], name: &str, like: &str| {
        let (from, to) = (binary.function(name).to_le_bytes(), binary.function(like).to_le_bytes());
        let at = data.windows(8).rposition(|part| part == from).unwrap();
        data[at..at + 8].copy_from_slice(&to);
    };
    let mut scripts = data.clone();
    share(&mut scripts, "x001", "x000");
    assert_eq!(names(&scripts), binary.names);
    share(&mut scripts, "wc", "vi");
    assert!(read(&scripts).is_err());
}

#[test]
fn a_name_that_differs_in_its_last_byte_only_does_not_hide_its_neighbours() {
    // `dd` behind `dc`; with 200 more names other ones are checkpoints.
    for count in [0, 200] {
        for version in ["BusyBox v1.30.0", "BusyBox v1.37.0", "BusyBox v1.99.0"] {
            let binary = Binary { version, ..Binary::default().with(count) };
            let data = binary.build();
            let checkpoint = |index: &usize| (1..8).any(|j| j * binary.names.len() / 8 == *index);
            for (index, name) in binary.names.iter().enumerate() {
                if index % 9 != 0 && !checkpoint(&index) {
                    continue;
                }
                let patched = disable(&data, &|other| other != name);
                let patched = patched.unwrap_or_else(|error| panic!("{error}: {name} of {count}, {version}"));
                let left = names(&patched.data);
                assert_eq!(left.len(), binary.names.len() - 1, "{name}");
            }
        }
    }
}

#[test]
fn builtins_of_the_shell_are_told() {
    assert_eq!(read(&Binary::default().build()).unwrap().builtins, ["echo", "kill", "test"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_kept_name_is_found_where_it_was(
        kept in prop::collection::btree_set(0usize..240, 0..240),
        version in prop::sample::select(vec!["BusyBox v1.26.0", "BusyBox v1.33.1", "BusyBox v1.34.0", "BusyBox v1.38.0"]),
        first in prop::collection::btree_set(0usize..240, 0..240),
    ) {
        let binary = Binary { version, ..Binary::default().with(200) };
        let name = |index: &usize| binary.names[*index].clone();
        let (kept, first): (BTreeSet<String>, BTreeSet<String>) = (kept.iter().map(name).collect(), first.iter().map(name).collect());
        // In two runs: what is kept by both stays.
        let once = disable(&binary.build(), &|name| first.contains(name)).unwrap();
        let twice = disable(&once.data, &|name| kept.contains(name)).unwrap();
        let both: Vec<String> = kept.intersection(&first).cloned().collect();
        prop_assert_eq!(names(&twice.data), both.clone());
        let image = image::Image::open(&twice.data).unwrap();
        let table = busybox::Table::locate(&image, busybox::version(&twice.data)).unwrap();
        for search in lookup::Search::of(table.version) {
            for (index, name) in binary.names.iter().enumerate() {
                let found = search.find(&image, &table, name.as_bytes());
                if both.contains(name) {
                    prop_assert_eq!(found, Some(index));
                } else {
                    prop_assert!(found.is_none_or(|at| !both.contains(&binary.names[at])));
                }
            }
        }
    }

    #[test]
    fn any_bytes_end(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40), cut in any::<prop::sample::Index>()) {
        let mut data = Binary::default().build();
        for (at, byte) in changes {
            let at = at.index(data.len());
            data[at] = byte;
        }
        for data in [&data[..], &data[..cut.index(data.len())]] {
            if let Ok(patched) = disable(data, &|name| name == "sh") {
                prop_assert!(names(&patched.data).iter().all(|name| name == "sh"));
            }
        }
    }
}
