//! Fuzz target `tree`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| harden_fuzz::run("tree", data));
