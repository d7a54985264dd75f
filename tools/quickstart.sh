#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to a first key: install packages, build the program into build/, run the quickstart job.
set -eu
[ -t 0 ] || exec </dev/null
unset CDPATH
cd -- "$(dirname -- "$0")/.."

skip_setup=0
case ${1-} in
--help | -h)
    cat <<'END'
usage: tools/quickstart.sh [--skip-setup] [OPTION...]
Install packages (tools/setup.sh), build the program into build/, and run examples/quickstart.yaml; its run directory
is runs/quickstart-N. Options after --skip-setup are passed to 'qdistill run'. The exit status is that of the run.
END
    exit 0
    ;;
--skip-setup) skip_setup=1; shift ;;
esac

[ "$skip_setup" = 1 ] || sh tools/setup.sh
jobs=$(nproc 2>/dev/null || echo 2)
mkdir -p build
echo "quickstart: building into build/ (log: build/build.log)"
if ! { cmake -S . -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build --target qdistill-tool -j "$jobs"; } >build/build.log 2>&1; then
    tail -n 40 build/build.log >&2
    echo "quickstart.sh: the build failed; the whole log is in build/build.log" >&2
    exit 1
fi
echo "quickstart: build/qdistill run examples/quickstart.yaml${*:+ $*}"
exec build/qdistill run examples/quickstart.yaml "$@"
