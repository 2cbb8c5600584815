//! The seccomp profile that learn writes: the form of the OCI runtime specification with Docker's sections for machines,
//! which Docker, Podman and containerd read.
//!
//! It allows the calls that the command made, and those that every profile needs: the calls that a runtime makes
//! between its filter and the command, and the calls that any program may make another time. All other calls get EPERM.
//! But a C library uses an older call only if a new one gets ENOSYS, so new calls outside get that.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::trace::{self, Made};

const ALLOW: &str = "SCMP_ACT_ALLOW";
const REFUSE: &str = "SCMP_ACT_ERRNO";
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// What each rule is for, as its comment says.
const COMMAND: &str = "calls that the command made under harden learn";
const ALWAYS: &str = "calls of container runtimes, and calls that any program may come to make";
const CLONE: &str = "new processes and threads, in the namespaces of the container";
const SPECIAL: &str = "made by the command, with arguments that reach no further than a container";
const ABSENT: &str = "answered as by a kernel that has no such call: programs do without";

/// Calls that no profile leaves out. runc (1.1, without no-new-privileges) drops its rights behind its filter, newer ones
/// and crun do it by other calls (moby/moby#22252, kubernetes-sigs/security-profiles-operator#290), and docker-init stands
/// before the command. The clock is read without a call, but not on every machine; memory, signals, locks and the end of a
/// process come when they come, and restart_syscall is the kernel's.
const NEEDED: &str = "\
    arch_prctl brk capget capset chdir clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep \
    clock_nanosleep_time64 close close_range dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait eventfd2 execve exit \
    exit_group faccessat faccessat2 fchdir fchown fcntl fcntl64 fstat fstat64 fstatfs futex futex_time64 getcpu getcwd \
    getdents64 getegid geteuid getgid getpgid getpgrp getpid getppid getrandom getsid gettid gettimeofday getuid ioctl \
    kill lseek lstat madvise mmap mmap2 mprotect mremap munmap nanosleep newfstatat open openat openat2 pipe2 poll \
    ppoll prctl pread64 prlimit64 read readlink readlinkat readv restart_syscall rseq rt_sigaction rt_sigprocmask \
    rt_sigreturn rt_sigtimedwait sched_getaffinity sched_yield select set_robust_list set_tid_address setgid setgroups \
    setpgid setresgid setresuid setsid setuid sigaltstack sigreturn stat statfs statx tgkill time tkill umask uname \
    wait4 waitid write writev";

/// The machine of this program, and what else it runs.
const SECTION: (&str, &[&str]) = if cfg!(target_arch = "x86_64") {
    ("SCMP_ARCH_X86_64", &["SCMP_ARCH_X86", "SCMP_ARCH_X32"])
} else {
    ("SCMP_ARCH_AARCH64", &["SCMP_ARCH_ARM"])
};

/// Values of personality(2) that change no more than what a program is shown: PER_LINUX, PER_LINUX32, UNAME26, and the question.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// What is allowed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    /// By the machines on which the command ran.
    machines: BTreeMap<String, Vec<String>>,
    /// Names of calls that the command made.
    names: BTreeSet<String>,
    namespaces: bool,
    odd_sockets: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Profile {
    default_action: String,
    default_errno_ret: u32,
    arch_map: Vec<Section>,
    syscalls: Vec<Rule>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    architecture: String,
    sub_architectures: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    names: Vec<String>,
    action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    errno_ret: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<Argument>,
    comment: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Argument {
    index: u32,
    value: u64,
    value_two: u64,
    op: String,
}

impl Calls {
    /// Read what learn wrote before; `None` when it is anything else.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let profile: Profile = serde_json::from_str(text).ok()?;
        let mut calls = Self::default();
        for section in profile.arch_map {
            calls.machines.insert(section.architecture, section.sub_architectures);
        }
        for rule in profile.syscalls {
            let whole = rule.args.is_empty();
            match rule.comment.as_str() {
                COMMAND => calls.names.extend(rule.names),
                CLONE => calls.namespaces |= whole,
                SPECIAL => {
                    calls.odd_sockets |= whole && rule.names.iter().any(|name| name == "socket");
                    calls.names.extend(rule.names);
                }
                ALWAYS | ABSENT => {}
                _ => return None,
            }
        }
        Some(calls)
    }

    /// Add what a command did on this machine.
    pub(super) fn add(&mut self, made: &Made) {
        let (machine, others) = SECTION;
        self.machines.insert(machine.to_owned(), others.iter().map(|&other| other.to_owned()).collect());
        self.names.extend(made.names().map(str::to_owned));
        self.namespaces |= made.namespaces;
        self.odd_sockets |= made.odd_sockets;
    }

    /// Every name that is allowed, with any arguments or with some.
    fn allowed(&self) -> BTreeSet<&str> {
        let made = self.names.iter().map(String::as_str).filter(|&name| name != "clone3");
        made.chain(NEEDED.split_ascii_whitespace()).chain(["clone"]).collect()
    }

    /// How many calls are allowed.
    pub(super) fn len(&self) -> usize {
        self.allowed().len()
    }

    /// The whole file.
    pub(super) fn text(&self) -> String {
        let allowed = self.allowed();
        let needed: BTreeSet<&str> = NEEDED.split_ascii_whitespace().collect();
        // By their arguments, below.
        let special = ["clone", "socket", "personality"];
        let command = allowed.iter().copied().filter(|name| !needed.contains(name) && !special.contains(name));
        let absent = trace::newer().filter(|name| !allowed.contains(name));
        let mut rules = vec![
            rule(COMMAND, command),
            rule(ALWAYS, needed.iter().copied()),
            Rule {
                args: if self.namespaces { Vec::new() } else { vec![argument(trace::NAMESPACES.into(), "MASKED_EQ")] },
                ..rule(CLONE, ["clone"].into_iter())
            },
            Rule { action: REFUSE.to_owned(), errno_ret: Some(ENOSYS), ..rule(ABSENT, absent) },
        ];
        let mut special = |name: &'static str, arguments: Vec<Option<Argument>>| {
            let rule = |argument: Option<Argument>| Rule {
                args: Vec::from_iter(argument),
                ..rule(SPECIAL, [name].into_iter())
            };
            rules.extend(arguments.into_iter().filter(|_| self.names.contains(name)).map(rule));
        };
        let [first, last] = trace::ODD_FAMILIES;
        special(
            "socket",
            match self.odd_sockets {
                true => vec![None],
                false => {
                    let between = (first + 1..last).map(|family| Some(argument(family, "EQ")));
                    [Some(argument(first, "LT")), Some(argument(last, "GT"))].into_iter().chain(between).collect()
                }
            },
        );
        special("personality", PERSONALITIES.iter().map(|&value| Some(argument(value, "EQ"))).collect());
        let section = |(machine, others): (&String, &Vec<String>)| Section {
            architecture: machine.clone(),
            sub_architectures: others.clone(),
        };
        let profile = Profile {
            default_action: REFUSE.to_owned(),
            default_errno_ret: EPERM,
            arch_map: self.machines.iter().map(section).collect(),
            syscalls: rules,
        };
        // A value of strings and numbers can always be written.
        let mut text = serde_json::to_string_pretty(&profile).unwrap_or_default();
        text.push('\n');
        text
    }
}

