//! The calls that name a file, and the filter that makes them, and only them, stop.
//!
//! The filter hands each stop a number of 16 bits (seccomp(2), SECCOMP_RET_DATA) that says where the path is. A filter
//! of CMD's own may hand out numbers too, so they count only where the kernel does not tell table and number of the call
//! ([`of`]). Calls of another table, and those that escape a tracer, stop as [`Stop::Lost`]; calls that are newer than
//! these tables are answered as by a kernel that has none. So each call is recorded, names no file, or is an error:
//! `calls/table.rs` writes down which is which, and its test holds every number to it.

pub(super) mod names;
#[cfg(test)]
mod table;

use nix::libc;
use seccompiler::sock_filter;

/// What a stopped call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It names a file.
    Path(Place),
    /// It cannot be followed.
    Lost,
}

/// Where a call has its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the argument with the path's address; `None` when the call names no file itself.
    pub(super) path: Option<usize>,
    /// Number of the argument with the directory that a relative path begins in; the working directory otherwise.
    pub(super) directory: Option<usize>,
    /// The call starts the program that it names.
    pub(super) executes: bool,
    /// From here on, paths of a process may mean something else: another root, other mounts.
    pub(super) moves: bool,
    /// The process may be closed to its tracer afterwards: it changes its user or group.
    pub(super) closes: bool,
    /// The process changes its working directory.
    pub(super) enters: bool,
    /// What the image holds may be another thing afterwards.
    pub(super) changes: Changes,
    /// The call gives a descriptor: where that leads is what was opened, whatever the name was.
    pub(super) opens: bool,
    /// Number of the argument with the address of `struct open_how` (openat2(2)).
    pub(super) how: Option<usize>,
    /// Number of the argument with the address of a second path.
    pub(super) second: Option<usize>,
    /// It starts a process in a way that is in memory, where no filter can look.
    pub(super) starts: bool,
    /// Files may have other names afterwards.
    pub(super) renames: bool,
    /// The entry that it makes.
    pub(super) makes: Option<Makes>,
    /// Arguments are those of a 32-bit program.
    pub(super) narrow: bool,
}

/// Whether a call changes which entries there are, or their modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changes {
    /// It does not.
    Never,
    /// It does.
    Always,
    /// It does when the argument of that number has O_CREAT.
    Creating(usize),
}

/// Where a call that names no file has the entry that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Makes {
    /// The path is that argument; a relative one begins in the directory of the other one, or the working directory.
    Entry(usize, Option<usize>),
    /// That argument is the address of a socket, which may be a path (unix(7)).
    Socket(usize),
}

const DIRECTORY: u16 = 3;
const NO_PATH: u16 = 7;
const EXECUTES: u16 = 1 << 6;
const MOVES: u16 = 1 << 7;
const NARROW: u16 = 1 << 8;
const LOST: u16 = 1 << 9;
const CLOSES: u16 = 1 << 10;
const ENTERS: u16 = 1 << 11;
const CHANGES: u16 = 1 << 12;
/// The argument after the path has flags as open(2), and the call gives a descriptor.
const OPENS: u16 = 1 << 13;
/// The call gives a descriptor of a file.
const GIVES: u16 = 1 << 14;
/// It starts a process, as clone3(2); where it has a path, names change.
const STARTS: u16 = 1 << 15;
/// The argument after the path has the address of flags, as openat2(2).
const HOW: u16 = OPENS | GIVES;
/// The argument after the path is a path too, of a call that moves mounts.
const SECOND: u16 = MOVES | OPENS;
/// The file that the path names has another name afterwards.
const RENAMES: u16 = CHANGES | STARTS;
/// It starts a process and names no file.
const CHILD: u16 = NO_PATH | STARTS;
/// It makes an entry ([`Makes`]), as mkdir(2), as mkdirat(2), or as bind(2).
const MAKES: u16 = NO_PATH | CHANGES | 1 << DIRECTORY;
const MAKES_AT: u16 = NO_PATH | CHANGES | 2 << DIRECTORY;
const MAKES_SOCKET: u16 = NO_PATH | CHANGES | 3 << DIRECTORY;

/// A path, relative to the working directory.
const fn path(argument: u16) -> u16 {
    argument
}

