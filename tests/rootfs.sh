#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Root filesystems for tests, made from this machine's own packages and kept in
# $AMPHORA_TEST_CACHE (/var/tmp/amphora-test, for a plain user with -UID). Prints the path of the one asked for.
#   tests/rootfs.sh busybox           a few MB, instant
#   tests/rootfs.sh foreign           the same for another machine, with the emulator for it in /qemu, and a
#                                     dynamically linked one in /qemu/dynamic with libraries that it needs
#   tests/rootfs.sh tracers           the same, with PRoot and strace
#   tests/rootfs.sh debian            Debian 12 with gcc, git, python3, perl, tmux (root only, once)
#   tests/rootfs.sh debian USER       a copy that belongs to USER
set -eu

# One a user: what root made, a plain user can't change.
if [ "$(id -u)" = 0 ]; then default=/var/tmp/amphora-test; else default=/var/tmp/amphora-test-$(id -u); fi
cache=${AMPHORA_TEST_CACHE:-$default}
packages=gcc,libc6-dev,make,git,python3-minimal,perl,tmux,procps,attr
mkdir -p "$cache"

# Everything a small system has: applets, users, and the directories that mounts go to.
busybox_root() {
	small_root "$cache/busybox-$(id -u)" "$(command -v busybox)"
}

small_root() {
	target=$1
	busybox=$2
	if [ ! -e "$target/.complete" ]; then
		rm -rf "$target"
		mkdir -p "$target/bin" "$target/etc" "$target/dev" "$target/proc" "$target/sys" \
			"$target/tmp" "$target/root" "$target/home/guest" "$target/usr" "$target/var/tmp"
		chmod 1777 "$target/tmp" "$target/var/tmp"
		ln -s ../bin "$target/usr/bin"
		ln -s bin "$target/sbin"
		cp "$busybox" "$target/bin/busybox"
		busybox --list | while read -r applet; do
			[ "$applet" = busybox ] || ln -s busybox "$target/bin/$applet"
		done
		printf 'root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/home/guest:/bin/sh\n' \
			>"$target/etc/passwd"
		printf 'root:x:0:\nguest:x:1000:\nstaff:x:50:guest\n' >"$target/etc/group"
		echo rootfs-resolv >"$target/etc/resolv.conf"
		echo rootfs-hosts >"$target/etc/hosts"
		echo rootfs-hostname >"$target/etc/hostname"
		: >"$target/.complete"
	fi
	echo "$target"
}

# An arm64 busybox (on arm64 an amd64 one), and QEMU's emulators as host files. No package is installed.
foreign_root() {
	packages=$(dirname "$0")/lab/packages.sh
	case $(uname -m) in
	aarch64) here=arm64 there=amd64 machine=x86_64 ;;
	*) here=amd64 there=arm64 machine=aarch64 ;;
	esac
	export AMPHORA_LAB_CACHE="$cache/packages"
	if [ ! -e "$cache/foreign/qemu/qemu-$machine-static" ]; then
		file=$("$packages" package "$there" busybox-static)/bin/busybox
		small_root "$cache/foreign" "$file" >/dev/null
		mkdir -p "$cache/foreign/qemu"
		file=$("$packages" package "$here" qemu-user-static)/usr/bin/qemu-$machine-static
		mv "$file" "$cache/foreign/qemu/"
		rm -rf "$cache/packages"
	fi
	if [ ! -e "$cache/foreign/qemu/dynamic/.complete" ]; then
		mkdir -p "$cache/foreign/qemu/dynamic/lib"
		for name in qemu-user libcapstone4 libnuma1 liburing2 libglib2.0-0; do
			tree=$("$packages" package "$here" "$name")
			if [ "$name" = qemu-user ]; then
				cp "$tree/usr/bin/qemu-$machine" "$cache/foreign/qemu/dynamic/"
			else
				find "$tree" -name 'lib*.so.*' -exec cp -P {} "$cache/foreign/qemu/dynamic/lib/" \;
			fi
		done
		rm -rf "$cache/packages"
		: >"$cache/foreign/qemu/dynamic/.complete"
	fi
	echo "$cache/foreign"
}

# Programs that trace by seccomp filters, with the libraries they need, and in /inner the small root again.
tracers_root() {
	target=$cache/tracers
	if [ ! -e "$cache/tracers.complete" ]; then
		packages=$(dirname "$0")/lab/packages.sh
		case $(uname -m) in aarch64) here=arm64 ;; *) here=amd64 ;; esac
		export AMPHORA_LAB_CACHE="$cache/packages"
		rm -rf "$target"
		small_root "$target" "$(command -v busybox)" >/dev/null
		mkdir -p "$target/inner"
		for part in bin dev etc proc tmp; do cp -a "$target/$part" "$target/inner/"; done
		for name in libc6 libtalloc2 libunwind8 liblzma5 proot strace; do
			from=$("$packages" package "$here" "$name")
			for part in lib lib64 usr/lib; do
				[ -d "$from/$part" ] || continue
				mkdir -p "$target/$part"
				cp -a "$from/$part/." "$target/$part/"
			done
			[ ! -e "$from/usr/bin/$name" ] || cp "$from/usr/bin/$name" "$target/bin/"
		done
		rm -rf "$cache/packages"
		rm -rf "$target/usr/lib/$(uname -m)-linux-gnu/gconv" "$target/.complete"
		: >"$cache/tracers.complete"
	fi
	echo "$target"
}

sources() {
	for list in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
		[ -s "$list" ] && echo "$list" && return
	done
	echo "amphora: this machine has no apt sources" >&2
	exit 1
}

debian_root() {
	target=$cache/debian
	if [ ! -e "$target/.complete" ]; then
		rm -rf "$target"
		mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$target" "$(sources)" >&2
		: >"$target/.complete"
	fi
	if [ -n "${1:-}" ]; then
		copy=$target-$1
		if [ ! -e "$copy/.complete" ]; then
			rm -rf "$copy"
			cp -a "$target" "$copy"
			chown -hR "$1" "$copy"
		fi
		target=$copy
	fi
	echo "$target"
}

case ${1:-} in
busybox) busybox_root ;;
foreign) foreign_root ;;
tracers) tracers_root ;;
debian) debian_root "${2:-}" ;;
*)
	echo "usage: tests/rootfs.sh busybox|foreign|tracers|debian [USER]" >&2
	exit 1
	;;
esac
