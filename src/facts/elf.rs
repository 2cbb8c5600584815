//! The parts of an ELF file that the kernel and the dynamic loader read: header, program headers, dynamic section.
//!
//! Section headers are never looked at: they may be stripped or lie, and nothing that runs a program reads them.
//! Everything is a ranged read with a bound, so that a large library costs a few hundred bytes and a hostile file
//! cannot ask for more. [`super::program`] decides whether a file is a program.

use anyhow::{Context as _, Result, anyhow, bail};
use std::borrow::Cow;

#[cfg(test)]
#[path = "../../tests/common/elf.rs"]
pub(crate) mod fixture;
mod strings;
mod symbols;

use object::elf::{
    DT_AUDIT, DT_AUXILIARY, DT_DEPAUDIT, DT_FILTER, DT_FLAGS_1, DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_NEEDED, DT_NULL,
    DT_REL, DT_RELA, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_SYMTAB, DT_VERDEF, DT_VERNEED, DT_VERSYM,
    ET_DYN, ET_EXEC, FileHeader32, FileHeader64, PF_X, PT_DYNAMIC, PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_LOAD,
};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, pod};

use strings::Table;
use symbols::Symbols;

/// First four bytes of every ELF file.
pub(crate) const MAGIC: &[u8] = b"\x7fELF";
/// Bytes worth reading first: the header, and in practice all program headers and the interpreter.
pub const HEAD: usize = 1024;
/// Most program headers read; the kernel itself takes no more than 64 KiB of them.
const MAX_SEGMENTS: usize = 1170;
/// Most bytes of dynamic section read.
const MAX_DYNAMIC: u64 = 256 * 1024;
/// Longest interpreter read, PATH_MAX of Linux.
const MAX_PATH: u64 = 4096;
/// Most libraries that one file may ask for; the largest known programs have two hundred.
const MAX_NEEDED: usize = 1024;
/// DF_1_PIE and DF_1_NODEFLIB of DT_FLAGS_1.
const PIE: u64 = 0x0800_0000;
const NO_DEFAULT_LIBRARIES: u64 = 0x0800;

/// Random access to a file's bytes.
pub trait Bytes {
    /// Up to `len` bytes from `offset`; fewer at the end of the file.
    ///
    /// # Errors
    /// A message when the file cannot be read.
    fn at(&self, offset: u64, len: usize) -> Result<Vec<u8>>;

    /// The same, into memory that is used again.
    ///
    /// # Errors
    /// As [`Bytes::at`].
    fn at_into(&self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<()> {
        *into = self.at(offset, len)?;
        Ok(())
    }
}

/// Memory that reading one file after the other uses again: a run looks at hundreds.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// The beginning of the file.
    pub head: Vec<u8>,
    raw: Vec<u8>,
    segments: Vec<Segment>,
    tags: Vec<(object::elf::DynamicTag, u64)>,
}

impl Bytes for [u8] {
    fn at(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let end = start.saturating_add(len).min(self.len());
        Ok(self.get(start..end).unwrap_or_default().to_vec())
    }
}

/// Word size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// ELFCLASS32.
    Bits32,
    /// ELFCLASS64.
    Bits64,
}

/// What a library and a program must have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Abi {
    /// Word size.
    pub class: Class,
    /// Big endian.
    pub big: bool,
    /// e_machine, as EM_X86_64 = 62.
    pub machine: u16,
}

/// e_type, as far as it matters for running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// ET_EXEC: fixed address.
    Fixed,
    /// ET_DYN: shared object or position-independent program.
    Movable,
    /// Object files, core dumps.
    Other,
}

