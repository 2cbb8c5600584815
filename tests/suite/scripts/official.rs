//! Entrypoints in the manner of official images: what they need is found, and what they do not need is not.

use crate::common::Rootfs;

const DATABASE: &str = include_str!("entrypoints/postgres.sh");
const REDIS: &str = include_str!("entrypoints/redis.sh");
const NGINX: &str = include_str!("entrypoints/nginx.sh");
const MYSQL: &str = include_str!("entrypoints/mysql.sh");

const GOSU: &str = "/usr/local/bin/gosu";

const TOOLS: &[&str] = &[
    "env", "id", "mkdir", "chmod", "find", "chown", "getent", "mktemp", "cat", "ls", "gunzip", "xzcat", "sort", "head",
    "base64", "date", "grep", "sed", "cut", "envsubst", "rm", "openssl",
];

/// Debian with the tools that scripts use, and a script in front of `program`.
fn image(name: &str, script: &str, programs: &[&str], account: &str) -> Rootfs {
    let tools: Vec<String> = TOOLS.iter().map(|tool| format!("/usr/bin/{tool}")).collect();
    let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
    Rootfs::debian_like().programs(&tools).programs(programs).script(name, script).account(
        account,
        999,
        "/nonexistent",
        "/usr/sbin/nologin",
    )
}

fn needs(words: &str, line: u32, name: &str) -> String {
    format!("'{name}' ({words}:{line})")
}

fn run<'a>(words: &'a str, user: &'a str) -> Vec<&'a str> {
    vec!["--user", user, "--command", words]
}

#[test]
fn a_database_that_is_made_on_the_first_start() {
    const PATH: &str = "/usr/local/bin/docker-entrypoint.sh";
    let bin = |name: &str| format!("/usr/lib/postgresql/15/bin/{name}");
    let programs: Vec<String> = ["postgres", "initdb", "pg_ctl", "psql", "pg_upgrade"].map(bin).to_vec();
    let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
    let tree = || {
        image(PATH, DATABASE, &programs, "postgres")
            .package("postgresql-15", &[programs.as_slice(), &["/usr/bin/pg_lsclusters"]].concat())
            .programs(&["/usr/bin/pg_lsclusters", "/usr/local/bin/gosu"])
            .script("/docker-entrypoint-initdb.d/10-extension.sh", "#!/bin/bash\nsed -i s/a/b/ /tmp/x\n")
    };
    let args = run("docker-entrypoint.sh postgres", "postgres");
    let lines = [
        (23, "id"),
        (24, "mkdir"),
        (25, "chmod"),
        (28, "find"),
        (28, "chown"),
        (35, "getent"),
        (39, "mktemp"),
        (62, "gunzip"),
    ];
    let found: Vec<String> = lines.iter().map(|&(line, name)| needs(PATH, line, name)).collect();
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    let refused = tree().refuse(&args).says(&found).says(&["from-scripts = true", "run when the image starts"]);
    // What it names by variables and lists counts; what is never called, or is a function, does not.
    let text = &refused.run.stderr;
    assert!(!text.contains("'wget'") && !text.contains("'perl'"), "{text}");
    refused.says(&["'/docker-entrypoint-initdb.d/10-extension.sh' run when the image starts", "\"sed\"]"]);
    let done = tree().apply_config("[keep]\nfrom-scripts = true\n", &args);
    let tools = [
        "/usr/bin/id",
        "/usr/bin/mkdir",
        "/usr/bin/chmod",
        "/usr/bin/find",
        "/usr/bin/chown",
        "/usr/bin/getent",
        "/usr/bin/mktemp",
        "/usr/bin/gunzip",
        "/usr/bin/xzcat",
        "/usr/bin/cat",
        "/usr/bin/ls",
        "/usr/bin/sed",
        "/usr/bin/env",
        "/usr/bin/bash",
        "/usr/local/bin/gosu",
    ];
    done.assert_kept(&tools);
    for name in ["postgres", "initdb", "pg_ctl", "psql"] {
        done.assert_kept(&[&bin(name)]);
    }
    done.assert_gone(&["/usr/bin/wget", "/usr/bin/perl", "/usr/bin/openssl", "/usr/bin/head"]);
}

