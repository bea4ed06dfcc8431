# shellcheck shell=sh disable=SC1090,SC2154
# What was broken once and belongs to no other file.
. "$LIB"

it 'clone(CLONE_PARENT) makes processes that live, even after another was killed'
guest /helpers/kin siblings 3000
out 'lost 0'

if [ "$BACKEND" = ptrace ]; then
	it 'no thread is counted on for ever that was killed while it executed a program'
	run env LC_ALL=C "${AMPHORA%/*}/proot" -r "$root" -w / /helpers/kin execute 800
	succeeds
	out done

	it 'what nohup has the caller ignore, a program under PRoot'\''s front ignores, and no more'
	run sh -c "trap '' HUP; exec \"\$@\"" sh env LC_ALL=C "${AMPHORA%/*}/proot" -r "$root" -b /proc -w / \
		grep SigIgn /proc/self/status
	out 'SigIgn:	0000000000000001'
fi
done_testing
