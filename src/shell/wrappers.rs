//! The programs that a simple command runs: its first word, and the programs that this one runs in turn (`exec`, `env`,
//! `gosu`, `find -exec`).
//!
//! One row a program, from its manual page. The module guesses nothing beyond a row.

use super::lexer::Word;
use super::parser::SimpleCommand;

/// Something that a command starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran<'w> {
    /// A word in command position of the shell: a function, a builtin or a program.
    Program(&'w Word),
    /// A word that another program starts (`env true`, `find -exec test`): always a file, never a builtin or a function.
    Started(&'w Word),
    /// A program that the one of this word starts by default: `xargs` alone runs echo.
    Default(&'w Word, &'static str),
    /// Shell code in a word: `sh -c CODE`, `trap CODE EXIT`.
    Code(&'w Word),
    /// Shell code in several words, which are joined with blanks: `eval WORD…`.
    Joined(&'w [Word]),
    /// Shell code on standard input: `bash -s`.
    Input,
    /// An account whose login shell runs: `su USER`.
    Login(&'w Word),
    /// A script that a shell is given as a file.
    Script(&'w Word),
    /// A directory whose programs are started: `run-parts DIR`.
    Directory(&'w Word),
}

/// A program that runs another one.
struct Wrapper {
    /// Its names.
    names: &'static str,
    /// Options that take the next word as their value.
    with_value: &'static str,
    /// Words before the command word: `gosu USER CMD` has one.
    operands: usize,
}

const fn wrapper(names: &'static str, with_value: &'static str, operands: usize) -> Wrapper {
    Wrapper { names, with_value, operands }
}

/// Wrappers whose command word can be told from their own words.
const WRAPPERS: &[Wrapper] = &[
    wrapper("exec", "-a", 0),
    wrapper("command builtin nohup setsid eatmydata fakeroot unbuffer dbus-run-session ssh-agent with-contenv", "", 0),
    wrapper("time", "-f -o --format --output", 0),
    wrapper("env", "-u --unset -C --chdir", 0),
    wrapper("nice", "-n --adjustment", 0),
    wrapper("ionice", "-c -n -t --class --classdata", 0),
    wrapper("stdbuf", "-i -o -e --input --output --error", 0),
    wrapper("timeout", "-k -s --kill-after --signal", 1),
    wrapper("chrt taskset setarch cgexec", "-T -P -D -g", 1),
    wrapper("linux32 linux64 catchsegv prlimit", "", 0),
    wrapper("xargs", "-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --max-lines", 0),
    wrapper("sudo", "-u -g -C -D -h -p -R -r -t -T -U --user --group --chdir --host --prompt", 0),
    wrapper("doas", "-u -C -a", 0),
    wrapper("gosu su-exec setuidgid s6-setuidgid envdir s6-envdir setlock s6-setlock with-env", "", 1),
    wrapper("s6-applyuidgid", "-u -g -G", 0),
    wrapper("softlimit s6-softlimit", "-a -c -d -f -l -m -o -p -r -s -t", 0),
    wrapper("chpst", "-u -U -b -/ -C -e -n -l -L -m -d -o -p -f -c -r -t", 0),
    wrapper("s6-notifyoncheck", "-d -3 -s -T -t -w -n -c", 0),
    wrapper("flock", "-w -E --timeout --wait --conflict-exit-code", 1),
    wrapper("chroot", "", 1),
    wrapper(
        "setpriv",
        "--reuid --regid --ruid --euid --rgid --egid --groups --ambient-caps --inh-caps --bounding-set --securebits \
         --pdeathsig --selinux-label --apparmor-profile",
        0,
    ),
    wrapper("unshare nsenter", "-S -G -R -w -t -r --setuid --setgid --root --wd --target", 0),
    wrapper("tini tini-static", "-p -e", 0),
    wrapper("dumb-init", "-r --rewrite", 0),
    wrapper("catatonit", "-g", 0),
    // execline: chains of programs, each of which starts the next one.
    wrapper("loopwhilex", "-x", 0),
    wrapper("emptyenv s6-setsid", "", 0),
    wrapper("s6-env", "-u", 0),
    wrapper("fdclose fdblock unexport", "", 1),
    wrapper("fdmove fdswap redirfd", "", 2),
    wrapper("importas", "-D -d", 2),
    wrapper("strace ltrace", "-o -e -p -s -u -E -S", 0),
    wrapper("numactl", "-i -N -C -m -p", 0),
    wrapper("start-stop-daemon", START_STOP, usize::MAX),
];

/// start-stop-daemon(8): its program is the value of an option.
const START_STOP: &str = "-x --exec -a --startas";

/// Programs that wait for something and then run what stands behind `--`.
const WAITERS: [&str; 7] =
    ["wait-for-it", "wait-for", "dockerize", "envconsul", "consul-template", "s6-svwait", "waitforit"];

/// Shells, which take code behind `-c` or a script as their first operand.
const SHELLS: [&str; 9] = ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "rbash", "yash"];

/// Whether a program of that name runs shell code.
pub(super) fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name)
}

impl SimpleCommand {
    /// Everything that it starts; `empty` tells words that may expand to nothing, so that the next word runs.
    pub(super) fn runs(&self, empty: &dyn Fn(&Word) -> bool) -> Vec<Ran<'_>> {
        runs(&self.words, empty)
    }

    /// The words of it that are programs, wrapped ones included; code behind `-c` is not looked into.
    #[must_use]
    pub fn programs(&self) -> Vec<&Word> {
        let program = |ran| match ran {
            Ran::Program(word) | Ran::Started(word) => Some(word),
            _ => None,
        };
        self.runs(&never).into_iter().filter_map(program).collect()
    }

    /// Whether it begins with a program that runs another one behind words of its own.
    pub(super) fn is_wrapped(&self) -> bool {
        let own = |ran: &Ran<'_>| matches!(ran, Ran::Program(word) | Ran::Started(word) if is_loose(base(&word.text)));
        self.runs(&never).iter().any(own)
    }
}

/// As in exec form, every plain word after these may count.
fn is_loose(name: &str) -> bool {
    let row = WRAPPERS.iter().find(|row| row.names.split(' ').any(|known| known == name));
    row.is_some() && !matches!(name, "exec" | "command" | "builtin" | "nohup" | "time" | "env" | "nice" | "timeout")
}

/// No word may be empty: what only the variables of a script tell is not asked.
pub(super) fn never(_: &Word) -> bool {
    false
}

/// Everything that these words start as a command of a shell.
pub(super) fn runs<'w>(words: &'w [Word], empty: &dyn Fn(&Word) -> bool) -> Vec<Ran<'w>> {
    let mut found = Vec::new();
    chain(words, true, empty, &mut found);
    found
}

