# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Attacks on what the tracer does in a guest's name: calls that its filters aren't asked about, and files that it
# reads for the loader. The helper has x86-64's registers in it.
. "$LIB"

if [ ! -x "$HELPERS/later" ]; then
	done_testing
	exit
fi

# bare COMMAND…: as guest, but where there is no Landlock.
bare() { run "$HELPERS/deny" landlock_create_ruleset "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" "$@"; }

it 'a guest that traces gives its tracee no program counter that filters let pass'
for mode in poke set fails regset; do
	guest /helpers/later counter $mode
	out refused
done

it 'a program that asks for its bytes as the loader does gets no other file than its own'
canary
export LATER_SECRET="secret-environment-$$"
if on ptrace 'the namespace backend has no loader'; then
	# The asking itself works: here the name leads to the program.
	guest /helpers/later fill /tmp/later "$root/tmp/later" "$root/tmp/later.moved"
	out_has ELF
fi
for what in guest bare; do
	$what /helpers/later fill /tmp/later "$root/tmp/later" "$WORK/canary"
	canary_untouched
	$what /helpers/later fill /tmp/later "$root/tmp/later" /proc/self/environ
	out_lacks "secret-environment-$$"
done
unset LATER_SECRET

# Landlock would hide either: what the tracer says must hold by itself.
it 'a thread of a thousand opens no path that another one'"'"'s arguments spell'
canary
bare /helpers/later crowd "$WORK/canary" 4
canary_untouched

it 'a process that is forked while its parent is given filters opens nothing outside'
canary
bare /helpers/later forked "$WORK/canary" 6
canary_untouched
done_testing
