//! The exit statuses of `harden`, all in one place.
//!
//! This module owns the numbers. It does not know which error leads to which of them.

/// How a run ended. The numbers are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: done, or nothing found. `plan` ends with it also when changes are pending.
    Done,
    /// 1: an audit found something at or above the level that was asked for.
    Findings,
    /// 2: the usage, the configuration or the plan was refused; nothing was changed.
    Refused,
    /// 3: a change or a check failed part-way; running again continues.
    Failed,
    /// `learn`: the status of its command; 125 when learn itself failed, 126 and 127 when the command could not run.
    Command(u8),
}

impl Exit {
    /// The status as the operating system gets it.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::Refused => 2,
            Self::Failed => 3,
            Self::Command(status) => status,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_contract() {
        let all = [Exit::Done, Exit::Findings, Exit::Refused, Exit::Failed, Exit::Command(77)];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 77]);
    }
}
