//! Files that programs need at run time besides the libraries that they name.

use super::{Image, keep, kept_path, run};
use crate::facts::elf::fixture::{Spec, library, program};

#[test]
fn preloaded_libraries_name_services_and_auditors_belong_to_every_program_of_glibc() {
    let mut image = Image::new(&[
        ("/bin/prog", ""),
        ("/etc/ld.so.preload", "/opt/libpreload.so # text\nlibgone.so\n"),
        ("/etc/nsswitch.conf", "passwd: files my gone\n"),
        ("/lib/ld.so", "lib:"),
        ("/lib/libaudit.so", "lib:"),
        ("/lib/libc.so.6", "lib:"),
        ("/lib/libhelp.so", "lib:"),
        ("/lib/libnss_my.so.2", "lib:libhelp.so"),
        ("/lib/libnss_other.so.2", "lib:"),
        ("/opt/libpreload.so", "lib:"),
    ]);
    let spec = Spec {
        interpreter: Some("/lib/ld.so"),
        needed: vec!["libc.so.6"],
        tags: vec![(0x6fff_fefc, "libaudit.so:libnone.so")],
        ..Spec::default()
    };
    image.replace("/bin/prog", &spec.build());
    let expected = [
        "/bin/prog",
        "/lib/ld.so",
        "/lib/libaudit.so",
        "/lib/libc.so.6",
        "/lib/libhelp.so",
        "/lib/libnss_my.so.2",
        "/opt/libpreload.so",
    ];
    assert_eq!(image.kept(&keep(&["prog"])), expected);
    assert_eq!(image.closure(&keep(&["prog"])).warnings, []);
}

#[test]
fn musl_takes_a_library_by_its_file_name_only() {
    let mut image = Image::new(&[
        ("/bin/prog", ""),
        ("/lib/ld-musl-x86_64.so.1", "lib:"),
        ("/lib/liba.so", ""),
        ("/lib/liba.so.1", "-> liba.so.1.0"),
        ("/lib/liba.so.1.0", "lib:"),
        ("/lib/libb.so", "lib:liba.so.1"),
    ]);
    image.replace("/bin/prog", &program("/lib/ld-musl-x86_64.so.1", &["liba.so", "libb.so", "libc.musl-x86_64.so.1"]));
    image.replace("/lib/liba.so", &library("liba.so.1", &[]));
    let kept = image.kept(&keep(&["prog"]));
    assert!(kept.contains(&"/lib/liba.so.1.0".to_owned()) && kept.contains(&"/lib/liba.so.1".to_owned()), "{kept:?}");
    // glibc has it already, under its soname.
    image.replace("/bin/prog", &program("/lib/ld.so", &["liba.so", "libb.so"]));
    let kept = image.closure(&keep(&["prog"]));
    assert!(!kept.contains(image.id("/lib/liba.so.1.0")));
}

#[test]
fn an_origin_is_the_directory_in_which_a_library_was_found() {
    let mut image = Image::new(&[
        ("/bin/prog", ""),
        ("/lib/ld.so", "lib:"),
        ("/opt/a/lib/libx.so", "-> ../../store/libx.so"),
        ("/opt/a/lib/deep/liby.so", "lib:"),
        ("/opt/store/libx.so", ""),
        ("/opt/store/deep/liby.so", "lib:"),
    ]);
    let spec = |needed, runpath| Spec { needed, runpath: Some(runpath), ..Spec::default() };
    image
        .replace("/bin/prog", &Spec { interpreter: Some("/lib/ld.so"), ..spec(vec!["libx.so"], "/opt/a/lib") }.build());
    image.replace("/opt/store/libx.so", &spec(vec!["liby.so"], "$ORIGIN/deep").build());
    let kept = image.kept(&keep(&["prog"]));
    assert!(kept.contains(&"/opt/a/lib/deep/liby.so".to_owned()), "{kept:?}");
    assert!(!kept.contains(&"/opt/store/deep/liby.so".to_owned()), "{kept:?}");
}