/// A path, relative to the directory of another argument.
const fn at(directory: u16, argument: u16) -> u16 {
    argument | (directory + 1) << DIRECTORY
}

/// What the number of a stop means.
pub(super) fn stop(data: u16) -> Stop {
    if data & LOST != 0 {
        return Stop::Lost;
    }
    let directory = usize::from((data >> DIRECTORY) & 7);
    let path = Some(usize::from(data & 7)).filter(|&argument| argument < 6);
    let makes = match directory {
        _ if path.is_some() => None,
        1 => Some(Makes::Entry(0, None)),
        2 => Some(Makes::Entry(1, Some(0))),
        3 => Some(Makes::Socket(1)),
        _ => None,
    };
    let has = |bits: u16| data & bits == bits;
    let next = |bits: u16| path.filter(|_| has(bits)).map(|path| path + 1);
    Stop::Path(Place {
        path,
        directory: path.and(directory.checked_sub(1)),
        executes: has(EXECUTES),
        moves: has(MOVES),
        closes: has(CLOSES),
        enters: has(ENTERS),
        changes: match next(OPENS) {
            _ if data & (CHANGES | MOVES | NARROW) != 0 || has(HOW) => Changes::Always,
            Some(flags) => Changes::Creating(flags),
            None => Changes::Never,
        },
        opens: has(GIVES) || (has(OPENS) && !has(SECOND)),
        how: next(HOW),
        second: next(SECOND),
        starts: has(STARTS) && path.is_none(),
        renames: has(RENAMES) && path.is_some(),
        makes,
        narrow: has(NARROW),
    })
}

/// What the call with that number of that machine's table (linux/audit.h) does; `None` when it names no file.
pub(super) fn of(machine: u32, number: u64, arguments: &[u64; 6]) -> Option<Stop> {
    let narrow = NARROW_MACHINE == Some(machine);
    let foreign = machine != MACHINE && !narrow;
    let Ok(number) = u32::try_from(number) else { return None };
    if foreign || FOREIGN.is_some_and(|first| !narrow && number >= first) {
        return Some(Stop::Lost);
    }
    let same = |&(known, _): &(u32, u16)| known == number;
    let own = |&(known, data): &(libc::c_long, u16)| Some((u32::try_from(known).ok()?, data));
    let data = match narrow {
        true => NARROW_CALLS.iter().chain(NEWER).copied().find(same),
        false => CALLS.iter().chain(OLDER).filter_map(own).chain(NEWER.iter().copied()).find(same),
    };
    let bits = if narrow { NARROW } else { 0 };
    let data = data.map(|(_, data)| data).or_else(|| other(number, narrow, arguments));
    data.map(|data| stop(data | bits))
}

/// The number of the machine's own call table, or of that of its 32-bit programs.
pub(super) fn machine(narrow: bool) -> u32 {
    NARROW_MACHINE.filter(|_| narrow).unwrap_or(MACHINE)
}

/// Calls that say something only with certain arguments.
fn other(number: u32, narrow: bool, arguments: &[u64; 6]) -> Option<u16> {
    let conditional = if narrow { NARROW_CONDITIONAL } else { CONDITIONAL };
    let says = |call: &&Conditional| {
        // As the filter, which reads the lower half.
        let argument = arguments.get(call.argument as usize).map_or(0, |argument| (argument & 0xffff_ffff) as u32);
        call.number == number && if call.test == IF_SET { argument & call.value != 0 } else { argument == call.value }
    };
    conditional.iter().find(says).map(|call| call.data)
}

/// What a call makes that profiles of engines refuse.
pub(super) fn odd(machine: u32, number: u64, arguments: &[u64; 6]) -> Option<Odd> {
    let (clone, socket) = match NARROW_MACHINE == Some(machine) {
        true => (120, 359),
        false => (libc::SYS_clone as u64, libc::SYS_socket as u64),
    };
    let [first, ..] = *arguments;
    if number == clone && first & u64::from(NAMESPACES) != 0 {
        Some(Odd::Namespace)
    } else {
        (number == socket && ODD_FAMILIES.contains(&(first & 0xffff_ffff))).then_some(Odd::Socket)
    }
}

/// What [`odd`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Odd {
    /// A process in namespaces of its own.
    Namespace,
    /// A socket of a family of [`ODD_FAMILIES`].
    Socket,
}

