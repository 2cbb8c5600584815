//! The registry: every check, one line each. docs/checks.md describes each one exactly.

mod accounts;
pub(super) mod by_rule;
mod checksums;
pub(super) mod content;
mod homes;
mod image;
mod modes;
mod packages;
mod paths;
mod programs;
mod start;
mod trees;

use Severity::{High, Info, Low, Medium};

use super::{Check, Cx, Findings, Severity, Topic};

const ACCOUNT: Topic = Topic {
    why: "The accounts and ids of an image decide which programs may read and write which files.",
    fix: "let harden apply prune and lock the accounts, or correct the line in the Dockerfile",
};
const PASSWORD: Topic = Topic {
    why: "Every user of the image has its password file: an empty or known password lets them become that account.",
    fix: "lock the account: harden apply does that, or write usermod -L in the Dockerfile",
};
const CONSISTENCY: Topic = Topic {
    why: "Programs read different account files; if these contradict each other, programs treat the same account differently.",
    fix: "correct the account files: pwck -r and grpck -r show the same lines",
};
const LOGIN: Topic = Topic {
    why: "An account without logins needs no shell; a login shell helps an attacker.",
    fix: "give the account /usr/sbin/nologin: harden apply does that, except for [keep] shells",
};
const LOGIN_DEFAULTS: Topic = Topic {
    why: "Checklists for servers ask for it. Without a login shell it changes nothing in a container.",
    fix: "switch the rule login.defaults on if an auditor asks for it",
};
const SYSTEM_MODE: Topic = Topic {
    why: "A user who can write a system file controls what all other users run and trust.",
    fix: "correct owner and mode where the file is created; harden apply tightens system directories",
};
const READABLE: Topic = Topic {
    why: "An attacker in the container can read the data that the file protects.",
    fix: "correct owner and mode where the file is created",
};
const WRITABLE: Topic = Topic {
    why: "An attacker in the container can replace every file that all users may write.",
    fix: "correct the mode where the file is created: COPY --chmod, or chmod in the same RUN",
};
const OWNER: Topic = Topic {
    why: "A file whose uid or gid has no account belongs to the next account that gets this number.",
    fix: "correct the owner where the file is created: COPY --chown; or name the number in [keep] users or groups",
};
const PRIVILEGE: Topic = Topic {
    why: "A program that runs with its owner's rights, or with capabilities, can make a user root.",
    fix: "harden apply clears the bits; name a file that needs them in [keep] setid",
};
const LEFTOVER: Topic = Topic {
    why: "A container has no use for it, but an attacker may find information or tools in it.",
    fix: "remove it in the Dockerfile",
};
const HARDEN: Topic = Topic {
    why: "A file that the image's program does not need is useful only to an attacker.",
    fix: "run harden apply, or name the entries that you need in [keep]",
};
const HOME: Topic = Topic {
    why: "Files in a home directory configure the programs that its owner runs.",
    fix: "remove the file in the Dockerfile, or correct its owner and mode",
};
const TRUST: Topic =
    Topic { why: "The file allows a login without a password, or holds a password.", fix: "remove the file" };
const SECRET: Topic = Topic {
    why: "Every user of the image has the secret, and removing it in a later layer does not take it back.",
    fix: "revoke the secret, remove it from every layer, and give it at run time or with RUN --mount=type=secret",
};
const PROGRAM: Topic = Topic {
    why: "The program helps an attacker in the container to run, fetch, read or write anything.",
    fix: "harden apply removes programs that the image does not run",
};
const LINKING: Topic = Topic {
    why: "A fixed address, an executable stack or relocation tables that stay writable make a fault in the program easier to exploit.",
    fix: "take the program from a distribution that links with -pie -z relro -z noexecstack, or link it this way",
};
const DATABASE: Topic = Topic {
    why: "Scanners read the installed packages and the distribution from these files.",
    fix: "keep the files; harden apply keeps them correct with packages.database = \"prune\"",
};
const CHANGED: Topic = Topic {
    why: "Scanners judge a package by its version: they do not see changed or replaced files.",
    fix: "install the package again, or put your version beside it under another name",
};
const CONFIG: Topic = Topic {
    why: "The image's configuration decides which account its program starts as, and with which environment.",
    fix: "write the instruction in the Dockerfile: USER, ENTRYPOINT, HEALTHCHECK, ENV or EXPOSE",
};
const EXCEPTION: Topic = Topic {
    why: "An exception that is never reviewed hides findings that it was not written for.",
    fix: "remove the exception from harden.toml, or review it and write a later day",
};

