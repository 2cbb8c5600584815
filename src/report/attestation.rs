//! The attestation of `harden image --attestation`: an in-toto Statement (in-toto attestation framework, spec v1) of
//! the hardened image, for a signature.

use std::io::{self, Write as _};

use serde::Serialize;

use super::json::write_ascii;
use crate::inventory::evidence::Evidence;

/// The type of a statement.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// The type of what is stated: docs/attestation.schema.json.
const PREDICATE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/attestation/v1");

#[derive(Serialize)]
struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: Vec<Subject<'a>>,
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    predicate: Predicate<'a>,
}

#[derive(Serialize)]
struct Subject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    digest: Sums<'a>,
}

#[derive(Serialize)]
struct Sums<'a> {
    sha256: &'a str,
}

#[derive(Serialize)]
struct Predicate<'a> {
    harden: &'static str,
    images: Vec<Image<'a>>,
}

#[derive(Serialize)]
struct Image<'a> {
    platform: &'a str,
    #[serde(flatten)]
    evidence: &'a Evidence,
}

/// Write the statement of the images of all platforms, as one JSON document with a newline at its end. `index` is the digest of
/// the index of several platforms.
///
/// # Errors
/// Those of writing.
pub(crate) fn write(
    out: &mut dyn io::Write,
    name: Option<&str>,
    index: Option<&str>,
    images: &[Evidence],
) -> io::Result<()> {
    let written = || images.iter().filter_map(|evidence| Some((evidence.output.as_ref()?, evidence)));
    let digests = index.into_iter().chain(written().map(|(output, _)| output.manifest.as_str()));
    let statement = Statement {
        kind: STATEMENT,
        subject: digests.map(|sha256| Subject { name, digest: Sums { sha256 } }).collect(),
        predicate_type: PREDICATE,
        predicate: Predicate {
            harden: env!("CARGO_PKG_VERSION"),
            images: written().map(|(output, evidence)| Image { platform: &output.platform, evidence }).collect(),
        },
    };
    let mut out = io::BufWriter::new(out);
    write_ascii(&mut out, &statement)?;
    out.flush()
}
