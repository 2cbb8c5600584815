//! What stands before the program: tini, supervisord, shell scripts that drop and exec, a health check.

use std::time::Instant;

use crate::docker::{Context, docker_ok, fixture};

use super::{App, DEBIAN_12, DEBIAN_STARTERS, DROPS, GIVES, PATIENCE, assert_absent, curl};

#[test]
fn tini() {
    App {
        name: "tini",
        base: DEBIAN_STARTERS,
        policy: r#"
[run]
user = "app:1000"
start = "root"
command = ["tini", "--", "/entrypoint.sh", "/app/server"]

[keep]
commands = ["mkdir", "chown", "gosu"]

[remove]
commands = ["supervisord"]

[files]
writable = ["/data"]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY --chmod=755 server /app/server
COPY entrypoint.sh /
ENTRYPOINT ["tini", "--", "/entrypoint.sh"]
CMD ["/app/server"]
"#,
        context: Context::new().add(&fixture("server"), "server").file(
            "entrypoint.sh",
            0o755,
            "#!/bin/sh
set -eu
: \"${APP_USER:=app}\"
mkdir -p /data/cache
chown -R \"$APP_USER\" /data
exec gosu \"$APP_USER\" \"$@\"\n",
        ),
    }
    .serves(|built| {
        let container = built.start(&[&DROPS[..], &GIVES].concat());
        assert_eq!(curl(&container, "http", "8080/"), "Hello from 1000:1000\n");
        assert_absent(&container, &["bash", "apt", "perl", "python3"]);
        // tini passes the signal on and ends with the program: no ten seconds until the engine kills it.
        let begin = Instant::now();
        docker_ok(&["stop", "--time", "20", &container.id]);
        assert!(begin.elapsed().as_secs() < 10, "the signal did not arrive");
    });
}

#[test]
fn supervisord() {
    App {
        name: "supervisord",
        base: DEBIAN_STARTERS,
        policy: r#"
profile = "python"

[run]
user = "app:1000"
command = ["supervisord", "-n", "-c", "/etc/supervisor/supervisord.conf"]

[remove]
commands = ["tini", "gosu"]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY --chmod=755 server /app/server
COPY main.py /app/
COPY supervisord.conf /etc/supervisor/supervisord.conf
RUN chmod 755 /app /app/main.py
USER 1000:1000
ENTRYPOINT ["supervisord", "-n", "-c", "/etc/supervisor/supervisord.conf"]
"#,
        context: Context::new()
            .add(&fixture("server"), "server")
            .file(
                "main.py",
                0o755,
                "import http.server, os\nos.chdir('/app')\nhttp.server.HTTPServer(('', 8081), http.server.SimpleHTTPRequestHandler).serve_forever()\n",
            )
            .file(
                "supervisord.conf",
                0o644,
                "[supervisord]\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=/tmp/supervisord.pid\n\n\
                 [program:server]\ncommand=/app/server\nstdout_logfile=/dev/null\n\n\
                 [program:files]\ncommand=python3 -u /app/main.py\nstdout_logfile=/dev/null\n",
            ),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/"), "Hello from 1000:1000\n");
        assert!(curl(&container, "http", "8081/main.py").contains("serve_forever"));
        assert_absent(&container, &["sh", "bash", "apt", "perl", "supervisorctl"]);
    });
}

#[test]
fn bash() {
    App {
        name: "bash",
        base: DEBIAN_12,
        policy: r#"
[run]
user = "app:1000"
command = ["/entrypoint.sh", "/app/server"]

[keep]
commands = ["sed", "date"]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY --chmod=755 server /app/server
COPY entrypoint.sh functions.sh template.conf /
USER 1000:1000
ENTRYPOINT ["/entrypoint.sh"]
CMD ["/app/server"]
"#,
        context: Context::new()
            .add(&fixture("server"), "server")
            .file("template.conf", 0o644, "port = @PORT@\n")
            .file("functions.sh", 0o644, "log() {\n    printf '%s %s\\n' \"$(date -u +%F)\" \"$*\" >&2\n}\n")
            .file(
                "entrypoint.sh",
                0o755,
                "#!/bin/bash
set -Eeuo pipefail
. /functions.sh
declare -A ports=([web]=8080)
sed \"s/@PORT@/${ports[web]}/\" /template.conf >/tmp/app.conf
while read -r key _ value; do
    log \"$key is $value\"
done < <(sed -n p /tmp/app.conf)
if [[ ${1-} == -* ]]; then
    set -- /app/server \"$@\"
fi
exec \"$@\"\n",
            ),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/"), "Hello from 1000:1000\n");
        assert!(container.logs().contains("port is 8080"), "{}", container.logs());
        assert_absent(&container, &["apt", "perl", "python3", "cat"]);
    });
}

#[test]
fn healthcheck() {
    App {
        name: "healthcheck",
        base: DEBIAN_12,
        policy: r#"
[run]
user = "app:1000"
command = [["/app/server"], ["/bin/sh", "-c", "curl -fsS http://localhost:8080/ || exit 1"]]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY --chmod=755 server /app/server
USER 1000:1000
HEALTHCHECK --interval=1s --retries=3 CMD curl -fsS http://localhost:8080/ || exit 1
ENTRYPOINT ["/app/server"]
"#,
        context: Context::new().add(&fixture("server"), "server"),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/"), "Hello from 1000:1000\n");
        let begin = Instant::now();
        loop {
            let health = docker_ok(&["inspect", "--format", "{{json .State.Health}}", &container.id]);
            if health.contains("\"Status\":\"healthy\"") {
                break;
            }
            assert!(!health.contains("\"Status\":\"unhealthy\"") && begin.elapsed() < PATIENCE, "{health}");
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        assert_absent(&container, &["bash", "apt", "perl"]);
    });
}