type Run = fn(&Cx<'_>, &mut Findings);

const fn check(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    sources: &'static [&'static str],
    rule: &'static str,
    topic: &'static Topic,
    run: Run,
) -> Check {
    let rule = if rule.is_empty() { None } else { Some(rule) };
    Check { id, title, severity, topic, sources, rule, run }
}

/// Every check, in the order of docs/checks.md.
#[rustfmt::skip]
pub static CHECKS: &[Check] = &[
    check("accounts.file-mode", High, "root owns passwd and group, and only root can write them",
        &["CIS-D12 7.1.1", "CIS-D12 7.1.3", "SSG file_permissions_etc_passwd", "SSG file_permissions_etc_group", "DS os-03"], "files.known", &SYSTEM_MODE, modes::table),
    check("accounts.shadow-mode", High, "only root and the group shadow can read password files",
        &["CIS-D12 7.1.5", "CIS-D12 7.1.7", "CIS-D12 7.1.6", "CIS-D12 7.1.8", "SSG file_permissions_etc_shadow", "DS os-02"], "files.known", &READABLE, modes::table),
    check("accounts.access-list", High, "no access list lets accounts read password files or write system directories",
        &["CIS-D12 7.1.5", "CIS-D12 7.1.7"], "files.system-dirs", &READABLE, modes::access_lists),
    check("accounts.opasswd-mode", Medium, "only root can read old passwords",
        &["CIS-D12 7.1.10", "SSG file_permissions_etc_security_opasswd"], "files.known", &READABLE, modes::table),
    check("accounts.backup", Low, "no backups of account and configuration files",
        &["CIS-D12 7.1.2", "CIS-D12 7.1.4", "CIS-D12 7.1.6", "CIS-D12 7.1.8"], "accounts.backup", &LEFTOVER, by_rule::check),
    check("accounts.password-in-passwd", High, "passwd and group hold no passwords",
        &["CIS-D12 7.2.1", "SSG accounts_password_all_shadowed", "DS os-03b"], "accounts.lock", &PASSWORD, accounts::password_in_passwd),
    check("accounts.empty-password", High, "no account has an empty password",
        &["CIS-D12 7.2.2", "DKL-LI-0001", "AUTH-9283", "SSG no_empty_passwords_etc_shadow"], "accounts.lock", &PASSWORD, accounts::empty_password),
    check("accounts.usable-password", High, "every password is locked",
        &["GPOS SRG-OS-000109", "SSG accounts_password_all_shadowed"], "accounts.lock", &PASSWORD, accounts::usable_password),
    check("accounts.weak-hash", Medium, "no password is hashed with DES or MD5",
        &["AUTH-9229", "CIS-D12 5.4.1.4"], "accounts.lock", &PASSWORD, accounts::weak_hash),
    check("accounts.uid-0", High, "only root has the uid 0",
        &["CIS-D12 5.4.2.1", "AUTH-9204", "SSG accounts_no_uid_except_zero"], "accounts.prune", &ACCOUNT, accounts::uid_0),
    check("accounts.gid-0", Medium, "only root has the gid 0",
        &["CIS-D12 5.4.2.2", "CIS-D12 5.4.2.3", "SSG accounts_root_gid_zero"], "accounts.prune", &ACCOUNT, accounts::gid_0),
    check("accounts.duplicate-name", Medium, "every account name and group name is unique",
        &["CIS-D12 7.2.7", "CIS-D12 7.2.8", "AUTH-9226"], "accounts.prune", &CONSISTENCY, accounts::duplicate_names),
    check("accounts.duplicate-id", Medium, "every uid and gid is unique",
        &["CIS-D12 7.2.5", "CIS-D12 7.2.6", "DKL-LI-0002", "AUTH-9208", "AUTH-9222", "DS os-07"], "accounts.prune", &CONSISTENCY, accounts::duplicate_ids),
    check("accounts.missing-group", Medium, "the primary group of every account exists",
        &["CIS-D12 7.2.3", "SSG gid_passwd_group_same"], "accounts.prune", &CONSISTENCY, accounts::missing_group),
    check("accounts.shadow-group", Medium, "the group shadow has no members",
        &["CIS-D12 7.2.4", "SSG ensure_shadow_group_empty"], "accounts.prune", &ACCOUNT, accounts::shadow_group),
    check("accounts.inconsistent", Medium, "account files agree with each other",
        &["AUTH-9216", "AUTH-9228"], "accounts.prune", &CONSISTENCY, accounts::inconsistent),
    check("accounts.malformed", Low, "every line of an account file is a valid entry",
        &["AUTH-9228"], "accounts.prune", &CONSISTENCY, accounts::malformed),
    check("accounts.legacy-plus", Medium, "no entry refers to a network name service",
        &["SSG no_legacy_plus_entries_etc_passwd", "SSG no_legacy_plus_entries_etc_shadow", "SSG no_legacy_plus_entries_etc_group"], "accounts.prune", &ACCOUNT, accounts::legacy_plus),
    check("accounts.login-shell", Medium, "no account except root has a login shell",
        &["CIS-D12 5.4.2.7", "CIS-D12 5.4.2.8", "SSG no_shelllogin_for_systemaccounts"], "accounts.shell", &LOGIN, accounts::login_shell),
    check("accounts.root-shell", Info, "root has no login shell",
        &["ANC passwd_file.blacklist_shells"], "accounts.shell", &LOGIN, accounts::root_shell),
    check("login.defs", Low, "passwords expire, and new files are private to their owner",
        &["CIS-D12 5.4.1.1", "CIS-D12 5.4.1.2", "CIS-D12 5.4.1.3", "DS os-05", "AUTH-9286"], "", &LOGIN_DEFAULTS, accounts::login_defs),
    check("login.umask", Low, "shells start with umask 027 and end when idle",
        &["CIS-D12 5.4.3.2", "CIS-D12 5.4.3.3", "AUTH-9328"], "login.defaults", &LOGIN_DEFAULTS, accounts::login_umask),
    check("login.limits", Low, "securetty is empty and core dumps are off",
        &["SSG no_direct_root_logins", "SSG disable_users_coredumps", "KRNL-5820"], "login.defaults", &LOGIN_DEFAULTS, accounts::login_limits),

    check("files.world-writable", High, "no file is world-writable",
        &["CIS-D12 7.1.11", "SSG file_permissions_unauthorized_world_writable"], "files.writable", &WRITABLE, trees::world_writable),
    check("files.world-writable-directory", High, "every world-writable directory has the sticky bit",
        &["CIS-D12 7.1.11", "FILE-6362", "FILE-6363", "SSG dir_perms_world_writable_sticky_bits"], "files.writable", &WRITABLE, trees::world_writable_directory),
    check("files.world-writable-owner", Low, "root owns every world-writable directory",
        &["SSG dir_perms_world_writable_root_owned"], "", &WRITABLE, trees::world_writable_owner),
    check("files.system-owner", High, "root owns system directories and their files",
        &["SSG dir_ownership_binary_dirs", "SSG file_ownership_binary_dirs", "SSG dir_ownership_library_dirs", "SSG file_ownership_library_dirs", "GPOS SV-203675"], "files.system-dirs", &SYSTEM_MODE, trees::system_owner),
    check("files.system-group", Low, "the group root owns commands and libraries",
        &["SSG dir_system_commands_group_root_owned", "SSG root_permissions_syslibrary_files", "GPOS SV-203675"], "files.system-dirs", &SYSTEM_MODE, trees::system_group),
    check("files.system-writable", Medium, "only root can write in system directories",
        &["SSG dir_permissions_binary_dirs", "SSG file_permissions_binary_dirs", "SSG file_permissions_library_dirs"], "files.system-dirs", &SYSTEM_MODE, trees::system_writable),
    check("files.unowned", Medium, "every file belongs to an account and a group that exist",
        &["CIS-D12 7.1.12", "SSG no_files_unowned_by_user", "SSG file_permissions_ungroupowned"], "files.ownerless", &OWNER, trees::unowned),
    check("files.setid", Medium, "no file has a set-id bit",
        &["CD 4.8", "DCG 2.3", "CIS-D12 7.1.13", "CIS-DI-0008", "PSB 4.8", "DS os-06"], "files.setid", &PRIVILEGE, trees::setid),
    check("files.setgid-directory", Info, "no directory has a set-id bit",
        &[], "files.setid", &PRIVILEGE, trees::setgid_directory),
    check("files.capabilities", Medium, "no file has capabilities",
        &["CD 4.8"], "files.capabilities", &PRIVILEGE, trees::capabilities),
    check("files.device", High, "no device node, fifo or socket outside /dev",
        &["DCG 2.16"], "files.devices", &LEFTOVER, trees::device),
    check("files.log-mode", Low, "root owns logs, and other users cannot access them",
        &["CIS-D12 6.1.4.1", "SSG permissions_local_var_log", "DS os-11", "GPOS SV-203667"], "remove.leftovers", &READABLE, trees::log_mode),
    check("files.leftovers", Low, "no logs, caches and temporary files",
        &["bootc nonempty-run-tmp", "FILE-6354", "DKL-DI-0004", "DKL-DI-0005"], "remove.leftovers", &LEFTOVER, by_rule::check),
    check("files.run", Low, "/run is empty",
        &["bootc nonempty-run-tmp"], "", &LEFTOVER, trees::run_files),
    check("files.dangling-link", Info, "every link has a target",
        &["bootc"], "", &LEFTOVER, trees::dangling),
    check("files.name", Low, "every name is UTF-8 without control characters",
        &["bootc utf8"], "", &LEFTOVER, trees::names),

    check("etc.shells", Low, "root owns /etc/shells, and it lists only shells that exist",
        &["CIS-D12 7.1.9", "CIS-D12 5.4.3.1", "SSG no_nologin_in_shells", "SHLL-6211"], "login.shells", &LOGIN, paths::shells),
    check("etc.banner-mode", Low, "root owns banners, and only root can write them",
        &["CIS-D12 1.6.4", "CIS-D12 1.6.5", "CIS-D12 1.6.6"], "files.known", &SYSTEM_MODE, modes::table),
    check("etc.banner-text", Info, "banners do not reveal the system and its version",
        &["CIS-D12 1.6.1", "CIS-D12 1.6.2", "CIS-D12 1.6.3", "BANN-7126", "BANN-7130"], "", &LEFTOVER, paths::banners),
    check("etc.sudo-mode", High, "root owns sudo's rules, and only root can read them",
        &["SSG file_permissions_sudoers", "AUTH-9252"], "files.known", &SYSTEM_MODE, modes::table),
    check("etc.sudo-nopasswd", High, "sudo asks for a password",
        &["SSG sudo_remove_nopasswd", "CIS-D12 5.2.4"], "", &PRIVILEGE, paths::nopasswd),
    check("etc.ssh-mode", High, "root owns sshd's settings and keys, and their modes are strict",
        &["CIS-D12 5.1.1", "CIS-D12 5.1.2", "SSG file_permissions_sshd_private_key", "DCG 2.1"], "files.known", &READABLE, modes::table),
    check("etc.sensitive-mode", Medium, "root owns the settings of security programs, and their modes are strict",
        &["SSG directory_permissions_etc_nftables", "SSG directory_permissions_etc_iptables", "SSG file_permissions_etc_crypttab", "FILE-7524"], "files.known", &READABLE, modes::table),
    check("etc.root-path", High, "only root can write in the directories of PATH",
        &["CIS-D12 5.4.2.5", "SSG accounts_root_path_dirs_no_write", "DS os-04"], "files.system-dirs", &SYSTEM_MODE, paths::root_path),
    check("etc.trust-store", Info, "no certificate authority was added to the trust store",
        &["GPOS SV-263659"], "", &HARDEN, paths::trust_store),

    check("jobs.present", Low, "no cron jobs and timers",
        &["CD 4.3"], "remove.cron", &HARDEN, by_rule::check),
    check("jobs.mode", Medium, "root owns cron jobs, and only root can write them",
        &["CIS-D12 2.4.1.2", "CIS-D12 2.4.1.3", "CIS-D12 2.4.1.7", "DS os-13", "SCHD-7704", "FILE-7524"], "remove.cron", &SYSTEM_MODE, modes::table),
    check("jobs.allow", Low, "only listed accounts may schedule jobs",
        &["CIS-D12 2.4.1.8", "CIS-D12 2.4.2.1"], "login.defaults", &LOGIN_DEFAULTS, paths::job_lists),
    check("system.init", Low, "no init system", &["CD 4.3"], "remove.init", &HARDEN, by_rule::check),
    check("system.tunables", Info, "no kernel settings", &["CD 4.3"], "remove.tunables", &HARDEN, by_rule::check),
    check("system.fstab", Info, "no mount table", &["CD 4.3"], "remove.fstab", &HARDEN, by_rule::check),

    check("homes.mode", Low, "each home belongs to its account, and other users cannot access it",
        &["CIS-D12 7.2.9", "HOME-9304", "HOME-9306", "SSG file_permissions_home_directories"], "", &HOME, homes::mode),
    check("homes.dot-file", Low, "dot files in a home belong to its account",
        &["CIS-D12 7.2.10", "SSG accounts_user_dot_group_ownership"], "remove.root-home", &HOME, homes::dot_files),
    check("homes.history", Medium, "no command histories",
        &["HOME-9310", "CIS-D12 7.2.10"], "remove.leftovers", &SECRET, homes::history),
    check("homes.trust-file", High, "no file allows a login without a password",
        &["CIS-D12 7.2.10", "DS os-01", "DS os-09", "SSG no_rsh_trust_files", "SSG no_host_based_files"], "remove.trust", &TRUST, homes::trust),
    check("homes.root", Low, "root's home is empty", &["CD 4.3"], "remove.root-home", &LEFTOVER, by_rule::check),

    check("secrets.private-key", High, "no private keys",
        &["CD 4.10", "CIS-DI-0010", "DCG 2.18", "DCG 2.9"], "", &SECRET, content::private_keys),
    check("secrets.token", High, "no access tokens of services",
        &["CD 4.10", "DCG 2.18"], "", &SECRET, content::tokens),
    check("secrets.password", High, "no stored passwords",
        &["CD 4.10", "CIS-DI-0010", "DCG 2.18"], "", &SECRET, content::passwords),
    check("secrets.file-name", Medium, "no file has a typical name of a secret",
        &["CIS-DI-0010", "CD 4.10", "DCG 2.18"], "", &SECRET, content::names),
    check("content.developer-file", Low, "no files from a developer's machine",
        &["DKL-LI-0003"], "", &LEFTOVER, content::developer),

    check("programs.package-manager", Medium, "no package manager",
        &["CD 4.3", "DCG 2.12"], "remove.package-manager", &HARDEN, by_rule::check),
    check("programs.privilege", Low, "no program that switches users (su, sudo, …)",
        &["DCG 2.12", "DKL-DI-0001"], "remove.commands", &PROGRAM, programs::named),
    check("programs.shell", Low, "no shell", &["DCG 2.12", "N190 4.1"], "remove.commands", &PROGRAM, programs::named),
    check("programs.network", Low, "no program that fetches files or forwards connections",
        &["DCG 2.12", "CD 4.3"], "remove.commands", &PROGRAM, programs::named),
    check("programs.compiler", Low, "no compiler and no debugger",
        &["HRDN-7222", "DCG 2.12"], "remove.commands", &PROGRAM, programs::named),
    check("programs.gtfobins", Low, "no program that can run commands or read files for an attacker",
        &["GTFOBins", "CD 4.3"], "remove.commands", &PROGRAM, programs::named),
    check("programs.remote-access", Medium, "no server for remote logins, no programs of legacy protocols",
        &["DCG 2.1", "SSG package_telnetd_removed", "SSG package_rsh-server_removed", "GPOS SRG-OS-000096"], "remove.commands", &PROGRAM, programs::packages),
    check("programs.library-path", Medium, "no program searches for libraries in directories that others can write",
        &["checksec RUNPATH", "checksec RPATH"], "", &PROGRAM, programs::library_path),
    check("programs.linking", Info, "programs are position-independent and have RELRO and no executable stack",
        &["checksec PIE", "checksec NX", "checksec RELRO"], "", &LINKING, programs::linking),

    check("packages.identity", Low, "the image identifies its distribution",
        &["trivy os detection", "SSG cpe platform"], "", &DATABASE, packages::identity),
    check("packages.database", Low, "the package database exists and is readable",
        &["trivy os-pkgs", "DCG 2.11"], "", &DATABASE, packages::database),
    check("packages.ghost", Low, "every listed package has files",
        &["trivy os-pkgs"], "packages.database", &DATABASE, packages::ghosts),
    check("packages.checksum", Medium, "the files of packages match their checksums",
        &["debsums", "PKGS-7398", "SSG rpm_verify_hashes"], "", &CHANGED, checksums::changed),

    check("image.user", Medium, "the image's program does not start as root",
        &["CD 4.1", "CIS-DI-0001", "DCG 2.2", "DS-0002"], "", &CONFIG, image::user),
    check("image.start", High, "the image can start: its programs exist, and its user may run them",
        &[], "", &CONFIG, start::check),
    check("image.healthcheck", Low, "the image has a health check",
        &["CD 4.6", "CIS-DI-0006", "DS-0026"], "", &CONFIG, image::healthcheck),
    check("image.secret", High, "no secrets in the environment, labels, command and history",
        &["CD 4.10", "CIS-DI-0010", "DCG 2.18"], "", &SECRET, image::secrets),
    check("image.port", Medium, "no remote login port is exposed",
        &["CD 5.7", "DS-0004", "DCG 2.1"], "", &CONFIG, image::ports),
    check("image.path", Medium, "PATH holds absolute directories only",
        &["CIS-D12 5.4.2.5", "DS os-04"], "", &CONFIG, image::path),

    check("plan.pending", Low, "harden apply has nothing left to do",
        &[], "", &HARDEN, by_rule::pending),
    check("audit.exception-unused", Low, "every exception of the policy matches a finding",
        &[], "", &EXCEPTION, nothing),
    check("audit.exception-expired", Medium, "no exception of the policy has expired",
        &[], "", &EXCEPTION, nothing),
];

/// The check of that id.
#[must_use]
pub(super) fn find(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id == id)
}

/// Made after all others, in [`super::exceptions`].
fn nothing(_: &Cx<'_>, _: &mut Findings) {}
