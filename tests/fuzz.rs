//! What hostile files do to the readers of ELF files, of tables of applets, of the loaders' configuration and of rpm's
//! databases: no panic, no endless work, no
//! more bytes read than the file has reason for.
//!
//! Each target replays its corpus (tests/corpus) and then goes on with mutations of it for `HARDEN_FUZZ_SECONDS`, two
//! by default, ten minutes in `make soak`. An input whose outcome no other one had joins the corpus of the run, and the
//! one on disk when `HARDEN_FUZZ_KEEP` is set. What fails is written to the corpus, so that it is replayed for ever.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)]
#![allow(clippy::print_stderr)]

#[path = "../src/applets/fixture.rs"]
mod binary;
mod common;
#[path = "fuzz/driver.rs"]
mod driver;
#[path = "fuzz/image.rs"]
mod image;

use binary::{Binary, Kind};
use common::{Spec, library, program};
use driver::fuzz;
use harden::applets::{Family, claims, disable, read};
use harden::facts::elf::{Bytes, Elf, HEAD};
use image::Image;

/// A file whose reads are counted.
struct Counted<'a>(&'a [u8], std::cell::Cell<usize>);

impl Bytes for Counted<'_> {
    fn at(&self, offset: u64, len: usize) -> Result<Vec<u8>, String> {
        assert!(len <= 4 << 20, "{len} bytes in one read");
        let read = self.0.at(offset, len)?;
        self.1.set(self.1.get() + read.len());
        Ok(read)
    }
}

fn elf_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![Vec::new(), b"\x7fELF".to_vec(), library("liba.so", &["libb.so", "liba.so"])];
    for (bits64, big, machine) in [(true, false, 62), (true, true, 22), (false, false, 3), (false, true, 8)] {
        let spec = Spec {
            bits64,
            big,
            machine,
            interpreter: Some("/lib/ld.so"),
            needed: vec!["liba.so", "libb.so", "/opt/libc.so"],
            rpath: Some("/opt/lib:$ORIGIN/../lib"),
            runpath: Some("${ORIGIN}:/$LIB/$PLATFORM"),
            tags: vec![(0x7fff_fffd, "libaux.so"), (0x6fff_fefc, "a.so:b.so")],
            imports: vec!["system", "printf", "popen"],
            pie: true,
            ..Spec::default()
        };
        seeds.push(spec.build());
        seeds.push(Spec { kind: 2, ..spec }.build());
    }
    seeds.push(program("/lib/ld.so", &[]));
    seeds
}

#[test]
fn elf_files() {
    fuzz("elf", elf_seeds(), |data| {
        let bytes = Counted(data, std::cell::Cell::new(0));
        let outcome = match Elf::parse(&data[..data.len().min(HEAD)], &bytes) {
            Err(error) => format!("refused: {error}"),
            Ok(elf) => {
                let names = elf.names(&bytes).map(|names| {
                    let size = |list: &[Vec<u8>]| list.len().min(4);
                    (size(&names.needed), size(&names.optional), names.soname.is_some(), names.runpath.is_some())
                });
                let imports = elf.imports(&["system", "popen", "wordexp"], &bytes);
                let shape = (elf.abi.class, elf.abi.big, elf.kind, elf.entry != 0, elf.interpreter.is_some());
                format!("{shape:?} {:?} {names:?} {imports:?}", (elf.pie, elf.damaged))
            }
        };
        // Tables may overlap, so that a byte is read more than once; never without bound.
        assert!(bytes.1.get() <= 8 << 20, "{} bytes read of a file of {}", bytes.1.get(), data.len());
        outcome
    });
}

#[test]
fn programs_and_libraries() {
    let image = Image::new();
    fuzz("closure", elf_seeds(), |data| image.closure(&[("/usr/bin/prog", data), ("/lib/liba.so", data)]));
}

#[test]
fn applet_tables() {
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
    fuzz("applets", seeds, |data| {
        let found = match read(data) {
            Err(why) => return format!("{:?}: {why}, {}", Family::of(data), claims(data, true)),
            Ok(found) => found,
        };
        let keep = |name: &str| ["sh", "cat", "x001"].contains(&name);
        let patched = match found.disable(data, &keep) {
            Err(why) => return format!("{:?}: {why}", found.family),
            Ok(patched) => patched,
        };
        assert_eq!(patched.data.len(), data.len());
        let again = read(&patched.data).unwrap();
        let left: Vec<&String> = found.names.iter().filter(|name| keep(name)).collect();
        assert!(again.names.iter().eq(left) || found.family != Family::Busybox, "{:?}", again.names);
        assert!(!again.disable(&patched.data, &keep).unwrap().changed || found.family != Family::Busybox);
        format!("{:?} {} {} {}", found.family, found.names.len() / 8, again.disabled / 8, patched.silent.len())
    });
}

#[test]
fn loader_configuration() {
    let image = Image::new();
    let program = program("/lib/ld.so", &["liba.so", "libc.so.6"]);
    let mut seeds = vec![
        b"passwd: files my [NOTFOUND=return] other\n".to_vec(),
        b"include /etc/ld.so.conf\n/opt/lib\n".to_vec(),
        b"auth [success=1 default=ignore] pam_unix.so\n@include prog\nsession include prog\n".to_vec(),
        b"#!/usr/bin/env -S A=\"b\" prog -x\n".to_vec(),
        b"liba.so /opt/libb.so # x\n".to_vec(),
    ];
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
    fuzz("configuration", seeds, |data| {
        let files =
            ["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.preload", "/etc/nsswitch.conf", "/etc/pam.d/prog"];
        let mut all = vec![("/usr/bin/prog", &program[..]), ("/usr/bin/script", data)];
        all.extend(files.map(|file| (file, data)));
        image.closure(&all)
    });
}

#[test]
fn rpm_databases() {
    let image = Image::new();
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
    assert!(image.rpm(&page).starts_with("1 2 "), "{}", image.rpm(&page));
    fuzz("rpm", vec![page], |data| image.rpm(data));
}