/// The same words where a program starts them, as in execline.
pub(super) fn starts(words: &[Word]) -> Vec<Ran<'_>> {
    let mut found = Vec::new();
    chain(words, false, &never, &mut found);
    found
}

fn chain<'w>(words: &'w [Word], by_shell: bool, empty: &dyn Fn(&Word) -> bool, found: &mut Vec<Ran<'w>>) {
    let mut rest = words;
    let mut by_shell = by_shell;
    while let [word, tail @ ..] = rest {
        found.push(if by_shell { Ran::Program(word) } else { Ran::Started(word) });
        if word.expands && !word.quoted && empty(word) {
            rest = tail;
            continue;
        }
        let name = base(&word.text);
        if is_shell(name) {
            shell(tail, found);
            break;
        }
        let next = match name {
            "su" => su(tail, found),
            "runuser" => {
                let by_option = tail.iter().any(|word| matches!(word.text.as_str(), "-u" | "--user"));
                if by_option { after(tail, "-u --user -g --group -G --supp-group", 0) } else { su(tail, found) }
            }
            "find" => {
                for (at, _) in tail.iter().enumerate().filter(|(_, word)| is_find_action(&word.text)) {
                    let own = tail.get(at + 1..).unwrap_or_default();
                    let end = own.iter().position(|word| matches!(word.text.as_str(), ";" | "+")).unwrap_or(own.len());
                    chain(own.get(..end).unwrap_or_default(), false, empty, found);
                }
                None
            }
            "eval" => {
                let code = tail.iter().position(|word| word.text.len() < 2 || !word.text.starts_with('-'));
                found.extend(code.and_then(|at| tail.get(at..)).map(Ran::Joined));
                None
            }
            "trap" => {
                let code = tail.iter().find(|word| word.text.len() < 2 || !word.text.starts_with('-'));
                // A dash resets the signal.
                found.extend(code.filter(|word| word.text != "-").map(Ran::Code));
                None
            }
            "run-parts" => {
                let directory = tail.iter().rfind(|word| !word.text.starts_with('-'));
                found.extend(directory.map(Ran::Directory));
                None
            }
            "command" if tail.first().is_some_and(|word| matches!(word.text.as_str(), "-v" | "-V")) => None,
            "start-stop-daemon" => {
                let own = tail.split(|word| word.text == "--").next().unwrap_or_default();
                let value = |pair: &'_ [Word]| START_STOP.split(' ').any(|o| pair.first().is_some_and(|w| w.text == o));
                found
                    .extend(own.windows(2).filter(|pair| value(pair)).filter_map(|pair| pair.get(1)).map(Ran::Started));
                None
            }
            _ if WAITERS.contains(&name.trim_end_matches(".sh")) => {
                let at = tail.iter().position(|word| word.text == "--");
                at.and_then(|at| tail.get(at + 1..))
            }
            _ => WRAPPERS
                .iter()
                .find(|row| row.names.split(' ').any(|known| known == name))
                .and_then(|row| after(tail, row.with_value, row.operands)),
        };
        // A keyword or a builtin leaves the choice to the shell; every program starts a file.
        by_shell &= matches!(name, "command" | "builtin" | "time");
        let Some(next) = next else {
            if name == "xargs" {
                found.push(Ran::Default(word, "echo"));
            }
            break;
        };
        if name == "flock" && next.first().is_some_and(|word| matches!(word.text.as_str(), "-c" | "--command")) {
            found.extend(next.get(1).map(Ran::Code));
            break;
        }
        rest = next;
    }
}

