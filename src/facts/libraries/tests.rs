//! The order in which loaders search.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::rc::Rc;

use super::super::elf::fixture::{Spec, library};
use super::super::elf::{Elf, HEAD};
use super::{Libraries, Loader, Object, is_musl_builtin};
use crate::tree::Tree;
use crate::tree::contents::memory::{Memory, image};

fn object(tree: &Tree, path: &str, spec: &Spec<'_>, parent: Option<usize>) -> Object {
    let data = spec.build();
    let elf = Elf::parse(data.get(..HEAD).unwrap_or(&data), &data[..]).unwrap();
    let names = elf.names(&data[..]).unwrap();
    let id = tree.lookup(path.as_bytes()).unwrap();
    Object { id, origin: tree.path(tree.parent(id)), elf: Rc::new(elf), names: Rc::new(names), parent }
}

fn found(tree: &Tree, memory: &Memory, loader: &Loader, objects: &[Object], name: &str) -> Vec<String> {
    let libraries = Libraries::collect(tree, memory, None);
    let paths = libraries.find(tree, memory, loader, objects, objects.len() - 1, name.as_bytes());
    paths.paths.iter().map(|p| String::from_utf8(p.clone()).unwrap()).collect()
}

#[test]
fn glibc_looks_in_rpath_runpath_configuration_and_system_directories() {
    let libraries = [
        "/opt/app/lib/libx.so",
        "/opt/conf/libx.so",
        "/usr/lib/x86_64-linux-gnu/libx.so",
        "/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libx.so",
        "/usr/lib64/liby.so",
        "/opt/rpath/libz.so",
    ];
    let mut entries = vec![
        ("/lib", "-> usr/lib"),
        ("/opt/app/bin/prog", ""),
        ("/etc/ld.so.conf", "include ld.so.conf.d/*.conf\n"),
        ("/etc/ld.so.conf.d/a.conf", "# comment\n/opt/conf\n"),
        ("/opt/wrong/libx.so", "text"),
    ];
    entries.extend(libraries.iter().map(|&path| (path, "")));
    let (tree, mut memory) = image(&entries);
    for path in libraries {
        memory.put(path, &library("x", &[]));
    }
    let glibc = Loader::Glibc;
    let prog = |spec: &Spec<'_>| vec![object(&tree, "/opt/app/bin/prog", spec, None)];
    let own = Spec { runpath: Some("/opt/wrong:$ORIGIN/../lib"), needed: vec!["x"], ..Spec::default() };
    assert_eq!(found(&tree, &memory, &glibc, &prog(&own), "libx.so"), ["/opt/app/bin/../lib/libx.so"]);
    // Without a cache the loader knows nothing of ld.so.conf: the system directories are all there is.
    assert_eq!(
        found(&tree, &memory, &glibc, &prog(&Spec::default()), "libx.so"),
        ["/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libx.so", "/lib/x86_64-linux-gnu/libx.so"]
    );
    assert_eq!(found(&tree, &memory, &glibc, &prog(&Spec::default()), "liby.so"), ["/usr/lib64/liby.so"]);
    let lib = Spec { rpath: Some("/usr/$LIB"), needed: vec!["x"], ..Spec::default() };
    assert_eq!(
        found(&tree, &memory, &glibc, &prog(&lib), "libx.so"),
        ["/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libx.so", "/usr/lib/x86_64-linux-gnu/libx.so"]
    );
    // DT_RPATH of the program serves its libraries, DT_RUNPATH does not.
    let rpath = Spec { rpath: Some("/opt/rpath"), needed: vec!["x"], ..Spec::default() };
    let mut two = prog(&rpath);
    two.push(object(&tree, "/usr/lib64/liby.so", &Spec::default(), Some(0)));
    assert_eq!(found(&tree, &memory, &glibc, &two, "libz.so"), ["/opt/rpath/libz.so"]);
    let runpath = Spec { runpath: Some("/opt/rpath"), needed: vec!["x"], ..Spec::default() };
    let mut two = prog(&runpath);
    two.push(object(&tree, "/usr/lib64/liby.so", &Spec::default(), Some(0)));
    assert_eq!(found(&tree, &memory, &glibc, &two, "libz.so"), Vec::<String>::new());
    // Another machine's library is passed over.
    let arm = Spec { machine: 183, ..Spec::default() };
    assert_eq!(found(&tree, &memory, &glibc, &prog(&arm), "liby.so"), Vec::<String>::new());
}

