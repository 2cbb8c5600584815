//! Data that programs find by fixed paths and that no file names: the wanted kinds, and their places.
//!
//! The rows stand in the order of [`crate::policy::DATA`], which has their names and defines "auto".

use crate::facts::elf::Elf;
use crate::tree::{Id, Tree, glob};

/// Place of the locales in [`KINDS`].
pub(super) const LOCALE: usize = 2;

/// One kind of data.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Beginnings of file names of libraries that ask for it.
    libraries: &'static [&'static str],
    /// A function whose callers ask for it.
    function: &'static str,
    /// Whether static programs may ask for it, which show nothing.
    of_static: bool,
    /// Whether every program may.
    of_all: bool,
    /// What stays when it is wanted; patterns of paths.
    paths: &'static [&'static str],
    /// What stays besides when the policy says true.
    more: &'static [&'static str],
    /// What goes when it is not wanted: of packages that stay, and all of it when the policy says false.
    dropped: &'static [&'static str],
    /// What is generated there goes too without the policy saying so.
    pub(super) generated: bool,
}

const KIND: Kind = Kind {
    libraries: &[],
    function: "",
    of_static: false,
    of_all: false,
    paths: &[],
    more: &[],
    dropped: &[],
    generated: false,
};

/// Every kind.
pub(crate) static KINDS: [Kind; crate::policy::DATA.len()] = [
    Kind {
        libraries: &[
            "libssl.so",
            "libssl-",
            "libgnutls.so",
            "libnss3.so",
            "libmbedtls.so",
            "libwolfssl.so",
            "libtls.so",
        ],
        of_static: true,
        paths: &[
            "/etc/ssl",
            "/etc/ssl1.1",
            "/etc/pki/tls",
            "/etc/pki/ca-trust/extracted",
            "/etc/pki/java",
            "/etc/ca-certificates/extracted",
            "/etc/crypto-policies",
            "/usr/share/crypto-policies",
            "/usr/lib/ssl",
        ],
        dropped: &[
            "/etc/ssl/certs",
            "/etc/ssl/cert.pem",
            "/etc/ssl1.1/certs",
            "/etc/pki/tls/certs",
            "/etc/pki/tls/cert.pem",
            "/etc/pki/ca-trust/extracted",
            "/etc/ca-certificates/extracted",
            "/usr/share/ca-certificates",
        ],
        ..KIND
    },
    Kind {
        of_all: true,
        paths: &["/usr/share/zoneinfo", "/etc/localtime", "/etc/timezone"],
        dropped: &["/usr/share/zoneinfo"],
        ..KIND
    },
    Kind {
        of_all: true,
        paths: &["/usr/lib/locale", "/usr/share/locale/locale.alias", "/usr/share/i18n/locales/musl"],
        dropped: &["/usr/lib/locale", "/usr/share/i18n/locales/musl"],
        ..KIND
    },
    Kind {
        of_all: true,
        paths: &[
            "/etc/nsswitch.conf",
            "/etc/host.conf",
            "/etc/gai.conf",
            "/etc/networks",
            "/etc/rpc",
            "/etc/ethertypes",
        ],
        more: &[
            "/lib/libnss_*.so.2",
            "/lib/*/libnss_*.so.2",
            "/lib64/libnss_*.so.2",
            "/usr/lib/libnss_*.so.2",
            "/usr/lib/*/libnss_*.so.2",
            "/usr/lib64/libnss_*.so.2",
        ],
        dropped: &["/etc/host.conf", "/etc/gai.conf", "/etc/networks", "/etc/rpc", "/etc/ethertypes"],
        ..KIND
    },
    Kind {
        function: "iconv_open",
        // iconv(1) calls what is the C library's own.
        libraries: &["iconv"],
        paths: &["/usr/lib/gconv", "/usr/lib64/gconv", "/usr/lib/*/gconv"],
        dropped: &["/usr/lib/gconv", "/usr/lib64/gconv", "/usr/lib/*/gconv"],
        generated: true,
        ..KIND
    },
    Kind {
        libraries: &["libtinfo", "libncurses"],
        paths: &["/etc/terminfo", "/lib/terminfo", "/usr/lib/terminfo", "/usr/share/terminfo", "/usr/share/tabset"],
        dropped: &["/etc/terminfo", "/lib/terminfo", "/usr/lib/terminfo", "/usr/share/terminfo", "/usr/share/tabset"],
        ..KIND
    },
];

/// What glibc's own locale and the loader read in any image, and links that programs expect: it stays whatever is wanted.
const ALWAYS: &[&str] = &["/usr/lib/locale/C.*", "/etc/mtab", "/etc/environment", "/etc/mime.types"];

/// What staying ELF files tell.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Kinds that one of them asks for, a bit for each.
    kinds: u32,
}

impl Evidence {
    /// Look at one file.
    pub(super) fn note(&mut self, name: &[u8], elf: &Elf, calls: impl Fn(&'static str) -> bool) {
        let alone = elf.interpreter.is_none() && !elf.needs_libraries() && !elf.has_soname() && elf.entry != 0;
        // The C library and converters themselves prove nothing.
        let own = [&b"libc.so"[..], b"libc-", b"ld-", b"iconv"].iter().any(|start| name.starts_with(start));
        for (at, kind) in KINDS.iter().enumerate() {
            let found = kind.of_all
                || (kind.of_static && alone && !own)
                || kind.libraries.iter().any(|library| name.starts_with(library.as_bytes()))
                || (self.kinds >> at & 1 == 0 && !own && !kind.function.is_empty() && calls(kind.function));
            self.kinds |= u32::from(found) << at;
        }
    }
}

impl Kind {
    /// Whether something asks for it.
    pub(super) fn is_found(&self, evidence: &Evidence) -> bool {
        KINDS.iter().position(|kind| std::ptr::eq(kind, self)).is_some_and(|at| evidence.kinds >> at & 1 == 1)
    }

    /// The files and links of it.
    pub(super) fn files(&self, tree: &Tree, more: bool) -> Vec<Id> {
        let patterns = self.paths.iter().chain(if more { self.more } else { &[] });
        all_below(tree, patterns)
    }

    /// Where it lies when it is not wanted; entries of directories, not the directories that programs look into.
    pub(super) fn dropped(&self, tree: &Tree) -> Vec<Id> {
        self.dropped.iter().flat_map(|pattern| glob::expand(tree, pattern)).collect()
    }
}

/// Files that stay whatever kind is wanted.
pub(super) fn always(tree: &Tree) -> Vec<Id> {
    all_below(tree, ALWAYS.iter())
}

fn all_below<'a>(tree: &Tree, patterns: impl Iterator<Item = &'a &'static str>) -> Vec<Id> {
    let mut found = Vec::new();
    for pattern in patterns {
        for top in glob::expand(tree, pattern) {
            found.extend(tree.subtree(top).filter(|&id| !tree.is_dir(id)));
        }
    }
    found
}
