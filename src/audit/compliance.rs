//! A verdict by the controls of a list: each passed, failed, or not applicable, with its evidence.
//!
//! The registry assigns checks to controls: the ids in [`Check::sources`]. Controls are named in our words: the lists
//! have terms of their own.

use super::{CHECKS, Check, Finding, Severity, State, Verdict};

/// A list whose controls are shown: a word of `--compliance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// CIS Docker Benchmark 1.6.0, chapter 4: images.
    CisDocker,
    /// DISA: Container Image Creation and Deployment Guide V2R0.6, and the General Purpose OS SRG.
    Stig,
    /// goodwithtech/dockle 0.4, docs of its checkpoints.
    Dockle,
}

impl List {
    pub(crate) const ALL: [Self; 3] = [Self::CisDocker, Self::Stig, Self::Dockle];

    /// The word of `--compliance`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CisDocker => "cis-docker",
            Self::Stig => "stig",
            Self::Dockle => "dockle",
        }
    }

    /// What it is, with its version.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::CisDocker => "CIS Docker Benchmark 1.6.0, chapter 4",
            Self::Stig => "DISA Container Image Creation and Deployment Guide V2R0.6 and General Purpose OS SRG",
            Self::Dockle => "dockle 0.4",
        }
    }

    /// The lists that a word of `--compliance` names.
    pub(crate) fn parse(word: &str) -> Option<Vec<Self>> {
        match word {
            "all" => Some(Self::ALL.to_vec()),
            _ => Self::ALL.into_iter().find(|list| list.name() == word).map(|list| vec![list]),
        }
    }
}

/// One control of a list.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) list: List,
    /// As the list writes it, with a word before numbers alone.
    pub(crate) id: &'static str,
    /// In our words.
    pub(crate) title: &'static str,
    /// Why no image can answer for it; empty where checks do.
    pub(crate) elsewhere: &'static str,
}

const fn control(list: List, id: &'static str, title: &'static str, elsewhere: &'static str) -> Control {
    Control { list, id, title, elsewhere }
}

const CIS: List = List::CisDocker;
const DISA: List = List::Stig;
const DOCKLE: List = List::Dockle;

/// Every control, list by list.
#[rustfmt::skip]
pub(crate) static CONTROLS: &[Control] = &[
    control(CIS, "CD 4.1", "a user for the container", ""),
    control(CIS, "CD 4.2", "trusted base images only", "the image does not say who vouches for its base"),
    control(CIS, "CD 4.3", "no packages that the container does not need", ""),
    control(CIS, "CD 4.4", "images are scanned and built again with patches", "it concerns the build process; use an image scanner"),
    control(CIS, "CD 4.5", "content trust is on", "it is a setting of the client"),
    control(CIS, "CD 4.6", "a health check", ""),
    control(CIS, "CD 4.7", "no update instruction alone in the Dockerfile", "it is about the Dockerfile"),
    control(CIS, "CD 4.8", "no set-id bits", ""),
    control(CIS, "CD 4.9", "COPY in place of ADD", "it is about the Dockerfile"),
    control(CIS, "CD 4.10", "no secrets in the Dockerfile", ""),
    control(CIS, "CD 4.11", "verified packages only", "the image does not say how its packages were verified"),
    control(CIS, "CD 4.12", "signed artifacts are verified", "signatures are beside the image"),
    control(DISA, "DCG 2.1", "no server for remote logins", ""),
    control(DISA, "DCG 2.2", "not as a privileged user", ""),
    control(DISA, "DCG 2.3", "no set-id bits", ""),
    control(DISA, "DCG 2.9", "no private keys", ""),
    control(DISA, "DCG 2.11", "verified packages, and a record of them", ""),
    control(DISA, "DCG 2.12", "essential software only", ""),
    control(DISA, "DCG 2.16", "the guide of the operating system is followed", ""),
    control(DISA, "DCG 2.18", "no stored credentials", ""),
    control(DISA, "GPOS SRG-OS-000096", "no functions, ports and services that are not needed", ""),
    control(DISA, "GPOS SRG-OS-000109", "no login with a shared password", ""),
    control(DISA, "GPOS SV-203667", "logs are protected", ""),
    control(DISA, "GPOS SV-203675", "libraries and commands are protected", ""),
    control(DISA, "GPOS SV-263659", "approved certificate authorities only", ""),
    control(DOCKLE, "CIS-DI-0001", "a user for the container", ""),
    control(DOCKLE, "CIS-DI-0002", "trusted base images only", "the image does not say who vouches for its base"),
    control(DOCKLE, "CIS-DI-0003", "no packages that the container does not need", "dockle does not check it; see CD 4.3"),
    control(DOCKLE, "CIS-DI-0004", "images are scanned and built again with patches", "it concerns the build process; use an image scanner"),
    control(DOCKLE, "CIS-DI-0005", "content trust is on", "it is a setting of the client"),
    control(DOCKLE, "CIS-DI-0006", "a health check", ""),
    control(DOCKLE, "CIS-DI-0007", "no update instruction alone in the Dockerfile", "it is about the Dockerfile"),
    control(DOCKLE, "CIS-DI-0008", "no set-id bits", ""),
    control(DOCKLE, "CIS-DI-0009", "COPY in place of ADD", "it is about the Dockerfile"),
    control(DOCKLE, "CIS-DI-0010", "no secrets in variables and files", ""),
    control(DOCKLE, "CIS-DI-0011", "verified packages only", "the image does not say how its packages were verified"),
    control(DOCKLE, "DKL-DI-0001", "no sudo", ""),
    control(DOCKLE, "DKL-DI-0002", "no sensitive directory is a volume", "it is about how the container is started"),
    control(DOCKLE, "DKL-DI-0003", "no apt-get dist-upgrade", "it is about the Dockerfile"),
    control(DOCKLE, "DKL-DI-0004", "no cache of apk", ""),
    control(DOCKLE, "DKL-DI-0005", "no caches of apt", ""),
    control(DOCKLE, "DKL-DI-0006", "no tag latest", "the file system does not know its tag"),
    control(DOCKLE, "DKL-LI-0001", "no empty password", ""),
    control(DOCKLE, "DKL-LI-0002", "unique uids and gids", ""),
    control(DOCKLE, "DKL-LI-0003", "no files from a developer's machine", ""),
];

