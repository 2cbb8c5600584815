//! Valid and invalid ELF files.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::fixture::Spec;
use super::{Class, Elf, HEAD, Type};

fn parse(data: &[u8]) -> anyhow::Result<Elf> {
    Elf::parse(&data[..data.len().min(HEAD)], data)
}

#[test]
fn reads_both_classes_and_byte_orders() {
    for (bits64, big, machine) in [(true, false, 62), (true, true, 22), (false, false, 3), (false, true, 8)] {
        let spec = Spec {
            bits64,
            big,
            machine,
            interpreter: Some("/lib/ld.so.1"),
            needed: vec!["libssl.so.3", "libc.so.6"],
            rpath: Some("/opt/lib"),
            runpath: Some("$ORIGIN/../lib"),
            pie: true,
            ..Spec::default()
        };
        let data = spec.build();
        let elf = parse(&data).unwrap();
        assert_eq!(elf.abi.class == Class::Bits64, bits64);
        assert_eq!((elf.abi.big, elf.abi.machine), (big, machine));
        assert_eq!((elf.kind, elf.entry, elf.pie, elf.damaged), (Type::Movable, 0x1000, true, false));
        assert_eq!(elf.interpreter.as_deref(), Some(&b"/lib/ld.so.1"[..]));
        let names = elf.names(&data[..]).unwrap();
        assert_eq!(names.needed, [b"libssl.so.3".to_vec(), b"libc.so.6".to_vec()]);
        assert_eq!(names.rpath.as_deref(), Some(&b"/opt/lib"[..]));
        assert_eq!(names.runpath.as_deref(), Some(&b"$ORIGIN/../lib"[..]));
        assert_eq!(names.soname, None);
    }
}

#[test]
fn a_static_program_has_no_names() {
    let data = Spec { kind: 2, ..Spec::default() }.build();
    let elf = parse(&data).unwrap();
    assert_eq!((elf.kind, elf.interpreter.clone(), elf.has_soname()), (Type::Fixed, None, false));
    assert_eq!(elf.names(&data[..]).unwrap(), super::Names::default());
}

#[test]
fn a_long_name_far_away_is_read_in_full() {
    let long = "x".repeat(3000);
    let data = Spec { needed: vec!["a", &long, "b"], ..Spec::default() }.build();
    let names = parse(&data).unwrap().names(&data[..]).unwrap();
    assert_eq!(names.needed, [b"a".to_vec(), long.into_bytes(), b"b".to_vec()]);
}

#[test]
fn imports_are_undefined_symbols_by_their_whole_name() {
    for (bits64, big, machine) in [(true, false, 62), (true, true, 22), (false, false, 3), (false, true, 8)] {
        let imports = vec!["system", "popen64", "wordexp"];
        let data = Spec { bits64, big, machine, imports, needed: vec!["libc.so.6"], ..Spec::default() }.build();
        let found = parse(&data).unwrap().imports(&["system", "popen", "wordexp"], &data[..]).unwrap();
        assert_eq!(found, ["system", "wordexp"]);
    }
}

#[test]
fn segments_say_how_a_program_was_linked() {
    let parsed = |kind: u32, flags: u32| {
        let mut data = Spec { interpreter: Some("/lib/ld.so"), needed: vec!["libc.so.6"], ..Spec::default() }.build();
        let interp = (64..).step_by(56).find(|&at| data[at..at + 4] == 3u32.to_le_bytes()).unwrap();
        data[interp..interp + 4].copy_from_slice(&kind.to_le_bytes());
        data[interp + 4..interp + 8].copy_from_slice(&flags.to_le_bytes());
        let elf = parse(&data).unwrap();
        (elf.executable_stack, elf.relro)
    };
    assert_eq!(parsed(0x6474_e551, 6), (false, false));
    assert_eq!(parsed(0x6474_e551, 7), (true, false));
    assert_eq!(parsed(0x6474_e552, 5), (false, true));
}