/// The flags of clone(2) for namespaces: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
pub(crate) const NAMESPACES: u32 = 0x7e02_0000;

/// Families of sockets that reach out of a container: AF_ALG into the kernel's cryptography, AF_VSOCK to the machine's host.
pub(crate) const ODD_FAMILIES: [u64; 2] = [38, 40];

/// Calls of every 64-bit machine. Numbers from 424 on are the same everywhere, and too new for some C libraries.
const CALLS: &[(libc::c_long, u16)] = &[
    (libc::SYS_openat, at(0, 1) | OPENS),
    (libc::SYS_newfstatat, at(0, 1)),
    (libc::SYS_readlinkat, at(0, 1)),
    (libc::SYS_faccessat, at(0, 1)),
    (libc::SYS_statx, at(0, 1)),
    (libc::SYS_execve, path(0) | EXECUTES),
    (libc::SYS_execveat, at(0, 1) | EXECUTES),
    (libc::SYS_chdir, path(0) | ENTERS),
    (libc::SYS_fchdir, NO_PATH | ENTERS),
    (libc::SYS_setuid, NO_PATH | CLOSES),
    (libc::SYS_setgid, NO_PATH | CLOSES),
    (libc::SYS_setreuid, NO_PATH | CLOSES),
    (libc::SYS_setregid, NO_PATH | CLOSES),
    (libc::SYS_setresuid, NO_PATH | CLOSES),
    (libc::SYS_setresgid, NO_PATH | CLOSES),
    (libc::SYS_setfsuid, NO_PATH | CLOSES),
    (libc::SYS_setfsgid, NO_PATH | CLOSES),
    (libc::SYS_statfs, path(0)),
    (libc::SYS_truncate, path(0)),
    (libc::SYS_acct, path(0)),
    (libc::SYS_swapon, path(0)),
    (libc::SYS_swapoff, path(0)),
    (libc::SYS_quotactl, path(1)),
    (libc::SYS_getxattr, path(0)),
    (libc::SYS_lgetxattr, path(0)),
    (libc::SYS_listxattr, path(0)),
    (libc::SYS_llistxattr, path(0)),
    (libc::SYS_setxattr, path(0)),
    (libc::SYS_lsetxattr, path(0)),
    (libc::SYS_removexattr, path(0)),
    (libc::SYS_lremovexattr, path(0)),
    (libc::SYS_inotify_add_watch, path(1)),
    (libc::SYS_fanotify_mark, at(3, 4)),
    (libc::SYS_name_to_handle_at, at(0, 1)),
    (libc::SYS_open_by_handle_at, NO_PATH | GIVES),
    (libc::SYS_fchmod, NO_PATH | CHANGES),
    (libc::SYS_fchmodat, at(0, 1) | CHANGES),
    (libc::SYS_fchownat, at(0, 1) | CHANGES),
    (libc::SYS_utimensat, at(0, 1)),
    (libc::SYS_unlinkat, at(0, 1) | CHANGES),
    (libc::SYS_renameat, at(0, 1) | RENAMES),
    (libc::SYS_renameat2, at(0, 1) | RENAMES),
    (libc::SYS_linkat, at(0, 1) | CHANGES),
    (libc::SYS_symlinkat, NO_PATH | CHANGES),
    (libc::SYS_mkdirat, MAKES_AT),
    (libc::SYS_mknodat, MAKES_AT),
    (libc::SYS_bind, MAKES_SOCKET),
    (libc::SYS_chroot, path(0) | MOVES),
    (libc::SYS_pivot_root, path(0) | SECOND),
    (libc::SYS_mount, path(0) | SECOND),
    (libc::SYS_umount2, NO_PATH | MOVES),
    (libc::SYS_unshare, NO_PATH | MOVES),
    (libc::SYS_setns, NO_PATH | MOVES),
];

