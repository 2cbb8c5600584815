//! Accounts that the configuration of kept programs names.

use super::image::Image;

fn refused(image: &Image, expected: &[&str]) {
    let run = image.run("apply");
    assert_eq!(run.status, 2, "{}", run.text);
    for text in expected {
        assert!(run.text.contains(text), "'{text}' is not in:\n{}", run.text);
    }
    assert!(image.has("/etc/passwd"), "nothing was changed");
    assert!(image.has("/var/log/old"), "nothing was changed");
}

#[test]
fn the_user_of_nginx_is_named_with_file_and_line() {
    let image = Image::debian()
        .programs(&["/usr/sbin/nginx", "/usr/sbin/haproxy"])
        .file("/etc/nginx/nginx.conf", "# the workers\nuser www-data deploy;\n")
        .file("/etc/haproxy/haproxy.cfg", "global\n  user deploy\n");
    let run = "[run]\nuser = \"app\"\ncommand = [\"nginx\"]\n";
    let image = image.config(run);
    refused(
        &image,
        &["/etc/nginx/nginx.conf:2", "account 'www-data'", "users = [\"www-data\"]", "groups = [\"deploy\"]"],
    );
    // haproxy goes, and nobody asks for its account.
    assert!(!image.run("plan").text.contains("haproxy.cfg"));
    image.config(&format!("{run}[keep]\nusers = [\"www-data\"]\ngroups = [\"deploy\"]\n")).harden();
}

#[test]
fn pools_programs_and_servers_name_theirs() {
    let image = Image::debian()
        .programs(&["/usr/sbin/php-fpm8.2", "/usr/bin/supervisord", "/usr/sbin/apache2"])
        .file("/etc/php/8.2/fpm/pool.d/www.conf", "[www]\nuser = app\nlisten.owner = www-data\n")
        .file("/etc/php/7.4/fpm/pool.d/www.conf", "[www]\nuser = deploy\n")
        .file("/etc/apache2/envvars", "export APACHE_RUN_GROUP=deploy\n")
        .file("/srv/super.conf", "[program:x]\n\nuser=deploy\n")
        .config("[run]\nuser = \"app\"\ncommand = [\"supervisord\", \"-c\", \"/srv/super.conf\"]\n[keep]\ncommands = [\"php-fpm8.2\", \"apache2\"]\n");
    refused(
        &image,
        &[
            "/etc/php/8.2/fpm/pool.d/www.conf:3",
            "/etc/apache2/envvars:1",
            "/srv/super.conf:3",
            "account 'deploy'",
            "group 'deploy'",
        ],
    );
    assert!(!image.run("plan").text.contains("/etc/php/7.4"));
}

#[test]
fn words_of_the_command_line_and_of_kept_scripts_count() {
    let image = Image::debian().programs(&["/usr/bin/memcached", "/usr/sbin/gosu", "/usr/bin/dash", "/usr/bin/chown"]);
    let image = image.link("/usr/bin/sh", "dash").config(
        "[run]\nuser = \"app\"\ncommand = [\"memcached\", \"-u\", \"deploy\"]\n[remove]\ncommands = [\"gosu\"]\n",
    );
    refused(&image, &["'/usr/bin/memcached'", "account 'deploy'", "the command in"]);
    let image = image.config("[run]\nuser = \"app\"\ncommand = [\"gosu\", \"www-data:deploy\", \"memcached\"]\n");
    refused(&image, &["account 'www-data'", "group 'deploy'"]);
    let image = image
        .script("/start.sh", "#!/bin/sh\n# chown root\nchown -R deploy /srv\nexec gosu www-data memcached\n")
        .config("[run]\nuser = \"app\"\ncommand = [\"/start.sh\"]\n[keep]\ncommands = [\"gosu\", \"chown\", \"memcached\"]\n");
    refused(&image, &["/start.sh:3", "account 'deploy'", "/start.sh:4", "account 'www-data'"]);
    image.config("[run]\nuser = \"app\"\ncommand = [\"/start.sh\"]\n[keep]\ncommands = [\"gosu\", \"chown\", \"memcached\"]\nusers = [\"deploy\", \"www-data\"]\n").harden();
}
