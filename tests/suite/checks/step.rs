//! What a build step is to a check and to the plan: its mounts, and the signals that it was started with.

use super::image::{Options, apply, apply_with, perl, root};

/// `$SIG` and the mask of the check: harden holds signals back for itself only.
#[test]
fn signals_are_what_the_step_had() {
    let code = r#"open my $f, "<", "/proc/self/status"; print grep /^Sig(Blk|Ign)/, <$f>; exit 4"#;
    let config = format!("[check]\ncommands = [{}]", perl(code));
    let ran = apply(&root(), &config);
    ran.ends_with(3).says(&["SigBlk:\t0000000000000000"]);
    let ran = apply_with(&root(), &config, Options { script: "trap '' HUP; exec /harden apply", ..Options::default() });
    ran.ends_with(3).says(&["SigBlk:\t0000000000000000"]);
    let ignored = ran.said.lines().find_map(|line| line.split_once("SigIgn:\t")).unwrap().1.to_owned();
    assert_eq!(u64::from_str_radix(&ignored, 16).unwrap() & 1, 1, "{}", ran.said);
}

/// A signal while a check runs ends the check, and with it the run.
#[test]
fn a_signal_ends_a_check() {
    // The second run is the one in the hardened root.
    let code = r#"exit 0 if mkdir "/scratch/first"; open my $f, ">", "/tmp/here"; sleep 60"#;
    let script =
        "/harden apply & p=$!; while [ ! -e /tmp/here ]; do /tools/sleep 0.05; done; kill -TERM $p; wait $p; exit $?";
    let root = root();
    let options = Options { script, ..Options::default() };
    let begin = std::time::Instant::now();
    let ran = apply_with(&root, &format!("[check]\ncommands = [{}]", perl(code)), options);
    ran.ends_with(3).says(&["SIGTERM asked harden to end", "check failed"]);
    assert!(begin.elapsed().as_secs() < 30, "{:?}", begin.elapsed());
    assert!(!root.has("/tmp/here"), "what it made is gone");
}

/// The libraries of this machine lie over those of the image: the step of the other tests says that they are meant to.
#[test]
fn a_mount_over_a_system_directory_is_refused() {
    let script = "unset HARDEN_KEEP; exec /harden apply";
    let ran = apply_with(&root(), "", Options { script, ..Options::default() });
    ran.ends_with(2).says(&[
        "refused[guard.mounts]: '/usr/lib' and '/usr/lib64' are mounts in this step",
        "remove that mount from this RUN",
        "[keep] paths",
        "nothing was changed",
    ]);
    ran.changed_nothing();
}

/// What builders mount is none of that, and neither are this program and its configuration.
#[test]
fn the_mounts_of_a_builder_are_no_refusal() {
    let root = [
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
        "/run/secrets/key",
        "/usr/local/bin/harden",
        "/usr/local/etc/h.toml",
    ]
    .iter()
    .fold(root(), |root, path| root.text(path, ""))
    .dir("/var/cache/apt", 0o755, 0, 0)
    .dir("/root/.cache", 0o755, 0, 0)
    .dir("/srv/cache", 0o755, 0, 0);
    let script = "for f in /etc/hosts /etc/hostname /etc/resolv.conf /run/secrets/key; do /tools/mount --bind /etc/os-release $f || exit 9; done; \
        /tools/mount --bind /harden.toml /usr/local/etc/h.toml && /tools/mount --bind /harden /usr/local/bin/harden || exit 9; \
        for d in /var/cache/apt /root/.cache /srv/cache; do /tools/mount -t tmpfs none $d || exit 9; done; \
        exec /usr/local/bin/harden apply --config /usr/local/etc/h.toml";
    let ran = apply_with(&root, "", Options { script, ..Options::default() });
    ran.ends_with(0);
    ran.says(&["'/srv/cache' are mounts in this step"]);
    for usual in ["'/etc/hosts'", "'/run/secrets/key'", "'/var/cache/apt'", "'/root/.cache'", "'/usr/local"] {
        let named = ran.said.lines().any(|line| line.contains("in this step") && line.contains(usual));
        assert!(!named, "{usual}: {}", ran.said);
    }
}

/// Builders and engines bind single files over names of the image (a GPU's libraries, a mount of a RUN step): their content is
/// not the image's, and is not read.
#[test]
fn a_program_that_is_bound_over_a_name_is_not_read() {
    for target in ["/app/main", "/usr/bin/main"] {
        let root = root().script(target, "#!/usr/bin/sh\n");
        let script = format!("/tools/mount --bind /etc/os-release {target} && exec /harden apply");
        let config = format!("[keep]\ncommands = [{{ name = \"{target}\", optional = true }}]");
        let ran = apply_with(&root, &config, Options { script: &script, ..Options::default() });
        ran.ends_with(0);
        assert!(root.read(target).starts_with("#!"), "{}", ran.said);
    }
}