#[test]
fn a_library_behind_a_link_that_asks_for_itself_has_a_chain_that_ends() {
    let image = Image::new(&[
        ("/bin/prog", "elf:libb.so"),
        ("/lib/ld.so", "lib:"),
        ("/lib/libb.so", "-> libc.so"),
        ("/lib/libc.so", "elf:libb.so,libc.so"),
    ]);
    let closure = image.closure(&keep(&["prog"]));
    assert_eq!(
        closure.explain(&image.tree, image.id("/lib/libc.so")),
        ["target of /lib/libb.so", "library libb.so of /bin/prog", "command in harden.toml:7:3"]
    );
}

#[test]
fn a_kept_command_that_is_a_library_too_keeps_its_interpreter() {
    let mut image = Image::new(&[
        ("/bin/prog", "elf:libc.so.6"),
        ("/bin/run", "-> ../lib/libc.so.6"),
        ("/lib/ld.so", "lib:"),
        ("/lib/other-ld.so", "lib:"),
        ("/lib/libc.so.6", ""),
    ]);
    let libc = Spec { soname: Some("libc.so.6"), interpreter: Some("/lib/other-ld.so"), ..Spec::default() };
    image.replace("/lib/libc.so.6", &libc.build());
    let kept = image.kept(&keep(&["prog", "run"]));
    assert!(kept.contains(&"/lib/other-ld.so".to_owned()), "{kept:?}");
}

#[test]
fn what_was_missing_before_this_run_is_a_warning_that_says_so() {
    let mut image = Image::new(&[
        ("/bin/prog", "elf:liba.so"),
        ("/etc/ld.so.conf", "/opt/lib\n"),
        ("/lib/ld.so", "lib:"),
        ("/lib/liba.so", "lib:libdeep.so,libstale.so"),
        ("/opt/app/run", "#!/usr/bin/perl\n"),
        ("/opt/lib/libstale.so", "lib:"),
    ]);
    let closure = image.closure(&keep(&["prog"]));
    assert_eq!(closure.refusals, []);
    let texts: Vec<_> = closure.warnings.iter().map(|m| format!("{} | {}", m.text, m.help)).collect();
    assert_eq!(
        texts,
        [
            "'/lib/liba.so' (library liba.so of '/bin/prog', command in harden.toml:7:3) needs the library 'libdeep.so', which was missing before this run | install it if the program needs it; if the image sets LD_LIBRARY_PATH, give --image-config",
            "'/lib/liba.so' (library liba.so of '/bin/prog', command in harden.toml:7:3) needs the library 'libstale.so', which /etc/ld.so.conf leads to but /etc/ld.so.cache does not list: the loader did not find it before this run either | run ldconfig before harden",
        ]
    );
    assert!(closure.contains(image.id("/opt/lib/libstale.so")));
    let mut known = keep(&["prog"]);
    known.library_path = Some(Vec::new());
    assert_eq!(image.closure(&known).warnings[0].help.to_string(), "install it if the program needs it");
    let warnings = image.closure(&kept_path("/opt/app")).warnings;
    assert_eq!(
        warnings[0].text,
        "'/opt/app/run' (program below '/opt/app', path in harden.toml:7:3) needs the interpreter '/usr/bin/perl', which did not exist before this run either"
    );
    // A library whose strings are cut off.
    let data = library("liba.so", &["libdeep.so"]);
    image.replace("/lib/liba.so", &data[..200]);
    let warnings = image.closure(&keep(&["prog"])).warnings;
    assert!(warnings[0].text.contains("liba.so' (library liba.so of"), "{warnings:?}");
    assert!(
        warnings[0].text.contains("is an ELF file that harden cannot read, and it is treated as data"),
        "{warnings:?}"
    );
}

