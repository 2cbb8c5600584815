//! Applets of a multi-call binary: finds them, and makes the same binary with some of them disabled.
//!
//! From bytes to bytes; this module knows neither files nor policy. It finds every table without symbols, sections or
//! running anything, and each table must be the only one that fits (`applets/busybox.rs`, `applets/records.rs`). It
//! reads a changed binary again and searches it in the way of the program itself before it returns it, and refuses a
//! binary for which it cannot do that. docs/busybox.md tells users the same.

mod busybox;
#[cfg(test)]
#[path = "../tests/common/busybox.rs"]
pub(crate) mod fixture;
mod image;
mod lookup;
mod patch;
mod records;
mod small;

use image::Image;
use records::Layout;

/// Which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// busybox 1.26 to 1.38.
    Busybox,
    /// toybox.
    Toybox,
    /// uutils coreutils.
    Uutils,
    /// GNU coreutils built with --enable-single-binary: it has no table that could be changed.
    Coreutils,
}

/// The applets of one binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applets {
    /// Which program it is.
    pub family: Family,
    /// Every name that it answers to, as the binary has it sorted; without its own name.
    pub names: Vec<String>,
    /// How many more are disabled already.
    pub disabled: usize,
    /// Names that the shell in it answers by itself, applet or not.
    pub builtins: Vec<String>,
    table: Table,
}

/// Where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Table {
    Busybox(busybox::Table),
    Records(records::Table),
    /// Nowhere that could be changed.
    None,
}

/// A binary that answers to fewer names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// The whole file; of the same size.
    pub data: Vec<u8>,
    /// Whether it differs from what it was.
    pub changed: bool,
    /// Disabled names that still start, do nothing, and exit with 1 instead of 127.
    pub silent: Vec<String>,
}

/// How the library's name begins that holds the applets of a busybox which was built so.
pub(crate) const LIBRARY: &[u8] = b"libbusybox.so";

/// What the shell of busybox (shell/ash.c, builtintab) can answer itself though programs have the same names.
const BUILTINS: [&str; 10] = ["[", "[[", "echo", "false", "kill", "printf", "pwd", "sleep", "test", "true"];

impl Family {
    /// What a file says it is; `None` for anything that is no multi-call binary known here. A binary that was damaged
    /// may still say so.
    #[must_use]
    pub fn of(data: &[u8]) -> Option<Self> {
        let has = |text: &str| contains(data, text.as_bytes());
        if !data.starts_with(b"\x7fELF") {
            None
        } else if has("BusyBox v1.") && has("multi-call binary") {
            Some(Self::Busybox)
        } else if has("--coreutils-prog=") {
            Some(Self::Coreutils)
        } else if has("toybox") && has("Toybox ") {
            Some(Self::Toybox)
        } else if has("uutils coreutils") || has(" (multi-call binary)") {
            Some(Self::Uutils)
        } else {
            None
        }
    }
}

/// The applets of a binary.
///
/// # Errors
/// Why they cannot be told with certainty, as a clause.
pub fn read(data: &[u8]) -> Result<Applets, &'static str> {
    let family = family(data)?;
    let mut names = Vec::new();
    let mut disabled = 0;
    let mut add = |name: &str, off: bool| {
        if off {
            disabled += 1;
        } else {
            names.push(name.to_owned());
        }
    };
    let table = match family {
        Family::Busybox => {
            let table = busybox::Table::locate(&Image::open(data)?, busybox::version(data))?;
            for index in 0..table.names.len() {
                let name = String::from_utf8_lossy(table.name(data, index));
                if name != "busybox" {
                    add(&name, table.is_disabled(data, index));
                }
            }
            Table::Busybox(table)
        }
        Family::Toybox | Family::Uutils => {
            let layout = if family == Family::Toybox { Layout::Toybox } else { Layout::Uutils };
            let table = records::Table::locate(&Image::open(data)?, layout)?;
            for record in table.records.iter().filter(|record| !table.is_program(record)) {
                add(&record.name, table.is_disabled(record));
            }
            Table::Records(table)
        }
        Family::Coreutils => {
            names = coreutils(data).ok_or("the list of its programs is not found in it")?;
            Table::None
        }
    };
    let builtins = if family == Family::Busybox { builtins(data) } else { Vec::new() };
    Ok(Applets { family, names, disabled, builtins, table })
}

