//! The application matrix: real programs as distributions package them, hardened with a short policy, then used by
//! their real clients from outside. Each test is one row of docs/matrix.md.
//!
//! A row's image is built once as its Dockerfile says and once more with harden run over it. Both are counted by the
//! census (tests/setup/census.rs): what is left resolves its libraries exactly as it did before. Then the hardened
//! image is used, locked down as far as the program allows. So is the one that `harden image` makes of the application's archive,
//! whose tree is the same, and one that is hardened with what `harden init` writes of the application's image.
//!
//! Then the same in minimal mode, copied into an empty image, with the same policy but for the mode. Some rows, and all
//! with `HARDEN_MATRIX=all`, go on: `harden learn` watches the program that was not hardened at the same work, and what it
//! found is added to the policy of a third image, of granularity "file".

mod alpine;
mod archive;
mod census;
mod init;
mod languages;
mod minimal;
mod missed;
mod servers;
mod starters;
mod table;
mod tools;
mod yardstick;

use std::time::{Duration, Instant};

use census::Census;

use crate::common::Command;
use crate::docker::{Builder, Container, Context, Image, LOCKED_DOWN, Options, both, build, docker, docker_ok};
use crate::matrix::assert_none;

const DEBIAN_REDIS: &str = "harden-test/debian:12-redis";
const DEBIAN_POSTGRES: &str = "harden-test/debian:12-postgres";
const DEBIAN_NGINX: &str = "harden-test/debian:12-nginx";
const DEBIAN_DOTNET: &str = "harden-test/debian:12-dotnet";
/// Debian 12 with many programs; each row keeps only its own.
const DEBIAN_12: &str = "harden-test/debian:12-apps";
/// Debian 13 with many programs.
const DEBIAN_13: &str = "harden-test/debian:13-apps";
/// Debian 12 with programs that start others.
const DEBIAN_STARTERS: &str = "harden-test/debian:12-starters";
const ALPINE: &str = "harden-test/alpine:3.20";

/// What a server that drops by itself gets back.
const DROPS: [&str; 4] = ["--cap-add", "SETUID", "--cap-add", "SETGID"];
/// What an entrypoint needs that hands volumes over before it drops.
const GIVES: [&str; 4] = ["--cap-add", "CHOWN", "--cap-add", "DAC_OVERRIDE"];

/// How long a program may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// One row.
struct App {
    name: &'static str,
    base: &'static str,
    /// The harden.toml.
    policy: &'static str,
    /// What follows FROM.
    dockerfile: &'static str,
    /// Everything else of the build context.
    context: Context,
}

/// What the work of a row is done with.
struct Built<'a> {
    /// The application's image as its Dockerfile makes it.
    before: &'a Image,
    /// What starts.
    tested: Tested<'a>,
}

