//! What a kept login needs besides its program.

use super::image::Image;

fn image() -> Image {
    Image::debian()
        .programs(&["/usr/sbin/sshd", "/usr/sbin/nologin", "/usr/sbin/unix_chkpwd", "/usr/bin/bash", "/usr/bin/other"])
        .file("/etc/pam.d/sshd", "account required pam_unix.so\n")
        .package("Package: libpam-modules-bin", &["/usr/sbin/unix_chkpwd"])
        .mode("/usr/sbin/unix_chkpwd", 0o2755)
}

#[test]
fn a_program_with_a_pam_service_keeps_the_password_checker_without_its_bit() {
    let image = image().config("[run]\nuser = \"app\"\ncommand = [\"sshd\"]\n");
    image.harden();
    assert_eq!(image.mode_of("/usr/sbin/unix_chkpwd"), 0o755);
    let image = self::image().config("[run]\nuser = \"app\"\ncommand = [\"other\"]\n");
    image.harden();
    assert!(!image.has("/usr/sbin/unix_chkpwd"));
}

#[test]
fn a_kept_login_shell_that_would_go_is_refused() {
    let config = "[run]\nuser = \"app\"\ncommand = [\"sshd\"]\n[keep]\nshells = [\"root\"]\n";
    let image =
        image().file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\napp:x:1000:1000::/:/bin/bash\n").config(config);
    let run = image.run("apply");
    assert_eq!(run.status, 2, "{}", run.text);
    assert!(run.text.contains("'/bin/bash' would be removed"), "{}", run.text);
    image.config(&format!("{config}commands = [\"/bin/bash\"]\n")).harden();
}