/// One ELF file, without its strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    /// Word size, byte order and machine.
    pub abi: Abi,
    /// Fixed, movable or neither.
    pub kind: Type,
    /// Address of the first instruction; 0 for none.
    pub entry: u64,
    /// PT_INTERP, without its final NUL.
    pub interpreter: Option<Vec<u8>>,
    /// DF_1_PIE: the linker says that this is a program.
    pub pie: bool,
    /// DF_1_NODEFLIB: glibc does not look into its own directories for what this file needs (`ld -z nodefaultlib`).
    pub no_default_libraries: bool,
    /// PT_GNU_STACK asks for a stack that can be executed.
    pub executable_stack: bool,
    /// PT_GNU_RELRO: what the loader has filled in cannot be written any more.
    pub relro: bool,
    /// The dynamic section was announced and could not be read.
    pub damaged: bool,
    soname: Option<u64>,
    rpath: Option<u64>,
    runpath: Option<u64>,
    needed: Vec<u64>,
    optional: Vec<u64>,
    /// File offset and size of the string table.
    strings: Option<(u64, u64)>,
    symbols: Option<Symbols>,
}

/// The strings of a dynamic section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// DT_NEEDED and DT_FILTER, in order.
    pub needed: Vec<Vec<u8>>,
    /// Libraries that the loader takes when they are there: DT_AUXILIARY, DT_AUDIT and DT_DEPAUDIT. musl has none.
    pub optional: Vec<Vec<u8>>,
    /// DT_SONAME.
    pub soname: Option<Vec<u8>>,
    /// DT_RPATH.
    pub rpath: Option<Vec<u8>>,
    /// DT_RUNPATH.
    pub runpath: Option<Vec<u8>>,
}

impl Elf {
    /// Parse a file whose first [`HEAD`] bytes are `head`.
    ///
    /// # Errors
    /// A message when this is no ELF file, or its header or program headers are cut off or out of bounds.
    pub fn parse(head: &[u8], bytes: &(impl Bytes + ?Sized)) -> Result<Self> {
        Self::parse_with(&mut Buffers::default(), head, bytes)
    }

    /// The same with memory that is used again, but for its `head`.
    pub(crate) fn parse_with(buffers: &mut Buffers, head: &[u8], bytes: &(impl Bytes + ?Sized)) -> Result<Self> {
        let loaded = as_loaded(head);
        match loaded.get(4) {
            _ if !head.starts_with(MAGIC) => Err(anyhow!("no ELF file")),
            Some(1) => parse::<FileHeader32<Endianness>>(buffers, &loaded, bytes, Class::Bits32),
            Some(2) => parse::<FileHeader64<Endianness>>(buffers, &loaded, bytes, Class::Bits64),
            _ => Err(anyhow!("an ELF file of unknown class")),
        }
    }

    /// Whether it has a DT_SONAME.
    #[must_use]
    pub fn has_soname(&self) -> bool {
        self.soname.is_some()
    }

    /// Whether it asks for libraries.
    #[must_use]
    pub fn needs_libraries(&self) -> bool {
        !self.needed.is_empty()
    }

    /// Whether the file says itself where its libraries lie: DT_RPATH or DT_RUNPATH.
    #[must_use]
    pub const fn has_search_path(&self) -> bool {
        self.rpath.is_some() || self.runpath.is_some()
    }

    /// The strings of the dynamic section; empty without one.
    ///
    /// # Errors
    /// A message when the file cannot be read, or a string lies outside of its table.
    pub fn names(&self, bytes: &(impl Bytes + ?Sized)) -> Result<Names> {
        let Some((start, size)) = self.strings else {
            return Ok(Names::default());
        };
        let all = self.needed.iter().chain(&self.optional).chain(&self.soname).chain(&self.rpath).chain(&self.runpath);
        let table = Table::read(all.copied().collect(), start, size, bytes)?;
        let get = |at: u64| table.string(at).map(<[u8]>::to_vec).context("a name lies outside of its string table");
        let list = |all: &[u64]| all.iter().map(|&at| get(at)).collect::<Result<Vec<_>, _>>();
        Ok(Names {
            needed: list(&self.needed)?,
            optional: list(&self.optional)?
                .iter()
                .flat_map(|names| names.split(|&b| b == b':'))
                .map(<[u8]>::to_vec)
                .collect(),
            soname: self.soname.map(get).transpose()?,
            rpath: self.rpath.map(get).transpose()?,
            runpath: self.runpath.map(get).transpose()?,
        })
    }

