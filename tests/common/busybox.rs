//! Builds small multi-call binaries, for tests: the tables of busybox as its generator lays them out, in an ELF file of
//! any word size, byte order and kind of relocation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, dead_code)]

/// How addresses in the file become addresses in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// ET_EXEC: they are right already.
    Fixed,
    /// DT_RELA, the addend in the relocation.
    Rela,
    /// DT_REL, the addend in the word.
    Rel,
    /// DT_RELR, the same, in bitmaps.
    Relr,
}

/// Some real applets, in strcmp order.
pub(crate) const NAMES: &[&str] = &[
    "[",
    "[[",
    "arch",
    "ash",
    "awk",
    "basename",
    "bunzip2",
    "bzcat",
    "cat",
    "chmod",
    "cp",
    "date",
    "dc",
    "dd",
    "echo",
    "egrep",
    "false",
    "fgrep",
    "grep",
    "gunzip",
    "head",
    "httpd",
    "id",
    "ip",
    "kill",
    "ls",
    "mkfs.ext2",
    "nc",
    "ps",
    "sh",
    "stat",
    "su",
    "tail",
    "test",
    "true",
    "uname",
    "vi",
    "wc",
    "wget",
    "zcat",
];

const SHARED: &[&[&str]] = &[
    &["[", "[[", "test"],
    &["ash", "sh"],
    &["bunzip2", "bzcat"],
    &["egrep", "fgrep", "grep"],
    &["gunzip", "zcat"],
    &["arch", "uname"],
];

/// What to build.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) bits64: bool,
    pub(crate) big: bool,
    pub(crate) machine: u16,
    pub(crate) kind: Kind,
    pub(crate) version: &'static str,
    /// In strcmp order.
    pub(crate) names: Vec<String>,
    /// What stands directly before the names.
    pub(crate) before: &'static [u8],
    /// Write the table of offsets twice.
    pub(crate) twice: bool,
}

impl Default for Binary {
    fn default() -> Self {
        Self {
            bits64: true,
            big: false,
            machine: 62,
            kind: Kind::Rela,
            version: "BusyBox v1.36.1 (2024-06-10 07:11:47 UTC)",
            names: NAMES.iter().map(|&name| name.to_owned()).collect(),
            before: b"",
            twice: false,
        }
    }
}

const BASE: u64 = 0x1_0000;
/// Bytes of one function.
const FUNCTION: u64 = 16;

impl Binary {
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    pub(crate) fn with(mut self, count: usize) -> Self {
        for n in 0..count {
            self.names.push(format!("x{n:03}"));
        }
        self.names.sort_unstable();
        self
    }

