//! An ELF program as it will lie in memory: segments, words in place, and the relocations that the loader adds to them.
//!
//! Reads program headers and the dynamic section, never section headers: those may be stripped or lie. Knows the
//! relative relocations of the machines below in their three forms, and not the meaning of the words.

use std::ops::Range;

/// R_*_RELATIVE by e_machine, from each processor's ELF supplement.
const RELATIVE: [(u16, u32); 13] = [
    (3, 8),      // i386
    (8, 3),      // MIPS, R_MIPS_REL32 without a symbol
    (20, 22),    // PowerPC
    (21, 22),    // PowerPC64
    (22, 12),    // s390
    (40, 23),    // ARM
    (42, 165),   // SuperH
    (43, 22),    // SPARC v9
    (62, 8),     // x86-64
    (183, 1027), // AArch64
    (243, 3),    // RISC-V
    (258, 3),    // LoongArch
    (4, 22),     // m68k
];

const MIPS: u16 = 8;
/// Type byte of a MIPS64 relocation that stores a 64-bit word: R_MIPS_64.
const MIPS_64: u8 = 18;

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const PF_X: u64 = 1;
const ET_EXEC: u64 = 2;
const ET_DYN: u64 = 3;

const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const DT_REL: u64 = 17;
const DT_RELSZ: u64 = 18;
const DT_RELRSZ: u64 = 35;
const DT_RELR: u64 = 36;

/// More loaded segments than linkers make, by far: they make one for each kind of access.
const MAX_SEGMENTS: usize = 64;

/// Most relocations read; real programs have some thousands.
const MAX_RELOCATIONS: usize = 1 << 20;

/// A program's bytes with what the loader makes of them.
#[derive(Debug)]
pub(super) struct Image<'a> {
    pub(super) data: &'a [u8],
    /// Bytes of a word: 4 or 8.
    pub(super) word: u64,
    big: bool,
    segments: Vec<Segment>,
    /// Words that the loader moves, by address; empty for a program at a fixed address.
    relocated: Vec<Slot>,
    fixed: bool,
}

#[derive(Debug)]
struct Segment {
    file: Range<usize>,
    address: u64,
    code: bool,
}

/// One word that holds an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// Where the word lies.
    pub(super) address: u64,
    /// What it holds once the program is loaded at its own addresses.
    pub(super) value: u64,
    /// File offset of the addend, when the value stands there and not in the word.
    pub(super) addend: Option<usize>,
}

impl<'a> Image<'a> {
    /// # Errors
    /// Why the file cannot be read, as a clause.
    pub(super) fn open(data: &'a [u8]) -> Result<Self, &'static str> {
        const CUT: &str = "its ELF header is truncated";
        if !data.starts_with(b"\x7fELF") {
            return Err("it is not an ELF file");
        }
        let word = match data.get(4) {
            Some(1) => 4,
            Some(2) => 8,
            _ => return Err("its ELF class is unknown"),
        };
        let big = match data.get(5) {
            Some(1) => false,
            Some(2) => true,
            _ => return Err("its byte order is unknown"),
        };
        let mut image = Self { data, word, big, segments: Vec::new(), relocated: Vec::new(), fixed: false };
        let kind = image.int(16, 2).ok_or(CUT)?;
        let machine = image.int(18, 2).ok_or(CUT)?;
        if kind != ET_EXEC && kind != ET_DYN {
            return Err("it is neither a program nor a shared object");
        }
        image.fixed = kind == ET_EXEC;
        let wide = word == 8;
        let at = |narrow: usize, wider: usize| if wide { wider } else { narrow };
        let table = image.address(image.int(at(28, 32), word as usize).ok_or(CUT)?);
        let size = image.int(at(42, 54), 2).ok_or(CUT)? as usize;
        let count = image.int(at(44, 56), 2).ok_or(CUT)? as usize;
        if count != 0 && size != at(32, 56) {
            return Err("its program headers have an impossible size");
        }
        let mut dynamic = None;
        for header in (0..count).map(|n| table.saturating_add(n.saturating_mul(size))) {
            let field = |offset: usize, len: usize| image.int(header.checked_add(offset)?, len);
            let words = |narrow, wider| field(at(narrow, wider), word as usize);
            let (Some(kind), Some(flags)) = (field(0, 4), field(at(24, 4), 4)) else {
                return Err("its program headers are truncated");
            };
            let (Some(offset), Some(address), Some(len)) = (words(4, 8), words(8, 16), words(16, 32)) else {
                return Err("its program headers are truncated");
            };
            let start = image.address(offset);
            let end = start.saturating_add(image.address(len));
            match kind {
                PT_LOAD if end > data.len() || address.checked_add(len).is_none() => {
                    return Err("it is truncated: a segment ends beyond the end of the file");
                }
                PT_LOAD => {
                    image.segments.push(Segment { file: start..end, address, code: flags & PF_X != 0 });
                }
                PT_DYNAMIC => dynamic = Some(start..end.min(data.len())),
                _ => {}
            }
        }
        if image.segments.is_empty() {
            return Err("it has no segments");
        }
        // Work grows with both: one segment named ten thousand times would take hours.
        let loaded = image.segments.iter().fold(0usize, |all, segment| all.saturating_add(segment.file.len()));
        if image.segments.len() > MAX_SEGMENTS || loaded > data.len().saturating_mul(2) {
            return Err("its segments overlap");
        }
        if let Some(range) = dynamic {
            image.relocate(range, machine)?;
        }
        Ok(image)
    }

    /// A number at a file offset.
    pub(super) fn int(&self, at: usize, len: usize) -> Option<u64> {
        let bytes = self.data.get(at..at.checked_add(len)?)?;
        let fold = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        Some(if self.big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    }

    /// A number as the file holds it.
    pub(super) fn bytes(&self, value: u64, len: usize) -> Vec<u8> {
        let all = value.to_be_bytes();
        let mut bytes = all.get(8usize.saturating_sub(len)..).unwrap_or_default().to_vec();
        if !self.big {
            bytes.reverse();
        }
        bytes
    }

    /// The address of a file offset that is loaded.
    pub(super) fn address_of(&self, offset: usize) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| segment.file.contains(&offset))?;
        Some(segment.address + (offset - segment.file.start) as u64)
    }

