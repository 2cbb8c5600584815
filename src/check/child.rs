//! The second start of this program: it drops the privileges that a check must not have, and becomes the check.
//!
//! Between fork and exec nothing but async-signal-safe code may run, which safe Rust cannot promise; a program of its
//! own has no such limits. It is single-threaded, so that the check gets the attributes that the kernel keeps for each
//! thread (credentials(7), capabilities(7)).

use anyhow::{Result, anyhow};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::console::{Console, Volume};
use crate::diag::{Diagnostic, Kind, codes, escape};
use crate::exit::Exit;
use crate::trace::{self, Stops};

/// The first argument of the second start. What follows: whether it is followed, signals that are held back,
/// credentials, working directory, and the words of the check; without words nothing is started.
pub(crate) const ARGUMENT: &str = "--become-a-check";

/// The words for a check that a tracer follows, before the first change and after it, and for one without.
pub(super) const BEFORE: &str = "before";
pub(super) const AFTER: &str = "after";
pub(super) const ALONE: &str = "alone";

/// What root may do in a check: the capabilities that engines give a container, without those to mount, to trace and to
/// make devices (SYS_ADMIN, which none gives by itself, SYS_PTRACE, MKNOD).
const ROOT_MAY: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// The word for a check that starts as root.
const ROOT: &str = "root";

/// Numbers of the run user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Supplementary groups, the primary one included.
    pub(super) groups: Vec<u32>,
}

/// Credentials as one argument.
pub(super) fn written(credentials: Option<&Credentials>) -> String {
    let Some(Credentials { uid, gid, groups }) = credentials else { return ROOT.to_owned() };
    let groups: Vec<String> = groups.iter().map(u32::to_string).collect();
    format!("{uid}:{gid}:{}", groups.join(","))
}

fn read(text: &str) -> Option<Option<Credentials>> {
    if text == ROOT {
        return Some(None);
    }
    let mut parts = text.split(':');
    let mut number = || parts.next()?.parse().ok();
    let (uid, gid) = (number()?, number()?);
    let groups = parts.next()?.split(',').map(|group| group.parse().ok()).collect::<Option<_>>()?;
    Some(Some(Credentials { uid, gid, groups }))
}

/// Become the check that the arguments describe, this program's name and [`ARGUMENT`] first. Returns only when that
/// fails, or when there is nothing to start.
#[must_use]
pub(crate) fn main(args: &[OsString]) -> Exit {
    let Err(text) = become_check(args) else { return Exit::Done };
    Console::new(Volume::Quiet, true).say(Kind::Error, &Diagnostic::new(codes::CHECK_START, text.to_string()));
    Exit::Failed
}

fn become_check(args: &[OsString]) -> Result<()> {
    let usage = || anyhow!("{ARGUMENT} is for this program's own use");
    let (followed, signals, credentials, workdir, words) = match args {
        [_, _, followed, signals, credentials, workdir, words @ ..] => {
            // Before the first change a link that is only looked at tells nothing; after it, it may be what is missing.
            let stops = match followed.to_str() {
                Some(BEFORE) => Some(Stops::Uses),
                Some(AFTER) => Some(Stops::Paths),
                _ => None,
            };
            (stops, signals, credentials, workdir, words)
        }
        _ => return Err(usage()),
    };
    // The first start holds signals back for itself, and what it starts inherits that.
    crate::stop::release_named(signals.to_str().unwrap_or_default());
    let credentials = credentials.to_str().and_then(read).ok_or_else(usage)?;
    if followed.is_some() {
        end_with_parent()?;
        trace::wait_for_tracer();
    }
    // A session of its own: no terminal, and a group that can be killed as one.
    rustix::process::setsid().map_err(|e| failed("leave the session", e))?;
    rustix::thread::set_no_new_privs(true).map_err(|e| failed("set no_new_privs", e))?;
    // A core dump would be a file in the image.
    let core = Rlimit { current: Some(0), maximum: rustix::process::getrlimit(Resource::Core).maximum };
    rustix::process::setrlimit(Resource::Core, core).map_err(|e| failed("forbid core dumps", e))?;
    match &credentials {
        Some(credentials) => drop_privileges(credentials)?,
        None => limit_root()?,
    }
    // The kernel forgets this whenever credentials change, so it comes last.
    end_with_parent()?;
    if let Some(stops) = followed {
        // A process that has changed its user is closed to its tracer until it starts another program.
        rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)
            .map_err(|e| failed("let the tracer look", e))?;
        trace::stop_at_calls(stops)
            .map_err(|_| anyhow!("cannot install the seccomp filter that stops calls with a path"))?;
    }
    let Some((program, arguments)) = words.split_first() else {
        // The first call that stops: the tracer sees that it can follow.
        let _ = rustix::fs::stat("/");
        return Ok(());
    };
    rustix::process::chdir(workdir.as_bytes())
        .map_err(|e| failed(&format!("enter the working directory {}", escape::quoted(workdir.as_bytes())), e))?;
    #[allow(clippy::disallowed_methods, reason = "this is what checks are")]
    let error = std::process::Command::new(program).args(arguments).exec();
    Err(anyhow!("cannot run {}: {error}", escape::quoted(program.as_bytes())))
}