enum Tested<'a> {
    /// An image that was hardened, and where harden's report says that it writes.
    Hardened(&'a Image, Vec<String>),
    /// The same by the policy that `harden init` writes, which may keep more than the row's.
    Proposed(&'a Image, Vec<String>),
    /// The hardened image, which may make the calls that were learned and no other.
    Confined(&'a Image, Vec<String>, &'a str),
    /// The application's own image under `harden learn`.
    Learning(&'a minimal::Lesson),
}

impl Built<'_> {
    /// Starts the hardened image, locked down but for these options. What the report calls writable is a volume, which
    /// takes over content, owner and mode, unless the options mount something there.
    fn start(&self, options: &[&str]) -> Container {
        let (hardened, writable) = match &self.tested {
            Tested::Hardened(image, writable)
            | Tested::Proposed(image, writable)
            | Tested::Confined(image, writable, _) => (image, writable),
            Tested::Learning(lesson) => return lesson.start(self.before, options),
        };
        // What the image writes besides is known to a person only.
        let read_only = usize::from(matches!(self.tested, Tested::Proposed(..)));
        let mut args = LOCKED_DOWN.get(read_only..).unwrap_or_default().to_vec();
        if let Tested::Confined(_, _, option) = self.tested {
            args.extend(["--security-opt", option]);
        }
        for path in writable.iter().filter(|path| !options.iter().any(|option| option.ends_with(&format!(":{path}")))) {
            let tmpfs = ["/tmp", "/var/tmp", "/run"].contains(&path.as_str());
            args.extend([if tmpfs { "--tmpfs" } else { "-v" }, path]);
        }
        let mut container = Container::start(&hardened.tag, &[&args, options].concat(), &[]);
        container.proposed = matches!(self.tested, Tested::Proposed(..));
        container
    }
}

impl App {
    /// Builds, counts, hardens, counts again, lets `work` use the hardened image, and writes or checks the row.
    fn serves(self, work: impl Fn(&Built<'_>)) {
        let dockerfile = format!("FROM {}\n{}", self.base, self.dockerfile);
        let context = self.context.file("Dockerfile", 0o644, &dockerfile);
        let before = build(Builder::BuildKit, &context, &Options::default());
        let user = docker_ok(&["inspect", "--format", "{{.Config.User}}", &before.tag]);
        let user = if user.is_empty() { "0" } else { &user };
        let was = Census::of(&before);
        // Counted and used; what the census says is given back.
        let judge = |image: &Image, how: &str| {
            let is = Census::of(image);
            assert_none(&format!("{}, {how}: files that miss what they need", self.name), &is.unlike(&was));
            eprintln!("{}, {how}", self.name);
            work(&Built { before: &before, tested: Tested::Hardened(image, writable(&image.log)) });
            is
        };

        let hardened = build(
            Builder::BuildKit,
            &Context::with_harden(self.policy).file(
                "Dockerfile",
                0o644,
                &format!(
                    "FROM {}\nUSER 0\nCOPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]\nUSER {user}\n",
                    before.tag
                ),
            ),
            &Options::default(),
        );
        let is = judge(&hardened, "without its commands");
        let missed = missed::of(&hardened.log);
        if minimal::confines(self.name) {
            let lesson = minimal::Lesson::new(self.policy.contains("start = \"root\""), true);
            eprintln!("{}, learning its calls", self.name);
            work(&Built { before: &before, tested: Tested::Learning(&lesson) });
            let option = lesson.confined();
            eprintln!("{}, confined to its calls", self.name);
            work(&Built { before: &before, tested: Tested::Confined(&hardened, writable(&hardened.log), &option) });
            refuses(&before, &option);
        }
        let archived = archive::hardened(self.name, &before, self.policy, &hardened);
        drop(hardened);

        eprintln!("{}, from its archive", self.name);
        work(&Built { before: &before, tested: Tested::Hardened(&archived, writable(&archived.log)) });
        drop(archived);

        let proposed = init::hardened(self.name, &before, user);
        eprintln!("{}, by init", self.name);
        work(&Built { before: &before, tested: Tested::Proposed(&proposed, writable(&proposed.log)) });
        drop(proposed);

        let small = minimal::build(&before, self.dockerfile, &minimal::by_package(self.policy));
        let least = judge(&small, "minimal");
        assert_eq!(least.commands, is.commands, "{}: minimal mode keeps the same commands", self.name);
        let packages = minimal::Packages::of(&before, &small);
        yardstick::holds(self.name, &before, least.sum("bytes"));
        drop(small);

        let learned = minimal::learns(self.name).then(|| {
            let lesson = minimal::Lesson::new(self.policy.contains("start = \"root\""), false);
            eprintln!("{}, learning", self.name);
            work(&Built { before: &before, tested: Tested::Learning(&lesson) });
            let image = minimal::build(&before, self.dockerfile, &minimal::by_file(self.policy, &lesson.learned()));
            judge(&image, "minimal by file, as learned").sum("bytes")
        });
        let (was, is, least) = (&was, &is, &least);
        let row = table::Row {
            name: self.name,
            base: self.base,
            policy: self.policy,
            missed,
            was,
            is,
            least,
            packages,
            learned,
        };
        table::record(&row);
    }
}

/// A call that the program did not make, and that an engine's own profile allows: shmget(2).
fn refuses(image: &Image, option: &str) {
    let number = if cfg!(target_arch = "aarch64") { 194 } else { 29 };
    let ask = format!("syscall({number}, 0, 4096, 0600); print 0 + $!");
    let said = |options: &[&str]| {
        let words = [&["--user", "0", "--entrypoint", "perl"][..], options].concat();
        client(&image.tag, &words, &["-e", &ask]).expect("perl answers")
    };
    assert_eq!((said(&[]), said(&["--security-opt", option])), ("0".to_owned(), "1".to_owned()));
}

/// The directories that harden's report names.
fn writable(log: &str) -> Vec<String> {
    let line = log.lines().find_map(|line| line.split_once("writable at run time (readOnlyRootFilesystem): "));
    line.map(|(_, paths)| paths.split(' ').map(str::to_owned).collect()).unwrap_or_default()
}

/// Asks until there is an answer.
///
/// # Panics
/// With the last complaint and the container's output, when the container ends or time is up.
pub fn eventually<T>(container: &Container, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let begin = Instant::now();
    loop {
        let last = match ask() {
            Ok(answer) => return answer,
            Err(error) => error,
        };
        let running = docker_ok(&["inspect", "--format", "{{.State.Running}}", &container.id]);
        assert!(running == "true", "the container ended:\n{last}\n{}", container.logs());
        assert!(begin.elapsed() < PATIENCE, "no answer: {last}\n{}", container.logs());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What a program of the host answered.
///
/// # Errors
/// All that it wrote, when it failed.
fn host(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err(both(&output)) }
}

/// What curl on the host got from a container, asked until it answers.
fn curl(container: &Container, scheme: &str, port_and_path: &str) -> String {
    let url = format!("{scheme}://{}:{port_and_path}", container.address());
    eventually(container, || host("curl", &["-sS", "-k", "-f", "--max-time", "10", &url]))
}

/// Runs a client in another container, of an image that was not hardened.
///
/// # Errors
/// All that it wrote, when it failed.
pub fn client(image: &str, options: &[&str], command: &[&str]) -> Result<String, String> {
    let output = docker(&[&["run", "--rm"], options, &[image], command].concat());
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(both(&output))
    }
}

/// The programs by these names do not start in a container, because they are not there; while it learns, everything is,
/// and what `harden init` keeps besides is its own guess.
fn assert_absent(container: &Container, programs: &[&str]) {
    for program in programs.iter().filter(|_| !container.learns && !container.proposed) {
        let output = docker(&["exec", "--user", "0", &container.id, program]);
        let text = both(&output);
        assert!(
            matches!(output.status.code(), Some(126 | 127)) && text.contains("no such file")
                || text.contains("not found"),
            "{program} answered: {text}"
        );
    }
}
