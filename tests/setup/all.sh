#!/usr/bin/env bash
# `make setup`: everything that the demo and the tests need. Quick when it is all there.
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
"$here/packages.sh"
"$here/engine.sh"
# Compiling a tool and fetching packages do not stand in each other's way.
"$here/tools.sh" &
tools=$!
"$here/bases.sh"
"$here/fixtures.sh"
"$here/applets.sh"
"$here/judges.sh"
"$here/scanner.sh"
wait "$tools"
say "ready ($WORK)"