#[test]
fn the_cache_comes_before_the_system_directories_and_the_environment_before_both() {
    let libraries = ["/usr/lib/libx.so", "/opt/v3/libx.so", "/opt/plain/libx.so", "/opt/conf/libz.so", "/env/libx.so"];
    let cache = super::cache::fixture::new(
        &[
            ("libx.so", "/opt/v4/libx.so", 1 << 62),
            ("libx.so", "/opt/v3/libx.so", 1 << 62),
            ("libx.so", "/opt/i386/libx.so", 0),
            ("libx.so", "/opt/plain/libx.so", 0),
            ("libx.so", "/usr/lib/libx.so", 0),
        ],
        false,
    );
    let mut entries = vec![("/bin/prog", ""), ("/etc/ld.so.conf", "/opt/conf\n"), ("/etc/ld.so.cache", "")];
    entries.extend(libraries.iter().map(|&path| (path, "")));
    entries.push(("/opt/i386/libx.so", ""));
    let (tree, mut memory) = image(&entries);
    for path in libraries {
        memory.put(path, &library("x", &[]));
    }
    memory.put("/opt/i386/libx.so", &Spec { bits64: false, machine: 3, ..Spec::default() }.build());
    memory.put("/etc/ld.so.cache", &cache);
    let objects = [object(&tree, "/bin/prog", &Spec::default(), None)];
    let find = |environment: Option<&[String]>, name: &str| {
        let libraries = Libraries::collect(&tree, &memory, environment);
        let found = libraries.find(&tree, &memory, &Loader::Glibc, &objects, 0, name.as_bytes());
        let paths = found.paths.iter().map(|path| String::from_utf8(path.clone()).unwrap());
        (paths.collect::<Vec<_>>(), found.after_ldconfig)
    };
    // What is not there, or another machine's, is passed over; what some processors take stays beside the last.
    assert_eq!(find(None, "libx.so"), (vec!["/opt/v3/libx.so".into(), "/opt/plain/libx.so".into()], false));
    assert_eq!(find(Some(&["/env".into()]), "libx.so"), (vec!["/env/libx.so".into()], false));
    // A cache older than the configuration.
    assert_eq!(find(None, "libz.so"), (vec!["/opt/conf/libz.so".into()], true));
    assert_eq!(find(None, "libnone.so"), (vec![], false));
}

#[test]
fn every_directory_that_some_processor_searches_counts() {
    let libraries = [
        "/usr/lib/i386-linux-gnu/libc.so.6",
        "/usr/lib/i386-linux-gnu/i686/sse2/libc.so.6",
        "/usr/lib/i386-linux-gnu/tls/libc.so.6",
        "/usr/lib/i386-linux-gnu/other/libc.so.6",
    ];
    let mut entries: Vec<_> = libraries.iter().map(|&path| (path, "")).collect();
    entries.push(("/bin/prog", ""));
    entries.push(("/usr/lib/i386-linux-gnu/sse2", "-> ."));
    let (tree, mut memory) = image(&entries);
    let i386 = |soname| Spec { bits64: false, machine: 3, soname, ..Spec::default() };
    for path in libraries {
        memory.put(path, &i386(Some("libc.so.6")).build());
    }
    let objects = [object(&tree, "/bin/prog", &i386(None), None)];
    assert_eq!(
        found(&tree, &memory, &Loader::Glibc, &objects, "libc.so.6"),
        [libraries[2], libraries[1], libraries[0]].map(str::to_owned)
    );
}

#[test]
fn a_loader_is_known_by_any_name_of_its_chain() {
    let (tree, _) = image(&[
        ("/lib64/ld-linux-x86-64.so.2", "-> ../lib/ld-musl-x86_64.so.1"),
        ("/lib/ld-musl-x86_64.so.1", "-> libc.so"),
        ("/lib/libc.so", ""),
        ("/lib/ld-linux.so.2", ""),
    ]);
    let musl = |prefix: &str| Loader::Musl(format!("{prefix}/etc/ld-musl-x86_64.path").into_bytes());
    assert_eq!(Loader::at(&tree, b"/lib64/ld-linux-x86-64.so.2"), musl(""));
    assert_eq!(Loader::at(&tree, b"/lib/ld-musl-x86_64.so.1"), musl(""));
    assert_eq!(Loader::at(&tree, b"/lib/ld-linux.so.2"), Loader::Glibc);
    // Its own directory's parent is the prefix, wherever links lead.
    assert_eq!(Loader::at(&tree, b"/usr/musl/lib/ld-musl-x86_64.so.1"), musl("/usr/musl"));
    assert_eq!(Loader::at(&tree, b"/ld-musl-x86_64.so.1"), musl(""));
    assert_eq!(Loader::at(&tree, b"musl/lib/ld-musl-x86_64.so.1"), musl(""));
}

