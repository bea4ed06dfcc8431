# shellcheck shell=sh disable=SC1090,SC2154,SC2034
# amphora bench: the table, the JSON and the page made of it. Not the figures: they are the machine's.
. "$LIB"
if [ "$BACKEND" = ns ]; then columns=native,ns; else columns=native,ptrace,fast; fi
mkdir -p "$root/mnt" "$WORK/tmp"

# bench FLAGS…: quickly, in one round.
bench() { run env TMPDIR="$WORK/tmp" "$AMPHORA" bench --rootfs "$root" --columns "$columns" --rounds 1 --budget 1 "$@"; }

bench_directories() { find "$WORK/tmp" -maxdepth 1 -name 'amphora-bench.*'; }

it 'prints a row for each that was asked for, and its ratio to native'
bench --rows '^stat$,^fork,^stat, 10 mounts$' --json "$WORK/json"
succeeds
out_has '^stat  +[0-9.]+[a-z]+ +[0-9.]+x'
out_has '^fork\+wait  +[0-9.]+[a-z]+ +[0-9.]+x'
out_has '^stat, 10 mounts  +[0-9.]+[a-z]+ +[0-9.]+x'
out_lacks '^(lstat|read|open)'
out_lacks 'n/a'
if [ "$BACKEND" = ptrace ]; then
	sed 's/x//g' "$out" | awk '$1 == "stat" && $5 >= 1 { found = 1 } END { exit !found }' || fail "stat stops less than once: $(cat "$out")"
fi

it 'removes what it worked in'
same '' "$(bench_directories)" 'left behind'

it 'removes it when it is told to end'
env TMPDIR="$WORK/tmp" "$AMPHORA" bench --rootfs "$root" --columns "$columns" --rounds 100 --rows '^stat$' >"$out" 2>&1 &
bench_pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -n "$(bench_directories)" ] || sleep 0.5; done
[ -n "$(bench_directories)" ] || fail 'nothing was begun'
kill "$bench_pid"
code=0
wait "$bench_pid" || code=$?
status 143
same '' "$(bench_directories)" 'left behind'

it 'writes JSON that says where and how it was measured'
for what in '"kernel": "Linux ' '"rounds": 1' '"name": "stat", "kind": "call"' '"mounts": 10' '"median_ns": ' '"load_before": '; do
	grep -q "$what" "$WORK/json" || fail "JSON lacks $what: $(head -c 600 "$WORK/json")"
done

it 'makes a page of it that fetches nothing and runs nothing'
if command -v python3 >/dev/null; then
	python3 "$(dirname "$LIB")/report.py" "$WORK/json" >"$WORK/page" 2>"$err"
	err_empty
	for what in '<meta name=viewport' '<b>stat</b>' '<b>fork+wait</b>' 'prefers-color-scheme: dark'; do
		grep -q "$what" "$WORK/page" || fail "the page lacks $what"
	done
	! grep -Eq '<script|<link|<img|//|url\(' "$WORK/page" || fail "the page is not alone: $(grep -Eo '.{20}(<script|<link|<img|//|url\().{20}' "$WORK/page")"
	python3 "$(dirname "$LIB")/report.py" --markdown "$WORK/json" >"$out" 2>"$err"
	err_empty
	out_has '^\| stat \| [0-9.]+ [^ ]*s \|'
else
	skip 'lab: no python3'
fi

it 'says what it needs and what it does not know'
amphora bench
refused 'rootfs'
bench --columns native,nothing
refused 'nothing'
bench --rows nothing
refused 'nothing'
bench --rounds many
refused 'many'
bench stat
refused 'stat'
done_testing