/// The words behind options, `NAME=value` of env and sudo, and operands.
fn after<'w>(mut words: &'w [Word], with_value: &str, mut operands: usize) -> Option<&'w [Word]> {
    let mut options = true;
    while let [word, tail @ ..] = words {
        let text = word.text.as_str();
        words = if options && text == "--" {
            options = false;
            tail
        } else if options && text.len() > 1 && with_value.split(' ').any(|option| option == text) {
            tail.get(1..)?
        } else if (options && text.starts_with('-') && text.len() > 1) || word.assignment {
            tail
        } else if operands > 0 {
            operands -= 1;
            // flock FILE -c CODE.
            options = matches!(tail.first(), Some(next) if next.text == "--");
            tail
        } else {
            return Some(words);
        };
    }
    None
}

/// `sh -c CODE`, `sh FILE`.
fn shell<'w>(words: &'w [Word], found: &mut Vec<Ran<'w>>) {
    let mut code = false;
    let mut rest = words;
    while let [word, tail @ ..] = rest {
        let text = word.text.as_str();
        rest = tail;
        match text {
            "--rcfile" | "--init-file" => rest = tail.get(1..).unwrap_or_default(),
            // The script comes from standard input.
            "-s" if !code => break,
            _ if text.starts_with("--") => {}
            _ if text.starts_with(['-', '+']) => {
                code |= text.starts_with('-') && text.contains('c');
                // `-euo pipefail`.
                if text.contains(['o', 'O']) {
                    rest = tail.get(1..).unwrap_or_default();
                }
            }
            _ => {
                found.push(if code { Ran::Code(word) } else { Ran::Script(word) });
                return;
            }
        }
    }
    found.push(Ran::Input);
}

/// `su [-] [USER] -c CODE`: the code; su hands everything else to a shell.
fn su<'w>(words: &'w [Word], found: &mut Vec<Ran<'w>>) -> Option<&'w [Word]> {
    let before = found.len();
    let own_shell = words.iter().any(|word| word.text == "-s" || word.text.starts_with("--shell"));
    // `-` and `-l` only ask for a login; the first operand is the account.
    let own = words.get(usize::from(words.first().is_some_and(|word| word.text == "-"))..).unwrap_or_default();
    let user = after(own, "-c --command --session-command -g --group -G --supp-group -w --whitelist-environment", 0);
    let user = user.map(|rest| rest.get(usize::from(rest.first().is_some_and(|word| word.text == "-"))..));
    if let Some([user, ..]) = user.flatten().filter(|_| !own_shell) {
        found.push(Ran::Login(user));
    }
    for pair in words.windows(2) {
        if let [option, value] = pair {
            match option.text.as_str() {
                "-c" | "--command" | "--session-command" => found.push(Ran::Code(value)),
                "-s" | "--shell" => found.push(Ran::Started(value)),
                _ => {}
            }
        }
    }
    if !found.iter().skip(before).any(|ran| matches!(ran, Ran::Code(_))) {
        found.push(Ran::Input);
    }
    None
}

fn is_find_action(text: &str) -> bool {
    matches!(text, "-exec" | "-execdir" | "-ok" | "-okdir")
}

/// The last component of a path.
pub(super) fn base(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or("")
}
