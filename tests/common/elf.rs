//! Builds small ELF files, for tests.
#![allow(clippy::unwrap_used)]

/// What to put in the file.
#[derive(Debug, Clone)]
pub(crate) struct Spec<'a> {
    pub(crate) bits64: bool,
    pub(crate) big: bool,
    pub(crate) machine: u16,
    pub(crate) kind: u16,
    pub(crate) entry: u64,
    pub(crate) interpreter: Option<&'a str>,
    pub(crate) needed: Vec<&'a str>,
    pub(crate) soname: Option<&'a str>,
    pub(crate) rpath: Option<&'a str>,
    pub(crate) runpath: Option<&'a str>,
    pub(crate) pie: bool,
    /// More bits of DT_FLAGS_1.
    pub(crate) flags_1: u64,
    /// Tags with a string: DT_AUXILIARY, DT_FILTER, DT_AUDIT, DT_DEPAUDIT.
    pub(crate) tags: Vec<(u64, &'a str)>,
    /// Undefined symbols.
    pub(crate) imports: Vec<&'a str>,
}

impl Default for Spec<'_> {
    fn default() -> Self {
        Self {
            bits64: true,
            big: false,
            machine: 62,
            kind: 3,
            entry: 0x1000,
            interpreter: None,
            needed: Vec::new(),
            soname: None,
            rpath: None,
            runpath: None,
            pie: false,
            flags_1: 0,
            tags: Vec::new(),
            imports: Vec::new(),
        }
    }
}

/// A dynamically linked program.
pub(crate) fn program(interpreter: &str, needed: &[&str]) -> Vec<u8> {
    Spec { interpreter: Some(interpreter), needed: needed.to_vec(), pie: true, ..Spec::default() }.build()
}

/// A shared object.
pub(crate) fn library(soname: &str, needed: &[&str]) -> Vec<u8> {
    Spec { soname: Some(soname), needed: needed.to_vec(), ..Spec::default() }.build()
}

impl Spec<'_> {
    pub(crate) fn build(&self) -> Vec<u8> {
        const BASE: u64 = 0x40_0000;
        let (ehsize, phsize) = if self.bits64 { (64, 56) } else { (52, 32) };
        let dynamic = !self.needed.is_empty()
            || self.soname.is_some()
            || self.pie
            || self.flags_1 != 0
            || self.runpath.is_some()
            || !self.tags.is_empty()
            || !self.imports.is_empty();
        let segments = 1 + u16::from(self.interpreter.is_some()) + u16::from(dynamic);
        let mut strings = vec![0u8];
        let mut tags: Vec<(u64, u64)> = Vec::new();
        let all = self.needed.iter().map(|&n| (1, n));
        let all = all.chain(self.soname.map(|n| (14, n))).chain(self.rpath.map(|n| (15, n)));
        for (tag, name) in all.chain(self.runpath.map(|n| (29, n))).chain(self.tags.iter().copied()) {
            tags.push((tag, strings.len() as u64));
            strings.extend_from_slice(name.as_bytes());
            strings.push(0);
        }
        let mut symbols = Vec::new();
        for (at, name) in [""].iter().chain(&self.imports).enumerate() {
            // The string table ends names in one another: `filesystem` holds `system`.
            let name_at = if at == 0 { 0 } else { strings.len() + 4 };
            let undefined = u16::from(at == 0);
            if at != 0 {
                strings.extend_from_slice(b"file");
            }
            strings.extend_from_slice(name.as_bytes());
            strings.push(0);
            self.int(&mut symbols, u32::try_from(name_at).unwrap());
            if self.bits64 {
                self.half(&mut symbols, 0x12);
                self.half(&mut symbols, undefined);
                symbols.extend([0; 16]);
            } else {
                symbols.extend([0; 8]);
                self.half(&mut symbols, 0x12);
                self.half(&mut symbols, undefined);
            }
        }
        let interp_at = u64::from(ehsize + phsize * segments);
        let interp = self.interpreter.map(|i| [i.as_bytes(), b"\0"].concat()).unwrap_or_default();
        let symbols_at = interp_at + interp.len() as u64;
        let strings_at = symbols_at + symbols.len() as u64;
        let dynamic_at = (strings_at + strings.len() as u64).next_multiple_of(8);
        tags.push((5, BASE + strings_at));
        tags.push((10, strings.len() as u64));
        tags.push((6, BASE + symbols_at));
        if self.pie || self.flags_1 != 0 {
            tags.push((0x6fff_fffb, self.flags_1 | if self.pie { 0x0800_0000 } else { 0 }));
        }
        tags.push((0, 0));
        let dynamic_len = tags.len() as u64 * if self.bits64 { 16 } else { 8 };
        let total = dynamic_at + dynamic_len;

        let mut out = b"\x7fELF".to_vec();
        out.extend([if self.bits64 { 2 } else { 1 }, if self.big { 2 } else { 1 }, 1, 0]);
        out.extend([0; 8]);
        self.half(&mut out, self.kind);
        self.half(&mut out, self.machine);
        self.int(&mut out, 1);
        self.word(&mut out, self.entry);
        self.word(&mut out, u64::from(ehsize));
        self.word(&mut out, 0xffff_fff0); // section headers that lie
        self.int(&mut out, 0);
        for value in [ehsize, phsize, segments, 0xffff, 0xffff, 0xffff] {
            self.half(&mut out, value);
        }
        self.segment(&mut out, 1, 0, BASE, total);
        if self.interpreter.is_some() {
            self.segment(&mut out, 3, interp_at, BASE + interp_at, interp.len() as u64);
        }
        if dynamic {
            self.segment(&mut out, 2, dynamic_at, BASE + dynamic_at, dynamic_len);
        }
        out.extend(interp);
        out.extend(symbols);
        out.extend(strings);
        out.resize(usize::try_from(dynamic_at).unwrap(), 0);
        for (tag, value) in tags {
            self.word(&mut out, tag);
            self.word(&mut out, value);
        }
        out
    }

    fn segment(&self, out: &mut Vec<u8>, kind: u32, offset: u64, vaddr: u64, size: u64) {
        self.int(out, kind);
        if self.bits64 {
            self.int(out, 5);
        }
        for value in [offset, vaddr, vaddr, size, size] {
            self.word(out, value);
        }
        if !self.bits64 {
            self.int(out, 5);
        }
        self.word(out, 8);
    }

    fn half(&self, out: &mut Vec<u8>, v: u16) {
        out.extend(if self.big { v.to_be_bytes() } else { v.to_le_bytes() });
    }

    fn int(&self, out: &mut Vec<u8>, v: u32) {
        out.extend(if self.big { v.to_be_bytes() } else { v.to_le_bytes() });
    }

    fn word(&self, out: &mut Vec<u8>, v: u64) {
        if self.bits64 {
            out.extend(if self.big { v.to_be_bytes() } else { v.to_le_bytes() });
        } else {
            self.int(out, u32::try_from(v).unwrap());
        }
    }
}
