//! Servers: started, asked on their port, stopped.

use std::net::TcpListener;

use super::image::{Options, apply, apply_with, perl, root};

/// A port that nobody uses now.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server on that port which ends at SIGTERM after writing a word.
fn server(port: u16) -> String {
    perl(&code(port))
}

fn code(port: u16) -> String {
    format!(
        "use Socket; $| = 1; $SIG{{TERM}} = sub {{ print \"bye\\n\"; exit 0 }};
         socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
         select undef, undef, undef, 0.2; bind($s, sockaddr_in({port}, INADDR_LOOPBACK)) or die $!; listen $s, 5;
         print \"listening\\n\"; while (1) {{ accept(my $c, $s) }}"
    )
}

#[test]
fn a_server_that_answers_passes_and_is_stopped() {
    let port = port();
    let config = format!("[check]\ncommands = [{{ command = {}, tcp = {port} }}]", server(port));
    let ran = apply(&root(), &config);
    ran.ends_with(0).says(&[
        "  | listening\n",
        "  | bye\n",
        &format!("until it answers on port {port}"),
        "check passed",
    ]);
    TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
}

#[test]
fn a_port_alone_starts_what_the_image_runs() {
    let port = port();
    let root = root().text("/app/server.pl", code(port));
    let config =
        format!("[run]\nuser = \"app:1000:1000\"\ncommand = \"/tools/perl /app/server.pl\"\n[check]\ntcp = {port}");
    std::fs::write(root.at("/other.toml"), config).unwrap();
    let script = "exec /harden apply --config /other.toml";
    let ran = apply_with(&root, "", Options { script, ..Options::default() });
    ran.ends_with(0).says(&["  | listening\n", "  | bye\n"]);
}

#[test]
fn a_server_that_ends_early_or_never_answers_fails() {
    let port = port();
    let early = format!("[check]\ncommands = [{{ command = {}, tcp = {port} }}]", perl("print \"no\\n\"; exit 0"));
    apply(&root(), &early)
        .ends_with(3)
        .says(&[&format!("ended with status 0 before it answered on port {port}"), "  | no\n"]);
    let never = format!("[check]\ncommands = [{{ command = {}, tcp = {port}, timeout = 1 }}]", perl("sleep 1000"));
    apply(&root(), &never).ends_with(3).says(&[&format!("did not answer on port {port} within 1 s and was killed")]);
}

#[test]
fn a_port_that_somebody_else_answers_on_is_refused_before_any_change() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = format!("[check]\ncommands = [{{ command = {}, tcp = {port} }}]", perl("exit 0"));
    let ran = apply(&root(), &config);
    ran.ends_with(2).says(&[
        &format!("refused[guard.checks]: another program already answers on TCP port {port}"),
        "nothing was changed",
    ]);
    ran.changed_nothing();
}

#[test]
fn a_step_without_loopback_is_refused_before_any_change() {
    let config = format!("[check]\ncommands = [{{ command = {}, tcp = 80 }}]", perl("exit 0"));
    let ran = apply_with(&root(), &config, Options { without_loopback: true, ..Options::default() });
    ran.ends_with(2)
        .says(&["refused[guard.checks]: this build step has no loopback interface for the check on TCP port 80"]);
    ran.changed_nothing();
}
