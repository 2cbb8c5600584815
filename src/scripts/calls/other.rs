//! Scripts in languages that harden has no parser for: texts in quotes behind or in front of a word of the kind that
//! languages have for starting programs, such as `system`, `spawn` or `shell`, and lines that begin with a sign or name
//! of a program's own for it. The caller decides whether a text names a program.

use super::{Call, call};

/// Words of a name that starts programs, whole: `run-program`, `create_process`, `ADDRESS`.
const WHOLE: [&str; 8] = ["run", "call", "command", "cmd", "pipe", "address", "process", "program"];
/// The same, with other letters in front or behind: `esyscmd`, `execv`, `popen2`.
const PARTS: [&str; 6] = ["system", "exec", "spawn", "popen", "shell", "syscmd"];
/// Lines that begin with one of these give their rest to a shell: ed, dc, vi, ftp, SQLite, MariaDB, PostgreSQL.
const BEGINS: [&str; 6] = ["!", ".shell ", ".system ", "\\! ", "system ", "shell "];
/// Lines that are comments in one language or another.
const COMMENTS: [&str; 9] = ["#", ";", "//", "--", "%", "*", "/*", "\\ ", "dnl"];
/// Most bytes of a line that are looked at; longer ones are data.
const LONGEST: usize = 1000;

/// What the lines of a text may start.
pub(super) fn programs(text: &str) -> Vec<(u32, Call)> {
    let mut found = Vec::new();
    if text.contains('\0') {
        return found;
    }
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.trim();
        if line.len() > LONGEST || COMMENTS.iter().any(|comment| line.starts_with(comment)) {
            continue;
        }
        if let Some(code) = BEGINS.iter().find_map(|begin| line.strip_prefix(begin)) {
            let bare = code.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
            found.extend(call(code, false).filter(|_| bare).map(|call| (number, call)));
        }
        let quoted = quoted(line);
        // A line that is a text and nothing else: a command of REXX.
        let alone = matches!(quoted.as_slice(), [(0, text)] if text.len() + 2 >= line.len() && text.contains(' '));
        if alone || starts(line, &quoted) {
            found.extend(quoted.iter().filter_map(|(_, text)| Some((number, call(text, false)?))));
        }
    }
    found
}

/// The texts in quotes of a line, with their beginnings: `"x"`, `'x'`, `` `x' `` of m4, and `'x` of Lisp.
fn quoted(line: &str) -> Vec<(usize, &str)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(begin) = line.get(at..).and_then(|rest| rest.find(['"', '\'', '`'])).map(|begin| at + begin) {
        let open = line.get(begin..).and_then(|rest| rest.chars().next()).unwrap_or_default();
        let rest = line.get(begin + 1..).unwrap_or_default();
        let end = rest.find(|c| c == open || (open == '`' && c == '\''));
        let symbol = rest.find(|c: char| c.is_whitespace() || c == ')').unwrap_or(rest.len());
        let length = match end {
            Some(end) => end,
            None if open == '\'' => symbol,
            None => break,
        };
        found.extend(rest.get(..length).map(|text| (begin, text.trim())));
        at = begin + 1 + length + usize::from(end.is_some());
    }
    found
}

/// Whether a word outside of the texts starts programs.
fn starts(line: &str, quoted: &[(usize, &str)]) -> bool {
    let inside = |at: usize| quoted.iter().any(|&(begin, text)| at > begin && at <= begin + text.len());
    let mut at = 0;
    for word in line.split(|c: char| !c.is_ascii_alphanumeric()) {
        let small = word.to_ascii_lowercase();
        if (WHOLE.contains(&small.as_str()) || PARTS.iter().any(|part| small.contains(part))) && !inside(at) {
            return true;
        }
        at += word.len() + line.get(at + word.len()..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{Call, programs};

    #[test]
    fn of_languages_that_nobody_knows() {
        let all = |text: &str| -> Vec<String> {
            let show = |(line, call): (u32, Call)| match call {
                Call::Program(name) | Call::Code(name) | Call::Line(name) => format!("{line} {name}"),
            };
            programs(text).into_iter().map(show).collect()
        };
        for text in [
            "s\" tac /x\" system",
            ": go s\" tac /x\" system ;",
            "syscmd(`tac /x')",
            "x = esyscmd(`tac /x')dnl",
            "\"tac /x\"",
            "ADDRESS SYSTEM 'tac /x'",
            "!tac /x",
            ".shell tac /x",
            "system(\"tac /x\")",
            "(exec \"tac /x\")",
            "shell_out \"tac /x\";",
            "process.run(\"tac /x\")",
        ] {
            assert_eq!(all(text), ["1 tac /x"], "{text}");
        }
        assert_eq!(all("create_process(({\"tac\", \"/x\"}))"), ["1 tac", "1 /x"]);
        assert_eq!(all("(call 'tac \"/x\")"), ["1 tac", "1 /x"]);
        for text in
            ["# system(\"tac\")", "\\ s\" tac\" system", "print \"tac system\"", "say 'tac x'", "x = \"tac\"", "!= 1"]
        {
            assert_eq!(all(text), [""; 0], "{text}");
        }
    }
}
