//! The internal items that tests and fuzz targets use. All others are private, so that the compiler finds dead code.

pub mod applets {
    //! Multi-call binaries.
    pub use crate::applets::{Family, claims, disable, read};
}

pub mod archive {
    //! Images as archives.
    pub use crate::archive::{Archive, Platform, read};
}

pub mod audit {
    //! Checks.
    pub use crate::audit::{CHECKS, Check, controls, is_secret_line, is_secret_setting};
}

pub mod cli {
    //! The command line.
    pub use crate::cli::Cli;
}

pub mod closure {
    //! The closure: entries that have to stay.
    pub use crate::closure::{Closure, Input};

    pub mod removable {
        //! Leftovers of packages.
        pub use crate::closure::removable::{Removable, Selection, removable};
    }
}

pub mod diag {
    //! Messages.
    pub use crate::diag::{Diagnostic, Origin, Place};

    pub mod escape {
        //! Names made safe to print.
        pub use crate::diag::escape::escaped;
    }
}

pub mod draft {
    //! Changes that rules ask for.
    pub use crate::draft::{Change, Draft, New};

    pub mod record {
        //! Evidence.
        pub use crate::draft::record::Target;
    }
}

pub mod facts {
    //! Facts about a root.
    pub use crate::facts::Facts;

    pub mod accounts {
        //! Account files.
        pub use crate::facts::accounts::{Accounts, Database, MAX_SIZE, parse, write};
    }

    pub mod commands {
        //! Commands: programs that can be run by name.
        pub use crate::facts::commands::Commands;
    }

    pub mod elf {
        //! ELF files.
        pub use crate::facts::elf::{Bytes, Elf, HEAD};
    }

    pub mod multicall {
        //! Multi-call programs of a root.
        pub use crate::facts::multicall::{Family, kept};
    }

    pub mod os {
        //! The distribution.
        pub use crate::facts::os::Os;
    }

    pub mod packages {
        //! Package databases.
        pub use crate::facts::packages::{Manager, Packages};
    }

    pub mod program {
        //! Files that the kernel can start.
        pub use crate::facts::program::Shebang;
    }
}

pub mod plan {
    //! Ordered steps.
    pub use crate::plan::{Plan, Step};
}

pub mod programs {
    //! Program files: facts about single programs.

    pub use crate::programs::{Claimed, Claims, Known};

    /// What every built-in file claims of real programs.
    #[must_use]
    pub fn claims() -> Vec<Claims> {
        crate::programs::claims()
    }

    /// Every built-in file that has a name without a pattern.
    #[must_use]
    pub fn known() -> Vec<Known> {
        crate::programs::known()
    }

    /// The JSON schema of program files.
    #[must_use]
    pub fn schema() -> String {
        crate::programs::schema()
    }
}

pub mod policy {
    //! The policy: the wishes of the user.
    pub use crate::policy::{
        CommandEntry, CommandLine, Database, Entry, Environment, Inputs, Known, LARGEST_INPUT, Loaded, Options,
        Pattern, Policy, Run, RunUser, Start, Switch, dump, load, pattern_text, schema,
    };
}

pub mod root {
    //! The file system.
    pub use crate::root::{Error, Root, is_temporary};
}

pub mod rules {
    //! Rules.
    pub use crate::rules::{ids, switched_on};

    pub mod accounts {
        //! Rules of accounts.
        pub use crate::rules::accounts::finish;

        pub mod user {
            //! accounts.user.
            pub use crate::rules::accounts::user::{ID, check};
        }

        pub mod prune {
            //! accounts.prune.
            pub use crate::rules::accounts::prune::{ID, check};
        }

        pub mod shell {
            //! accounts.shell.
            pub use crate::rules::accounts::shell::{ID, check};
        }

        pub mod lock {
            //! accounts.lock.
            pub use crate::rules::accounts::lock::{ID, check};
        }

        pub mod backup {
            //! accounts.backup.
            pub use crate::rules::accounts::backup::{ID, check};
        }
    }

    pub mod context {
        //! The inputs of a rule.
        pub use crate::rules::context::{Context, Reached};
    }

    pub mod zones {
        //! Parts of a root.
        pub use crate::rules::zones::Zones;
    }
}

pub mod run {
    //! The commands.
    pub use crate::run::known;
}

pub mod shell {
    //! Shell code.
    pub use crate::shell::{Code, Dialect, execline, names, quoted, split};
}

pub mod tree {
    //! Every entry of a root.
    pub use crate::tree::{Id, Kind, Tree};

    pub mod contents {
        //! The content of files.
        pub use crate::tree::contents::Contents;
    }

    pub mod glob {
        //! Patterns in files of the image.
        use crate::tree::{Id, Tree};

        /// What a pattern names, as a shell expands it.
        #[must_use]
        pub fn expand(tree: &Tree, pattern: &[u8]) -> Vec<Id> {
            crate::tree::glob::expand_as_shell(tree, pattern)
        }
    }

    pub mod set {
        //! Sets of entries.
        pub use crate::tree::set::IdSet;
    }
}