/// What became of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    NotApplicable,
}

impl Outcome {
    /// Its word in every format.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// A control with its outcome.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) control: &'static Control,
    pub(crate) outcome: Outcome,
    /// The checks that answer for it.
    pub(crate) checks: Vec<&'static Check>,
    /// Findings that fail it, the worst first.
    pub(crate) evidence: Vec<&'a Finding>,
    /// How many more were accepted, by the policy or the baseline.
    pub(crate) accepted: usize,
    /// Why it is not applicable.
    pub(crate) why: String,
}

/// The checks that answer for a control.
pub(crate) fn checks(control: &Control) -> Vec<&'static Check> {
    CHECKS.iter().filter(|check| check.sources.contains(&control.id)).collect()
}

/// Each control of these lists, by a verdict. Findings that are only worth knowing fail none.
pub(crate) fn answers<'a>(verdict: &'a Verdict, lists: &[List]) -> Vec<Answer<'a>> {
    let controls = CONTROLS.iter().filter(|control| lists.contains(&control.list));
    controls
        .map(|control| {
            let checks = checks(control);
            let of = |finding: &&Finding| {
                finding.severity > Severity::Info && checks.iter().any(|check| std::ptr::eq(*check, finding.check))
            };
            let found: Vec<&Finding> = verdict.findings.iter().filter(of).collect();
            let evidence: Vec<&Finding> = found.iter().copied().filter(|finding| finding.state == State::New).collect();
            let ran = |check: &&'static Check| verdict.checks.iter().any(|ran| std::ptr::eq(*ran, *check));
            let missing: Vec<&str> = checks.iter().filter(|check| !ran(check)).map(|check| check.id).collect();
            let (outcome, why) = if !control.elsewhere.is_empty() {
                (Outcome::NotApplicable, control.elsewhere.to_owned())
            } else if !evidence.is_empty() {
                (Outcome::Failed, String::new())
            } else if missing.len() == checks.len() {
                (Outcome::NotApplicable, format!("the input of {} was not given", missing.join(" and ")))
            } else {
                (Outcome::Passed, String::new())
            };
            Answer { control, outcome, accepted: found.len() - evidence.len(), checks, evidence, why }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{CHECKS, CONTROLS, checks};

    #[test]
    fn every_control_has_checks_or_a_reason_and_every_id_of_a_check_is_a_control() {
        for control in CONTROLS {
            assert_eq!(checks(control).is_empty(), !control.elsewhere.is_empty(), "{}", control.id);
        }
        let known = |id: &str| CONTROLS.iter().any(|control| control.id == id);
        let ours = ["CD 4", "DCG ", "GPOS ", "CIS-DI-", "DKL-"];
        for id in
            CHECKS.iter().flat_map(|check| check.sources).filter(|id| ours.iter().any(|start| id.starts_with(start)))
        {
            assert!(known(id), "{id} is no control");
        }
    }
}
