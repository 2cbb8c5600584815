//! Progress is for a person who waits: on a terminal, after a second, and nowhere else.

use crate::common::{Command, Rootfs};
use crate::image::{Input, base};

/// What the beginning of a line of progress is: back, and nothing to the end of the line.
const CLEAR: &str = "\r\x1b[K";

/// What a terminal shows, and what a log holds, of a shell command.
fn shown(shell: &str) -> [String; 2] {
    let terminal = ["script", "-qefc", shell, "/dev/null"].map(str::to_owned);
    let log = ["sh".to_owned(), "-c".to_owned(), format!("({shell}) 2>&1")];
    [terminal.to_vec(), log.to_vec()].map(|words| {
        let output = Command::new(&words[0]).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    })
}

#[test]
fn a_terminal_shows_how_far_a_slow_archive_is_and_a_log_does_not() {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    let input = Input::of(&tree);
    let (path, harden) = (input.path.display(), env!("CARGO_BIN_EXE_harden"));
    let slow = format!("(head -c 20000 {path}; sleep 1.5; tail -c +20001 {path}) | {harden} plan --tar -");
    let [terminal, log] = shown(&slow);
    let line = format!("{CLEAR}harden: reading the archive: 0 MiB");
    assert!(terminal.contains(&line), "{terminal}");
    // The line is taken away before anything else is written.
    let after = terminal.rsplit_once(&line).unwrap().1;
    assert!(after.starts_with(CLEAR), "{after:?}");
    assert!(!log.contains('\r') && log.contains("harden: reading the archive\n"), "{log}");
    // Quick work, and a quiet run, show none.
    for words in [format!("{harden} plan --tar {path}"), format!("{slow} -q")] {
        let [terminal, _] = shown(&words);
        assert!(!terminal.contains(CLEAR), "{words}: {terminal:?}");
    }
}