fn end_with_parent() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| failed("ask for an end with the parent", e))
}

/// Root stays root, and can do no more than in a container of the image.
fn limit_root() -> Result<()> {
    for capability in CapabilitySet::all().difference(ROOT_MAY).iter() {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // EINVAL: this kernel does not know it.
            Ok(()) | Err(Errno::INVAL) => {}
            // Without CAP_SETPCAP the set stays; what is not in it cannot come back.
            Err(Errno::PERM) if rustix::thread::capability_is_in_bounding_set(capability) == Ok(false) => {}
            Err(e) => return Err(failed("give up the capabilities that a container does not have", e)),
        }
    }
    match rustix::thread::clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(e) => return Err(failed("empty the ambient capability set", e)),
    }
    let has = rustix::thread::capabilities(None).map_err(|e| failed("read its capabilities", e))?;
    let may = CapabilitySets {
        effective: has.effective.intersection(ROOT_MAY),
        permitted: has.permitted.intersection(ROOT_MAY),
        inheritable: has.inheritable.intersection(ROOT_MAY),
    };
    rustix::thread::set_capabilities(None, may)
        .map_err(|e| failed("give up the capabilities that a container does not have", e))
}

/// The order matters: each step needs a capability that a later one gives up.
fn drop_privileges(credentials: &Credentials) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(credentials.uid), Gid::from_raw(credentials.gid));
    // /dev/stdout is the pipe itself: a check may open it only when it is its own (as runc does for process 1).
    let _ = rustix::fs::fchown(std::io::stdout(), Some(uid), Some(gid));
    let _ = rustix::fs::fchown(std::io::stderr(), Some(uid), Some(gid));
    clear_bounding_set().map_err(|e| failed("empty the capability bounding set", e))?;
    match rustix::thread::clear_ambient_capability_set() {
        // Linux before 4.3 has none.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(e) => return Err(failed("empty the ambient capability set", e)),
    }
    let groups: Vec<Gid> = credentials.groups.iter().map(|&group| Gid::from_raw(group)).collect();
    rustix::thread::set_thread_groups(&groups).map_err(|e| failed("set the supplementary groups", e))?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(|e| failed("set the group", e))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(|e| failed("set the user", e))?;
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, none).map_err(|e| failed("drop all capabilities", e))
}

/// Drop every capability that this kernel knows from the bounding set. Where CAP_SETPCAP is missing the set stays; with
/// no_new_privs and no permitted capability nothing of it can be gained (capabilities(7), execve).
fn clear_bounding_set() -> Result<(), Errno> {
    for number in 0..u64::BITS {
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // EINVAL: past the last one that this kernel knows.
            Err(Errno::INVAL | Errno::PERM) => break,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn failed(what: &str, errno: Errno) -> anyhow::Error {
    anyhow!("cannot {what}: {errno}")
}

#[cfg(test)]
mod tests {
    use super::{Credentials, read, written};

    #[test]
    fn credentials_survive_the_way_through_an_argument() {
        for some in [None, Some(Credentials { uid: 1000, gid: 0, groups: vec![0, 42, 4_294_967_294] })] {
            assert_eq!(read(&written(some.as_ref())), Some(some));
        }
        for text in ["", "1", "1:2", "1:2:", "1:2:3,", "-1:2:3", "Root"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
