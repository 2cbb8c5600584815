//! Every built-in program file against the packages of Debian 12 that hold the program.
//!
//! `tests/data/programs/packages.txt` says which packages those are; `debian.txt` beside it holds what they really have, as
//! tests/setup/programs.sh found it: commands, accounts, configurations (the lines that matter), and where each option and
//! key is known from. `absent.txt` has the reason of each claim that Debian cannot show.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use harden::testing::programs::{Claimed, Claims, claims};

use crate::common::Command;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/programs");
const REFRESH: &str = "run `tests/setup/programs.sh`, which writes tests/data/programs/debian.txt anew";

fn data(name: &str) -> String {
    fs::read_to_string(Path::new(DIRECTORY).join(name)).unwrap()
}

/// Lines of a table without its comments, split at blanks.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split_whitespace().collect()).collect()
}

/// The claims of a file, one line each: `name nginx`, `start sh`, `account nobody`, `option -c`, `key user`,
/// `configuration 0`, `opens 0`.
fn listed(claims: &Claims) -> Vec<String> {
    let mut all: Vec<String> = claims.names.iter().map(|name| format!("name {name}")).collect();
    all.extend(claims.starts.iter().map(|names| format!("start {}", names.join("|"))));
    let account = |&(name, group): &(&str, bool)| format!("{} {name}", if group { "group" } else { "account" });
    all.extend(claims.accounts.iter().map(account));
    all.extend(claims.options.iter().map(|option| format!("option {option}")));
    all.extend(claims.opens.iter().map(|pattern| format!("opens {pattern}")));
    for (at, configuration) in claims.configurations.iter().enumerate() {
        all.push(format!("configuration {at}"));
        all.extend(configuration.keys.iter().map(|key| format!("key {key}")));
    }
    let mut seen = BTreeSet::new();
    all.retain(|claim| seen.insert(claim.clone()));
    all
}

/// A claim with what Debian has for it; the lines of a configuration and what is found in them follow.
struct Fact {
    evidence: String,
    text: String,
    found: Vec<String>,
}

/// The facts of each file by claim.
fn facts(text: &str) -> BTreeMap<String, BTreeMap<String, Vec<Fact>>> {
    let mut all: BTreeMap<String, BTreeMap<String, Vec<Fact>>> = BTreeMap::new();
    let (mut file, mut claim) = (String::new(), String::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("== ") {
            name.clone_into(&mut file);
            all.entry(file.clone()).or_default();
        } else if let Some((left, evidence)) = line.split_once(": ").filter(|_| !line.starts_with(['\t', '='])) {
            left.clone_into(&mut claim);
            let fact = Fact { evidence: evidence.to_owned(), text: String::new(), found: Vec::new() };
            all.get_mut(&file).unwrap().entry(claim.clone()).or_default().push(fact);
        } else {
            let fact = all.get_mut(&file).unwrap().get_mut(&claim).unwrap().last_mut().unwrap();
            match line.split_at(1) {
                ("\t", text) => writeln!(fact.text, "{text}").unwrap(),
                ("=", found) => fact.found.push(found.trim_start().to_owned()),
                _ => panic!("{file}: {line}"),
            }
        }
    }
    all
}