    /// Which of these functions the file takes from a library, by its dynamic symbol table.
    ///
    /// # Errors
    /// A message when the file cannot be read.
    pub fn imports<'n>(&self, names: &[&'n str], bytes: &(impl Bytes + ?Sized)) -> Result<Vec<&'n str>> {
        match (&self.symbols, self.strings) {
            (Some(symbols), Some(strings)) => symbols.imports(self.abi, strings, names, bytes),
            _ => Ok(Vec::new()),
        }
    }
}

/// The beginning of a file with the class, byte order and version that Linux takes it to have: it looks at the magic bytes,
/// the machine and the size of a program header (fs/binfmt_elf.c, and compat_binfmt_elf.c for x32), not at what
/// `e_ident` says. Other machines than those that harden is built for are what they say: nothing starts them here.
fn as_loaded(head: &[u8]) -> Cow<'_, [u8]> {
    let number = |at: usize| Some(u16::from_le_bytes([*head.get(at)?, *head.get(at + 1)?]));
    let is = |at, size| number(at) == Some(size);
    let class = match number(18) {
        Some(62 | 183) if is(54, 56) => 2,
        Some(62 | 183) if is(42, 32) => 1,
        Some(3 | 40) if is(42, 32) => 1,
        _ => return Cow::Borrowed(head),
    };
    let ident = [class, 1, 1];
    if head.get(4..7) == Some(&ident) {
        return Cow::Borrowed(head);
    }
    let mut head = head.to_vec();
    if let Some(space) = head.get_mut(4..7) {
        space.copy_from_slice(&ident);
    }
    Cow::Owned(head)
}

fn parse<H: FileHeader<Endian = Endianness>>(
    buffers: &mut Buffers,
    head: &[u8],
    bytes: &(impl Bytes + ?Sized),
    class: Class,
) -> Result<Elf> {
    let Buffers { raw: space, segments, tags, .. } = buffers;
    let header = H::parse(head).map_err(|_| anyhow!("its ELF header is truncated or of an unknown kind"))?;
    let endian = header.endian().map_err(|_| anyhow!("an ELF file of unknown byte order"))?;
    let kind = match header.e_type(endian) {
        ET_EXEC => Type::Fixed,
        ET_DYN => Type::Movable,
        _ => Type::Other,
    };
    let abi = Abi { class, big: endian == Endianness::Big, machine: header.e_machine(endian).0 };
    let mut elf = Elf {
        abi,
        kind,
        entry: header.e_entry(endian).into(),
        interpreter: None,
        pie: false,
        no_default_libraries: false,
        executable_stack: false,
        relro: false,
        damaged: false,
        soname: None,
        rpath: None,
        runpath: None,
        needed: Vec::new(),
        optional: Vec::new(),
        strings: None,
        symbols: None,
    };
    let count = usize::from(header.e_phnum(endian));
    if kind == Type::Other || count == 0 {
        return Ok(elf);
    }
    let size = size_of::<H::ProgramHeader>();
    if count > MAX_SEGMENTS || usize::from(header.e_phentsize(endian)) != size {
        bail!("its ELF program headers have an impossible size");
    }
    let raw = range(head, bytes, header.e_phoff(endian).into(), count * size, space)?;
    let (headers, _) = pod::slice_from_bytes::<H::ProgramHeader>(raw, count)
        .map_err(|()| anyhow!("its ELF program headers are cut off"))?;
    // From here on the same for both classes, so that it is in the binary once.
    let segment = |s: &H::ProgramHeader| {
        let (at, len) = s.file_range(endian);
        let executable = s.p_flags(endian).0 & PF_X.0 != 0;
        Segment { kind: s.p_type(endian), at, len, address: s.p_vaddr(endian).into(), executable }
    };
    segments.clear();
    segments.extend(headers.iter().map(segment));
    elf.executable_stack = segments.iter().any(|s| s.kind == PT_GNU_STACK && s.executable);
    elf.relro = segments.iter().any(|s| s.kind == PT_GNU_RELRO);
    if let Some(segment) = segments.iter().find(|s| s.kind == PT_INTERP) {
        elf.interpreter = Some(interpreter(segment, head, bytes, space)?);
    }
    if let Some(segment) = segments.iter().find(|s| s.kind == PT_DYNAMIC) {
        let len = usize::try_from(segment.len.min(MAX_DYNAMIC)).unwrap_or(0);
        let raw = range(head, bytes, segment.at, len, space)?;
        let all = pod::slice_from_bytes::<H::Dyn>(raw, raw.len() / size_of::<H::Dyn>());
        tags.clear();
        tags.extend(all.iter().flat_map(|all| all.0).map(|tag| (tag.tag(endian), tag.val(endian))));
        elf.damaged = len == 0 || raw.len() < len || !dynamic(&mut elf, tags, segments);
    }
    Ok(elf)
}

