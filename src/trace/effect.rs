//! The changes that a call is about to make.

use nix::libc;
use rustix::io::Errno;
use rustix::process::Pid;

use super::calls::{Changes, Place};
use super::seen::{is_run_time, lstat};
use super::trail::{Start, follow};

/// Whether a call that a process is about to make may change which entries the image has.
pub(super) fn changes(place: Place, arguments: &[u64; 6]) -> bool {
    match place.changes {
        Changes::Never => false,
        Changes::Always => true,
        Changes::Creating(at) => arguments.get(at).is_none_or(|flags| flags & libc::O_CREAT as u64 != 0),
    }
}

/// Whether a call writes where its path leads, or opens that for writing.
pub(super) fn writes(place: Place, arguments: &[u64; 6]) -> bool {
    let flags = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64;
    match place.changes {
        Changes::Never => false,
        // Of a 32-bit program each call counts as one that changes something.
        Changes::Always => !place.moves && !place.narrow && place.how.is_none(),
        Changes::Creating(at) => arguments.get(at).is_none_or(|given| given & flags != 0),
    }
}

/// Whether to make a file or a directory at that path changes nothing that is ever written down: it is there already, or
/// it comes to a directory whose content is made anew with each start. Where a link would be followed there is more to
/// look at: no.
pub(super) fn passes(pid: Pid, start: &Start, path: &[u8]) -> bool {
    let at = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let (above, name) = path.split_at(at);
    if matches!(name, b"" | b"." | b"..") {
        return false;
    }
    let Some(directory) = follow(pid, start, above).end else { return false };
    match lstat(&[&directory, &b"/"[..], name].concat()) {
        Ok(there) => matches!(there.stx_mode & 0o170_000, 0o100_000 | 0o040_000 | 0o020_000),
        // A place of /proc stands for a directory without a name.
        Err(Errno::NOENT) => is_run_time(&directory) && !directory.starts_with(b"/proc/"),
        Err(_) => false,
    }
}

/// Whether an address of a socket, of which these are the first eight bytes, names no file: it is of another family, or
/// abstract (unix(7)).
pub(super) fn is_no_path(address: u64) -> bool {
    let [a, b, first, ..] = address.to_ne_bytes();
    i32::from(u16::from_ne_bytes([a, b])) != libc::AF_UNIX || first == 0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_entry_passes_that_is_there_or_comes_to_a_place_of_the_run() {
        let run = tempfile::tempdir_in("/tmp").unwrap();
        let image = tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap();
        let is_run = |path: &std::path::Path| is_run_time(path.as_os_str().as_bytes());
        let me = rustix::process::getpid();
        let passing = |path: &std::path::Path| passes(me, &Start::default(), path.as_os_str().as_bytes());
        for place in [&run, &image] {
            let at = |name: &str| place.path().join(name);
            std::fs::write(image.path().join("file"), "").unwrap();
            std::fs::write(at("file"), "").unwrap();
            std::fs::create_dir(at("directory")).unwrap();
            symlink(image.path(), at("out")).unwrap();
            symlink(run.path(), at("in")).unwrap();
            symlink(image.path().join("none"), at("dangling")).unwrap();
            let (here, outside) = (is_run(place.path()), is_run(image.path()));
            for (name, expected) in [
                ("file", true),
                ("directory", true),
                ("new", here),
                ("directory/new", here),
                ("directory/../new", here),
                ("in/new", true),
                ("out/new", outside),
                ("out/file", true),
                ("out/dangling", false),
                ("in", false),
                ("dangling", false),
                ("none/new", false),
                ("directory/", false),
                ("directory/.", false),
                ("directory/..", false),
            ] {
                assert_eq!(passing(&at(name)), expected, "{name} in {}", place.path().display());
            }
            let start = Start { at: place.path().as_os_str().as_bytes().to_vec(), ..Start::default() };
            assert_eq!(passes(me, &start, b"new"), here);
            // What /proc alone names may be anywhere.
            let nameless = Start { at: b"/proc/self/cwd".to_vec(), nameless: true, ..Start::default() };
            assert!(!passes(me, &nameless, b"new"));
        }
        assert!(passing("/dev/null".as_ref()));
    }

    #[test]
    fn only_a_socket_with_a_name_makes_a_file() {
        let address = |family: i32, first: u8| {
            let [a, b] = u16::try_from(family).unwrap().to_ne_bytes();
            u64::from_ne_bytes([a, b, first, b'x', 0, 0, 0, 0])
        };
        assert!(is_no_path(address(libc::AF_INET, 31)) && is_no_path(address(libc::AF_INET6, 31)));
        assert!(is_no_path(address(libc::AF_UNIX, 0)) && !is_no_path(address(libc::AF_UNIX, b'/')));
    }
}