/// Names exist as commands, programs that are started and accounts that are looked up exist, options and keys are known to
/// the program's manual, help or text, and its own configuration is found and read right; or the reason why not is written down.
#[test]
fn every_program_file_holds_against_the_real_packages() {
    if let Some(trees) = std::env::var_os("HARDEN_PROGRAM_TREES") {
        fs::write(Path::new(DIRECTORY).join("debian.txt"), collect(Path::new(&trees))).unwrap();
    }
    let (packages, absent, debian) = (data("packages.txt"), data("absent.txt"), data("debian.txt"));
    let debian = facts(&debian);
    let packages: BTreeMap<&str, Vec<&str>> =
        rows(&packages).into_iter().map(|row| (row[0], row[1..].to_vec())).collect();
    // `FILE CLAIM: REASON`.
    let absent: BTreeSet<&str> = absent
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line}: no reason")).0)
        .collect();
    let (mut faults, mut used, mut shown) = (Vec::new(), BTreeSet::new(), 0);
    for claims in claims() {
        let file = claims.file;
        let Some(row) = packages.get(file) else {
            faults.push(format!("{file}: packages.txt has no line for it"));
            continue;
        };
        let known = debian.get(file);
        if row[0] == "-" {
            assert!(row.len() > 1 && known.is_none(), "{file}: a reason, and no facts");
            continue;
        }
        for claim in listed(&claims) {
            let whole = format!("{file} {claim}");
            let found = known.and_then(|known| known.get(&claim));
            match (found, absent.get(whole.as_str())) {
                (Some(_), Some(_)) => faults.push(format!("{whole}: it is there, and absent.txt says that it is not")),
                (None, None) => faults.push(format!("{whole}: Debian's packages do not show it")),
                (None, Some(reason)) => {
                    used.insert(*reason);
                }
                (Some(_), None) => shown += 1,
            }
        }
        for (at, configuration) in claims.configurations.iter().enumerate() {
            let of = known.and_then(|known| known.get(&format!("configuration {at}")));
            for fact in of.into_iter().flatten() {
                let now = configuration.found(&fact.text);
                if now != fact.found {
                    faults.push(format!("{file}: {}: {now:#?} instead of {:#?}", fact.evidence, fact.found));
                }
            }
        }
    }
    faults.extend(absent.difference(&used).map(|reason| format!("{reason}: absent.txt names what no file claims")));
    assert!(faults.is_empty(), "{}\n{REFRESH}, or write the reason into absent.txt", faults.join("\n"));
    assert!(shown > 500, "{shown}");
}

/// What the trees of packages hold.
fn collect(trees: &Path) -> String {
    let table = data("packages.txt");
    let mut text = String::from("# Made by tests/setup/programs.sh from the packages of Debian 12 in packages.txt.\n");
    let mut roots: BTreeMap<&str, Root> = BTreeMap::new();
    let claims = claims();
    for row in rows(&table).into_iter().filter(|row| row[1] != "-") {
        let Some(claims) = claims.iter().find(|claims| claims.file == row[0]) else { continue };
        let root = roots.entry(row[1]).or_insert_with(|| Root::read(&trees.join(format!("tree.{}", row[1]))));
        root.facts(claims, &row[2..], &mut text);
    }
    text
}

/// One tree with its packages.
struct Root {
    at: std::path::PathBuf,
    /// Every file and link.
    paths: BTreeSet<String>,
}

/// Where a path lies where /bin, /sbin and /lib are links into /usr.
fn merged(path: &str) -> String {
    let top = ["/bin/", "/sbin/", "/lib/", "/lib64/"].iter().any(|top| path.starts_with(top));
    if top { format!("/usr{path}") } else { path.to_owned() }
}

