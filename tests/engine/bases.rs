//! The distributions that the matrix runs on, each with an application that really serves there.

use crate::docker::{Builder, Context, binary};

/// A base image and an application for it.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    pub tag: &'static str,
    /// The run command, as the TOML and JSON array that configuration and ENTRYPOINT share.
    pub command: &'static str,
    /// /app/server.
    server: &'static str,
    /// What the application answers.
    pub answer: &'static str,
    /// The programs that may be found in command directories afterwards, with their whole link chains:
    /// the run command's closure and `ls` and `awk`, which [`Base::config`] keeps.
    pub programs: &'static [&'static str],
}

/// A server in Perl: a script whose interpreter, libraries and modules have to stay.
const PERL_SERVER: &str = r#"#!/usr/bin/perl
use strict;
use warnings;
use IO::Socket::INET;
my $listener = IO::Socket::INET->new(LocalPort => 8080, Listen => 16, ReuseAddr => 1) or die "listen: $!";
while (my $visitor = $listener->accept) {
    while (defined(my $line = <$visitor>)) { last if $line =~ /^\r?$/ }
    print $visitor "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nHello from perl as $>\n";
    close $visitor;
}
"#;

/// What busybox `nc` starts for each visitor: a shell script that needs builtins only.
const SHELL_SERVER: &str = r#"#!/bin/sh
while read -r line; do
    case $line in "" | "$(printf '\r')") break ;; esac
done
printf 'HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nHello from busybox\n'
"#;

pub const DEBIAN_12: Base = Base {
    tag: "harden-test/debian:12",
    command: r#"["/app/server"]"#,
    server: PERL_SERVER,
    answer: "Hello from perl as 1000\n",
    programs: &["usr/bin/awk", "usr/bin/ls", "usr/bin/mawk", "usr/bin/perl"],
};

pub const DEBIAN_13: Base = Base { tag: "harden-test/debian:13", ..DEBIAN_12 };

pub const ALPINE: Base = Base {
    tag: "harden-test/alpine:3.20",
    command: r#"["/usr/bin/nc", "-lk", "-p", "8080", "-e", "/app/server"]"#,
    server: SHELL_SERVER,
    answer: "Hello from busybox\n",
    programs: &["bin/busybox", "bin/ls", "bin/sh", "usr/bin/awk", "usr/bin/nc"],
};

impl Base {
    /// The configuration: the application's account, its command, two kept commands, its directories.
    pub fn config(&self) -> String {
        let command = self.command;
        format!(
            r#"[run]
user    = "app:1000:1000"
home    = "/app"
command = {command}

[keep]
commands = ["ls", "awk"]

[files]
read-only = ["/app"]
writable  = ["/app/data"]

[packages]
database = "keep"
"#
        )
    }

    /// A context with the application, harden and [`Base::config`].
    pub fn context(&self, builder: Builder) -> Context {
        Context::with_harden(&self.config()).file("app/server", 0o755, self.server).file(
            "Dockerfile",
            0o644,
            &self.dockerfile(builder),
        )
    }

    fn dockerfile(&self, builder: Builder) -> String {
        let harden = match builder {
            Builder::Classic | Builder::BuildKit => "COPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]",
            Builder::BuildKitBind => {
                "RUN --mount=type=bind,source=harden,target=/run/harden \
                 --mount=type=bind,source=harden.toml,target=/run/harden.toml [\"/run/harden\", \"apply\"]"
            }
        };
        format!("FROM {}\nCOPY app /app\n{harden}\nUSER 1000:1000\nENTRYPOINT {}\n", self.tag, self.command)
    }

    /// The same image without harden: what stood there before.
    pub fn context_before(&self) -> Context {
        Context::new().file("app/server", 0o755, self.server).file(
            "Dockerfile",
            0o644,
            &format!("FROM {}\nCOPY app /app\n", self.tag),
        )
    }

    /// The same as an image that runs.
    pub fn context_to_run(&self) -> Context {
        self.context_before().file(
            "Dockerfile",
            0o644,
            &format!("FROM {}\nCOPY app /app\nUSER 1000:1000\nENTRYPOINT {}\n", self.tag, self.command),
        )
    }

    /// Hardens an image once more, `result` being the first run's.
    pub fn context_again(&self, result: &str) -> Context {
        Context::new().add(&binary(), "harden").file("harden.toml", 0o644, &self.config()).file(
            "Dockerfile",
            0o644,
            &format!("FROM {result}\nUSER root\nCOPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]\n"),
        )
    }
}
