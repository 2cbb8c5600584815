//! What is refused, and what is left after a failure: nothing.

use serde_json::json;

use super::{Input, base, config, layer};
use crate::common::{Command, Rootfs, Run};

fn input() -> Input {
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    Input::of(&tree)
}

/// The run said that, and left nothing beside the input.
fn left_nothing(input: &Input, run: &Run, status: i32, says: &[&str]) {
    assert_eq!(run.status, status, "{}", run.all());
    for text in says {
        assert!(run.stderr.contains(text), "{text}: {}", run.all());
    }
    assert!(run.stderr.contains("no image was written"), "{}", run.all());
    let names: Vec<_> =
        std::fs::read_dir(input.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["in.tar"]);
}

#[test]
fn an_image_that_runs_as_root_is_refused_with_the_ways_out() {
    for user in [json!(""), json!("root"), json!("0:0"), serde_json::Value::Null] {
        let tree = base(Rootfs::debian_like());
        tree.stamp();
        let mut config = config();
        config["config"]["User"] = user;
        let input = Input::saved(&[layer(tree.path())], &config);
        let says = ["refused[guard.run]", "--user app:1000:1000", "start = \"root\"", "--disable accounts.user"];
        left_nothing(&input, &input.run(&[]), 2, &says);
        // Each of them is one.
        assert!(!input.hardened(&["--user", "app"]).is_empty());
        assert!(!input.hardened(&["--user", "root", "--disable", "accounts.user"]).is_empty());
        let policy = input.directory.path().join("harden.toml");
        std::fs::write(&policy, "[run]\nuser = \"app\"\nstart = \"root\"\n").unwrap();
        assert!(!input.hardened(&["--config", policy.to_str().unwrap()]).is_empty());
    }
}

#[test]
fn what_cannot_be_an_image_is_refused() {
    let input = input();
    left_nothing(
        &input,
        &input.run(&["--compress", "xz"]),
        2,
        &["'xz' is not a compression", "write gzip, zstd or none"],
    );
    let run = input.run(&["--platform", "linux/s390x"]);
    left_nothing(&input, &run, 2, &["refused[archive.image]: cannot read ", "it has no image for linux/s390x"]);
    let tree = base(Rootfs::debian_like());
    tree.stamp();
    std::fs::write(&input.path, layer(tree.path())).unwrap();
    left_nothing(&input, &input.run(&[]), 2, &["without the configuration of an image", "docker inspect"]);
    std::fs::write(&input.path, "no archive").unwrap();
    left_nothing(&input, &input.run(&[]), 2, &["refused[archive.damaged]"]);
    std::fs::write(&input.path, "").unwrap();
    left_nothing(&input, &input.run(&[]), 2, &["refused[archive."]);
}

/// Holes are written as zeros: a file of terabytes in an archive of kilobytes is refused before they fill a disk.
#[test]
fn a_file_of_holes_is_refused_before_it_fills_the_disk() {
    let tree = base(Rootfs::debian_like());
    std::fs::File::create(tree.at("/srv/holes")).unwrap().set_len(1 << 40).unwrap();
    tree.stamp();
    let mut command = Command::new("tar");
    command.arg("-C").arg(tree.path()).args(["--sparse", "--format=pax", "-c", "--numeric-owner", "."]);
    let input = Input::saved(&[command.output().unwrap().stdout], &config());
    left_nothing(&input, &input.run(&[]), 2, &["refused[input.budget]", "--max-size"]);
}

#[test]
fn a_refused_plan_writes_nothing() {
    let input = input();
    let policy = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&policy, "[keep]\ncommands = [\"no-such-command\"]\n").unwrap();
    left_nothing(&input, &input.run(&["--config", policy.path().to_str().unwrap()]), 2, &["no-such-command"]);
}

#[test]
fn an_output_that_has_no_place_is_refused_before_anything_is_done() {
    let input = input();
    let archive = input.path.to_str().unwrap();
    let before = std::fs::read(&input.path).unwrap();
    for (output, said) in [
        (
            "/no/such/directory/out.tar",
            "refused[archive.write]: cannot write the image to '/no/such/directory/out.tar': No such file",
        ),
        ("/usr", "refused[archive.write]: cannot write the image to '/usr': is a directory"),
        (archive, "error[usage.conflict]: -o would overwrite the archive that is read"),
    ] {
        let run = crate::common::bare(&["image", archive, "-o", output], &[], b"");
        assert!(run.status == 2 && run.stderr.contains(said), "{}", run.all());
        let names: Vec<_> = std::fs::read_dir(input.directory.path()).unwrap().flatten().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }
    assert!(std::fs::read(&input.path).unwrap() == before);
}

#[test]
fn a_full_disk_or_a_closed_pipe_leaves_nothing() {
    let input = input();
    let run = input.run(&["-o", "/dev/full"]);
    // The last -o is a second one.
    assert_eq!(run.status, 2, "{}", run.all());
    let words = ["image", input.path.to_str().unwrap(), "-o", "/dev/full"];
    let full = crate::common::bare(&words, &[], b"");
    left_nothing(&input, &full, 3, &["failed[archive.write]: cannot write the image to '/dev/full': "]);
    let limited = |limit: &str| {
        let script = format!("ulimit -f {limit}; exec \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_harden"), "image"])
            .arg(&input.path)
            .arg("-o")
            .arg(input.output())
            .output()
            .unwrap();
        Run {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    };
    for limit in ["0", "1", "20"] {
        left_nothing(&input, &limited(limit), 3, &["failed[archive.write]: cannot write the image to "]);
    }
    let closed = Command::new("sh")
        .args(["-c", "{ \"$@\"; echo $? >&2; } | true", "sh", env!("CARGO_BIN_EXE_harden"), "image"])
        .arg(&input.path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&closed.stderr);
    assert!(said.contains("cannot write the image to standard output") && said.ends_with("3\n"), "{said}");
}

