# shellcheck shell=sh disable=SC1090,SC2154,SC2016
# Ports that differ inside: PRoot's -p IN:OUT and -n, Termux's -p.
. "$LIB"

if on ns 'PRoot'\''s command line is about path translation'; then
	done_testing
	exit
fi
proot=${AMPHORA%/*}/proot
proot() { run "$proot" "$@"; }

# The helper binds, connects and sends to a port of each family on loopback, and prints what names it sees;
# "really" is the port that the kernel has.
ports() { run "$proot" -b /proc -r "$root" "$@"; }

# A port below 1024 that nothing uses, nor the one 2000 above it.
low=$((600 + $$ % 300))
high=$((20000 + $$ % 10000))
all() {
	printf 'tcp4 %s %s %s peer-is-client really %s\n' "$1" "$1" "$1" "$2"
	printf 'udp4 %s %s\n' "$1" "$1"
	printf 'msg4 %s %s\n' "$1" "$1"
	printf 'tcp6 %s %s %s peer-is-client really %s\n' "$1" "$1" "$1" "$2"
}

it 'Termux'\''s -p moves low ports up by 2000, and nobody inside can tell'
ports -p /helpers/ports "$low"
out "$(all "$low" $((low + 2000)))"

it 'leaves other ports alone under -p'
ports -p /helpers/ports "$high"
out "$(all "$high" "$high")"

it 'shows a port that the guest itself put 2000 above a low one as it is'
ports -p /helpers/ports 2700
out "$(all 2700 2700)"

it 'PRoot'\''s -p IN:OUT maps a port, low or high'
ports -p "$low:$high" /helpers/ports "$low"
out "$(all "$low" "$high")"
ports --port="$((high + 1)):$((high + 2))" /helpers/ports $((high + 1))
out "$(all $((high + 1)) $((high + 2)))"

it 'takes several pairs, the last one on a port wins'
ports -p "$low:$((high + 3))" -p 1:2 -p "$low:$((high + 4))" /helpers/ports "$low"
out "$(all "$low" $((high + 4)))"

it '-n binds to a free port'
ports -n /helpers/ports "$low"
out_has "^tcp4 $low $low $low peer-is-client really [0-9]+\$"
out_lacks "really $low\$"
out_has "^udp4 $low $low\$"

it 'leaves ports alone without these'
ports /helpers/ports "$high"
out "$(all "$high" "$high")"
if as plain; then
	ports /helpers/ports "$low"
	fails
fi

done_testing
