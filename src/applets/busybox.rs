//! The applet tables of a busybox binary, located without symbols or sections, each proving the others.
//!
//! The generator (busybox, applets/applet_tables.c, 1.26 to 1.38) writes the names in strcmp order, NUL between them and
//! an empty name behind them; the offsets of every N/8th name (N/4th below 128 names); and one function for
//! each name. The names are accepted where exactly one array in the file holds just those offsets. The functions are
//! accepted where exactly one run of N addresses of code gives names of one program one function, and no two others.
//! Small tables may have no offsets: `applets/small.rs`.

use std::collections::HashMap;
use std::ops::Range;

use super::image::{Image, Slot};
use super::small;

/// Fewest names of a table with offsets.
pub(super) const FEWEST: usize = 32;
/// Most places tried as the beginning of a table.
const MAX_CANDIDATES: usize = 1 << 12;
/// Most names that are taken for a table; the generator's offsets of 16 bits allow few more.
const MOST: usize = 1 << 12;
/// Most bytes of names: the offsets have 16 bits.
const MOST_BYTES: usize = 1 << 16;
/// Longest name; real ones have at most 17 bytes.
pub(super) const LONGEST: usize = 32;

/// Names of one program (`//applet:` lines of busybox 1.26 to 1.38): they always share their function.
const SHARED: [&[&str]; 10] = [
    &["[", "[[", "test"],
    &["grep", "egrep", "fgrep"],
    &["halt", "poweroff", "reboot"],
    &["md5sum", "sha1sum", "sha256sum", "sha512sum"],
    &["gunzip", "zcat"],
    &["bunzip2", "bzcat"],
    &["unlzma", "lzcat"],
    &["unxz", "xzcat"],
    &["hd", "hexdump"],
    &["ash", "sh"],
];

/// Names that share a function in some configurations; any others that do are no names of this table. The groups of
/// [`SHARED`] with what else may join them.
const MAY_SHARE: &str = "[ [[ test|grep egrep fgrep|halt poweroff reboot|md5sum sha1sum sha256sum sha384sum sha512sum sha3sum|\
    gunzip zcat|bunzip2 bzcat|unlzma lzcat lzma|unxz xzcat xz|hd hexdump|ash hush sh bash msh lash cttyhack|\
    add-shell remove-shell|base32 base64|chpst envdir envuidgid setuidgid softlimit|cksum crc32|cryptpw mkpasswd|\
    delgroup deluser|dos2unix unix2dos|expand unexpand|flash_lock flash_unlock|fdflush freeramdisk|ftpget ftpput|\
    dnsdomainname hostname|groups id|ifdown ifup|init linuxrc|kill killall killall5|lpq lpr|lzop lzopcat unlzop|\
    mke2fs mkfs.ext2|mkdosfs mkfs.vfat|depmod insmod modprobe rmmod lsmod modinfo|nanddump nandwrite|nc netcat|\
    pgrep pkill|minips ps|linux32 linux64 setarch|restorecon setfiles|swapoff swapon|run-init switch_root|\
    tcpsvd udpsvd|e2label tune2fs findfs|ubiattach ubidetach ubimkvol ubirmvol ubirsvol ubiupdatevol|arch uname|\
    users w who|ping ping6|traceroute traceroute6|ip ipaddr iplink iproute iprule iptunnel ipneigh|\
    fsck.ext2 fsck.ext3 e2fsck";

/// Where everything lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// File ranges of the names, without their NUL.
    pub(super) names: Vec<Range<usize>>,
    /// File offset of applet_nameofs, and its entries. Compilers may put the few of a small table into the code.
    pub(super) offsets: (Option<usize>, usize),
    /// The functions, one for each name.
    pub(super) functions: Vec<Slot>,
    /// Function of `false`, whatever became of its name; `None` in a build without it.
    pub(super) nothing: Option<u64>,
    /// N of `BusyBox v1.N`, when the file says it and says it once.
    pub(super) version: Option<u32>,
}

