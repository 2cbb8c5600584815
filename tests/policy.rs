//! From files, flags and variables to a policy, through the library's front door.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(unreachable_pub)]

mod policy {
    mod common;
    mod dump;
    mod precedence;
    mod refused;
    mod schema;
}
