//! Alpine: busybox itself as the server, and a static program that needs nothing of the image.

use crate::docker::{Context, fixture};

use super::{ALPINE, App, assert_absent, curl};

/// Laid out as Alpine's package busybox-extras does it. Its mirror is not in reach of every test machine, so the program
/// itself is the static one that Debian packages.
#[test]
fn busybox_httpd() {
    App {
        name: "busybox-httpd",
        base: ALPINE,
        policy: r#"
[run]
user = "app:1000"
command = ["httpd", "-f", "-p", "8080", "-h", "/srv/www"]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY --from=harden-test/debian:12-starters /bin/busybox /bin/busybox-extras
RUN for applet in httpd ftpd telnet telnetd; do ln -s /bin/busybox-extras /usr/sbin/$applet; done
COPY index.html /srv/www/
USER 1000:1000
ENTRYPOINT ["httpd", "-f", "-p", "8080", "-h", "/srv/www"]
"#,
        context: Context::new().file("index.html", 0o644, "Hello from busybox\n"),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/index.html"), "Hello from busybox\n");
        assert_eq!(container.ids(), (1000, 1000));
        assert_absent(&container, &["sh", "busybox", "apk", "wget", "telnetd"]);
    });
}

#[test]
fn static_musl() {
    App {
        name: "static-musl",
        base: ALPINE,
        policy: r#"
profile = "static"

[run]
user = "app:1000"
command = ["/app/server"]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY --chmod=755 server /app/server
USER 1000:1000
ENTRYPOINT ["/app/server"]
"#,
        context: Context::new().add(&fixture("server"), "server"),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/"), "Hello from 1000:1000\n");
        assert_absent(&container, &["sh", "busybox", "apk", "wget"]);
    });
}
