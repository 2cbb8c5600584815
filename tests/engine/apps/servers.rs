//! nginx, redis, PostgreSQL, OpenSSH: servers that start as root and drop, as their official images do.

use crate::docker::{Container, Context, docker_ok, unique};

use super::{
    App, DEBIAN_12, DEBIAN_NGINX, DEBIAN_POSTGRES, DEBIAN_REDIS, DROPS, GIVES, assert_absent, client, curl, eventually,
    host,
};

/// A volume that goes when it is dropped.
struct Volume(String);

impl Volume {
    fn new() -> Volume {
        Volume(docker_ok(&["volume", "create", &unique("volume")]))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = crate::docker::docker(&["volume", "rm", "-f", &self.0]);
    }
}

#[test]
fn nginx() {
    let context = Context::new().file("index.html", 0o644, "Hello from nginx\n").file(
        "default",
        0o644,
        "server {
            listen 8080;
            listen 8443 ssl;
            ssl_certificate /etc/nginx/tls/cert.pem;
            ssl_certificate_key /etc/nginx/tls/key.pem;
            root /srv/www;
        }\n",
    );
    let key = context.path().join("tls");
    std::fs::create_dir(&key).expect("a directory");
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| key.join(name).to_string_lossy().into_owned());
    host(
        "openssl",
        &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-keyout", &key, "-out", &cert],
    )
    .expect("a certificate");
    App {
        name: "nginx",
        base: DEBIAN_NGINX,
        policy: r#"
profile = "nginx"

[run]
user = "www-data"
start = "root"
command = ["nginx", "-g", "daemon off;"]

[check]
commands = ["nginx -t"]
tcp = 8080
"#,
        dockerfile: r#"
COPY default /etc/nginx/sites-available/default
COPY tls /etc/nginx/tls
COPY index.html /srv/www/
ENTRYPOINT ["nginx", "-g", "daemon off;"]
"#,
        context,
    }
    .serves(|built| {
        let container = built.start(&[&DROPS[..], &["--cap-add", "CHOWN"]].concat());
        assert_eq!(curl(&container, "http", "8080/"), "Hello from nginx\n");
        assert_eq!(curl(&container, "https", "8443/index.html"), "Hello from nginx\n");
        assert_absent(&container, &["sh", "apt", "perl"]);
    });
}