/// What is needed of a program header.
#[derive(Debug)]
struct Segment {
    kind: object::elf::ProgramType,
    /// File offset and size.
    at: u64,
    len: u64,
    address: u64,
    /// PF_X.
    executable: bool,
}

fn interpreter(segment: &Segment, head: &[u8], bytes: &(impl Bytes + ?Sized), space: &mut Vec<u8>) -> Result<Vec<u8>> {
    let len = usize::try_from(segment.len.min(MAX_PATH)).unwrap_or(0);
    let text = range(head, bytes, segment.at, len, space)?;
    if text.len() < len.max(2) {
        bail!("its interpreter lies outside of the file");
    }
    Ok(text.split(|&b| b == 0).next().unwrap_or_default().to_vec())
}

/// Read the tags; false when they make no sense: a string table is missing or lies outside of every loaded segment, or
/// there is no end to the libraries.
fn dynamic(elf: &mut Elf, tags: &[(object::elf::DynamicTag, u64)], segments: &[Segment]) -> bool {
    let (mut strings, mut size, mut symbols, mut hash) = (None, 0, None, None);
    // Where other tables begin: one of them ends the symbols, whose number is written nowhere.
    let mut tables = Vec::new();
    for &(tag, value) in tags {
        match tag {
            DT_NULL => break,
            DT_NEEDED | DT_FILTER => elf.needed.push(value),
            DT_AUXILIARY | DT_AUDIT | DT_DEPAUDIT => elf.optional.push(value),
            DT_SONAME => elf.soname = Some(value),
            DT_RPATH => elf.rpath = Some(value),
            DT_RUNPATH => elf.runpath = Some(value),
            DT_FLAGS_1 => {
                elf.pie = value & PIE != 0;
                elf.no_default_libraries = value & NO_DEFAULT_LIBRARIES != 0;
            }
            DT_STRTAB => strings = Some(value),
            DT_STRSZ => size = value,
            DT_SYMTAB => symbols = Some(value),
            DT_GNU_HASH => hash = Some(value),
            DT_HASH | DT_VERSYM | DT_VERNEED | DT_VERDEF | DT_REL | DT_RELA | DT_JMPREL => tables.push(value),
            _ => {}
        }
        if elf.needed.len() + elf.optional.len() > MAX_NEEDED {
            return false;
        }
    }
    tables.extend(strings.iter().chain(&hash));
    let place = |address: u64| {
        segments.iter().filter(|s| s.kind == PT_LOAD).find_map(|s| {
            let into = address.checked_sub(s.address)?;
            (into < s.len).then(|| Some((s.at.checked_add(into)?, s.len - into)))?
        })
    };
    elf.strings = strings.and_then(place).map(|(at, rest)| (at, size.min(rest)));
    elf.symbols = symbols.and_then(|start| {
        let end = tables.iter().copied().filter(|&table| table > start).min()?;
        Some(Symbols { at: place(start)?.0, len: end - start, hash: hash.and_then(place).map(|(at, _)| at) })
    });
    elf.strings.is_some() || (elf.needed.is_empty() && elf.soname.is_none())
}

/// Bytes from the head when they lie there, else from the file; fewer at its end.
fn range<'h>(
    head: &'h [u8],
    bytes: &(impl Bytes + ?Sized),
    offset: u64,
    len: usize,
    space: &'h mut Vec<u8>,
) -> Result<&'h [u8]> {
    let cached = usize::try_from(offset).ok().and_then(|at| head.get(at..at.checked_add(len)?));
    match cached {
        Some(found) => Ok(found),
        None => bytes.at_into(offset, len, space).map(|()| &space[..]),
    }
}

#[cfg(test)]
mod tests;
