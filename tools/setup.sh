#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install the Debian 12 packages that qdistill is built, run and tested with. Does nothing when all are there.
set -eu
[ -t 0 ] || exec </dev/null # also when standard input is closed

usage() {
    cat <<'END'
usage: tools/setup.sh [--portability] [--list]
Install the Debian 12 packages that qdistill needs (as root, or through sudo).
  --portability   also Oclgrind, a simulator that reports memory errors of kernels
  --list          print the packages, and install nothing
END
}

# Package, and what it is for.
packages() {
    cat <<'END'
gcc                  C compiler, with the sanitizers' runtimes
libc6-dev            C library headers
make                 build
cmake                build
pkgconf              finds the libraries below
ocl-icd-opencl-dev   OpenCL loader
opencl-c-headers     OpenCL headers
pocl-opencl-icd      OpenCL device that is always there: the processor (brings clang and its fuzzer)
libhwloc-dev         topology of the machine
librandom123-dev     counter-based random numbers, one source for host and device
libsodium-dev        SHA-256, randomness of the system, wiping of key memory
libjansson-dev       JSON
libcyaml-dev         YAML by schema
libyaml-dev          YAML, below libcyaml
check                unit tests
mandoc               checks the man page
END
    if [ "$portability" = 1 ]; then echo 'oclgrind             OpenCL simulator that reports memory errors'; fi
}

portability=0 list=0
for arg; do
    case $arg in
    --portability) portability=1 ;;
    --list) list=1 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "setup.sh: unknown option '$arg'" >&2; usage >&2; exit 2 ;;
    esac
done
if [ "$list" = 1 ]; then packages; exit 0; fi

# PoCL and hwloc read the machine from /proc and /sys. Without /sys PoCL aborts with "Not enough memory to run on this device".
if [ ! -e /proc/self ] || [ ! -d /sys/devices/system/cpu ]; then
    cat >&2 <<'END'
setup.sh: /proc or /sys is not mounted. PoCL and hwloc read the machine from them; without /sys PoCL aborts with
  "Not enough memory to run on this device". In a chroot, as root, run this first:
    mount -t proc proc /proc; mount -t sysfs sys /sys
END
    exit 1
fi

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    {
        echo "setup.sh: this is not a Debian system (no apt-get), so nothing was installed. Install what these Debian 12 packages hold,"
        echo "  then run quickstart.sh or check.sh with --skip-setup:"
        packages | sed 's/^/    /'
    } >&2
    exit 1
fi

missing=
for name in $(packages | cut -d' ' -f1); do
    case $(dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null || true) in
    ii*) ;;
    *) missing="$missing $name" ;;
    esac
done
if [ -z "$missing" ]; then
    echo "setup: all packages are installed"
    exit 0
fi

echo "setup: installing, with what they depend on:"
for name in $missing; do packages | grep "^$name " | sed 's/^/    /'; done
as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "setup.sh: not root, and there is no sudo. As root, run: apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    as_root=sudo
    [ -t 0 ] || as_root='sudo -n' # nobody is there to type a password
fi
# shellcheck disable=SC2086 # both are lists of words
if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update ||
    ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing; then
    cat >&2 <<END
setup.sh: apt-get failed (its message is above). Likely: no network, a stale mirror, no right to become root, or a release other
  than Debian 12 where a package has another name. To do it by hand, as root: apt-get install --no-install-recommends$missing
END
    exit 1
fi
echo "setup: done"
