#!/usr/bin/env bash
# Makes the base images that the tests and the demo build on, each by the first way that works:
# the engine has it, a root file system cached by an earlier run, ../shared/images, docker pull, mmdebstrap.
. "$(dirname "$0")/lib.sh"
load_engine

import() { # FILE TAG
    "$CLIENT" import --change 'CMD ["/bin/sh"]' --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$1" "$2" >/dev/null
}

debian() { # TAG SUITE PACKAGES
    local tag=$1 suite=$2 packages=$3 tar
    have_image "$tag" && return
    tar=$CACHE/$(tr '/:' '__' <<<"$tag").tar
    if [ -s "$tar" ]; then
        import "$tar" "$tag"
        return
    fi
    if timeout 120 "$CLIENT" pull -q "debian:$suite-slim" >/dev/null 2>&1; then
        say "$tag: debian:$suite-slim ${packages:+with $packages}"
        if [ -z "$packages" ]; then
            "$CLIENT" tag "debian:$suite-slim" "$tag"
        else
            printf 'FROM debian:%s-slim\nRUN apt-get update && apt-get install -y --no-install-recommends %s\n' \
                "$suite" "${packages//,/ }" | DOCKER_BUILDKIT=0 "$CLIENT" build -q -t "$tag" - >/dev/null
        fi
        return
    fi
    command -v mmdebstrap >/dev/null || die "$tag: no registry answers and there is no mmdebstrap"
    say "$tag: mmdebstrap $suite ${packages:+with $packages}"
    mmdebstrap --quiet --variant=minbase --mode=root --format=tar ${packages:+"--include=$packages"} "$suite" "$tar.part" \
        </dev/null 2>"$tar.log" || { tail -20 "$tar.log" >&2; die "$tag: mmdebstrap failed and no registry answers"; }
    mv "$tar.part" "$tar"
    import "$tar" "$tag"
}

# Directories that may hold ready-made root file systems: the one that is named, the one beside this repository, the
# one beside the repository that this one is a clone of.
image_directories() {
    local origin
    [ -z "${HARDEN_IMAGES:-}" ] || echo "$HARDEN_IMAGES"
    echo "$REPO/../shared/images"
    origin=$(git -C "$REPO" config --get remote.origin.url 2>/dev/null || true)
    origin=${origin#file://}
    [ ! -d "$origin" ] || echo "$origin/../shared/images"
}

alpine() { # TAG VERSION
    local tag=$1 version=$2 tar directory
    have_image "$tag" && return
    while read -r directory; do
        for tar in "$directory"/alpine-minirootfs-"$version"*-x86_64.tar.gz; do
            [ -s "$tar" ] || continue
            import "$tar" "$tag"
            return
        done
    done < <(image_directories)
    if timeout 120 "$CLIENT" pull -q "alpine:$version" >/dev/null 2>&1; then
        "$CLIENT" tag "alpine:$version" "$tag"
        return
    fi
    tar=$CACHE/alpine-minirootfs-$version.tar.gz
    if curl -fsS --max-time 60 -o "$tar" \
        "https://dl-cdn.alpinelinux.org/alpine/v$version/releases/x86_64/alpine-minirootfs-$version.0-x86_64.tar.gz" 2>/dev/null; then
        import "$tar" "$tag"
        return
    fi
    die "$tag: there is no alpine-minirootfs-$version*-x86_64.tar.gz in $(image_directories | tr '\n' ' '), and neither a registry nor Alpine's mirror answers; put one there, or name its directory in HARDEN_IMAGES"
}

# What Microsoft's ASP.NET images hold: Debian, the native libraries, the runtime in /usr/share/dotnet.
dotnet() { # TAG BASE
    local tag=$1 base=$2 stage
    have_image "$tag" && return
    "$(dirname "$0")/dotnet.sh" runtime
    stage=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$stage'" RETURN
    cp -al "$CACHE/dotnet/runtime" "$stage/dotnet"
    printf 'FROM %s\nCOPY dotnet /usr/share/dotnet\nRUN ["ln", "-s", "/usr/share/dotnet/dotnet", "/usr/bin/dotnet"]\nENV COMPlus_EnableDiagnostics=0\n' \
        "$base" >"$stage/Dockerfile"
    DOCKER_BUILDKIT=0 "$CLIENT" build -q -t "$tag" "$stage" >/dev/null
}

alpine harden-test/alpine:3.20 3.20

# Two at a time, one for each core. Servers have images of their own, as their users do; the other programs of the
# application matrix share some, of which each row keeps little.
(
    debian harden-test/debian:13-apps trixie default-jre-headless,ecj,php-fpm,ruby
    debian harden-test/debian:12-postgres bookworm postgresql,gosu
    debian harden-test/debian:12 bookworm ''
    # cron, set-id programs and one with a file capability, so that there is something to find.
    debian harden-test/debian:12-nginx bookworm nginx,cron,iputils-ping,sudo
    # Programs outside of the command directories, compilers, interpreters and other shells.
    debian harden-test/debian:12-tools bookworm klibc-utils,postgresql-client,git,gcc,python3-minimal,sash
) &
first=$!
(
    debian harden-test/debian:12-apps bookworm python3,python3-venv,nodejs,ruby,git,openssh-server,openssh-client,curl
    debian harden-test/debian:12-starters bookworm tini,gosu,supervisor,busybox-static
    debian harden-test/debian:12-redis bookworm redis-server,gosu
    debian harden-test/debian:13 trixie ''
    debian harden-test/debian:12-native bookworm libstdc++6,libgcc-s1,zlib1g,wget
    dotnet harden-test/debian:12-dotnet harden-test/debian:12-native
)
wait $first

# Tests of archives read this one as a file. It is there already where mmdebstrap made it, and not where the engine had the
# image or pulled it.
tar=$CACHE/harden-test_debian_12.tar
if [ ! -s "$tar" ]; then
    container=$("$CLIENT" create harden-test/debian:12 /bin/true)
    "$CLIENT" export "$container" >"$tar.part"
    "$CLIENT" rm "$container" >/dev/null
    mv "$tar.part" "$tar"
fi
