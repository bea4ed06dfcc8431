# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Guests that install seccomp filters themselves: what those answer counts, and for nothing that the guest
# didn't call.
. "$LIB"

# as_outside MODE TITLE
as_outside() {
	it "$2"
	timeout 60 "$HELPERS/filters" "$1" >"$WORK/expected" 2>"$WORK/expected-err"
	expected=$?
	guest /helpers/filters "$1"
	status "$expected"
	[ -s "$WORK/expected" ] || fail 'it prints nothing outside either'
	cmp -s "$WORK/expected" "$out" || fail "$(diff "$WORK/expected" "$out" | head -n 8)"
}

as_outside errno 'answers the errno of a filter, whoever else would answer the call'
as_outside kill 'kills for a filter, the process or the thread'
as_outside log 'lets calls go on that a filter only logs'
as_outside trace 'answers ENOSYS for RET_TRACE when nobody traces, notified calls too'
as_outside notif 'answers ENOSYS for RET_USER_NOTIF without a listener'
as_outside trap 'tells SIGSYS of the call as it was made'
as_outside stack 'takes the newest of the least answers'
as_outside pointers 'keeps a filter that compares pointers from seeing rewritten ones'
as_outside narrow 'needs no call that a list of allowed calls lacks'
as_outside execute 'executes programs under a filter that would refuse the loader'\''s calls'
as_outside threads 'gives all threads a filter, or none'
as_outside refused 'refuses what the kernel refuses'
as_outside traced 'asks the guest that traces, with the filter'\''s data, and obeys'

if on ptrace 'a listener could let calls continue that were never looked at'; then
	it 'has no listeners, as kernels before 5.0'
	guest /helpers/filters listener
	out 'listener: Invalid argument
user_notif: Operation not supported
sizes: Invalid argument'
fi
done_testing
