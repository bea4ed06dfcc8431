# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# What holds when the translator is fooled or rushed, and what real root keeps. The helper has x86-64's
# registers in it.
. "$LIB"

if [ -x "$HELPERS/fooled" ]; then
	it 'a filter of the guest'\''s own can'\''t pass its opens for the loader'\''s'
	canary
	attack_works "$HELPERS/fooled" filter "$WORK/canary"
	guest /helpers/fooled filter "$WORK/canary"
	canary_untouched
	out_lacks 'it is there'

	it 'attack 16: a path that changes after it was checked reads nothing outside'
	canary
	attack_works "$HELPERS/fooled" race "$WORK/canary" 5
	guest /helpers/fooled race "$WORK/canary" 2
	cp "$out" "$WORK/raced"
	amphora plan --backend "$BACKEND" --rootfs "$root"
	if grep -Eq '^boundary +no boundary +none$' "$out" && on ptrace 'no Landlock before Linux 5.13, and the plan says so'; then :; else
		cp "$WORK/raced" "$out"
		canary_untouched
	fi

	it 'attack 16 and 35: nor does it open a knob of the kernel for writing'
	knob=/proc/sys/kernel/panic
	if as root; then
		run "$HELPERS/fooled" race "$knob" 5
		out_has '^wrote$'
	fi
	guest /helpers/fooled race "$knob" 2
	out_lacks '^wrote$'

	it 'attack 37: processes that are killed while they fork leave nothing behind and crash nobody'
	guest /helpers/fooled storm 3
	out calm

	it 'attack 9: a mount point whose directory is swapped for a symlink is not made on the host'
	mkdir "$root/swapped" "$root/swapped/d" "$WORK/outside"
	ln -s "$WORK/outside" "$root/swapped/l"
	"$HELPERS/fooled" swap "$root/swapped/d" "$root/swapped/l" 4 &
	swapper=$!
	# The weak set-up is mkdir by name.
	n=0
	while [ $n -lt 2000 ] && [ -z "$(ls -A "$WORK/outside")" ]; do
		mkdir "$root/swapped/d/weak$n" 2>/dev/null
		n=$((n + 1))
	done
	[ -n "$(ls -A "$WORK/outside")" ] || fail 'the attack does not work even on the weak set-up'
	rm -rf "$WORK"/outside/*
	n=0
	while kill -0 "$swapper" 2>/dev/null; do
		guest --tmpfs "/swapped/d/new$n" -v "$root/tmp:/swapped/d/bind$n/sub" true
		n=$((n + 1))
	done
	wait "$swapper"
	same '' "$(ls -A "$WORK/outside")" "after $n containers, the directory of the host"

	it 'a thread executes a program after its leader has ended'
	guest /helpers/fooled headless
	out alive
fi

it 'attack 31: root keeps no capability beyond podman'\''s default'
guest sh -c 'grep -E "Cap(Prm|Bnd)" /proc/self/status; freeze=$(grep CapEff /proc/self/status); echo "${freeze##*	}"'
if as root || [ "$BACKEND" = ns ]; then
	out_has '^(0*800405fb|0*a80425fb|0*800425fb)$'
fi

done_testing