/// Calls of both tables, by number (asm-generic/unistd.h).
const NEWER: &[(u32, u16)] = &[
    (428, at(0, 1) | MOVES | GIVES), // open_tree: a copy has no place among the mounts
    (429, at(0, 1) | MOVES),         // move_mount
    (432, NO_PATH | MOVES),          // fsmount
    (433, at(0, 1)),                 // fspick
    (435, CHILD),                    // clone3
    (437, at(0, 1) | HOW),           // openat2
    (438, NO_PATH | GIVES),          // pidfd_getfd: what another process opened
    (439, at(0, 1)),                 // faccessat2
    (442, at(0, 1)),                 // mount_setattr
    (452, at(0, 1) | CHANGES),       // fchmodat2
    (463, at(0, 1)),                 // setxattrat
    (464, at(0, 1)),                 // getxattrat
    (465, at(0, 1)),                 // listxattrat
    (466, at(0, 1)),                 // removexattrat
    (467, at(0, 1) | MOVES | GIVES), // open_tree_attr
    (468, at(0, 1)),                 // file_getattr
    (469, at(0, 1)),                 // file_setattr
];

/// Calls that are answered as if the kernel had none: a ring opens files by itself, past every filter, and it may be one
/// that was there before. Programs that meet ENOSYS do without.
const ABSENT: [u32; 3] = [425, 426, 427]; // io_uring_setup, io_uring_enter, io_uring_register

/// The newest call that is known here, of every table. What is newer may name files: it is answered as [`ABSENT`].
const NEWEST: u32 = 470; // listns

/// A call that stops when an argument says so.
struct Conditional {
    number: u32,
    /// The argument's number, as the kernel has it in memory.
    argument: u32,
    /// How it is compared: [`IF_SET`] or [`IF_EQUAL`].
    test: u16,
    value: u32,
    data: u16,
}

/// clone(2) with CLONE_UNTRACED, prctl(2) with PR_SET_DUMPABLE, which can close a process, and seccomp(2) with
/// SECCOMP_FILTER_FLAG_NEW_LISTENER: calls that a listener answers never come to a tracer (seccomp(2), "Filter return
/// values").
const fn conditional([clone, prctl, seccomp]: [u32; 3]) -> [Conditional; 3] {
    [
        Conditional { number: clone, argument: 0, test: IF_SET, value: 0x0080_0000, data: LOST },
        Conditional { number: prctl, argument: 0, test: IF_EQUAL, value: 4, data: NO_PATH | CLOSES },
        Conditional { number: seccomp, argument: 1, test: IF_SET, value: 8, data: LOST },
    ]
}

const CONDITIONAL: &[Conditional] =
    &conditional([libc::SYS_clone as u32, libc::SYS_prctl as u32, libc::SYS_seccomp as u32]);

/// The same calls of 32-bit x86.
const NARROW_CONDITIONAL: &[Conditional] = &conditional([120, 172, 354]);

/// Older calls that only x86_64 has.
#[cfg(target_arch = "x86_64")]
const OLDER: &[(libc::c_long, u16)] = &[
    (libc::SYS_open, path(0) | OPENS),
    (libc::SYS_stat, path(0)),
    (libc::SYS_lstat, path(0)),
    (libc::SYS_access, path(0)),
    (libc::SYS_readlink, path(0)),
    (libc::SYS_creat, path(0) | CHANGES | GIVES),
    (libc::SYS_chmod, path(0) | CHANGES),
    (libc::SYS_chown, path(0) | CHANGES),
    (libc::SYS_lchown, path(0) | CHANGES),
    (libc::SYS_utime, path(0)),
    (libc::SYS_utimes, path(0)),
    (libc::SYS_futimesat, at(0, 1)),
    (libc::SYS_unlink, path(0) | CHANGES),
    (libc::SYS_rename, path(0) | RENAMES),
    (libc::SYS_link, path(0) | CHANGES),
    (libc::SYS_symlink, NO_PATH | CHANGES),
    (libc::SYS_mkdir, MAKES),
    (libc::SYS_rmdir, NO_PATH | CHANGES),
    (libc::SYS_mknod, MAKES),
    (libc::SYS_uselib, path(0)),
];

#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[(libc::c_long, u16)] = &[];