/// A beginning of a run of names, which might be the table.
struct Candidate {
    /// Which run, and which of its names is the first.
    run: usize,
    index: usize,
    /// File offset of the first name, which may begin inside that string.
    start: usize,
    count: usize,
    /// The offsets that have to lie somewhere in the file; `None` where a disabled name may have switched one off.
    wanted: Vec<Option<u16>>,
}

/// Strings one behind the other in strcmp order.
type Run = Vec<Range<usize>>;

impl Candidate {
    fn names(&self, runs: &[Run]) -> Vec<Range<usize>> {
        let mut names = runs.get(self.run).and_then(|run| run.get(self.index..)).unwrap_or_default().to_vec();
        if let Some(first) = names.first_mut() {
            first.start = self.start;
        }
        names
    }
}

impl Table {
    /// # Errors
    /// Why there is no table, or not exactly one, as a clause.
    pub(super) fn locate(image: &Image<'_>, version: Option<u32>) -> Result<Self, &'static str> {
        let (runs, candidates) = candidates(image.data);
        let proved = with_offsets(image, &runs, &candidates);
        let tables = |candidate: &Candidate, at: usize, pointers: &[Slot]| {
            let names = candidate.names(&runs);
            let offsets = (Some(at), candidate.wanted.len());
            let found = functions(image.data, pointers, image.word, &names).into_iter();
            found
                .map(|functions| Self { names: names.clone(), offsets, functions, nothing: None, version })
                .collect::<Vec<Self>>()
        };
        let mut found = match &proved[..] {
            [(candidate, at)] => {
                let found = tables(candidate, *at, &image.code_pointers());
                if found.is_empty() {
                    return Err("its applet names were found, but not the functions that they run");
                }
                found
            }
            [] => {
                let found = small::locate(image).into_iter();
                found
                    .map(|(names, functions)| {
                        let offsets = (None, small::entries(names.len()));
                        Self { names, offsets, functions, nothing: None, version }
                    })
                    .collect()
            }
            _ => return Err("it holds more than one table of applets"),
        };
        match (found.pop(), found.is_empty()) {
            (Some(mut table), true) => {
                table.nothing = table.nothing(image.data);
                Ok(table)
            }
            (Some(_), false) => Err("it holds more than one table of functions that would fit its names"),
            (None, _) => Err("no table of applets was found in it"),
        }
    }

    /// The file offset where a search may begin, by the number of the checkpoint.
    pub(super) fn checkpoint(&self, image: &Image<'_>, j: usize) -> Option<usize> {
        let (place, entries) = self.offsets;
        match place {
            Some(place) => {
                let offset = usize::try_from(image.int(place + 2 * j, 2)?).ok()?;
                Some(self.names.first()?.start + offset)
            }
            None => Some(self.names.get((j + 1) * self.names.len() / (entries + 1))?.start),
        }
    }

    /// The name at an index, as the file holds it.
    pub(super) fn name<'a>(&self, data: &'a [u8], index: usize) -> &'a [u8] {
        self.names.get(index).and_then(|range| data.get(range.clone())).unwrap_or_default()
    }

    /// Whether a name was disabled before: it cannot be called, or does nothing.
    pub(super) fn is_disabled(&self, data: &[u8], index: usize) -> bool {
        let name = self.name(data, index);
        let function = self.functions.get(index).map(|slot| slot.value);
        name.contains(&b'/') || (name != b"false" && self.nothing.is_some() && function == self.nothing)
    }

    /// The function of `false`, by its name or by what is left of it.
    fn nothing(&self, data: &[u8]) -> Option<u64> {
        let index = (0..self.names.len()).find(|&index| is_false(self.name(data, index)))?;
        self.functions.get(index).map(|slot| slot.value)
    }
}

/// Whether a name is `false`, or what disabling left of it.
pub(super) fn is_false(name: &[u8]) -> bool {
    const FALSE: &[u8] = b"false";
    let other = name.iter().zip(FALSE).filter(|(byte, wanted)| byte != wanted);
    name.len() == FALSE.len() && (name == FALSE || other.map(|(byte, _)| *byte).eq([b'/']))
}

