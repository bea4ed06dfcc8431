# shellcheck shell=sh disable=SC1090,SC2154
# What was broken once and belongs to no other file.
. "$LIB"

it 'clone(CLONE_PARENT) makes processes that live, even after another was killed'
guest /helpers/kin siblings 3000
out 'lost 0'

if [ "$BACKEND" = ptrace ]; then
	it 'no thread is counted on for ever that was killed while it executed a program'
	run env LC_ALL=C "${AMPHORA%/*}/proot" -r "$root" -w / /helpers/kin execute 1500
	succeeds
	out done
fi
done_testing