/// Calls of 32-bit programs on x86_64 (arch/x86/entry/syscalls/syscall_32.tbl). Each counts as one that changes the image.
#[cfg(target_arch = "x86_64")]
const NARROW_CALLS: &[(u32, u16)] = &[
    (5, path(0) | OPENS),       // open
    (8, path(0) | GIVES),       // creat
    (9, path(0)),               // link
    (10, path(0)),              // unlink
    (11, path(0) | EXECUTES),   // execve
    (12, path(0) | ENTERS),     // chdir
    (15, path(0)),              // chmod
    (16, path(0)),              // lchown
    (18, path(0)),              // oldstat
    (21, path(0) | SECOND),     // mount
    (22, NO_PATH | MOVES),      // umount
    (30, path(0)),              // utime
    (33, path(0)),              // access
    (38, path(0) | RENAMES),    // rename
    (51, path(0)),              // acct
    (52, NO_PATH | MOVES),      // umount2
    (61, path(0) | MOVES),      // chroot
    (84, path(0)),              // oldlstat
    (85, path(0)),              // readlink
    (86, path(0)),              // uselib
    (87, path(0)),              // swapon
    (115, path(0)),             // swapoff
    (131, path(1)),             // quotactl
    (92, path(0)),              // truncate
    (99, path(0)),              // statfs
    (106, path(0)),             // stat
    (107, path(0)),             // lstat
    (182, path(0)),             // chown
    (193, path(0)),             // truncate64
    (195, path(0)),             // stat64
    (196, path(0)),             // lstat64
    (198, path(0)),             // lchown32
    (212, path(0)),             // chown32
    (217, path(0) | SECOND),    // pivot_root
    (226, path(0)),             // setxattr
    (227, path(0)),             // lsetxattr
    (229, path(0)),             // getxattr
    (230, path(0)),             // lgetxattr
    (232, path(0)),             // listxattr
    (233, path(0)),             // llistxattr
    (235, path(0)),             // removexattr
    (236, path(0)),             // lremovexattr
    (268, path(0)),             // statfs64
    (271, path(0)),             // utimes
    (292, path(1)),             // inotify_add_watch
    (295, at(0, 1) | OPENS),    // openat
    (298, at(0, 1)),            // fchownat
    (299, at(0, 1)),            // futimesat
    (300, at(0, 1)),            // fstatat64
    (301, at(0, 1)),            // unlinkat
    (302, at(0, 1) | RENAMES),  // renameat
    (303, at(0, 1)),            // linkat
    (305, at(0, 1)),            // readlinkat
    (306, at(0, 1)),            // fchmodat
    (307, at(0, 1)),            // faccessat
    (310, NO_PATH | MOVES),     // unshare
    (320, at(0, 1)),            // utimensat
    (339, at(4, 5)),            // fanotify_mark: its mask takes two registers
    (341, at(0, 1)),            // name_to_handle_at
    (342, NO_PATH | GIVES),     // open_by_handle_at
    (346, NO_PATH | MOVES),     // setns
    (353, at(0, 1) | RENAMES),  // renameat2
    (358, at(0, 1) | EXECUTES), // execveat
    (383, at(0, 1)),            // statx
    (133, NO_PATH | ENTERS),    // fchdir
    (23, NO_PATH | CLOSES),     // setuid
    (46, NO_PATH | CLOSES),     // setgid
    (70, NO_PATH | CLOSES),     // setreuid
    (71, NO_PATH | CLOSES),     // setregid
    (138, NO_PATH | CLOSES),    // setfsuid
    (139, NO_PATH | CLOSES),    // setfsgid
    (164, NO_PATH | CLOSES),    // setresuid
    (170, NO_PATH | CLOSES),    // setresgid
    (203, NO_PATH | CLOSES),    // setreuid32
    (204, NO_PATH | CLOSES),    // setregid32
    (208, NO_PATH | CLOSES),    // setresuid32
    (210, NO_PATH | CLOSES),    // setresgid32
    (213, NO_PATH | CLOSES),    // setuid32
    (214, NO_PATH | CLOSES),    // setgid32
    (215, NO_PATH | CLOSES),    // setfsuid32
    (216, NO_PATH | CLOSES),    // setfsgid32
    (412, at(0, 1)),            // utimensat_time64
    (14, NO_PATH),              // mknod
    (39, NO_PATH),              // mkdir
    (40, NO_PATH),              // rmdir
    (83, NO_PATH),              // symlink
    (94, NO_PATH),              // fchmod
    (296, NO_PATH),             // mkdirat
    (297, NO_PATH),             // mknodat
    (304, NO_PATH),             // symlinkat
    (361, NO_PATH),             // bind
];