/// Every run of names, and every beginning of each.
fn candidates(data: &[u8]) -> (Vec<Run>, Vec<Candidate>) {
    let mut runs: Vec<Run> = Vec::new();
    let mut found = Vec::new();
    // A table is longer than this, so that one of these places lies in it.
    const STEP: usize = 2 * FEWEST;
    let valid = |byte: &u8| *byte == 0 || is_name_byte(*byte);
    let mut place = 0;
    while let Some(byte) = data.get(place) {
        if valid(byte) {
            let before = data.get(..place).unwrap_or_default().iter().rev().take(MOST_BYTES);
            let behind = data.get(place..).unwrap_or_default().iter();
            let start = place - before.take_while(|byte| valid(byte)).count();
            let end = place + behind.take_while(|byte| valid(byte)).count();
            if end - start >= STEP {
                in_region(data, start..end, &mut runs, &mut found);
            }
            place = place.max(end);
        }
        place += STEP;
    }
    (runs, found)
}

/// The same among bytes that may stand in names or between them.
fn in_region(data: &[u8], region: Range<usize>, runs: &mut Vec<Run>, found: &mut Vec<Candidate>) {
    let mut run: Run = Vec::new();
    // Last name that counts for the order; a name that ends in '/' was disabled and stands out of it.
    let mut last: &[u8] = b"";
    let mut at = region.start;
    for part in data.get(region).unwrap_or_default().split(|&byte| byte == 0) {
        let range = at..at + part.len();
        at = range.end + 1;
        if part.is_empty() {
            if run.len() >= FEWEST {
                starts(data, &run, runs.len(), found);
                runs.push(std::mem::take(&mut run));
            }
            run.clear();
            continue;
        }
        let whole = part.len() <= LONGEST;
        if !(whole && (run.is_empty() || part > last || part.ends_with(b"/"))) {
            // What stands before the first name may end in any byte: the first name may be a part of its string.
            let previous = run.pop().filter(|_| whole);
            run.clear();
            run.extend(previous);
        }
        let len = LONGEST.min(part.len());
        run.push(range.end - len..range.end);
        if !part.ends_with(b"/") || run.len() == 1 {
            last = part.get(part.len() - len..).unwrap_or_default();
        }
        if found.len() >= MAX_CANDIDATES {
            break;
        }
    }
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.+-[/".contains(&byte)
}

/// The run from each of its names on, and from inside the first two.
fn starts(data: &[u8], run: &Run, number: usize, found: &mut Vec<Candidate>) {
    // A table ends where its run ends: of a longer one only the end can be it.
    let skip = run.len().saturating_sub(MOST);
    for (index, range) in run.iter().enumerate().skip(skip) {
        let names = run.get(index..).unwrap_or_default();
        let second = names.get(1).and_then(|range| data.get(range.clone())).unwrap_or_default();
        let inside = if index < 2 { range.len() } else { 1 };
        for start in range.clone().take(inside) {
            let first = data.get(start..range.end).unwrap_or_default();
            let ordered = first < second || first.ends_with(b"/") || second.ends_with(b"/");
            if names.len() < FEWEST || !ordered || found.len() >= MAX_CANDIDATES {
                continue;
            }
            if let Some(wanted) = wanted(data, names, start) {
                found.push(Candidate { run: number, index, start, count: names.len(), wanted });
            }
        }
    }
}

/// The offsets that the generator writes for these names; `None` when there are too many for it.
fn wanted(data: &[u8], names: &[Range<usize>], start: usize) -> Option<Vec<Option<u16>>> {
    let known = match names.len() {
        0..128 => 4,
        _ => 8,
    };
    let mut wanted = Vec::new();
    for j in 1..known {
        let index = j * names.len() / known;
        let offset = u16::try_from(names.get(index)?.start - start).ok()?;
        wanted.push((!may_be_passed(data, names, index)).then_some(offset));
    }
    Some(wanted)
}

/// Whether a search that began at a name may have been moved since the name was disabled: where no byte but its last could
/// be chosen, since the name before it begins with all the others. A '/' in that one may have been any byte.
pub(super) fn may_be_passed(data: &[u8], names: &[Range<usize>], index: usize) -> bool {
    let text = |index: usize| names.get(index).and_then(|range| data.get(range.clone())).unwrap_or_default();
    let (name, before) = (text(index), index.checked_sub(1).map(text).unwrap_or_default());
    let same = name.iter().zip(before).take_while(|&(a, b)| a == b || *b == b'/').count();
    name.ends_with(b"/") && same + 1 >= name.len()
}

/// The candidates whose offsets lie in exactly one place, with the place: one pass over the file for all of them.
fn with_offsets<'c>(image: &Image<'_>, runs: &[Run], candidates: &'c [Candidate]) -> Vec<(&'c Candidate, usize)> {
    // Candidates by the first offset that is known, with its place among the wanted ones.
    let mut by_first: HashMap<u16, Vec<(usize, usize)>> = HashMap::new();
    // Small enough for the processor's cache: most places need no more.
    let mut bits = [0u64; 1 << 10];
    for (index, candidate) in candidates.iter().enumerate() {
        // Most of the offsets must be there, whatever was switched off since.
        let known = candidate.wanted.iter().flatten().count();
        let at = candidate.wanted.iter().position(Option::is_some).filter(|_| 2 * known > candidate.wanted.len());
        let first = at.and_then(|at| Some((at, (*candidate.wanted.get(at)?)?)));
        let Some((at, first)) = first else { continue };
        by_first.entry(first).or_default().push((index, at));
        if let Some(word) = bits.get_mut(usize::from(first) / 64) {
            *word |= 1 << (first % 64);
        }
    }
    // How many places each has, and one of them.
    let mut places = vec![(0usize, 0); candidates.len()];
    let big = image.bytes(1, 2) == [0, 1];
    for (index, pair) in image.data.chunks_exact(2).enumerate() {
        let &[a, b] = pair else { continue };
        let value = if big { u16::from_be_bytes([a, b]) } else { u16::from_le_bytes([a, b]) };
        if bits.get(usize::from(value) / 64).is_none_or(|word| word >> (value % 64) & 1 == 0) {
            continue;
        }
        for &(number, at) in by_first.get(&value).into_iter().flatten() {
            let Some(candidate) = candidates.get(number) else { continue };
            let start = (2 * index).checked_sub(2 * at).filter(|&start| fits(image, runs, candidate, start));
            if let (Some(start), Some(place)) =
                (start.filter(|&at| image.address_of(at).is_some()), places.get_mut(number))
            {
                *place = (place.0 + 1, start);
            }
        }
    }
    candidates.iter().zip(places).filter(|(_, (count, _))| *count == 1).map(|(one, (_, at))| (one, at)).collect()
}

