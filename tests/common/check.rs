//! What holds for every apply, whatever the case: asserted here once, so that every test asserts it.

use std::ffi::OsStr;
use std::io::Write;

use super::invariants::assert_invariants;
use super::rootfs::Rootfs;
use super::run::Run;
use super::snapshot::Snapshot;

/// A tree that was hardened.
pub(crate) struct Applied {
    pub(crate) before: Snapshot,
    pub(crate) after: Snapshot,
    pub(crate) run: Run,
    pub(crate) report: serde_json::Value,
    pub(crate) root: Rootfs,
}

/// A tree that was refused.
pub(crate) struct Refused {
    pub(crate) run: Run,
}

/// One change of a report.
pub(crate) type Change = (String, String, String);

impl Rootfs {
    /// Harden the tree, by these options and the text of a harden.toml.
    ///
    /// Asserted every time: exit status 0; the plan says before what apply says after; exactly what the report names
    /// differs; directories keep their times, rewritten files are a second younger, all others keep theirs; no mode
    /// is loosened but where the policy asks for it; no temporary file stays; a second apply writes nothing.
    pub(crate) fn apply_config(self, config: &str, args: &[&str]) -> Applied {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(config.as_bytes()).unwrap();
        let mut all = vec!["--config", file.path().to_str().unwrap()];
        all.extend(args);
        self.apply(&all)
    }

    pub(crate) fn apply(self, args: &[&str]) -> Applied {
        self.stamp();
        let before = Snapshot::of(self.path());
        let json: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
        let plan = self.run("plan", &json);
        assert_eq!(plan.status, 0, "plan: {}", plan.all());
        before.assert_untouched(&Snapshot::of(self.path()), "plan changes nothing");
        let run = self.run("apply", &json);
        assert_eq!(run.status, 0, "apply: {}", run.all());
        let after = Snapshot::of(self.path());
        let report = run.json();
        assert_eq!(plan.json()["changes"], report["changes"], "plan and apply differ");
        let applied = Applied { before, after, run, report, root: self };
        assert_invariants(&applied.before, &applied.after, &applied.report);
        let again = applied.root.run("apply", &json);
        assert_eq!(again.status, 0, "second apply: {}", again.all());
        assert_eq!(again.json()["changes"], serde_json::json!([]), "second apply");
        applied.after.assert_untouched(&Snapshot::of(applied.root.path()), "second apply");
        applied
    }

    /// As [`Rootfs::refuse`], with the text of a harden.toml.
    pub(crate) fn refuse_config(&self, config: &str, args: &[&str]) -> Refused {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(config.as_bytes()).unwrap();
        let mut all = vec!["--config", file.path().to_str().unwrap()];
        all.extend(args);
        self.refuse(&all)
    }

    /// Apply is refused: exit status 2, help in the message, no inode written; and plan says the same.
    pub(crate) fn refuse<A: AsRef<OsStr>>(&self, args: &[A]) -> Refused {
        self.stamp();
        let before = Snapshot::of(self.path());
        let run = self.run("apply", args);
        assert_eq!(run.status, 2, "apply is refused: {}", run.all());
        before.assert_untouched(&Snapshot::of(self.path()), "a refused apply");
        assert!(refusals(&run) > 0, "{}", run.all());
        assert!(run.stderr.contains("\n  help: "), "{}", run.all());
        assert!(run.stderr.contains("nothing was changed"), "{}", run.all());
        let plan = self.run("plan", args);
        assert_eq!(plan.status, 2, "plan is refused: {}", plan.all());
        let messages = |run: &Run| -> Vec<String> {
            run.stderr.lines().filter(|line| !line.starts_with("harden: ")).map(str::to_owned).collect()
        };
        assert_eq!(messages(&plan), messages(&run), "plan and apply say the same");
        before.assert_untouched(&Snapshot::of(self.path()), "a refused plan");
        Refused { run }
    }
}

/// How many refusals and errors were printed, each with its id.
pub(crate) fn refusals(run: &Run) -> usize {
    run.stderr.lines().filter(|line| line.starts_with("refused[") || line.starts_with("error[")).count()
}

impl Refused {
    /// All of these are in the messages.
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.run.stderr.contains(part), "no {part:?} in: {}", self.run.stderr);
        }
        self
    }

    /// There is exactly one refusal.
    pub(crate) fn alone(self) -> Self {
        assert_eq!(refusals(&self.run), 1, "{}", self.run.stderr);
        self
    }
}

impl Applied {
    /// Changes as (rule, action, path).
    pub(crate) fn changes(&self) -> Vec<Change> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let changes = self.report["changes"].as_array().unwrap();
        changes.iter().map(|change| (text(&change["rule"]), text(&change["action"]), text(&change["path"]))).collect()
    }

    /// Paths that a rule removed.
    pub(crate) fn removed_by(&self, rule: &str) -> Vec<String> {
        self.changes().into_iter().filter(|c| c.0 == rule && c.1 == "remove").map(|c| c.2).collect()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.after.has(path)
    }

    #[track_caller]
    pub(crate) fn assert_gone(&self, paths: &[&str]) {
        for path in paths {
            assert!(self.before.has(path), "{path} was never there");
            assert!(!self.has(path), "{path} is still there");
        }
    }

    #[track_caller]
    pub(crate) fn assert_kept(&self, paths: &[&str]) {
        for path in paths {
            assert!(self.has(path), "{path} is gone");
        }
    }

    /// Not a byte, bit or time of these differs, nor the inode.
    #[track_caller]
    pub(crate) fn assert_same(&self, paths: &[&str]) {
        for path in paths {
            assert_eq!(self.before.get(path), self.after.get(path), "{path} differs");
        }
    }
}
