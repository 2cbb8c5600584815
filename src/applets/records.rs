//! Tables of records: toybox and uutils coreutils keep names and functions in one array of four words each.
//!
//! Names stay as they are, since both programs search them in order or by hash; the functions of a disabled name become
//! those of `false`. An array is accepted when it is the only one in the file.

use super::busybox::string;
use super::image::Image;

/// Fewest records that are taken for a table; each real one has over a hundred.
const FEWEST: usize = 20;
/// Words of a record.
const WORDS: u64 = 4;
/// Longest name.
const LONGEST: u64 = 24;

/// How a record is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// toybox: name, main, options, flags; the first is `toybox` itself, the rest in strcmp order.
    Toybox,
    /// uutils: name, its length, main, the function that describes the options.
    Uutils,
}

/// One array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    layout: Layout,
    pub(super) records: Vec<Record>,
}

/// One name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    address: u64,
    pub(super) name: String,
    /// Address of each word that holds a function, and the function.
    functions: Vec<(u64, u64)>,
}

impl Table {
    /// # Errors
    /// Why there is no table, or not exactly one, as a clause.
    pub(super) fn locate(image: &Image<'_>, layout: Layout) -> Result<Self, &'static str> {
        let mut found: Vec<Self> = Vec::new();
        let mut behind = 0;
        for slot in image.pointers() {
            if slot.address < behind {
                continue;
            }
            let table = Self::at(image, layout, slot.address);
            if table.records.len() >= FEWEST && table.is_plausible() {
                behind = table.records.last().map_or(behind, |record| record.address + WORDS * image.word);
                found.push(table);
            }
        }
        match (found.pop(), found.is_empty()) {
            (Some(table), true) => Ok(table),
            (Some(_), false) => Err("it holds more than one table of applets"),
            (None, _) => Err("no table of applets was found in it"),
        }
    }

    /// Whether a name runs what `false` runs.
    pub(super) fn is_disabled(&self, record: &Record) -> bool {
        record.name != "false" && self.nothing().is_some_and(|nothing| nothing.values().eq(record.values()))
    }

    /// Whether a name is the program's own, which only dispatches.
    pub(super) fn is_program(&self, record: &Record) -> bool {
        record.name == "toybox" || record.name == "coreutils"
    }

    /// Disable every name that `keep` does not keep.
    ///
    /// # Errors
    /// Why this cannot be done or shown to be right, as a clause.
    pub(super) fn disable(&self, image: &Image<'_>, keep: &dyn Fn(&str) -> bool) -> Result<Vec<u8>, &'static str> {
        const WRONG: &str = "harden could not prove that the result is right";
        let nothing = self.nothing().ok_or("it was built without 'false', which has to replace disabled applets")?;
        let mut data = image.data.to_vec();
        let goes = |record: &Record| !self.is_program(record) && (self.is_disabled(record) || !keep(&record.name));
        let mut expected = self.clone();
        for record in expected.records.iter_mut().filter(|record| goes(record)) {
            for ((address, value), function) in record.functions.iter_mut().zip(nothing.values()) {
                *value = function;
                for (at, bytes) in image.write(*address, function).ok_or(WRONG)? {
                    if let Some(place) = data.get_mut(at..at + bytes.len()) {
                        place.copy_from_slice(&bytes);
                    }
                }
            }
        }
        let read = Self::locate(&Image::open(&data).map_err(|_| WRONG)?, self.layout).map_err(|_| WRONG)?;
        if read == expected { Ok(data) } else { Err(WRONG) }
    }

    fn nothing(&self) -> Option<&Record> {
        self.records.iter().find(|record| record.name == "false")
    }

    /// The records from an address on.
    fn at(image: &Image<'_>, layout: Layout, begin: u64) -> Self {
        let mut table = Self { layout, records: Vec::new() };
        let mut address = begin;
        while let Some(record) = Record::read(image, layout, address) {
            let first = table.records.is_empty();
            let ordered = table.records.last().is_none_or(|last| last.name < record.name) || table.records.len() == 1;
            if layout == Layout::Toybox && (first != (record.name == "toybox") || !ordered) {
                break;
            }
            table.records.push(record);
            let Some(next) = address.checked_add(WORDS * image.word) else { break };
            address = next;
        }
        table
    }

    /// Whether names that every build has are there, and no name twice.
    fn is_plausible(&self) -> bool {
        let mut names: Vec<&str> = self.records.iter().map(|record| record.name.as_str()).collect();
        names.sort_unstable();
        let unique = names.windows(2).all(|pair| pair.first() != pair.last());
        unique && ["cat", "false", "true"].iter().all(|name| names.binary_search(name).is_ok())
    }
}

impl Record {
    fn read(image: &Image<'_>, layout: Layout, address: u64) -> Option<Self> {
        let word = |n: u64| image.value(address.checked_add(n * image.word)?);
        let text = word(0)?;
        let (len, functions) = match layout {
            Layout::Toybox => (string(image.data, image.offset_of(text, 1)?).len() as u64, 1..2),
            Layout::Uutils => (word(1)?, 2..4),
        };
        if len == 0 || len > LONGEST {
            return None;
        }
        let at = image.offset_of(text, len)?;
        let name = image.data.get(at..at.checked_add(usize::try_from(len).ok()?)?)?;
        let valid = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.+-[:".contains(byte);
        let name = std::str::from_utf8(name).ok().filter(|name| name.bytes().all(|byte| valid(&byte)))?;
        let functions: Vec<(u64, u64)> =
            functions.map(|n| Some((address + n * image.word, word(n)?))).collect::<Option<_>>()?;
        let code = functions.iter().all(|&(_, value)| image.is_code(value));
        code.then(|| Self { address, name: name.to_owned(), functions })
    }

    fn values(&self) -> impl Iterator<Item = u64> {
        self.functions.iter().map(|&(_, value)| value)
    }
}