    /// The file offset of `len` loaded bytes.
    pub(super) fn offset_of(&self, address: u64, len: u64) -> Option<usize> {
        self.segments.iter().find_map(|segment| {
            let into = address.checked_sub(segment.address)?;
            let size = segment.file.len() as u64;
            let within = into.checked_add(len)? <= size;
            within.then_some(segment.file.start)?.checked_add(usize::try_from(into).ok()?)
        })
    }

    /// Whether an address lies in a segment that may be executed. Some links put constants there too.
    pub(super) fn is_code(&self, address: u64) -> bool {
        let inside = |segment: &Segment| {
            address.checked_sub(segment.address).is_some_and(|into| into < segment.file.len() as u64)
        };
        self.segments.iter().any(|segment| segment.code && inside(segment))
    }

    /// The word at an address as it will be in memory.
    pub(super) fn value(&self, address: u64) -> Option<u64> {
        match self.slot(address) {
            Some(slot) => Some(slot.value),
            None => self.int(self.offset_of(address, self.word)?, self.word as usize),
        }
    }

    fn slot(&self, address: u64) -> Option<Slot> {
        let at = self.relocated.binary_search_by_key(&address, |slot| slot.address).ok()?;
        self.relocated.get(at).copied()
    }

    /// Every word that holds an address of code, by address.
    pub(super) fn code_pointers(&self) -> Vec<Slot> {
        let mut found = self.pointers();
        found.retain(|slot| self.is_code(slot.value));
        found
    }

    /// Every word that holds an address, by address. In a program at a fixed address any word may do so by accident.
    pub(super) fn pointers(&self) -> Vec<Slot> {
        if !self.fixed || !self.relocated.is_empty() {
            return self.relocated.clone();
        }
        let mut found = Vec::new();
        for segment in &self.segments {
            let skew = segment.address.checked_next_multiple_of(self.word).map_or(0, |next| next - segment.address);
            let first = segment.file.start.saturating_add(self.address(skew));
            for at in (first..segment.file.end).step_by(self.word as usize) {
                if let Some(value) = self.int(at, self.word as usize).filter(|&value| self.is_loaded(value)) {
                    let address = segment.address + (at - segment.file.start) as u64;
                    found.push(Slot { address, value, addend: None });
                }
            }
        }
        in_order(found)
    }

    fn is_loaded(&self, address: u64) -> bool {
        self.offset_of(address, 1).is_some()
    }

    /// Which bytes to write where, so that a word holds `value` in memory; none when the word is not in the file.
    pub(super) fn write(&self, address: u64, value: u64) -> Option<Vec<(usize, Vec<u8>)>> {
        let len = self.word as usize;
        let place = self.offset_of(address, self.word)?;
        let bytes = self.bytes(value, len);
        let Some(Slot { addend: Some(addend), value: old, .. }) = self.slot(address) else {
            return Some(vec![(place, bytes)]);
        };
        let mut writes = vec![(addend, bytes.clone())];
        // Some linkers store the addend in the word as well.
        if self.int(place, len) == Some(old) {
            writes.push((place, bytes));
        }
        Some(writes)
    }