/// Numbers of the machine's own call table and of its 32-bit one (linux/audit.h); aarch64's 32-bit programs are not
/// followed.
#[cfg(target_arch = "x86_64")]
const MACHINE: u32 = 0xc000_003e;
#[cfg(target_arch = "x86_64")]
const NARROW_MACHINE: Option<u32> = Some(0x4000_0003);
#[cfg(target_arch = "aarch64")]
const MACHINE: u32 = 0xc000_00b7;
#[cfg(target_arch = "aarch64")]
const NARROW_MACHINE: Option<u32> = None;
#[cfg(not(target_arch = "x86_64"))]
const NARROW_CALLS: &[(u32, u16)] = &[];

/// From here on the x32 ABI of x86_64 has its numbers (__X32_SYSCALL_BIT).
#[cfg(target_arch = "x86_64")]
const FOREIGN: Option<u32> = Some(0x4000_0000);
#[cfg(not(target_arch = "x86_64"))]
const FOREIGN: Option<u32> = None;

// Instructions of classic BPF (linux/bpf_common.h), and what is read and answered (linux/seccomp.h).
const LOAD: u16 = 0x20;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const IF_SET: u16 = 0x45;
const GO: u16 = 0x05;
const ANSWER: u16 = 0x06;
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;
const ALLOW: u32 = 0x7fff_0000;
const TRACE: u32 = 0x7ff0_0000;
const FAIL: u32 = 0x0005_0000;

