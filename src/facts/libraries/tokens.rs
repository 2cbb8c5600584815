//! `$ORIGIN`, `$LIB` and `$PLATFORM` in search paths, and the directory names of a machine.

use std::collections::BTreeSet;

use super::super::elf::{Abi, Class};
use super::Object;

/// The directories of a search path with its tokens replaced.
pub(super) fn expand_list(object: &Object, list: &[u8]) -> Vec<Vec<u8>> {
    // An empty part means the working directory, which is unknown here.
    list.split(|&b| b == b':').filter(|part| !part.is_empty()).flat_map(|part| expand_one(object, part)).collect()
}

/// `$ORIGIN`, `$LIB` and `$PLATFORM` replaced; several answers where distributions differ.
pub(super) fn expand_one(object: &Object, text: &[u8]) -> Vec<Vec<u8>> {
    let abi = object.elf.abi;
    let mut lib: Vec<Vec<u8>> = multiarch(abi).iter().map(|t| format!("lib/{t}").into_bytes()).collect();
    lib.push(if abi.class == Class::Bits64 { b"lib64".to_vec() } else { b"lib".to_vec() });
    lib.push(b"lib".to_vec());
    let mut all = vec![text.to_vec()];
    for (name, values) in
        [("ORIGIN", std::slice::from_ref(&object.origin)), ("LIB", &lib), ("PLATFORM", &[platform(abi)])]
    {
        all = all.into_iter().flat_map(|text| substitute(&text, name.as_bytes(), values)).collect();
    }
    let mut seen = BTreeSet::new();
    all.retain(|path| path.first() == Some(&b'/') && seen.insert(path.clone()));
    all
}

fn substitute(text: &[u8], name: &[u8], values: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let braced = [b"${", name, b"}"].concat();
    let plain = [b"$", name].concat();
    let has = |token: &[u8]| text.windows(token.len()).any(|part| part == token);
    if !has(&braced) && !has(&plain) {
        return vec![text.to_vec()];
    }
    values.iter().map(|value| replace(&replace(text, &braced, value), &plain, value)).collect()
}

fn replace(text: &[u8], token: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        match rest.strip_prefix(token) {
            Some(after) => {
                out.extend_from_slice(value);
                rest = after;
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    out
}

/// AT_PLATFORM of the kernel.
fn platform(abi: Abi) -> Vec<u8> {
    let name = match (abi.machine, abi.class) {
        (62, _) => "x86_64",
        (183, _) => "aarch64",
        (3, _) => "i686",
        (40, _) => "v7l",
        (22, _) => "z900",
        _ => "",
    };
    name.as_bytes().to_vec()
}

/// Debian's directory names for a machine (e_machine of elf(5)).
pub(super) fn multiarch(abi: Abi) -> &'static [&'static str] {
    match (abi.machine, abi.class, abi.big) {
        (62, Class::Bits64, _) => &["x86_64-linux-gnu"],
        (62, Class::Bits32, _) => &["x86_64-linux-gnux32"],
        (3, ..) => &["i386-linux-gnu", "i686-linux-gnu"],
        (183, ..) => &["aarch64-linux-gnu"],
        (40, ..) => &["arm-linux-gnueabihf", "arm-linux-gnueabi"],
        (21, _, false) => &["powerpc64le-linux-gnu"],
        (21, _, true) => &["powerpc64-linux-gnu"],
        (22, ..) => &["s390x-linux-gnu"],
        (243, ..) => &["riscv64-linux-gnu"],
        (258, ..) => &["loongarch64-linux-gnu"],
        (8, Class::Bits64, _) => &["mips64el-linux-gnuabi64"],
        (8, Class::Bits32, _) => &["mipsel-linux-gnu"],
        _ => &[],
    }
}