    /// Where the function of a name lies.
    pub(crate) fn function(&self, name: &str) -> u64 {
        let first = SHARED
            .iter()
            .find(|group| group.contains(&name))
            .map_or(name, |group| group.iter().find(|name| self.names.iter().any(|other| other == *name)).unwrap());
        let index = self.names.iter().position(|other| other == first).unwrap();
        BASE + 0x400 + FUNCTION * index as u64
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let word = if self.bits64 { 8u64 } else { 4 };
        let mut out = vec![0u8; 0x400];
        // Functions: code that nobody runs.
        out.resize(0x400 + FUNCTION as usize * self.names.len(), 0xc3);
        let code_end = out.len() as u64;
        out.extend(b"\0");
        out.extend(self.version.as_bytes());
        out.extend(b"\0 multi-call binary.\n\0Usage: \0");
        for name in ["2echo", "2kill", "2test", "3.", "1alias"] {
            out.extend(name.as_bytes());
            out.push(0);
        }
        let count = self.names.len();
        let known = match count {
            0..32 => 0,
            32..128 => 4,
            _ => 8,
        };
        let mut offsets = Vec::new();
        let mut at = 0u16;
        for name in &self.names {
            offsets.push(at);
            at += name.len() as u16 + 1;
        }
        for _ in 0..=usize::from(self.twice) {
            out.resize(out.len().next_multiple_of(2), 0xff);
            for j in 1..known {
                self.half(&mut out, offsets[j * count / known]);
            }
        }
        out.extend(self.before);
        for name in &self.names {
            out.extend(name.as_bytes());
            out.push(0);
        }
        out.extend(b"\0\x7f\x80");
        out.resize(out.len().next_multiple_of(16), 0xee);
        // A pointer before the functions and one behind them: where they begin has to be found out.
        let table = out.len() as u64;
        let mut values = vec![BASE + 0x400];
        values.extend(self.names.iter().map(|name| self.function(name)));
        values.push(BASE + 0x400 + FUNCTION);
        for &value in &values {
            self.word(&mut out, if self.kind == Kind::Rela { 0 } else { value });
        }
        let relocations = out.len() as u64;
        let (tag, entry) = match self.kind {
            Kind::Fixed => (0, 0),
            Kind::Rela => (7, 3 * word),
            Kind::Rel => (17, 2 * word),
            Kind::Relr => (36, word),
        };
        let relative = match self.machine {
            183 => 1027,
            40 => 23,
            22 => 12,
            20 | 21 => 22,
            243 => 3,
            _ => 8,
        };
        match self.kind {
            Kind::Fixed => {}
            Kind::Relr => {
                self.word(&mut out, BASE + table);
                let mut rest = values.len() as u64 - 1;
                while rest > 0 {
                    let bits = rest.min(8 * word - 1);
                    let ones = if bits == 63 { u64::MAX >> 1 } else { (1 << bits) - 1 };
                    self.word(&mut out, ones << 1 | 1);
                    rest -= bits;
                }
            }
            Kind::Rela | Kind::Rel => {
                for (n, &value) in values.iter().enumerate() {
                    self.word(&mut out, BASE + table + n as u64 * word);
                    self.word(&mut out, relative);
                    if self.kind == Kind::Rela {
                        self.word(&mut out, value);
                    }
                }
            }
        }
        let size = out.len() as u64 - relocations;
        let dynamic = out.len() as u64;
        if entry > 0 {
            let size_tag = match self.kind {
                Kind::Rela => 8,
                Kind::Rel => 18,
                _ => 35,
            };
            for value in [tag, BASE + relocations, size_tag, size, 0, 0] {
                self.word(&mut out, value);
            }
        }
        let total = out.len() as u64;
        let mut head = b"\x7fELF".to_vec();
        head.extend([if self.bits64 { 2 } else { 1 }, if self.big { 2 } else { 1 }, 1, 0]);
        head.extend([0; 8]);
        self.half(&mut head, if self.kind == Kind::Fixed { 2 } else { 3 });
        self.half(&mut head, self.machine);
        self.int(&mut head, 1);
        self.word(&mut head, BASE + 0x400);
        let (header, entry_size) = if self.bits64 { (64u16, 56u16) } else { (52, 32) };
        self.word(&mut head, u64::from(header));
        self.word(&mut head, 0xffff_fff0);
        self.int(&mut head, 0);
        for value in [header, entry_size, if entry > 0 { 3 } else { 2 }, 0xffff, 0xffff, 0xffff] {
            self.half(&mut head, value);
        }
        self.segment(&mut head, 1, 5, 0, code_end);
        self.segment(&mut head, 1, 6, code_end, total - code_end);
        if entry > 0 {
            self.segment(&mut head, 2, 6, dynamic, total - dynamic);
        }
        out[..head.len()].copy_from_slice(&head);
        out
    }

    fn segment(&self, out: &mut Vec<u8>, kind: u32, flags: u32, offset: u64, size: u64) {
        self.int(out, kind);
        if self.bits64 {
            self.int(out, flags);
        }
        for value in [offset, BASE + offset, BASE + offset, size, size] {
            self.word(out, value);
        }
        if !self.bits64 {
            self.int(out, flags);
        }
        self.word(out, 4);
    }

    fn half(&self, out: &mut Vec<u8>, value: u16) {
        out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn int(&self, out: &mut Vec<u8>, value: u32) {
        out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn word(&self, out: &mut Vec<u8>, value: u64) {
        if self.bits64 {
            out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        } else {
            self.int(out, value as u32);
        }
    }
}
