#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian's kernels and a small userland for the lab, by apt from the archive that this machine uses.
# Kept in $AMPHORA_LAB_CACHE (/var/tmp/amphora-lab). Prints the path of what was asked for.
#   tests/lab/packages.sh tools                  installs what the lab runs
#   tests/lab/packages.sh kernel SUITE ARCH     unpacked: vmlinuz, lib/modules/*. SUITE/FLAVOUR: trixie/16k
#   tests/lab/packages.sh package ARCH NAME     Debian 12's, unpacked
#   tests/lab/packages.sh userland ARCH         Debian 12's, unpacked and not configured
#   tests/lab/packages.sh disk ARCH             the same as an ext4 image
# SUITE is a Debian suite, ARCH amd64 or arm64. Nothing foreign is run.
set -eu

cache=${AMPHORA_LAB_CACHE:-/var/tmp/amphora-lab}
archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg
userland=bash,coreutils,dash,debianutils,diffutils,findutils,grep,gzip,hostname,iproute2,libc-bin,login,mawk
userland=$userland,busybox-static,musl,mount,passwd,procps,python3,sed,tar,uidmap,util-linux,bsdutils,bsdextrautils,attr,strace

die() {
	echo "amphora: $*" >&2
	exit 1
}

# The archive's address is whatever this machine installs Debian from.
archive() {
	for list in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
		[ -s "$list" ] || continue
		awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' "$list"
		return
	done
	die 'this machine has no apt sources'
}

# apt SUITE ARCH TOOL ARGUMENT…: apt with lists and state of its own.
apt() {
	state=$cache/apt/$1-$2
	arch=$2
	if [ ! -e "$state/sources/lab.sources" ]; then
		mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/sources"
		: >"$state/status"
		printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
			"$(archive)" "$1" "$archive_keyring" >"$state/sources/lab.sources"
	fi
	tool=$3
	shift 3
	"$tool" -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
		-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$state/sources" \
		-o APT::Architecture="$arch" -o APT::Architectures::="$arch" -o APT::Sandbox::User=root \
		-o Acquire::Check-Valid-Until=false -o Acquire::Languages=none "$@"
}

kernel() {
	name=linux-image-cloud-$2
	target=$cache/kernel-$1-$2
	case $1 in
	*/*)
		name=linux-image-$2-${1#*/}
		target=$cache/kernel-${1%/*}-$2-${1#*/}
		set -- "${1%/*}" "$2"
		;;
	esac
	if [ ! -e "$target/.complete" ]; then
		rm -rf "$target"
		mkdir -p "$target"
		apt "$1" "$2" apt-get -qq update >&2
		package=$(apt "$1" "$2" apt-cache depends "$name" |
			sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
		[ -n "$package" ] || die "no $name in $1"
		# From Linux 7 on the image and its modules are packages that this one depends on.
		parts=$(apt "$1" "$2" apt-cache depends "$package" |
			sed -n 's/^ *Depends: \(linux-\(binary\|modules\)-[0-9].*\)/\1/p')
		# shellcheck disable=SC2086 # a list of package names
		(cd "$target" && apt "$1" "$2" apt-get -qq download "$package" $parts >&2)
		for file in "$target"/*.deb; do
			dpkg-deb -x "$file" "$target"
			rm "$file"
		done
		[ -e "$target/lib" ] || ln -s usr/lib "$target/lib"
		bootable "$(find "$target" -name 'vmlinuz*' -type f)" "$target/vmlinuz"
		: >"$target/.complete"
	fi
	echo "$target"
}

package() {
	target=$cache/package-$2-$1
	if [ ! -e "$target/.complete" ]; then
		rm -rf "$target"
		mkdir -p "$target"
		apt bookworm "$1" apt-get -qq update >&2
		(cd "$target" && apt bookworm "$1" apt-get -qq download "$2" >&2)
		dpkg-deb -x "$target/$2"_*.deb "$target"
		rm "$target/$2"_*.deb
		: >"$target/.complete"
	fi
	echo "$target"
}

# bootable VMLINUZ OUTPUT: newer arm64 kernels are EFI programs that unpack themselves, which QEMU's
# -kernel doesn't know: "MZ\0\0zimg", offset and size of the payload, 8 bytes, its compression.
bootable() {
	if [ "$(dd if="$1" bs=1 skip=4 count=4 2>/dev/null)" != zimg ]; then
		ln -s "$1" "$2"
		return
	fi
	offset=$(od -An -tu4 -j8 -N4 "$1" | tr -d ' ')
	size=$(od -An -tu4 -j12 -N4 "$1" | tr -d ' ')
	case $(od -An -c -j24 -N4 "$1" | tr -d ' ') in
	gzip*) unpack=gzip ;;
	zstd*) unpack=zstd ;;
	xz*) unpack=xz ;;
	*) die "$1: unknown compression" ;;
	esac
	tail -c "+$((offset + 1))" "$1" | head -c "$size" | "$unpack" -dc >"$2"
}

userland() {
	target=$cache/userland-$1
	if [ ! -e "$target/.complete" ]; then
		rm -rf "$target"
		mkdir -p "$target"
		mmdebstrap --quiet --mode=root --variant=extract --architectures="$1" \
			--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include="$userland" bookworm \
			"$target" "deb [signed-by=$archive_keyring] $(archive) bookworm main" >&2
		"$(dirname "$0")/userland.sh" "$target"
		: >"$target/.complete"
	fi
	echo "$target"
}

disk() {
	image=$cache/disk-$1.ext4
	if [ ! -e "$image" ]; then
		tree=$(userland "$1")
		rm -f "$image.new"
		mke2fs -q -t ext4 -O ^has_journal -d "$tree" "$image.new" 1G >&2
		mv "$image.new" "$image"
	fi
	echo "$image"
}

# What the lab itself runs.
tools() {
	missing=
	for pair in qemu-system-x86_64:qemu-system-x86 qemu-system-aarch64:qemu-system-arm cpio:cpio \
		zstd:zstd xz:xz-utils mke2fs:e2fsprogs secilc:secilc depmod:kmod mmdebstrap:mmdebstrap; do
		PATH=$PATH:/sbin:/usr/sbin command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
	done
	[ -n "$missing" ] || return 0
	# shellcheck disable=SC2086 # a list of package names
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

mkdir -p "$cache"
case ${1:-} in
tools) tools ;;
kernel) kernel "$2" "$3" ;;
package) package "$2" "$3" ;;
userland) userland "$2" ;;
disk) disk "$2" ;;
*) die 'usage: tests/lab/packages.sh tools | kernel SUITE ARCH | package ARCH NAME | userland ARCH | disk ARCH' ;;
esac