/// Whether a file that cannot be read as a multi-call binary is one all the same: damaged, packed, or too old or new. One
/// whose name says so (`telling`) need not say so itself.
#[must_use]
pub fn claims(data: &[u8], telling: bool) -> bool {
    let damaged = || data.starts_with(b"\x7fELF") && Image::open(data).is_err();
    Family::of(data).is_some()
        || is_launcher(data)
        || telling && (damaged() || contains(data, b"UPX!") || contains(data, b"BusyBox v1."))
}

impl Applets {
    /// The binary, which these were read from, without the applets that `keep` does not keep. What was disabled before
    /// stays so.
    ///
    /// # Errors
    /// Why that cannot be done, or not be shown to be right, as a clause.
    pub fn disable(&self, data: &[u8], keep: &dyn Fn(&str) -> bool) -> Result<Patched, &'static str> {
        let image = Image::open(data)?;
        match &self.table {
            Table::Busybox(table) => patch::disable(&image, table, &|name| name == "busybox" || keep(name)),
            Table::Records(table) => {
                let silent: Vec<String> = self.names.iter().filter(|name| !keep(name)).cloned().collect();
                let changed = silent.iter().any(|name| name != "false");
                Ok(Patched { data: table.disable(&image, keep)?, changed, silent })
            }
            Table::None => Err("it has no table of its programs: what it runs is decided in its code"),
        }
    }
}

/// As [`read`] and [`Applets::disable`].
///
/// # Errors
/// Those of both.
pub fn disable(data: &[u8], keep: &dyn Fn(&str) -> bool) -> Result<Patched, &'static str> {
    read(data)?.disable(data, keep)
}

/// Whether a program does nothing but start an applet of libbusybox.so (CONFIG_FEATURE_SHARED_BUSYBOX).
pub(crate) fn is_launcher(data: &[u8]) -> bool {
    data.starts_with(b"\x7fELF") && Family::of(data).is_none() && contains(data, LIBRARY)
}

fn family(data: &[u8]) -> Result<Family, &'static str> {
    if let Some(family) = Family::of(data) {
        return Ok(family);
    }
    if is_launcher(data) {
        return Err("its applets are in a library that harden cannot find");
    }
    if contains(data, b"UPX!") && data.starts_with(b"\x7fELF") {
        return Err("it is packed by UPX");
    }
    Image::open(data)?;
    if contains(data, b"BusyBox v1.") {
        return Err("it was built for a single applet, and has no table");
    }
    Err("no table of applets was found in it")
}

/// Whether bytes hold a text.
pub(crate) fn contains(data: &[u8], text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else { return true };
    let starts = data.iter().enumerate().filter(|&(_, byte)| byte == first);
    starts.map(|(at, _)| at + 1).any(|at| data.get(at..at + rest.len()) == Some(rest))
}

/// The builtins whose names the file holds as builtintab does: behind a digit that says what kind it is.
fn builtins(data: &[u8]) -> Vec<String> {
    let mut found = vec![false; BUILTINS.len()];
    let last = |byte: &u8| BUILTINS.iter().any(|name| name.as_bytes().last() == Some(byte));
    for part in data.split(|&byte| byte == 0).filter(|part| part.last().is_some_and(last)) {
        let tail = part.iter().rev().take(9).position(u8::is_ascii_digit);
        let Some(at) = tail.map(|from_end| part.len() - from_end) else { continue };
        let name = part.get(at..).unwrap_or_default();
        if let Some(place) = BUILTINS.iter().position(|builtin| builtin.as_bytes() == name) {
            found.iter_mut().skip(place).take(1).for_each(|found| *found = true);
        }
    }
    BUILTINS.iter().zip(found).filter(|(_, found)| *found).map(|(name, _)| (*name).to_owned()).collect()
}

/// The names of GNU coreutils: one string, ` [ arch b2sum …` (src/coreutils.c, usage).
fn coreutils(data: &[u8]) -> Option<Vec<String>> {
    let lists = data.split(|&byte| byte == 0).filter(|part| part.starts_with(b" [ ") || part.starts_with(b" arch "));
    let names = |part: &[u8]| -> Option<Vec<String>> {
        let words: Vec<String> = std::str::from_utf8(part).ok()?.split_whitespace().map(str::to_owned).collect();
        (words.len() >= 20 && words.iter().any(|word| word == "cat")).then_some(words)
    };
    let mut found: Vec<Vec<String>> = lists.filter_map(names).collect();
    let mut list = found.pop()?;
    let same = found.iter().all(|other| *other == list);
    // A link of the name `install` leads to what the list calls `ginstall` (main).
    if list.iter().any(|name| name == "ginstall") {
        list.push("install".to_owned());
    }
    same.then_some(list)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
