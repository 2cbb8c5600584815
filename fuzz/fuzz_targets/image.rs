//! Fuzz target `image`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| harden_fuzz::run("image", data));