/// Whether the offsets at a place are those of a candidate, or lead where no lookup stops.
fn fits(image: &Image<'_>, runs: &[Run], candidate: &Candidate, place: usize) -> bool {
    let known = candidate.wanted.len() + 1;
    candidate.wanted.iter().enumerate().all(|(j, wanted)| {
        let Some(found) = image.int(place + 2 * j, 2).and_then(|found| usize::try_from(found).ok()) else {
            return false;
        };
        match wanted {
            Some(wanted) => usize::from(*wanted) == found,
            None => {
                let names = candidate.names(runs);
                let checkpoint = names.get((j + 1) * candidate.count / known);
                checkpoint.is_some_and(|range| range.start - candidate.start == found)
                    || is_behind_all(image.data, &names, candidate.start + found)
            }
        }
    })
}

/// Whether the string at a file offset sorts behind every name.
pub(super) fn is_behind_all(data: &[u8], names: &[Range<usize>], at: usize) -> bool {
    let text = string(data, at);
    names.iter().all(|range| data.get(range.clone()).is_some_and(|name| name < text))
}

/// The bytes from an offset to the next NUL.
pub(super) fn string(data: &[u8], at: usize) -> &[u8] {
    let rest = data.get(at..).unwrap_or_default();
    rest.get(..rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len())).unwrap_or_default()
}

