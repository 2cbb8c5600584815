//! Account files as distributions ship them.

/// Debian 12, shortened.
pub(crate) const DEBIAN: &[(&str, &str)] = &[
    (
        "passwd",
        "root:x:0:0:root:/root:/bin/bash\n\
         daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         sync:x:4:65534:sync:/bin:/bin/sync\n\
         games:x:5:60:games:/usr/games:/usr/sbin/nologin\n\
         www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
         _apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    (
        "group",
        "root:x:0:\ndaemon:x:1:\nadm:x:4:\nsudo:x:27:\nwww-data:x:33:\nshadow:x:42:\nutmp:x:43:\n\
         staff:x:50:\ngames:x:60:\nusers:x:100:games\nnogroup:x:65534:\n",
    ),
    (
        "shadow",
        "root:*:19700:0:99999:7:::\ndaemon:*:19700:0:99999:7:::\nsync:*:19700:0:99999:7:::\n\
         games:*:19700:0:99999:7:::\nwww-data:*:19700:0:99999:7:::\n_apt:*:19700:0:99999:7:::\n\
         nobody:*:19700:0:99999:7:::\n",
    ),
    (
        "gshadow",
        "root:*::\ndaemon:*::\nadm:*::\nsudo:*::\nwww-data:*::\nshadow:*::\nutmp:*::\nstaff:*::\n\
         games:*::\nusers:*::games\nnogroup:*::\n",
    ),
    ("subuid", ""),
    ("subgid", ""),
];

/// Ubuntu 24.04: the account `ubuntu` has uid and gid 1000 and is in many groups.
pub(crate) const UBUNTU: &[(&str, &str)] = &[
    (
        "passwd",
        "root:x:0:0:root:/root:/bin/bash\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n\
         ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n",
    ),
    (
        "group",
        "root:x:0:\nadm:x:4:ubuntu\nsudo:x:27:ubuntu\naudio:x:29:ubuntu\nshadow:x:42:\nnogroup:x:65534:\nubuntu:x:1000:\n",
    ),
    ("shadow", "root:*:19700:0:99999:7:::\nnobody:*:19700:0:99999:7:::\nubuntu:!:19700:0:99999:7:::\n"),
    ("gshadow", "root:*::\nadm:*::ubuntu\nsudo:*::ubuntu\naudio:*::ubuntu\nshadow:*::\nnogroup:*::\nubuntu:!::\n"),
    ("subuid", "ubuntu:100000:65536\n"),
    ("subgid", "ubuntu:100000:65536\n"),
];

/// Alpine 3.20, shortened; no gshadow.
pub(crate) const ALPINE: &[(&str, &str)] = &[
    (
        "passwd",
        "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/sbin/nologin\nsync:x:5:0:sync:/sbin:/bin/sync\n\
         shutdown:x:6:0:shutdown:/sbin:/sbin/shutdown\nhalt:x:7:0:halt:/sbin:/sbin/halt\n\
         games:x:35:35:games:/usr/games:/sbin/nologin\nguest:x:405:100:guest:/dev/null:/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    ),
    (
        "group",
        "root:x:0:root\nbin:x:1:root,bin,daemon\nwheel:x:10:root\ngames:x:35:\nshadow:x:42:\nusers:x:100:games\n\
         nogroup:x:65533:\nnobody:x:65534:\n",
    ),
    (
        "shadow",
        "root:*::0:::::\nbin:!::0:::::\nsync:!::0:::::\nshutdown:!::0:::::\nhalt:!::0:::::\ngames:!::0:::::\n\
         guest:!::0:::::\nnobody:!::0:::::\n",
    ),
];

/// gcr.io/distroless/static: two files, no shadow.
pub(crate) const DISTROLESS: &[(&str, &str)] = &[
    (
        "passwd",
        "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
         nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
    ),
    ("group", "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n"),
    ("os-release", "PRETTY_NAME=\"Distroless\"\nNAME=\"Debian GNU/Linux\"\nID=\"debian\"\nVERSION_ID=\"12\"\n"),
];
