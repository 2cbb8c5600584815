//! The mutations, the corpus and the clock.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Longest input made.
const MAX_LEN: usize = 16 * 1024;
/// Most of the processor's time for one input, and the longest that the wall clock may show: a busy machine may leave a
/// thread waiting for long, and programs that a target starts have clocks of their own.
const MAX_WORK: Duration = Duration::from_secs(5);
const MAX_TIME: Duration = Duration::from_secs(120);
/// Values that programs trip over.
const NUMBERS: &[u64] =
    &[0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 63, u64::MAX];

/// Run a target over its corpus and what is made of it. `run` answers what happened, in words: new words make an input
/// worth keeping.
///
/// # Panics
/// When an input makes the target panic or takes too long; it is in the corpus then.
pub(crate) fn fuzz(target: &str, seeds: Vec<Vec<u8>>, run: impl Fn(&[u8]) -> String) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target);
    let keep = std::env::var_os("HARDEN_FUZZ_KEEP").is_some();
    let seconds = std::env::var("HARDEN_FUZZ_SECONDS").map_or(2, |text| text.parse().unwrap());
    let mut corpus = seeds;
    corpus.extend(saved(&directory));
    let mut seen = BTreeSet::new();
    let mut judge = |input: &[u8]| {
        let (begin, busy) = (Instant::now(), work());
        let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| run(input))) else {
            panic!("{target}: it fails with {}", save(&directory, input).display())
        };
        let (time, work) = (begin.elapsed(), work().saturating_sub(busy));
        if work > MAX_WORK || time > MAX_TIME {
            panic!("{target}: {work:?} of work in {time:?} with {}", save(&directory, input).display());
        }
        seen.insert(outcome)
    };
    for input in &corpus {
        if judge(input) && keep {
            save(&directory, input);
        }
    }
    let begin = Instant::now();
    // The same order every time, unless somebody asks for hours: then every run goes elsewhere.
    let mut random = Random(if seconds > 2 { u64::from(std::process::id()) << 17 | 1 } else { 0x9e37_79b9_7f4a_7c15 });
    let (mut runs, mut found) = (0_u64, 0);
    while begin.elapsed() < Duration::from_secs(seconds) {
        for _ in 0..100 {
            let mut input = corpus[random.below(corpus.len())].clone();
            for _ in 0..=random.below(6) {
                mutate(&mut input, &corpus, &mut random);
            }
            input.truncate(MAX_LEN);
            runs += 1;
            if judge(&input) {
                found += 1;
                if keep {
                    save(&directory, &input);
                }
                corpus.push(input);
            }
        }
    }
    eprintln!("{target}: {runs} inputs in {seconds} s, {found} of them with a new outcome");
}

/// What this thread has had of the processor.
fn work() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

fn saved(directory: &Path) -> Vec<Vec<u8>> {
    // git keeps no empty directory.
    fs::create_dir_all(directory).unwrap();
    let mut paths: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn save(directory: &Path, input: &[u8]) -> PathBuf {
    let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let path = directory.join(format!("{:016x}", input.iter().fold(0xcbf2_9ce4_8422_2325, add)));
    fs::write(&path, input).unwrap();
    path
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len().max(1));
    match random.below(8) {
        0 => input.truncate(at),
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.next().to_le_bytes()[0];
            }
        }
        // A number where one may be.
        3 | 4 => {
            let len = [2, 4, 8][random.below(3)];
            let number = match random.below(4) {
                0 => random.below(input.len() + 16) as u64,
                _ => NUMBERS[random.below(NUMBERS.len())],
            };
            let bytes = if random.below(4) == 0 { number.to_be_bytes() } else { number.to_le_bytes() };
            let bytes = if random.below(4) == 0 { &bytes[8 - len..] } else { &bytes[..len] };
            let at = at & !(if random.below(4) == 0 { 0 } else { len - 1 });
            if let Some(place) = input.get_mut(at..at + len) {
                place.copy_from_slice(bytes);
            }
        }
        // A block again, elsewhere.
        5 => {
            let len = random.below(64).min(input.len() - at.min(input.len()));
            let block = input[at.min(input.len())..][..len].to_vec();
            let to = random.below(input.len() + 1);
            input.splice(to..to, block);
        }
        6 => {
            let end = (at + random.below(32)).min(input.len());
            input.drain(at.min(end)..end);
        }
        // The end of another one.
        _ => {
            let other = &corpus[random.below(corpus.len())];
            input.truncate(at);
            input.extend_from_slice(&other[at.min(other.len())..]);
        }
    }
}

/// xorshift64*: nothing depends on its quality.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }
}