impl Root {
    fn read(at: &Path) -> Self {
        let mut paths = BTreeSet::new();
        let mut directories = vec![String::new()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(at.join(directory.trim_start_matches('/'))).into_iter().flatten() {
                let entry = entry.unwrap();
                let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
                if entry.file_type().unwrap().is_dir() && !["/proc", "/sys", "/dev"].contains(&path.as_str()) {
                    directories.push(path.clone());
                }
                paths.insert(path);
            }
        }
        Self { at: at.to_owned(), paths }
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        let mut at = self.at.join(path.trim_start_matches('/'));
        // Absolute links lead inside the tree.
        for _ in 0..8 {
            match fs::read_link(&at) {
                Ok(target) if target.is_absolute() => at = self.at.join(target.strip_prefix("/").unwrap()),
                Ok(target) => at = at.parent().unwrap().join(target),
                Err(_) => break,
            }
        }
        let bytes = fs::read(at).unwrap_or_default();
        if !path.ends_with(".gz") {
            return bytes;
        }
        let mut text = Vec::new();
        let _ = flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text);
        text
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.bytes(path)).into_owned()
    }

    /// Paths that match a pattern, a file's own or below a directory.
    fn matching(&self, pattern: &str) -> Vec<&str> {
        let pattern = merged(pattern);
        let glob = globset::GlobBuilder::new(&pattern).literal_separator(true).build().unwrap().compile_matcher();
        let begin = pattern.split(['*', '?', '[']).next().unwrap();
        let range = self.paths.range(begin.to_owned()..);
        let range = range.take_while(|path| path.starts_with(begin));
        range.map(String::as_str).filter(|path| glob.is_match(path)).collect()
    }

    /// Commands of a name or a pattern.
    fn commands(&self, name: &str) -> Vec<&str> {
        if name.starts_with('/') {
            return self.matching(name);
        }
        // Servers that a wrapper starts lie in directories of their own.
        let directories =
            ["/usr/bin", "/usr/sbin", "/usr/lib/*/bin", "/usr/lib/*/sbin", "/usr/lib/*/*/bin", "/usr/lib/*"];
        directories.iter().flat_map(|directory| self.matching(&format!("{directory}/{name}"))).collect()
    }

    /// The texts in which options and keys are looked for: manual pages and documents of packages, help of programs, and the
    /// programs themselves.
    fn sources(&self, claims: &Claims, packages: &[&str]) -> Vec<(&'static str, Vec<u8>)> {
        let commands: Vec<&str> = claims.names.iter().flat_map(|name| self.commands(name)).collect();
        let mut files: BTreeSet<String> = commands.iter().map(|&path| path.to_owned()).collect();
        for list in self.matching("/var/lib/dpkg/info/*.list") {
            let name = list.rsplit('/').next().unwrap().trim_end_matches(".list").split(':').next().unwrap();
            let text = self.text(list);
            let own = text.lines().any(|line| commands.contains(&merged(line).as_str()));
            if own || packages.contains(&name) {
                files.extend(text.lines().map(merged));
            }
        }
        let mut found = Vec::new();
        for name in claims.names.iter().filter(|name| !self.commands(name).is_empty()) {
            files.extend(self.matching(&format!("/usr/share/man/man*/{name}.*")).into_iter().map(str::to_owned));
        }
        for file in files {
            let kind = match file.as_str() {
                file if file.starts_with("/usr/share/man/man") => "manual",
                file if file.starts_with("/usr/share/doc/") => "document",
                file if commands.contains(&file) => "program",
                file if file.starts_with("/etc/") => "settings",
                file if file.starts_with("/usr/lib/") || file.starts_with("/usr/share/") => "files",
                _ => continue,
            };
            let bytes = self.bytes(&file);
            if bytes.len() > 32 * 1024 * 1024 || (kind == "files" && bytes.len() > 1024 * 1024) {
                continue;
            }
            let bytes = if kind == "manual" { plain(&bytes) } else { bytes };
            found.push((kind, bytes));
        }
        for command in commands.iter().filter(|command| command.starts_with("/usr/")) {
            found.push(("help", self.help(command)));
        }
        let order = ["manual", "help", "document", "settings", "program", "files"];
        found.sort_by_key(|(kind, _)| order.iter().position(|known| known == kind));
        found
    }

    fn help(&self, command: &str) -> Vec<u8> {
        let mut run = Command::new("timeout");
        run.args(["-s", "KILL", "5", "unshare", "-mpn", "--fork", "--kill-child", "chroot"]).arg(&self.at);
        run.args([command, "--help"]).stdin(Stdio::null());
        let output = run.output();
        let output = output.unwrap();
        [output.stdout, output.stderr].concat()
    }

    fn facts(&self, claims: &Claims, packages: &[&str], text: &mut String) {
        writeln!(text, "== {}", claims.file).unwrap();
        let sources = self.sources(claims, packages);
        let known = |word: &str| sources.iter().find(|(_, text)| has(text, word)).map(|(kind, _)| (*kind).to_owned());
        let passwd = self.text("/etc/passwd");
        let group = self.text("/etc/group");
        let line = |text: &str, name: &str| {
            let mut lines = text.lines();
            lines.find(|line| line.starts_with(&format!("{name}:"))).map(|_| "after installation".to_owned())
        };
        for claim in listed(claims) {
            let (kind, word) = claim.split_once(' ').unwrap();
            let evidence = match kind {
                "name" => self.commands(word).first().map(|&path| path.to_owned()),
                "start" => {
                    let names = word.split('|').map(|word| word.replace("{name}", claims.names.last().unwrap()));
                    names.filter_map(|name| self.commands(&name).first().map(|&path| path.to_owned())).next()
                }
                "account" => line(&passwd, word),
                "group" => line(&group, word),
                "opens" => self.matching(word).first().map(|&path| path.to_owned()),
                // An option with its value's name: `-c config_file`.
                "option" => known(word.split(' ').next().unwrap()),
                "key" => known(word),
                _ => None,
            };
            if let Some(evidence) = evidence {
                writeln!(text, "{claim}: {evidence}").unwrap();
            }
        }
        for (at, configuration) in claims.configurations.iter().enumerate() {
            let mut files: Vec<&str> = configuration.files.iter().flat_map(|pattern| self.matching(pattern)).collect();
            files.retain(|file| {
                let is = |pattern: &&str| globset::Glob::new(pattern).unwrap().compile_matcher().is_match(file);
                !configuration.except.iter().any(is) && !self.at.join(file.trim_start_matches('/')).is_dir()
            });
            // The first shows that there is one; of the others those that say something.
            let mut told = 0;
            for (number, file) in files.into_iter().enumerate() {
                let (kept, found) = self.configuration(configuration, file);
                if number > 0 && (found.is_empty() || told > 5) {
                    continue;
                }
                told += usize::from(!found.is_empty());
                writeln!(text, "configuration {at}: {file}").unwrap();
                kept.lines().for_each(|line| writeln!(text, "\t{line}").unwrap());
                found.iter().for_each(|found| writeln!(text, "= {found}").unwrap());
            }
        }
    }

    /// One file, as far as it matters (lines with a key, heads of sections, lines of a table), and what is found in it.
    fn configuration(&self, configuration: &Claimed, file: &str) -> (String, Vec<String>) {
        if ["programs", "execline", "makefile"].contains(&configuration.syntax) {
            return (String::new(), Vec::new());
        }
        let whole = self.text(file);
        let table = configuration.keys.is_empty();
        let begins = |line: &str, key: &str| {
            let rest = line.strip_prefix(&key.to_lowercase());
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        };
        let says: BTreeSet<usize> =
            configuration.found(&whole).iter().map(|found| found.split(' ').next().unwrap().parse().unwrap()).collect();
        let matters = |(number, line): &(usize, &str)| {
            let lower = line.trim().to_lowercase();
            let first = lower.split_whitespace().next().unwrap_or_default();
            let section = line.starts_with('[') || configuration.section_words.contains(&first);
            let comment = lower.strip_prefix(['#', ';']);
            let keyed = configuration.keys.iter().any(|key| begins(comment.unwrap_or(&lower), key));
            says.contains(number) || section || keyed || (table && comment.is_none() && !lower.is_empty())
        };
        let lines: Vec<(usize, &str)> = (1..).zip(whole.lines()).filter(matters).collect();
        // Many lines of one kind, as in delegates.xml, show no more than some of them.
        let kept = lines.iter().take(24).map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
        let found = configuration.found(&kept);
        assert!(
            lines.len() > 24 || found.len() == configuration.found(&whole).len(),
            "{file}: the lines say less alone"
        );
        (kept, found)
    }
}

/// Whether a text holds a word that stands alone.
fn has(text: &[u8], word: &str) -> bool {
    // A long option stands in a program without its dashes.
    let bare = word.strip_prefix("--").filter(|_| text.starts_with(b"\x7fELF"));
    let words = [Some(word), bare].into_iter().flatten().map(regex::escape).collect::<Vec<_>>().join("|");
    let end = if word.ends_with(':') { "" } else { r"(?:$|[^a-z0-9_-])" };
    let pattern = format!("(?:^|[^a-z0-9_-])(?:{words}){end}");
    let pattern = regex::bytes::RegexBuilder::new(&pattern).unicode(false).case_insensitive(true).build();
    pattern.unwrap().is_match(text)
}

/// A manual page without the escapes of its fonts and dashes.
fn plain(page: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(page).replace("\\-", "-").replace("\\&", "").replace("\\(hy", "-");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("\\f") {
        plain.push_str(before);
        let skip = match after.as_bytes().first() {
            Some(b'[') => after.find(']').map_or(0, |at| at + 1),
            Some(b'(') => 3,
            Some(_) => 1,
            None => 0,
        };
        rest = after.get(skip..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain.into_bytes()
}
