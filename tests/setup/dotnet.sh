#!/usr/bin/env bash
# The real .NET Core runtime, from the PyPI wheel that carries it, and the demo's server compiled for it.
#   dotnet.sh runtime   cache/dotnet/runtime: what belongs into /usr/share/dotnet
#   dotnet.sh app       cache/dotnet/app: MyApp.dll and its runtimeconfig
. "$(dirname "$0")/lib.sh"

version=3.1.23
runtime=$CACHE/dotnet/runtime
app=$CACHE/dotnet/app
source=$REPO/docker/dotnet-debian/MyApp.cs

fetch_runtime() {
    [ ! -e "$runtime/.done" ] || return 0
    local wheel tmp
    tmp=$(mktemp -d "$CACHE/wheel.XXXXXX")
    say "fetching the .NET Core runtime (PyPI, dotnetcore2 $version)"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$tmp" "dotnetcore2==$version" </dev/null ||
        die "pip cannot download dotnetcore2 $version"
    wheel=$(echo "$tmp"/*.whl)
    rm -rf "$runtime"
    mkdir -p "$CACHE/dotnet"
    python3 -m zipfile -e "$wheel" "$tmp/x"
    mv "$tmp/x/dotnetcore2/bin" "$runtime"
    chmod -R u=rwX,go=rX "$runtime"
    chmod 755 "$runtime/dotnet"
    rm -rf "$tmp"
    touch "$runtime/.done"
}

build_app() {
    [ "$app/MyApp.dll" -nt "$source" ] && return
    fetch_runtime
    local framework refs=() dll
    framework=$(echo "$runtime"/shared/Microsoft.NETCore.App/3.1.*)
    for dll in "$framework"/*.dll; do
        # Only managed assemblies are references; the native shims have no lib prefix to tell them by on every version.
        case ${dll##*/} in
        System.*.dll | mscorlib.dll | netstandard.dll | Microsoft.*.dll) refs+=("-r:$dll") ;;
        esac
    done
    mkdir -p "$app"
    mcs -nologo -nowarn:1702 -nostdlib -noconfig -target:exe -out:"$app/MyApp.dll.part" "${refs[@]}" "$source"
    mv "$app/MyApp.dll.part" "$app/MyApp.dll"
    printf '{"runtimeOptions":{"tfm":"netcoreapp3.1","framework":{"name":"Microsoft.NETCore.App","version":"3.1.0"},"configProperties":{"System.Globalization.Invariant":true}}}\n' \
        >"$app/MyApp.runtimeconfig.json"
    chmod 644 "$app"/*
}

case ${1:-} in
runtime) fetch_runtime ;;
app) build_app ;;
*) die "usage: dotnet.sh runtime|app" ;;
esac