#[test]
fn filters_and_auditors_are_asked_for_too() {
    let tags = vec![
        (0x7fff_ffff, "libfilter.so"),
        (0x7fff_fffd, "libaux.so"),
        (0x6fff_fefc, "a.so:b.so"),
        (0x6fff_fefb, "c.so"),
    ];
    let data = Spec { tags, needed: vec!["libc.so.6"], ..Spec::default() }.build();
    let names = parse(&data).unwrap().names(&data[..]).unwrap();
    assert_eq!(names.needed, [b"libc.so.6".to_vec(), b"libfilter.so".to_vec()]);
    assert_eq!(names.optional, [&b"libaux.so"[..], b"a.so", b"b.so", b"c.so"].map(<[u8]>::to_vec));
}

/// Where the dynamic section lies, and how long it is.
fn dynamic_section(data: &[u8]) -> (usize, usize) {
    let word = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().unwrap()) as usize;
    let segment = (64..).step_by(56).find(|&at| data[at] == 2).unwrap();
    (word(segment + 8), word(segment + 32))
}

/// Linux looks at the machine and at the size of program headers, and not at class, byte order and version.
#[test]
fn a_file_is_what_the_kernel_takes_it_for() {
    let good = super::fixture::program("/lib/ld.so", &["liba.so"]);
    let expected = parse(&good).unwrap();
    for (at, value) in [(4, 0), (4, 1), (4, 9), (5, 0), (5, 2), (5, 9), (6, 0), (6, 9)] {
        let mut data = good.clone();
        data[at] = value;
        assert_eq!(parse(&data).unwrap(), expected, "byte {at} is {value}");
        // Another machine's files are what they say.
        data[18] = 22;
        assert!(
            parse(&data).is_err() || at == 6 && value == 9 || parse(&data).unwrap().abi.machine != 62,
            "{at} {value}"
        );
    }
    let x32 = super::fixture::Spec { bits64: false, ..super::fixture::Spec::default() }.build();
    let mut data = x32.clone();
    data[4] = 2;
    assert_eq!(parse(&data).unwrap(), parse(&x32).unwrap());
}

#[test]
fn hostile_files_are_refused_without_reading_much() {
    let good = super::fixture::program("/lib/ld.so", &["liba.so"]);
    // Counts and offsets that the file does not have.
    for (at, value, why) in [
        (56, 0xffff_u16, "impossible size"),
        (56, 1000, "cut off"),
        (54, 57, "impossible size"),
        (34, 0xffff, "cut off"),
    ] {
        let mut data = good.clone();
        data[at..at + 2].copy_from_slice(&value.to_le_bytes());
        let error = parse(&data).unwrap_err();
        assert!(error.to_string().contains(why), "{at}: {error}");
    }
    let (at, len) = dynamic_section(&good);
    // A name behind the end of the string table, and one that never ends.
    let mut data = good.clone();
    data[at + 8..at + 16].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(parse(&data).unwrap().names(&data[..]).is_err());
    // Libraries without end, each of them far from the next.
    let mut data = good[..at].to_vec();
    for number in 0..16_000_u64 {
        data.extend(1_u64.to_le_bytes());
        data.extend((number * 5000).to_le_bytes());
    }
    data.extend(&good[at..at + len]);
    let segment = (64..).step_by(56).find(|&at| data[at] == 2).unwrap();
    let size = data.len() - at;
    data[segment + 32..segment + 40].copy_from_slice(&(size as u64).to_le_bytes());
    assert!(parse(&data).unwrap().damaged);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test reads itself, not an image")]
fn reads_this_test_program() {
    let data = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let elf = parse(&data).unwrap();
    assert!(elf.entry != 0 && !elf.has_soname() && !elf.damaged);
    assert_eq!(elf.needs_libraries(), !elf.names(&data[..]).unwrap().needed.is_empty());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(mut data in prop::collection::vec(any::<u8>(), 0..2000), class in 1u8..3, order in 1u8..3) {
        for (at, byte) in b"\x7fELF".iter().copied().chain([class, order, 1]).enumerate() {
            if let Some(slot) = data.get_mut(at) { *slot = byte; }
        }
        if let Ok(elf) = parse(&data) { let _ = elf.names(&data[..]); }
    }

    #[test]
    fn damaged_programs_never_panic(cut in 0usize..900, at in 0usize..900, byte in any::<u8>()) {
        let mut data = super::fixture::program("/lib/ld.so", &["liba.so", "libb.so"]);
        if let Some(slot) = data.get_mut(at) { *slot = byte; }
        data.truncate(cut);
        if let Ok(elf) = parse(&data) { let _ = elf.names(&data[..]); }
    }
}