const fn instruction(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Which calls stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stops {
    /// Those that name a file, but not readlink(2) and readlinkat(2), which only tell where a link leads: realpath(3) makes one
    /// for each directory on the way of each file.
    Uses,
    /// Those that name a file.
    Paths,
    /// Each call that the kernel has.
    Every,
}

/// The calls that read a link, by their numbers in the machine's own table and in that of its 32-bit programs.
#[cfg(target_arch = "x86_64")]
const LINKS: ([libc::c_long; 2], [u32; 2]) = ([libc::SYS_readlink, libc::SYS_readlinkat], [85, 305]);
#[cfg(not(target_arch = "x86_64"))]
const LINKS: ([libc::c_long; 1], [u32; 0]) = ([libc::SYS_readlinkat], []);

/// The filter for CMD and everything that it starts.
pub(super) fn filter(stops: Stops) -> Vec<sock_filter> {
    let every = stops == Stops::Every;
    let stopped = |is_link: bool| stops != Stops::Uses || !is_link;
    let rest = if every { TRACE | u32::from(NO_PATH) } else { ALLOW };
    let native = CALLS.iter().chain(OLDER).filter(|(number, _)| stopped(LINKS.0.contains(number)));
    let native = native.filter_map(|&(number, place)| Some((u32::try_from(number).ok()?, place)));
    let native = block(native, 0, FOREIGN, CONDITIONAL, rest);
    let mut program = vec![
        instruction(LOAD, ARCHITECTURE, 0, 0),
        instruction(IF_EQUAL, MACHINE, 1, 0),
        instruction(GO, u32::try_from(native.len()).unwrap_or(0), 0, 0),
    ];
    program.extend(native);
    match NARROW_MACHINE {
        Some(machine) => {
            program.push(instruction(IF_EQUAL, machine, 1, 0));
            program.push(instruction(ANSWER, TRACE | u32::from(LOST), 0, 0));
            let rest = if every { rest | u32::from(NARROW) } else { rest };
            let narrow = NARROW_CALLS.iter().filter(|(number, _)| stopped(LINKS.1.contains(number)));
            program.extend(block(narrow.copied(), NARROW, None, NARROW_CONDITIONAL, rest));
        }
        None => program.push(instruction(ANSWER, TRACE | u32::from(LOST), 0, 0)),
    }
    program
}

/// One call table, which answers every call.
fn block(
    calls: impl Iterator<Item = (u32, u16)>,
    bits: u16,
    foreign: Option<u32>,
    conditional: &[Conditional],
    rest: u32,
) -> Vec<sock_filter> {
    let mut block = vec![instruction(LOAD, NUMBER, 0, 0)];
    let mut when = |code: u16, number: u32, answer: u32| {
        block.push(instruction(code, number, 0, 1));
        block.push(instruction(ANSWER, answer, 0, 0));
    };
    let absent = FAIL | libc::ENOSYS as u32;
    if let Some(first) = foreign {
        // Among them no number that is none: -1.
        when(IF_AT_LEAST, first << 1, absent);
        when(IF_AT_LEAST, first, TRACE | u32::from(LOST));
    }
    when(IF_AT_LEAST, NEWEST + 1, absent);
    for (number, place) in calls.chain(NEWER.iter().copied()) {
        when(IF_EQUAL, number, TRACE | u32::from(place | bits));
    }
    for number in ABSENT {
        when(IF_EQUAL, number, absent);
    }
    for &Conditional { number, argument, test, value, data } in conditional {
        block.extend([
            instruction(IF_EQUAL, number, 0, 4),
            instruction(LOAD, FIRST_ARGUMENT + 8 * argument, 0, 0),
            instruction(test, value, 0, 1),
            instruction(ANSWER, TRACE | u32::from(data | bits), 0, 0),
            instruction(ANSWER, rest, 0, 0),
        ]);
    }
    block.push(instruction(ANSWER, rest, 0, 0));
    block
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// What the filter answers: classic BPF, as far as it is used.
    fn answer(architecture: u32, number: u32, argument: u32) -> u32 {
        answer_of(&filter(Stops::Paths), architecture, number, argument)
    }

    fn answer_of(program: &[sock_filter], architecture: u32, number: u32, argument: u32) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let &sock_filter { code, jt, jf, k } = &program[at];
            at += 1;
            let test = match code {
                LOAD => {
                    loaded = match k {
                        NUMBER => number,
                        ARCHITECTURE => architecture,
                        _ => argument,
                    };
                    continue;
                }
                GO => {
                    at += k as usize;
                    continue;
                }
                ANSWER => return k,
                IF_EQUAL => loaded == k,
                IF_AT_LEAST => loaded >= k,
                _ => loaded & k != 0,
            };
            at += usize::from(if test { jt } else { jf });
        }
    }

    fn place(answer: u32) -> Place {
        assert_eq!(answer & 0xffff_0000, TRACE);
        match stop((answer & 0xffff) as u16) {
            Stop::Path(place) => place,
            Stop::Lost => panic!("lost"),
        }
    }

    #[test]
    fn path_calls_stop_and_others_do_not() {
        let open = place(answer(MACHINE, libc::SYS_openat as u32, 0));
        assert_eq!((open.path, open.directory, open.executes, open.narrow), (Some(1), Some(0), false, false));
        let run = place(answer(MACHINE, libc::SYS_execve as u32, 0));
        assert_eq!((run.path, run.directory, run.executes), (Some(0), None, true));
        let watch = place(answer(MACHINE, libc::SYS_inotify_add_watch as u32, 0));
        assert_eq!((watch.path, watch.directory), (Some(1), None));
        let openat2 = place(answer(MACHINE, 437, 0));
        assert_eq!((openat2.path, openat2.directory), (Some(1), Some(0)));
        let unshare = place(answer(MACHINE, libc::SYS_unshare as u32, 0));
        assert_eq!((unshare.path, unshare.moves), (None, true));
        for number in [libc::SYS_read, libc::SYS_close, libc::SYS_fstat, libc::SYS_futex, libc::SYS_clone] {
            assert_eq!(answer(MACHINE, number as u32, 0), ALLOW, "{number}");
        }
    }

    #[test]
    fn what_would_escape_is_lost_and_not_missed() {
        let lost = TRACE | u32::from(LOST);
        assert_eq!(answer(MACHINE, libc::SYS_clone as u32, 0x0080_0000 | 17), lost);
        assert_eq!(answer(0x4000_0028, 5, 0), lost, "32-bit ARM");
        assert_eq!(answer(MACHINE, libc::SYS_seccomp as u32, 8), lost, "a listener");
        assert_eq!(answer(MACHINE, libc::SYS_seccomp as u32, 1), ALLOW, "a filter without one");
        for absent in [425, 426, 427, NEWEST + 1, 1000, u32::MAX] {
            assert_eq!(answer(MACHINE, absent, 0), FAIL | libc::ENOSYS as u32, "{absent}");
        }
    }

    #[test]
    fn calls_that_read_a_link_are_the_only_ones_that_are_no_use() {
        let (uses, paths) = (filter(Stops::Uses), filter(Stops::Paths));
        for machine in [Some(MACHINE), NARROW_MACHINE].into_iter().flatten() {
            for number in 0..=NEWEST {
                let answers = [&uses, &paths].map(|filter| answer_of(filter, machine, number, 0));
                let own = machine == MACHINE && LINKS.0.contains(&number.into());
                if own || machine != MACHINE && LINKS.1.contains(&number) {
                    assert_eq!([answers[0], answers[1] & 0xffff_0000], [ALLOW, TRACE], "{number}");
                } else {
                    assert_eq!(answers[0], answers[1], "{number}");
                }
            }
        }
    }

    #[test]
    fn what_the_kernel_tells_means_what_the_filter_says() {
        for machine in [Some(MACHINE), NARROW_MACHINE].into_iter().flatten() {
            for number in 0..=NEWEST {
                let answered = answer(machine, number, 0);
                if answered & 0xffff_0000 == TRACE {
                    assert_eq!(of(machine, number.into(), &[0; 6]), Some(stop((answered & 0xffff) as u16)), "{number}");
                }
            }
        }
    }

    #[test]
    fn where_every_call_stops_the_same_ones_say_something() {
        let every = filter(Stops::Every);
        assert!(every.len() < 4096);
        for machine in [Some(MACHINE), NARROW_MACHINE].into_iter().flatten() {
            for number in 0..=NEWEST {
                for argument in [0, 4, 8, 0x0080_0000] {
                    let usual = answer(machine, number, argument);
                    let stopped = answer_of(&every, machine, number, argument);
                    let nothing = TRACE | u32::from(NO_PATH | if machine == MACHINE { 0 } else { NARROW });
                    assert_eq!(stopped, if usual == ALLOW { nothing } else { usual }, "{number}");
                    let arguments = [u64::from(argument); 6];
                    let said =
                        (stopped & 0xffff_0000 == TRACE && usual != ALLOW).then(|| stop((stopped & 0xffff) as u16));
                    assert_eq!(of(machine, number.into(), &arguments), said, "{number} {argument:#x}");
                }
            }
        }
    }

    #[test]
    fn names_are_those_of_the_tables() {
        let name = |number: libc::c_long| names::name(MACHINE, number as u64);
        assert_eq!(name(libc::SYS_openat), Some("openat"));
        assert_eq!(name(libc::SYS_futex), Some("futex"));
        assert_eq!(name(libc::SYS_newfstatat), Some("newfstatat"));
        assert_eq!(name(libc::SYS_seccomp), Some("seccomp"));
        assert_eq!((names::name(MACHINE, 435), names::name(MACHINE, 1000)), (Some("clone3"), None));
        assert_eq!(names::newer(424).count(), 47);
        // No call that is followed is without a name.
        for machine in [Some(MACHINE), NARROW_MACHINE].into_iter().flatten() {
            for number in 0..=u64::from(NEWEST) {
                assert!(of(machine, number, &[0; 6]).is_none() || names::name(machine, number).is_some(), "{number}");
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn programs_of_32_bits_are_followed() {
        let open = place(answer(0x4000_0003, 5, 0));
        assert_eq!((open.path, open.directory, open.narrow), (Some(0), None, true));
        assert_eq!(answer(0x4000_0003, 3, 0), ALLOW, "read");
        assert_eq!(answer(MACHINE, 0x4000_0000 | 2, 0), TRACE | u32::from(LOST), "x32");
        assert_eq!(answer(0x4000_0003, 354, 8), TRACE | u32::from(LOST | NARROW), "a listener");
    }

    #[test]
    fn no_call_is_there_twice_and_the_filter_is_short_enough() {
        let mut numbers: Vec<u32> = CALLS.iter().chain(OLDER).map(|&(number, _)| number as u32).collect();
        numbers.extend(NEWER.iter().map(|&(number, _)| number));
        let mut narrow: Vec<u32> = NARROW_CALLS.iter().chain(NEWER).map(|&(number, _)| number).collect();
        for list in [&mut numbers, &mut narrow] {
            let count = list.len();
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), count);
        }
        assert!(filter(Stops::Paths).len() < 4096);
    }
}
