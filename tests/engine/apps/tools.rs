//! Programs that live beside the command directories: a virtual environment, node_modules/.bin, git's helpers.

use crate::docker::Context;

use super::{App, DEBIAN_12, assert_absent, client, curl, eventually};

#[test]
fn python_venv() {
    App {
        name: "python-venv",
        base: DEBIAN_12,
        policy: r#"
profile = "python"

[run]
user = "app:1000"
command = ["serve", "8080"]

[check]
tcp = 8080
"#,
        dockerfile: r#"
RUN python3 -m venv /opt/venv
COPY site/ /opt/venv/lib/python3.11/site-packages/
COPY serve /opt/venv/bin/
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER 1000:1000
ENTRYPOINT ["serve"]
CMD ["8080"]
"#,
        context: Context::new()
            .file("serve", 0o755, "#!/opt/venv/bin/python3\nimport sys\nfrom served import main\nsys.exit(main())\n")
            .file("site/served/__init__.py", 0o644, VENV),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/"), "hello from /opt/venv\n");
        assert_absent(&container, &["sh", "bash", "apt", "perl"]);
    });
}

const VENV: &str = r#"
import http.server, subprocess, sys, zoneinfo

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        # Another program of the environment, by name and PATH.
        out = subprocess.run(["python", "-c", "import sys; print(sys.prefix)"], capture_output=True, check=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from " + out.stdout)

def main():
    http.server.HTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
"#;

#[test]
fn node_bin() {
    App {
        name: "node-bin",
        base: DEBIAN_12,
        policy: r#"
profile = "node"

[run]
user = "app:1000"
command = ["serve", "8080"]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY app /app
ENV PATH=/app/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /app
USER 1000:1000
ENTRYPOINT ["serve"]
CMD ["8080"]
"#,
        context: Context::new()
            .file(
                "app/node_modules/serve/cli.js",
                0o755,
                "#!/usr/bin/env node\nrequire('http').createServer((_, answer) => answer.end(`hello from ${__dirname}\\n`)).listen(+process.argv[2]);\n",
            )
            .symlink("app/node_modules/.bin/serve", "../serve/cli.js"),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/"), "hello from /app/node_modules/serve\n");
        assert_absent(&container, &["sh", "bash", "apt", "perl", "python3"]);
    });
}

#[test]
fn git() {
    App {
        name: "git",
        base: DEBIAN_12,
        policy: r#"
[run]
user = "app:1000"
command = ["git", "daemon", "--export-all", "--enable=receive-pack", "--base-path=/srv/git"]

[keep]
commands = [{ name = "sh", reason = "hooks" }]

[check]
tcp = 9418
"#,
        dockerfile: r#"
RUN git config --system user.name test && git config --system user.email test@example.org && \
    git init --bare -b main /srv/git/one && git clone /srv/git/one /tmp/one && cd /tmp/one && echo one >file && \
    git add file && git commit -q -m one && git push origin HEAD:main && rm -rf /tmp/one && \
    printf '#!/bin/sh\necho "the hook ran: $(git rev-parse --is-bare-repository)" >&2\n' >/srv/git/one/hooks/post-receive && \
    chmod 755 /srv/git/one/hooks/post-receive && chown -R 1000:1000 /srv/git
VOLUME /srv/git
USER 1000:1000
ENTRYPOINT ["git", "daemon", "--export-all", "--enable=receive-pack", "--base-path=/srv/git"]
"#,
        context: Context::new(),
    }
    .serves(|built| {
        let container = built.start(&[]);
        let address = container.address();
        let work = format!(
            "set -e; git clone -q git://{address}/one /tmp/one; cd /tmp/one; echo two >>file; git commit -q -a -m two
             git push origin HEAD:main 2>&1; git clone -q --depth 1 git://{address}/one /tmp/two; cat /tmp/two/file"
        );
        let said = eventually(&container, || client(&built.before.tag, &["--entrypoint", ""], &["sh", "-c", &work]));
        assert!(said.contains("the hook ran: true") && said.ends_with("one\ntwo"), "{said}\n{}", container.logs());
        assert_absent(&container, &["bash", "apt", "perl", "ssh"]);
    });
}
