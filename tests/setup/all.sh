#!/usr/bin/env bash
# `make setup`: everything that the demo and the tests need. Quick when it is all there.
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
"$here/packages.sh"
"$here/engine.sh"
"$here/bases.sh"
"$here/fixtures.sh"
say "ready ($WORK)"