/// A file that is there stays what it is until the new one is whole.
#[test]
fn an_output_that_is_there_is_replaced_at_the_end_only() {
    let input = input();
    std::fs::write(input.output(), "old").unwrap();
    let run = input.run(&["--compress", "xz"]);
    assert_eq!((run.status, std::fs::read_to_string(input.output()).unwrap().as_str()), (2, "old"));
    assert!(input.hardened(&[]).len() > 10_240);
    let names = std::fs::read_dir(input.directory.path()).unwrap().count();
    assert_eq!(names, 2);
}

/// Standard output is the image's, and `docker load` reads it: nothing else may come there.
#[test]
fn a_refused_plan_says_so_on_standard_error_alone() {
    let input = input();
    let path = input.path.to_str().unwrap();
    let refused = crate::common::bare(&["image", path, "--keep", "/no/such/file"], &[], b"");
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{}", refused.all());
    let json = crate::common::bare(&["image", path, "--format", "json"], &[], b"");
    assert_eq!((json.status, json.stdout.as_str()), (2, ""), "{}", json.all());
    assert!(json.stderr.contains("give -o FILE for the image, or --report FILE for the report"), "{}", json.all());
}

/// Killed at any call that writes or names: no output, or a whole one.
#[test]
fn a_run_that_is_killed_leaves_no_part_of_an_image() {
    let input = input();
    let whole = input.hardened(&[]);
    let mut killed = 0;
    for there in [false, true] {
        for (call, most) in
            [("write", 12), ("pwrite64", 4), ("fsync", 1), ("linkat", 2), ("renameat", 1), ("renameat2", 1)]
        {
            for when in 1..=most {
                std::fs::remove_file(input.output()).unwrap_or_default();
                if there {
                    std::fs::write(input.output(), "old").unwrap();
                }
                let status = Command::new("strace")
                    .args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")])
                    .args(["-e", &format!("inject={call}:signal=KILL:when={when}")])
                    .args([env!("CARGO_BIN_EXE_harden"), "image", "-q"])
                    .arg(&input.path)
                    .arg("-o")
                    .arg(input.output())
                    .status()
                    .unwrap();
                killed += usize::from(!status.success());
                let found = std::fs::read(input.output()).ok();
                let old = if there { Some(b"old".to_vec()) } else { None };
                assert!(found == old || found.as_ref() == Some(&whole), "{call} {when}: a part of an image");
            }
        }
    }
    assert!(killed > 10, "{killed}");
}

/// In an exported file system `.wh.x` is a file; in a layer it takes `x` away.
#[test]
fn a_name_that_means_something_else_in_a_layer_is_refused() {
    let tree = base(Rootfs::debian_like()).text("/srv/.wh.data", "x").text("/srv/data", "x");
    tree.stamp();
    let input = Input::of(&tree);
    std::fs::write(&input.path, layer(tree.path())).unwrap();
    let shown = input.directory.path().join("config.json");
    std::fs::write(&shown, config().to_string()).unwrap();
    let options = ["--image-config", shown.to_str().unwrap(), "--tag", "x"];
    let run = input.run(&options);
    assert_eq!((run.status, input.output().exists()), (2, false), "{}", run.all());
    assert!(
        run.stderr.contains("refused[archive.entry]: '/srv/.wh.data' cannot be in the layer of an image"),
        "{}",
        run.all()
    );
    // One that goes is no matter.
    let home = base(Rootfs::debian_like()).text("/root/.wh.data", "x");
    home.stamp();
    std::fs::write(&input.path, layer(home.path())).unwrap();
    assert!(!input.hardened(&options).is_empty());
}

/// At moments that nobody chose: no output or a whole one, and nothing beside it.
#[test]
fn a_run_that_is_killed_at_any_moment_leaves_no_part_of_an_image() {
    let tree = base(Rootfs::debian_like()).file("/srv/large", 0o644, 0, 0, vec![b'x'; 8 << 20]);
    tree.stamp();
    let input = Input::of(&tree);
    let begin = std::time::Instant::now();
    let whole = input.hardened(&[]);
    let usual = begin.elapsed();
    let (mut state, mut killed) = (usual.as_nanos() | 1, 0);
    for _ in 0..60 {
        // xorshift: the moments differ from run to run, as the machine does.
        state ^= state << 13;
        state ^= (state & u128::from(u64::MAX)) >> 7;
        state ^= state << 17;
        state &= u128::from(u64::MAX);
        let after = usual.as_secs_f64() * 1.1 * (state % 1000) as f64 / 1000.0;
        std::fs::remove_file(input.output()).unwrap_or_default();
        let status = Command::new("timeout")
            .args(["-s", "KILL", &format!("{:.6}", after.max(0.001)), env!("CARGO_BIN_EXE_harden"), "image", "-q"])
            .arg(&input.path)
            .arg("-o")
            .arg(input.output())
            .status()
            .unwrap();
        killed += usize::from(!status.success());
        let found = std::fs::read(input.output()).ok();
        assert!(found.as_ref().is_none_or(|found| *found == whole), "after {after} s: a part of an image");
        let names = std::fs::read_dir(input.directory.path()).unwrap().count();
        assert_eq!(names, 1 + usize::from(found.is_some()), "after {after} s: something is left");
    }
    assert!(killed > 10, "{killed}");
}
