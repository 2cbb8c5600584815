//! Directories for data that the run user could no longer write in.

use std::io::Write as _;

use crate::common::{APP, Rootfs};

/// An application with a directory for its data, which its Dockerfile gave to an account of the base image.
fn tree() -> Rootfs {
    Rootfs::debian_like().dir("/var/lib/notes", 0o755, 33, 0).dir("/var/lib/notes/db", 0o755, 33, 0)
}

/// The arguments that name an image's configuration.
fn image(config: &str) -> (tempfile::NamedTempFile, [String; 2]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(format!("{{\"config\": {{{config}}}}}").as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    (file, ["--image-config".to_owned(), path])
}

#[test]
fn a_directory_of_an_account_that_goes_is_not_taken_from_the_program_without_a_word() {
    tree()
        .refuse(&APP)
        .says(&[
            "refused[guard.data]",
            "'/var/lib/notes' of 'www-data'\n",
            "[files] writable = [\"/var/lib/notes\"]",
            "--user www-data",
        ])
        .alone();
    // Each remedy of the help.
    let done = tree().apply_config("[files]\nwritable = ['/var/lib/notes']\n", &APP);
    assert_eq!(done.after.owner("/var/lib/notes/db"), (1000, 1000));
    let done = tree().apply_config("[keep]\npaths = ['/var/lib/notes']\n", &APP);
    assert_eq!(done.after.owner("/var/lib/notes"), (33, 0));
    let done = tree().apply(&["--user", "www-data", "--command", "/app/server"]);
    assert_eq!(done.after.owner("/var/lib/notes"), (33, 0));
    // A part that the policy names settles the whole; one who starts as root writes everywhere.
    tree().apply_config("[files]\nwritable = ['/var/lib/notes/db']\n", &APP);
    tree().apply_config("[files]\nread-only = ['/var/lib/notes']\n", &APP);
    tree().apply_config("[run]\nstart = 'root'\n", &APP);
}

#[test]
fn directories_that_are_not_for_the_data_of_the_program_are_not_asked_for() {
    let base = Rootfs::debian_like;
    // Others may write there; its owner may not; it is root's; its account stays; it is a home; it belongs to the system.
    base().dir("/srv/data", 0o777, 33, 33).apply(&APP);
    base().dir("/srv/data", 0o555, 33, 33).apply(&APP);
    base().dir("/srv/data", 0o755, 0, 0).apply(&APP);
    base().dir("/srv/data", 0o755, 33, 33).apply_config("[keep]\nusers = ['www-data']\n", &APP);
    base().account("ubuntu", 1001, "/home/ubuntu", "/bin/sh").dir("/home/ubuntu", 0o755, 1001, 1001).apply(&APP);
    base().dir("/usr/share/x", 0o755, 33, 33).apply(&APP);
    // A package's own, by its list or by its name.
    base().package("notes", &["/srv/data"]).dir("/srv/data", 0o755, 33, 33).apply(&APP);
    base()
        .package("notes", &["/srv/data"])
        .dir("/srv/data", 0o755, 33, 33)
        .dir("/srv/data/below", 0o755, 33, 33)
        .apply(&APP);
    base().package("notes", &["/usr/share/doc/notes"]).dir("/var/lib/notes/db", 0o755, 33, 33).apply(&APP);
}

#[test]
fn the_volumes_of_an_image_that_ran_as_root_are_asked_for() {
    let tree = || Rootfs::debian_like().dir("/data", 0o755, 0, 0).dir("/open", 0o777, 0, 0);
    let volumes = "\"Volumes\": {\"/data\": {}, \"/missing\": {}, \"/open\": {}}";
    for user in ["", ", \"User\": \"root\"", ", \"User\": \"0:0\""] {
        let (_file, arguments) = image(&format!("{volumes}{user}"));
        let arguments = [&APP[..], &arguments.each_ref().map(String::as_str)].concat();
        let line = "[files] writable = [\"/data\", \"/missing\"]";
        tree().refuse(&arguments).says(&["refused[guard.data]", "the image ran as root", line]).alone();
        tree().apply_config("[files]\nwritable = ['/data', '/missing']\n", &arguments);
        tree().apply_config("[run]\nstart = 'root'\n", &arguments);
    }
    // Who could not write there before loses nothing.
    let (_file, arguments) = image(&format!("{volumes}, \"User\": \"app\""));
    tree().apply(&[&APP[..], &arguments.each_ref().map(String::as_str)].concat());
}