#[test]
fn a_pam_service_keeps_its_modules_and_what_they_start() {
    let image = Image::new(&[
        (
            "/etc/pam.d/common-auth",
            "auth [success=1 default=ignore] pam_unix.so nullok # x\n-auth optional pam_cap.so\n",
        ),
        ("/etc/pam.d/sshd", "@include common-auth\naccount include site\n# session required pam_not.so\n"),
        ("/etc/pam.d/su", "session required pam_other.so\n"),
        ("/etc/pam.d/other", "auth required pam_deny.so\n"),
        (
            "/usr/lib/pam.d/site",
            "session required \\\n pam_mkhomedir.so\naccount required pam_exec.so quiet /usr/local/bin/ask who\nauth required /opt/pam_my.so\n",
        ),
        ("/lib/ld.so", "lib:"),
        ("/lib/libcap.so.2", "lib:"),
        ("/lib/x86_64-linux-gnu/security/pam_cap.so", "lib:libcap.so.2"),
        ("/lib/x86_64-linux-gnu/security/pam_unix.so", "lib:"),
        ("/lib/x86_64-linux-gnu/security/pam_other.so", "lib:"),
        ("/opt/pam_my.so", "lib:"),
        ("/sbin/mkhomedir_helper", "elf:"),
        ("/sbin/unix_chkpwd", "elf:"),
        ("/usr/bin/other", "elf:"),
        ("/usr/local/bin/ask", "#!/usr/bin/sh\n"),
        ("/usr/bin/sh", "elf:"),
        ("/usr/sbin/sshd", "elf:"),
    ]);
    let mut kept = image.kept(&keep(&["sshd"]));
    kept.sort();
    let expected = [
        "/etc/pam.d/common-auth",
        "/etc/pam.d/other",
        "/etc/pam.d/sshd",
        "/lib/ld.so",
        "/lib/libcap.so.2",
        "/lib/x86_64-linux-gnu/security/pam_cap.so",
        "/lib/x86_64-linux-gnu/security/pam_unix.so",
        "/opt/pam_my.so",
        "/sbin/mkhomedir_helper",
        "/sbin/unix_chkpwd",
        "/usr/bin/sh",
        "/usr/lib/pam.d/site",
        "/usr/local/bin/ask",
        "/usr/sbin/sshd",
    ];
    assert_eq!(kept, expected);
    let closure = image.closure(&keep(&["sshd"]));
    assert!(closure.only_for_pam(image.id("/sbin/unix_chkpwd")));
    assert_eq!(
        closure.explain(&image.tree, image.id("/usr/local/bin/ask"))[0],
        "run by pam_exec in '/etc/pam.d/sshd' for /usr/sbin/sshd"
    );
}

#[test]
fn an_elf_file_that_cannot_be_read_is_data_and_said_to_be() {
    let mut image = Image::new(&[("/bin/a", ""), ("/bin/b", ""), ("/bin/ls", "elf:"), ("/lib/ld.so", "lib:")]);
    image.replace("/bin/a", b"\x7fELF\x02\x01\x01");
    let mut hostile = program("/lib/ld.so", &[]);
    hostile[56..58].copy_from_slice(&0xfffe_u16.to_le_bytes());
    image.replace("/bin/b", &hostile);
    let closure = image.closure(&keep(&["ls"]));
    let texts: Vec<_> = closure.warnings.iter().map(|m| m.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "'/bin/a' is an ELF file that harden cannot read, and it is treated as data: its ELF header is truncated or of an unknown kind",
            "'/bin/b' is an ELF file that harden cannot read, and it is treated as data: its ELF program headers have an impossible size",
        ]
    );
    assert!(!image.commands.entries.contains_key(&image.id("/bin/a")));
}

#[test]
fn a_command_without_a_first_line_is_a_script_of_the_shell() {
    let image = Image::new(&[
        ("/bin/sh", "-> dash"),
        ("/bin/dash", "elf:"),
        ("/lib/ld.so", "lib:"),
        ("/usr/bin/start", "exec server\n"),
        ("/usr/bin/data", "MZ\0\0"),
        ("/usr/bin/node", "elf:"),
        ("/app/s.js", "require('http')\n"),
    ]);
    assert_eq!(image.kept(&keep(&["start"])), ["/bin/dash", "/bin/sh", "/lib/ld.so", "/usr/bin/start"]);
    assert_eq!(image.kept(&keep(&["data"])), ["/usr/bin/data"]);
    // An x bit alone makes no script of the application's files.
    assert_eq!(image.kept(&run(&["node", "/app/s.js"], false)), ["/app/s.js", "/lib/ld.so", "/usr/bin/node"]);
}