fn rule<'a>(comment: &str, names: impl Iterator<Item = &'a str>) -> Rule {
    Rule {
        names: names.map(str::to_owned).collect(),
        action: ALLOW.to_owned(),
        errno_ret: None,
        args: Vec::new(),
        comment: comment.to_owned(),
    }
}

/// A test of the first argument. For `MASKED_EQ`, the value is the mask, and nothing of it may be set.
fn argument(value: u64, op: &str) -> Argument {
    Argument { index: 0, value, value_two: 0, op: format!("SCMP_CMP_{op}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Calls, NEEDED};
    use std::collections::BTreeSet;

    fn calls(names: &[&str]) -> Calls {
        let mut calls = Calls::default();
        calls.add(&crate::trace::Made::default());
        calls.names.extend(names.iter().map(|&name| name.to_owned()));
        calls
    }

    #[test]
    fn what_is_written_is_read_and_merged() {
        for (namespaces, odd_sockets) in [(false, false), (true, false), (false, true)] {
            let made = calls(&["accept4", "socket", "personality", "bind", "clone3"]);
            let first = Calls { namespaces, odd_sockets, ..made };
            let read = Calls::read(&first.text()).unwrap();
            // What is answered as absent was made all the same, and is allowed no more than before.
            assert_eq!(read.text(), first.text());
            assert_eq!((read.namespaces, read.odd_sockets), (namespaces, odd_sockets));
        }
        let mut merged = Calls::read(&calls(&["accept4"]).text()).unwrap();
        merged.names.insert("bind".to_owned());
        assert_eq!(merged.text(), calls(&["bind", "accept4"]).text());
        assert_eq!(Calls::read("").unwrap(), Calls::default());
    }

    #[test]
    fn what_learn_did_not_write_is_refused() {
        let text = calls(&["bind"]).text();
        for other in [
            "{}".to_owned(),
            "[keep]\n".to_owned(),
            text.replace("made under harden learn", "that I like"),
            text.replacen("\"names\"", "\"includes\": {}, \"names\"", 1),
        ] {
            assert_eq!(Calls::read(&other), None, "{other}");
        }
    }

    #[test]
    fn each_call_has_one_answer() {
        let calls = calls(&["socket", "bind", "clone3", "openat2", "fsopen", "ptrace"]);
        let profile: serde_json::Value = serde_json::from_str(&calls.text()).unwrap();
        let names = |action: &str| {
            let rules = profile["syscalls"].as_array().unwrap().iter().filter(|rule| rule["action"] == action);
            let names = rules.flat_map(|rule| rule["names"].as_array().unwrap()).map(|name| name.as_str().unwrap());
            names.map(str::to_owned).collect::<BTreeSet<String>>()
        };
        let (allowed, refused) = (names("SCMP_ACT_ALLOW"), names("SCMP_ACT_ERRNO"));
        assert!(allowed.is_disjoint(&refused));
        assert_eq!(allowed.len(), calls.len());
        for name in NEEDED.split_whitespace().chain(["clone", "socket", "bind", "fsopen", "ptrace"]) {
            assert!(allowed.contains(name), "{name}");
        }
        // clone(2) can be told by its flags, and clone3(2) cannot.
        assert!(refused.contains("clone3") && refused.contains("io_uring_setup") && !refused.contains("openat2"));
        assert!(!allowed.contains("mount") && !refused.contains("mount"));
    }

    #[test]
    fn what_is_always_needed_is_sorted_and_once() {
        let words: Vec<&str> = NEEDED.split_whitespace().collect();
        let mut sorted = words.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(words, sorted);
    }
}
