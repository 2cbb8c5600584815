//! Names of programs that an attacker looks for first: no string of a file is by itself a reason to keep one of them.

use std::collections::BTreeSet;

/// Names of <https://gtfobins.github.io>, one a line, sorted.
pub(crate) const GTFOBINS: &str = include_str!("gtfobins.txt");

/// Shells, and programs that hold one.
pub(crate) const SHELLS: &str = "sh bash dash ash hush ksh mksh oksh zsh fish csh tcsh rbash busybox toybox";

/// Compilers, and programs that look into others.
pub(crate) const COMPILERS: &str =
    "gcc g++ cc c++ cpp clang clang++ tcc go rustc cargo as ld gdb lldb strace ltrace make cmake javac";

/// Shells and the names of GTFOBins, to look many names up.
#[derive(Debug)]
pub(crate) struct Wanted(BTreeSet<&'static [u8]>);

impl Wanted {
    /// All of them.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self(SHELLS.split_ascii_whitespace().chain(GTFOBINS.lines()).map(str::as_bytes).collect())
    }

    /// Whether a name is one of them, with or without a version at its end.
    #[must_use]
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.0.contains(name) || self.0.contains(stem(name))
    }
}

/// A name without a version at its end.
fn stem(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|b| !b.is_ascii_digit() && !matches!(b, b'.' | b'-')).map_or(0, |at| at + 1);
    name.get(..end).unwrap_or_default()
}

/// Whether the name is in a list, with or without a version at its end.
pub(crate) fn is_listed<'n>(mut list: impl Iterator<Item = &'n str>, name: &[u8]) -> bool {
    let stem = stem(name);
    list.any(|listed| listed.as_bytes() == name || listed.as_bytes() == stem)
}

/// Whether the name is that of a shell, a compiler, or a program of GTFOBins, also behind the name of a machine:
/// `x86_64-linux-gnu-gcc-12`.
pub(crate) fn is_notable(name: &[u8]) -> bool {
    let machine = name.windows(7).position(|part| part == b"-linux-").and_then(|at| name.get(at + 7..));
    let behind = machine.and_then(|rest| Some(rest.iter().position(|&b| b == b'-')? + 1));
    let plain = machine.zip(behind).and_then(|(rest, at)| rest.get(at..)).unwrap_or(name);
    let all = || SHELLS.split(' ').chain(COMPILERS.split(' ')).chain(GTFOBINS.lines());
    is_listed(all(), plain) || is_listed(all(), name)
}

#[cfg(test)]
mod tests {
    use super::is_notable;

    #[test]
    fn versions_and_machines_do_not_hide_a_name() {
        for name in ["bash", "python3.11", "perl5", "gcc-12", "x86_64-linux-gnu-gcc-12", "aarch64-linux-gnu-ld", "g++"]
        {
            assert!(is_notable(name.as_bytes()), "{name}");
        }
        for name in ["doveconf", "s6-envuidgid", "x86_64-linux-gnu-none", "gccgo-linux-tool", ""] {
            assert!(!is_notable(name.as_bytes()), "{name}");
        }
    }
}
