//! `make soak`: what takes minutes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs
)]

use std::time::{Duration, Instant};

#[path = "../common/mod.rs"]
#[allow(dead_code, unused_imports, reason = "most of it is the suite's")]
mod common;
mod full;
mod large;

use common::busybox::{Binary, Kind};
use common::generated::{Generated, open_to_everybody, run_well};

#[test]
fn a_million_entries_take_memory_within_the_budget_and_linear_time() {
    let small = Generated::new(10_000);
    let each = plan_time(&small).as_secs_f64() / small.entries as f64;
    drop(small);
    let large = Generated::new(1_000_000);
    large.assert_memory("plan");
    let large_each = plan_time(&large).as_secs_f64() / large.entries as f64;
    // Twice: caches of the machine hold the small tree only. A quadratic part would make it a hundred times.
    assert!(large_each <= each * 2.0, "{:.2} µs an entry instead of {:.2} µs", large_each * 1e6, each * 1e6);
    open_to_everybody(&large.root().join("usr"));
    large.assert_memory("plan");
    large.assert_memory("apply");
}

fn plan_time(tree: &Generated) -> Duration {
    let once = || {
        let begin = Instant::now();
        run_well(&mut tree.harden(&[], "plan"));
        begin.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap()
}

/// Seconds of fuzzing, unless HARDEN_FUZZ_SECONDS says otherwise.
const FUZZ: u64 = 600;

/// The directory where `make setup` keeps what it made.
fn work() -> std::path::PathBuf {
    std::env::var_os("HARDEN_WORK")
        .map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.work"), Into::into)
}

/// Binaries to damage: small ones of every kind, and the real ones that `make setup` has fetched.
fn multi_call_binaries() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for kind in [Kind::Fixed, Kind::Rela, Kind::Rel, Kind::Relr] {
        for (bits64, big, machine) in [(true, false, 62), (true, true, 22), (false, false, 3)] {
            all.push(Binary { kind, bits64, big, machine, ..Binary::default().with(100) }.build());
        }
    }
    let real = std::fs::read_dir(work().join("cache/applets")).expect("the binaries of Debian; run: make setup");
    let mut real: Vec<_> = real.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    real.sort();
    // The largest would take all the time.
    all.extend(real.iter().map(|path| std::fs::read(path).unwrap()).filter(|data| data.len() < 4_000_000));
    all
}

#[test]
fn damaged_multi_call_binaries_are_refused_or_right() {
    let mut state = 1u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let seconds = std::env::var("HARDEN_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(FUZZ);
    let binaries = multi_call_binaries();
    // Where a change means something: headers, and around everything that looks like a table.
    let spots: Vec<Vec<usize>> = binaries
        .iter()
        .map(|data| {
            let near = |text: &[u8]| data.windows(text.len()).position(|part| part == text);
            let marks = [b"[\0[[\0".as_slice(), b"\0ash\0", b"toybox\0", b"BusyBox v1."];
            marks.into_iter().filter_map(near).chain([64, 0x400]).collect()
        })
        .collect();
    let begin = Instant::now();
    let (mut rounds, mut read) = (0u64, 0u64);
    while begin.elapsed().as_secs() < seconds {
        let number = next(binaries.len());
        let mut data = binaries[number].clone();
        for _ in 0..next(9) {
            let spot = spots[number][next(spots[number].len())];
            let at = if next(4) == 0 { next(data.len()) } else { (spot + next(4096)).saturating_sub(64) };
            let byte = [0, 0xff, b'/', b'z', next(256) as u8][next(5)];
            if let Some(place) = data.get_mut(at) {
                *place = byte;
            }
        }
        if next(8) == 0 {
            data.truncate(next(data.len()));
        }
        let keep = |name: &str| matches!(name, "sh" | "cat" | "false");
        if let Ok(patched) = harden::applets::disable(&data, &keep) {
            let left = harden::applets::read(&patched.data).expect("what was handed out can be read").names;
            assert!(left.iter().all(|name| keep(name)), "{left:?}");
            read += 1;
        }
        rounds += 1;
    }
    assert!(rounds > 100 && read > 0 && read < rounds, "{rounds} rounds, {read} of them read");
}

/// Ten minutes of scripts that nobody wrote: pieces of shell, and real scripts with bytes changed.
#[test]
fn the_shell_reader_survives_ten_minutes_of_anything() {
    use harden::shell::{Code, Dialect, execline, names, split};
    const PIECES: &[&str] = &[
        "if ",
        "then ",
        "elif ",
        "else ",
        "fi",
        "case x in ",
        "a) ",
        ";; ",
        "esac",
        "for x in ",
        "do ",
        "done",
        "{ ",
        "} ",
        "(",
        ")",
        "$(",
        "`",
        "\"",
        "'",
        "${",
        "${x:-",
        "}",
        "$((",
        "((",
        "))",
        "[[ ",
        "]] ",
        "<<E\n",
        "<<-'E'\n",
        "E\n",
        "\n",
        "; ",
        "&& ",
        "|| ",
        "| ",
        "& ",
        "# ",
        "\\",
        "f() ",
        "function g ",
        "command -v x ",
        "exec ",
        "set -- ",
        "x=",
        "x=(",
        "eval '",
        "trap \"",
        "sh -c '",
        ". ",
        "\"$@\" ",
        "$x ",
        "! ",
        "2>&1 ",
        "<(",
        "alias a=",
        "return ",
        "exit 0 ",
        "\u{e9}",
        "find / -exec ",
        "\\; ",
        "*.d/",
        "$(dirname \"$0\")",
        "[",
        "]",
        "\0",
        "\r\n",
    ];
    let seeds: Vec<String> = std::fs::read_dir("tests/suite/scripts/entrypoints")
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(seeds.len() >= 4);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        // xorshift64*: the same scripts in every run.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        usize::try_from(state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below
    };
    let begin = Instant::now();
    let mut runs = 0_u64;
    while begin.elapsed() < Duration::from_secs(600) {
        let script = if next(2) == 0 {
            (0..next(200)).map(|_| PIECES[next(PIECES.len())]).collect::<String>()
        } else {
            let mut bytes = seeds[next(seeds.len())].clone().into_bytes();
            for _ in 0..=next(8) {
                let at = next(bytes.len());
                match next(3) {
                    0 => bytes[at] = u8::try_from(next(256)).unwrap(),
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.splice(at..at, PIECES[next(PIECES.len())].bytes()).for_each(drop),
                }
            }
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let one = Instant::now();
        let mut code = Code::new(Dialect::Bash);
        code.read(&script, "/x/y");
        code.sources();
        let _ = (code.finish(), names(&script), split(&script), execline::programs(&script));
        assert!(one.elapsed() < Duration::from_secs(2), "{:?} for {script:?}", one.elapsed());
        runs += 1;
    }
    assert!(runs > 100_000, "{runs} scripts in ten minutes");
}
