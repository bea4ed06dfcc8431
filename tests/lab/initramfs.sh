#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the initramfs of one boot: busybox, the modules that the root disk needs, and /lab: amphora, the
# behaviour tests and what the second stage is to do. It is small; the userland is on the disk.
#   tests/lab/initramfs.sh KERNEL USERLAND AMPHORA HELPERS SETTINGS OUTPUT
# KERNEL and USERLAND are directories from packages.sh, SETTINGS a file of shell assignments. MODULES
# lists what is loaded besides the disk's, POLICY is a binary SELinux policy or empty.
set -eu

kernel=$1
userland=$2
amphora=$3
helpers=$4
settings=$5
output=$6
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/new" "$tree/modules" "$tree/lab/build/helpers" \
	"$tree/lab/tests" "$tree/lab/bench"
cp "$userland/bin/busybox" "$tree/bin/busybox"
cp "$here/init" "$tree/init"
cp "$here/inside" "$tree/lab/inside"
cp "$settings" "$tree/lab/settings"
[ -z "${POLICY:-}" ] || cp "$POLICY" "$tree/policy"
cp "$amphora" "$tree/lab/build/amphora"
cp "$helpers"/* "$tree/lab/build/helpers/"
cp -r "$top/tests/behave" "$top/tests/rootfs.sh" "$tree/lab/tests/"
cp "$top/bench/limits" "$top/bench/limits.instructions" "$top/bench/limits.memory" "$top/bench/report.py" \
	"$tree/lab/bench/"

# modprobe knows the order; compressed modules are unpacked, for busybox can't.
version=$(ls "$kernel/lib/modules")
[ -e "$kernel/lib/modules/$version/modules.dep" ] || /sbin/depmod -b "$kernel" "$version" 2>/dev/null
: >"$tree/modules/order"
for module in virtio_pci virtio_mmio virtio_blk ext4 ${MODULES:-}; do
	/sbin/modprobe -d "$kernel" -S "$version" --show-depends "$module" 2>/dev/null |
		sed -n 's/^insmod \([^ ]*\).*/\1/p' >"$tree/modules/needed" || true
	while read -r file; do
		name=$(basename "$file" .xz)
		[ ! -e "$tree/modules/$name" ] || continue
		case $file in
		*.xz) xz -dc "$file" >"$tree/modules/$name" ;;
		*) cp "$file" "$tree/modules/$name" ;;
		esac
		echo "$name" >>"$tree/modules/order"
	done <"$tree/modules/needed"
done
(cd "$tree" && find . | cpio --quiet -o -H newc) >"$output.new"
mv "$output.new" "$output"