#[test]
fn a_server_that_gives_its_data_away_and_drops() {
    const PATH: &str = "/usr/local/bin/docker-entrypoint.sh";
    let tree = || image(PATH, REDIS, &["/usr/local/bin/redis-server", "/usr/local/bin/redis-cli", GOSU], "redis");
    let args = run("docker-entrypoint.sh redis-server", "redis");
    let all = [needs(PATH, 10, "id"), needs(PATH, 11, "find"), needs(PATH, 11, "chown"), needs(PATH, 12, "gosu")];
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    tree().refuse(&args).says(&all).says(&["[keep] commands = [\"id\", \"find\", \"chown\", \"gosu\"]"]).alone();
    let config = "[keep]\ncommands = ['id', 'find', 'chown', 'gosu']\n";
    let done = tree().apply_config(config, &args);
    let by_hand = done.after.names("/usr/bin");
    let done = tree().apply_config("[keep]\nfrom-scripts = true\n", &args);
    assert_eq!(done.after.names("/usr/bin"), by_hand);
    assert_eq!(done.after.names("/usr/local/bin"), ["docker-entrypoint.sh", "gosu", "redis-server"]);
    // It is started as the user: what only root needs may go knowingly.
    let config = "[keep]\ncommands = ['id']\n[remove]\ncommands = ['find', 'chown', 'gosu']\n";
    tree().apply_config(config, &args).assert_gone(&["/usr/bin/find", "/usr/local/bin/gosu"]);
}

#[test]
fn a_server_with_a_directory_of_scripts() {
    let tree = || {
        image("/docker-entrypoint.sh", NGINX, &["/usr/sbin/nginx"], "nginx")
            .script(
                "/docker-entrypoint.d/20-templates.sh",
                "#!/bin/sh\nset -e\nauto() {\n  local names=$(printf '${%s} ' $(env | cut -d= -f1))\n  \
                 find /etc/nginx/templates -name '*.template' -print | while read -r t; do\n    \
                 envsubst \"$names\" < \"$t\" > /tmp/x\n  done\n}\nauto\nexit 0\n",
            )
            .file("/docker-entrypoint.d/15-local.envsh", 0o755, 0, 0, "#!/bin/sh\nexport RESOLVER=$(grep x /etc/y)\n")
            .text("/docker-entrypoint.d/README", "wget\n")
    };
    let args = run("/docker-entrypoint.sh nginx -g 'daemon off;'", "nginx");
    let refused = tree().refuse(&args).says(&[
        "'/usr/bin/find' (/docker-entrypoint.sh:13)",
        "'sort' (/docker-entrypoint.sh:15)",
        "'cut' (/docker-entrypoint.d/20-templates.sh:4)",
        "'envsubst' (/docker-entrypoint.d/20-templates.sh:6)",
        "'grep' (/docker-entrypoint.d/15-local.envsh:2)",
    ]);
    assert_eq!(refused.run.stderr.matches("refused[").count(), 1, "{}", refused.run.stderr);
    let done = tree().apply_config("[keep]\nfrom-scripts = true\n", &args);
    done.assert_gone(&["/usr/bin/wget", "/usr/bin/chown"]);
    assert_eq!(done.after.names("/usr/bin"), ["cut", "dash", "env", "envsubst", "find", "grep", "sh", "sort"]);
}

#[test]
fn a_server_whose_script_asks_for_openssl() {
    const PATH: &str = "/usr/local/bin/docker-entrypoint.sh";
    let tree = || image(PATH, MYSQL, &["/usr/sbin/mysqld", "/usr/bin/mysql", GOSU], "mysql");
    let args = run("docker-entrypoint.sh mysqld", "mysql");
    let all = [
        needs(PATH, 5, "date"),
        needs(PATH, 17, "mktemp"),
        needs(PATH, 18, "awk"),
        needs(PATH, 24, "head"),
        needs(PATH, 24, "base64"),
        needs(PATH, 37, "gosu"),
        needs(PATH, 42, "mysql"),
    ];
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let refused = tree().refuse(&args).says(&all).alone();
    assert!(!refused.run.stderr.contains("'openssl'"), "{}", refused.run.stderr);
    let done = tree().apply_config("[keep]\nfrom-scripts = true\n", &args);
    done.assert_kept(&["/usr/bin/awk", "/usr/bin/mawk", "/usr/bin/base64", "/usr/bin/mysql"]);
    done.assert_gone(&["/usr/bin/openssl"]);
}