#[test]
fn a_musl_with_a_prefix_reads_the_path_file_below_it() {
    let files = ["/opt/musl/lib/libx.so", "/usr/lib/libx.so", "/lib/liby.so"];
    let mut entries = vec![("/bin/prog", ""), ("/opt/musl/etc/ld-musl-x86_64.path", "/opt/musl/lib\n")];
    entries.extend([("/etc/ld-musl-x86_64.path", "/usr/lib"), ("/srv/musl/etc/ld-musl-x86_64.path/", "")]);
    entries.extend(files.map(|path| (path, "")));
    let (tree, mut memory) = image(&entries);
    for path in files {
        memory.put(path, &library("x", &[]));
    }
    let find = |interpreter: &'static str, name: &str| {
        let spec = Spec { interpreter: Some(interpreter), ..Spec::default() };
        let objects = [object(&tree, "/bin/prog", &spec, None)];
        let loader = Libraries::collect(&tree, &memory, None).loader(&tree, &objects[0].elf);
        found(&tree, &memory, &loader, &objects, name)
    };
    assert_eq!(find("/opt/musl/lib/ld-musl-x86_64.so.1", "libx.so"), ["/opt/musl/lib/libx.so"]);
    assert_eq!(find("/lib/ld-musl-x86_64.so.1", "libx.so"), ["/usr/lib/libx.so"]);
    // Without a file the default directories count, with one that cannot be read none.
    assert_eq!(find("/opt/other/lib/ld-musl-x86_64.so.1", "liby.so"), ["/lib/liby.so"]);
    assert_eq!(find("/srv/musl/lib/ld-musl-x86_64.so.1", "liby.so"), [""; 0]);
}

#[test]
fn an_object_without_default_libraries_passes_over_what_lies_in_the_system_directories() {
    let files =
        ["/usr/lib/libx.so", "/usr/lib/deep/libx.so", "/opt/cached/libx.so", "/usr/lib/liby.so", "/opt/rp/libz.so"];
    let cache = [("libx.so", "/usr/lib/deep/libx.so", 0), ("libx.so", "/opt/cached/libx.so", 0)];
    let mut entries = vec![("/bin/prog", ""), ("/bin/lib.so", ""), ("/etc/ld.so.cache", "")];
    entries.extend(files.map(|path| (path, "")));
    let (tree, mut memory) = image(&entries);
    for path in files {
        memory.put(path, &library("x", &[]));
    }
    memory.put("/etc/ld.so.cache", &super::cache::fixture::new(&cache, false));
    let strict = Spec { flags_1: 0x800, runpath: Some("/opt/rp"), ..Spec::default() };
    let find = |objects: &[Object], name: &str| found(&tree, &memory, &Loader::Glibc, objects, name);
    let program = |spec: &Spec<'_>| object(&tree, "/bin/prog", spec, None);
    assert_eq!(find(&[program(&strict)], "libx.so"), ["/opt/cached/libx.so"]);
    assert_eq!(find(&[program(&strict)], "liby.so"), [""; 0]);
    assert_eq!(find(&[program(&strict)], "libz.so"), ["/opt/rp/libz.so"]);
    // The flag is the asking object's own: what it loads searches as usual, and musl knows no such flag.
    let library = object(&tree, "/bin/lib.so", &Spec::default(), Some(0));
    assert_eq!(find(&[program(&strict), library], "libx.so"), ["/usr/lib/deep/libx.so"]);
    let musl = Loader::Musl(b"/etc/ld-musl-x86_64.path".to_vec());
    assert_eq!(found(&tree, &memory, &musl, &[program(&strict)], "liby.so"), ["/usr/lib/liby.so"]);
    // An answer without the flag is not taken for one with it, nor the other way round.
    let plain = Spec { flags_1: 0x800, ..Spec::default() };
    let libraries = Libraries::collect(&tree, &memory, None);
    for (spec, count) in [(&plain, 0), (&Spec::default(), 1), (&plain, 0)] {
        let objects = [program(spec)];
        let found = libraries.find(&tree, &memory, &Loader::Glibc, &objects, 0, b"liby.so");
        assert_eq!(found.paths.len(), count);
    }
}

#[test]
fn musl_looks_in_its_path_file_or_three_directories() {
    let (tree, mut memory) = image(&[
        ("/lib/ld-musl-x86_64.so.1", ""),
        ("/usr/local/lib/libx.so", ""),
        ("/opt/musl/libx.so", ""),
        ("/bin/prog", ""),
    ]);
    for path in ["/usr/local/lib/libx.so", "/opt/musl/libx.so"] {
        memory.put(path, &library("x", &[]));
    }
    let loader = Loader::Musl(b"/etc/ld-musl-x86_64.path".to_vec());
    let objects = vec![object(&tree, "/bin/prog", &Spec::default(), None)];
    assert_eq!(Libraries::collect(&tree, &memory, None).loader(&tree, &objects[0].elf), loader);
    assert_eq!(found(&tree, &memory, &loader, &objects, "libx.so"), ["/usr/local/lib/libx.so"]);
    let (tree, mut memory) = image(&[
        ("/etc/ld-musl-x86_64.path", "/opt/musl:/lib\n"),
        ("/usr/local/lib/libx.so", ""),
        ("/opt/musl/libx.so", ""),
        ("/bin/prog", ""),
    ]);
    memory.put("/opt/musl/libx.so", &library("x", &[]));
    let objects = vec![object(&tree, "/bin/prog", &Spec::default(), None)];
    assert_eq!(found(&tree, &memory, &loader, &objects, "libx.so"), ["/opt/musl/libx.so"]);
    assert!(is_musl_builtin(b"libpthread.so.0") && !is_musl_builtin(b"libcrypto.so.3"));
}
