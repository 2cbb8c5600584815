//! Words that call an applet by the program's own name, and the applets that other applets start. Words and names only:
//! other modules know which of them exist and which stay.

/// What stands behind the program's own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call<'a> {
    /// The name of one applet, and its index among the words.
    Applet(&'a str, usize),
    /// Any: what follows is known to the running shell only, or all are asked for.
    Any,
    /// None: it lists them.
    None,
}

/// Commands that look at a program or print its name, and do not run it.
const LOOKS: [&str; 8] = ["echo", "printf", "[", "[[", "test", "which", "type", "hash"];

/// Names of the shells inside busybox.
pub(crate) const SHELLS: [&str; 3] = ["sh", "ash", "hush"];

/// Which applet the words behind a program's own name run. `None` among them is a word that only the running shell knows.
pub(crate) fn applet_in<'a>(words: &[Option<&'a str>]) -> Call<'a> {
    for (at, word) in words.iter().enumerate() {
        match word {
            Some("--list" | "--list-full") => return Call::None,
            Some("--help") if at + 1 == words.len() => return Call::None,
            // Links for every applet, which then have to answer.
            Some("--install") | None => return Call::Any,
            // The first line of a stub of GNU coreutils: `--coreutils-prog-shebang=cat`.
            Some(word) if word.starts_with("--coreutils-prog") => {
                return Call::Applet(word.rsplit('=').next().unwrap_or_default(), at);
            }
            Some(word) if word.starts_with('-') => {}
            Some(word) => return Call::Applet(word.rsplit('/').next().unwrap_or_default(), at),
        }
    }
    Call::Any
}

/// Whether a command only looks at what its words name.
pub(crate) fn only_looks(words: &[Option<&str>]) -> bool {
    match words {
        [Some("command"), Some(option), ..] => option.starts_with("-v") || option.starts_with("-V"),
        [Some(first), ..] => LOOKS.contains(first),
        _ => false,
    }
}

/// What applets of busybox start without being told by their arguments, from its sources (1.26 to 1.38). An absolute
/// path is a file that they run; a name is looked up in PATH. `bbsuid` is Alpine's, which is busybox with more rights.
const STARTS: &str = "adduser: addgroup passwd|bbsuid: /bin/busybox|bootchartd: tar|crond: sh sendmail|crontab: vi|\
    getty: login|ifdown: sh ip ifconfig route run-parts|ifplugd: /etc/ifplugd/ifplugd.action|\
    ifup: sh ip ifconfig route run-parts udhcpc|init: sh umount swapoff reboot|linuxrc: sh umount swapoff reboot|\
    login: sh|man: sh less|mdev: sh|runsvdir: runsv|script: sh|su: sh|sulogin: sh|telnetd: login|\
    udhcpc: /usr/share/udhcpc/default.script /etc/udhcpc/default.script|\
    udhcpc6: /usr/share/udhcpc/default6.script /etc/udhcpc/default6.script|watch: sh|wget: ssl_client openssl|xargs: echo";

/// What an applet starts.
pub(crate) fn started_by(applet: &[u8]) -> impl Iterator<Item = &'static str> {
    let mut rows = STARTS.split('|').filter_map(|row| row.split_once(": "));
    let found = rows.find(|(name, _)| name.as_bytes() == applet).map(|(_, names)| names);
    found.into_iter().flat_map(|names| names.split(' '))
}

#[cfg(test)]
mod tests {
    use super::{Call, applet_in, only_looks, started_by};

    #[test]
    fn the_word_behind_the_name_is_the_applet() {
        for (words, expected) in [
            (&[Some("httpd"), Some("-f")][..], Call::Applet("httpd", 0)),
            (&[Some("/x/wget")], Call::Applet("wget", 0)),
            (&[Some("--help"), Some("vi")], Call::Applet("vi", 1)),
            (&[Some("--list")], Call::None),
            (&[Some("--coreutils-prog-shebang=cat"), Some("/bin/cat")], Call::Applet("cat", 0)),
            (&[Some("--install"), Some("-s"), Some("/bin")], Call::Any),
            (&[None], Call::Any),
            (&[], Call::Any),
        ] {
            assert_eq!(applet_in(words), expected, "{words:?}");
        }
        assert!(only_looks(&[Some("command"), Some("-v"), Some("busybox")]));
        assert!(!only_looks(&[Some("command"), Some("busybox"), Some("vi")]) && !only_looks(&[None]));
    }

    #[test]
    fn applets_start_what_the_table_says() {
        assert_eq!(started_by(b"adduser").collect::<Vec<_>>(), ["addgroup", "passwd"]);
        assert_eq!(started_by(b"wget").collect::<Vec<_>>(), ["ssl_client", "openssl"]);
        assert_eq!(started_by(b"xargs").collect::<Vec<_>>(), ["echo"]);
        assert_eq!(started_by(b"cat").count(), 0);
    }
}