/// Every run of functions that these names can have.
pub(super) fn functions(data: &[u8], pointers: &[Slot], word: u64, names: &[Range<usize>]) -> Vec<Vec<Slot>> {
    let text = |range: &Range<usize>| data.get(range.clone()).unwrap_or_default();
    let index = |name: &&str| names.iter().position(|range| text(range) == name.as_bytes());
    let shared: Vec<Vec<usize>> = SHARED
        .iter()
        .map(|group| group.iter().filter_map(index).collect::<Vec<usize>>())
        .filter(|group| group.len() > 1)
        .collect();
    let disabled: Vec<usize> =
        (0..names.len()).filter(|&n| names.get(n).is_some_and(|r| text(r).contains(&b'/'))).collect();
    // Nothing to compare proves nothing.
    if shared.is_empty() && disabled.len() < 2 {
        return Vec::new();
    }
    let nothing = disabled.first().copied().or_else(|| index(&"false"));
    // The group that each name belongs to; a number of its own, below the count of names, when it belongs to none.
    let mut groups: Vec<usize> = (0..names.len()).collect();
    for (number, group) in MAY_SHARE.split('|').enumerate() {
        for member in group.split(' ').filter_map(|name| index(&name)) {
            if let Some(slot) = groups.get_mut(member) {
                *slot = names.len() + number;
            }
        }
    }
    let mut found = Vec::new();
    let mut begin = 0;
    for end in 1..=pointers.len() {
        let consecutive = match (pointers.get(end - 1), pointers.get(end)) {
            (Some(before), Some(here)) => before.address.checked_add(word) == Some(here.address),
            _ => false,
        };
        if consecutive {
            continue;
        }
        for window in pointers.get(begin..end).unwrap_or_default().windows(names.len()) {
            if are_functions(window, &shared, &disabled, nothing, &groups) {
                found.push(window.to_vec());
            }
        }
        begin = end;
    }
    found
}

fn are_functions(
    window: &[Slot],
    shared: &[Vec<usize>],
    disabled: &[usize],
    nothing: Option<usize>,
    groups: &[usize],
) -> bool {
    let value = |index: &usize| window.get(*index).map(|slot| slot.value);
    let nothing = nothing.and_then(|index| value(&index));
    let together = |group: &Vec<usize>| {
        let mut enabled = group.iter().map(value).filter(|value| *value != nothing);
        let first = enabled.next();
        enabled.all(|value| Some(value) == first)
    };
    if !disabled.iter().all(|index| value(index) == nothing) || !shared.iter().all(together) {
        return false;
    }
    // Scripts built in at the builder's choice have names of their own, and one function together.
    let mut scripts = None;
    // The group of the first slot with each value.
    let mut owners = HashMap::new();
    window.iter().zip(groups).all(|(slot, &group)| {
        let owner = *owners.entry(slot.value).or_insert(group);
        let alone = owner < groups.len() && group < groups.len();
        Some(slot.value) == nothing || owner == group || (alone && *scripts.get_or_insert(slot.value) == slot.value)
    })
}

/// N of the banners `BusyBox v1.N`; `None` without one, or when they differ.
pub(super) fn version(data: &[u8]) -> Option<u32> {
    const BANNER: &[u8] = b"BusyBox v1.";
    let mut found = None;
    for (at, _) in data.iter().enumerate().filter(|&(_, &byte)| byte == b'B') {
        let Some(rest) = data.get(at..).and_then(|rest| rest.strip_prefix(BANNER)) else { continue };
        let digits = rest.iter().take(3).take_while(|byte| byte.is_ascii_digit());
        let number = digits.fold(0, |number, byte| number * 10 + u32::from(byte - b'0'));
        if found.is_some_and(|other| other != number) {
            return None;
        }
        found = Some(number);
    }
    found
}
