#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what the build and the tests need, by apt. Quick when everything is there.
#   tests/deps.sh            build and test tools
#   tests/deps.sh cross ARCH cross compiler and libraries for ARCH
set -eu

if [ "$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi

apt_install() {
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "amphora: missing: $*. Their names for dnf, apk and pkg are in README.md" >&2
		exit 1
	fi
	echo "# installing: $*"
	if ! DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null; then
		$as_root apt-get update -qq
		DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
	fi
}

missing=
need_command() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need_library() { pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"; }
need_file() { [ -e "$1" ] || missing="$missing $2"; }

if [ "${1:-}" = cross ]; then
	case $2 in
	aarch64) debian_arch=arm64 ;;
	*) echo "amphora: no cross build for $2" >&2; exit 1 ;;
	esac
	need_command "$2-linux-gnu-gcc" "crossbuild-essential-$debian_arch"
	# its 32-bit programs' loader
	need_command arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf
	need_file /usr/arm-linux-gnueabihf/lib/libc.a libc6-dev-armhf-cross
	for library in seccomp cap talloc json-c; do
		need_file "/usr/lib/$2-linux-gnu/lib$library.a" "lib$library-dev:$debian_arch"
	done
	[ -n "$missing" ] || exit 0
	if ! dpkg --print-foreign-architectures | grep -qx "$debian_arch"; then
		$as_root dpkg --add-architecture "$debian_arch"
		$as_root apt-get update -qq
	fi
	# shellcheck disable=SC2086 # a list of package names
	apt_install $missing
	exit 0
fi

need_command gcc gcc
need_command make make
need_command pkg-config pkg-config
need_library libseccomp libseccomp-dev
need_library libcap libcap-dev
need_library talloc libtalloc-dev
need_library json-c libjson-c-dev
need_library cmocka libcmocka-dev
need_library libunwind libunwind-dev
need_command clang clang
need_command clang-tidy clang-tidy
need_command cppcheck cppcheck
need_command shellcheck shellcheck
need_command mmdebstrap mmdebstrap
need_command musl-gcc musl-tools
need_command busybox busybox-static
need_command script bsdutils
need_command setpriv util-linux
need_command newuidmap uidmap
need_command bwrap bubblewrap
need_command git git
# 32-bit programs that trace
if [ "$(uname -m)" = x86_64 ]; then
	need_file /usr/lib32/libc.a libc6-dev-i386
	need_file "$(gcc -m32 -print-libgcc-file-name 2>/dev/null)" "lib32gcc-$(gcc -dumpversion)-dev"
fi
need_command python3 python3-minimal
[ -n "$missing" ] || exit 0
# shellcheck disable=SC2086 # a list of package names
apt_install $missing
