#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The root filesystem for bench's whole programs: the tests' Debian with node and sqlite3, and in /bench what
# the rows work on. Made once, as root, in $AMPHORA_TEST_CACHE. Prints its path.
#   bench/rootfs.sh [USER]    with USER a copy that belongs to USER
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${AMPHORA_TEST_CACHE:-/var/tmp/amphora-test}
root=$cache/bench

sources() {
	for list in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
		[ ! -s "$list" ] || { echo "$list" && return; }
	done
	echo "bench: this machine has no apt sources" >&2
	exit 1
}

# names COUNT: 1 to COUNT
names() { awk -v count="$1" 'BEGIN { for (i = 1; i <= count; i++) print i }'; }

# files DIR COUNT PER_DIR: so many small files in directories of PER_DIR, one of which is a package.json.
files() {
	names "$(($2 / $3))" | sed "s|^|$1/p|; s|\$|/lib|" | xargs mkdir -p
	awk -v dir="$1" -v count="$2" -v per="$3" 'BEGIN {
		line = "exports.value = function (x) { return x + 1; };\n"
		for (i = 0; i < count; i++) {
			file = dir "/p" (int(i / per) + 1) (i % per ? "/lib/f" i % per ".js" : "/package.json")
			text = i % per ? "// " i "\n" : "{ \"name\": \"p" i "\", \"version\": \"1.0.0\" }\n"
			for (n = i % 17; n > 0; n--) text = text line
			printf "%s", text >file
			close(file)
		}
	}'
}

# packages DIR: 20 packages of 30 files each, and the index that apt reads.
packages() {
	mkdir -p "$1"
	for i in $(names 20); do
		tree=$work/package
		rm -rf "$tree"
		mkdir -p "$tree/DEBIAN" "$tree/usr/share/bench-$i"
		for n in $(names 30); do echo "$i $n" >"$tree/usr/share/bench-$i/$n"; done
		printf 'Package: bench-%s\nVersion: 1\nArchitecture: all\nMaintainer: bench <bench@localhost>\nDescription: bench\n' \
			"$i" >"$tree/DEBIAN/control"
		dpkg-deb --root-owner-group -b "$tree" "$1/bench-$i.deb" >/dev/null
		{
			cat "$tree/DEBIAN/control"
			printf 'Filename: ./bench-%s.deb\nSize: %s\nSHA256: %s\n\n' "$i" \
				"$(wc -c <"$1/bench-$i.deb")" "$(sha256sum "$1/bench-$i.deb" | cut -d ' ' -f 1)"
		} >>"$1/Packages"
		echo "bench-$i" >>"$1/names"
	done
}

# project FILE: zlib's source, whose configure is a script of its own.
project() {
	mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/source"
	list=$work/apt/${1##*/}.${2##*.}
	sed 's/^Types:.*/Types: deb-src/; s/^deb /deb-src /' "$2" >"$list"
	(
		cd "$work/source"
		set -- -o Dir::Etc::SourceList="$list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/apt/lists" \
			-o Dir::Cache="$work/apt" -o APT::Sandbox::User=root -o Acquire::Languages=none
		apt-get "$@" -qq update >&2
		apt-get "$@" -qq source --download-only zlib >&2
	)
	mkdir "$work/project"
	tar -xf "$(find "$work/source" -name '*.orig.tar.*' ! -name '*.asc' | head -n 1)" -C "$work/project"
	tar -cf "$1" -C "$work/project" .
}

fixtures() {
	mkdir -p "$1"
	mkdir "$work/npm" "$work/files"
	files "$work/npm/node_modules" 20000 20
	tar --sort=name --mtime=@0 --owner=0 --group=0 -cf "$1/npm.tar" -C "$work/npm" node_modules
	files "$work/files" 3000 30
	tar --sort=name --mtime=@0 --owner=0 --group=0 -cf "$1/files.tar" -C "$work/files" .
	for i in $(names 1000); do
		mkdir -p "$1/modules/node_modules/m$i"
		echo "module.exports = $i;" >"$1/modules/node_modules/m$i/index.js"
	done
	echo "let sum = 0; for (let i = 1; i <= 1000; i++) sum += require('m' + i); console.log(sum);" >"$1/modules/main.js"
	{
		echo 'pragma synchronous = off; create table t (a integer primary key, b text);'
		for i in $(names 300); do echo "insert into t values ($i, 'value $i');"; done
		echo 'select count(*) from t;'
	} >"$1/commits.sql"
	packages "$1/packages"
	project "$1/project.tar" "$(sources)"
}

if [ ! -e "$root/.complete" ]; then
	rm -rf "$root"
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/bench-work.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	packages=$(sed -n 's/^packages=//p' "$top/tests/rootfs.sh" | head -n 1)
	mmdebstrap --quiet --variant=minbase --include="$packages,nodejs,sqlite3" bookworm "$root" "$(sources)" >&2
	fixtures "$root/bench" >&2
	: >"$root/.complete"
fi
if [ -n "${1:-}" ]; then
	if [ ! -e "$root-$1/.complete" ]; then
		rm -rf "$root-$1"
		cp -a "$root" "$root-$1"
		chown -hR "$1" "$root-$1"
	fi
	root=$root-$1
fi
echo "$root"