#[test]
fn redis() {
    let context = Context::new().file(
        "docker-entrypoint.sh",
        0o755,
        "#!/bin/sh
set -e
if [ \"$1\" = redis-server ] && [ \"$(id -u)\" = 0 ]; then
    find . \\! -user redis -exec chown redis '{}' +
    exec gosu redis \"$0\" \"$@\"
fi
umask 0077
exec \"$@\"\n",
    );
    App {
        name: "redis",
        base: DEBIAN_REDIS,
        policy: r#"
profile = "redis"

[run]
user = "redis"
start = "root"
command = ["docker-entrypoint.sh", "redis-server"]

[keep]
commands = ["id", "find", "chown", "gosu"]

[files]
writable = ["/data"]

[check]
tcp = 6379
"#,
        dockerfile: r#"
COPY docker-entrypoint.sh /usr/local/bin/
VOLUME /data
WORKDIR /data
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server", "--protected-mode", "no", "--dir", "/data"]
"#,
        context,
    }
    .serves(|built| {
        let volume = Volume::new();
        let mount = format!("{}:/data", volume.0);
        let options = [&DROPS[..], &GIVES, &["-v", &mount]].concat();
        let ask = |container: &Container, words: &[&str]| {
            let address = container.address();
            let command = [&["redis-cli", "-e", "-h", &address], words].concat();
            eventually(container, || client(&built.before.tag, &["--entrypoint", ""], &command))
        };
        {
            let container = built.start(&options);
            assert_eq!(ask(&container, &["SET", "greeting", "hello"]), "OK");
            assert_eq!(ask(&container, &["GET", "greeting"]), "hello");
            assert_eq!(ask(&container, &["SAVE"]), "OK");
            assert_ne!(container.ids().0, 0, "the server dropped");
            assert_absent(&container, &["bash", "apt", "perl"]);
        }
        let container = built.start(&options);
        assert_eq!(ask(&container, &["GET", "greeting"]), "hello", "the volume kept it");
    });
}

#[test]
fn postgres() {
    let context = Context::new().file(
        "docker-entrypoint.sh",
        0o755,
        "#!/bin/bash
set -Eeo pipefail
if [ \"$(id -u)\" = 0 ]; then
    mkdir -p \"$PGDATA\" /var/run/postgresql
    chmod 0700 \"$PGDATA\"
    chmod 03775 /var/run/postgresql
    find \"$PGDATA\" \\! -user postgres -exec chown postgres '{}' +
    find /var/run/postgresql \\! -user postgres -exec chown postgres '{}' +
    exec gosu postgres \"$BASH_SOURCE\" \"$@\"
fi
if [ ! -s \"$PGDATA/PG_VERSION\" ]; then
    initdb --username=postgres --pwfile=<(printf '%s' \"$POSTGRES_PASSWORD\") --auth-host=scram-sha-256
    pg_ctl -D \"$PGDATA\" -o \"-c listen_addresses=''\" -w start
    pg_ctl -D \"$PGDATA\" -m fast -w stop
    printf 'host all all all scram-sha-256\\n' >>\"$PGDATA/pg_hba.conf\"
fi
exec \"$@\"\n",
    );
    App {
        name: "postgres",
        base: DEBIAN_POSTGRES,
        policy: r#"
profile = "postgres"

[run]
user = "postgres"
start = "root"
command = ["docker-entrypoint.sh", "postgres"]

[keep]
commands = ["id", "mkdir", "chmod", "find", "chown", "gosu"]

[check]
commands = ["gosu postgres initdb -D /tmp/check --auth=trust"]
"#,
        dockerfile: r#"
RUN rm -rf /var/lib/postgresql/15/main
COPY docker-entrypoint.sh /usr/local/bin/
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres", "-c", "listen_addresses=*"]
STOPSIGNAL SIGINT
"#,
        context,
    }
    .serves(|built| {
        let volume = Volume::new();
        let mount = format!("{}:/var/lib/postgresql/data", volume.0);
        let options = [
            &DROPS[..],
            &GIVES,
            &["--cap-add", "FOWNER", "-v", &mount, "-e", "POSTGRES_PASSWORD=secret"],
        ]
        .concat();
        let ask = |container: &Container, query: &str| {
            let address = container.address();
            let command = ["psql", "-h", &address, "-U", "postgres", "-tAc", query];
            eventually(container, || {
                client(&built.before.tag, &["--entrypoint", "", "-e", "PGPASSWORD=secret"], &command)
            })
        };
        {
            let container = built.start(&options);
            ask(&container, "CREATE TABLE IF NOT EXISTS t (at timestamptz, word text COLLATE \"C\")");
            ask(&container, "INSERT INTO t VALUES (now() AT TIME ZONE 'Europe/Vienna', 'kept')");
            docker_ok(&["stop", &container.id]);
            docker_ok(&["start", &container.id]);
            assert_eq!(ask(&container, "SELECT DISTINCT word FROM t"), "kept", "after a restart");
            assert_ne!(container.ids().0, 0, "the server dropped");
            assert_absent(&container, &["apt", "perl", "psql", "pg_dump"]);
        }
        let container = built.start(&options);
        assert_eq!(ask(&container, "SELECT DISTINCT word FROM t"), "kept", "the volume kept it");
    });
}

/// sshd with an account that may only transfer files.
fn sshd(name: &'static str, policy: &'static str, subsystem: &str) {
    let config = format!(
        "Port 2222\nHostKey /etc/ssh/ssh_host_ed25519_key\nPasswordAuthentication no\nUsePAM yes\n\
         Subsystem sftp {subsystem}\nLogLevel VERBOSE\n"
    );
    let context = Context::new().file("sshd_config", 0o644, &config).file("greeting", 0o644, "hello\n");
    App {
        name,
        base: DEBIAN_12,
        policy,
        dockerfile: r#"
RUN mkdir -p /run/sshd && useradd --create-home --shell /bin/sh files && mkdir -p /home/files/.ssh && \
    ssh-keygen -q -t ed25519 -N '' -f /srv/key && cp /srv/key.pub /home/files/.ssh/authorized_keys && \
    rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
COPY sshd_config /etc/ssh/sshd_config
COPY greeting /home/files/greeting
ENTRYPOINT ["/usr/sbin/sshd", "-D", "-e"]
"#,
        context,
    }
    .serves(|built| {
        // A session of its own: sshd changes root, uid and gid for each visitor.
        let container = built.start(&[&DROPS[..], &["--cap-add", "SYS_CHROOT"]].concat());
        let script = format!(
            "sftp -P 2222 -i /srv/key -o StrictHostKeyChecking=no -o BatchMode=yes files@{}:greeting /tmp/got >&2 &&
             cat /tmp/got",
            container.address()
        );
        let got = eventually(&container, || client(&built.before.tag, &["--entrypoint", ""], &["sh", "-c", &script]));
        assert_eq!(got, "hello", "{}", container.logs());
        assert_absent(&container, &["bash", "apt", "perl", "ssh"]);
    });
}

#[test]
fn sftp_internal() {
    sshd(
        "sftp-internal",
        r#"
[run]
user = "files"
start = "root"
command = ["/usr/sbin/sshd", "-D", "-e"]

[keep]
users = ["sshd"]

[check]
commands = ["/usr/sbin/sshd -t"]
tcp = 2222
"#,
        "internal-sftp",
    );
}

#[test]
fn sftp_server() {
    sshd(
        "sftp-server",
        r#"
[run]
user = "files"
start = "root"
command = ["/usr/sbin/sshd", "-D", "-e"]

[keep]
users = ["sshd"]
commands = [{ name = "sh", reason = "sshd starts the subsystem through the account's shell" }]
shells = ["files"]

[check]
commands = ["/usr/sbin/sshd -t"]
tcp = 2222
"#,
        "/usr/lib/openssh/sftp-server",
    );
}