    /// A file offset or size; what does not fit lies behind every file.
    #[allow(clippy::unused_self)]
    fn address(&self, value: u64) -> usize {
        usize::try_from(value).unwrap_or(usize::MAX)
    }

    fn relocate(&mut self, dynamic: Range<usize>, machine: u64) -> Result<(), &'static str> {
        const CUT: &str = "its relocations are truncated";
        let word = self.word as usize;
        let mut tags = [0u64; 40];
        for at in dynamic.step_by(2 * word) {
            let (Some(tag), Some(value)) = (self.int(at, word), self.int(at.saturating_add(word), word)) else { break };
            if tag == 0 {
                break;
            }
            if let Some(slot) = usize::try_from(tag).ok().and_then(|tag| tags.get_mut(tag)) {
                *slot = value;
            }
        }
        let tag = |tag: u64| tags.get(tag as usize).copied().unwrap_or(0);
        let relative = RELATIVE.iter().find(|&&(of, _)| u64::from(of) == machine).map(|&(_, kind)| u64::from(kind));
        let mips = machine == u64::from(MIPS);
        let mut found = Vec::new();
        for (table, size, entry) in
            [(tag(DT_RELA), tag(DT_RELASZ), 3 * self.word), (tag(DT_REL), tag(DT_RELSZ), 2 * self.word)]
        {
            if size == 0 {
                continue;
            }
            let with_addend = entry == 3 * self.word;
            let start = self.offset_of(table, size).ok_or(CUT)?;
            let count = (size / entry) as usize;
            if count > MAX_RELOCATIONS {
                return Err("it has an impossible number of relocations");
            }
            for at in (0..count).map(|n| start + n * entry as usize) {
                let (Some(address), Some(info)) = (self.int(at, word), self.int(at + word, word)) else { continue };
                let is_relative = match (mips, word) {
                    // r_sym, r_ssym, three type bytes, in that order in the file.
                    (true, 8) => {
                        self.int(at + 8, 4) == Some(0)
                            && self.data.get(at + 12..at + 16) == Some(&[0, 0, MIPS_64, 3][..])
                    }
                    (_, 8) => Some(info) == relative,
                    // Symbol in the upper 24 bits: none.
                    _ => Some(info) == relative,
                };
                if !is_relative {
                    continue;
                }
                let value = if with_addend {
                    self.int(at + 2 * word, word)
                } else {
                    self.offset_of(address, self.word).and_then(|place| self.int(place, word))
                };
                let addend = with_addend.then_some(at + 2 * word);
                found.extend(value.map(|value| Slot { address, value, addend }));
            }
        }
        if tag(DT_RELRSZ) != 0 {
            let start = self.offset_of(tag(DT_RELR), tag(DT_RELRSZ)).ok_or(CUT)?;
            self.relr(start, self.address(tag(DT_RELRSZ)) / word, &mut found)?;
        }
        self.relocated = in_order(found);
        Ok(())
    }

    /// DT_RELR: an even entry is an address, an odd one a bitmap of the words that follow (generic ABI, 2018).
    fn relr(&self, start: usize, count: usize, found: &mut Vec<Slot>) -> Result<(), &'static str> {
        let word = self.word as usize;
        let mut next = 0u64;
        for entry in (0..count).filter_map(|n| self.int(start + n * word, word)) {
            let bits = 8 * self.word - 1;
            let (first, map) = if entry & 1 == 0 { (entry, 1) } else { (next, entry >> 1) };
            for bit in (0..bits).filter(|bit| map >> bit & 1 == 1) {
                let address = first.wrapping_add(bit * self.word);
                let place = self.offset_of(address, self.word);
                if let Some(value) = place.and_then(|place| self.int(place, word)) {
                    found.push(Slot { address, value, addend: None });
                }
                if found.len() > MAX_RELOCATIONS {
                    return Err("it has an impossible number of relocations");
                }
            }
            next = first.wrapping_add(if entry & 1 == 0 { self.word } else { bits * self.word });
        }
        Ok(())
    }
}

/// By address, each once.
fn in_order(mut slots: Vec<Slot>) -> Vec<Slot> {
    slots.sort_unstable_by_key(|slot| slot.address);
    slots.dedup_by_key(|slot| slot.address);
    slots
}
